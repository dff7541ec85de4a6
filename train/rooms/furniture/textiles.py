"""Rugs, cushions, towels and clothes."""

from __future__ import annotations

import numpy as np

from train.rooms import folds, materials, meshes
from train.rooms.furniture.assembly import FREE, LABEL, Assembly, Size, measure
from train.rooms.prints import printed
from train.rooms.scene import Material, Model


def rug(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A rug: patterned, plain, shaggy or round."""
    w, d, h = measure(size, rng, (1.4, 2.6), (1.0, 1.8), (0.008, 0.02))
    a = Assembly("floor_mat")
    if rng.random() < 0.65:
        pattern = materials.Material(
            "rug", (0.9, 0.9, 0.9), 0.97, texture=printed("rug", int(rng.integers(12))), bump=0.002
        )
    else:
        pattern = materials.Material(
            "rug",
            materials.cloth_colour(rng, True),
            0.97,
            texture=materials.pattern(str(rng.choice(["fur", "carpet", "stripes"])), int(rng.integers(3))),
            bump=0.004,
        )
    if abs(w - d) < 0.3 and rng.random() < 0.35:
        a.add(
            meshes.extrude(meshes.rounded_outline(w, d, 2.0, 36), h),
            pattern,
            (0, 0, h),
            turn=meshes.rotation(tilt=-np.pi / 2),
        )
    else:
        a.add(meshes.box((w, d, h), (0, 0, h / 2), bevel=0.004), pattern)
    return a.model("rug", size=(w, d, h))


def bath_mat(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A mat before the tub."""
    w, d, h = measure(size, rng, (0.6, 0.85), (0.4, 0.55), (0.012, 0.022))
    a = Assembly("floor_mat")
    a.box(materials.terry(rng), (w, d, h), (0, 0, h / 2), bevel=0.008)
    return a.model("bath mat", size=(w, d, h))


def pillow(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A bed's pillow, lying."""
    w, d, h = measure(size, rng, (0.55, 0.75), (0.38, 0.48), (0.12, 0.19))
    a = Assembly("pillow")
    a.add(folds.cushion(w, d, h, 14), materials.linen(rng))
    return a.model("pillow", "surface", size=(w, d, h))


def cushion(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A square cushion, lying."""
    w, d, h = measure(size, rng, (0.38, 0.5), (0.38, 0.5), (0.12, 0.17))
    a = Assembly("pillow")
    a.add(folds.cushion(w, d, h, 14), materials.fabric(rng) if rng.random() < 0.6 else materials.linen(rng))
    return a.model("cushion", "surface", size=(w, d, h))


def folded_towels(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A pile of folded towels."""
    w, d, h = measure(size, rng, (0.28, 0.4), (0.2, 0.3), (0.06, 0.22))
    a = Assembly("towel")
    count = max(1, round(h / 0.055))
    shared = materials.terry(rng)
    for i in range(count):
        terry = shared if rng.random() < 0.5 else materials.terry(rng)
        t = h / count
        shift = rng.normal(0, 0.006, 2)
        for half in (0, 1):
            a.box(
                terry,
                (w * 0.98, d * 0.98, t / 2 - 0.001),
                (float(shift[0]), float(shift[1]), t * (i + 0.25 + half / 2)),
                bevel=t * 0.2,
            )
        a.box(
            terry,
            (w * 0.98, 0.012, t - 0.004),
            (float(shift[0]), float(shift[1]) - d / 2 + 0.006, t * (i + 0.5)),
            bevel=0.005,
        )
    return a.model("folded towels", "surface", size=(w, d, h))


def towel(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A towel thrown down."""
    w, d, h = measure(size, rng, (0.3, 0.55), (0.25, 0.4), (0.05, 0.12))
    a = Assembly("towel")
    a.add(folds.crumple(w, d, h, rng), materials.terry(rng))
    return a.model("towel", "surface", size=(w, d, h))


def towel_rail(rng: np.random.Generator, size: Size = FREE) -> Model:
    """One or two towels over a rail (void) on a wall."""
    w, d, h = measure(size, rng, (0.5, 0.8), (0.07, 0.12), (0.5, 0.8))
    a = Assembly("towel")
    rail = materials.chrome() if rng.random() < 0.7 else materials.metal(rng, 0.8)
    y, z = -d + 0.03, h - 0.02
    a.add(meshes.tube(np.array([[-w / 2, y, z], [w / 2, y, z]]), 0.01, 10), rail, label="void")
    for x in (-1, 1):
        a.add(
            meshes.tube(np.array([[x * (w / 2 - 0.02), 0, z], [x * (w / 2 - 0.02), y, z]]), 0.009, 8),
            rail,
            label="void",
        )
        a.box(rail, (0.04, 0.01, 0.04), (x * (w / 2 - 0.02), -0.005, z), "void")
    count = 1 if w < 0.6 or rng.random() < 0.4 else 2
    for i in range(count):
        wide = (w - 0.08) / count * float(rng.uniform(0.8, 0.95))
        x = 0.0 if count == 1 else (i - 0.5) * (w - 0.06) / 2
        terry = materials.terry(rng)
        for front, share in ((1, float(rng.uniform(0.85, 1.0))), (-1, float(rng.uniform(0.5, 0.9)))):
            tall = z * share
            cloth = folds.drape(wide, tall, rng, 1.2, 0.006)
            a.add(cloth, terry, (x, y - front * 0.014, z - tall + 0.004))
        a.add(meshes.tube(np.array([[x - wide / 2, y, z], [x + wide / 2, y, z]]), 0.016, 10), terry)
    return a.model("towel rail", "wall", size=(w, d, h))


def _shirt(
    a: Assembly,
    rng: np.random.Generator,
    cloth: Material,
    at: tuple[float, float, float],
    tall: float,
    wide: float = 0.42,
) -> None:
    """A garment on a hanger, its shoulders along x, the top of its collar at `at`."""
    half = wide / 2
    long = rng.random() < 0.6
    columns, rows = 21, 8
    t, v = np.linspace(0, 2 * np.pi, columns)[None], np.linspace(0, 1, rows)[:, None]
    spread = np.interp(v, [0, 0.06, 0.14, 1], [0.25, 0.55, 0.95, float(rng.uniform(0.85, 1.15))])
    thick = 0.05 * np.interp(v, [0, 0.1, 1], [0.6, 0.8, 1.0])
    fold = 1 + 0.12 * np.sin(t * int(rng.integers(3, 6)) + rng.uniform(0, 6)) * v
    points = np.stack(np.broadcast_arrays(half * spread * np.cos(t), thick * np.sin(t) * fold, -tall * v + 0 * t), -1)
    a.add(meshes.sheet(points[::-1], (wide, tall)), cloth, at, "clothes")
    for side in (-1, 1):
        length = tall * (0.85 if long else 0.35)
        path = np.array(
            [
                [side * half * 0.8, 0, -0.06],
                [side * half * 1.02, 0, -0.16],
                [side * half * 1.1, 0, -0.14 - length * 0.9],
            ]
        )
        a.add(meshes.tube(path, np.array([0.05, 0.055, 0.045]), 9), cloth, at, "clothes")


def coat_hooks(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Coats and jackets on hooks (void) on a wall."""
    w, d, h = measure(size, rng, (0.5, 1.1), (0.14, 0.24), (0.8, 1.1))
    a = Assembly("clothes")
    a.box(materials.board(rng, 0.4), (w, 0.02, 0.09), (0, -0.01, h - 0.05), "void")
    metal = materials.metal(rng, 0.4)
    count = max(2, int(w / 0.2))
    for i in range(count):
        x = -w / 2 + (i + 0.5) * w / count
        path = np.array([[x, -0.015, h - 0.06], [x, -0.06, h - 0.065], [x, -0.07, h - 0.035]])
        a.add(meshes.tube(path, 0.006, 6), metal, label="void")
        if rng.random() < 0.8:
            tall, wide = (h - 0.1) * float(rng.uniform(0.6, 1.0)), min(w / count * 1.3, 0.34)
            cloth = materials.cloth(rng)
            if rng.random() < 0.7:
                _shirt(a, rng, cloth, (x, -0.075, h - 0.05), tall, max(wide, 0.3))
                continue
            coat = folds.drape(wide, tall, rng, 2.5, 0.03, 0.3)
            a.add(coat, cloth, (x, -min(d - 0.04, 0.11), h - 0.06 - tall))
            lining = folds.drape(wide * 0.9, tall * 0.95, rng, 2.0, 0.02, 0.3)
            a.add(lining, cloth, (x, -min(d - 0.04, 0.11) + 0.05, h - 0.06 - tall * 0.95))
    return a.model("coat hooks", "wall", size=(w, d, h))


def clothes_rack(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A rail on a stand (void), hung with clothes."""
    w, d, h = measure(size, rng, (0.8, 1.4), (0.42, 0.55), (1.4, 1.75))
    a = Assembly("clothes")
    pole = materials.metal(rng, 0.5)
    for x in (-1, 1):
        a.add(
            meshes.tube(np.array([[x * (w / 2 - 0.03), 0, 0.04], [x * (w / 2 - 0.03), 0, h]]), 0.014, 8),
            pole,
            label="void",
        )
        a.add(
            meshes.tube(np.array([[x * (w / 2 - 0.03), -d / 2, 0.03], [x * (w / 2 - 0.03), d / 2, 0.03]]), 0.014, 8),
            pole,
            label="void",
        )
    a.add(meshes.tube(np.array([[-w / 2, 0, h - 0.02], [w / 2, 0, h - 0.02]]), 0.013, 8), pole, label="void")
    for x in np.arange(-w / 2 + 0.12, w / 2 - 0.1, float(rng.uniform(0.07, 0.13))):
        part = Assembly("clothes")
        _shirt(
            part,
            rng,
            materials.cloth(rng),
            (0, 0, 0),
            float(rng.uniform(0.6, min(1.05, h - 0.35))),
            min(0.42, d * 0.95),
        )
        quarter = meshes.rotation(turn=np.pi / 2 + float(rng.normal(0, 0.12)))
        a.insert(part.model("shirt", "ceiling"), (float(x), 0, h - 0.08), quarter)
    return a.model("clothes rack", clearance=0.3, size=(w, d, h))


def clothes_pile(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Clothes left on the floor."""
    w, d, h = measure(size, rng, (0.4, 0.9), (0.35, 0.7), (0.12, 0.3))
    a = Assembly("clothes")
    for i in range(int(rng.integers(2, 5))):
        share = float(rng.uniform(0.5, 0.85))
        at = (float(rng.uniform(-0.18, 0.18)) * w, float(rng.uniform(-0.18, 0.18)) * d, 0.0)
        turn = meshes.rotation(turn=float(rng.uniform(0, 6.28)))
        a.add(folds.crumple(w * share, d * share, h * (0.5 + 0.15 * i), rng), materials.cloth(rng), at, turn=turn)
    return a.model("clothes", size=(w, d, h))


def laundry_basket(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A basket (void) with clothes in it."""
    w, d, h = measure(size, rng, (0.4, 0.55), (0.32, 0.45), (0.35, 0.62))
    a = Assembly("clothes")
    wall = materials.plastic(rng, materials.WHITES, materials.GREYS, materials.BEIGES, materials.BLUES)
    basket = materials.Material("basket", wall.colour, 0.8, texture=materials.pattern("checks", 0, 0.15))
    body = h * 0.85
    a.add(
        meshes.lathe([(0, 0), (0.42, 0), (0.5, body), (0.47, body), (0.41, 0.02)], 28),
        basket,
        label="void",
        scale=(w, d, 1),
    )
    for i in range(3):
        at = (float(rng.uniform(-0.08, 0.08)) * w, float(rng.uniform(-0.08, 0.08)) * d, body - 0.1)
        a.add(folds.crumple(w * 0.75, d * 0.75, h - body + 0.1 - 0.02 * i, rng), materials.cloth(rng), at)
    return a.model("laundry basket", size=(w, d, h), main=LABEL["clothes"])


def folded_clothes(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A pile of folded clothes."""
    w, d, h = measure(size, rng, (0.26, 0.36), (0.24, 0.32), (0.05, 0.22))
    a = Assembly("clothes")
    z = 0.0
    count = max(1, round(h / 0.04))
    for _ in range(count):
        t = h / count
        shift = rng.normal(0, 0.008, 2)
        size_now = (w * float(rng.uniform(0.9, 1)), d * float(rng.uniform(0.9, 1)), t)
        a.box(materials.cloth(rng), size_now, (float(shift[0]), float(shift[1]), z + t / 2), bevel=t * 0.4)
        z += t
    return a.model("folded clothes", "surface", size=(w, d, h))


def shirt(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A shirt or jumper thrown down: body and sleeves, rumpled."""
    w, d, h = measure(size, rng, (0.5, 0.75), (0.4, 0.6), (0.04, 0.1))
    a = Assembly("clothes")
    cloth = materials.cloth(rng)
    a.add(folds.crumple(0.42, 0.55, 0.07, rng), cloth)
    for side in (-1, 1):
        path = np.array(
            [
                [side * 0.15, 0.2, 0.025],
                [side * float(rng.uniform(0.28, 0.34)), float(rng.uniform(0.05, 0.2)), 0.025],
                [side * float(rng.uniform(0.26, 0.4)), float(rng.uniform(-0.25, 0.05)), 0.02],
            ]
        )
        a.add(meshes.tube(path, np.array([0.06, 0.05, 0.04]), 10), cloth, scale=(1, 1, 0.45))
    return a.model("shirt", "surface", size=(w, d, h))
