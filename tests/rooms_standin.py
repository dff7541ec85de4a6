"""A library of plain boxes: what layout is tested with where no furniture is installed."""

from __future__ import annotations

import numpy as np

from deresunet.classes import CLASSES
from deresunet.errors import InputError
from train.rooms.scene import Credit, Material, Mesh, Model, Mounting, Part, Support
from train.rooms.shell import box_quads, quads

CREDIT = Credit("stand-in", "MIT")
# role: class, width, depth, height [m], clearance [m]
FLOOR = {
    "sofa": ("sofa", 2.0, 0.85, 0.85, 0.4),
    "armchair": ("chair", 0.8, 0.8, 0.9, 0.3),
    "chair": ("chair", 0.45, 0.5, 0.9, 0.0),
    "office_chair": ("chair", 0.6, 0.6, 1.0, 0.0),
    "stool": ("chair", 0.4, 0.4, 0.5, 0.0),
    "bed": ("bed", 1.5, 2.05, 0.55, 0.3),
    "bunk_bed": ("bed", 1.0, 2.05, 1.6, 0.5),
    "crib": ("bed", 0.7, 1.3, 1.0, 0.3),
    "desk": ("desk", 1.4, 0.7, 0.74, 0.6),
    "school_desk": ("desk", 1.2, 0.5, 0.74, 0.0),
    "dining_table": ("table", 1.6, 0.9, 0.75, 0.0),
    "conference_table": ("table", 2.4, 1.2, 0.75, 0.0),
    "coffee_table": ("table", 1.0, 0.55, 0.42, 0.0),
    "side_table": ("table", 0.45, 0.45, 0.55, 0.0),
    "night_stand": ("night_stand", 0.45, 0.4, 0.55, 0.0),
    "dresser": ("dresser", 1.1, 0.5, 0.9, 0.5),
    "wardrobe": ("cabinet", 1.2, 0.6, 2.0, 0.6),
    "cabinet": ("cabinet", 0.9, 0.45, 0.9, 0.5),
    "filing_cabinet": ("cabinet", 0.45, 0.6, 1.1, 0.5),
    "bookshelf": ("bookshelf", 0.9, 0.3, 1.8, 0.4),
    "shelves": ("shelves", 0.9, 0.35, 1.7, 0.4),
    "tv_stand": ("cabinet", 1.3, 0.42, 0.5, 0.4),
    "base_unit": ("counter", 0.6, 0.6, 0.9, 0.6),
    "sink_unit": ("sink", 0.8, 0.6, 0.9, 0.6),
    "oven_unit": ("", 0.6, 0.6, 0.9, 0.6),
    "refridgerator": ("refridgerator", 0.65, 0.65, 1.7, 0.6),
    "toilet": ("toilet", 0.4, 0.7, 0.8, 0.4),
    "bathtub": ("bathtub", 1.6, 0.75, 0.55, 0.3),
    "shower": ("bathtub", 0.9, 0.9, 0.2, 0.3),
    "washbasin": ("sink", 0.6, 0.48, 0.85, 0.4),
    "floor_lamp": ("lamp", 0.4, 0.4, 1.6, 0.0),
    "person_standing": ("person", 0.5, 0.35, 1.75, 0.0),
    "plant": ("", 0.4, 0.4, 1.0, 0.0),
    "bin": ("", 0.3, 0.3, 0.35, 0.0),
    "carton": ("box", 0.45, 0.35, 0.3, 0.0),
    "bag": ("bag", 0.4, 0.25, 0.35, 0.0),
    "backpack": ("bag", 0.35, 0.25, 0.45, 0.0),
    "suitcase": ("bag", 0.45, 0.28, 0.65, 0.0),
    "clothes_pile": ("clothes", 0.6, 0.5, 0.2, 0.0),
    "clothes_rack": ("clothes", 1.2, 0.5, 1.6, 0.3),
    "laundry_basket": ("clothes", 0.45, 0.4, 0.5, 0.0),
    "rug": ("floor_mat", 1.6, 1.1, 0.012, 0.0),
    "bath_mat": ("floor_mat", 0.8, 0.5, 0.02, 0.0),
    "piano": ("", 1.5, 0.6, 1.2, 0.7),
    "printer_stand": ("", 0.6, 0.5, 0.8, 0.3),
    "water_cooler": ("", 0.35, 0.35, 1.2, 0.4),
    "whiteboard_stand": ("whiteboard", 1.4, 0.5, 1.8, 0.3),
    "shower_curtain": ("shower_curtain", 1.2, 0.1, 1.9, 0.0),
}
WALL = {
    "picture": ("picture", 0.6, 0.03, 0.5),
    "poster": ("picture", 0.5, 0.01, 0.7),
    "mirror": ("mirror", 0.6, 0.04, 0.8),
    "whiteboard": ("whiteboard", 1.6, 0.04, 1.1),
    "wall_shelf": ("shelves", 0.9, 0.22, 0.3),
    "upper_unit": ("cabinet", 0.6, 0.34, 0.7),
    "range_hood": ("", 0.6, 0.45, 0.35),
    "coat_hooks": ("clothes", 0.7, 0.25, 0.9),
    "towel_rail": ("towel", 0.6, 0.12, 0.6),
    "wall_tv": ("television", 1.1, 0.1, 0.65),
    "radiator": ("", 0.9, 0.1, 0.55),
    "clock": ("", 0.3, 0.05, 0.3),
    "notice_board": ("paper", 0.9, 0.03, 0.6),
    "wall_papers": ("paper", 0.6, 0.01, 0.6),
    "toilet_roll": ("paper", 0.15, 0.12, 0.12),
    "calendar": ("paper", 0.3, 0.01, 0.4),
    "window": ("window", 1.2, 0.08, 1.2),
    "door": ("door", 0.9, 0.08, 2.05),
    "double_door": ("door", 1.6, 0.08, 2.05),
    "glass_door": ("door", 0.9, 0.08, 2.05),
    "curtain": ("curtain", 0.6, 0.1, 2.0),
    "blinds": ("blinds", 1.2, 0.05, 1.0),
}
CEILING = {
    "pendant": ("lamp", 0.4, 0.4, 0.6),
    "ceiling_panel": ("lamp", 0.6, 1.2, 0.08),
    "ceiling_lamp": ("lamp", 0.4, 0.4, 0.15),
}
SURFACE = {
    "table_lamp": ("lamp", 0.25, 0.25, 0.45),
    "desk_lamp": ("lamp", 0.2, 0.3, 0.45),
    "books": ("books", 0.22, 0.16, 0.12),
    "books_row": ("books", 0.35, 0.18, 0.25),
    "papers": ("paper", 0.3, 0.22, 0.01),
    "monitor": ("", 0.5, 0.2, 0.42),
    "laptop": ("", 0.34, 0.28, 0.22),
    "keyboard": ("", 0.44, 0.14, 0.03),
    "television": ("television", 1.0, 0.22, 0.65),
    "pillow": ("pillow", 0.6, 0.4, 0.14),
    "cushion": ("pillow", 0.4, 0.2, 0.35),
    "folded_towels": ("towel", 0.32, 0.24, 0.2),
    "towel": ("towel", 0.4, 0.3, 0.04),
    "small_box": ("box", 0.22, 0.16, 0.12),
    "handbag": ("bag", 0.3, 0.15, 0.28),
    "paper_bag": ("bag", 0.25, 0.14, 0.32),
    "folded_clothes": ("clothes", 0.32, 0.25, 0.15),
    "shirt": ("clothes", 0.4, 0.4, 0.08),
    "vase": ("", 0.15, 0.15, 0.3),
    "small_plant": ("", 0.18, 0.18, 0.3),
    "cup": ("", 0.09, 0.09, 0.1),
    "bottle": ("", 0.08, 0.08, 0.25),
    "bowl": ("", 0.24, 0.24, 0.1),
    "kitchen_appliance": ("", 0.25, 0.25, 0.35),
    "toaster": ("", 0.28, 0.2, 0.2),
    "microwave": ("", 0.46, 0.36, 0.28),
    "books_open": ("books", 0.3, 0.2, 0.03),
    "tissue_box": ("box", 0.22, 0.12, 0.1),
    "toys": ("", 0.25, 0.2, 0.2),
}
MADE_TO_MEASURE = (
    *("window", "door", "double_door", "glass_door", "curtain", "blinds", "shower_curtain", "base_unit", "sink_unit"),
    *("oven_unit", "upper_unit", "rug", "books_row", "whiteboard", "conference_table", "range_hood"),
)
SOLID_TOPS = (
    "coffee_table",
    "side_table",
    "night_stand",
    "dresser",
    "cabinet",
    "filing_cabinet",
    "tv_stand",
    "base_unit",
)
SHELVED = ("bookshelf", "shelves")
TABLES = ("desk", "school_desk", "dining_table", "conference_table")
SEATS = ("chair", "office_chair")


