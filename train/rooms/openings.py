"""Windows, doors and passages: where the walls are cut, and what is put into the cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.rooms.furnisher import Furnisher
from train.rooms.harmony import BLINDS, CURTAIN, Style
from train.rooms.placement import Box, Placed, bounding_box, upright
from train.rooms.scene import Model
from train.rooms.shell import THICKNESS, Opening, Wall

FRAME = 0.03  # by which a door's frame covers the edge of its opening [m]


@dataclass(frozen=True)
class Glazing:
    """A room type's windows and doors.

    Attributes:
        windows: fewest and most.
        width: range [m].
        sill: range of its height [m].
        height: range [m].
        doors: fewest and most, passages included.
        passage: how often the first of them is an opening without a door.
    """

    windows: tuple[int, int] = (1, 2)
    width: tuple[float, float] = (0.9, 2.0)
    sill: tuple[float, float] = (0.75, 1.0)
    height: tuple[float, float] = (1.0, 1.5)
    doors: tuple[int, int] = (1, 2)
    passage: float = 0.12


def _fits(opening: Opening, taken: Sequence[Opening], walls: Sequence[Wall], blocks: Sequence[Box]) -> bool:
    wall = walls[opening.wall]
    if opening.width / 2 + 0.12 > min(opening.u, wall.length - opening.u):
        return False
    if any(o.wall == opening.wall and abs(o.u - opening.u) < (o.width + opening.width) / 2 + 0.15 for o in taken):
        return False
    a, b = wall.point(opening.u - opening.width / 2 - 0.1, 0.6), wall.point(opening.u + opening.width / 2 + 0.1)
    low, high = np.minimum(a, b), np.maximum(a, b)
    for block in blocks:
        centre = np.array([block.x, block.y])
        if (centre - block.half < high).all() and (centre + block.half > low).all():
            return False
    return True


def cut_openings(
    rng: np.random.Generator, glazing: Glazing, walls: Sequence[Wall], blocks: Sequence[Box], height: float
) -> list[Opening]:
    """Choose doors first, then windows, mostly beside each other on one wall; outer walls alone have any."""
    taken: list[Opening] = []
    door_wall = -1
    for number in range(int(rng.integers(glazing.doors[0], glazing.doors[1] + 1))):
        passage = number == 0 and rng.random() < glazing.passage
        for _ in range(20):
            wall = int(rng.integers(4))
            width = (
                rng.uniform(0.9, 1.7)
                if passage
                else rng.choice([0.8, 0.85, 0.9, 1.0, 1.6], p=[0.25, 0.3, 0.3, 0.1, 0.05])
            )
            length = walls[wall].length
            off = width / 2 + rng.uniform(0.13, 0.5)
            u = off if rng.random() < 0.4 else length - off if rng.random() < 0.6 else rng.uniform(0, length)
            top = rng.uniform(2.1, min(height - 0.15, 2.3)) if passage else min(2.05, height - 0.15)
            depth = THICKNESS if passage else rng.uniform(0.1, 0.28)
            cut = Opening(wall, float(u), float(width), 0.0, float(top), "passage" if passage else "door", float(depth))
            if _fits(cut, taken, walls, blocks):
                taken.append(cut)
                door_wall = wall if door_wall < 0 else door_wall
                break
    side = int(rng.integers(4))
    if side == door_wall and rng.random() < 0.8:
        side = (door_wall + int(rng.integers(1, 4))) % 4
    low = rng.uniform(*glazing.sill)
    high = min(low + rng.uniform(*glazing.height), height - rng.uniform(0.12, 0.35))
    depth = rng.uniform(0.06, 0.28)
    width = rng.uniform(*glazing.width)
    for _ in range(int(rng.integers(glazing.windows[0], glazing.windows[1] + 1))):
        for _ in range(12):
            wall = side if rng.random() < 0.75 else int(rng.integers(4))
            wide = min(width, walls[wall].length - 0.5)
            if wide < 0.4:
                continue
            u = rng.uniform(wide / 2, walls[wall].length - wide / 2)
            cut = Opening(wall, float(u), float(wide), float(low), float(high), "window", float(depth))
            if _fits(cut, taken, walls, blocks):
                taken.append(cut)
                break
    return taken


def fill_openings(room: Furnisher, dressed: float) -> None:
    """Put windows and doors into the openings, curtains and blinds before them, and keep them free.

    Args:
        room: before any furniture.
        dressed: how often a window has curtains or blinds.
    """
    leaf = room.pick("door", "door", "door", "door", "glass_door")
    # The same curtains hang at all windows of a room.
    cover = room.pick("curtain", "curtain", "blinds", "blinds", "both") if room.chance(dressed) else ""
    drop = room.pick("floor", "sill")
    style = Style((CURTAIN, BLINDS))
    for opening in room.openings:
        wall = room.walls[opening.wall]
        if opening.kind == "window":
            model = room.build("window", (opening.width, None, opening.high - opening.low))
            if model is not None:
                _fixture(room, model, "window", wall, opening.u, opening.low, -opening.depth)
            _cover(room, style, wall, opening, cover, drop)
            room.plan.block(wall.before(opening.u, opening.width, 0.1, opening.low - 0.02, opening.high))
            continue
        gate = wall.before(opening.u, opening.width + 0.06, 0.75, 0.0, 2.0)
        room.plan.keep_free(gate, gate=True)
        room.plan.block(wall.before(opening.u, opening.width + 0.12, 0.06, 0.06, opening.high + 0.08))
        if opening.kind == "door":
            role = "double_door" if opening.width > 1.2 else leaf
            size = (opening.width + 2 * FRAME, None, opening.high + FRAME)
            model = room.build(role, size) or room.build("door", size)
            if model is not None:
                out = max(0.015 - float(model.size[1]), -opening.depth)
                _fixture(room, model, role, wall, opening.u, 0.0, out)


def _fixture(room: Furnisher, model: Model, role: str, wall: Wall, u: float, bottom: float, out: float) -> None:
    """What sits within the wall itself cannot meet anything in the room, and is not asked."""
    low, high = model.bounds
    x, y = wall.point(u - float(low[0] + high[0]) / 2, out + float(high[1]))
    position = (float(x), float(y), bottom - float(low[2]))
    box = bounding_box(model, wall.yaw, position)
    room.plan.placed.append(Placed(model, role, upright(wall.yaw, position), wall.yaw, box))


def _cover(room: Furnisher, style: Style, wall: Wall, opening: Opening, cover: str, drop: str) -> None:
    top = min(opening.high + 0.12, room.plan.size[2] - 0.05)
    if cover in ("blinds", "both"):
        height = (opening.high - opening.low) * (room.between(0.3, 1.0) if room.chance(0.7) else 1.0)
        model = room.build("blinds", (opening.width + 0.06, None, height))
        if model is not None:
            room.mount(style.dress(model), "blinds", wall, opening.u, opening.high + 0.03 - float(model.size[2]))
    if cover in ("curtain", "both"):
        bottom = 0.03 if drop == "floor" else max(opening.low - 0.15, 0.03)
        closed = room.chance(0.2)
        share = room.between(0.5, 0.58) if closed else room.between(0.18, 0.4)
        out = 0.14 if cover == "both" else 0.03
        for side in (-1, 1):
            if not closed and room.chance(0.1):
                continue
            width = max(opening.width * share, 0.25)
            model = room.build("curtain", (width, None, top - bottom))
            if model is None:
                return
            # Drawn open it hangs beside the glass, drawn closed before it.
            edge = opening.width / 2 + (0.12 if closed else room.between(0.1, 0.25))
            u = opening.u + side * (edge - float(model.size[0]) / 2 if not closed else float(model.size[0]) / 2)
            u = float(np.clip(u, model.size[0] / 2, wall.length - model.size[0] / 2))
            room.mount(style.dress(model), "curtain", wall, u, bottom, out=out)
