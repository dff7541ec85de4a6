"""What cabinets of all kinds share: carcasses, fronts and handles."""

from __future__ import annotations

import numpy as np

from train.rooms import materials, meshes
from train.rooms.furniture.assembly import Assembly
from train.rooms.scene import Material


def carcass(
    a: Assembly,
    material: Material,
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    label: str | None = None,
) -> None:
    """Four walls and a floor between two corners [m], open above: what a sink is let into."""
    t = 0.018
    x, y = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2
    w, d, h = (high[i] - low[i] for i in range(3))
    for edge in (low[0] + t / 2, high[0] - t / 2):
        a.box(material, (t, d, h), (edge, y, low[2] + h / 2), label)
    for edge in (low[1] + t / 2, high[1] - t / 2):
        a.box(material, (w - 2 * t, t, h), (x, edge, low[2] + h / 2), label)
    a.box(material, (w - 2 * t, d - 2 * t, t), (x, y, low[2] + t / 2), label, 0)


def _handle(
    a: Assembly,
    material: Material,
    x: float,
    y: float,
    z: float,
    style: int,
    upright: bool = False,
    label: str | None = None,
) -> None:
    if style == 0:
        a.add(meshes.ellipsoid(1.0, 1.0, 6, 10), material, (x, y - 0.014, z), label, scale=0.015)
    elif style == 1:
        size = (0.012, 0.014, 0.14) if upright else (0.14, 0.014, 0.012)
        a.box(material, size, (x, y - 0.024, z), label)
        for s in (-0.055, 0.055):
            a.box(
                material, (0.01, 0.02, 0.01), (x + (0 if upright else s), y - 0.01, z + (s if upright else 0)), label, 0
            )
    elif style == 2:
        a.box(material, (0.02, 0.022, 0.06) if upright else (0.09, 0.022, 0.02), (x, y - 0.011, z), label)


def fronts(
    a: Assembly,
    rng: np.random.Generator,
    face: Material,
    low: tuple[float, float],
    high: tuple[float, float],
    y: float,
    rows: int,
    columns: int,
    doors: bool,
    label: str | None = None,
) -> None:
    """Drawer fronts or doors over the rectangle (x, z) low..high of the plane y [m]."""
    handle, style = materials.metal(rng, 0.35), int(rng.integers(4))
    panel = rng.random() < 0.3
    width, height = (high[0] - low[0]) / columns, (high[1] - low[1]) / rows
    for row in range(rows):
        for column in range(columns):
            x, z = low[0] + (column + 0.5) * width, low[1] + (row + 0.5) * height
            a.box(face, (width - 0.008, 0.018, height - 0.008), (x, y - 0.009, z), label)
            if panel and min(width, height) > 0.14:
                a.box(face, (width - 0.1, 0.008, height - 0.1), (x, y - 0.02, z), label, 0.004)
            if doors:
                side = 1 if column % 2 == 0 else -1
                _handle(a, handle, x + side * (width / 2 - 0.045), y - 0.018, z + height * 0.12, style, True, label)
            elif width > 0.7:
                for side in (-1, 1):
                    _handle(a, handle, x + side * width / 4, y - 0.018, z, style, False, label)
            else:
                _handle(a, handle, x, y - 0.018, z, style, False, label)
