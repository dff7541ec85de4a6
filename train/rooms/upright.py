"""Boxes and rooms in a frame whose vertical axis is gravity's, as SUN RGB-D's annotations have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class UprightBox:
    """A box whose third axis is vertical; x right, y down, z forward of the upright camera.

    Attributes:
        ground: float64 (4, 2): x and z [m] of its corners, in order around it.
        low, high: its upper and lower end [m]; y is down, so `low` is the upper one.
    """

    ground: np.ndarray
    low: float
    high: float


def gravity_alignment(camera_to_world: np.ndarray) -> np.ndarray:
    """The rotation from a camera's frame into the upright one that looks the same way: float64 (3, 3).

    Args:
        camera_to_world: float64 (4, 4); the world's z is up.
    """
    rotation = camera_to_world[:3, :3]
    down = -_UP @ rotation
    ahead = np.array([0.0, 0.0, 1.0])
    if abs(down[2]) > 1.0 - 1e-6:  # straight up or down: the image's upper edge is ahead
        ahead = np.array([0.0, -np.sign(down[2]), 0.0])
    forward = ahead - (ahead @ down) * down
    forward /= np.linalg.norm(forward)
    return np.stack([np.cross(down, forward), down, forward])


def to_upright(points: np.ndarray, camera_to_world: np.ndarray) -> np.ndarray:
    """World points (..., 3) in the upright camera's frame: float64 (..., 3) [m]."""
    in_camera = (np.asarray(points) - camera_to_world[:3, 3]) @ camera_to_world[:3, :3]
    return in_camera @ gravity_alignment(camera_to_world).T


def upright_box(
    centroid: np.ndarray, basis: np.ndarray, half: np.ndarray, camera_to_world: np.ndarray
) -> UprightBox | None:
    """The upright box around an oriented one, turned as its most level axis is; None for one without ground.

    Args:
        centroid: float64 (3,) [m], in the world.
        basis: float64 (3, 3): rows are the axes.
        half: float64 (3,): half the extents [m].
        camera_to_world: float64 (4, 4).
    """
    signs = np.array([[1 if k >> axis & 1 else -1 for axis in range(3)] for k in range(8)])
    corners = to_upright(centroid + (signs * half) @ basis, camera_to_world)
    level = basis[np.abs(basis[:, 2]).argmin()] * [1.0, 1.0, 0.0]
    ends = to_upright(np.stack([centroid, centroid + level]), camera_to_world)
    x, z = (ends[1] - ends[0])[[0, 2]] / np.linalg.norm(level)
    axes = np.array([[x, z], [-z, x]])
    along = corners[:, [0, 2]] @ axes.T
    low, high = along.min(0), along.max(0)
    if not (high - low).max() > 0:
        return None
    ground = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]) @ axes
    return UprightBox(ground, float(corners[:, 1].min()), float(corners[:, 1].max()))
