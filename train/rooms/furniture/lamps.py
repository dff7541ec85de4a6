"""Lamps; all of a lamp is of its class."""

from __future__ import annotations

import numpy as np

from train.rooms import materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.materials import BLACKS, GREYS, WHITES, linear
from train.rooms.scene import Material, Model


def _shade(a: Assembly, rng: np.random.Generator, material: Material, r: float, tall: float, z: float) -> None:
    """A shade open above and below, from z upwards."""
    top = r * float(rng.uniform(0.45, 1.0))
    a.add(meshes.lathe([(r, z), (top, z + tall)], 28), material)
    a.add(meshes.lathe([(top * 0.98, z + tall), (r * 0.98, z)], 28), material)


def floor_lamp(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A standing lamp: shade on a pole, uplighter, tripod or bow."""
    w, d, h = measure(size, rng, (0.32, 0.48), (0.32, 0.48), (1.4, 1.8))
    a = Assembly("lamp")
    metal, shade, r = materials.metal(rng, 0.4), materials.shade(rng), w / 2
    style = str(rng.choice(["pole", "pole", "uplight", "tripod"]))
    tall = float(rng.uniform(0.22, 0.34))
    if style == "tripod":
        leg = materials.wood(rng)
        for k in range(3):
            angle = 2 * np.pi * k / 3
            foot = np.array([np.cos(angle) * r, np.sin(angle) * r, 0.0])
            a.add(meshes.tube(np.stack([foot, [0, 0, h - tall - 0.02]]), np.array([0.012, 0.018]), 8), leg)
        _shade(a, rng, shade, r * 0.95, tall, h - tall)
    else:
        a.add(meshes.lathe([(0, 0), (r * 0.65, 0), (r * 0.65, 0.02), (0.02, 0.04), (0.012, 0.06)], 28), metal)
        a.add(meshes.tube(np.array([[0, 0, 0.03], [0, 0, h - tall * 0.5]]), 0.012, 10), metal)
        if style == "pole":
            _shade(a, rng, shade, r, tall, h - tall)
            a.add(meshes.ellipsoid(1.0, 1.0, 6, 10), shade, (0, 0, h - tall * 0.5), scale=0.04)
        else:
            a.add(
                meshes.lathe([(0, h - 0.15), (0.05, h - 0.15), (r * 0.8, h), (r * 0.76, h), (0.04, h - 0.13)], 28),
                shade,
            )
    return a.model("floor lamp", size=(w, d, h))


def table_lamp(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A lamp with a shade on a turned foot or a ball."""
    w, d, h = measure(size, rng, (0.22, 0.36), (0.22, 0.36), (0.35, 0.6))
    a = Assembly("lamp")
    r, tall = w / 2, h * float(rng.uniform(0.4, 0.52))
    foot = (
        materials.metal(rng)
        if rng.random() < 0.3
        else materials.plain(
            "lamp foot",
            materials.pick(rng, WHITES, BLACKS, materials.BLUES, materials.BROWNS, materials.GREENS, materials.BEIGES),
            float(rng.uniform(0.1, 0.5)),
        )
    )
    base = h - tall
    style = int(rng.integers(3))
    if style == 0:
        profile = [
            (0, 0),
            (r * 0.55, 0),
            (r * 0.55, 0.015),
            (r * 0.2, 0.03),
            (r * 0.5, base * 0.4),
            (r * 0.45, base * 0.6),
            (0.015, base * 0.85),
            (0.012, base + tall * 0.4),
            (0, base + tall * 0.4),
        ]
    elif style == 1:
        profile = [
            (0, 0),
            (r * 0.6, 0),
            (r * 0.6, 0.02),
            (0.012, 0.03),
            (0.012, base + tall * 0.4),
            (0, base + tall * 0.4),
        ]
    else:
        profile = [
            (0, 0),
            *[(r * 0.55 * np.sin(t), base * 0.42 * (1 - np.cos(t))) for t in np.linspace(0.4, 2.9, 9)],
            (0.015, base),
            (0.012, base + tall * 0.4),
            (0, base + tall * 0.4),
        ]
    a.add(meshes.lathe(profile, 24), foot)
    _shade(a, rng, materials.shade(rng), r, tall, base)
    return a.model("table lamp", "surface", size=(w, d, h))


def desk_lamp(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A jointed lamp for work."""
    w, d, h = measure(size, rng, (0.16, 0.2), (0.3, 0.42), (0.36, 0.52))
    a = Assembly("lamp")
    coat = (
        materials.metal(rng, 0.0)
        if rng.random() < 0.3
        else materials.plastic(rng, BLACKS, WHITES, GREYS, materials.BRIGHTS)
    )
    a.add(meshes.lathe([(0, 0), (0.085, 0), (0.085, 0.015), (0.03, 0.03), (0, 0.03)], 24), coat)
    elbow, tip = np.array([0, 0.14, 0.24]), np.array([0, -0.1, 0.4])
    for offset in (-0.012, 0.012):
        side = np.array([offset, 0, 0])
        a.add(meshes.tube(np.stack([np.array([0, 0, 0.02]) + side, elbow + side]), 0.006, 6), coat)
        a.add(meshes.tube(np.stack([elbow + side, tip + side]), 0.006, 6), coat)
    a.add(meshes.ellipsoid(1.0, 1.0, 6, 10), coat, elbow, scale=0.02)
    head = meshes.rotation(tilt=-0.5)
    a.add(meshes.lathe([(0.075, -0.1), (0.03, 0.0), (0.02, 0.03), (0, 0.03)], 20), coat, tip, turn=head)
    a.add(meshes.ellipsoid(1.0, 1.0, 6, 10), materials.shade(rng), tip + head @ np.array([0, 0, -0.06]), scale=0.032)
    return a.model("desk lamp", "surface", size=(w, d, h))


def pendant(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A lamp on a cord below the ceiling."""
    w, d, h = measure(size, rng, (0.26, 0.5), (0.26, 0.5), (0.5, 0.95))
    a = Assembly("lamp")
    cord, shade, r = materials.plain("cord", linear(40, 40, 42), 0.5), materials.shade(rng), w / 2
    tall = float(rng.uniform(0.16, 0.28))
    a.add(meshes.lathe([(0, -0.03), (0.05, -0.02), (0.05, 0), (0, 0)], 16), cord)
    a.add(meshes.tube(np.array([[0, 0, -0.01], [0, 0, -h + tall * 0.8]]), 0.004, 6), cord)
    style = str(rng.choice(["cone", "globe", "drum", "metal"]))
    if style == "globe":
        a.add(meshes.ellipsoid(1.0, 1.0, 14, 24), shade, (0, 0, -h + min(r, tall)), scale=(r, r, min(r, tall)))
    elif style == "metal":
        coat = materials.plastic(rng, BLACKS, WHITES, GREYS, materials.BRIGHTS)
        a.add(meshes.lathe([(r, -h), (r * 0.8, -h + tall * 0.5), (0.05, -h + tall), (0, -h + tall)], 28), coat)
        a.add(meshes.ellipsoid(1.0, 1.0, 6, 12), shade, (0, 0, -h + tall * 0.35), scale=(r * 0.5, r * 0.5, tall * 0.3))
    else:
        _shade(a, rng, shade, r, tall, -h)
        a.add(meshes.cylinder(0.03, 0.03, 10), cord, (0, 0, -h + tall * 0.8))
    return a.model("pendant lamp", "ceiling", size=(w, d, h))


def ceiling_panel(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A flat fitting as offices have them: square, or long with tubes."""
    square = rng.random() < 0.5
    w, d, h = measure(
        size, rng, (0.58, 0.62) if square else (1.15, 1.25), (0.58, 0.62) if square else (0.16, 0.32), (0.03, 0.08)
    )
    a = Assembly("lamp")
    frame, light = materials.plain("fitting", linear(235, 235, 233), 0.5), materials.shading_on(rng)
    a.box(frame, (w, d, h * 0.6), (0, 0, -h * 0.3))
    if square or rng.random() < 0.5:
        a.box(light, (w - 0.04, d - 0.04, h * 0.4), (0, 0, -h * 0.8), bevel=0.004)
    else:
        for y in (-0.22, 0.22):
            a.add(
                meshes.tube(np.array([[-w / 2 + 0.03, y * d, 0], [w / 2 - 0.03, y * d, 0]]), h * 0.25, 10),
                light,
                (0, 0, -h * 0.75),
            )
    return a.model("ceiling panel", "ceiling", size=(w, d, h))


def ceiling_lamp(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A flush lamp: a dome, a drum, or a bar of spots."""
    w, d, h = measure(size, rng, (0.28, 0.5), (0.28, 0.5), (0.08, 0.18))
    a = Assembly("lamp")
    shade, metal = materials.shade(rng), materials.metal(rng, 0.2)
    if rng.random() < 0.6:
        a.add(
            meshes.lathe(
                [
                    (0, -h),
                    *[
                        (w / 2 * 0.95 * np.sin(t), -0.02 - (h - 0.02) * np.cos(t))
                        for t in np.linspace(0.15, np.pi / 2, 9)
                    ],
                ],
                28,
            ),
            shade,
            scale=(1, d / w, 1),
        )
        a.add(meshes.lathe([(0, -0.025), (w / 2, -0.025), (w / 2, 0), (0, 0)], 28), metal, scale=(1, d / w, 1))
    else:
        a.add(meshes.lathe([(0, -h), (w / 2, -h), (w / 2, 0), (0, 0)], 28), shade, scale=(1, d / w, 1))
    return a.model("ceiling lamp", "ceiling", size=(w, d, h))
