"""Chairs, stools, armchairs and sofas."""

from __future__ import annotations

import numpy as np

from train.rooms import folds, materials, meshes
from train.rooms.furniture.assembly import FREE, Assembly, Size, measure
from train.rooms.materials import BLACKS, BRIGHTS, GREYS, WHITES
from train.rooms.scene import Material, Model


def _legs(
    a: Assembly,
    material: Material,
    w: float,
    d: float,
    h: float,
    thick: float,
    splay: float = 0.0,
    round_: bool = False,
) -> None:
    for x in (-1, 1):
        for y in (-1, 1):
            top = np.array([x * (w / 2 - thick - splay), y * (d / 2 - thick - splay), h])
            foot = np.array([x * (w / 2 - thick / 2), y * (d / 2 - thick / 2), 0.0])
            if round_ or splay:
                a.add(meshes.tube(np.stack([foot, top]), np.array([thick * 0.35, thick * 0.5]), 8), material)
            else:
                a.box(material, (thick, thick, h), (foot[0], foot[1], h / 2))


def _slab(
    a: Assembly,
    material: Material,
    size: tuple[float, float, float],
    at: tuple[float, float, float],
    turn: np.ndarray | None = None,
) -> None:
    """A padded board, rounded all over, its middle at `at`."""
    a.add(meshes.ellipsoid(0.25, 0.25, 10, 20), material, at, turn=turn, scale=np.array(size) / 2)