def box(low, high) -> Mesh:
    """A mesh of six sides."""
    return quads(box_quads(low, high))


class StandIn:
    """Boxes of fixed sizes for every role, in API as `Library`."""

    def __init__(self) -> None:
        self.table = {
            **{role: ("floor", *row) for role, row in FLOOR.items()},
            **{role: ("wall", *row, 0.0) for role, row in WALL.items()},
            **{role: ("ceiling", *row, 0.0) for role, row in CEILING.items()},
            **{role: ("surface", *row, 0.0) for role, row in SURFACE.items()},
            "person_sitting": ("floor", "person", 0.45, 0.85, 1.3, 0.0),
        }

    def roles(self) -> tuple[str, ...]:
        return tuple(self.table)

    def finish(self, surface, kind, rng) -> Material:
        return Material(surface, tuple(rng.uniform(0.3, 0.8, 3)))

    def build(self, role, rng, size=None) -> Model:
        if role not in self.table:
            raise InputError(f"No role {role!r}. There are: {', '.join(self.table)}.")
        mounting, name, *rest = self.table[role]
        clearance = rest.pop()
        if size is not None:
            if role in MADE_TO_MEASURE:
                rest = [own if wanted is None else wanted for own, wanted in zip(rest, size, strict=True)]
            elif any(wanted is not None and abs(own - wanted) > 0.3 for own, wanted in zip(rest, size, strict=True)):
                raise InputError(f"No {role} of size {size}.")
        label = CLASSES.index(name) + 1 if name else 0
        material = Material(role, tuple(rng.uniform(0.2, 0.8, 3)), emission=5.0 if name == "lamp" else 0.0)
        low, high = corners(mounting, *rest)
        parts = tuple(Part(box(*piece), material, label) for piece in pieces(role, low, high))
        return Model(role, label, parts, CREDIT, mounting, clearance, supports(role, low, high))


