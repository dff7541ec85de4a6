"""The shape of a model finer than its box: points on its surface, and the cells that they fill.

A chair is pushed under a table whose box it enters; what must not meet are the legs and the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from train.rooms.scene import Mesh, Model, extent

CELL = 0.04  # of the grid [m]
SPACING = 0.03  # of the points, at most [m]
MAX_STEPS = 64
SHAPES = 128  # that are kept


def surface_points(mesh: Mesh, spacing: float = SPACING) -> np.ndarray:
    """Points on a mesh's triangles, no neighbours farther apart than `spacing` [m]; float64 (N, 3).

    Triangles of up to `MAX_STEPS` spacings are sampled fully; larger ones more coarsely.
    """
    corners = mesh.vertices[mesh.faces].astype(float)  # (F, 3, 3)
    edges = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=-1).max(-1)
    steps = np.clip(np.ceil(edges / spacing), 1, MAX_STEPS).astype(int)
    # A handful of lattices serve all triangles.
    steps = np.where(steps > 4, 4 * np.ceil(steps / 4).astype(int), steps)
    points = [mesh.vertices.astype(float)]
    for n in np.unique(steps[steps > 1]):
        i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        kept = i + j <= n
        a, b = i[kept] / n, j[kept] / n
        weights = np.stack([1 - a - b, a, b], -1)  # (L, 3)
        points.append(np.einsum("lk,fkd->fld", weights, corners[steps == n]).reshape(-1, 3))
    return np.concatenate(points)


@dataclass(frozen=True, eq=False)
class Shape:
    """A model's surface.

    Attributes:
        points: float64 (N, 3), in the model's frame.
        origin: float64 (3,), lowest corner of the grid.
        filled: bool (x, y, z), cells of `CELL` metres that the surface passes through.
    """

    points: np.ndarray
    origin: np.ndarray
    filled: np.ndarray

    @classmethod
    def of(cls, model: Model) -> Shape:
        """The shape of all parts."""
        return _shape(tuple(part.mesh for part in model.parts))


@lru_cache(maxsize=SHAPES)
def _shape(meshes: tuple[Mesh, ...]) -> Shape:
    """The same meshes come again: chairs of a set, models of a catalogue in other colours."""
    points = np.concatenate([surface_points(mesh) for mesh in meshes])
    origin, end = extent(points)
    # Rounding down keeps the order, so that the last cell is that of the highest corner.
    cells = np.floor((end - origin) / CELL).astype(int) + 1
    filled = np.zeros(cells, bool)
    filled.ravel()[_cell_numbers(points - origin, CELL, cells)] = True
    # One point a cell of the points' spacing is enough to test with.
    cells = np.floor((end - origin) / SPACING).astype(int) + 1
    kept = np.full(int(cells.prod()), -1)
    kept[_cell_numbers(points - origin, SPACING, cells)] = np.arange(len(points))
    return Shape(points[kept[kept >= 0]], origin, filled)


def _cell_numbers(offsets: np.ndarray, side: float, cells: np.ndarray) -> np.ndarray:
    """int64 (N,): the number of the cell that each point (N, 3) is in, z fastest; offsets are 0 or more."""
    x, y, z = (np.ascontiguousarray(offsets.T) / side).astype(int)
    return (x * cells[1] + y) * cells[2] + z


def collide(a: Shape, pose_a: np.ndarray, b: Shape, pose_b: np.ndarray) -> bool:
    """Whether the surface of `a` passes through a cell of `b`'s; poses float64 (4, 4), to the world."""
    relative = np.linalg.inv(pose_b) @ pose_a
    points = a.points @ relative[:3, :3].T + relative[:3, 3]
    index = np.floor((points - b.origin) / CELL).astype(int)
    index = index[((index >= 0) & (index < b.filled.shape)).all(-1)]
    return bool(b.filled[tuple(index.T)].any())
