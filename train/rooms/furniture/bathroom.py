"""What a bathroom is fitted with."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from train.rooms import folds, materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.furniture.joinery import carcass, fronts
from train.rooms.materials import linear
from train.rooms.scene import Mesh, Model


def _shell(rings: list[tuple[float, float, float, float, float]], count: int = 40) -> Mesh:
    """A smooth body through superellipses (half width, half depth, exponent, y, z), the last one closed."""
    t = np.linspace(0, 2 * np.pi, count + 1)
    rows = []
    for a, b, p, y, z in rings:
        x = a * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (2 / p)
        rows.append(np.stack([x, y + b * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** (2 / p), np.full_like(t, z)], 1))
    return meshes.sheet(np.array(rows))


def _hard(rings: list[tuple[float, float, float, float, float]], count: int = 40) -> Mesh:
    """As `_shell`, with an edge at every ring."""
    return meshes.join([_shell([low, high], count) for low, high in pairwise(rings)])


def toilet(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A toilet with its cistern, the lid down or up."""
    w, d, h = measure(size, rng, (0.36, 0.42), (0.62, 0.72), (0.72, 0.82))
    a = Assembly("toilet")
    ware = materials.porcelain()
    seat = 0.42
    front = -d / 2
    bowl_y, half = front + 0.26, 0.25
    wide = w * 0.48
    a.add(
        _shell(
            [
                (wide * 0.6, half * 0.75, 2.6, bowl_y + 0.08, 0),
                (wide * 0.55, half * 0.7, 2.6, bowl_y + 0.08, 0.12),
                (wide * 0.8, half * 0.9, 2.4, bowl_y + 0.02, 0.28),
                (wide, half, 2.4, bowl_y, seat - 0.03),
                (wide, half, 2.4, bowl_y, seat),
            ]
        ),
        ware,
    )
    lid = materials.plain(
        "toilet lid",
        materials.pick(rng, materials.WHITES)
        if rng.random() < 0.94
        else materials.pick(rng, materials.BROWNS, materials.BLACKS),
        0.3,
    )
    cistern_d = 0.18
    if rng.random() < 0.7:
        a.add(
            _hard(
                [
                    (wide * 1.01, half, 2.4, bowl_y, seat),
                    (wide * 1.01, half, 2.4, bowl_y, seat + 0.035),
                    (0.001, 0.001, 2, bowl_y, seat + 0.042),
                ]
            ),
            lid,
        )
    else:
        a.add(
            _hard(
                [
                    (wide * 1.01, half, 2.4, bowl_y, seat),
                    (wide * 1.01, half, 2.4, bowl_y, seat + 0.02),
                    (wide * 0.66, half * 0.7, 2.2, bowl_y, seat + 0.02),
                    (wide * 0.6, half * 0.64, 2.2, bowl_y, seat - 0.06),
                    (wide * 0.3, half * 0.3, 2, bowl_y, 0.2),
                    (0.001, 0.001, 2, bowl_y, 0.2),
                ]
            ),
            lid,
        )
        up = meshes.extrude(meshes.rounded_outline(2 * wide, 2 * half, 2.4), 0.02)
        a.add(up, lid, (0, d / 2 - cistern_d - 0.05, seat + half + 0.02), turn=meshes.rotation(tilt=-0.12))
    a.box(ware, (w * 0.5, d * 0.35, seat - 0.05), (0, d / 2 - d * 0.2, (seat - 0.05) / 2), bevel=0.03)
    a.box(ware, (w, cistern_d, h - seat - 0.02), (0, d / 2 - cistern_d / 2, seat + (h - seat - 0.02) / 2), bevel=0.03)
    a.box(ware, (w + 0.0, cistern_d + 0.01, 0.035), (0, d / 2 - cistern_d / 2 - 0.004, h - 0.0175), bevel=0.012)
    a.add(meshes.cylinder(0.02, 0.008, 12), materials.chrome(), (0, d / 2 - cistern_d / 2, h))
    a.support((-w / 2 + 0.05, d / 2 - 0.16), (w / 2 - 0.05, d / 2 - 0.02), h, 0.5)
    return a.model("toilet", clearance=0.5, size=(w, d, h))


