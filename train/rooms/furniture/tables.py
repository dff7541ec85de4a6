"""Tables and desks."""

from __future__ import annotations

import numpy as np

from train.rooms import folds, materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.furniture.joinery import fronts
from train.rooms.scene import Material, Model


def _base(a: Assembly, rng: np.random.Generator, material: Material, w: float, d: float, h: float, style: str) -> None:
    """What carries a top whose underside is at h."""
    if style == "pedestal":
        a.add(
            meshes.lathe(
                [(0, 0), (min(w, d) * 0.3, 0), (min(w, d) * 0.28, 0.03), (0.05, 0.07), (0.045, h), (0, h)], 24
            ),
            material,
        )
    elif style == "sides":
        for x in (-1, 1):
            a.box(material, (0.03, d - 0.04, h), (x * (w / 2 - 0.05), 0, h / 2))
        a.box(material, (w - 0.12, 0.02, h * 0.45), (0, d * 0.3, h * 0.68))
    elif style == "frame":
        for x in (-1, 1):
            for y in (-1, 1):
                a.box(material, (0.045, 0.045, h), (x * (w / 2 - 0.06), y * (d / 2 - 0.04), h / 2), bevel=0.002)
            a.box(material, (0.045, d - 0.08, 0.04), (x * (w / 2 - 0.06), 0, h - 0.02), bevel=0.002)
        a.box(material, (w - 0.12, 0.04, 0.04), (0, d / 2 - 0.04, h - 0.02), bevel=0.002)
    elif style == "tapered":
        for x in (-1, 1):
            for y in (-1, 1):
                foot = np.array([x * (w / 2 - 0.03), y * (d / 2 - 0.03), 0.0])
                top = np.array([x * (w / 2 - 0.1), y * (d / 2 - 0.08), h])
                a.add(meshes.tube(np.stack([foot, top]), np.array([0.014, 0.025]), 10), material)
    else:
        thick = float(np.clip(min(w, d) * 0.075, 0.035, 0.08))
        for x in (-1, 1):
            for y in (-1, 1):
                a.box(
                    material,
                    (thick, thick, h),
                    (x * (w / 2 - thick * 0.6), y * (d / 2 - thick * 0.6), h / 2),
                    bevel=0.005,
                )
        for y in (-1, 1):
            a.box(
                material,
                (w - 2 * thick, 0.02, min(0.09, h * 0.2)),
                (0, y * (d / 2 - thick * 0.6), h - min(0.045, h * 0.1)),
            )
        for x in (-1, 1):
            a.box(
                material,
                (0.02, d - 2 * thick, min(0.09, h * 0.2)),
                (x * (w / 2 - thick * 0.6), 0, h - min(0.045, h * 0.1)),
            )


def _table(
    rng: np.random.Generator,
    size: tuple[float, float, float],
    label: str,
    name: str,
    styles: tuple[str, ...],
    glass: float = 0.0,
    clearance: float = 0.0,
) -> Model:
    w, d, h = size
    a = Assembly(label)
    style = str(rng.choice(styles))
    top = materials.board(rng, 0.3)
    leg = (
        materials.metal(rng, 0.5)
        if style in ("frame", "pedestal")
        else (top if rng.random() < 0.7 else materials.board(rng, 0.4))
    )
    thick = float(rng.uniform(0.02, 0.042))
    round_ = style == "pedestal" or (style == "tapered" and rng.random() < 0.4)
    if rng.random() < glass:
        top, thick = materials.glass((0.75, 0.85, 0.85), 0.45), 0.012
    _base(a, rng, leg, w, d, h - thick, style)
    if round_:
        a.add(meshes.cylinder(0.5, 1.0, 40), top, (0, 0, h - thick), scale=(w, d, thick))
        a.support((-w * 0.34, -d * 0.34), (w * 0.34, d * 0.34), h)
    else:
        a.box(top, (w, d, thick), (0, 0, h - thick / 2), bevel=0.004)
        a.support((-w / 2 + 0.02, -d / 2 + 0.02), (w / 2 - 0.02, d / 2 - 0.02), h)
    if name == "coffee table" and style in ("legs", "sides") and rng.random() < 0.4:
        a.box(top, (w - 0.14, d - 0.08, 0.018), (0, 0, h * 0.35))
        a.support((-w / 2 + 0.08, -d / 2 + 0.05), (w / 2 - 0.08, d / 2 - 0.05), h * 0.35 + 0.01, h * 0.5)
    if label == "table" and name == "dining table" and rng.random() < 0.15:  # a tablecloth
        cloth = materials.linen(rng)
        a.box(cloth, (w + 0.01, d + 0.01, 0.006), (0, 0, h + 0.002), bevel=0)
        for turn, wide, far in ((0, w, d), (1, d, w), (2, w, d), (3, d, w)):
            hang = folds.drape(wide + 0.01, 0.24, rng, wide * 5, 0.012)
            quarter = meshes.rotation(turn=turn * np.pi / 2)
            a.add(hang, cloth, quarter @ np.array([0, -far / 2 - 0.006, h - 0.236]), turn=quarter)
    return a.model(name, clearance=clearance, size=size)


