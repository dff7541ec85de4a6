"""A scene's light as the fast renderer's shaders take it: rectangles, shadow maps, sun, exchange within the room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deresunet.classes import CLASSES

from . import radiosity, shadows
from .scene import Light, Scene, Texture

LIGHTS = 16  # rectangles that the shaders take
TILE = 224  # [px], side of a shadow map
SUN_TILE = 672  # [px]
ATLAS = (3 * TILE + SUN_TILE, 3 * TILE)  # [px]
SUN_RADIANCE = 6.0  # irradiance / pi of the sun for a sky of strength 1
SUN_COLOUR = (1.0, 0.93, 0.82)
BOUNCE = 0.5  # albedo of a face where nothing is known of it


@dataclass(frozen=True, eq=False)
class Illumination:
    """What the passes that make colours need of a scene.

    Attributes:
        atlas: viewport and projection (world to clip space) of each shadow map.
        exchange: light between the room's faces.
        uniforms: the shaders', as bytes.
        mid: radiance of middle grey, roughly.
        sunlit: whether the sun shines.
    """

    atlas: tuple[tuple[tuple[int, int, int, int], np.ndarray], ...]
    exchange: radiosity.Radiosity
    uniforms: dict[str, bytes]
    mid: float
    sunlit: bool


def illuminate(scene: Scene, mean_colour: Callable[[Texture], np.ndarray] = radiosity.mean_colour) -> Illumination:
    """The light of a scene; `mean_colour` gives a texture's mean, linear (3,)."""
    rectangles = emitters(scene)
    plan = shadows.plan([light for light, _ in rectangles])
    channel: dict[int, int] = {}
    for item in plan:
        channel.setdefault(item.light, len(channel))
    viewports = [((k % 3) * TILE, (k // 3) * TILE, TILE, TILE) for k in range(len(plan))]
    projections = [item.projection for item in plan]
    sun, sun_radiance = scene.sky.sun, np.zeros(3)
    sunlit = sun is not None and sun[2] > 0
    if sunlit:
        sun_radiance = SUN_RADIANCE * scene.sky.strength * np.array(SUN_COLOUR)
        viewports.append((3 * TILE, 0, SUN_TILE, SUN_TILE))
        projections.append(shadows.sunward(np.array(sun), scene.size))
    into = [_to_atlas(viewport) @ projection for viewport, projection in zip(viewports, projections, strict=True)]
    parts = [_part(viewport) for viewport in viewports]
    exchange = radiosity.solve(scene, face_albedo(scene, mean_colour), rectangles, sun_radiance if sunlit else None)
    count, maps = len(rectangles), len(plan)
    shares = np.bincount([item.light for item in plan], minlength=count)
    pose = np.array([light.pose for light, _ in rectangles]).reshape(-1, 4, 4)
    half = np.array([light.size for light, _ in rectangles]).reshape(-1, 2) / 2
    points = np.array([[*item.point, item.radius] for item in plan]).reshape(-1, 4)
    uniforms = {
        "lights": np.int32(count).tobytes(),
        "centres": _padded(pose[:, :3, 3], LIGHTS),
        "halves_x": _padded(pose[:, :3, 0] * half[:, :1], LIGHTS),
        "halves_y": _padded(pose[:, :3, 1] * half[:, 1:], LIGHTS),
        "radiances": _padded(np.array([radiance for _, radiance in rectangles]).reshape(-1, 3), LIGHTS),
        "channels": _padded(np.array([channel.get(i, -1) for i in range(count)]), LIGHTS, np.int32),
        "maps": np.int32(maps).tobytes(),
        "projections": _padded(np.array([m.T for m in into[:maps]]).reshape(-1, 4, 4), shadows.MAPS),
        "tiles": _padded(np.array(parts[:maps]).reshape(-1, 4), shadows.MAPS),
        "points": _padded(points, shadows.MAPS),
        "owners": _padded(np.array([channel[item.light] for item in plan]), shadows.MAPS, np.int32),
        "weights": _padded(np.array([1 / shares[item.light] for item in plan]), shadows.MAPS),
        "room": np.array(scene.size, np.float32).tobytes(),
        "probe_levels": np.int32(radiosity.PROBES[2]).tobytes(),
        "sky": (np.array(scene.sky.colour) * scene.sky.strength).astype(np.float32).tobytes(),
        "sun": np.array(sun if sunlit else (0, 0, 1), np.float32).tobytes(),
        "sun_radiance": sun_radiance.astype(np.float32).tobytes(),
        "sun_projection": (into[-1] if sunlit else np.eye(4)).T.astype(np.float32).tobytes(),
        "sun_tile": np.array(parts[-1] if sunlit else (0, 0, 0, 0), np.float32).tobytes(),
    }
    mid = float(max(np.median(exchange.walls), 1e-4))
    return Illumination(tuple(zip(viewports, projections, strict=True)), exchange, uniforms, mid, sunlit)


def emitters(scene: Scene) -> list[tuple[Light, np.ndarray]]:
    """The scene's rectangles with their radiance (3,), brightest first; the sky shines through those in windows.

    What is beyond `LIGHTS` gives its power to the others of its kind.
    """
    sky = np.array(scene.sky.colour) * scene.sky.strength
    order = sorted(range(len(scene.lights)), key=lambda i: (-scene.lights[i].power, i))
    kept, rest = order[:LIGHTS], order[LIGHTS:]
    lost = sum(scene.lights[i].power for i in rest)
    gain = 1 + lost / max(sum(scene.lights[i].power for i in kept), 1e-9)
    return [
        (light, radiosity.emitted_radiance(light) * gain + (sky if light.kind == "window" else 0))
        for light in (scene.lights[i] for i in kept)
    ]


def face_albedo(scene: Scene, mean_colour: Callable[[Texture], np.ndarray]) -> np.ndarray:
    """Albedo of the room's faces in the order of `radiosity.DIRECTIONS`, float64 (6, 3)."""
    sums = {name: (np.zeros(3), 0.0) for name in ("wall", "floor", "ceiling")}
    for thing in scene.objects:
        name = CLASSES[thing.label - 1] if thing.label else ""
        if name in sums:
            for part in thing.parts:
                colour = np.array(part.material.colour, float)
                if part.material.texture is not None:
                    colour = colour * mean_colour(part.material.texture)
                total, weight = sums[name]
                extent = float(np.prod(np.sort(np.ptp(part.mesh.vertices, axis=0))[1:])) + 1e-6
                sums[name] = (total + colour * extent, weight + extent)
    found = {name: total / weight if weight else np.full(3, BOUNCE) for name, (total, weight) in sums.items()}
    floor = found["floor"] * (1 - radiosity.CLUTTER) + 0.15 * radiosity.CLUTTER
    wall = found["wall"] * 0.85  # doors, furniture along the walls
    return np.clip([wall, wall, wall, wall, found["ceiling"], floor], 0.02, 0.93)


def _part(viewport: tuple[int, int, int, int]) -> np.ndarray:
    """Lowest and highest corner within the atlas, 0..1, a pixel inside of the edges."""
    x, y, width, height = viewport
    return np.array([(x + 1) / ATLAS[0], (y + 1) / ATLAS[1], (x + width - 1) / ATLAS[0], (y + height - 1) / ATLAS[1]])


def _to_atlas(viewport: tuple[int, int, int, int]) -> np.ndarray:
    """Clip space to the atlas, 0..1 in all three."""
    x, y, width, height = viewport
    matrix = np.diag([width / 2 / ATLAS[0], height / 2 / ATLAS[1], 0.5, 1.0])
    matrix[:3, 3] = (x + width / 2) / ATLAS[0], (y + height / 2) / ATLAS[1], 0.5
    return matrix


def _padded(values: np.ndarray, length: int, dtype: type = np.float32) -> bytes:
    """`values` with zeros behind up to `length` entries."""
    full = np.zeros((length, *values.shape[1:]), dtype)
    full[: len(values)] = values
    return full.tobytes()
