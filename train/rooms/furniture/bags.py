"""Bags, rucksacks and suitcases."""

from __future__ import annotations

import numpy as np

from train.rooms import materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.materials import BEIGES, BLACKS, BLUES, BRIGHTS, BROWNS, GREENS, GREYS, REDS, WHITES, linear, pick
from train.rooms.scene import Material, Model


def _leather(rng: np.random.Generator) -> Material:
    return Material(
        "bag leather",
        pick(rng, BLACKS, BROWNS, BROWNS, REDS, BEIGES),
        0.45,
        texture=materials.pattern("leather", int(rng.integers(3))),
    )


def _nylon(rng: np.random.Generator) -> Material:
    return Material(
        "nylon",
        pick(rng, BLACKS, BLACKS, GREYS, BLUES, GREENS, REDS, BRIGHTS),
        0.75,
        texture=materials.pattern("weave", int(rng.integers(3)), 0.6),
    )


def _strap(a: Assembly, material: Material, points: list[tuple[float, float, float]], r: float) -> None:
    a.add(meshes.tube(np.array(points), r, 8), material)


def bag(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A bag on the floor: holdall, tote or briefcase."""
    w, d, h = measure(size, rng, (0.32, 0.58), (0.14, 0.3), (0.3, 0.48))
    a = Assembly("bag")
    style = str(rng.choice(["holdall", "tote", "briefcase"]))
    if style == "holdall":
        cover, body = _nylon(rng), h * 0.72
        a.add(meshes.ellipsoid(0.55, 0.3, 12, 24), cover, (0, 0, body / 2), scale=(w / 2, d / 2, body / 2))
        for y in (-1, 1):
            arc = [
                (w * 0.22 * np.cos(t), y * d * 0.2, body * 0.8 + (h - body * 0.8) * np.sin(t))
                for t in np.linspace(np.pi, 0, 11)
            ]
            _strap(a, cover, arc, 0.01)
        a.box(materials.plain("zip", linear(40, 40, 42), 0.5), (w * 0.8, 0.012, 0.006), (0, 0, body), bevel=0)
    elif style == "tote":
        cover, body = _leather(rng) if rng.random() < 0.5 else materials.cloth(rng), h * 0.68
        t = np.linspace(0, 2 * np.pi, 33)
        rows = []
        for z, sx, sy in ((0, 0.86, 0.9), (0.02, 0.9, 1.0), (body * 0.5, 0.97, 0.85), (body, 1.0, 0.45)):
            x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** 0.4 * w / 2 * sx
            y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** 0.4 * d / 2 * sy
            rows.append(np.stack([x, y, np.full_like(t, z)], 1))
        a.add(meshes.sheet(np.array(rows)), cover)
        a.box(
            materials.plain("lining", linear(40, 36, 34), 0.9), (w * 0.86, d * 0.35, 0.004), (0, 0, body * 0.9), bevel=0
        )
        for y in (-1, 1):
            arc = [
                (w * 0.25 * np.cos(t), y * d * 0.18, body * 0.9 + (h - body * 0.9) * np.sin(t))
                for t in np.linspace(np.pi, 0, 11)
            ]
            _strap(a, cover, arc, 0.008)
    else:
        cover, body = _leather(rng), h - 0.07
        thick = min(d, 0.16)
        a.box(cover, (w, thick, body), (0, 0, body / 2), bevel=0.02)
        a.box(cover, (w * 0.98, thick + 0.012, body * 0.6), (0, -0.002, body * 0.7), bevel=0.012)
        metal = materials.metal(rng, 0)
        for x in (-0.28, 0.28):
            a.box(metal, (0.035, 0.01, 0.04), (x * w, -thick / 2 - 0.01, body * 0.45))
        arc = [(0.07 * np.cos(t), 0, body - 0.005 + 0.07 * np.sin(t)) for t in np.linspace(np.pi, 0, 9)]
        _strap(a, cover, arc, 0.01)
    return a.model(style, size=(w, d, h))


def backpack(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A rucksack standing on the floor, its pockets to the front."""
    w, d, h = measure(size, rng, (0.28, 0.36), (0.18, 0.28), (0.42, 0.54))
    a = Assembly("bag")
    cover = _nylon(rng)
    other = cover if rng.random() < 0.5 else _nylon(rng)
    a.add(meshes.ellipsoid(0.45, 0.4, 14, 24), cover, (0, d * 0.1, h * 0.48), scale=(w / 2, d * 0.36, h * 0.48))
    a.add(meshes.ellipsoid(0.4, 0.4, 10, 20), other, (0, -d * 0.24, h * 0.28), scale=(w * 0.4, d * 0.25, h * 0.24))
    zip_ = materials.plain("zip", linear(60, 60, 62), 0.5)
    arc = [
        (w * 0.36 * np.cos(t), -d * 0.2 - 0.0 * t, h * 0.62 + h * 0.25 * np.sin(t)) for t in np.linspace(0, np.pi, 13)
    ]
    _strap(a, zip_, arc, 0.004)
    handle = [(0.04 * np.cos(t), d * 0.2, h * 0.93 + h * 0.07 * np.sin(t)) for t in np.linspace(np.pi, 0, 9)]
    _strap(a, other, handle, 0.009)
    for x in (-1, 1):
        strap = [
            (x * w * 0.22, d * 0.4, h * 0.88),
            (x * w * 0.28, d * 0.52, h * 0.6),
            (x * w * 0.33, d * 0.45, h * 0.15),
        ]
        _strap(a, other, strap, 0.018)
        a.add(
            meshes.ellipsoid(0.5, 0.5, 8, 12),
            other,
            (x * w * 0.47, d * 0.08, h * 0.22),
            scale=(w * 0.07, d * 0.2, h * 0.17),
        )
    return a.model("backpack", size=(w, d, h))


def suitcase(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A suitcase on wheels, its handle in or out."""
    w, d, h = measure(size, rng, (0.38, 0.5), (0.22, 0.3), (0.6, 0.8))
    a = Assembly("bag")
    shell = materials.plastic(rng, BLACKS, GREYS, BLUES, BRIGHTS, REDS) if rng.random() < 0.6 else _nylon(rng)
    out = rng.random() < 0.35 and size[2] is None
    body = h - 0.05
    a.box(shell, (w, d, body - 0.04), (0, 0, 0.045 + (body - 0.04) / 2), bevel=0.035)
    if rng.random() < 0.6:
        for x in np.linspace(-0.36, 0.36, 6):
            a.box(shell, (0.03, d + 0.008, body - 0.2), (float(x) * w, 0, body / 2 + 0.03), bevel=0.004)
    dark = materials.plain("wheel", linear(30, 30, 32), 0.6)
    for x in (-1, 1):
        for y in (-1, 1):
            a.add(meshes.ellipsoid(1.0, 1.0, 6, 10), dark, (x * (w / 2 - 0.05), y * (d / 2 - 0.05), 0.025), scale=0.025)
    metal = materials.metal(rng, 0.3)
    reach = h + (0.38 if out else 0.0)
    for x in (-0.09, 0.09):
        _strap(a, metal, [(x, d / 2 - 0.04, body - 0.02), (x, d / 2 - 0.04, reach - 0.015)], 0.008)
    a.box(dark, (0.22, 0.03, 0.03), (0, d / 2 - 0.04, reach - 0.015), bevel=0.01)
    return a.model("suitcase", size=(w, d, None if out else h))


def handbag(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A handbag."""
    w, d, h = measure(size, rng, (0.24, 0.36), (0.1, 0.16), (0.26, 0.38))
    a = Assembly("bag")
    cover, body = _leather(rng), h * 0.6
    a.add(meshes.ellipsoid(0.35, 0.5, 12, 24), cover, (0, 0, body / 2), scale=(w / 2, d / 2, body / 2))
    if rng.random() < 0.6:
        a.box(cover, (w * 0.82, d * 0.5, body * 0.5), (0, -d * 0.27, body * 0.62), bevel=0.02)
        a.box(materials.metal(rng, 0), (0.03, 0.008, 0.02), (0, -d * 0.53, body * 0.45))
    for y in (-0.12, 0.12):
        arc = [
            (w * 0.28 * np.cos(t), y * d, body * 0.85 + (h - body * 0.85) * np.sin(t))
            for t in np.linspace(np.pi, 0, 13)
        ]
        _strap(a, cover, arc, 0.007)
    return a.model("handbag", "surface", size=(w, d, h))


def paper_bag(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A carrier bag of paper or plastic, with handles."""
    w, d, h = measure(size, rng, (0.22, 0.36), (0.1, 0.16), (0.3, 0.46))
    a = Assembly("bag")
    colour = linear(182, 144, 100) if rng.random() < 0.5 else pick(rng, WHITES, BRIGHTS, BLACKS)
    paper, body = materials.plain("carrier bag", colour, 0.8), h * 0.76
    for y, lean in ((-1, 1), (1, -1)):
        a.box(paper, (w, 0.003, body), (0, y * d * 0.46, body / 2), bevel=0, turn=meshes.rotation(tilt=lean * 0.06))
    for x in (-1, 1):
        a.box(paper, (0.003, d * 0.9, body), (x * (w / 2 - 0.002), 0, body / 2), bevel=0)
    a.box(paper, (w, d * 0.9, 0.003), (0, 0, 0.0015), bevel=0)
    if rng.random() < 0.6:
        a.box(
            materials.plain("print", pick(rng, BRIGHTS, BLACKS), 0.7),
            (w * 0.5, 0.002, body * 0.25),
            (0, -d * 0.47, body * 0.52),
            bevel=0,
            turn=meshes.rotation(tilt=0.06),
        )
    for y in (-1, 1):
        arc = [
            (w * 0.18 * np.cos(t), y * d * 0.42, body - 0.01 + (h - body) * np.sin(t))
            for t in np.linspace(np.pi, 0, 11)
        ]
        _strap(a, paper, arc, 0.004)
    return a.model("carrier bag", "surface", size=(w, d, h))
