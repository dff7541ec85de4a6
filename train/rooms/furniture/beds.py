"""Beds with their bedding, and what is nearest to them."""

from __future__ import annotations

import numpy as np

from train.rooms import folds, materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.scene import Material, Mesh, Model


def _blanket(width: float, length: float, drop: float, rng: np.random.Generator) -> Mesh:
    """A cover over a mattress whose top is at z = 0, middle of its head end at the origin, running towards -y."""
    columns, rows = 30, 22
    u, v = np.linspace(-1, 1, columns)[None], np.linspace(0, 1, rows)[:, None]
    span = width / 2 + drop
    flat = u * span
    over = np.clip(np.abs(flat) - width / 2, 0, None)
    x = np.sign(flat) * (np.minimum(np.abs(flat), width / 2) + 0.03 * np.minimum(over / 0.05, 1))
    run = v * (length + drop)
    foot = np.clip(run - length, 0, None)
    y = -np.minimum(run, length) - 0.03 * np.minimum(foot / 0.05, 1)
    wave = sum(
        rng.uniform(0.002, 0.008) * np.sin(rng.uniform(2, 9) * u * 2 + rng.uniform(2, 9) * v * 2 + rng.uniform(0, 6))
        for _ in range(5)
    )
    z = 0.025 + wave - np.maximum(over, foot)
    ripple = 0.02 * np.sin(v * 22 + rng.uniform(0, 6)) * np.minimum(over / 0.1, 1)
    points = np.stack(np.broadcast_arrays(x + np.sign(u) * ripple, y + 0 * u, z), -1)
    return meshes.sheet(points[:, ::-1], (width * 1.2, length * 1.2))


def _bedding(
    a: Assembly, rng: np.random.Generator, w: float, top: float, head: float, foot: float, drop: float
) -> None:
    """Mattress top to pillows: sheet, blanket (drawn back or rumpled), pillows; y from `foot` to `head`."""
    length = head - foot
    sheet, cover = materials.linen(rng), materials.linen(rng)
    bed = "bed"
    back = float(rng.uniform(0.28, 0.75))
    if rng.random() < 0.8:
        # vertices hang outside the mattress by 3 cm
        blanket = _blanket(w, length - back, drop, rng)
        a.add(blanket, cover, (0, head - back, top), bed)
        if rng.random() < 0.6:
            a.box(
                sheet if rng.random() < 0.5 else cover,
                (w + 0.05, 0.28, 0.03),
                (0, head - back - 0.1, top + 0.035),
                bed,
                0.014,
            )
    else:
        a.add(folds.crumple(w * 0.9, length * 0.55, 0.24, rng), cover, (0, foot + length * 0.33, top), bed)
    slip = sheet if rng.random() < 0.6 else materials.linen(rng)
    count = 1 if w < 1.2 else 2
    for i in range(count):
        x = 0.0 if count == 1 else (i - 0.5) * w * 0.5
        wide = min(float(rng.uniform(0.55, 0.75)), w / count * 0.94)
        tilt = float(rng.choice([0.08, 0.4, 0.7]))
        turn = meshes.rotation(turn=float(rng.normal(0, 0.08)), tilt=tilt)
        at = (x + float(rng.normal(0, 0.015)), head - 0.24 - 0.03 * np.cos(tilt), top + 0.085 + 0.17 * np.sin(tilt))
        pillow = meshes.moved(folds.cushion(wide, 0.44, float(rng.uniform(0.13, 0.19))), (0, 0, -0.07))
        a.add(pillow, slip, at, "pillow", turn)
    if rng.random() < 0.35:
        side = float(rng.uniform(0.36, 0.45))
        turn = meshes.rotation(turn=float(rng.normal(0, 0.2)), tilt=0.9)
        a.add(
            folds.cushion(side, side, 0.14),
            materials.fabric(rng),
            (float(rng.normal(0, 0.15)), head - 0.55, top + 0.15),
            "pillow",
            turn,
        )
    a.support((-w / 2 + 0.1, foot + 0.1), (w / 2 - 0.1, head - 0.8), top + 0.03, 0.8)
    a.support((-w / 2 + 0.1, head - 0.45), (w / 2 - 0.1, head - 0.05), top + 0.01, 0.8)


def _headboard(a: Assembly, rng: np.random.Generator, frame: Material, w: float, y: float, h: float) -> None:
    style = int(rng.integers(4))
    if style == 0:
        a.box(frame, (w, 0.05, h), (0, y, h / 2), bevel=0.008)
    elif style == 1:
        pad = materials.fabric(rng)
        a.box(frame, (w, 0.04, h), (0, y, h / 2))
        count = max(1, round(w / 0.5))
        for i in range(count):
            x = -w / 2 + (i + 0.5) * w / count
            a.add(
                meshes.ellipsoid(0.2, 0.2, 8, 16),
                pad,
                (x, y - 0.04, h * 0.72),
                scale=(w / count * 0.49, 0.04, h * 0.27),
            )
    elif style == 2:
        for x in np.linspace(-w / 2 + 0.03, w / 2 - 0.03, max(6, int(w / 0.14))):
            a.add(meshes.tube(np.array([[x, y, 0.1], [x, y, h - 0.03]]), 0.013, 8), frame)
        a.box(frame, (w, 0.045, 0.05), (0, y, h - 0.025), bevel=0.01)
        for x in (-1, 1):
            a.box(frame, (0.05, 0.05, h), (x * (w / 2 - 0.025), y, h / 2))
    else:
        points = [(-w / 2, 0.0), (w / 2, 0.0)]
        points += [(w / 2 * np.cos(t), h * 0.72 + h * 0.28 * np.sin(t)) for t in np.linspace(0, np.pi, 15)]
        a.add(meshes.extrude(points, 0.045), frame, (0, y - 0.02, 0))


