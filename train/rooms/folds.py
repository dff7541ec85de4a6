"""Soft things as `Mesh`: hanging and fallen cloth, cushions. Units and conventions are those of `meshes.py`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from train.rooms import meshes
from train.rooms.scene import Mesh


@lru_cache(maxsize=8)
def _cushion(cells: int, pinch: float) -> Mesh:
    across = np.sin(np.linspace(-np.pi / 2, np.pi / 2, cells + 1))  # denser towards the seam
    x, y = np.meshgrid(across, across)
    bulge = ((1 - x**4) * (1 - y**4)) ** 0.5
    shrink = 1 - pinch * (1 - np.abs(np.stack([y, x], -1)) ** 2) * (1 - bulge[..., None])
    outline = np.stack([x, y], -1) * shrink
    top = meshes.sheet(np.concatenate([outline, bulge[..., None]], -1))
    under = meshes.sheet(np.concatenate([outline, -bulge[..., None]], -1)[:, ::-1])
    return meshes.join([top, under])


def cushion(width: float, depth: float, thickness: float, cells: int = 12, pinch: float = 0.06) -> Mesh:
    """A stuffed cushion lying on z = 0 [m]: thick in the middle, seams drawn in by `pinch` between the corners."""
    return meshes.moved(_cushion(cells, pinch), (0, 0, thickness / 2), scale=(width / 2, depth / 2, thickness / 2))


def drape(
    width: float, height: float, rng: np.random.Generator, folds: float | None = None, depth: float = 0.035, top=1.0
) -> Mesh:
    """Hanging cloth in the plane y = 0 above z = 0, gathered in folds.

    Args:
        width, height: [m].
        folds: number of waves, or None for one in 11 cm.
        depth: half the depth of a fold [m].
        top: its width at the top as a share of that at the bottom (a coat on a hook).
    """
    folds = width * 9 if folds is None else folds
    columns, rows = int(np.clip(folds * 9, 12, 120)), 9
    t, z = np.linspace(0, 1, columns)[None], np.linspace(0, 1, rows)[:, None]
    phase, wobble, lean = rng.uniform(0, 6), rng.uniform(0.3, 0.9), rng.uniform(-0.5, 0.5)
    wave = np.sin(2 * np.pi * folds * t + phase + wobble * np.sin(3 * z + 5 * t) + lean * z)
    span = top + (1 - top) * (1 - z) ** 0.6
    points = np.stack(
        np.broadcast_arrays((t - 0.5) * width * span, depth * (1 - 0.4 * z) * wave, height * z + 0 * t), -1
    )
    return meshes.sheet(points, (width, height))


def crumple(width: float, depth: float, height: float, rng: np.random.Generator, cells: int = 22) -> Mesh:
    """A dropped cloth on z = 0 [m]: a heap with creases whose rim touches the ground."""
    x, y = np.meshgrid(np.linspace(-1, 1, cells), np.linspace(-1, 1, cells))
    angle, radius = np.arctan2(y, x), np.maximum(np.abs(x), np.abs(y))
    lobes = sum(rng.uniform(0.03, 0.11) * np.sin(k * angle + rng.uniform(0, 6)) for k in (2, 3, 5, 7))
    disc = np.where(radius[..., None] > 0, np.stack([np.cos(angle), np.sin(angle)], -1) * radius[..., None], 0)
    creases = np.zeros_like(x)
    for _ in range(5):  # ridged waves: cloth folds sharply and sags between its folds
        turn = rng.uniform(0, np.pi)
        along = np.cos(turn) * x + np.sin(turn) * y
        across = np.cos(turn) * y - np.sin(turn) * x
        creases += 1 - np.abs(np.sin(rng.uniform(1.5, 4.5) * along + rng.uniform(0, 6) + 0.5 * np.sin(3 * across)))
    z = (1 - radius**3) ** 0.6 * (0.35 + 0.65 * creases / creases.max())
    points = np.concatenate([disc * (0.86 + lobes)[..., None], np.maximum(z, 0.0)[..., None]], -1)
    spread = np.abs(points).reshape(-1, 3).max(0)
    return meshes.sheet(points / spread * [width / 2, depth / 2, height], (width * 1.5, depth * 1.5))
