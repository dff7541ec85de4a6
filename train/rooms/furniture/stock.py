"""What stands on shelves and tables: books, paper, boxes, bottles and the like, added to an `Assembly`."""

from __future__ import annotations

import numpy as np

from train.rooms import materials, meshes
from train.rooms.furniture.assembly import Assembly
from train.rooms.materials import BLACKS, GREENS, GREYS, WHITES, linear, pick
from train.rooms.prints import BOOKS, printed
from train.rooms.scene import Material, Mesh

_PAPER = BOOKS[0] * BOOKS[1] - 1


def volumes(sizes: np.ndarray, centres: np.ndarray, cells: np.ndarray, turns: np.ndarray | None = None) -> Mesh:
    """Standing books, spine towards -y: sizes and centres (N, 3) [m], cells int (N,) of the picture of spines."""
    mesh = meshes.boxes(sizes, centres, turns)
    columns, rows = BOOKS
    corner = np.stack([cells % columns / columns, 1 - (cells // columns + 1) / rows], 1)[:, None]
    cell = np.array([1 / columns, 1 / rows])
    uv = np.empty((len(cells), 24, 2))
    uv[:] = corner + cell * [0.15, 0.16]  # covers: a spot of the plain colour
    assert mesh.uv is not None
    uv[:, 12:16] = corner + mesh.uv.reshape(-1, 24, 2)[:, 12:16] * cell  # -y: the spine
    leaves = np.array([_PAPER % columns / columns, 1 - (_PAPER // columns + 1) / rows]) + cell / 2
    uv[:, 8:12], uv[:, 16:] = leaves, leaves
    return Mesh(mesh.vertices, mesh.normals, mesh.faces, uv.reshape(-1, 2).astype(np.float32))


def book_covers(rng: np.random.Generator) -> Material:
    """One of the pictures of book spines."""
    return Material("books", (0.95, 0.95, 0.95), 0.6, texture=printed("books", int(rng.integers(3))))


def books_row(
    a: Assembly, rng: np.random.Generator, left: float, length: float, front: float, z: float, room: float, deep: float
) -> None:
    """A row of standing books from x = `left`, their spines near y = `front`; `room` is the free height [m]."""
    tall = min(float(rng.uniform(0.2, 0.31)), room - 0.015)
    if tall < 0.09 or length < 0.04:
        return
    count = int(length / 0.018) + 1
    thick = np.round(rng.gamma(4.0, 0.0075, count) + 0.008, 3)
    thick = thick[np.cumsum(thick) <= length]
    if not len(thick):
        return
    count = len(thick)
    height = tall * rng.uniform(0.72, 1.0, count)
    depth = np.minimum(rng.uniform(0.13, 0.22, count), deep)
    runs = np.repeat(rng.uniform(0, 1, count) < 0.3, 1)  # a series: like its neighbour
    cells = rng.integers(0, _PAPER, count)
    for i in range(1, count):
        if runs[i]:
            cells[i], height[i], thick[i], depth[i] = (
                cells[i - 1],
                height[i - 1],
                min(thick[i], thick[i - 1]),
                depth[i - 1],
            )
    x = left + np.cumsum(thick) - thick / 2
    y = front + rng.uniform(0.0, 0.012, count) + depth / 2
    sizes = np.stack([thick - 0.001, depth, height], 1)
    turns = None
    if rng.random() < 0.4 and count > 3 and length - thick.sum() > 0.05:  # the last one leans
        turns = np.tile(np.eye(3), (count, 1, 1))
        lean = 0.18
        turns[-1] = meshes.rotation(roll=-lean)
        x[-1] += height[-1] / 2 * np.sin(lean) + thick[-1] * 0.1
    a.add(volumes(sizes, np.stack([x, y, z + height / 2], 1), cells, turns), book_covers(rng), label="books")


def books_stack(
    a: Assembly, rng: np.random.Generator, at: tuple[float, float, float], count: int, turn: float = 0.0
) -> float:
    """Books lying on each other about `at`; gives the height of the top [m]."""
    thick = rng.uniform(0.012, 0.045, count)
    wide, long = rng.uniform(0.13, 0.2, count), rng.uniform(0.19, 0.28, count)
    turns = np.stack(
        [
            meshes.rotation(turn=turn + float(rng.normal(0, 0.12))) @ meshes.rotation(roll=np.pi / 2)
            for _ in range(count)
        ]
    )
    z = at[2] + np.cumsum(thick) - thick / 2
    centres = np.stack([at[0] + rng.normal(0, 0.008, count), at[1] + rng.normal(0, 0.008, count), z], 1)
    # a book stands along z with its cover along x: rolled about y, its height lies along x
    mesh = volumes(np.stack([thick, wide, long], 1), centres, rng.integers(0, _PAPER, count), turns)
    a.add(mesh, book_covers(rng), label="books")
    return float(at[2] + thick.sum())


def sheets(a: Assembly, rng: np.random.Generator, spread: tuple[float, float], z: float, count: int) -> None:
    """Printed pages lying about the origin within `spread` (x, y) [m]."""
    for i in range(count):
        turn = meshes.rotation(turn=float(rng.normal(0, 0.5)))
        at = (
            float(rng.uniform(-spread[0], spread[0])),
            float(rng.uniform(-spread[1], spread[1])),
            z + 0.001 + 0.0022 * i,
        )
        a.add(meshes.box((0.21, 0.297, 0.002)), materials.page(rng), at, "paper", turn)


def carton(
    a: Assembly,
    rng: np.random.Generator,
    size: tuple[float, float, float],
    at: tuple[float, float, float],
    opened: bool = False,
) -> None:
    """A box of cardboard or a printed package, footprint about `at`."""
    w, d, h = size
    brown = w * d * h > 0.012 or rng.random() < 0.35
    material = materials.cardboard(rng) if brown else materials.package(rng)
    a.add(meshes.box(size, (0, 0, h / 2), bevel=0.002), material, at, "box")
    if brown:
        tape = materials.plain("tape", linear(188, 160, 118), 0.3)
        a.box(tape, (w * 1.002, 0.05, h * 0.3), (at[0], at[1], at[2] + h * 0.851), "box", bevel=0)
    if opened:
        for side in (-1, 1):
            turn = meshes.rotation(tilt=side * float(rng.uniform(0.5, 1.0)))
            a.box(
                material, (w, d * 0.48, 0.004), (at[0], at[1] + side * d * 0.66, at[2] + h + d * 0.08), "box", 0, turn
            )


def storage_box(
    a: Assembly, rng: np.random.Generator, size: tuple[float, float, float], at: tuple[float, float, float]
) -> None:
    """A lidded box of cloth, card or plastic as shelves have them."""
    w, d, h = size
    material = (
        materials.fabric(rng)
        if rng.random() < 0.5
        else materials.plastic(rng, WHITES, GREYS, materials.BEIGES, materials.BLUES)
    )
    a.box(material, (w * 0.97, d * 0.97, h * 0.82), (at[0], at[1], at[2] + h * 0.41), "box", 0.008)
    a.box(material, (w, d, h * 0.18), (at[0], at[1], at[2] + h * 0.91), "box", 0.006)


def binders(
    a: Assembly, rng: np.random.Generator, left: float, length: float, front: float, z: float, room: float
) -> None:
    """Office binders in a row."""
    tall = 0.315
    if room < tall + 0.01:
        return books_row(a, rng, left, length, front, z, room, 0.2)
    palette = [pick(rng, BLACKS, WHITES, materials.BLUES, materials.REDS, GREYS) for _ in range(2)]
    covers = [materials.plain("binder", colour, 0.6) for colour in palette]
    label = materials.plain("binder label", linear(240, 240, 238), 0.8)
    for i in range(int(length / 0.078)):
        x = left + 0.039 + i * 0.078
        a.box(covers[int(rng.integers(2))], (0.075, 0.27, tall), (x, front + 0.14, z + tall / 2), "books", 0.003)
        a.box(label, (0.045, 0.003, 0.15), (x, front + 0.004, z + 0.2), "books", 0)
    return None


def bottle(
    a: Assembly, rng: np.random.Generator, at: tuple[float, float, float], height: float, around: int = 14
) -> None:
    """A bottle of glass or plastic with a label."""
    r = height * float(rng.uniform(0.12, 0.17))
    body = materials.plain("bottle", pick(rng, GREENS, materials.BROWNS, WHITES, materials.BRIGHTS), 0.1)
    shoulder, neck = float(rng.uniform(0.55, 0.75)), r * float(rng.uniform(0.3, 0.5))
    profile = [
        (0, 0),
        (r, 0),
        (r, height * shoulder),
        (neck, height * min(shoulder + 0.18, 0.92)),
        (neck, height),
        (0, height),
    ]
    a.add(meshes.lathe(profile, around), body, at, "void")
    band = meshes.lathe([(r * 1.01, height * 0.18), (r * 1.01, height * 0.45)], around)
    a.add(band, materials.plain("label", pick(rng, WHITES, materials.BRIGHTS), 0.7), at, "void")


def vase(a: Assembly, rng: np.random.Generator, at: tuple[float, float, float], height: float, flowers: bool) -> None:
    """A turned vase, perhaps with flowers."""
    r, z = height * float(rng.uniform(0.18, 0.34)), np.linspace(0, 1, 9)
    belly = 0.45 + 0.55 * np.sin(np.pi * (z * float(rng.uniform(0.7, 0.95)) + 0.08))
    line = [(0.0, 0.0), *((float(r * b), float(height * t)) for b, t in zip(belly, z, strict=True))]
    line += [(float(r * belly[-1] * 0.85), height), (0.0, height * 0.8)]
    ware = materials.plain(
        "ware",
        pick(rng, WHITES, materials.BLUES, materials.BRIGHTS, materials.BROWNS, BLACKS),
        float(rng.uniform(0.1, 0.6)),
    )
    a.add(meshes.lathe(line, 20), ware, at, "void")
    if flowers:
        stalk = materials.plain("stalk", pick(rng, GREENS), 0.7)
        bloom = materials.plain("bloom", pick(rng, materials.BRIGHTS, WHITES, materials.REDS), 0.7)
        ball = meshes.ellipsoid(1.0, 1.0, 5, 8)
        for _ in range(int(rng.integers(5, 10))):
            angle, out = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.7) * height
            tip = np.array([np.cos(angle) * out, np.sin(angle) * out, height * rng.uniform(1.4, 2.0)])
            path = np.array([[0, 0, height * 0.7], tip * [0.35, 0.35, 0.8], tip])
            a.add(meshes.tube(path, 0.003, 5), stalk, at, "void")
            a.add(ball, bloom, np.add(at, tip), "void", scale=height * rng.uniform(0.1, 0.16))


def frame(a: Assembly, rng: np.random.Generator, at: tuple[float, float, float], size: tuple[float, float]) -> None:
    """A small standing picture, leaning back; `at` is the middle of its lower edge."""
    turn = meshes.rotation(tilt=-0.2)
    w, h = size
    middle = np.array(at) + turn @ np.array([0, 0, h / 2])
    a.box(materials.board(rng, 0.5), (w, 0.015, h), middle, "picture", 0.002, turn)
    a.add(
        meshes.box((w * 0.84, 0.002, h * 0.84)),
        materials.art(rng),
        middle + turn @ np.array([0, -0.009, 0]),
        "picture",
        turn,
    )


def fill(
    a: Assembly,
    rng: np.random.Generator,
    low: tuple[float, float],
    high: tuple[float, float],
    z: float,
    room: float,
    what: str,
) -> None:
    """Fill a board with things from left to right.

    Args:
        low, high: corners (x, y) of the free part of the board [m]; y = low is its front.
        z: its height; `room` is the free height above it [m].
        what: "books", "office", "home", "kitchen" or "bathroom".
    """
    kinds = {
        "books": (("books", 0.8), ("gap", 0.06), ("stack", 0.06), ("box", 0.03), ("vase", 0.02), ("frame", 0.03)),
        "office": (("binders", 0.35), ("books", 0.3), ("box", 0.15), ("papers", 0.1), ("gap", 0.1)),
        "home": (
            ("books", 0.22),
            ("gap", 0.12),
            ("box", 0.24),
            ("vase", 0.12),
            ("frame", 0.12),
            ("stack", 0.1),
            ("bottles", 0.08),
        ),
        "kitchen": (("bottles", 0.35), ("box", 0.25), ("vase", 0.12), ("crockery", 0.2), ("gap", 0.08)),
        "bathroom": (("bottles", 0.4), ("towels", 0.4), ("box", 0.1), ("gap", 0.1)),
    }[what]
    names = [name for name, _ in kinds]
    shares = np.array([share for _, share in kinds])
    x, end, deep = low[0] + 0.01, high[0] - 0.01, high[1] - low[1]
    y = (low[1] + high[1]) / 2
    while end - x > 0.06:
        kind = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        wide = min(end - x, float(rng.uniform(0.12, 0.32)))
        at = (x + wide / 2, y, z)
        if kind == "books":
            wide = min(end - x, float(rng.uniform(0.2, 0.7)))
            books_row(a, rng, x, wide, low[1] + 0.01, z, room, deep - 0.02)
        elif kind == "binders":
            wide = min(end - x, float(rng.uniform(0.16, 0.5)))
            binders(a, rng, x, wide, low[1] + 0.01, z, room)
        elif kind == "stack" and wide > 0.2 and deep > 0.2:
            books_stack(a, rng, (x + wide / 2, y, z), int(rng.integers(2, 5)), float(rng.choice([0.0, np.pi / 2])))
        elif kind == "box":
            tall = min(room - 0.02, float(rng.uniform(0.1, 0.3)))
            if tall > 0.05:
                size = (wide * 0.95, min(deep - 0.02, 0.35), tall)
                (storage_box if rng.random() < 0.6 else carton)(a, rng, size, at)
        elif kind == "vase" and room > 0.14:
            wide = min(wide, 0.16)
            vase(a, rng, (x + wide / 2, y, z), min(float(rng.uniform(0.1, 0.22)), room * 0.6, wide * 1.3), False)
        elif kind == "frame" and room > 0.16:
            frame(a, rng, (at[0], y, z), (min(wide * 0.9, 0.18), min(room * 0.8, 0.22)))
        elif kind == "bottles" and room > 0.12:
            step, tall = 0.085, min(float(rng.uniform(0.12, 0.3)), room * 0.9)
            for i in range(int(wide / step)):
                bottle(
                    a,
                    rng,
                    (x + step * (i + 0.5), y + float(rng.uniform(-0.2, 0.2)) * deep * 0.4, z),
                    tall * float(rng.uniform(0.7, 1)),
                    10,
                )
        elif kind == "papers":
            pile = materials.plain("paper pile", linear(236, 234, 228), 0.9)
            a.box(pile, (0.21, min(0.297, deep), 0.04), (x + 0.11, y, z + 0.02), "paper", 0.001)
        elif kind == "crockery":
            ware = materials.porcelain()
            for i in range(4):
                a.add(
                    meshes.lathe([(0, 0), (0.05, 0), (0.1, 0.02), (0.095, 0.022), (0, 0.008)], 18),
                    ware,
                    (x + 0.1, y, z + 0.012 * i),
                    "void",
                )
        elif kind == "towels":
            for i in range(int(rng.integers(2, 5))):
                a.box(
                    materials.terry(rng),
                    (wide * 0.95, min(deep * 0.8, 0.35), 0.05),
                    (at[0], y, z + 0.026 + 0.052 * i),
                    "towel",
                    0.02,
                )
        x += wide + float(rng.uniform(0.0, 0.03))