def corners(mounting: Mounting, width: float, depth: float, height: float):
    if mounting == "wall":
        return (-width / 2, -depth, 0.0), (width / 2, 0.0, height)
    if mounting == "ceiling":
        return (-width / 2, -depth / 2, -height), (width / 2, depth / 2, 0.0)
    return (-width / 2, -depth / 2, 0.0), (width / 2, depth / 2, height)


def pieces(role, low, high):
    """The boxes that a role is made of: hollow where others are pushed under it or sit on it."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    if role in TABLES:
        legs = [((x, y, 0.0), (x + 0.05, y + 0.05, z1 - 0.04)) for x in (x0, x1 - 0.05) for y in (y0, y1 - 0.05)]
        return [((x0, y0, z1 - 0.04), high), *legs]
    if role in SEATS:
        return [(low, (x1, y1, 0.45)), ((x0, y1 - 0.08, 0.45), high)]
    if role == "sofa":
        return [(low, (x1, y1, 0.42)), ((x0, y1 - 0.2, 0.42), high)]
    if role == "person_sitting":
        return [
            ((x0, y0, 0.0), (x1, y0 + 0.25, 0.45)),
            ((x0, y0, 0.45), (x1, y1, 0.6)),
            ((x0, y1 - 0.25, 0.6), high),
        ]
    if role in SHELVED:
        levels = [z0 + i * (z1 - z0 - 0.02) / 5 for i in range(6)]
        boards = [((x0 + 0.02, y0, z), (x1 - 0.02, y1 - 0.01, z + 0.02)) for z in levels]
        sides = [((x0, y0, z0), (x0 + 0.02, y1 - 0.01, z1)), ((x1 - 0.02, y0, z0), (x1, y1 - 0.01, z1))]
        return [((x0, y1 - 0.01, z0), high), *boards, *sides]
    return [(low, high)]


def supports(role, low, high) -> tuple[Support, ...]:
    (x0, y0, z0), (x1, y1, z1) = low, high
    if role in TABLES or role in SOLID_TOPS or role in ("sink_unit", "washbasin", "refridgerator", "wardrobe"):
        return (Support((x0, y0), (x1, y1), z1, 0.6),)
    if role in SEATS:
        return (Support((x0, y0), (x1, y1 - 0.08), 0.45, 0.5),)
    if role == "sofa":
        return (Support((x0 + 0.1, y0), (x1 - 0.1, y1 - 0.2), 0.42, 0.6),)
    if role in ("bed", "armchair", "stool"):
        return (Support((x0, y0), (x1, y1), z1, 0.8),)
    if role in SHELVED:
        gap = (z1 - z0 - 0.02) / 5
        return tuple(
            Support((x0 + 0.03, y0), (x1 - 0.03, y1 - 0.02), z0 + i * gap + 0.02, gap - 0.03) for i in range(5)
        )
    return ()


def part_boxes(thing, pose) -> list[tuple[np.ndarray, np.ndarray]]:
    """Corners (8, 3) in the world and the pose of each part, which is a box."""
    boxes = []
    for part in thing.parts:
        low, high = part.mesh.vertices.min(0), part.mesh.vertices.max(0)
        boxes.append((np.array([low, high], float), pose))
    return boxes
