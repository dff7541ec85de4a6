"""Models by the role they play in a room: from Sweet Home 3D's catalogues, and built here to measure.

library = Library(furniture=Path("/usr/share/sweethome3d/furniture"))
desk = library.build("desk", rng, size=(1.4, None, None))
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from deresunet.errors import InputError
from train.rooms import finishes
from train.rooms.catalogued import Catalogued
from train.rooms.furniture import (
    bags,
    bathroom,
    beds,
    electronics,
    kitchen,
    lamps,
    openings,
    people,
    plants,
    seating,
    small_things,
    storage,
    tables,
    textiles,
    wall_pieces,
)
from train.rooms.furniture.assembly import FREE, Size
from train.rooms.scene import Material, Model

Build = Callable[[np.random.Generator, Size], Model]

BUILT_HERE: dict[str, Build] = {
    # on the floor
    "bed": beds.bed,
    "bunk_bed": beds.bunk_bed,
    "crib": beds.crib,
    "sofa": seating.sofa,
    "armchair": seating.armchair,
    "chair": seating.chair,
    "office_chair": seating.office_chair,
    "stool": seating.stool,
    "desk": tables.desk,
    "school_desk": tables.school_desk,
    "dining_table": tables.dining_table,
    "coffee_table": tables.coffee_table,
    "side_table": tables.side_table,
    "conference_table": tables.conference_table,
    "night_stand": storage.night_stand,
    "dresser": storage.dresser,
    "wardrobe": storage.wardrobe,
    "cabinet": storage.cabinet,
    "filing_cabinet": storage.filing_cabinet,
    "bookshelf": storage.bookshelf,
    "shelves": storage.shelves,
    "tv_stand": storage.tv_stand,
    "printer_stand": storage.printer_stand,
    "base_unit": kitchen.base_unit,
    "sink_unit": kitchen.sink_unit,
    "oven_unit": kitchen.oven_unit,
    "refridgerator": kitchen.refridgerator,
    "water_cooler": kitchen.water_cooler,
    "toilet": bathroom.toilet,
    "bathtub": bathroom.bathtub,
    "washbasin": bathroom.washbasin,
    "shower": bathroom.shower,
    "shower_curtain": bathroom.shower_curtain,
    "floor_lamp": lamps.floor_lamp,
    "person_standing": people.person_standing,
    "person_sitting": people.person_sitting,
    "plant": plants.plant,
    "bin": small_things.bin_,
    "carton": small_things.carton,
    "bag": bags.bag,
    "backpack": bags.backpack,
    "suitcase": bags.suitcase,
    "clothes_pile": textiles.clothes_pile,
    "clothes_rack": textiles.clothes_rack,
    "laundry_basket": textiles.laundry_basket,
    "rug": textiles.rug,
    "bath_mat": textiles.bath_mat,
    "piano": small_things.piano,
    "whiteboard_stand": wall_pieces.whiteboard_stand,
    # on walls
    "picture": wall_pieces.picture,
    "poster": wall_pieces.poster,
    "mirror": wall_pieces.mirror,
    "whiteboard": wall_pieces.whiteboard,
    "wall_shelf": storage.wall_shelf,
    "upper_unit": kitchen.upper_unit,
    "range_hood": kitchen.range_hood,
    "coat_hooks": textiles.coat_hooks,
    "towel_rail": textiles.towel_rail,
    "wall_tv": wall_pieces.wall_tv,
    "radiator": wall_pieces.radiator,
    "clock": wall_pieces.clock,
    "notice_board": wall_pieces.notice_board,
    "wall_papers": wall_pieces.wall_papers,
    "toilet_roll": bathroom.toilet_roll,
    "calendar": wall_pieces.calendar,
    # openings, and what covers them
    "window": openings.window,
    "door": openings.door,
    "double_door": openings.double_door,
    "glass_door": openings.glass_door,
    "curtain": openings.curtain,
    "blinds": openings.blinds,
    # below the ceiling
    "pendant": lamps.pendant,
    "ceiling_panel": lamps.ceiling_panel,
    "ceiling_lamp": lamps.ceiling_lamp,
    # on tables, shelves, beds
    "table_lamp": lamps.table_lamp,
    "desk_lamp": lamps.desk_lamp,
    "books": small_things.books,
    "books_row": small_things.books_row,
    "books_open": small_things.books_open,
    "papers": small_things.papers,
    "monitor": electronics.monitor,
    "laptop": electronics.laptop,
    "keyboard": electronics.keyboard,
    "television": electronics.television,
    "pillow": textiles.pillow,
    "cushion": textiles.cushion,
    "folded_towels": textiles.folded_towels,
    "towel": textiles.towel,
    "small_box": small_things.small_box,
    "handbag": bags.handbag,
    "paper_bag": bags.paper_bag,
    "folded_clothes": textiles.folded_clothes,
    "shirt": textiles.shirt,
    "vase": small_things.vase,
    "small_plant": plants.small_plant,
    "cup": small_things.cup,
    "bottle": small_things.bottle,
    "bowl": small_things.bowl,
    "kitchen_appliance": small_things.kitchen_appliance,
    "toaster": small_things.toaster,
    "microwave": small_things.microwave,
    "tissue_box": small_things.tissue_box,
    "toys": small_things.toys,
}

# Share of a role that its catalogue's models have where there are many of them.
MOST_CATALOGUED = 0.6


class Library:
    """All furniture that may be used.

    Args:
        furniture: folder of Sweet Home 3D's libraries (`.sh3f`), or None for what is built here alone.
        textures: folder of miniworld's textures, or None to do without.
        licences: SPDX identifiers of the models to take from the libraries.
    """

    def __init__(
        self, furniture: Path | None = None, textures: Path | None = None, licences: tuple[str, ...] = ("CC0-1.0",)
    ):
        self._textures = textures
        self._catalogued = None if furniture is None else Catalogued(furniture, licences)

    def roles(self) -> tuple[str, ...]:
        """What can be built."""
        return tuple(BUILT_HERE)

    def build(self, role: str, rng: np.random.Generator, size: Size | None = None) -> Model:
        """One model of a role; the same generator's state gives the same model.

        Args:
            role: one of `roles()`.
            rng: draws.
            size: wanted width, depth, height [m]; None where it is free. Catalogue models that cannot be stretched
                to that are passed over, what is built here is made to measure.

        Raises:
            InputError: no such role.
        """
        if role not in BUILT_HERE:
            raise InputError(f"No role {role!r}. There are: {', '.join(self.roles())}.")
        size = FREE if size is None else size
        found = [] if self._catalogued is None else self._catalogued.candidates(role, size)
        if self._catalogued is not None and found and rng.random() < MOST_CATALOGUED * len(found) / (len(found) + 1):
            use, entry = found[int(rng.integers(len(found)))]
            return self._catalogued.build(use, entry, rng, size)
        return BUILT_HERE[role](rng, size)

    def finish(self, surface: str, kind: str, rng: np.random.Generator) -> Material:
        """What a surface ("wall", "floor", "ceiling" or "skirting") of a type of room is finished with.

        Raises:
            InputError: no such surface.
        """
        return finishes.finish(surface, kind, rng, self._textures)
