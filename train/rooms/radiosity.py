"""Light that the bare box of a room exchanges: the fast renderer's ambient light and blurred reflections.

The six faces are cut into patches; what each patch receives from the lights and from the other patches is solved as one
linear system (Goral et al. 1984). Furniture is left out: it only darkens the floor. All arrays order the faces +x, -x,
+y, -y, +z, -z (the wall at x = X, the one at x = 0, .., the ceiling, the floor).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .scene import Light, Scene, Texture

SIDE = 6  # patches along each side of a face
PROBES = (6, 6, 4)  # points at which ambient light is kept, along x, y, z
CLUTTER = 0.35  # part of the floor's light that furniture takes
DIRECTIONS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)


@dataclass(frozen=True, eq=False)
class Radiosity:
    """What a box room exchanges.

    Attributes:
        walls: float32 (6, SIDE, SIDE, 3): radiance of the patches; second axis the later, third axis the earlier of the
            face's two coordinates.
        probes: float32 (6, pz, py, px, 3): irradiance / pi on a surface that faces each of `DIRECTIONS`.
    """

    walls: np.ndarray
    probes: np.ndarray


def emitted_radiance(light: Light) -> np.ndarray:
    """Radiance of a rectangle of `power` watts, float64 (3,): a Lambertian emitter of one side."""
    return np.array(light.colour, float) * light.power / (np.pi * light.size[0] * light.size[1])


def mean_colour(texture: Texture | None) -> np.ndarray:
    """Mean of a texture, linear RGB, float64 (3,)."""
    if texture is None:
        return np.ones(3)
    return np.mean((texture.image[::7, ::7, :3].reshape(-1, 3) / 255.0) ** 2.2, axis=0)


def solve(
    scene: Scene, bounce: np.ndarray, lights: Sequence[tuple[Light, np.ndarray]], sun: np.ndarray | None = None
) -> Radiosity:
    """The room's exchange of light.

    Args:
        scene: gives the size.
        bounce: float64 (6, 3): albedo of the faces.
        lights: each with its radiance, float64 (3,).
        sun: irradiance / pi of the sun, (3,); its light falls through the windows.
    """
    size = np.array(scene.size, float)
    places, normals, areas = _patches(size)
    albedo = np.repeat(bounce, SIDE * SIDE, axis=0)  # (P, 3)
    received = np.zeros_like(albedo)
    for light, radiance in lights:
        received += _irradiance(light, places, normals)[:, None] * radiance
    if sun is not None and scene.sky.sun is not None:
        received += _sunbeams(np.array(scene.sky.sun), [light for light, _ in lights], size, areas)[:, None] * sun
    factors = _factors(_sight(places, places, normals), normals, areas)  # (P, P), rows sum to 1
    outgoing = np.empty_like(albedo)
    for channel in range(3):
        reflectance = albedo[:, channel]
        system = np.eye(len(places)) - reflectance[:, None] * factors
        outgoing[:, channel] = np.linalg.solve(system, reflectance * received[:, channel])
    if not lights:
        outgoing[:] = scene.ambient
    grid = [np.linspace(0.5 / n, 1 - 0.5 / n, n) for n in PROBES]
    z, y, x = np.meshgrid(grid[2], grid[1], grid[0], indexing="ij")
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3) * size
    sight = _sight(points, places, normals)
    probes = [_factors(sight, np.broadcast_to(direction, points.shape), areas) @ outgoing for direction in DIRECTIONS]
    return Radiosity(
        outgoing.reshape(6, SIDE, SIDE, 3).astype(np.float32),
        np.reshape(probes, (6, *PROBES[::-1], 3)).astype(np.float32),
    )


def _patches(size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    steps = (np.arange(SIDE) + 0.5) / SIDE
    second, first = np.meshgrid(steps, steps, indexing="ij")
    places, normals, areas = [], [], []
    for direction in DIRECTIONS:
        axis = int(np.argmax(np.abs(direction)))
        others = [k for k in range(3) if k != axis]
        place = np.empty((SIDE * SIDE, 3))
        place[:, axis] = direction[axis] > 0
        place[:, others[0]], place[:, others[1]] = first.ravel(), second.ravel()
        places.append(place * size)
        normals.append(np.broadcast_to(-direction, place.shape))
        areas.append(np.full(len(place), size[others[0]] * size[others[1]] / SIDE**2))
    return np.concatenate(places), np.concatenate(normals), np.concatenate(areas)


def _sight(points: np.ndarray, places: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From points to patches: offset (n, P, 3), its square (n, P), and its part along the patch's normal (n, P)."""
    offset = places[None] - points[:, None]
    square = np.einsum("npk,npk->np", offset, offset)
    return offset, square, np.maximum(-np.einsum("npk,pk->np", offset, normals), 0)


def _factors(sight: tuple[np.ndarray, np.ndarray, np.ndarray], facing: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Form factors from surface points to patches, (n, P), scaled so that each row sums to 1."""
    offset, square, arriving = sight
    leaving = np.maximum(np.einsum("npk,nk->np", offset, facing), 0)
    factors = leaving * arriving * areas / (np.pi * square + areas) / np.maximum(square, 1e-9)
    return factors / np.maximum(factors.sum(1, keepdims=True), 1e-9)


def _irradiance(light: Light, places: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Irradiance / pi on patches by a rectangle of radiance 1, from 4 x 4 of its points: (P,)."""
    steps = (np.arange(4) + 0.5) / 4 - 0.5
    x, y = np.meshgrid(steps * light.size[0], steps * light.size[1])
    local = np.stack([x.ravel(), y.ravel(), np.zeros(16)], axis=1)
    points = local @ light.pose[:3, :3].T + light.pose[:3, 3]  # (16, 3)
    offset = points[None] - places[:, None]  # (P, 16, 3)
    square = np.einsum("pqk,pqk->pq", offset, offset)
    area = light.size[0] * light.size[1] / 16
    arriving = np.maximum(np.einsum("pqk,pk->pq", offset, normals), 0)
    leaving = np.maximum(offset @ light.pose[:3, 2], 0)
    return np.sum(arriving * leaving * area / (np.pi * square + area) / np.maximum(square, 1e-9), axis=1)


def _sunbeams(sun: np.ndarray, lights: Sequence[Light], size: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Irradiance on patches by sun of irradiance 1 through the windows, half of it lost to frames and blinds: (P,)."""
    received = np.zeros(len(areas))
    steps = (np.arange(6) + 0.5) / 6 - 0.5
    for light in lights:
        inwards = float(light.pose[:3, 2] @ sun)  # windows shine along -z
        if light.kind != "window" or inwards <= 0:
            continue
        x, y = np.meshgrid(steps * light.size[0], steps * light.size[1])
        local = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
        start = np.clip(local @ light.pose[:3, :3].T + light.pose[:3, 3], 1e-3, size - 1e-3)
        way = np.where(np.abs(sun) < 1e-6, -1e-6, -sun)
        reach = (np.where(way > 0, size, 0) - start) / way  # (36, 3)
        axis = np.argmin(reach, axis=1)
        hit = np.clip((start + reach.min(1, keepdims=True) * way) / size, 0, 1 - 1e-9)
        others = np.array([[1, 2], [0, 2], [0, 1]])[axis]
        first, second = np.take_along_axis(hit, others, axis=1).T
        face = 2 * axis + (way[axis] < 0)
        patch = (face * SIDE + (second * SIDE).astype(int)) * SIDE + (first * SIDE).astype(int)
        beam = 0.5 * inwards * light.size[0] * light.size[1] / x.size
        np.add.at(received, patch, beam / areas[patch])
    return received
