"""Kitchen units and appliances."""

from __future__ import annotations

import numpy as np

from train.rooms import materials, meshes
from train.rooms.furniture.assembly import FREE, LABEL, Assembly, Size, measure
from train.rooms.furniture.joinery import carcass, fronts
from train.rooms.materials import BLACKS, GREYS, WHITES, linear, pick
from train.rooms.scene import Material, Model

TOP = 0.04


def worktop(rng: np.random.Generator) -> Material:
    """Stone, laminate or wood for counters."""
    kind = rng.random()
    if kind < 0.3:
        return materials.wood(rng)
    texture = materials.pattern(str(rng.choice(["speckle", "marble", "concrete"])), int(rng.integers(3)))
    return Material("worktop", pick(rng, WHITES, GREYS, BLACKS, materials.BEIGES), 0.25, texture=texture)


def _unit(
    a: Assembly,
    rng: np.random.Generator,
    w: float,
    d: float,
    h: float,
    body: Material,
    rows: int,
    doors: bool,
    hollow: bool = False,
) -> None:
    x, front, back, top = w / 2 - 0.001, -d / 2 + 0.06, d / 2, h - TOP
    if hollow:
        carcass(a, body, (-x, front, 0.1), (x, back, top), "cabinet")
    else:
        a.box(body, (2 * x, back - front, top - 0.1), (0, (front + back) / 2, (top + 0.1) / 2), "cabinet")
    a.box(materials.plain("plinth", pick(rng, BLACKS, GREYS), 0.6), (w, d - 0.12, 0.1), (0, 0.06, 0.05), "cabinet", 0)
    fronts(
        a,
        rng,
        body,
        (-w / 2, 0.11),
        (w / 2, h - TOP - 0.003),
        -d / 2 + 0.05,
        rows,
        1 if w < 0.7 else round(w / 0.45),
        doors,
    )


