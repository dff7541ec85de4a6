"""Rooms whose furniture is fitted: a kitchen's runs of units, a bathroom."""

from __future__ import annotations

import numpy as np

from train.rooms.furnisher import Furnisher
from train.rooms.harmony import CABINET, COUNTER, Style
from train.rooms.placement import Placed

WORKTOP, TAP = 0.9, 1.1  # heights of a kitchen's worktop, and of the tap over it [m]


def kitchen(room: Furnisher) -> list[Placed]:
    """A run of units along one wall, at times around the corner, with sink, oven, hood, upper units, refrigerator."""
    # The wall with the fewest doors; a window over the counter is welcome.
    doors = [
        sum(o.wall == n and o.kind != "window" for o in room.openings) - room.walls[n].length / 20 for n in range(4)
    ]
    first = int(np.argmin(np.array(doors) + room.rng.uniform(0, 0.9, 4)))
    style = Style((CABINET, COUNTER))
    units = _run(room, style, first, True, True, 2.4)
    for turn in room.rng.permutation([1, 2, 3])[: int(room.rng.choice(3, p=[0.25, 0.5, 0.25]))]:
        roles = {unit.role for unit in units}
        units += _run(room, style, (first + int(turn)) % 4, "sink_unit" not in roles, "oven_unit" not in roles, 1.6)
    model = room.build("refridgerator")
    if model is not None:
        ends = [units[0], units[-1]] if units else []
        for end in ends:
            for side in (-1, 1):
                half = model.size[:2] / 2
                x = side * (end.box.half[0] + half[0] + 0.01)
                if room.near(end, "refridgerator", x, end.box.half[1] - half[1], model=model, loose=True) is not None:
                    return units
        room.against("refridgerator", model=model, tries=20, corner=0.8)
    return units


def _run(room: Furnisher, style: Style, number: int, with_sink: bool, with_oven: bool, shortest: float) -> list[Placed]:
    wall = room.walls[number]
    depth = room.between(0.58, 0.64)
    u, stop = 0.02, wall.length - 0.02
    if room.chance(0.4):
        stop = min(stop, u + room.between(shortest, shortest + 1.4))
    units: list[Placed] = []
    sink, oven = with_sink, with_oven
    base_width = room.between(0.45, 0.65)
    upper = room.between(1.36, 1.5)
    upper_height = room.between(0.55, 0.75)
    while u + 0.4 < stop:
        late = u > 0.25 * stop
        role = "base_unit"
        if sink and late and room.chance(0.5):
            role, width = "sink_unit", room.between(0.8, 1.0)
        elif oven and late and room.chance(0.5):
            role, width = "oven_unit", 0.6
        else:
            width = min(base_width, stop - u)
        height = TAP if role == "sink_unit" else WORKTOP
        if not room.open_at(wall, u + width / 2, (width, depth, height)):
            u += 0.08
            continue
        model = room.build(role, (width, depth, height))
        if model is None:
            return units
        model = style.dress(model)
        placed = room.against(role, model=model, walls=[number], u=u + width / 2, loose=True)
        if placed is None:
            u += 0.2
            continue
        units.append(placed)
        sink, oven = sink and role != "sink_unit", oven and role != "oven_unit"
        middle, exact = u + width / 2, float(placed.model.size[0])
        u += max(exact, width)
        if role == "oven_unit" and room.chance(0.8):
            model = room.build("range_hood", (0.6, None, None))
            if model is not None:
                room.mount(model, "range_hood", wall, middle, room.between(1.5, 1.65))
        elif room.chance(0.85):
            # Not before a window.
            over = wall.before(middle, exact, 0.3, upper, upper + upper_height, out=0.002)
            model = room.build("upper_unit", (exact, 0.34, upper_height)) if room.plan.free(over) else None
            if model is not None:
                room.mount(style.dress(model), "upper_unit", wall, middle, upper, out=0.002)
    return units


def bathroom(room: Furnisher) -> None:
    """Tub or shower with its curtain, washbasin and mirror, toilet, towels, a mat."""
    tub = room.against("bathtub" if room.chance(0.7) else "shower", tries=24, corner=0.9)
    if tub is not None:
        if room.chance(0.75):
            shower_curtain(room, tub)
        if room.chance(0.6):
            room.before(tub, "bath_mat", room.between(0.12, 0.2), x=room.between(-0.3, 0.3))
    basin = room.against("washbasin", tries=24, corner=0.1)
    if basin is not None:
        if room.chance(0.85):
            bottom = max(1.05 - basin.box.high, 0.1)
            room.above(basin, "mirror", (bottom, bottom + 0.15))
        if tub is None or room.chance(0.3):
            room.before(basin, "bath_mat", room.between(0.1, 0.25))
        for role in ("towel_rail", "bottle", "cup"):
            if role == "towel_rail":
                _hang_beside(room, basin, role, 0.95)
            else:
                room.on(basin, role, where="back")
    toilet = room.against("toilet", tries=24, corner=0.3)
    if toilet is not None:
        _hang_beside(room, toilet, "toilet_roll", 0.65)
        if room.chance(0.3):
            room.above(toilet, room.pick("picture", "wall_shelf", "towel_rail"), (0.3, 0.5))
    for role, low in (("towel_rail", (0.8, 1.2)), ("towel_rail", (0.8, 1.2)), ("coat_hooks", (1.2, 1.4))):
        if room.chance(0.55):
            room.hang(role, low)
    if room.chance(0.4):
        room.against(room.pick("cabinet", "shelves", "laundry_basket"), corner=0.8)
    if room.chance(0.3):
        room.against("bin", corner=0.6, loose=True)


def shower_curtain(room: Furnisher, tub: Placed) -> Placed | None:
    """A curtain before a tub, drawn in part or wholly."""
    drawn = 1.0 if room.chance(0.3) else room.between(0.3, 0.75)
    width = 2 * tub.box.half[0] * drawn
    model = room.build("shower_curtain", (width, None, room.between(1.8, 2.0)))
    if model is None:
        return None
    half = model.size / 2
    side = 1 if room.chance(0.5) else -1
    x = side * (tub.box.half[0] - half[0])
    return room.near(tub, "shower_curtain", x, -tub.box.half[1] - half[1] - 0.01, model=model, loose=True)


def _hang_beside(room: Furnisher, anchor: Placed, role: str, bottom: float) -> Placed | None:
    wall, model = room.wall_behind(anchor), room.build(role)
    if wall is None or model is None:
        return None
    u = float((np.array([anchor.box.x, anchor.box.y]) - wall.origin) @ wall.along)
    for side in (-1, 1) if room.chance(0.5) else (1, -1):
        off = anchor.box.half[0] + float(model.size[0]) / 2 + room.between(0.08, 0.25)
        placed = room.mount(model, role, wall, u + side * off, bottom)
        if placed is not None:
            return placed
    return None
