"""What each type of room is furnished with, the large things; smaller ones are for `dressing.py`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from train.rooms import fitted, groups
from train.rooms.furnisher import Furnisher


def _some(room: Furnisher, *wishes: tuple[str, float]) -> None:
    """Each role with its probability, against a wall."""
    for role, probability in wishes:
        if room.chance(probability):
            room.against(role)


def bedroom(room: Furnisher) -> None:
    """A bed, wardrobe, dresser, at times a desk."""
    groups.bed(room)
    if room.chance(0.12):
        groups.bed(room, stands=0.3)
    _some(room, ("wardrobe", 0.65), ("dresser", 0.8), ("bookshelf", 0.4), ("armchair", 0.35), ("cabinet", 0.25))
    _some(room, ("clothes_rack", 0.2), ("shelves", 0.25), ("laundry_basket", 0.3), ("floor_lamp", 0.3), ("chair", 0.3))
    if room.chance(0.45):
        stand = room.against(room.pick("tv_stand", "dresser"))
        if stand is not None:
            room.on(stand, "television", where="centre", turn=0.0)
    if room.chance(0.15):
        room.against(room.pick("piano", "crib", "suitcase"))
    if room.chance(0.4):
        groups.workplace(room, chair=room.pick("chair", "office_chair"))
    if room.chance(0.5):
        room.against("chair", loose=True)


def living_room(room: Furnisher) -> None:
    """Sofas, a television, shelves, at times a dining table."""
    groups.sofa(room)
    if room.chance(0.35):
        groups.sofa(room, television=0.0)
    _some(room, ("bookshelf", 0.6), ("bookshelf", 0.3), ("cabinet", 0.55), ("shelves", 0.3), ("piano", 0.15))
    _some(room, ("plant", 0.6), ("floor_lamp", 0.5), ("armchair", 0.5), ("side_table", 0.35), ("chair", 0.4))
    if room.chance(0.3):
        groups.dining(room)
    if room.chance(0.15):
        groups.workplace(room)


def office(room: Furnisher) -> None:
    """Workplaces, cabinets, boards."""
    area = room.plan.size[0] * room.plan.size[1]
    for _ in range(max(1, int(area / 7))):
        groups.workplace(room, island=room.chance(0.25))
    _some(room, ("filing_cabinet", 0.6), ("filing_cabinet", 0.3), ("bookshelf", 0.55), ("shelves", 0.3))
    _some(room, ("cabinet", 0.35), ("printer_stand", 0.3), ("plant", 0.35), ("chair", 0.35), ("water_cooler", 0.08))
    _boards(room, 0.55)
    if room.chance(0.3):
        room.against("whiteboard_stand", loose=True)


def kitchen(room: Furnisher) -> None:
    """Units, refrigerator, often a table."""
    fitted.kitchen(room)
    if room.chance(0.5):
        groups.dining(room, chair=room.pick("chair", "chair", "stool"))
    _some(room, ("bin", 0.5), ("shelves", 0.3), ("cabinet", 0.35), ("stool", 0.3), ("chair", 0.2))
    if room.chance(0.3):
        room.hang("towel_rail", (0.8, 1.2))


def bathroom(room: Furnisher) -> None:
    """Tub or shower, basin, toilet."""
    fitted.bathroom(room)


def dining_room(room: Furnisher) -> None:
    """One table or two, cabinets."""
    groups.dining(room)
    if room.plan.size[0] * room.plan.size[1] > 22 and room.chance(0.5):
        groups.dining(room)
    _some(room, ("cabinet", 0.75), ("cabinet", 0.3), ("bookshelf", 0.35), ("plant", 0.5), ("side_table", 0.4))
    _some(room, ("shelves", 0.3), ("chair", 0.4), ("piano", 0.12), ("floor_lamp", 0.3), ("armchair", 0.25))
    if room.chance(0.2):
        groups.sofa(room, television=0.3)


def classroom(room: Furnisher) -> None:
    """Rows of desks before a board, or tables of groups."""
    front = int(room.rng.integers(4))
    wall = room.walls[front]
    board = room.build("whiteboard", (min(room.between(1.8, 3.6), wall.length - 0.8), None, 1.2))
    if board is not None:
        for off in (0.0, 0.4, -0.4, 0.8, -0.8):
            if room.mount(board, "whiteboard", wall, wall.length / 2 + off, 0.9) is not None:
                break
    if room.chance(0.7):
        x, y = wall.point(wall.length * room.between(0.2, 0.8), 1.1)
        desk = room.build("desk")
        if desk is not None:
            teacher = room.stand(desk, "desk", float(x), float(y), wall.yaw + np.pi, loose=True)
            if teacher is not None:
                room.tuck("chair", teacher, 0, 0.0)
    if room.chance(0.75):
        groups.school_rows(room, front)
    else:
        for _ in range(3):
            groups.dining(room, "conference_table", (room.between(1.4, 2.0), 0.8, None))
    _some(room, ("bookshelf", 0.4), ("cabinet", 0.4), ("shelves", 0.3), ("bin", 0.4))
    _boards(room, 0.5)


def conference_room(room: Furnisher) -> None:
    """One long table, a board, a screen."""
    x, y, _ = room.plan.size
    length = min(max(x, y) - 2.2, room.between(1.8, 4.2))
    table = groups.dining(
        room, "conference_table", (length, room.between(0.9, 1.4), None), room.pick("office_chair", "chair")
    )
    if table is not None:
        for _ in range(3):
            if room.chance(0.4):
                room.on(table, "laptop")
    _boards(room, 0.95)
    if room.chance(0.45):
        room.hang("wall_tv", (0.9, 1.3))
    _some(room, ("cabinet", 0.4), ("plant", 0.4), ("chair", 0.4), ("chair", 0.3), ("whiteboard_stand", 0.3))


def study(room: Furnisher) -> None:
    """A desk among bookshelves."""
    groups.workplace(room, chair=room.pick("chair", "office_chair", "office_chair"))
    if room.chance(0.25):
        groups.workplace(room)
    _some(room, ("bookshelf", 0.85), ("bookshelf", 0.5), ("shelves", 0.4), ("filing_cabinet", 0.3), ("armchair", 0.4))
    _some(room, ("printer_stand", 0.25), ("cabinet", 0.3), ("floor_lamp", 0.35), ("piano", 0.1), ("plant", 0.25))
    if room.chance(0.3):
        groups.sofa(room, television=0.2)


def corridor(room: Furnisher) -> None:
    """Coats, a mirror, a runner, little else."""
    _some(room, ("cabinet", 0.5), ("shelves", 0.25), ("chair", 0.3), ("plant", 0.3), ("water_cooler", 0.2))
    for _ in range(2):
        if room.chance(0.6):
            room.hang("coat_hooks", (1.3, 1.5))
    if room.chance(0.5):
        room.hang("mirror", (0.5, 1.1))
    if room.chance(0.5):
        room.anywhere("rug", (room.between(0.6, 0.9), room.between(1.2, 2.2), None), square=True, loose=True)
    if room.chance(0.3):
        room.hang("notice_board", (1.0, 1.2))


def laundry(room: Furnisher) -> None:
    """Baskets, clothes, shelves, a basin."""
    fitted.kitchen(room) if room.chance(0.3) else None
    _some(room, ("cabinet", 0.6), ("shelves", 0.7), ("laundry_basket", 0.9), ("laundry_basket", 0.5))
    _some(room, ("clothes_rack", 0.8), ("washbasin", 0.5), ("carton", 0.5), ("bin", 0.3))
    if room.chance(0.6):
        room.hang("coat_hooks", (1.3, 1.5))
    for _ in range(3):
        if room.chance(0.5):
            room.anywhere("clothes_pile", loose=True)


def furniture_store(room: Furnisher) -> None:
    """Furniture of all kinds on display."""
    x, y, _ = room.plan.size
    displays: list[Callable[[], object]] = [
        lambda: groups.sofa(room, television=0.0, island=0.8),
        lambda: groups.bed(room, stands=0.9),
        lambda: groups.dining(room),
        lambda: groups.workplace(room, island=True),
        lambda: room.against(room.pick("wardrobe", "bookshelf", "dresser", "cabinet", "shelves")),
    ]
    for _ in range(int(x * y / 5)):
        displays[int(room.rng.integers(len(displays)))]()
    for _ in range(4):
        room.anywhere(
            room.pick("armchair", "floor_lamp", "side_table", "night_stand", "chair"), square=True, loose=True
        )
    for _ in range(int(x * y / 9)):
        room.ceiling("pendant", room.between(0.5, x - 0.5), room.between(0.5, y - 0.5))


def library(room: Furnisher) -> None:
    """Bookshelves in rows and along the walls, tables."""
    if room.chance(0.6):
        groups.book_rows(room, room.pick("bookshelf", "bookshelf", "shelves"))
    for _ in range(5):
        room.against("bookshelf")
    for _ in range(2):
        groups.dining(room, room.pick("dining_table", "conference_table"))
    _some(room, ("armchair", 0.5), ("armchair", 0.4), ("desk", 0.5), ("plant", 0.3))


def dorm_room(room: Furnisher) -> None:
    """Beds and desks close together."""
    groups.bed(room, room.pick("bunk_bed", "bed", "bed"), stands=0.3)
    if room.chance(0.5):
        groups.bed(room, room.pick("bed", "bunk_bed"), stands=0.2)
    groups.workplace(room, chair=room.pick("chair", "office_chair"))
    if room.chance(0.6):
        groups.workplace(room, chair="chair")
    _some(room, ("wardrobe", 0.7), ("dresser", 0.4), ("bookshelf", 0.4), ("refridgerator", 0.25), ("shelves", 0.3))
    _some(room, ("clothes_rack", 0.25), ("laundry_basket", 0.4))
    if room.chance(0.6):
        room.hang("poster", (1.0, 1.4))


def playroom(room: Furnisher) -> None:
    """Toys, shelves, a bed or crib."""
    if room.chance(0.6):
        room.anywhere("rug", (room.between(1.2, 2.2), room.between(1.2, 2.0), None), square=True, loose=True)
    _some(room, ("crib", 0.4), ("shelves", 0.7), ("bookshelf", 0.5), ("dresser", 0.5), ("cabinet", 0.4))
    if room.chance(0.4):
        groups.bed(room, room.pick("bed", "bunk_bed"), stands=0.3)
    if room.chance(0.5):
        groups.dining(room, "side_table", chair="stool")
    if room.chance(0.3):
        groups.sofa(room, television=0.4)
    for _ in range(4):
        room.anywhere("toys", loose=True)
    for _ in range(2):
        room.hang(room.pick("poster", "picture"), (0.9, 1.4))


def rest_space(room: Furnisher) -> None:
    """Sofas of a lobby or lounge."""
    groups.sofa(room, television=0.25, island=0.35)
    for _ in range(2):
        if room.chance(0.6):
            groups.sofa(room, television=0.1, island=0.3)
    _some(room, ("plant", 0.7), ("plant", 0.4), ("water_cooler", 0.4), ("shelves", 0.3), ("bookshelf", 0.2))
    if room.chance(0.5):
        groups.dining(room)
    if room.chance(0.4):
        room.hang("notice_board", (1.0, 1.2))


def computer_room(room: Furnisher) -> None:
    """Desks with screens in rows or along the walls."""
    front = int(room.rng.integers(4))
    if room.chance(0.5):
        groups.school_rows(room, front, "desk", room.pick("office_chair", "chair"))
    else:
        for _ in range(8):
            groups.workplace(room)
    for desk in [placed for placed in room.plan.placed if placed.role == "desk"]:
        groups.equip_desk(room, desk)
    _boards(room, 0.6)
    _some(room, ("cabinet", 0.5), ("printer_stand", 0.6), ("filing_cabinet", 0.3))


def _boards(room: Furnisher, often: float) -> None:
    if room.chance(often):
        room.hang("whiteboard", (0.8, 1.0), (room.between(1.0, 2.4), None, room.between(0.9, 1.2)))
    if room.chance(often * 0.6):
        room.hang("notice_board", (0.9, 1.2))


def fill_up(room: Furnisher, roles: tuple[str, ...], fullness: float) -> None:
    """More furniture along the walls, until it covers a part of the floor or finds no place."""
    x, y, _ = room.plan.size
    for _ in range(int(4 + x * y / 3)):
        covered = sum(
            4 * placed.box.half[0] * placed.box.half[1]
            for placed in room.plan.placed
            if placed.on is None and placed.model.mounting == "floor" and placed.box.high > 0.1
        )
        if not roles or covered > fullness * x * y:
            return
        role = room.pick(*roles)
        placed = room.against(role, tries=6, corner=0.5, loose=room.chance(0.3))
        if placed is not None and role == "desk":
            groups.equip_desk(room, placed)
            room.tuck("chair", placed, 0, 0.0)