def base_unit(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A base cabinet under its piece of counter."""
    w, d, h = measure((size[0] or 0.6, size[1], size[2]), rng, (0.6, 0.6), (0.6, 0.62), (0.88, 0.92))
    a = Assembly("cabinet")
    doors = rng.random() < 0.6
    _unit(a, rng, w, d, h, materials.board(rng, 0.6), 1 if doors else int(rng.integers(2, 5)), doors)
    a.box(worktop(rng), (w, d, TOP), (0, 0, h - TOP / 2), "counter", 0.004)
    a.support((-w / 2 + 0.02, -d / 2 + 0.03), (w / 2 - 0.02, d / 2 - 0.02), h, 0.5)
    return a.model("base unit", clearance=0.6, size=(w, d, h))


def sink_unit(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A base cabinet with a sink let into the counter, and a tap."""
    w, d, h = measure((size[0] or 0.6, size[1], size[2]), rng, (0.6, 0.6), (0.6, 0.62), (1.1, 1.25))
    top = min(0.9, h - 0.2)
    a = Assembly("cabinet")
    _unit(a, rng, w, d, top, materials.board(rng, 0.6), 1, True, hollow=True)
    counter = worktop(rng)
    bowl_w, bowl_d = min(w - 0.12, 0.75), d - 0.2
    edge, side = (d - bowl_d) / 2, (w - bowl_w) / 2
    for y in (-1, 1):
        a.box(counter, (w, edge, TOP), (0, y * (d - edge) / 2, top - TOP / 2), "counter", 0.003)
    for x in (-1, 1):
        a.box(counter, (side, bowl_d, TOP), (x * (w - side) / 2, 0, top - TOP / 2), "counter", 0.003)
    sink = materials.steel(rng) if rng.random() < 0.75 else materials.porcelain()
    rim = 0.02
    for y in (-1, 1):
        a.box(sink, (bowl_w + 2 * rim, rim, 0.012), (0, y * bowl_d / 2, top + 0.003), "sink", 0.003)
        a.box(sink, (bowl_w, 0.006, 0.17), (0, y * (bowl_d / 2 - 0.003), top - 0.085), "sink", 0)
    for x in (-1, 1):
        a.box(sink, (rim, bowl_d, 0.012), (x * bowl_w / 2, 0, top + 0.003), "sink", 0.003)
        a.box(sink, (0.006, bowl_d, 0.17), (x * (bowl_w / 2 - 0.003), 0, top - 0.085), "sink", 0)
    a.box(sink, (bowl_w, bowl_d, 0.006), (0, 0, top - 0.17), "sink", 0)
    a.add(meshes.cylinder(0.035, 0.006), materials.plain("drain", linear(60, 60, 62), 0.4), (0, 0, top - 0.166), "sink")
    chrome, y = materials.chrome(), d / 2 - edge * 0.5
    reach, bend = 0.09, h - 0.09
    arc = [(0, y - reach + reach * np.cos(t), bend + 0.077 * np.sin(t)) for t in np.linspace(0, np.pi, 9)]
    path = np.array([(0, y, top), *arc, (0, y - 2 * reach, bend - 0.03)])
    a.add(meshes.tube(path, 0.013, 10), chrome, label="sink")
    a.box(chrome, (0.02, 0.08, 0.02), (0.04, y - 0.02, top + 0.06), "sink", 0.005)
    a.add(meshes.cylinder(0.024, 0.04), chrome, (0, y, top), "sink")
    return a.model("sink unit", clearance=0.6, size=(w, d, h), main=LABEL["sink"])


def oven_unit(rng: np.random.Generator, size: Size = FREE) -> Model:
    """An oven (void) with a hob on the counter above it."""
    w, d, h = measure((size[0] or 0.6, size[1], size[2]), rng, (0.6, 0.6), (0.6, 0.62), (0.88, 0.93))
    a = Assembly("void")
    black = materials.plain("oven glass", linear(24, 24, 26), 0.1)
    shell = materials.steel(rng) if rng.random() < 0.5 else materials.plain("enamel", pick(rng, WHITES, BLACKS), 0.3)
    freestanding = rng.random() < 0.4
    body = h - 0.01 if freestanding else h - TOP
    a.box(shell, (w - 0.004, d - 0.05, body - 0.1), (0, 0.025, 0.1 + (body - 0.1) / 2))
    a.box(black, (w - 0.02, d - 0.12, 0.1), (0, 0.06, 0.05), bevel=0)
    a.box(shell, (w - 0.01, 0.025, 0.6), (0, -d / 2 + 0.04, 0.4), bevel=0.005)
    a.box(black, (w - 0.1, 0.006, 0.36), (0, -d / 2 + 0.026, 0.38), bevel=0)
    metal = materials.chrome()
    a.add(
        meshes.tube(np.array([[-w / 2 + 0.05, -d / 2 + 0.012, 0.62], [w / 2 - 0.05, -d / 2 + 0.012, 0.62]]), 0.01, 8),
        metal,
    )
    knob = meshes.moved(meshes.cylinder(0.02, 0.025, 12), turn=meshes.rotation(tilt=np.pi / 2))
    for i in range(5):
        a.add(knob, metal if rng.random() < 0.5 else black, ((i - 2) * w * 0.17, -d / 2 + 0.045, body - 0.07))
    if freestanding:
        a.box(shell, (w, d, 0.01), (0, 0, h - 0.012), bevel=0.003)
        hob = "void"
    else:
        a.box(worktop(rng), (w, d, TOP), (0, 0, h - TOP / 2 - 0.006), "counter", 0.004)
        hob = "void"
    a.box(black, (w - 0.04, d - 0.1, 0.006), (0, 0, h - 0.003), hob, 0.001)
    ring = materials.plain("hob ring", linear(70, 70, 74), 0.4)
    for x in (-1, 1):
        for y in (-1, 1):
            r = float(rng.choice([0.08, 0.1]))
            a.add(
                meshes.lathe([(r, 0), (r, 0.0012), (r - 0.008, 0.0012)], 24),
                ring,
                (x * w * 0.22, y * d * 0.2, h - 0.0008),
                hob,
            )
    if size[2] is None and rng.random() < 0.4:  # a pot
        pot = (
            materials.steel(rng)
            if rng.random() < 0.6
            else materials.plain("pot", pick(rng, materials.BRIGHTS, BLACKS), 0.3)
        )
        a.add(
            meshes.lathe([(0, 0), (0.1, 0), (0.1, 0.12), (0.104, 0.125), (0.09, 0.145), (0.02, 0.16), (0, 0.16)], 24),
            pot,
            (w * 0.22, d * 0.2, h),
            "void",
        )
        tall = None
    else:
        tall = h
    return a.model("oven", clearance=0.6, size=(w, d, tall))


def upper_unit(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A kitchen's wall cabinet."""
    w, d, h = measure((size[0] or 0.6, size[1], size[2]), rng, (0.6, 0.6), (0.32, 0.38), (0.6, 0.8))
    a = Assembly("cabinet")
    body = materials.board(rng, 0.6)
    a.box(body, (w - 0.002, d - 0.02, h), (0, -(d - 0.02) / 2, h / 2))
    fronts(a, rng, body, (-w / 2, 0.002), (w / 2, h - 0.002), -d + 0.02, 1, 1 if w < 0.5 else 2, True)
    return a.model("wall cabinet", "wall", size=(w, d, h))


def range_hood(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A cooker hood: a flat box, or a chimney over a sloping canopy."""
    w, d, h = measure((size[0] or 0.6, size[1], size[2]), rng, (0.6, 0.6), (0.42, 0.5), (0.5, 0.75))
    a = Assembly("void")
    shell = materials.steel(rng) if rng.random() < 0.7 else materials.plain("hood", pick(rng, WHITES, BLACKS), 0.35)
    a.box(shell, (w, d, 0.06), (0, -d / 2, 0.03), bevel=0.004)
    profile = np.array([[w / 2, d], [0.15, 0.28]])
    corners = []
    for level, z in ((0, 0.06), (1, min(0.24, h * 0.5))):
        x, y = profile[level]
        corners.append([(-x, -y, z), (x, -y, z), (x, 0, z), (-x, 0, z)])
    for i in range(4):
        quad = np.array([[corners[0][i], corners[0][(i + 1) % 4]], [corners[1][i], corners[1][(i + 1) % 4]]])
        a.add(meshes.sheet(quad), shell)
    top = min(0.24, h * 0.5)
    a.box(shell, (0.3, 0.28, h - top), (0, -0.14, top + (h - top) / 2), bevel=0.003)
    dark = materials.plain("hood switches", linear(30, 30, 32), 0.4)
    a.box(dark, (0.16, 0.004, 0.02), (0, -d - 0.001, 0.03), bevel=0)
    return a.model("range hood", "wall", size=(w, d, h))


def refridgerator(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A refrigerator: one door, two doors above each other, or side by side; perhaps with notes on it."""
    w, d, h = measure(size, rng, (0.55, 0.9), (0.6, 0.75), (1.35, 1.9))
    a = Assembly("refridgerator")
    coat = (
        materials.steel(rng)
        if rng.random() < 0.4
        else materials.plain("enamel", pick(rng, WHITES, WHITES, BLACKS, GREYS[:2], materials.BEIGES[3:4]), 0.3)
    )
    grip = materials.chrome() if rng.random() < 0.5 else materials.plain("grip", pick(rng, GREYS, BLACKS), 0.4)
    a.box(coat, (w, d - 0.07, h), (0, 0.035, h / 2), bevel=0.008)
    y = -d / 2 + 0.045
    style = "side" if w > 0.8 and rng.random() < 0.7 else str(rng.choice(["top", "bottom", "one"]))
    split = {"top": h * 0.68, "bottom": h * 0.4, "one": h, "side": h}[style]
    doors = [(0.0, w, 0.06, split)] + ([(0.0, w, split, h)] if split < h else [])
    if style == "side":
        doors = [(-w / 4, w / 2, 0.06, h), (w / 4, w / 2, 0.06, h)]
    hinge = int(rng.choice([-1, 1]))
    for x, wide, low, high in doors:
        a.box(coat, (wide - 0.006, 0.06, high - low - 0.008), (x, y - 0.008, (low + high) / 2), bevel=0.012)
        side = hinge if style != "side" else (1 if x < 0 else -1)
        long = min(0.45, (high - low) * 0.6)
        z = low + 0.1 + long / 2 if low > 0.5 else high - 0.1 - long / 2
        if style in ("one", "side"):
            z = h * 0.6
        a.box(grip, (0.022, 0.035, long), (x + side * (wide / 2 - 0.05), -d / 2 - 0.005, z), bevel=0.008)
    a.box(materials.plain("base", linear(40, 40, 42), 0.6), (w - 0.02, d - 0.1, 0.06), (0, 0.04, 0.03), bevel=0)
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.5 else 0):
        turn = meshes.rotation(roll=float(rng.normal(0, 0.06)))
        at = (float(rng.uniform(-0.25, 0.25)) * w, y - 0.039, h * float(rng.uniform(0.55, 0.85)))
        a.add(meshes.box((0.12, 0.002, 0.16)), materials.page(rng), at, "paper", turn)
    a.support((-w / 2 + 0.03, -d / 2 + 0.08), (w / 2 - 0.03, d / 2 - 0.02), h, 0.4)
    return a.model("refrigerator", clearance=0.6, size=(w, d, h))


def water_cooler(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A dispenser with a bottle on top (void)."""
    w, d, h = measure(size, rng, (0.3, 0.34), (0.3, 0.36), (1.25, 1.4))
    a = Assembly("void")
    shell = materials.plain("cooler", pick(rng, WHITES, GREYS[:1]), 0.4)
    a.box(shell, (w, d, 0.95), (0, 0, 0.475), bevel=0.02)
    a.box(materials.plain("recess", linear(60, 62, 66), 0.5), (w * 0.7, 0.02, 0.25), (0, -d / 2, 0.72))
    for x, colour in ((-0.05, (60, 90, 190)), (0.05, (190, 60, 50))):
        a.box(materials.plain("tap", linear(*colour), 0.4), (0.025, 0.04, 0.04), (x, -d / 2 - 0.02, 0.8))
    bottle = materials.Material("water bottle", linear(120, 165, 205), 0.1, opacity=0.55)
    a.add(
        meshes.lathe([(0, 0.95), (0.05, 0.95), (0.06, 1.0), (0.13, 1.04), (0.135, 1.3), (0.12, h), (0, h)], 24), bottle
    )
    return a.model("water cooler", clearance=0.4, size=(w, d, h))
