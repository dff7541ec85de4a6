"""How much of a sensor's infrared light comes back from each object: estimated from its materials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deresunet.classes import CLASSES
from train.rooms.scene import Material, Scene

# Share of such a thing's surface that mirrors light away or lets it through, whatever its material says.
_SPECULAR = {CLASSES.index(name) + 1: share for name, share in (("window", 0.8), ("mirror", 0.85), ("television", 0.6))}
# Rec. 709's weights of linear RGB.
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_MIRROR_ROUGHNESS = 0.2
# Faces of a part that stand for all of them where there are more.
_SAMPLED_FACES = 64
# Dyes and pigments that are dark to the eye often are not so at 830 nm, so infrared albedo is drawn towards the bright
# end, by another amount for each object.
_LIFT = (0.02, 0.35)


@dataclass(frozen=True, eq=False)
class Infrared:
    """What each object of a scene does with infrared light; entry 0 is for where there is nothing.

    Attributes:
        albedo: float32 (N + 1,), 0..1: share of the light that is scattered back.
        specular: float32 (N + 1,), 0..1: share of its surface that mirrors it away or lets it through; 0 below half.
    """

    albedo: np.ndarray
    specular: np.ndarray


def infrared(scene: Scene, visible: np.ndarray, rng: np.random.Generator) -> Infrared:
    """Estimate each object's answer as the mean over its surface.

    Args:
        scene: whose objects.
        visible: bool (N + 1,): which objects to estimate, by id; the others' entries are 0.
        rng: of the dyes, which colour alone does not tell.
    """
    count = len(scene.objects) + 1
    owner, triangles, per_sample, luminance, mirrored = [], [], [], [], []
    texture_means: dict[str, float] = {}
    seen = [thing for thing in scene.objects if visible[thing.id]]
    for thing in seen:
        for part in thing.parts:
            faces = part.mesh.faces
            sampled = faces[:: max(1, len(faces) // _SAMPLED_FACES)]
            if not len(sampled):
                continue
            owner.append(thing.id)
            triangles.append(part.mesh.vertices[sampled])
            per_sample.append(len(faces) / len(sampled))
            luminance.append(_luminance(part.material, texture_means))
            # Lacquer and plastic shine, but scatter enough; bare metal and glass do not.
            polished = part.material.metallic > 0.5 and part.material.roughness < _MIRROR_ROUGHNESS
            mirrored.append(part.material.opacity < 0.9 or polished)
    areas = _areas(triangles) * per_sample
    total = np.bincount(owner, areas, count)
    total[total <= 0] = 1.0
    mean_luminance = np.bincount(owner, areas * luminance, count) / total
    specular = np.bincount(owner, areas * mirrored, count) / total
    # Where on a chair its chrome is, an object's number does not tell: mostly plain ones count as plain.
    specular[specular < 0.5] = 0.0
    for thing in seen:
        specular[thing.id] = max(specular[thing.id], _SPECULAR.get(thing.label, 0.0))
    albedo = mean_luminance + rng.uniform(*_LIFT, size=count) * (1.0 - mean_luminance)
    albedo[~visible] = 0.0
    albedo[0] = 0.0
    return Infrared(albedo.astype(np.float32), specular.astype(np.float32))


def _areas(triangles: list[np.ndarray]) -> np.ndarray:
    """float64 (parts,): the area of each part's triangles, float32 (F, 3, 3) [m^2]."""
    if not triangles:
        return np.zeros(0)
    corners = np.concatenate(triangles).astype(np.float64)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # |a x b|^2 = |a|^2 |b|^2 - (a . b)^2, which spares np.cross its copies.
    squared = (first**2).sum(1) * (second**2).sum(1) - (first * second).sum(1) ** 2
    starts = np.cumsum([0, *map(len, triangles[:-1])])
    return np.add.reduceat(np.sqrt(np.maximum(squared, 0.0)) / 2, starts)


def _luminance(material: Material, texture_means: dict[str, float]) -> float:
    luminance = float(_LUMINANCE @ np.asarray(material.colour[:3]))
    texture = material.texture
    if texture is not None:
        if texture.name not in texture_means:
            # Every seventh pixel of each axis is enough for a mean, and 50 times as fast.
            encoded = texture.image[::7, ::7].reshape(-1, 3) / 255.0
            texture_means[texture.name] = float((encoded**2.2).mean(0) @ _LUMINANCE)
        luminance *= texture_means[texture.name]
    return min(max(luminance, 0.0), 1.0)
