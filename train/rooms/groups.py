"""Furniture that belongs together: a bed and its night stands, a sofa and its table."""

from __future__ import annotations

import numpy as np

from train.rooms.furnisher import Furnisher
from train.rooms.placement import Placed
from train.rooms.supply import Size


def bed(room: Furnisher, role: str = "bed", size: Size | None = None, stands: float = 0.8) -> Placed | None:
    """A bed with its head to the wall, night stands and lamps beside it, a rug, something on the wall above."""
    placed = room.against(role, size, tries=24, corner=0.35)
    if placed is None:
        return None
    model = room.build("night_stand") if room.chance(0.6) else None
    for side in (-1, 1):
        if not room.chance(stands):
            continue
        if model is not None:
            x = side * (placed.box.half[0] + model.size[0] / 2 + room.between(0.03, 0.12))
            stand = room.near(placed, "night_stand", x, placed.box.half[1] - model.size[1] / 2, model=model, loose=True)
        else:
            other = room.pick("night_stand", "night_stand", "side_table", "dresser")
            stand = room.beside(placed, other, side, room.between(0.03, 0.12), loose=True)
        if stand is not None and room.chance(0.75):
            room.on(stand, "table_lamp", where="back")
    if room.chance(0.5):
        size = (room.between(0.6, 0.9), room.between(1.2, 1.8), None)
        side = 1 if room.chance(0.5) else -1
        rug = room.build("rug", size)
        if rug is not None:
            x = side * (placed.box.half[0] + rug.size[0] / 2 + 0.05)
            room.near(placed, "rug", x, room.between(-0.5, 0.2), model=rug, loose=True)
    if room.chance(0.5):
        room.above(placed, room.pick("picture", "picture", "poster", "wall_shelf"), (0.3, 0.6))
    return placed


def sofa(room: Furnisher, television: float = 0.9, island: float = 0.15) -> Placed | None:
    """A sofa, a coffee table before it on a rug, armchairs about it, a television across."""
    model = room.build("sofa")
    if model is None:
        return None
    if room.chance(island):
        x, y, _ = room.plan.size
        middle = (x * 0.3, x * 0.7, y * 0.35, y * 0.65)
        placed = room.anywhere("sofa", square=True, model=model, within=middle) or room.against("sofa", model=model)
    else:
        placed = room.against("sofa", model=model, tries=24, corner=0.15)
    if placed is None:
        return None
    table = room.build("coffee_table") if room.chance(0.85) else None
    if table is not None:
        gap = room.between(0.3, 0.45)
        if room.chance(0.6):
            width = max(float(table.size[0]) + room.between(0.3, 1.0), 1.4)
            rug = room.build("rug", (width, float(table.size[1]) + room.between(0.35, 0.7), None))
            if rug is not None:
                room.before(placed, "rug", 0.08, model=rug)
        room.before(
            placed, "coffee_table", gap, x=room.between(-0.15, 0.15), turn=room.rng.normal(0, 0.03), model=table
        )
    for side in (-1, 1):
        if room.chance(0.4):
            beside = room.beside(placed, "side_table", side, room.between(0.03, 0.1), loose=True)
            if beside is not None and room.chance(0.7):
                room.on(beside, "table_lamp")
        elif room.chance(0.3):
            room.beside(placed, room.pick("floor_lamp", "plant"), side, room.between(0.03, 0.1), loose=True)
        if room.chance(0.45):
            chair = room.build(room.pick("armchair", "armchair", "chair"))
            if chair is not None:
                turn = side * (np.pi / 2 + room.between(-0.5, 0.1))
                x = side * (placed.box.half[0] + room.between(0.1, 0.5))
                y = -placed.box.half[1] - room.between(0.5, 1.0)
                room.near(placed, "armchair", x, y, -turn, model=chair, loose=True)
    if room.chance(television):
        _television(room, placed)
    if room.chance(0.6):
        room.above(placed, room.pick("picture", "picture", "mirror", "wall_shelf"), (0.25, 0.55))
    return placed


def _television(room: Furnisher, sofa: Placed) -> None:
    """A television on the wall that the sofa faces, on a stand or on the wall itself."""
    facing = np.array([np.sin(sofa.yaw), -np.cos(sofa.yaw)])
    across = [n for n, wall in enumerate(room.walls) if np.dot(wall.normal, facing) < -0.9 and wall.outer]
    if not across:
        return
    wall = room.walls[across[0]]
    u = float((np.array([sofa.box.x, sofa.box.y]) - wall.origin) @ wall.along) + room.between(-0.4, 0.4)
    stand = room.against("tv_stand", walls=across, u=u) or room.against("tv_stand", walls=across, tries=6)
    if stand is None or room.chance(0.3):
        model = room.build("wall_tv")
        if model is not None:
            place = u if stand is None else float((np.array([stand.box.x, stand.box.y]) - wall.origin) @ wall.along)
            room.mount(model, "wall_tv", wall, place, room.between(0.95, 1.25))
    else:
        room.on(stand, "television", where="centre", turn=room.rng.normal(0, 0.05), tries=6)


