"""Shelves, drawers, wardrobes and cabinets."""

from __future__ import annotations

import numpy as np

from train.rooms import materials
from train.rooms.furniture import stock
from train.rooms.furniture.assembly import FREE, LABEL, Assembly, Size, measure
from train.rooms.furniture.joinery import fronts
from train.rooms.scene import Model


def _shelving(
    a: Assembly,
    rng: np.random.Generator,
    size: tuple[float, float, float],
    levels: int,
    what: str,
    backed: bool,
    full: float,
) -> None:
    """Boards between two sides, filled with probability `full` a board."""
    w, d, h = size
    t = float(rng.uniform(0.016, 0.028))
    body = materials.board(rng, 0.35, upright=False)
    columns = 1 if w < 1.15 else int(np.ceil(w / 1.0))
    for i in range(columns + 1):
        a.box(body, (t, d, h), (-w / 2 + t / 2 + i * (w - t) / columns, 0, h / 2))
    if backed:
        a.box(body, (w, 0.01, h), (0, d / 2 - 0.005, h / 2), bevel=0)
    foot = float(rng.choice([0.0, 0.05, 0.08]))
    step = (h - foot - t) / levels
    bay = (w - t) / columns
    for level in range(levels + 1):
        a.box(body, (w - 2 * t, d - 0.004, t), (0, 0, foot + level * step + t / 2))
    if foot > 0.04:
        a.box(body, (w - 2 * t, t, foot), (0, -d / 2 + 0.03, foot / 2))
    for level in range(levels):
        for column in range(columns):
            left = -w / 2 + t + column * bay
            low, high = (left, -d / 2 + 0.01), (left + bay - t, d / 2 - 0.012)
            z, room = foot + level * step + t, step - t
            if rng.random() < full:
                stock.fill(a, rng, low, high, z, room, what)
            elif room > 0.12:
                a.support(low, high, z, room)
    a.support((-w / 2 + 0.02, -d / 2 + 0.02), (w / 2 - 0.02, d / 2 - 0.02), h, 0.5)


