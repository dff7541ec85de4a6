"""How much of a sensor's infrared light comes back from each object: estimated from its materials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deresunet.classes import CLASSES
from train.rooms.scene import Material, Object, Scene

# Share of such a thing's surface that mirrors light away or lets it through, whatever its material says.
_SPECULAR = {CLASSES.index(name) + 1: share for name, share in (("window", 0.8), ("mirror", 0.85), ("television", 0.6))}
# Rec. 709's weights of linear RGB.
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_MIRROR_ROUGHNESS = 0.12
# Dyes and pigments that are dark to the eye often are not so at 830 nm, so infrared albedo is drawn towards the bright
# end, by another amount for each object.
_LIFT = (0.02, 0.35)


@dataclass(frozen=True, eq=False)
class Infrared:
    """What each object of a scene does with infrared light; entry 0 is for where there is nothing.

    Attributes:
        albedo: float32 (N + 1,), 0..1: share of the light that is scattered back.
        specular: float32 (N + 1,), 0..1: share of its surface that mirrors it away or lets it through.
    """

    albedo: np.ndarray
    specular: np.ndarray


def infrared(scene: Scene, rng: np.random.Generator) -> Infrared:
    """Estimate each object's answer as the mean over its surface.

    Args:
        scene: whose objects.
        rng: of the dyes, which colour alone does not tell.
    """
    count = len(scene.objects) + 1
    albedo, specular = np.zeros(count, np.float32), np.zeros(count, np.float32)
    lift = rng.uniform(*_LIFT, size=count)
    texture_means: dict[str, float] = {}
    for thing in scene.objects:
        luminance, mirrored = _mean_surface(thing, texture_means)
        albedo[thing.id] = luminance + lift[thing.id] * (1.0 - luminance)
        specular[thing.id] = max(mirrored, _SPECULAR.get(thing.label, 0.0))
    return Infrared(albedo, specular)


def _mean_surface(thing: Object, texture_means: dict[str, float]) -> tuple[float, float]:
    """Area-weighted mean of luminance, and share of the area that is mirror or glass."""
    areas, luminances, mirrors = [], [], []
    for part in thing.parts:
        corners = part.mesh.vertices[part.mesh.faces]
        sides = corners[:, 1:] - corners[:, :1]
        areas.append(float(np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum()) / 2)
        luminances.append(_luminance(part.material, texture_means))
        material = part.material
        mirrors.append(float(material.opacity < 0.9 or material.roughness < _MIRROR_ROUGHNESS))
    total = sum(areas)
    if total <= 0.0:
        return 0.5, 0.0
    return float(np.dot(areas, luminances)) / total, float(np.dot(areas, mirrors)) / total


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
