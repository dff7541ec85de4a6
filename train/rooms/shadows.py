"""Where the fast renderer's shadow maps look from: points spread over the lights, the strong and large ones first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .scene import Light

MAPS = 9  # maps in one atlas of 3 x 3
CHANNELS = 7  # lights that have maps
NEAR, FAR = 0.004, 30.0  # [m]; a blind may hang a finger before its window's light
WIDE = 2.6  # tangent of half the angle that a map sees


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """One point of one light.

    Attributes:
        light: index of the light.
        point: float64 (3,), world [m].
        radius: of the piece of the light that it stands for [m].
        projection: float64 (4, 4), world to clip space.
    """

    light: int
    point: np.ndarray
    radius: float
    projection: np.ndarray


def plan(lights: Sequence[Light]) -> tuple[ShadowMap, ...]:
    """At most `MAPS` shadow maps for at most `CHANNELS` lights: one each, the rest to those of most power and size."""
    order = sorted(range(len(lights)), key=lambda i: (-lights[i].power, i))[:CHANNELS]
    if not order:
        return ()
    shares = dict.fromkeys(order, 1)
    for _ in range(MAPS - len(order)):
        need = {
            i: lights[i].power ** 0.5 * (0.1 + lights[i].size[0] * lights[i].size[1]) ** 0.5 / shares[i] for i in order
        }
        shares[max(order, key=lambda i: need[i])] += 1
    return tuple(
        ShadowMap(i, point, radius, _perspective(lights[i].pose, point))
        for i in order
        for point, radius in _pieces(lights[i], shares[i])
    )


def _pieces(light: Light, count: int):
    """`count` points spread evenly over the rectangle (Roberts' R2 sequence), with the radius of each one's piece."""
    width, height = light.size
    radius = float(np.sqrt(width * height / count / np.pi))
    for k in range(count):
        if count == 1:
            u = v = 0.5
        else:
            u, v = (0.5 + 0.7548776662 * (k + 0.5)) % 1, (0.5 + 0.5698402910 * (k + 0.5)) % 1
        yield light.pose[:3, :3] @ [(u - 0.5) * width, (v - 0.5) * height, 0] + light.pose[:3, 3], radius


def _perspective(pose: np.ndarray, point: np.ndarray) -> np.ndarray:
    """World to clip space of a camera at `point` that looks along the light's -z."""
    view = np.eye(4)
    view[:3, :3] = pose[:3, :3].T
    view[:3, 3] = -view[:3, :3] @ point
    projection = np.zeros((4, 4))
    projection[0, 0] = projection[1, 1] = 1 / WIDE
    projection[2, 2] = -(FAR + NEAR) / (FAR - NEAR)
    projection[2, 3] = -2 * FAR * NEAR / (FAR - NEAR)
    projection[3, 2] = -1
    return projection @ view


def sunward(sun: np.ndarray, size: Sequence[float], margin: float = 0.6) -> np.ndarray:
    """World to clip space of an orthographic camera that looks from the sun onto the room, float64 (4, 4)."""
    z = np.asarray(sun, float) / np.linalg.norm(sun)
    x = np.cross([0, 0, 1], z) if abs(z[2]) < 0.99 else np.array([1.0, 0, 0])
    x /= np.linalg.norm(x)
    axes = np.stack([x, np.cross(z, x), z])
    corners = (np.stack(np.meshgrid(*[[-margin, s + margin] for s in size], indexing="ij"), -1)).reshape(-1, 3) @ axes.T
    low, high = corners.min(0), corners.max(0)
    view = np.eye(4)
    view[:3, :3] = axes
    clip = np.diag([*(2 / (high - low)), 1.0])
    clip[2, 2] *= -1
    clip[:3, 3] = -(high + low) / (high - low)
    clip[2, 3] *= -1
    return clip @ view