def dining_table(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A table to eat at: on legs or a column, round or not, some with a cloth."""
    w, d, h = measure(size, rng, (0.9, 1.9), (0.75, 1.0), (0.72, 0.77))
    styles = ("legs", "legs", "tapered", "frame", "pedestal") if w < 1.3 else ("legs", "legs", "tapered", "frame")
    return _table(rng, (w, d, h), "table", "dining table", styles, 0.08)


def coffee_table(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A low table before a sofa."""
    w, d, h = measure(size, rng, (0.8, 1.3), (0.5, 0.75), (0.36, 0.5))
    return _table(rng, (w, d, h), "table", "coffee table", ("legs", "sides", "tapered", "frame"), 0.2)


def side_table(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A small table beside a sofa or in a corner."""
    w, d, h = measure(size, rng, (0.4, 0.6), (0.4, 0.6), (0.45, 0.7))
    return _table(rng, (w, d, h), "table", "side table", ("legs", "tapered", "pedestal", "frame"), 0.15)


def conference_table(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A long table, its ends straight or bowed."""
    w, d, h = measure(size, rng, (2.2, 3.6), (1.0, 1.4), (0.73, 0.76))
    if rng.random() < 0.5:
        return _table(rng, (w, d, h), "table", "conference table", ("sides", "frame", "legs"))
    a = Assembly("table")
    top, foot = materials.board(rng, 0.25), materials.metal(rng, 0.6)
    outline = meshes.rounded_outline(w, d, 3.5, 48)
    flat = meshes.rotation(tilt=-np.pi / 2)
    a.add(meshes.extrude(outline, 0.035), top, (0, 0, h), turn=flat)
    for x in (-0.28, 0.28):
        a.box(foot, (0.5, 0.35, h - 0.035), (x * w, 0, (h - 0.035) / 2), bevel=0.01)
    a.support((-w * 0.42, -d * 0.38), (w * 0.42, d * 0.38), h)
    return a.model("conference table", size=(w, d, h))


def desk(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A desk: plain, with a pedestal of drawers, or with a hutch of shelves above."""
    w, d, h = measure(size, rng, (1.0, 1.8), (0.55, 0.85), (0.71, 0.77))
    if rng.random() < 0.4:
        return _table(rng, (w, d, h), "desk", "desk", ("frame", "sides", "legs", "tapered"), 0.04, 0.7)
    a = Assembly("desk")
    body = materials.board(rng, 0.3)
    face = materials.board(rng, 0.5) if rng.random() < 0.3 else body
    t = 0.028
    a.box(body, (w, d, t), (0, 0, h - t / 2), bevel=0.004)
    wide = min(0.42, w * 0.34)
    sides = [1, -1] if w > 1.4 and rng.random() < 0.35 else [int(rng.choice([-1, 1]))]
    for side in sides:
        x = side * (w / 2 - wide / 2 - 0.01)
        a.box(body, (wide, d - 0.06, h - t - 0.03), (x, 0.02, 0.03 + (h - t - 0.03) / 2))
        a.box(body, (wide - 0.03, d - 0.1, 0.03), (x, 0.02, 0.015), bevel=0)
        fronts(
            a,
            rng,
            face,
            (x - wide / 2, 0.05),
            (x + wide / 2, h - t - 0.005),
            -d / 2 + 0.05,
            int(rng.integers(2, 5)),
            1,
            False,
        )
    if len(sides) == 1:
        a.box(body, (t, d - 0.04, h - t), (-sides[0] * (w / 2 - t / 2 - 0.01), 0, (h - t) / 2))
    a.box(body, (w - 0.1, 0.018, h * 0.5), (0, d / 2 - 0.05, h * 0.7))
    a.support((-w / 2 + 0.02, -d / 2 + 0.02), (w / 2 - 0.02, d / 2 - 0.02), h)
    return a.model("desk", clearance=0.7, size=(w, d, h))


def school_desk(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A pupil's desk: steel tubes, a light top, a shelf below."""
    w, d, h = measure(size, rng, (0.6, 1.3), (0.45, 0.55), (0.68, 0.76))
    a = Assembly("desk")
    tube, top = materials.metal(rng, 0.4), materials.board(rng, 0.3)
    for x in (-1, 1):
        for y in (-1, 1):
            foot = np.array([x * (w / 2 - 0.05), y * (d / 2 - 0.04), 0.0])
            a.add(meshes.tube(np.stack([foot, foot + np.array([0, 0, h - 0.03])]), 0.014, 8), tube)
        path = np.array([[x * (w / 2 - 0.05), -d / 2 + 0.04, 0.1], [x * (w / 2 - 0.05), d / 2 - 0.04, 0.1]])
        a.add(meshes.tube(path, 0.012, 8), tube)
    a.box(top, (w, d, 0.025), (0, 0, h - 0.0125), bevel=0.005)
    a.box(tube, (w - 0.1, d * 0.7, 0.008), (0, 0.02, h - 0.14), bevel=0)
    a.support((-w / 2 + 0.02, -d / 2 + 0.02), (w / 2 - 0.02, d / 2 - 0.02), h)
    return a.model("school desk", clearance=0.6, size=(w, d, h))
