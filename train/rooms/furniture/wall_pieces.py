"""What hangs on walls; backs at y = 0."""

from __future__ import annotations

import numpy as np

from train.rooms import materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.furniture.electronics import display
from train.rooms.materials import BLACKS, GREYS, WHITES, linear
from train.rooms.prints import printed
from train.rooms.scene import Material, Model


def _frame(a: Assembly, material: Material, w: float, h: float, bar: float, thick: float) -> None:
    for z in (bar / 2, h - bar / 2):
        a.box(material, (w, thick, bar), (0, -thick / 2, z))
    for x in (-1, 1):
        a.box(material, (bar, thick, h - 2 * bar), (x * (w - bar) / 2, -thick / 2, h / 2))


def _sheet(
    a: Assembly,
    material: Material,
    w: float,
    h: float,
    at: tuple[float, float, float],
    label: str | None = None,
    roll: float = 0.0,
) -> None:
    a.add(meshes.box((w, 0.002, h)), material, at, label, meshes.rotation(roll=roll) if roll else None)


def picture(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A framed picture, with or without a mount, or a canvas."""
    w, d, h = measure(size, rng, (0.3, 1.0), (0.015, 0.035), (0.3, 0.8))
    a = Assembly("picture")
    image = materials.art(rng) if rng.random() < 0.88 else materials.art(rng, "map", 4)
    if rng.random() < 0.25:
        a.box(materials.plain("canvas", linear(232, 228, 220), 0.9), (w, d, h), (0, -d / 2, h / 2))
        _sheet(a, image, w - 0.004, h - 0.004, (0, -d, h / 2))
        return a.model("canvas", "wall", size=(w, d, h))
    bar = float(rng.uniform(0.015, 0.05))
    frame = materials.board(rng, 0.5) if rng.random() < 0.7 else materials.metal(rng, 0.4)
    _frame(a, frame, w, h, bar, d)
    a.box(
        materials.plain("mount", linear(240, 238, 232), 0.9),
        (w - 2 * bar, 0.008, h - 2 * bar),
        (0, -0.004, h / 2),
        bevel=0,
    )
    mount = float(rng.choice([0.0, 0.0, 0.05, 0.08])) if min(w, h) > 0.3 else 0.0
    _sheet(a, image, w - 2 * bar - 2 * mount, h - 2 * bar - 2 * mount, (0, -0.0095, h / 2))
    return a.model("picture", "wall", size=(w, d, h))


def poster(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A poster or a map without a frame."""
    w, d, h = measure(size, rng, (0.42, 0.7), (0.002, 0.003), (0.6, 1.0))
    a = Assembly("picture")
    image = materials.art(rng, "poster", 12) if w < h * 1.1 else materials.art(rng, "map", 4)
    _sheet(a, image, w, h, (0, -0.001, h / 2))
    return a.model("poster", "wall", size=(w, d, h))


def mirror(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A mirror: framed, bare, or oval."""
    w, d, h = measure(size, rng, (0.4, 1.0), (0.012, 0.03), (0.5, 1.3))
    a = Assembly("mirror")
    glass = materials.mirror()
    style = str(rng.choice(["framed", "framed", "bare", "oval"]))
    if style == "oval":
        outline = meshes.rounded_outline(w, h, 2.0, 40)
        a.add(meshes.extrude(outline, d), materials.board(rng, 0.4), (0, -d, h / 2))
        a.add(meshes.extrude(meshes.rounded_outline(w - 0.06, h - 0.06, 2.0, 40), 0.002), glass, (0, -d - 0.002, h / 2))
    elif style == "bare":
        a.box(glass, (w, d, h), (0, -d / 2, h / 2), bevel=0.004)
    else:
        bar = float(rng.uniform(0.02, 0.07))
        _frame(a, materials.board(rng, 0.4) if rng.random() < 0.7 else materials.metal(rng), w, h, bar, d)
        a.box(glass, (w - 2 * bar, 0.006, h - 2 * bar), (0, -0.003, h / 2), bevel=0)
    return a.model("mirror", "wall", size=(w, d, h))


def _writing(a: Assembly, rng: np.random.Generator, w: float, h: float, z: float, y: float) -> None:
    """A few lines in marker."""
    inks = [
        materials.plain("ink", linear(*c), 0.6) for c in ((30, 40, 120), (30, 30, 32), (170, 40, 40), (30, 110, 60))
    ]
    for _ in range(int(rng.integers(0, 5))):
        ink = inks[int(rng.integers(4))]
        x0, z0 = float(rng.uniform(-0.42, 0.1)) * w, z + float(rng.uniform(0.3, 0.9)) * h
        if rng.random() < 0.7:
            for line in range(int(rng.integers(1, 6))):
                x = x0
                while x < min(x0 + w * 0.3, w * 0.45):
                    word = float(rng.uniform(0.03, 0.12))
                    if z0 - line * 0.06 > z + 0.06:
                        a.box(
                            ink,
                            (word, 0.001, 0.02 * float(rng.uniform(0.5, 1))),
                            (x + word / 2, y, z0 - line * 0.06),
                            bevel=0,
                        )
                    x += word + 0.025
        else:
            r = float(rng.uniform(0.06, 0.14))
            if z0 - r > z + 0.04 and z0 + r < z + h - 0.04:
                ring = np.array([[x0 + r * np.cos(t), y, z0 + r * np.sin(t)] for t in np.linspace(0, 2 * np.pi, 25)])
                a.add(meshes.tube(ring, 0.003, 5), ink)


def whiteboard(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A board to write on, with its tray."""
    w, d, h = measure(size, rng, (1.0, 2.4), (0.05, 0.08), (0.8, 1.25))
    a = Assembly("whiteboard")
    alu = materials.metal(rng, 0.1)
    _frame(a, alu, w, h, 0.022, 0.02)
    a.box(
        materials.plain("whiteboard", linear(240, 241, 242), 0.12),
        (w - 0.03, 0.012, h - 0.03),
        (0, -0.006, h / 2),
        bevel=0,
    )
    a.box(alu, (w * 0.6, d, 0.015), (0, -d / 2, 0.012), bevel=0.003)
    _writing(a, rng, w, h, 0.0, -0.013)
    for i in range(int(rng.integers(0, 4))):
        pen = materials.plain("pen", linear(*[(30, 40, 140), (180, 40, 40), (25, 25, 28), (30, 120, 60)][i]), 0.4)
        a.box(pen, (0.12, 0.015, 0.015), ((i - 1.5) * 0.15, -d * 0.6, 0.026))
    return a.model("whiteboard", "wall", size=(w, d, h))


def whiteboard_stand(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A whiteboard on a wheeled stand."""
    w, d, h = measure(size, rng, (1.1, 1.6), (0.5, 0.6), (1.7, 1.9))
    a = Assembly("whiteboard")
    alu = materials.metal(rng, 0.2)
    board = min(1.05, h - 0.7)
    for x in (-1, 1):
        a.box(alu, (0.03, 0.03, h - 0.06), (x * (w / 2 - 0.015), 0, 0.06 + (h - 0.06) / 2))
        a.box(alu, (0.04, d, 0.03), (x * (w / 2 - 0.02), 0, 0.06))
        for y in (-1, 1):
            a.add(
                meshes.ellipsoid(1.0, 1.0, 6, 10),
                materials.plain("castor", linear(30, 30, 32), 0.5),
                (x * (w / 2 - 0.02), y * (d / 2 - 0.03), 0.025),
                scale=0.025,
            )
    a.box(alu, (w - 0.06, 0.03, 0.03), (0, 0, 0.35))
    face = materials.plain("whiteboard", linear(240, 241, 242), 0.12)
    a.box(face, (w - 0.08, 0.02, board), (0, 0, h - board / 2 - 0.02), bevel=0.002)
    for z in (h - 0.015, h - board - 0.03):
        a.box(alu, (w - 0.06, 0.03, 0.025), (0, 0, z))
    _writing(a, rng, w - 0.1, board, h - board - 0.02, -0.011)
    return a.model("whiteboard on a stand", clearance=0.6, size=(w, d, h))


def radiator(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A panel or column radiator (void)."""
    w, d, h = measure(size, rng, (0.6, 1.4), (0.09, 0.14), (0.45, 0.65))
    a = Assembly("void")
    coat = materials.plain("radiator", materials.pick(rng, WHITES), 0.35)
    if rng.random() < 0.5:
        a.box(coat, (w, d * 0.6, h), (0, -d * 0.7, h / 2), bevel=0.008)
        for x in np.arange(-w / 2 + 0.04, w / 2 - 0.02, 0.035):
            a.box(coat, (0.014, 0.008, h - 0.08), (float(x), -d + 0.0, h / 2), bevel=0.003)
    else:
        for x in np.arange(-w / 2 + 0.025, w / 2, 0.055):
            a.box(coat, (0.04, d * 0.75, h), (float(x), -d * 0.6, h / 2), bevel=0.018)
    a.box(coat, (0.03, d * 0.4, 0.03), (w / 2 - 0.1, -d * 0.2, h * 0.8), bevel=0)
    a.box(coat, (0.03, d * 0.4, 0.03), (-w / 2 + 0.1, -d * 0.2, h * 0.8), bevel=0)
    return a.model("radiator", "wall", size=(w, d, h))


def clock(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A round clock (void)."""
    w, d, h = measure(size, rng, (0.24, 0.36), (0.03, 0.05), (0.24, 0.36))
    h = w if size[2] is None else h
    a = Assembly("void")
    rim = materials.plastic(rng, BLACKS, WHITES, GREYS, materials.BROWNS)
    disc = meshes.moved(meshes.cylinder(0.5, 1.0, 32), turn=meshes.rotation(tilt=np.pi / 2))
    a.add(disc, rim, (0, 0, h / 2), scale=(w, d, h))
    face = materials.Material("clock face", (1.0, 1.0, 1.0), 0.4, texture=printed("clock", int(rng.integers(6))))
    a.add(meshes.extrude(meshes.rounded_outline(w * 0.9, h * 0.9, 2.0, 32), 0.002), face, (0, -d - 0.001, h / 2))
    return a.model("clock", "wall", size=(w, d, h))


def notice_board(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A cork board (void) with sheets of paper pinned to it."""
    w, d, h = measure(size, rng, (0.6, 1.4), (0.02, 0.03), (0.5, 1.0))
    a = Assembly("void")
    cork = materials.Material("cork", linear(178, 136, 92), 0.95, texture=materials.pattern("speckle", 0, 0.5))
    if rng.random() < 0.3:
        cork = materials.plain("felt", materials.pick(rng, materials.BLUES, materials.GREENS, GREYS), 0.95)
    _frame(a, materials.board(rng, 0.3), w, h, 0.025, d)
    a.box(cork, (w - 0.04, 0.012, h - 0.04), (0, -0.006, h / 2), bevel=0)
    _papers(a, rng, w - 0.1, h - 0.1, 0.05, -0.014)
    return a.model("notice board", "wall", size=(w, d, h))


def _papers(a: Assembly, rng: np.random.Generator, w: float, h: float, z: float, y: float) -> int:
    """Sheets in rough rows; how many there are."""
    count = 0
    columns, rows = max(1, int(w / 0.25)), max(1, int(h / 0.33))
    for row in range(rows):
        for column in range(columns):
            if rng.random() < 0.8:
                count += 1
                if rng.random() < 0.7:
                    pw, ph = (0.21, 0.297) if rng.random() < 0.85 else (0.148, 0.21)
                else:
                    pw, ph = 0.2, 0.15
                pw, ph = min(pw, w / columns * 0.96), min(ph, h / rows * 0.96)
                x = -w / 2 + (column + 0.5) * w / columns + float(rng.normal(0, 0.01))
                _sheet(
                    a,
                    materials.page(rng),
                    pw,
                    ph,
                    (x, y, z + (row + 0.5) * h / rows),
                    "paper",
                    float(rng.normal(0, 0.04)),
                )
    return count


def wall_papers(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Sheets of paper taped to a wall."""
    w, _, h = measure(size, rng, (0.25, 1.0), (0.002, 0.003), (0.33, 0.75))
    a = Assembly("paper")
    if not _papers(a, rng, w, h, 0.0, -0.001):
        _sheet(a, materials.page(rng), 0.21, 0.297, (0, -0.001, h / 2))
    return a.model("papers on the wall", "wall", size=size)


def calendar(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A calendar of paper."""
    w, d, h = measure(size, rng, (0.28, 0.34), (0.004, 0.006), (0.4, 0.48))
    a = Assembly("paper")
    a.box(
        materials.Material("calendar", (1.0, 1.0, 1.0), 0.8, texture=printed("calendar", int(rng.integers(6)))),
        (w, d, h),
        (0, -d / 2, h / 2),
        bevel=0,
    )
    return a.model("calendar", "wall", size=(w, d, h))


def wall_tv(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A flat television on the wall."""
    w, d, h = measure(size, rng, (0.8, 1.4), (0.05, 0.09), (0.47, 0.8))
    if size[2] is None:
        h = w * 0.575
    a = Assembly("television")
    display(a, rng, w, h, min(d, 0.04), 0.0, -d + min(d, 0.04) / 2, "screen", 0.5)
    a.box(materials.plain("mount", linear(30, 30, 32), 0.5), (w * 0.4, d - 0.02, h * 0.4), (0, -(d - 0.02) / 2, h / 2))
    return a.model("wall television", "wall", size=(w, d, h))