def workplace(room: Furnisher, island: bool = False, chair: str = "office_chair") -> Placed | None:
    """A desk with its chair, a screen, papers and what else gathers about it."""
    desk = room.anywhere("desk", square=True, tries=16) if island else room.against("desk", tries=16)
    if desk is None:
        return None
    equip_desk(room, desk)
    room.tuck(chair, desk, 0, room.between(-0.2, 0.2))
    for side in (-1, 1):
        if room.chance(0.25):
            room.beside(
                desk, room.pick("filing_cabinet", "bin", "carton", "backpack", "printer_stand"), side, loose=True
            )
    if not island and room.chance(0.55):
        things = ("wall_papers", "notice_board", "picture", "calendar", "wall_shelf", "poster")
        room.above(desk, room.pick(*things), (0.35, 0.7))
    return desk


def equip_desk(room: Furnisher, desk: Placed) -> None:
    """A screen, a keyboard, a lamp, papers and books on a desk."""
    if room.chance(0.75):
        for _ in range(2 if room.chance(0.2) else 1):
            room.on(desk, "monitor", where="back", turn=room.rng.normal(0, 0.2))
        if room.chance(0.8):
            room.on(desk, "keyboard", where="front", turn=room.rng.normal(0, 0.06))
    elif room.chance(0.6):
        room.on(desk, "laptop", where="front", turn=room.rng.normal(0, 0.15))
    if room.chance(0.4):
        room.on(desk, "desk_lamp", where="back")


def dining(
    room: Furnisher, role: str = "dining_table", size: Size | None = None, chair: str = "chair"
) -> Placed | None:
    """A table in the open with its chairs about it, at times on a rug and under a lamp."""
    model = room.build(role, size)
    if model is None:
        return None
    x, y, _ = room.plan.size
    width, depth = float(model.size[0]), float(model.size[1])
    middle = (0.3 * x, 0.7 * x, 0.3 * y, 0.7 * y)
    rug = None
    if room.kind in ("dining_room", "living_room", "kitchen", "furniture_store") and room.chance(0.3):
        rug = room.anywhere("rug", (width + 1.7, depth + 1.7, None), square=True, within=middle, tries=6)
    for _ in range(3):
        if rug is not None:
            table = room.near(rug, role, 0.0, 0.0, model=model)
        else:
            table = room.anywhere(role, square=True, model=model, within=middle, tries=10)
        table = table or room.against(role, model=model)
        if table is not None:
            break
    if table is None:
        return None
    chairs_about(room, table, chair)
    if room.chance(0.5):
        room.ceiling("pendant", table.box.x, table.box.y)
    return table


def chairs_about(room: Furnisher, table: Placed, role: str, full: float = 0.85, ends: float = 0.6) -> None:
    """Chairs along a table's sides, and at its ends."""
    model = room.build(role)
    if model is None:
        return
    pitch = float(model.size[0]) + room.between(0.06, 0.2)
    for side in range(4):
        length = 2 * table.box.half[side % 2]
        if side % 2 and not room.chance(ends):
            continue
        count = 1 if side % 2 and length < 1.3 else max(1, int(length / pitch))
        for number in range(count):
            if room.chance(full):
                offset = (number - (count - 1) / 2) * length / count
                room.tuck(role, table, side, offset, model=model)


def school_rows(room: Furnisher, front: int, role: str = "school_desk", chair: str = "chair") -> None:
    """Rows of desks that face a wall, each with its chairs."""
    wall = room.walls[front]
    desk, seat = room.build(role), room.build(chair)
    if desk is None or seat is None:
        return
    side = wall.length
    deep = room.plan.size[1] if front % 2 == 0 else room.plan.size[0]
    width, depth = float(desk.size[0]), float(desk.size[1])
    across = width + (0.02 if room.chance(0.4) else room.between(0.45, 0.7))
    pitch = depth + room.between(0.75, 1.0)
    pair = 2 if across - width < 0.1 else 1
    aisle = 0.7
    group = pair * across + aisle
    columns = max(1, int((side - 0.8) / group))
    rows = max(1, int((deep - 2.3) / pitch))
    start = (side - columns * group + aisle) / 2
    for row in range(rows):
        for column in range(columns * pair):
            if room.chance(0.05):
                continue
            u = start + (column // pair) * group + (column % pair) * across + width / 2
            x, y = wall.point(u, 2.0 + row * pitch)
            # A desk's front is where one sits: away from the board.
            turned = wall.yaw + np.pi * 2 + room.rng.normal(0, 0.02 if pair == 1 else 0.0)
            placed = room.stand(desk, role, float(x), float(y), turned, loose=True, walkable=True)
            if placed is None:
                continue
            seats = 2 if width > 1.1 else 1
            for number in range(seats):
                if room.chance(0.92):
                    offset = (number - (seats - 1) / 2) * width / 2
                    room.tuck(chair, placed, 0, offset, model=seat)


def book_rows(room: Furnisher, role: str = "bookshelf") -> None:
    """Shelves back to back in rows, as in a library or a store."""
    x, y, _ = room.plan.size
    model = room.build(role)
    if model is None:
        return
    width, depth = float(model.size[0]), float(model.size[1])
    pitch = 2 * depth + room.between(1.0, 1.5)
    for row in range(int((y - 2.4) / pitch)):
        y0 = 1.6 + row * pitch
        count = int((x - 2.6) / width)
        for number in range(count):
            x0 = 1.3 + number * width + width / 2
            room.stand(model, role, x0, y0 - float(model.bounds[1][1]), 0.0, loose=True)
            room.stand(model, role, x0, y0 + float(model.bounds[1][1]) + 0.01, np.pi, loose=True)