def bathtub(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A tub with a skirt, a ledge and a tap."""
    w, d, h = measure(size, rng, (1.5, 1.75), (0.7, 0.8), (0.52, 0.62))
    h = h if size[2] is None else h - 0.1  # the tap stands higher
    a = Assembly("bathtub")
    ware = materials.porcelain()
    front = materials.wood(rng) if rng.random() < 0.12 else ware
    x, y = w / 2, d / 2
    a.add(_hard([(x, y, 40, 0, 0), (x, y, 40, 0, h)], 48), front)
    inner = [
        (x - 0.07, y - 0.06, 6, 0, h),
        (x - 0.085, y - 0.075, 5, 0, h - 0.03),
        (x - 0.16, y - 0.12, 4, 0, h * 0.45),
        (x - 0.24, y - 0.17, 3.5, 0, 0.16),
        (x - 0.36, y - 0.24, 3, 0, 0.13),
    ]
    a.add(_hard([(x, y, 40, 0, h), inner[0]], 48), ware)
    a.add(_shell(inner, 48), ware)
    a.add(_hard([inner[-1], (0.001, 0.001, 2, 0, 0.125)], 48), ware)
    chrome, side = materials.chrome(), float(rng.choice([-1, 1]))
    tap = np.array(
        [[side * (x - 0.035), 0, h - 0.01], [side * (x - 0.035), 0, h + 0.08], [side * (x - 0.16), 0, h + 0.085]]
    )
    a.add(meshes.tube(tap, 0.016, 10), chrome)
    for s in (-1, 1):
        a.add(meshes.cylinder(0.022, 0.05, 12), chrome, (side * (x - 0.035), s * 0.09, h))
    a.support((-0.4 * w, y - 0.06), (0.4 * w, y), h, 0.4)
    return a.model("bathtub", clearance=0.5, size=(w, d, size[2]))


def shower(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A tray (bathtub) with panes and a shower head (void)."""
    w, d, h = measure(size, rng, (0.8, 1.0), (0.8, 1.0), (1.95, 2.05))
    a = Assembly("bathtub")
    ware, chrome = materials.porcelain(), materials.chrome()
    a.box(ware, (w, d, 0.1), (0, 0, 0.05), bevel=0.015)
    a.box(materials.plain("tray", linear(225, 225, 222), 0.15), (w - 0.14, d - 0.14, 0.004), (0, 0, 0.101), bevel=0)
    pane = materials.glass(opacity=0.18)
    side = float(rng.choice([-1, 1]))
    for x, y, sx, sy in ((0, -d / 2 + 0.015, w, 0.008), (side * (w / 2 - 0.015), 0, 0.008, d)):
        a.box(pane, (sx, sy, h - 0.12), (x, y, 0.1 + (h - 0.12) / 2), "void", 0)
        a.box(chrome, (max(sx, 0.03), max(sy, 0.03), 0.03), (x, y, h - 0.015), "void")
    for x in (-1, 1):
        a.box(chrome, (0.03, 0.03, h - 0.1), (x * (w / 2 - 0.015), -d / 2 + 0.015, 0.1 + (h - 0.1) / 2), "void")
    a.box(chrome, (0.03, 0.03, h - 0.1), (side * (w / 2 - 0.015), d / 2 - 0.015, 0.1 + (h - 0.1) / 2), "void")
    path = np.array([[0, d / 2 - 0.03, 0.9], [0, d / 2 - 0.03, h - 0.15], [0, d / 2 - 0.12, h - 0.08]])
    a.add(meshes.tube(path, 0.011, 8), chrome, label="void")
    a.add(meshes.cylinder(0.06, 0.03, 18, 0.02), chrome, (0, d / 2 - 0.15, h - 0.12), "void")
    return a.model("shower", clearance=0.5, size=(w, d, h))


def washbasin(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A basin on a pedestal or in a cabinet, with its tap."""
    w, d, h = measure(size, rng, (0.5, 1.1), (0.42, 0.52), (0.95, 1.05))
    rim = min(0.86, h - 0.08)
    a = Assembly("sink")
    ware, chrome = materials.porcelain(), materials.chrome()
    cabinet = w > 0.65 or rng.random() < 0.5
    basin_w = min(w, 0.6) if not cabinet else min(w - 0.16, 0.6)
    x, y = basin_w / 2, d / 2
    shift = -0.02 if cabinet else 0.0
    if cabinet:
        body = materials.board(rng, 0.65)
        carcass(a, body, (-w / 2 + 0.01, -d / 2 + 0.03, 0.1), (w / 2 - 0.01, d / 2 - 0.01, rim - 0.05), "cabinet")
        a.box(body, (w - 0.06, d - 0.1, 0.1), (0, 0.03, 0.05), "cabinet", 0)
        low, high, doors = (-w / 2 + 0.01, 0.11), (w / 2 - 0.01, rim - 0.055), max(1, round(w / 0.42))
        fronts(a, rng, body, low, high, -d / 2 + 0.03, 1, doors, True, "cabinet")
        top = (
            materials.porcelain()
            if rng.random() < 0.6
            else materials.Material(
                "stone",
                materials.pick(rng, materials.BEIGES, materials.GREYS, materials.BLACKS),
                0.2,
                texture=materials.pattern("marble", int(rng.integers(3))),
            )
        )
        kind = "sink" if top.name == "porcelain" else "counter"
        hole_x, hole_y = basin_w / 2 - 0.02, d * 0.33
        ring = meshes.join(
            [
                _hard([(w / 2, d / 2, 60, 0, rim), (hole_x, hole_y, 2.6, shift, rim)], 60),
                _hard([(w / 2, d / 2, 60, 0, rim - 0.05), (w / 2, d / 2, 60, 0, rim)], 60),
            ]
        )
        a.add(ring, top, label=kind)
        bowl = [
            (hole_x, hole_y, 2.6, shift, rim),
            (hole_x * 0.94, hole_y * 0.92, 2.5, shift, rim - 0.03),
            (hole_x * 0.7, hole_y * 0.7, 2.2, shift, rim - 0.11),
            (0.03, 0.03, 2, shift, rim - 0.14),
        ]
        a.support((-w / 2 + 0.03, -d * 0.3), (-basin_w / 2 - 0.02, d * 0.4), rim, 0.5)
        a.support((basin_w / 2 + 0.02, -d * 0.3), (w / 2 - 0.03, d * 0.4), rim, 0.5)
    else:
        x = w / 2
        outer = [
            (x * 0.3, y * 0.35, 2.2, 0.08, rim - 0.19),
            (x * 0.75, y * 0.8, 2.5, 0.02, rim - 0.13),
            (x, y, 3, 0, rim - 0.03),
            (x, y, 3, 0, rim),
        ]
        a.add(_shell(outer), ware)
        a.add(_hard([(x, y, 3, 0, rim), (x - 0.05, y * 0.72, 2.6, -0.04, rim)]), ware)
        bowl = [
            (x - 0.05, y * 0.72, 2.6, -0.04, rim),
            (x * 0.75, y * 0.65, 2.4, -0.04, rim - 0.03),
            (x * 0.5, y * 0.45, 2.2, -0.04, rim - 0.11),
            (0.03, 0.03, 2, -0.04, rim - 0.13),
        ]
        if rng.random() < 0.75:
            a.add(
                meshes.lathe([(0, 0), (0.11, 0), (0.085, 0.1), (0.08, rim - 0.2), (0.11, rim - 0.14)], 24),
                ware,
                (0, y - 0.13, 0),
            )
        else:
            a.box(chrome, (0.035, y, 0.035), (0, y / 2, 0.5), "void")
            a.add(meshes.tube(np.array([[0, 0.06, rim - 0.15], [0, 0.06, 0.48], [0, y, 0.48]]), 0.02, 8), chrome)
            a.box(chrome, (0.01, 0.01, 0.02), (0, y - 0.005, 0.01), "void", 0)
    a.add(_shell(bowl), ware)
    a.add(_hard([bowl[-1], (0.001, 0.001, 2, bowl[-1][3], bowl[-1][4])]), chrome)
    back = d / 2 - 0.06
    path = np.array(
        [[0, back, rim - 0.005], [0, back, h - 0.03], [0, back - 0.04, h - 0.012], [0, back - 0.13, h - 0.03]]
    )
    a.add(meshes.tube(path, 0.012, 10), chrome)
    a.add(meshes.cylinder(0.024, 0.03, 14), chrome, (0, back, rim))
    a.box(chrome, (0.014, 0.07, 0.012), (0, back - 0.02, h - 0.006), bevel=0.003)
    return a.model("washbasin", clearance=0.5, size=(w, d, h))


def toilet_roll(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A roll of paper on its holder (void)."""
    w, d, h = measure(size, rng, (0.15, 0.17), (0.11, 0.13), (0.13, 0.16))
    a = Assembly("paper")
    chrome = materials.chrome()
    a.box(chrome, (0.05, 0.012, 0.05), (w / 2 - 0.02, -0.006, h - 0.035), "void")
    path = np.array([[w / 2 - 0.02, 0, h - 0.06], [w / 2 - 0.02, -d / 2, h - 0.06], [-w / 2 + 0.02, -d / 2, h - 0.06]])
    a.add(meshes.tube(path, 0.006, 8), chrome, label="void")
    paper = materials.plain("toilet paper", linear(244, 243, 240), 0.95)
    roll = meshes.moved(meshes.cylinder(0.054, 0.1, 22), (-0.05, 0, 0), meshes.rotation(roll=np.pi / 2))
    a.add(roll, paper, (-0.01, -d / 2, h - 0.06))
    a.box(paper, (0.098, 0.002, h - 0.06), (-0.01, -d / 2 - 0.053, (h - 0.06) / 2), bevel=0)
    return a.model("toilet roll", "wall", size=(w, d, h))


def shower_curtain(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A curtain before a tub, half drawn, under its rail; it hangs a little above the floor."""
    w, d, h = measure(size, rng, (1.5, 1.7), (0.08, 0.12), (1.9, 2.05))
    a = Assembly("shower_curtain")
    kind = str(rng.choice(["weave", "stripes", "dots", "flowers", "checks"], p=[0.45, 0.2, 0.15, 0.1, 0.1]))
    colour = materials.pick(
        rng, materials.WHITES, materials.WHITES, materials.BLUES, materials.BEIGES, materials.GREENS, materials.BRIGHTS
    )
    cloth = materials.Material(
        "shower curtain", colour, 0.5, texture=materials.pattern(kind, int(rng.integers(3)), 1.2)
    )
    share = float(rng.uniform(0.4, 1.0))
    wide, drop = w * share, h - 0.06
    side = float(rng.choice([-1, 1]))
    lift = 0.12
    a.add(folds.drape(wide, drop - lift, rng, wide * 7, d / 2 - 0.005), cloth, (side * (w - wide) / 2, 0, lift))
    rail = materials.chrome()
    a.add(meshes.tube(np.array([[-w / 2, 0, h - 0.02], [w / 2, 0, h - 0.02]]), 0.0125, 10), rail)
    for x in np.linspace(-wide / 2 + 0.04, wide / 2 - 0.04, max(4, int(wide / 0.14))):
        a.box(rail, (0.004, 0.03, 0.06), (side * (w - wide) / 2 + float(x), 0, h - 0.04), bevel=0)
    a.box(cloth, (0.01, 0.002, 0.02), (side * (w / 2 - 0.01), 0, 0.01), bevel=0)
    return a.model("shower curtain", size=(w, d, h))
