"""Televisions and computers. SUN RGB-D has no class for monitors, laptops and keyboards: they are void."""

from __future__ import annotations

import numpy as np

from train.rooms import materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.materials import BLACKS, GREYS, WHITES, linear
from train.rooms.prints import printed
from train.rooms.scene import Mesh, Model


def display(
    a: Assembly, rng: np.random.Generator, w: float, h: float, thick: float, z: float, y: float, kind: str, on: float
) -> None:
    """A flat panel that looks towards -y: its lower edge at z, its middle at y [m]."""
    shell = materials.plastic(rng, BLACKS, BLACKS, GREYS[3:])
    bezel = float(rng.uniform(0.008, 0.03))
    a.box(shell, (w, thick, h), (0, y, z + h / 2), bevel=0.006)
    picture = meshes.box((w - 2 * bezel, 0.003, h - 2 * bezel))
    a.add(picture, materials.screen(rng, kind, on), (0, y - thick / 2 - 0.001, z + h / 2))


def television(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A television on its foot; one in eight is an old set with a tube."""
    w, d, h = measure(size, rng, (0.7, 1.25), (0.2, 0.28), (0.45, 0.75))
    if size[2] is None:
        h = w * 0.575 + 0.07
    a = Assembly("television")
    if rng.random() < 0.12 and size == FREE:
        w, d, h = float(rng.uniform(0.5, 0.68)), float(rng.uniform(0.42, 0.52)), float(rng.uniform(0.45, 0.56))
        shell = materials.plastic(rng, BLACKS, GREYS)
        a.box(shell, (w, d * 0.45, h), (0, -d * 0.27, h / 2), bevel=0.02)
        a.box(shell, (w * 0.75, d * 0.6, h * 0.75), (0, d * 0.2, h * 0.45), bevel=0.04)
        tube = meshes.box((w - 0.1, 0.01, h - 0.14))
        a.add(tube, materials.screen(rng, "screen", 0.4), (0, -d * 0.5 + 0.001, h / 2 + 0.03))
        return a.model("television set", "surface", size=(w, d, h))
    display(a, rng, w, h - 0.07, 0.045, 0.07, 0.0, "screen", 0.5)
    stand = materials.plastic(rng, BLACKS, GREYS)
    if rng.random() < 0.6:
        a.box(stand, (0.1, 0.03, 0.12), (0, 0.015, 0.06))
        a.box(stand, (w * 0.45, d, 0.015), (0, 0, 0.0075), bevel=0.005)
    else:
        for x in (-1, 1):
            a.box(stand, (0.03, d, 0.015), (x * w * 0.36, 0, 0.0075))
            a.box(stand, (0.03, 0.02, 0.1), (x * w * 0.36, 0, 0.05))
    return a.model("television", "surface", size=(w, d, h))


def monitor(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A computer's monitor on its foot."""
    w, d, h = measure(size, rng, (0.44, 0.64), (0.18, 0.24), (0.42, 0.55))
    a = Assembly("void")
    tall = min(w * 0.6, h - 0.09)
    display(a, rng, w, tall, 0.03, h - tall, 0.0, "desktop", 0.65)
    stand = materials.plastic(rng, BLACKS, BLACKS, GREYS)
    a.box(stand, (0.06, 0.03, h - tall * 0.4), (0, 0.035, (h - tall * 0.4) / 2))
    a.box(stand, (0.24, d, 0.015), (0, 0.01, 0.0075), bevel=0.005)
    return a.model("monitor", "surface", size=(w, d, h))


def laptop(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A laptop, its lid up."""
    w = measure(size, rng, (0.31, 0.38), (0.26, 0.34), (0.2, 0.25))[0]
    a = Assembly("void")
    shell = materials.plastic(rng, BLACKS, GREYS) if rng.random() < 0.6 else materials.metal(rng, 0)
    base = w * 0.66
    a.box(shell, (w, base, 0.018), (0, 0, 0.009), bevel=0.004)
    keys = materials.Material("keys", (0.9, 0.9, 0.9), 0.6, texture=printed("keys", int(rng.integers(4))))
    a.add(_facing_up(w * 0.88, base * 0.45), keys, (0, base * 0.15, 0.0185))
    a.box(
        materials.plain("touchpad", linear(120, 120, 124), 0.4),
        (w * 0.3, base * 0.25, 0.001),
        (0, -base * 0.28, 0.0185),
        bevel=0,
    )
    lean = meshes.rotation(tilt=-float(rng.uniform(0.15, 0.45)))
    middle = np.array([0, base / 2, 0.018]) + lean @ np.array([0, 0, base / 2])
    a.box(shell, (w, 0.012, base), middle, turn=lean)
    a.add(
        meshes.box((w * 0.92, 0.002, base * 0.88)),
        materials.screen(rng, "desktop", 0.75),
        middle + lean @ np.array([0, -0.007, 0.005]),
        turn=lean,
    )
    return a.model("laptop", "surface", size=size)


def _facing_up(width: float, depth: float) -> Mesh:
    """A card 2 mm thick whose picture looks upwards, its lower edge towards -y."""
    return meshes.moved(meshes.box((width, 0.002, depth)), turn=meshes.rotation(tilt=-np.pi / 2))


def keyboard(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A keyboard, mostly with a mouse beside it."""
    w, d, h = measure(size, rng, (0.42, 0.56), (0.14, 0.18), (0.022, 0.035))
    a = Assembly("void")
    shell = materials.plastic(rng, BLACKS, BLACKS, WHITES, GREYS)
    wide = w if w < 0.47 else w - 0.1
    left = -w / 2 + wide / 2
    a.box(shell, (wide, d, h * 0.7), (left, 0, h * 0.35), bevel=0.004)
    keys = materials.Material("keys", (0.95, 0.95, 0.95), 0.6, texture=printed("keys", int(rng.integers(4))))
    a.add(_facing_up(wide - 0.02, d - 0.02), keys, (left, 0, h * 0.7))
    if wide < w:
        a.add(meshes.ellipsoid(0.8, 0.9, 8, 14), shell, (w / 2 - 0.033, 0, h * 0.5), scale=(0.032, 0.055, h / 2))
    return a.model("keyboard", "surface", size=(w, d, h))