def bookshelf(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A bookcase, mostly full of books."""
    w, d, h = measure(size, rng, (0.6, 1.2), (0.24, 0.34), (1.1, 2.1))
    a = Assembly("bookshelf")
    levels = max(1, round(h / float(rng.uniform(0.31, 0.4))))
    what = "office" if rng.random() < 0.15 else "books"
    _shelving(a, rng, (w, d, h), levels, what, rng.random() < 0.85, float(rng.uniform(0.8, 1.0)))
    return a.model("bookshelf", clearance=0.4, size=size)


def shelves(rng: np.random.Generator, size: Size = FREE) -> Model:
    """Open shelves with a bit of everything; of boards, cubes, or of metal rods and plates."""
    w, d, h = measure(size, rng, (0.6, 1.3), (0.28, 0.45), (0.75, 1.9))
    a = Assembly("shelves")
    what = str(rng.choice(["home", "home", "office", "kitchen"]))
    if rng.random() < 0.55:
        levels = max(1, round(h / float(rng.uniform(0.34, 0.5))))
        _shelving(a, rng, (w, d, h), levels, what, rng.random() < 0.35, 0.8)
        return a.model("shelves", clearance=0.4, size=size)
    post = materials.metal(rng, 0.5)
    plate = post if rng.random() < 0.5 else materials.board(rng)
    levels = max(1, round(h / float(rng.uniform(0.38, 0.5))))
    for x in (-1, 1):
        for y in (-1, 1):
            a.box(post, (0.03, 0.03, h), (x * (w / 2 - 0.015), y * (d / 2 - 0.015), h / 2))
    for level in range(levels + 1):
        z = 0.08 + level * (h - 0.1) / levels
        a.box(plate, (w - 0.01, d - 0.01, 0.022), (0, 0, z))
        low, high = (-w / 2 + 0.035, -d / 2 + 0.02), (w / 2 - 0.035, d / 2 - 0.02)
        if level < levels and rng.random() < 0.85:
            stock.fill(a, rng, low, high, z + 0.011, (h - 0.1) / levels - 0.025, what)
        else:
            a.support(low, high, z + 0.011, (h - 0.1) / levels - 0.03 if level < levels else 0.5)
    return a.model("shelves", clearance=0.4, size=size)


def wall_shelf(rng: np.random.Generator, size: Size = FREE) -> Model:
    """One to three boards on brackets, with things on them."""
    w, d, h = measure(size, rng, (0.6, 1.3), (0.18, 0.28), (0.4, 0.9))
    a = Assembly("shelves")
    body, metal = materials.board(rng, 0.5), materials.metal(rng, 0.5)
    levels = max(1, round(h / 0.4))
    step = h / levels
    what = str(rng.choice(["books", "home", "home", "kitchen"]))
    for level in range(levels):
        z = level * step
        a.box(body, (w, d, 0.025), (0, -d / 2, z + 0.0325))
        for x in (-0.38, 0.38):
            a.box(metal, (0.02, d * 0.8, 0.02), (x * w, -d * 0.4, z + 0.01), bevel=0)
        stock.fill(a, rng, (-w / 2, -d + 0.01), (w / 2, -0.01), z + 0.045, min(step, 0.4) - 0.07, what)
        a.support((-w / 2, -d), (w / 2, 0), z + 0.045, step - 0.05)
    for x in (-0.38, 0.38):  # the rails that the brackets hang in
        a.box(metal, (0.025, 0.01, h), (x * w, -0.005, h / 2), bevel=0)
    return a.model("wall shelf", "wall", size=size)


def chest(
    rng: np.random.Generator,
    size: Size,
    label: str,
    name: str,
    rows: int,
    columns: int,
    doors: bool = False,
    legs: float | None = None,
) -> Model:
    """A body with drawers or doors, on legs or a plinth; what dressers, night stands and sideboards have in common."""
    w, d, h = measure(size, rng, (0.5, 1.4), (0.38, 0.5), (0.6, 1.0))
    a = Assembly(label)
    body = materials.board(rng, 0.4)
    face = materials.board(rng, 0.5) if rng.random() < 0.3 else body
    foot = float(rng.choice([0.03, 0.06, 0.12])) if legs is None else legs
    foot = min(foot, h / 3)
    top = float(rng.uniform(0.018, 0.035))
    over = float(rng.choice([0.0, 0.012]))
    a.box(body, (w - 2 * over, d - 0.04 - over, h - foot - top), (0, 0.02 - over / 2, foot + (h - foot - top) / 2))
    a.box(body, (w, d, top), (0, 0, h - top / 2), bevel=0.006)
    if foot > 0.08:
        for x in (-1, 1):
            for y in (-1, 1):
                a.box(body, (0.04, 0.04, foot), (x * (w / 2 - 0.04), y * (d / 2 - 0.04), foot / 2))
    else:
        a.box(body, (w - 0.04, d - 0.08, foot), (0, 0.02, foot / 2), bevel=0)
    fronts(
        a,
        rng,
        face,
        (-w / 2 + over + 0.004, foot + 0.01),
        (w / 2 - over - 0.004, h - top - 0.004),
        -d / 2 + 0.04,
        rows,
        columns,
        doors,
    )
    a.support((-w / 2 + 0.02, -d / 2 + 0.02), (w / 2 - 0.02, d / 2 - 0.01), h)
    return a.model(name, clearance=0.5, size=size)


def _or(size: Size, rng: np.random.Generator, *ranges: tuple[float, float]) -> Size:
    w, d, h = measure(size, rng, *ranges)
    return w, d, h


def dresser(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A chest of drawers."""
    size = _or(size, rng, (0.7, 1.5), (0.42, 0.52), (0.72, 1.2))
    return chest(rng, size, "dresser", "dresser", int(rng.integers(3, 6)), 2 if (size[0] or 0) > 0.85 else 1)


def night_stand(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A small stand beside a bed: drawers, a drawer over an open bay, or a small table."""
    size = _or(size, rng, (0.38, 0.55), (0.34, 0.45), (0.42, 0.65))
    style = rng.random()
    if style < 0.5:
        return chest(rng, size, "night_stand", "night stand", int(rng.integers(1, 4)), 1)
    w, d, h = measure(size, rng, (0.4, 0.5), (0.35, 0.45), (0.45, 0.6))
    a = Assembly("night_stand")
    body = materials.board(rng, 0.4)
    for x in (-1, 1):
        for y in (-1, 1):
            a.box(body, (0.035, 0.035, h - 0.02), (x * (w / 2 - 0.0175), y * (d / 2 - 0.0175), (h - 0.02) / 2))
    a.box(body, (w, d, 0.022), (0, 0, h - 0.011))
    a.box(body, (w - 0.02, d - 0.02, 0.018), (0, 0, h * 0.3))
    if style < 0.85:
        a.box(body, (w - 0.07, d - 0.05, 0.13), (0, 0.01, h - 0.087))
        fronts(a, rng, body, (-w / 2 + 0.035, h - 0.15), (w / 2 - 0.035, h - 0.024), -d / 2 + 0.035, 1, 1, False)
    if rng.random() < 0.6:
        stock.books_stack(a, rng, (0, 0, h * 0.3 + 0.01), int(rng.integers(2, 4)))
    a.support((-w / 2 + 0.01, -d / 2 + 0.01), (w / 2 - 0.01, d / 2 - 0.01), h)
    return a.model("night stand", clearance=0.3, size=size)


def cabinet(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A cabinet or sideboard with doors, perhaps drawers above; tall ones may have panes."""
    w, d, h = measure(size, rng, (0.6, 1.6), (0.35, 0.5), (0.7, 1.9))
    if h < 1.25:
        rows, doors = (1, True) if rng.random() < 0.7 else (3, False)
        return chest(rng, (w, d, h), "cabinet", "cabinet", rows, max(1, round(w / 0.45)), doors)
    a = Assembly("cabinet")
    body, split = materials.board(rng, 0.4), 0.8
    a.box(body, (w, d, split), (0, 0, split / 2))
    columns = max(1, round(w / 0.45))
    fronts(a, rng, body, (-w / 2, 0.06), (w / 2, split - 0.02), -d / 2 + 0.001, 1, columns, True)
    top, deep = h - split, d * 0.85
    back = d / 2
    if rng.random() < 0.5:  # a display case
        t = 0.02
        for x in (-1, 1):
            a.box(body, (t, deep, top), (x * (w - t) / 2, back - deep / 2, split + top / 2))
        a.box(body, (w, 0.01, top), (0, back - 0.005, split + top / 2), bevel=0)
        a.box(body, (w, deep, t), (0, back - deep / 2, h - t / 2))
        pane = materials.glass(opacity=0.12)
        levels = max(2, round(top / 0.36))
        for level in range(levels):
            z = split + 0.02 + level * (top - 0.04) / levels
            a.box(body, (w - 2 * t, deep - 0.06, 0.012), (0, back - deep / 2 + 0.02, z))
            stock.fill(
                a,
                rng,
                (-w / 2 + t, back - deep + 0.05),
                (w / 2 - t, back - 0.02),
                z + 0.006,
                (top - 0.04) / levels - 0.02,
                str(rng.choice(["home", "kitchen"])),
            )
        for column in range(columns):
            wide, x = w / columns, -w / 2 + (column + 0.5) * w / columns
            y = back - deep - 0.006
            a.box(pane, (wide - 0.08, 0.004, top - 0.1), (x, y, split + top / 2), bevel=0)
            for s in (-1, 1):
                a.box(body, (0.045, 0.02, top - 0.01), (x + s * (wide / 2 - 0.0235), y, split + top / 2))
                a.box(body, (wide - 0.09, 0.02, 0.045), (x, y, split + top / 2 + s * (top / 2 - 0.0275)))
    else:
        a.box(body, (w, d, top), (0, 0, split + top / 2))
        fronts(a, rng, body, (-w / 2, split + 0.005), (w / 2, h - 0.02), -d / 2 + 0.001, 1, columns, True)
    a.support((-w / 2, back - deep), (w / 2, back), h, 0.4)
    return a.model("cabinet", clearance=0.5, size=size)


def wardrobe(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A wardrobe with hinged or sliding doors, some with a mirror."""
    w, d, h = measure(size, rng, (0.9, 2.0), (0.55, 0.62), (1.8, 2.3))
    a = Assembly("cabinet")
    body = materials.board(rng, 0.4, upright=True)
    face = materials.board(rng, 0.6, upright=True) if rng.random() < 0.4 else body
    a.box(body, (w, d - 0.04, h - 0.06), (0, 0.02, 0.06 + (h - 0.06) / 2))
    a.box(body, (w - 0.04, d - 0.1, 0.06), (0, 0.03, 0.03), bevel=0)
    if rng.random() < 0.35:
        count = 2 if w < 1.6 else 3
        mirrored = int(rng.integers(-2, count))
        for i in range(count):
            x = -w / 2 + (i + 0.5) * w / count
            y = -d / 2 + 0.012 + 0.02 * (i % 2)
            a.box(face, (w / count + 0.02 if i % 2 else w / count, 0.018, h - 0.1), (x, y, 0.08 + (h - 0.1) / 2))
            if i == mirrored:
                a.box(
                    materials.mirror(),
                    (w / count - 0.06, 0.004, h - 0.2),
                    (x, y - 0.011, 0.08 + (h - 0.1) / 2),
                    "mirror",
                    0,
                )
    else:
        drawers = float(rng.choice([0.0, 0.0, 0.4]))
        if drawers:
            fronts(
                a, rng, face, (-w / 2, 0.07), (w / 2, 0.07 + drawers), -d / 2 + 0.04, 2, max(1, round(w / 0.9)), False
            )
        fronts(
            a, rng, face, (-w / 2, 0.075 + drawers), (w / 2, h - 0.015), -d / 2 + 0.04, 1, max(2, round(w / 0.5)), True
        )
    a.support((-w / 2 + 0.03, -d / 2 + 0.06), (w / 2 - 0.03, d / 2 - 0.03), h, 0.35)
    return a.model("wardrobe", clearance=0.5, size=size)


def filing_cabinet(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A metal cabinet with two to four deep drawers."""
    w, d, h = measure(size, rng, (0.4, 0.47), (0.5, 0.62), (0.68, 1.35))
    a = Assembly("cabinet")
    coat = materials.plain(
        "coated steel",
        materials.pick(rng, materials.GREYS[:4], materials.BLACKS, materials.BEIGES, materials.WHITES),
        0.4,
    )
    a.box(coat, (w, d - 0.03, h), (0, 0.015, h / 2), bevel=0.004)
    rows = max(2, round(h / 0.33))
    chrome, card = materials.chrome(), materials.plain("card", materials.linear(238, 238, 234), 0.8)
    for row in range(rows):
        z, tall = 0.03 + (row + 0.5) * (h - 0.05) / rows, (h - 0.05) / rows
        a.box(coat, (w - 0.03, 0.02, tall - 0.015), (0, -d / 2 + 0.015, z))
        a.box(chrome, (0.12, 0.02, 0.02), (0, -d / 2 + 0.01, z + tall * 0.12))
        a.box(card, (0.07, 0.004, 0.03), (0, -d / 2 + 0.004, z + tall * 0.28), "cabinet", 0)
    a.support((-w / 2 + 0.02, -d / 2 + 0.04), (w / 2 - 0.02, d / 2 - 0.02), h)
    return a.model("filing cabinet", clearance=0.5, size=size)


def tv_stand(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A low board for a television, with open bays or drawers."""
    w, d, h = measure(size, rng, (1.0, 1.9), (0.38, 0.48), (0.36, 0.58))
    if rng.random() < 0.5:
        return chest(
            rng,
            (w, d, h),
            "cabinet",
            "television stand",
            1 if h < 0.45 else 2,
            max(2, round(w / 0.55)),
            rng.random() < 0.4,
        )
    a = Assembly("cabinet")
    body, t = materials.board(rng, 0.45), 0.028
    for z in (0.05 + t / 2, h - t / 2):
        a.box(body, (w, d, t), (0, 0, z))
    columns = max(2, round(w / 0.6))
    for i in range(columns + 1):
        a.box(
            body, (t, d - 0.01, h - 0.05 - 2 * t), (-w / 2 + t / 2 + i * (w - t) / columns, 0.0, 0.05 + h / 2 - 0.025)
        )
    a.box(body, (w - 0.02, 0.01, h - 0.06), (0, d / 2 - 0.005, 0.05 + h / 2 - 0.03), bevel=0)
    a.box(body, (w - 0.1, d - 0.1, 0.05), (0, 0, 0.025), bevel=0)
    box = materials.plastic(rng, materials.BLACKS, materials.GREYS)
    for i in range(columns):
        left, bay = -w / 2 + t + i * (w - t) / columns, (w - t) / columns - t
        if rng.random() < 0.4:
            stock.fill(a, rng, (left, -d / 2 + 0.02), (left + bay, d / 2 - 0.02), 0.05 + t, h - 0.05 - 2 * t, "home")
        elif rng.random() < 0.7:
            tall = float(rng.uniform(0.04, 0.08))
            a.box(box, (min(0.42, bay * 0.85), d * 0.6, tall), (left + bay / 2, 0, 0.05 + t + tall / 2), "void")
    a.support((-w / 2 + 0.02, -d / 2 + 0.02), (w / 2 - 0.02, d / 2 - 0.02), h, 1.2)
    return a.model("television stand", clearance=0.5, size=size)


def printer_stand(rng: np.random.Generator, size: Size = FREE) -> Model:
    """A low cabinet with a printer on it."""
    w, d, h = measure(size, rng, (0.5, 0.7), (0.45, 0.6), (0.85, 1.15))
    low = h - 0.35
    a = Assembly("cabinet")
    a.insert(chest(rng, (w, d, low), "cabinet", "cabinet", 1, max(1, round(w / 0.45)), True))
    shell = materials.plain(
        "printer", materials.pick(rng, materials.WHITES, materials.GREYS[:2], materials.BLACKS), 0.5
    )
    dark = materials.plain("printer slot", materials.linear(40, 40, 44), 0.5)
    pw, pd = w * 0.85, d * 0.85
    a.box(shell, (pw, pd, 0.24), (0, 0, low + 0.12), "void", 0.015)
    a.box(shell, (pw * 0.96, pd * 0.8, 0.1), (0, 0.03, low + 0.29), "void", 0.02)
    a.box(dark, (pw * 0.7, 0.02, 0.05), (0, -pd / 2, low + 0.15), "void")
    a.box(materials.page(rng), (0.21, 0.12, 0.01), (0, -pd / 2 + 0.02, low + 0.135), "paper", 0)
    a.box(dark, (pw * 0.3, 0.01, 0.06), (pw * 0.25, -pd / 2 + 0.05, low + 0.28), "void")
    return a.model("printer", clearance=0.4, size=size, main=LABEL["void"])
