"""Small things on furniture, pictures on walls, clutter on the floor, and people."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from train.rooms.furnisher import Furnisher, Where
from train.rooms.placement import Placed, bounding_box, rotation
from train.rooms.scene import Model, Support

SHORTEST_ROW = 0.2  # of books [m]
THIGH = 0.5  # of a sitting person, from the back to the knees [m]
SEATED = 0.45  # height of the seat that a sitting person is modelled on [m]


@dataclass(frozen=True)
class Topping:
    """A thing that is often found on some furniture.

    Attributes:
        role: of the thing.
        mean: how many of them there are.
        where: on which part of the surface.
    """

    role: str
    mean: float
    where: Where = "any"


def _t(*items: tuple[str, float] | tuple[str, float, Where]) -> tuple[Topping, ...]:
    return tuple(Topping(*item) for item in items)


DESK = _t(
    ("papers", 1.1), ("books", 0.6), ("books_open", 0.25), ("cup", 0.5), ("bottle", 0.25), ("small_box", 0.25),
    ("tissue_box", 0.15), ("handbag", 0.12), ("small_plant", 0.12, "back"), ("paper_bag", 0.08),
)  # fmt: skip
TABLE = _t(
    ("papers", 0.4), ("books", 0.35), ("bowl", 0.35, "centre"), ("vase", 0.3, "centre"), ("cup", 0.6), ("bottle", 0.35),
    ("books_open", 0.15), ("laptop", 0.15), ("tissue_box", 0.15), ("small_box", 0.2), ("handbag", 0.12),
    ("paper_bag", 0.12), ("folded_clothes", 0.06),
)  # fmt: skip
LOW_TOP = _t(
    ("books", 0.45), ("vase", 0.3), ("small_plant", 0.3), ("small_box", 0.35), ("table_lamp", 0.3), ("cup", 0.15),
    ("folded_clothes", 0.2), ("handbag", 0.12), ("bottle", 0.2), ("papers", 0.2), ("tissue_box", 0.15), ("toys", 0.1),
)  # fmt: skip
COUNTER = _t(
    ("kitchen_appliance", 0.2, "back"), ("toaster", 0.08, "back"), ("microwave", 0.08, "back"),
    ("bottle", 0.25, "back"), ("bowl", 0.15),
    ("cup", 0.2), ("towel", 0.07, "front"), ("paper_bag", 0.06), ("small_box", 0.1), ("papers", 0.08),
    ("books", 0.06), ("tissue_box", 0.04), ("small_plant", 0.06),
)  # fmt: skip
BED = _t(
    ("cushion", 0.6, "back"), ("folded_clothes", 0.2), ("shirt", 0.4), ("books", 0.2), ("books_open", 0.15),
    ("handbag", 0.15), ("laptop", 0.12), ("papers", 0.15), ("towel", 0.1), ("backpack", 0.08), ("toys", 0.06),
)  # fmt: skip
SOFA = _t(
    ("cushion", 1.9, "back"), ("shirt", 0.2), ("books", 0.12), ("handbag", 0.15), ("books_open", 0.08), ("papers", 0.1),
    ("toys", 0.05),
)  # fmt: skip
CHAIR = _t(
    ("shirt", 0.12), ("handbag", 0.05), ("backpack", 0.04), ("folded_clothes", 0.04), ("books", 0.03), ("cushion", 0.07)
)

TOPPINGS: dict[str, tuple[Topping, ...]] = {
    "desk": DESK,
    "school_desk": _t(("papers", 0.3), ("books", 0.25), ("books_open", 0.12), ("backpack", 0.05), ("bottle", 0.1)),
    "conference_table": _t(("papers", 1.8), ("cup", 1.2), ("bottle", 1.0), ("books", 0.5), ("books_open", 0.3)),
    "dining_table": TABLE,
    "coffee_table": TABLE,
    "side_table": LOW_TOP,
    "night_stand": _t(("books", 0.4), ("cup", 0.3), ("tissue_box", 0.2), ("bottle", 0.15), ("small_box", 0.1)),
    "dresser": (*LOW_TOP, *_t(("television", 0.12, "centre"), ("folded_towels", 0.12), ("handbag", 0.15))),
    "tv_stand": _t(("books", 0.3), ("vase", 0.2), ("small_box", 0.2), ("toys", 0.1)),
    "cabinet": LOW_TOP,
    "filing_cabinet": _t(("papers", 0.5), ("books", 0.4), ("small_box", 0.4), ("small_plant", 0.3), ("paper_bag", 0.1)),
    "printer_stand": _t(("papers", 0.3)),
    "base_unit": COUNTER,
    "sink_unit": _t(("bottle", 0.5, "back"), ("cup", 0.4), ("towel", 0.12), ("bowl", 0.2)),
    "bed": BED,
    "bunk_bed": BED,
    "sofa": SOFA,
    "armchair": _t(("cushion", 0.4, "back"), ("shirt", 0.12), ("handbag", 0.05)),
    "chair": CHAIR,
    "office_chair": CHAIR,
    "washbasin": _t(("bottle", 0.5, "back"), ("cup", 0.5, "back"), ("towel", 0.15)),
    "refridgerator": _t(("small_box", 0.3), ("paper_bag", 0.15), ("bowl", 0.15)),
    "wardrobe": _t(("carton", 0.25), ("small_box", 0.35), ("suitcase", 0.1), ("folded_clothes", 0.1)),
}
# What fills shelves, by type of room: role and how much of it.
SHELVED: dict[str, tuple[tuple[str, float], ...]] = {
    "": (("books_row", 5), ("books", 1.5), ("small_box", 1), ("vase", 0.6), ("small_plant", 0.4), ("papers", 0.4)),
    "bathroom": (("folded_towels", 4), ("bottle", 2), ("small_box", 1), ("tissue_box", 0.5)),
    "kitchen": (
        ("bowl", 2),
        ("bottle", 2),
        ("small_box", 2),
        ("cup", 2),
        ("kitchen_appliance", 0.6),
        ("books_row", 0.6),
    ),
    "laundry_room": (("folded_towels", 2), ("folded_clothes", 2), ("small_box", 1.5), ("bottle", 1.5), ("carton", 0.6)),
    "playroom": (("toys", 3), ("books_row", 3), ("small_box", 1.5), ("books", 1)),
    "bedroom": (("books_row", 3), ("folded_clothes", 1.5), ("small_box", 1.2), ("books", 1.2), ("vase", 0.5)),
}
SHELVES = ("bookshelf", "shelves", "wall_shelf", "cabinet", "wardrobe", "tv_stand", "night_stand", "clothes_rack")

LIVED = ("bag", "backpack", "carton", "clothes_pile", "books", "papers", "handbag", "small_box", "suitcase", "shirt")
CLUTTER: dict[str, tuple[str, ...]] = {
    "": (*LIVED, "bin", "paper_bag"),
    "bedroom": (*LIVED, "clothes_pile", "clothes_pile", "suitcase", "laundry_basket", "bin"),
    "dorm_room": (*LIVED, "clothes_pile", "clothes_pile", "backpack", "carton", "bin"),
    "kitchen": ("bag", "carton", "paper_bag", "bin", "bin"),
    "bathroom": ("towel", "clothes_pile", "laundry_basket", "bin", "bath_mat", "folded_towels"),
    "laundry_room": ("clothes_pile", "clothes_pile", "carton", "laundry_basket", "bag", "towel"),
    "office": ("carton", "carton", "backpack", "bag", "bin", "papers", "books", "paper_bag"),
    "classroom": ("backpack", "backpack", "bag", "carton", "bin"),
    "conference_room": ("backpack", "bag", "bin", "carton"),
    "computer_room": ("backpack", "bag", "carton", "bin"),
    "playroom": ("toys", "toys", "toys", "clothes_pile", "books", "carton", "small_box"),
    "furniture_store": ("carton", "plant", "bag"),
    "corridor": ("bag", "carton", "backpack", "suitcase", "clothes_pile", "paper_bag"),
}
HUNG: dict[str, tuple[str, ...]] = {
    "": ("picture", "picture", "picture", "poster", "mirror", "wall_shelf", "clock"),
    "office": ("picture", "poster", "notice_board", "wall_papers", "calendar", "clock", "whiteboard"),
    "home_office": ("picture", "picture", "notice_board", "wall_papers", "calendar", "wall_shelf"),
    "classroom": ("poster", "poster", "notice_board", "wall_papers", "clock", "picture"),
    "computer_room": ("poster", "notice_board", "wall_papers", "clock"),
    "conference_room": ("picture", "whiteboard", "clock", "picture"),
    "kitchen": ("picture", "calendar", "clock", "wall_shelf", "towel_rail", "wall_papers"),
    "bathroom": ("towel_rail", "picture", "wall_shelf", "mirror", "coat_hooks"),
    "laundry_room": ("coat_hooks", "wall_shelf", "calendar", "towel_rail"),
    "corridor": ("picture", "picture", "coat_hooks", "mirror", "notice_board", "clock"),
    "bedroom": ("picture", "picture", "poster", "mirror", "coat_hooks", "wall_shelf", "calendar"),
    "dorm_room": ("poster", "poster", "wall_papers", "coat_hooks", "wall_shelf", "calendar", "mirror"),
    "playroom": ("poster", "picture", "wall_papers", "wall_shelf"),
}
LOWEST: dict[str, tuple[float, float]] = {
    "mirror": (0.7, 1.2),
    "wall_shelf": (1.2, 1.7),
    "towel_rail": (0.7, 1.2),
    "coat_hooks": (1.2, 1.5),
    "clock": (1.8, 2.1),
    "whiteboard": (0.8, 1.0),
    "radiator": (0.1, 0.15),
}


def dress(room: Furnisher, untidy: float) -> None:
    """Put things on all furniture that has surfaces.

    Args:
        room: with its furniture.
        untidy: factor on how much lies about.
    """
    for placed in list(room.plan.placed):
        if not placed.model.supports:
            continue
        if placed.role in ("bed", "bunk_bed"):
            _pillows(room, placed)
        shelves = _shelves(placed)
        for support in shelves:
            _fill(room, placed, support)
        tops = [s for s in placed.model.supports if all(s is not shelf for shelf in shelves)]
        if not tops:
            continue
        # In a tidy store or on a long table the number goes with the surface.
        area = sum((s.high[0] - s.low[0]) * (s.high[1] - s.low[1]) for s in tops)
        factor = untidy * float(np.clip(area / 0.7, 0.6, 2.0))
        for topping in TOPPINGS.get(placed.role, ()):
            for _ in range(int(room.rng.poisson(topping.mean * factor))):
                top = tops[int(room.rng.integers(len(tops)))]
                # On a bed there is nothing to lean at.
                lean = topping.role == "cushion" and placed.role in ("sofa", "armchair") and room.chance(0.8)
                model = room.build(topping.role)
                if model is not None:
                    model = leaning(model, room.between(0.9, 1.3)) if lean else model
                    room.on(placed, topping.role, topping.where, support=top, tries=3, model=model)


def _shelves(placed: Placed) -> list[Support]:
    """Surfaces that have something over them."""
    if placed.role not in SHELVES:
        return []
    return [s for s in placed.model.supports if s.room < 0.5 or placed.role in ("bookshelf", "shelves", "wall_shelf")]


def leaning(model: Model, angle: float) -> Model:
    """What lies, set up so that its upper side faces forward, as a cushion leans against a sofa's back.

    Args:
        model: lying.
        angle: about its x axis [rad]; a quarter turn stands it upright.
    """
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    lowest = min(float((part.mesh.vertices @ turn.T)[:, 2].min()) for part in model.parts)
    parts = tuple(
        replace(
            part,
            mesh=replace(
                part.mesh,
                vertices=(part.mesh.vertices @ turn.T - (0.0, 0.0, lowest)).astype(np.float32),
                normals=(part.mesh.normals @ turn.T).astype(np.float32),
            ),
        )
        for part in model.parts
    )
    return replace(model, parts=parts, supports=())


def _pillows(room: Furnisher, bed: Placed) -> None:
    if any(part.label == 18 for part in bed.model.parts):
        return
    top = room.seat(bed)
    if top is None:
        return
    count = 2 if bed.box.half[0] > 0.55 else 1
    model = room.build("pillow")
    for number in range(count):
        # Each in its part of the head.
        width = (top.high[0] - top.low[0]) / count
        low = (top.low[0] + number * width, top.high[1] - 0.55)
        part = Support(low, (low[0] + width, top.high[1]), top.z, top.room)
        room.on(bed, "pillow", "back", turn=room.rng.normal(0, 0.08), support=part, model=model)


def _fill(room: Furnisher, shelf: Placed, support: Support) -> None:
    """Things side by side along a shelf, with gaps."""
    width = support.high[0] - support.low[0]
    x = support.low[0] + 0.01
    choices = SHELVED.get(room.kind, SHELVED[""])
    share = np.array([weight for _, weight in choices])
    if room.chance(0.08):
        return
    while x < support.high[0] - 0.1:
        if room.chance(0.15):
            x += room.between(0.05, 0.25) * width
        role = choices[int(room.rng.choice(len(choices), p=share / share.sum()))][0]
        free = support.high[0] - x
        if role == "books_row" and free < SHORTEST_ROW:
            role = "books"
        size = (min(room.between(SHORTEST_ROW, 0.5), free), None, None) if role == "books_row" else None
        model = room.build(role, size)
        if model is None:
            x += 0.1
            continue
        wide, deep, high = (float(value) for value in model.size)
        if wide > free or deep > support.high[1] - support.low[1] + 0.005 or high > support.room:
            x += 0.06
            continue
        strip = Support(
            (x, support.low[1] - 0.003), (x + wide + 1e-6, support.high[1] + 0.003), support.z, support.room
        )
        where: Where = "front" if role == "books_row" else "any"
        room.on(shelf, role, where, turn=0.0, support=strip, tries=1, model=model)
        x += wide + room.between(0.004, 0.03)


def hang_pictures(room: Furnisher, count: int) -> None:
    """Pictures, clocks, boards and shelves where the walls are free; radiators under windows."""
    choices = HUNG.get(room.kind, HUNG[""])
    for _ in range(count):
        role = room.pick(*choices)
        room.hang(role, LOWEST.get(role, (1.15, 1.6)), tries=6)
    for opening in room.openings:
        if opening.kind == "window" and opening.low > 0.65 and room.chance(0.3):
            model = room.build("radiator")
            if model is not None and model.size[2] < opening.low - 0.15:
                room.mount(model, "radiator", room.walls[opening.wall], opening.u, 0.1)


def scatter(room: Furnisher, count: int) -> None:
    """Loose things on the floor: some along walls and furniture, some in the open."""
    choices = CLUTTER.get(room.kind, CLUTTER[""])
    solid = [p for p in room.plan.placed if p.model.mounting == "floor" and p.on is None and p.box.high > 0.3]
    for _ in range(count):
        role = room.pick(*choices)
        draw = room.rng.random()
        if draw < 0.35 and solid:
            anchor = solid[int(room.rng.integers(len(solid)))]
            if room.beside(anchor, role, room.pick("l", "r") == "r" or -1, room.between(0.02, 0.15), loose=True):
                continue
        if draw < 0.65:
            room.against(role, tries=5, corner=0.5, gap=room.between(0.02, 0.1), loose=True)
        else:
            room.anywhere(role, tries=5, loose=True)


def populate(room: Furnisher, count: int) -> None:
    """People, sitting where there is a seat, or standing."""
    for _ in range(count):
        if room.chance(0.6) and sit(room):
            continue
        room.anywhere("person_standing", tries=10, loose=True)


def sit(room: Furnisher) -> Placed | None:
    """A person on a chair, sofa or the edge of a bed."""
    roles = ("chair", "office_chair", "armchair", "sofa", "bed", "stool")
    seats = [p for p in room.plan.placed if p.role in roles and room.seat(p) is not None]
    room.rng.shuffle(seats)
    tables = [p for p in room.plan.placed if p.role.endswith(("table", "desk"))]
    for chair in seats[:6]:
        support, model = room.seat(chair), room.build("person_sitting")
        if support is None or model is None:
            return None
        low, high = model.bounds
        middle = (support.low[0] + support.high[0]) / 2
        # On a deep seat people sit far enough forward for their legs to hang before it.
        back = min(support.high[1] - 0.02, support.low[1] + THIGH)
        turn, x, y = 0.0, middle, back - float(high[1])
        if chair.role == "sofa":
            spare = max((support.high[0] - support.low[0] - float(model.size[0])) / 2, 0.0)
            x += room.between(-spare, spare)
        if chair.role == "bed":
            # Across the bed, legs over its side.
            side = 1 if room.chance(0.5) else -1
            turn = side * np.pi / 2
            edge = support.high[0] if side > 0 else support.low[0]
            x = edge - side * (0.4 - float(high[1]))
            y = support.low[1] + room.between(0.3, 0.6) * (support.high[1] - support.low[1])
        x0, y0 = rotation(turn) @ (-float(low[0] + high[0]) / 2, 0.0) + (x, y)
        position = chair.world((float(x0), float(y0), support.z - SEATED))
        position[2] = max(position[2], 0.0)
        in_the_way = room.plan.at_door(bounding_box(model, chair.yaw + turn, position))
        if in_the_way or any(p.on is chair for p in room.plan.placed):
            continue
        placed = room.plan.put(
            model, "person_sitting", chair.yaw + turn, position, on=chair, nested=tables, loose=True, walkable=False
        )
        if placed is not None:
            return placed
    return None