def chair(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A chair for a table: of wood with slats or a board, padded, a plastic shell, or tube and cloth."""
    w, d, h = measure(size, rng, (0.42, 0.52), (0.44, 0.56), (0.8, 1.02))
    seat = min(0.46, h * 0.52)
    a = Assembly("chair")
    style = str(rng.choice(["slats", "slats", "board", "padded", "shell", "tube", "stacking"]))
    if style in ("slats", "board", "padded"):
        frame = materials.board(rng, 0.3)
        cover = materials.fabric(rng) if style == "padded" or rng.random() < 0.35 else frame
        _legs(a, frame, w, d, seat - 0.02, 0.038)
        a.box(frame, (w, d, 0.025), (0, 0, seat - 0.0125), bevel=0.008)
        if cover is not frame:
            _slab(a, cover, (w - 0.02, d - 0.03, 0.07), (0, -0.005, seat + 0.012))
        lean = meshes.rotation(tilt=-float(rng.uniform(0.08, 0.16)))
        up = h - seat
        for x in (-1, 1):
            a.box(frame, (0.036, 0.034, up), (x * (w / 2 - 0.018), d / 2 + up * 0.055, seat + up / 2), turn=lean)

        def back(z: float, size: tuple[float, float, float], material: Material) -> None:
            a.box(material, size, (0, d / 2 + (z - seat) * 0.11, z), bevel=0.006, turn=lean)

        if style == "slats" and rng.random() < 0.5:
            for i in range(int(rng.integers(3, 6))):
                count = 5
                x = (i - 2) * (w - 0.1) / count
                a.box(frame, (0.025, 0.014, up - 0.06), (x, d / 2 + up * 0.055, seat + up / 2), turn=lean)
            back(h - 0.04, (w - 0.04, 0.024, 0.075), frame)
        elif style == "slats":
            for z in np.linspace(seat + 0.14, h - 0.04, int(rng.integers(2, 5))):
                back(float(z), (w - 0.05, 0.018, 0.06), frame)
        elif style == "board":
            back((seat + h) / 2 + 0.08, (w - 0.05, 0.02, up * 0.6), frame)
        else:
            middle = (seat + h) / 2 + 0.05
            _slab(a, cover, (w - 0.05, 0.055, up * 0.75), (0, d / 2 + (middle - seat) * 0.11 - 0.02, middle), lean)
        for y in (-1, 1):
            if rng.random() < 0.5:
                a.box(frame, (w - 0.05, 0.02, 0.03), (0, y * (d / 2 - 0.02), seat * 0.4))
    else:
        leg = materials.metal(rng, 0.4) if style != "shell" or rng.random() < 0.5 else materials.wood(rng)
        if style == "tube":
            cover = materials.fabric(rng)
        else:
            cover = materials.plastic(rng, BLACKS, GREYS, WHITES, BRIGHTS, materials.BLUES)
        _legs(a, leg, w, d, seat - 0.02, 0.034, 0.04 if style == "shell" else 0.015, True)
        rows, columns = 14, 9
        t, s = np.linspace(0, 1, rows)[:, None], np.linspace(-1, 1, columns)[None]
        length = np.array([0.0, 0.45, 0.55, 1.0])
        y = np.interp(t, length, [-d / 2, d / 2 - 0.1, d / 2 - 0.02, d / 2 + 0.07])
        z = np.interp(t, length, [seat - 0.015, seat - 0.02, seat + 0.05, h])
        wide = w / 2 * np.interp(t, [0, 0.1, 0.5, 0.85, 1], [0.88, 1, 0.94, 0.9, 0.7])
        dish = 0.035 if style == "shell" else 0.015
        surface = np.stack(np.broadcast_arrays(wide * s, y - dish * s**2 * (t > 0.5), z + dish * s**2 * (t <= 0.5)), -1)
        for offset, flip in ((0.0, False), (-0.018, True)):
            points = surface + np.array([0, offset * -0.4, offset])
            a.add(meshes.sheet(points[:, ::-1] if flip else points), cover)
        a.box(cover, (w * 0.8, d * 0.7, 0.025), (0, -0.02, seat - 0.03), bevel=0.01)
    a.support((-w / 2 + 0.03, -d / 2 + 0.03), (w / 2 - 0.03, d / 2 - 0.06), seat + 0.02, 0.5)
    return a.model("chair", clearance=0.3, size=(w, d, h))


def office_chair(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A swivel chair: five castors, gas spring, padded seat and back, mostly with arms."""
    w, d, h = measure(size, rng, (0.56, 0.68), (0.56, 0.68), (0.86, 1.18))
    a = Assembly("chair")
    base = materials.plastic(rng, BLACKS, BLACKS, GREYS) if rng.random() < 0.7 else materials.chrome()
    cover = materials.fabric(rng, materials.pick(rng, BLACKS, BLACKS, GREYS, materials.BLUES, materials.REDS))
    seat, r = 0.46, min(w, d) / 2 - 0.02
    for k in range(5):
        angle = 2 * np.pi * k / 5 + 0.3
        tip = np.array([np.cos(angle) * r, np.sin(angle) * r, 0.075])
        a.add(meshes.tube(np.array([[0, 0, 0.11], tip]), np.array([0.026, 0.016]), 8), base)
        a.add(meshes.ellipsoid(1.0, 1.0, 6, 10), base, (tip[0], tip[1], 0.028), scale=(0.026, 0.026, 0.028))
    a.add(meshes.cylinder(0.028, seat - 0.15), base, (0, 0, 0.1))
    a.box(base, (0.24, 0.26, 0.03), (0, 0, seat - 0.055))
    _slab(a, cover, (w * 0.8, d * 0.8, 0.09), (0, 0, seat - 0.005))
    lean = meshes.rotation(tilt=-0.14)
    tall = h - seat - 0.1
    _slab(a, cover, (w * 0.74, 0.07, tall), (0, d * 0.4, seat + 0.1 + tall / 2), lean)
    a.box(base, (0.07, 0.03, 0.3), (0, d * 0.4 + 0.03, seat + 0.07), turn=lean)
    if rng.random() < 0.75:
        for x in (-1, 1):
            path = np.array(
                [[x * w * 0.38, 0.08, seat - 0.05], [x * w * 0.47, 0.06, seat + 0.02], [x * w * 0.47, 0.03, seat + 0.2]]
            )
            a.add(meshes.tube(path, 0.016, 8), base)
            _slab(a, base, (0.07, 0.27, 0.035), (x * w * 0.47, 0.0, seat + 0.21))
    a.support((-w * 0.3, -d * 0.3), (w * 0.3, d * 0.25), seat + 0.04, 0.5)
    return a.model("office chair", clearance=0.3, size=(w, d, h))


def stool(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A stool or bar stool, round or square."""
    w, d, h = measure(size, rng, (0.32, 0.42), (0.32, 0.42), (0.43, 0.78))
    a = Assembly("chair")
    frame = materials.metal(rng, 0.5) if rng.random() < 0.4 else materials.board(rng, 0.3)
    top = materials.fabric(rng) if rng.random() < 0.5 else frame
    _legs(a, frame, w, d, h - 0.04, 0.036, 0.04, True)
    if h > 0.55:
        ring = np.array([[np.cos(t) * w * 0.4, np.sin(t) * d * 0.4, 0.2] for t in np.linspace(0, 2 * np.pi, 17)])
        a.add(meshes.tube(ring, 0.01, 6), frame)
    if rng.random() < 0.6:
        a.add(meshes.ellipsoid(0.3, 1.0, 8, 24), top, (0, 0, h - 0.03), scale=(w / 2, d / 2, 0.03))
    else:
        _slab(a, top, (w, d, 0.06), (0, 0, h - 0.03))
    a.support((-w / 3, -d / 3), (w / 3, d / 3), h, 0.5)
    return a.model("stool", clearance=0.2, size=(w, d, h))


def _upholstered(
    rng: np.random.Generator, size: tuple[float, float, float], seats: int, label: str, name: str, cushions: bool
) -> Model:
    w, d, h = size
    a = Assembly(label)
    cover = materials.fabric(rng)
    feet = materials.board(rng, 0.2) if rng.random() < 0.6 else materials.metal(rng)
    leg = float(rng.choice([0.03, 0.08, 0.13]))
    seat = float(rng.uniform(0.4, 0.45))
    arm = float(rng.uniform(0.1, 0.24)) if w > 0.7 else 0.09
    arm_top = float(rng.uniform(seat + 0.1, min(seat + 0.22, h - 0.08)))
    back = float(rng.uniform(0.18, 0.26))
    soft = float(rng.uniform(0.02, 0.05))
    for x in (-1, 1):
        for y in (-1, 1):
            a.box(feet, (0.05, 0.05, leg), (x * (w / 2 - 0.07), y * (d / 2 - 0.07), leg / 2), bevel=0.004)
        a.box(cover, (arm, d, arm_top - leg), (x * (w - arm) / 2, 0, leg + (arm_top - leg) / 2), bevel=soft)
    a.box(
        cover, (w - 2 * arm + 0.01, d - 0.02, seat - 0.14 - leg), (0, 0.01, leg + (seat - 0.14 - leg) / 2), bevel=0.01
    )
    a.box(
        cover,
        (w - 0.02, back * 0.75, h - leg - 0.03),
        (0, d / 2 - back * 0.375, leg + (h - leg - 0.03) / 2),
        bevel=soft,
    )
    inner = (w - 2 * arm) / seats
    deep = d - back * 0.75 - 0.01
    for i in range(seats):
        x = -w / 2 + arm + (i + 0.5) * inner
        a.add(
            meshes.ellipsoid(0.2, 0.2, 10, 20),
            cover,
            (x, -d / 2 + deep / 2, seat - 0.075),
            scale=np.array([inner * 0.995, deep, 0.16]) / 2,
        )
        lean = meshes.rotation(tilt=-0.2)
        tall = h - seat + 0.03
        a.add(
            meshes.ellipsoid(0.3, 0.25, 10, 20),
            cover,
            (x, d / 2 - back * 0.85, seat + tall / 2 - 0.03),
            turn=lean,
            scale=np.array([inner * 0.98, 0.17, tall]) / 2,
        )
    if cushions:
        for x in rng.permutation([-1, 1])[: int(rng.integers(0, 3))]:
            material = materials.linen(rng) if rng.random() < 0.5 else materials.fabric(rng)
            side = float(rng.uniform(0.38, 0.48))
            turn = meshes.rotation(turn=float(x) * -0.3, tilt=np.pi / 2 - 0.35)
            middle = (float(x) * (w / 2 - arm - side * 0.52), d / 2 - back - 0.16, seat + side * 0.46)
            a.add(meshes.moved(folds.cushion(side, side, 0.15), (0, 0, -0.075)), material, middle, "pillow", turn)
    a.support((-w / 2 + arm + 0.03, -d / 2 + 0.05), (w / 2 - arm - 0.03, d / 2 - back - 0.1), seat + 0.005, 0.6)
    return a.model(name, clearance=0.5, size=size)


def sofa(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A sofa for two to four, perhaps with cushions on it."""
    w, d, h = measure(size, rng, (1.4, 2.4), (0.8, 1.0), (0.72, 0.95))
    seats = max(2, round((w - 0.3) / 0.68)) if rng.random() < 0.85 else 1
    return _upholstered(rng, (w, d, h), seats, "sofa", "sofa", True)


def armchair(rng: np.random.Generator, size: Size = FREE) -> Model:
    """An easy chair: a one-seat sofa (class sofa), or a lighter one with legs of wood (class chair)."""
    w, d, h = measure(size, rng, (0.68, 0.98), (0.7, 0.92), (0.74, 1.0))
    if rng.random() < 0.5:
        return _upholstered(rng, (w, d, h), 1, "sofa", "armchair", rng.random() < 0.4)
    a = Assembly("chair")
    frame, cover = materials.wood(rng), materials.fabric(rng)
    seat = 0.4
    for x in (-1, 1):
        for y, tall in ((-1, 0.58), (1, 0.5)):
            foot = np.array([x * (w / 2 - 0.03), y * (d / 2 - 0.05), 0.0])
            a.add(meshes.tube(np.stack([foot, foot + np.array([0, -y * 0.03, tall])]), 0.019, 8), frame)
        a.box(frame, (0.06, d - 0.06, 0.025), (x * (w / 2 - 0.03), 0, 0.585), bevel=0.008)
    a.box(frame, (w - 0.06, d - 0.16, 0.04), (0, 0, seat - 0.14))
    _slab(a, cover, (w - 0.13, d * 0.82, 0.16), (0, -d * 0.05, seat - 0.05), meshes.rotation(tilt=-0.08))
    _slab(a, cover, (w - 0.13, 0.15, h - seat + 0.1), (0, d / 2 - 0.14, (h + seat) / 2), meshes.rotation(tilt=-0.28))
    a.support((-w / 2 + 0.1, -d / 2 + 0.1), (w / 2 - 0.1, d / 2 - 0.3), seat + 0.04, 0.5)
    return a.model("armchair", clearance=0.4, size=(w, d, h))
