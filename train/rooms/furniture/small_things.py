"""Things on tables, desks and counters."""

from __future__ import annotations

import numpy as np

from train.rooms import folds, materials, meshes
from train.rooms.furniture import stock
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.materials import BLACKS, BRIGHTS, GREYS, WHITES, linear, pick
from train.rooms.scene import Model


def books(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A stack of books."""
    a = Assembly("books")
    stock.books_stack(a, rng, (0, 0, 0), int(rng.integers(1, 6)), float(rng.uniform(-0.3, 0.3)))
    return a.model("books", "surface", size=size)


def books_row(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A row of standing books."""
    w, d, h = measure(size, rng, (0.2, 0.6), (0.16, 0.22), (0.22, 0.3))
    a = Assembly("books")
    stock.books_row(a, rng, -w / 2, w, -d / 2, 0.0, h + 0.03, d - 0.012)
    return a.model("row of books", "surface", size=size)


def books_open(rng: np.random.Generator, size: Size = FREE) -> Model:
    """An open book, its pages bowed."""
    w, d, h = measure(size, rng, (0.32, 0.44), (0.22, 0.3), (0.03, 0.045))
    a = Assembly("books")
    cover = materials.plain("cover", materials.cloth_colour(rng), 0.6)
    a.box(cover, (w, d, 0.004), (0, 0, 0.002), bevel=0)
    s = np.linspace(0, 1, 9)
    bow = (h - 0.004) * np.array([0.55, 0.95, 1.0, 0.97, 0.9, 0.8, 0.7, 0.6, 0.52])
    for side in (-1, 1):
        x, page = side * s * (w / 2 - 0.004), materials.page(rng)
        order = slice(None) if side > 0 else slice(None, None, -1)
        top = np.stack([np.stack([x, np.full(9, y), 0.004 + bow], 1)[order] for y in (-d / 2 + 0.004, d / 2 - 0.004)])
        a.add(meshes.sheet(top), page)
        edge = materials.plain("pages", linear(232, 228, 214), 0.9)
        for y, turned in ((-d / 2 + 0.004, False), (d / 2 - 0.004, True)):
            low = np.stack([x, np.full(9, y), np.full(9, 0.004)], 1)[order]
            high = np.stack([x, np.full(9, y), 0.004 + bow], 1)[order]
            a.add(meshes.sheet(np.stack([high, low] if turned else [low, high])), edge)
        a.box(edge, (0.003, d - 0.008, bow[-1]), (side * (w / 2 - 0.005), 0, 0.004 + bow[-1] / 2), bevel=0)
    return a.model("open book", "surface", size=(w, d, h))


def papers(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Sheets strewn about, or a pile of them."""
    a = Assembly("paper")
    if rng.random() < 0.3:
        h = float(rng.uniform(0.01, 0.08))
        a.box(materials.plain("paper pile", linear(238, 236, 230), 0.9), (0.215, 0.3, h), (0, 0, h / 2), bevel=0.001)
        a.add(
            meshes.box((0.21, 0.297, 0.002)),
            materials.page(rng),
            (0.004, 0, h + 0.001),
            turn=meshes.rotation(turn=float(rng.normal(0, 0.1))),
        )
    else:
        stock.sheets(a, rng, (0.12, 0.06), 0.0, int(rng.integers(2, 6)))
    return a.model("papers", "surface", size=size)


def small_box(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A package or a small carton."""
    w, d, h = measure(size, rng, (0.12, 0.35), (0.08, 0.28), (0.05, 0.25))
    a = Assembly("box")
    (stock.storage_box if rng.random() < 0.25 else stock.carton)(a, rng, (w, d, h), (0, 0, 0))
    return a.model("box", "surface", size=(w, d, h))


def tissue_box(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A box with a tissue (paper) coming out of its top."""
    w, d, h = measure(size, rng, (0.22, 0.24), (0.11, 0.13), (0.13, 0.17))
    a = Assembly("box")
    body = min(0.09, h * 0.6)
    a.box(materials.package(rng), (w, d, body), (0, 0, body / 2), bevel=0.002)
    a.add(
        folds.crumple(0.1, 0.05, h - body, rng, 10),
        materials.plain("tissue", linear(245, 245, 243), 0.95),
        (0, 0, body),
        "paper",
    )
    return a.model("tissue box", "surface", size=(w, d, h))


def vase(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A vase, often with flowers (void)."""
    h = measure(size, rng, (0.1, 0.2), (0.1, 0.2), (0.18, 0.34))[2]
    a = Assembly("void")
    stock.vase(a, rng, (0, 0, 0), h, rng.random() < 0.6)
    return a.model("vase", "surface", size=size)


def cup(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A mug (void)."""
    w, d, h = measure(size, rng, (0.11, 0.13), (0.08, 0.09), (0.085, 0.11))
    a = Assembly("void")
    ware = materials.plain("mug", pick(rng, WHITES, BLACKS, BRIGHTS, materials.BLUES), 0.2)
    r = 0.041
    a.add(
        meshes.lathe([(0, 0), (r * 0.9, 0), (r, h * 0.2), (r, h), (r * 0.9, h), (r * 0.85, 0.02), (0, 0.02)], 20), ware
    )
    ring = np.array([[r + 0.028 * np.sin(t), 0, h * 0.5 + h * 0.3 * np.cos(t)] for t in np.linspace(0, np.pi, 10)])
    a.add(meshes.tube(ring, 0.005, 6), ware)
    return a.model("cup", "surface", size=(w, d, h))


def bottle(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A bottle (void)."""
    h = float(rng.uniform(0.18, 0.34)) if size[2] is None else size[2]
    a = Assembly("void")
    stock.bottle(a, rng, (0, 0, 0), h, 18)
    return a.model("bottle", "surface", size=size)


def bowl(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A bowl (void), perhaps of fruit."""
    w, d, h = measure(size, rng, (0.16, 0.3), (0.16, 0.3), (0.08, 0.14))
    d = w if size[1] is None else d
    a = Assembly("void")
    r = w / 2
    ware = (
        materials.wood(rng)
        if rng.random() < 0.3
        else materials.plain("bowl", pick(rng, WHITES, BRIGHTS, materials.BLUES), 0.25)
    )
    rim = h * 0.75
    a.add(
        meshes.lathe(
            [
                (0, 0),
                (r * 0.45, 0),
                (r * 0.85, rim * 0.5),
                (r, rim),
                (r * 0.95, rim),
                (r * 0.78, rim * 0.5),
                (0, 0.015),
            ],
            26,
        ),
        ware,
    )
    if rng.random() < 0.6:
        fruit = [
            materials.plain("fruit", linear(*c), 0.4)
            for c in ((200, 50, 40), (226, 140, 40), (150, 180, 60), (230, 200, 70))
        ]
        for k in range(5):
            angle = k * 1.257
            at = (r * 0.45 * np.cos(angle), r * 0.45 * np.sin(angle), rim * 0.72)
            a.add(meshes.ellipsoid(1.0, 1.0, 8, 12), fruit[int(rng.integers(4))], at, scale=h - rim * 0.72)
    return a.model("bowl", "surface", size=(w, d, h))


def kitchen_appliance(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A coffee machine, kettle or blender (void)."""
    w, d, h = measure(size, rng, (0.18, 0.26), (0.2, 0.32), (0.26, 0.38))
    a = Assembly("void")
    shell = materials.steel(rng) if rng.random() < 0.4 else materials.plastic(rng, BLACKS, WHITES, BRIGHTS)
    dark = materials.plain("dark plastic", linear(30, 30, 33), 0.4)
    kind = str(rng.choice(["coffee", "kettle", "blender"]))
    if kind == "coffee":
        a.box(dark, (w, d, 0.03), (0, 0, 0.015), bevel=0.008)
        a.box(shell, (w, d * 0.42, h), (0, d * 0.29, h / 2), bevel=0.015)
        a.box(shell, (w, d, h * 0.3), (0, 0, h * 0.85), bevel=0.02)
        a.add(
            meshes.lathe([(0, 0.03), (0.06, 0.03), (0.07, 0.09), (0.05, h * 0.55), (0, h * 0.55)], 18),
            materials.glass((0.15, 0.1, 0.08), 0.7),
            (0, -d * 0.18, 0),
        )
    elif kind == "kettle":
        r = min(w, d) * 0.38
        a.add(
            meshes.lathe(
                [(0, 0), (r, 0), (r, 0.02), (r * 0.95, 0.03), (r * 0.7, h * 0.85), (r * 0.3, h * 0.93), (0, h)], 24
            ),
            shell,
        )
        path = np.array(
            [[0, r * 0.75, h * 0.82], [0, r * 1.5, h * 0.75], [0, r * 1.5, h * 0.3], [0, r * 0.95, h * 0.2]]
        )
        a.add(meshes.tube(path, 0.013, 8), dark)
        a.add(
            meshes.tube(np.array([[0, -r * 0.6, h * 0.6], [0, -r * 1.2, h * 0.8]]), np.array([0.03, 0.018]), 8), shell
        )
    else:
        a.box(shell, (w * 0.7, w * 0.7, h * 0.4), (0, 0, h * 0.2), bevel=0.02)
        a.add(
            meshes.lathe([(0, h * 0.4), (0.05, h * 0.4), (w * 0.34, h * 0.93), (0, h * 0.93)], 18),
            materials.glass((0.8, 0.85, 0.88), 0.4),
        )
        a.add(meshes.cylinder(w * 0.34, h * 0.07, 18), dark, (0, 0, h * 0.93))
    return a.model(kind, "surface", size=size if any(v is not None for v in size) else (None, None, h))


def toaster(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A toaster (void)."""
    w, d, h = measure(size, rng, (0.27, 0.34), (0.16, 0.2), (0.17, 0.2))
    a = Assembly("void")
    shell = materials.steel(rng) if rng.random() < 0.6 else materials.plastic(rng, BLACKS, WHITES, BRIGHTS)
    dark = materials.plain("slot", linear(25, 25, 27), 0.5)
    a.add(meshes.ellipsoid(0.25, 0.25, 10, 24), shell, (0, 0, h / 2), scale=(w / 2, d / 2, h / 2))
    for y in (-0.22, 0.22):
        a.box(dark, (w * 0.7, 0.03, 0.004), (0, y * d, h - 0.001), bevel=0)
    a.box(dark, (0.012, 0.04, 0.02), (w / 2, 0, h * 0.65))
    return a.model("toaster", "surface", size=(w, d, h))


def microwave(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A microwave oven (void)."""
    w, d, h = measure(size, rng, (0.45, 0.55), (0.33, 0.42), (0.26, 0.31))
    a = Assembly("void")
    shell = materials.steel(rng) if rng.random() < 0.4 else materials.plastic(rng, BLACKS, WHITES)
    dark = materials.plain("microwave glass", linear(22, 22, 25), 0.1)
    y = -d / 2 + 0.02
    a.box(shell, (w, d - 0.03, h - 0.015), (0, 0.015, 0.015 + (h - 0.015) / 2), bevel=0.006)
    for x in (-0.4, 0.4):
        a.box(dark, (0.03, d * 0.8, 0.015), (x * w, 0, 0.0075), bevel=0)
    a.box(shell, (w * 0.74, 0.02, h - 0.03), (-w * 0.125, y - 0.004, h / 2 + 0.005), bevel=0.004)
    a.box(dark, (w * 0.6, 0.004, h * 0.62), (-w * 0.13, y - 0.0155, h / 2), bevel=0)
    a.box(dark, (w * 0.2, 0.006, h - 0.05), (w * 0.37, y - 0.001, h / 2), bevel=0)
    a.box(
        materials.shining(linear(90, 220, 140), 0.8), (w * 0.13, 0.002, 0.02), (w * 0.37, y - 0.005, h * 0.8), bevel=0
    )
    a.box(materials.chrome(), (0.015, 0.02, h * 0.65), (w * 0.22, y - 0.02, h / 2))
    a.support((-w / 2 + 0.03, -d / 2 + 0.03), (w / 2 - 0.03, d / 2 - 0.02), h, 0.3)
    return a.model("microwave", "surface", size=(w, d, h))


def toys(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A few toys (void): blocks, a ball, a bear."""
    a = Assembly("void")
    if rng.random() < 0.45:
        fur = materials.Material(
            "plush", pick(rng, materials.BROWNS, materials.BEIGES, WHITES), 0.98, texture=materials.pattern("fur", 0)
        )
        ball = meshes.ellipsoid(1.0, 1.0, 10, 16)
        for at, scale in (
            ((0, 0, 0.1), (0.085, 0.075, 0.1)),
            ((0, -0.01, 0.25), (0.075, 0.07, 0.07)),
            ((0, -0.075, 0.235), (0.03, 0.025, 0.025)),
        ):
            a.add(ball, fur, at, scale=scale)
        for x in (-1, 1):
            a.add(ball, fur, (x * 0.058, 0, 0.31), scale=(0.028, 0.018, 0.028))
            a.add(ball, fur, (x * 0.09, -0.05, 0.14), scale=(0.03, 0.05, 0.03))
            a.add(ball, fur, (x * 0.06, -0.1, 0.035), scale=(0.035, 0.07, 0.035))
            a.add(ball, materials.plain("eye", linear(20, 18, 18), 0.2), (x * 0.025, -0.075, 0.27), scale=0.008)
        a.add(ball, materials.plain("eye", linear(20, 18, 18), 0.2), (0, -0.098, 0.242), scale=0.011)
        return a.model("teddy bear", "surface", size=size)
    for _ in range(int(rng.integers(3, 7))):
        block = materials.plain("block", pick(rng, BRIGHTS), 0.5)
        side = float(rng.uniform(0.03, 0.06))
        at = (float(rng.uniform(-0.14, 0.14)), float(rng.uniform(-0.1, 0.1)), side / 2)
        a.box(
            block,
            (side * float(rng.choice([1, 1, 2])), side, side),
            at,
            turn=meshes.rotation(turn=float(rng.uniform(0, 3))),
        )
    ball_r = float(rng.uniform(0.04, 0.07))
    a.add(
        meshes.ellipsoid(1.0, 1.0, 10, 18),
        materials.plain("ball", pick(rng, BRIGHTS), 0.4),
        (0.1, 0.1, ball_r),
        scale=ball_r,
    )
    return a.model("toys", "surface", size=size)


def carton(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A box on the floor, closed or open, sometimes with a smaller one on it."""
    w, d, h = measure(size, rng, (0.3, 0.6), (0.25, 0.45), (0.2, 0.65))
    a = Assembly("box")
    if size[2] is None and rng.random() < 0.3:
        low = h * 0.55
        stock.carton(a, rng, (w, d, low), (0, 0, 0))
        stock.carton(a, rng, (w * 0.75, d * 0.8, h - low), (0.02, 0.01, low))
        return a.model("cartons", size=(w, d, h))
    if rng.random() < 0.2:
        stock.storage_box(a, rng, (w, d, h), (0, 0, 0))
    else:
        stock.carton(a, rng, (w, d, h), (0, 0, 0), rng.random() < 0.3 and size == FREE)
    a.support((-w / 2 + 0.03, -d / 2 + 0.03), (w / 2 - 0.03, d / 2 - 0.03), h, 0.5)
    return a.model("carton", size=size)


def bin_(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A waste bin (void): open, pedal or swing top."""
    w, d, h = measure(size, rng, (0.24, 0.36), (0.24, 0.36), (0.28, 0.65))
    a = Assembly("void")
    shell = (
        materials.steel(rng) if rng.random() < 0.3 else materials.plastic(rng, BLACKS, GREYS, WHITES, materials.BLUES)
    )
    if h < 0.45:
        a.add(
            meshes.lathe([(0, 0), (0.38, 0), (0.5, h), (0.48, h), (0.37, 0.02), (0, 0.02)], 24), shell, scale=(w, d, 1)
        )
    elif rng.random() < 0.5:
        a.add(
            meshes.lathe([(0, 0), (0.47, 0), (0.47, h * 0.88), (0.5, h * 0.88), (0.45, h * 0.97), (0, h)], 24),
            shell,
            scale=(w, d, 1),
        )
    else:
        a.box(shell, (w * 0.94, d * 0.94, h * 0.85), (0, 0, h * 0.425), bevel=0.02)
        a.box(materials.plastic(rng, BLACKS, GREYS), (w, d, h * 0.15), (0, 0, h * 0.925), bevel=0.03)
    return a.model("bin", size=(w, d, h))


def piano(rng: np.random.Generator, size: Size = FREE) -> Model:
    """An upright piano (void)."""
    w, d, h = measure(size, rng, (1.4, 1.52), (0.56, 0.64), (1.1, 1.3))
    a = Assembly("void")
    case = materials.plain("piano lacquer", pick(rng, BLACKS), 0.12) if rng.random() < 0.5 else materials.wood(rng)
    deep = d - 0.28
    a.box(case, (w, deep, h - 0.03), (0, d / 2 - deep / 2, (h - 0.03) / 2), bevel=0.006)
    a.box(case, (w + 0.0, deep + 0.04, 0.03), (0, d / 2 - deep / 2 - 0.02, h - 0.015), bevel=0.008)
    a.box(case, (w, 0.28, 0.1), (0, -d / 2 + 0.14, 0.64), bevel=0.006)
    white, black = (
        materials.plain("ivory", linear(242, 240, 232), 0.3),
        materials.plain("ebony", linear(18, 18, 20), 0.3),
    )
    a.box(white, (w - 0.12, 0.15, 0.02), (0, -d / 2 + 0.1, 0.7), bevel=0)
    pitch = (w - 0.12) / 52
    for i in range(51):
        if i % 7 not in (1, 4):
            a.box(black, (0.011, 0.095, 0.012), (-(w - 0.12) / 2 + (i + 1) * pitch, -d / 2 + 0.127, 0.716), bevel=0)
    for x in (-1, 1):
        a.box(case, (0.06, 0.28, 0.12), (x * (w / 2 - 0.03), -d / 2 + 0.14, 0.7))
        a.box(case, (0.07, 0.07, 0.6), (x * (w / 2 - 0.05), -d / 2 + 0.06, 0.3))
    a.box(case, (w * 0.5, 0.02, 0.22), (0, -d / 2 + 0.25, 0.87), turn=meshes.rotation(tilt=-0.2))
    a.support((-w / 2 + 0.05, d / 2 - deep + 0.03), (w / 2 - 0.05, d / 2 - 0.03), h, 0.5)
    return a.model("piano", clearance=0.7, size=(w, d, h))