def bed(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A made or unmade bed; its head is at its back (+y)."""
    w, d, h = measure(size, rng, (0.95, 1.95), (2.0, 2.2), (0.75, 1.2))
    a = Assembly("bed")
    frame = materials.fabric(rng) if rng.random() < 0.2 else materials.board(rng, 0.3)
    base = float(rng.uniform(0.24, 0.36))
    mattress = float(rng.uniform(0.17, 0.26))
    top = base + mattress
    head, foot = d / 2 - 0.05, -d / 2 + 0.07
    inner = w - 0.1
    for x in (-1, 1):
        a.box(frame, (0.03, d - 0.08, 0.16), (x * (w / 2 - 0.015), 0, base - 0.05))
        for y in (-1, 1):
            a.box(frame, (0.06, 0.06, base - 0.1), (x * (w / 2 - 0.04), y * (d / 2 - 0.06), (base - 0.1) / 2))
    a.box(frame, (w - 0.02, d - 0.1, 0.05), (0, 0, base - 0.03))
    sheet = materials.plain("sheet", materials.pick(rng, materials.WHITES, materials.BEIGES), 0.95)
    a.box(sheet, (inner, head - foot, mattress), (0, (head + foot) / 2, base + mattress / 2), bevel=0.05)
    _headboard(a, rng, frame, w, d / 2 - 0.025, h)
    if rng.random() < 0.3:
        a.box(
            frame, (w, 0.035, min(h * 0.6, top + 0.06)), (0, -d / 2 + 0.0175, min(h * 0.6, top + 0.06) / 2), bevel=0.006
        )
        drop = float(rng.uniform(0.05, 0.12))
    else:
        drop = float(rng.uniform(0.1, 0.4)) if rng.random() < 0.75 else 0.05
    _bedding(a, rng, inner, top, head, foot + 0.03, min(drop, top - 0.06))
    return a.model("bed", clearance=0.5, size=(w, d, h))


def bunk_bed(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Two beds above each other, with a ladder."""
    w, d, h = measure(size, rng, (0.95, 1.1), (1.95, 2.1), (1.55, 1.8))
    a = Assembly("bed")
    frame = materials.board(rng, 0.35) if rng.random() < 0.7 else materials.metal(rng, 0.6)
    sheet = materials.plain("sheet", materials.pick(rng, materials.WHITES), 0.95)
    for x in (-1, 1):
        for y in (-1, 1):
            a.box(frame, (0.06, 0.06, h), (x * (w / 2 - 0.03), y * (d / 2 - 0.03), h / 2))
    for z in (0.32, h - 0.42):
        for x in (-1, 1):
            a.box(frame, (0.03, d - 0.08, 0.12), (x * (w / 2 - 0.03), 0, z))
            if z > 1:
                a.box(frame, (0.025, d - 0.08, 0.08), (x * (w / 2 - 0.03), 0, h - 0.08))
        a.box(frame, (w - 0.08, d - 0.08, 0.04), (0, 0, z))
        for y in (-1, 1):
            a.box(frame, (w - 0.08, 0.03, 0.12), (0, y * (d / 2 - 0.03), z + 0.2))
        a.box(sheet, (w - 0.11, d - 0.11, 0.15), (0, 0, z + 0.1), bevel=0.04)
        _bedding(a, rng, w - 0.14, z + 0.175, d / 2 - 0.06, -d / 2 + 0.12, 0.03)
    side = float(rng.choice([-1, 1]))
    for y in (-0.6, -0.25):
        a.box(frame, (0.03, 0.05, h - 0.05), (side * (w / 2 + 0.015), y * d / 2, (h - 0.05) / 2))
    for z in np.arange(0.25, h - 0.3, 0.27):
        a.box(frame, (0.03, 0.175 * d, 0.035), (side * (w / 2 + 0.015), -0.425 * d / 2, float(z)))
    return a.model("bunk bed", clearance=0.6, size=(w, d, h))


def crib(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A baby's bed with bars."""
    w, d, h = measure(size, rng, (0.62, 0.75), (1.2, 1.35), (0.85, 1.0))
    a = Assembly("bed")
    frame = materials.board(rng, 0.55)
    for x in (-1, 1):
        for y in (-1, 1):
            a.box(frame, (0.045, 0.045, h), (x * (w / 2 - 0.0225), y * (d / 2 - 0.0225), h / 2))
        for z in (0.3, h - 0.04):
            a.box(frame, (0.03, d - 0.05, 0.04), (x * (w / 2 - 0.0225), 0, z))
        for y in np.linspace(-d / 2 + 0.1, d / 2 - 0.1, 12):
            a.box(frame, (0.014, 0.014, h - 0.34), (x * (w / 2 - 0.0225), float(y), 0.3 + (h - 0.34) / 2), bevel=0)
    for y in (-1, 1):
        a.box(frame, (w - 0.06, 0.02, h - 0.25), (0, y * (d / 2 - 0.0225), 0.2 + (h - 0.25) / 2))
    a.box(materials.linen(rng), (w - 0.07, d - 0.07, 0.12), (0, 0, 0.4), bevel=0.03)
    a.add(folds.crumple(w * 0.7, d * 0.4, 0.1, rng), materials.linen(rng), (0, -d * 0.15, 0.46))
    a.add(folds.cushion(0.35, 0.25, 0.07), materials.linen(rng), (0, d / 2 - 0.25, 0.46), "pillow")
    return a.model("crib", clearance=0.4, size=(w, d, h))
