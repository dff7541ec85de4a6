"""Windows, doors and what covers windows, made to the opening's measure; backs at y = 0."""

from __future__ import annotations

import numpy as np

from train.rooms import folds, materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.materials import BEIGES, BROWNS, GREYS, WHITES, linear, pick
from train.rooms.scene import Material, Model


def window(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A window: frame, one to four casements or a sash, glazing bars in some, panes."""
    w, d, h = measure(size, rng, (0.8, 1.8), (0.06, 0.08), (1.0, 1.5))
    a = Assembly("window")
    style = rng.random()
    frame = (
        materials.plain("window frame", pick(rng, WHITES), 0.4)
        if style < 0.7
        else (
            materials.wood(rng) if style < 0.85 else materials.plain("alloy", pick(rng, GREYS, materials.BLACKS), 0.4)
        )
    )
    bar = float(rng.uniform(0.045, 0.07))
    columns = max(1, round(w / float(rng.uniform(0.6, 1.0))))
    sash = h > 1.1 and rng.random() < 0.3
    for z in (bar / 2, h - bar / 2):
        a.box(frame, (w, d, bar), (0, -d / 2, z))
    for i in range(columns + 1):
        x = -w / 2 + bar / 2 + i * (w - bar) / columns
        a.box(frame, (bar, d, h - 2 * bar), (x, -d / 2, h / 2))
    rows = 2 if sash else 1
    if sash:
        a.box(frame, (w - 2 * bar, d, bar * 0.9), (0, -d / 2, h * 0.5))
    bars = rng.random() < 0.3
    pane_w = (w - bar) / columns - bar
    for i in range(columns):
        x = -w / 2 + bar / 2 + (i + 0.5) * (w - bar) / columns
        for z in (bar + 0.02, h - bar - 0.02):
            a.box(frame, (pane_w, d * 0.7, 0.04), (x, -d * 0.45, z))
        for s in (-1, 1):
            a.box(frame, (0.04, d * 0.7, h - 2 * bar), (x + s * (pane_w / 2 - 0.02), -d * 0.45, h / 2))
        if bars:
            a.box(frame, (0.02, 0.03, h - 2 * bar), (x, -d * 0.4, h / 2))
            for z in np.linspace(0, h, max(2, round(h / 0.4)) + 1)[1:-1]:
                a.box(frame, (pane_w, 0.03, 0.02), (x, -d * 0.4, float(z)))
        if rows == 1 and not sash:
            a.box(
                materials.metal(rng, 0),
                (0.02, 0.03, 0.1),
                (x + (pane_w / 2 - 0.02) * (1 if i % 2 == 0 else -1), -d - 0.01, h * 0.45),
                bevel=0.004,
            )
    a.box(materials.glass((0.92, 0.96, 0.97), 0.06), (w - 0.04, 0.005, h - 0.04), (0, -d * 0.35, h / 2), bevel=0)
    return a.model("window", "wall", size=(w, size[1], h))


def _leaf(
    a: Assembly, rng: np.random.Generator, face: Material, x: float, w: float, h: float, y: float, style: str
) -> None:
    """A door leaf 4 cm thick with its back at y; panels, a pane, or plain."""
    front = y - 0.04
    if style == "glazed":
        bar = 0.11
        for s in (-1, 1):
            a.box(face, (bar, 0.04, h), (x + s * (w - bar) / 2, y - 0.02, h / 2))
        for z in (0.1, h - bar / 2, h * 0.5):
            a.box(face, (w - 2 * bar, 0.04, 0.2 if z == 0.1 else bar), (x, y - 0.02, z))
        a.box(materials.glass(opacity=0.15), (w - 2 * bar, 0.006, h - 0.3), (x, y - 0.02, h / 2 + 0.05), bevel=0)
        return
    a.box(face, (w, 0.04, h), (x, y - 0.02, h / 2))
    if style == "panels":
        layout = [(0.3, 0.25), (0.76, 0.36)] if rng.random() < 0.5 else [(0.19, 0.2), (0.5, 0.26), (0.83, 0.22)]
        columns = int(rng.choice([1, 2]))
        for middle, share in layout:
            for column in range(columns):
                wide = (w - 0.22) / columns - (0.06 if columns == 2 else 0)
                at = x + (column - (columns - 1) / 2) * ((w - 0.16) / columns)
                a.box(face, (wide, 0.01, h * share), (at, front - 0.002, h * middle), bevel=0.005)
    elif style == "pane":
        a.box(
            materials.glass((0.75, 0.8, 0.8), 0.5),
            (0.16, 0.01, h * 0.4),
            (x + w * 0.2, front + 0.001, h * 0.68),
            bevel=0,
        )


def _handle(a: Assembly, rng: np.random.Generator, x: float, y: float, inward: float) -> None:
    metal = materials.metal(rng, 0.15)
    a.box(metal, (0.035, 0.006, 0.17), (x, y - 0.003, 1.02))
    if rng.random() < 0.75:
        a.box(metal, (0.018, 0.045, 0.018), (x, y - 0.025, 1.05), bevel=0.006)
        a.box(metal, (0.12, 0.018, 0.018), (x + inward * 0.05, y - 0.048, 1.05), bevel=0.007)
    else:
        a.add(meshes.ellipsoid(1.0, 1.0, 8, 12), metal, (x, y - 0.045, 1.03), scale=0.028)


def _door_face(rng: np.random.Generator) -> Material:
    kind = rng.random()
    if kind < 0.5:
        return materials.plain("door paint", pick(rng, WHITES, WHITES, BEIGES[3:4]), 0.4)
    if kind < 0.9:
        return materials.wood(rng, upright=True)
    return materials.plain("door paint", pick(rng, materials.BLUES, GREYS, materials.GREENS, BROWNS), 0.45)


def _casing(a: Assembly, material: Material, w: float, h: float, d: float, bar: float) -> None:
    for x in (-1, 1):
        a.box(material, (bar, d, h), (x * (w - bar) / 2, -d / 2, h / 2))
    a.box(material, (w - 2 * bar, d, bar), (0, -d / 2, h - bar / 2))


def door(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A closed door in its frame."""
    w, d, h = measure(size, rng, (0.85, 1.0), (0.05, 0.06), (2.03, 2.15))
    a = Assembly("door")
    face = _door_face(rng)
    casing = face if rng.random() < 0.5 else materials.plain("door frame", pick(rng, WHITES, GREYS[:2]), 0.45)
    bar = float(rng.uniform(0.05, 0.08))
    style = str(rng.choice(["panels", "panels", "plain", "plain", "pane"]))
    _casing(a, casing, w, h, d, bar)
    _leaf(a, rng, face, 0.0, w - 2 * bar + 0.004, h - bar, 0.0, style)
    side = float(rng.choice([-1, 1]))
    _handle(a, rng, side * (w / 2 - bar - 0.06), -0.04, -side)
    return a.model("door", "wall", clearance=0.7, size=(w, size[1], h))


def double_door(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Two leaves in a frame."""
    w, d, h = measure(size, rng, (1.4, 1.8), (0.05, 0.06), (2.05, 2.2))
    a = Assembly("door")
    face, bar = _door_face(rng), 0.07
    _casing(a, face, w, h, d, bar)
    style, leaf = str(rng.choice(["panels", "plain", "pane", "glazed"])), (w - 2 * bar) / 2
    for x in (-1, 1):
        _leaf(a, rng, face, x * leaf / 2, leaf - 0.003, h - bar, 0.0, style)
        _handle(a, rng, x * 0.06, -0.04, x)
    return a.model("double door", "wall", clearance=0.9, size=(w, size[1], h))


def glass_door(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A door to a balcony or an office: frame and pane."""
    w, d, h = measure(size, rng, (0.9, 1.8), (0.05, 0.06), (2.05, 2.2))
    a = Assembly("door")
    frame = (
        materials.plain("door frame", pick(rng, WHITES, GREYS, materials.BLACKS), 0.4)
        if rng.random() < 0.75
        else materials.wood(rng)
    )
    _casing(a, frame, w, h, d, 0.06)
    leaves = 1 if w < 1.2 else 2
    leaf = (w - 0.12) / leaves
    for i in range(leaves):
        _leaf(a, rng, frame, -w / 2 + 0.06 + (i + 0.5) * leaf, leaf - 0.003, h - 0.06, 0.0, "glazed")
    _handle(a, rng, w / 2 - 0.11 if leaves == 1 else 0.05, -0.04, -1.0 if leaves == 1 else 1.0)
    return a.model("glass door", "wall", clearance=0.7, size=(w, size[1], h))


def curtain(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Curtains on a rod: a pair drawn aside, one drawn across, or all closed; narrower than 1.3 m it is one cloth."""
    w, d, h = measure(size, rng, (1.4, 2.4), (0.1, 0.14), (1.5, 2.3))
    a = Assembly("curtain")
    cloth = materials.curtain(rng)
    rod = materials.metal(rng, 0.4) if rng.random() < 0.7 else materials.wood(rng)
    y, drop, fold = -d / 2, h - 0.035, d / 2 - 0.012
    style = rng.random()
    if size[0] is not None and w < 1.3:  # one of a pair, as asked for
        pieces = [(-0.5, 1.0)]
    elif style < 0.6:
        pieces = [(s * 0.5, float(rng.uniform(0.16, 0.36))) for s in (-1, 1)]
    elif style < 0.8:
        pieces = [(float(rng.choice([-0.5, 0.5])), float(rng.uniform(0.35, 0.7)))]
    else:
        pieces = [(-0.5, 0.5), (0.5, 0.5)]
    for side, share in pieces:
        wide = (w - 0.1) * share
        x = side * (w - 0.1) - np.sign(side) * wide / 2
        a.add(folds.drape(wide, drop, rng, wide * float(rng.uniform(8, 12)), min(fold, 0.045)), cloth, (x, y, 0))
    if rng.random() < 0.2:
        net = materials.Material(
            "net curtain", linear(240, 240, 238), 0.9, opacity=0.7, texture=materials.pattern("weave", 0)
        )
        a.add(folds.drape(w - 0.14, drop, rng, w * 9, 0.012), net, (0, -0.02, 0))
    a.add(meshes.tube(np.array([[-w / 2 + 0.02, y, h - 0.025], [w / 2 - 0.02, y, h - 0.025]]), 0.013, 10), rod)
    for x in (-1, 1):
        a.add(meshes.ellipsoid(1.0, 1.0, 6, 10), rod, (x * (w / 2 - 0.02), y, h - 0.025), scale=(0.02, 0.025, 0.025))
        a.box(rod, (0.015, d / 2, 0.015), (x * (w / 2 - 0.08), -d / 4, h - 0.025), bevel=0)
    return a.model("curtain", "wall", size=(w, d, h))


def blinds(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Blinds of slats across or upright, or a roller blind; partly drawn up unless made to measure."""
    w, d, h = measure(size, rng, (0.8, 1.6), (0.04, 0.06), (0.7, 1.4))
    a = Assembly("blinds")
    tone = materials.plain("blinds", pick(rng, WHITES, WHITES, BEIGES, GREYS[:2]), 0.5)
    y, style = -d / 2, str(rng.choice(["slats", "slats", "roller", "upright"]))
    if rng.random() < 0.15:
        tone = materials.wood(rng)
    if style == "slats":
        a.box(tone, (w, d, 0.045), (0, y, h - 0.0225))
        pitch, turn = 0.042, meshes.rotation(tilt=float(rng.uniform(0.2, 1.15)) * float(rng.choice([-1, 1])))
        for z in np.arange(0.03, h - 0.05, pitch):
            a.box(tone, (w - 0.02, min(0.045, d), 0.002), (0, y, float(z)), bevel=0, turn=turn)
        a.box(tone, (w - 0.02, 0.03, 0.02), (0, y, 0.01))
        for x in (-0.35, 0.35):
            a.box(tone, (0.012, 0.002, h - 0.05), (x * w, y - 0.018, h / 2), bevel=0)
    elif style == "roller":
        cloth = materials.Material("blind", tone.colour, 0.9, texture=materials.pattern("weave", int(rng.integers(3))))
        a.add(meshes.tube(np.array([[-w / 2, y, h - 0.025], [w / 2, y, h - 0.025]]), min(0.024, d / 2), 14), tone)
        a.box(cloth, (w - 0.03, 0.002, h - 0.03), (0, y, (h - 0.03) / 2), bevel=0)
        a.box(tone, (w - 0.03, 0.012, 0.022), (0, y, 0.011))
    else:
        a.box(tone, (w, d, 0.035), (0, y, h - 0.0175))
        turn = meshes.rotation(turn=float(rng.uniform(0.2, 1.0)))
        for x in np.arange(-w / 2 + 0.04, w / 2 - 0.03, 0.078):
            a.box(tone, (0.085, 0.002, h - 0.04), (float(x), y, (h - 0.04) / 2), bevel=0, turn=turn)
    return a.model("blinds", "wall", size=(w, size[1], h))
