"""The types of room, and how often SUN RGB-D has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from train.rooms import programmes
from train.rooms.furnisher import Furnisher
from train.rooms.openings import Glazing


@dataclass(frozen=True)
class Kind:
    """A type of room.

    Attributes:
        weight: how often it comes, in parts of the sum over all. SUN RGB-D's counts of its scene types (Song et al.
            2015, https://doi.org/10.1109/CVPR.2015.7298655, figure 4) in per cent, roughly; stores, which are a
            single warehouse there, come less often here, and homes, which NYU Depth v2 is of, a little more.
        width, depth, height: ranges of the room's size [m].
        glazing: windows and doors.
        furnish: puts the furniture in.
        essential: of each of these groups of roles the room has one at least.
        lamps: what hangs from the ceiling.
        more: what fills the walls up until the room is as full as was drawn.
        alcove: how often a pillar, chimney breast or partition stands in the room.
        skirting: how often it has skirting boards.
        dressed: how often windows have curtains or blinds.
        clutter: mean number of loose things on the floor.
        people: mean number of people.
    """

    weight: float
    width: tuple[float, float]
    depth: tuple[float, float]
    height: tuple[float, float]
    glazing: Glazing
    furnish: Callable[[Furnisher], None]
    essential: tuple[tuple[str, ...], ...] = ()
    lamps: tuple[str, ...] = ("ceiling_lamp", "pendant")
    more: tuple[str, ...] = ()
    alcove: float = 0.3
    skirting: float = 0.85
    dressed: float = 0.8
    clutter: float = 3.0
    people: float = 0.12


OFFICE_LAMPS = ("ceiling_panel", "ceiling_panel", "ceiling_lamp")
HIGH_SILL = Glazing(sill=(1.13, 1.25), height=(0.7, 1.05), width=(0.7, 1.6))
OFFICE = Glazing(windows=(0, 2), width=(1.2, 2.6), sill=(0.6, 1.05), height=(1.1, 1.7), passage=0.05)

KINDS: dict[str, Kind] = {
    "bedroom": Kind(
        17,
        (2.8, 4.8),
        (3.0, 5.2),
        (2.35, 2.9),
        Glazing(),
        programmes.bedroom,
        (("bed", "bunk_bed"),),
        clutter=4,
        more=(
            "dresser",
            "wardrobe",
            "dresser",
            "bookshelf",
            "chair",
            "cabinet",
            "shelves",
            "laundry_basket",
            "night_stand",
            "carton",
        ),
    ),
    "living_room": Kind(
        12,
        (3.6, 6.2),
        (3.8, 6.8),
        (2.4, 3.0),
        Glazing(windows=(1, 3), passage=0.4),
        programmes.living_room,
        (("sofa",),),
        more=(
            "bookshelf",
            "cabinet",
            "armchair",
            "shelves",
            "side_table",
            "plant",
            "chair",
            "floor_lamp",
            "piano",
            "dresser",
        ),
    ),
    "office": Kind(
        12,
        (2.8, 6.0),
        (3.0, 6.5),
        (2.4, 3.0),
        OFFICE,
        programmes.office,
        (("desk",),),
        OFFICE_LAMPS,
        dressed=0.6,
        clutter=4,
        people=0.16,
        more=(
            "filing_cabinet",
            "bookshelf",
            "cabinet",
            "shelves",
            "carton",
            "chair",
            "desk",
            "printer_stand",
            "carton",
        ),
    ),
    "kitchen": Kind(
        13,
        (2.4, 4.4),
        (2.8, 5.2),
        (2.35, 2.8),
        HIGH_SILL,
        programmes.kitchen,
        (("base_unit",), ("sink_unit",)),
        skirting=0.6,
        dressed=0.5,
        clutter=1.5,
        more=("cabinet", "shelves", "chair", "stool", "bin", "carton", "side_table"),
    ),
    "bathroom": Kind(
        10,
        (1.8, 3.0),
        (2.1, 3.6),
        (2.3, 2.7),
        Glazing((0, 1), (0.5, 0.9), (1.2, 1.5), (0.5, 0.9), (1, 1), 0.0),
        programmes.bathroom,
        (("toilet",), ("washbasin",), ("bathtub", "shower")),
        ("ceiling_lamp",),
        alcove=0.15,
        skirting=0.25,
        dressed=0.4,
        clutter=1.5,
        people=0.02,
        more=("laundry_basket", "cabinet", "shelves", "bin"),
    ),
    "dining_room": Kind(
        5,
        (3.2, 6.0),
        (3.4, 6.5),
        (2.4, 3.0),
        Glazing(windows=(1, 3), passage=0.4),
        programmes.dining_room,
        (("dining_table",),),
        more=("cabinet", "chair", "bookshelf", "plant", "side_table", "armchair", "shelves", "cabinet"),
    ),
    "classroom": Kind(
        7,
        (5.5, 9.0),
        (6.0, 9.5),
        (2.7, 3.3),
        Glazing((1, 4), (1.2, 2.2), (0.8, 1.1), (1.2, 1.7), (1, 2), 0.0),
        programmes.classroom,
        (("school_desk", "conference_table"),),
        OFFICE_LAMPS,
        clutter=4,
        people=0.48,
        more=("cabinet", "bookshelf", "chair", "desk", "shelves", "filing_cabinet", "side_table"),
    ),
    "conference_room": Kind(
        4,
        (3.4, 6.0),
        (4.2, 7.5),
        (2.5, 3.0),
        OFFICE,
        programmes.conference_room,
        (("conference_table",),),
        OFFICE_LAMPS,
        clutter=1.5,
        people=0.2,
        more=("chair", "cabinet", "plant", "side_table", "chair", "filing_cabinet"),
    ),
    "home_office": Kind(
        5,
        (2.4, 4.2),
        (2.6, 4.6),
        (2.35, 2.8),
        Glazing(),
        programmes.study,
        (("desk",),),
        clutter=5,
        more=("bookshelf", "cabinet", "filing_cabinet", "carton", "shelves", "chair", "dresser", "armchair", "carton"),
    ),
    "corridor": Kind(
        4,
        (1.5, 2.4),
        (3.5, 7.5),
        (2.4, 2.9),
        Glazing((0, 1), doors=(2, 4), passage=0.3),
        programmes.corridor,
        (),
        clutter=3,
        more=("cabinet", "shelves", "chair", "bookshelf", "carton", "dresser", "plant", "side_table"),
    ),
    "laundry_room": Kind(
        2,
        (1.9, 3.2),
        (2.2, 4.0),
        (2.3, 2.7),
        HIGH_SILL,
        programmes.laundry,
        (),
        ("ceiling_lamp",),
        clutter=4,
        people=0.02,
        more=("cabinet", "shelves", "laundry_basket", "carton", "clothes_rack", "bin", "wardrobe", "base_unit"),
    ),
    "furniture_store": Kind(
        6,
        (6.5, 10.0),
        (7.0, 11.0),
        (2.9, 3.6),
        Glazing((0, 2), (1.5, 2.6), (0.4, 0.9), (1.4, 2.0), (1, 2), 0.4),
        programmes.furniture_store,
        (("sofa", "bed"),),
        OFFICE_LAMPS,
        alcove=0.7,
        clutter=2,
        people=0.2,
        more=("wardrobe", "bookshelf", "dresser", "cabinet", "shelves", "sofa", "armchair", "desk", "bed"),
    ),
    "library": Kind(
        4,
        (5.0, 8.0),
        (5.5, 9.0),
        (2.6, 3.3),
        OFFICE,
        programmes.library,
        (("bookshelf",),),
        OFFICE_LAMPS,
        alcove=0.4,
        clutter=3,
        people=0.32,
        more=("bookshelf", "bookshelf", "bookshelf", "shelves", "armchair", "desk", "cabinet"),
    ),
    "dorm_room": Kind(
        2,
        (2.6, 4.2),
        (3.4, 5.2),
        (2.4, 2.8),
        Glazing(),
        programmes.dorm_room,
        (("bed", "bunk_bed"), ("desk",)),
        clutter=7,
        people=0.16,
        more=("wardrobe", "dresser", "bookshelf", "shelves", "carton", "chair", "laundry_basket", "suitcase"),
    ),
    "playroom": Kind(
        2,
        (2.8, 4.6),
        (3.0, 5.0),
        (2.4, 2.8),
        Glazing(),
        programmes.playroom,
        (),
        clutter=6,
        people=0.08,
        more=("shelves", "bookshelf", "dresser", "cabinet", "carton", "chair", "laundry_basket", "toys"),
    ),
    "rest_space": Kind(
        6,
        (4.0, 8.0),
        (4.5, 8.0),
        (2.6, 3.4),
        Glazing((1, 3), (1.4, 2.6), (0.3, 0.9), (1.4, 2.2), (1, 3), 0.5),
        programmes.rest_space,
        (("sofa",),),
        ("ceiling_panel", "pendant", "ceiling_lamp"),
        people=0.28,
        more=("sofa", "armchair", "plant", "side_table", "chair", "cabinet", "shelves"),
    ),
    "computer_room": Kind(
        3,
        (4.5, 7.5),
        (5.0, 8.0),
        (2.6, 3.2),
        OFFICE,
        programmes.computer_room,
        (("desk",),),
        OFFICE_LAMPS,
        clutter=3,
        people=0.32,
        more=("desk", "cabinet", "chair", "printer_stand", "carton", "filing_cabinet", "shelves"),
    ),
}
