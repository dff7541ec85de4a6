"""Rare classes: what carries them, and the types of room where it has a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.rooms import fitted
from train.rooms.dressing import LOWEST, sit
from train.rooms.furnisher import Furnisher
from train.rooms.kinds import KINDS
from train.rooms.placement import Placed


@dataclass(frozen=True)
class Wish:
    """How a class is brought into a room.

    Attributes:
        roles: what carries it; the first that has a place is taken.
        kinds: types of room where it has a place; all if empty.
    """

    roles: tuple[str, ...]
    kinds: tuple[str, ...] = ()


WET = ("bathroom",)
SLEEP = ("bedroom", "dorm_room", "playroom")
COOK = ("kitchen", "laundry_room")
# Only classes that layout can bring; walls, floors and ceilings are everywhere.
WISHES: dict[int, Wish] = {
    3: Wish(("cabinet", "filing_cabinet", "wardrobe")),
    4: Wish(("bed",), SLEEP),
    5: Wish(("chair", "office_chair")),
    6: Wish(("sofa",), ("living_room", "rest_space", "furniture_store", "home_office", "playroom")),
    7: Wish(("side_table", "coffee_table", "dining_table")),
    10: Wish(("bookshelf",)),
    11: Wish(("picture", "poster")),
    12: Wish(("base_unit",), COOK),
    14: Wish(("desk",), ("office", "home_office", "bedroom", "dorm_room", "classroom", "computer_room")),
    15: Wish(("shelves", "wall_shelf")),
    17: Wish(("dresser",), (*SLEEP, "furniture_store", "corridor")),
    18: Wish(("pillow", "cushion")),
    19: Wish(("mirror",)),
    20: Wish(("rug", "bath_mat")),
    21: Wish(("clothes_rack", "clothes_pile", "coat_hooks", "shirt", "folded_clothes")),
    23: Wish(("books", "books_row", "books_open")),
    24: Wish(("refridgerator",), (*COOK, "dorm_room", "dining_room")),
    25: Wish(("wall_tv", "television"), ("living_room", "bedroom", "rest_space", "conference_room", "classroom")),
    26: Wish(("wall_papers", "papers", "notice_board", "calendar")),
    27: Wish(("towel_rail", "folded_towels", "towel"), (*WET, *COOK, *SLEEP)),
    28: Wish(("shower_curtain",), WET),
    29: Wish(("carton", "small_box")),
    30: Wish(("whiteboard", "whiteboard_stand"), ("office", "classroom", "conference_room", "computer_room")),
    31: Wish(("person_standing", "person_sitting")),
    32: Wish(("night_stand",), SLEEP),
    33: Wish(("toilet",), WET),
    34: Wish(("washbasin", "sink_unit"), (*WET, *COOK)),
    35: Wish(("floor_lamp", "table_lamp", "desk_lamp")),
    36: Wish(("bathtub",), WET),
    37: Wish(("bag", "backpack", "suitcase", "handbag", "paper_bag")),
}


TOPS = ("desk", "dining_table", "coffee_table", "side_table", "dresser", "cabinet", "night_stand", "filing_cabinet")
SOFT = ("bed", "bunk_bed", "sofa", "armchair", "chair", "office_chair")
# What carries small things.
BEARERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("books", "books_open", "papers", "small_box", "paper_bag"), (*TOPS, "conference_table", "school_desk")
    ),
    **dict.fromkeys(("table_lamp", "desk_lamp", "books_row"), TOPS),
    "television": ("tv_stand", "dresser", "cabinet"),
    **dict.fromkeys(("pillow", "cushion", "shirt", "folded_clothes"), SOFT),
    "handbag": (*SOFT, *TOPS),
    **dict.fromkeys(("folded_towels", "towel"), (*TOPS, "base_unit", "washbasin", "bed", "shelves")),
}


def draw_kind(rng: np.random.Generator, wanted: tuple[int, ...] = ()) -> str:
    """A type of room by its weight; those that the wanted classes belong to come more often."""
    weights = []
    for name, kind in KINDS.items():
        at_home = sum(name in WISHES[label].kinds for label in wanted if label in WISHES)
        weights.append(kind.weight * 3.0**at_home)
    share = np.array(weights)
    return str(rng.choice(list(KINDS), p=share / share.sum()))


def grant(room: Furnisher, wanted: Sequence[int]) -> None:
    """Bring wanted classes into a furnished room, each where it plausibly fits; one that has no place stays out.

    Args:
        room: with its furniture.
        wanted: classes, 1..37; one that comes twice is brought twice.
    """
    for label in wanted:
        wish = WISHES.get(label)
        if wish is None or (wish.kinds and room.kind not in wish.kinds):
            continue
        order = list(wish.roles)
        room.rng.shuffle(order)
        for role in order:
            if bring(room, role) is not None:
                break


def bring(room: Furnisher, role: str) -> Placed | None:
    """Put one thing where things of its role belong."""
    if role in ("picture", "poster", "mirror", "wall_papers", "notice_board", "calendar", "wall_shelf", "whiteboard"):
        return room.hang(role, LOWEST.get(role, (1.1, 1.5)), tries=14)
    if role in ("coat_hooks", "towel_rail", "wall_tv"):
        return room.hang(role, LOWEST.get(role, (0.9, 1.2)), tries=14)
    if role == "shower_curtain":
        tubs = [p for p in room.plan.placed if p.role in ("bathtub", "shower")]
        return fitted.shower_curtain(room, tubs[0]) if tubs else None
    if role == "person_sitting":
        return sit(room)
    if role in ("rug", "bath_mat", "person_standing", "clothes_pile", "suitcase", "backpack", "bag", "carton"):
        return room.anywhere(role, tries=14, loose=True)
    if role in BEARERS:
        bearers = [p for p in room.plan.placed if p.role in BEARERS[role] and p.model.supports]
        for number in room.rng.permutation(len(bearers))[:4]:
            placed = room.on(bearers[int(number)], role)
            if placed is not None:
                return placed
        return None
    return room.against(role, tries=20, corner=0.6, loose=True)
