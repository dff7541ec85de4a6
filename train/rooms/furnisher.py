"""Ways to put furniture into a room: against a wall, beside and before other furniture, on it, on the wall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from deresunet.errors import InputError
from train.rooms.placement import Placed, Plan, bounding_box, on_support, rotation
from train.rooms.scene import Model, Support
from train.rooms.shell import Opening, Wall
from train.rooms.supply import Furniture, Size

Where = Literal["any", "back", "front", "centre", "left", "right"]
GAP = 0.02  # that furniture stands off the wall: the skirting board's depth [m]
SEAT = (0.3, 0.68)  # heights of what people sit on [m]


@dataclass
class Furnisher:
    """A room in the making.

    Attributes:
        kind: the type of room.
        rng: source of everything random.
        library: where models are from.
        plan: what stands where.
        walls: all that furniture can stand against.
        openings: windows, doors and passages.
    """

    kind: str
    rng: np.random.Generator
    library: Furniture
    plan: Plan
    walls: Sequence[Wall]
    openings: Sequence[Opening]
    _roles: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._roles = frozenset(self.library.roles())

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """Uniform in low..high."""
        return float(self.rng.uniform(low, high))

    def pick(self, *choices: str) -> str:
        """One of the choices; repeat one to have it more often."""
        return choices[int(self.rng.integers(len(choices)))]

    def build(self, role: str, size: Size | None = None) -> Model | None:
        """A model; None where the library has none of that role or size."""
        if role not in self._roles:
            return None
        try:
            return self.library.build(role, self.rng, size)
        except InputError:
            return None

    def stand(
        self,
        model: Model,
        role: str,
        x: float,
        y: float,
        yaw: float,
        nested: Sequence[Placed] = (),
        loose: bool = False,
        walkable: bool = True,
    ) -> Placed | None:
        """Stand a model with its origin at (x, y), on the floor or on the rug that lies there."""
        low = model.bounds[0][2]
        rug = self.plan.rug_under(bounding_box(model, yaw, (x, y, 0.0)))
        base = 0.0 if rug is None else rug.box.high
        position = (x, y, base - low)
        return self.plan.put(model, role, yaw, position, nested=nested, loose=loose, walkable=walkable)

    def against(
        self,
        role: str,
        size: Size | None = None,
        walls: Sequence[int] | None = None,
        u: float | None = None,
        tries: int = 12,
        corner: float = 0.3,
        gap: float = GAP,
        model: Model | None = None,
        loose: bool = False,
    ) -> Placed | None:
        """Stand a model with its back to a wall.

        Args:
            role: what.
            size: of it.
            walls: numbers of the walls to try; all by default.
            u: where its middle is to be along the wall [m]; by chance if None.
            tries: places to try.
            corner: how often it goes to one of the wall's ends.
            gap: to the wall [m].
            model: what was built already.
            loose: see `Plan.put`.
        """
        model = model or self.build(role, size)
        if model is None:
            return None
        low, high = model.bounds
        width, middle = float(high[0] - low[0]), float(high[0] + low[0]) / 2
        fitting = [n for n in (range(len(self.walls)) if walls is None else walls) if self.walls[n].length > width]
        if not fitting:
            return None
        share = np.array([self.walls[n].length for n in fitting])
        for _ in range(tries):
            wall = self.walls[int(self.rng.choice(fitting, p=share / share.sum()))]
            first, last = width / 2 + GAP, wall.length - width / 2 - GAP
            if u is not None:
                place = u
            elif self.chance(corner):
                off = self.between(0, min(0.25, max(last - first, 0)))
                place = first + off if self.chance(0.5) else last - off
            else:
                place = self.between(min(first, last), max(first, last))
            x, y = wall.point(place - middle, gap + high[1])
            placed = self.stand(model, role, x, y, wall.yaw, loose=loose)
            if placed is not None or (u is not None and len(fitting) == 1):
                return placed
        return None

    def anywhere(
        self,
        role: str,
        size: Size | None = None,
        tries: int = 10,
        square: bool = False,
        loose: bool = False,
        model: Model | None = None,
        within: tuple[float, float, float, float] | None = None,
    ) -> Placed | None:
        """Stand a model somewhere on the floor; `square` to the walls or turned any way; `within` x0, x1, y0, y1."""
        model = model or self.build(role, size)
        if model is None:
            return None
        x0, x1, y0, y1 = within or (0.1, self.plan.size[0] - 0.1, 0.1, self.plan.size[1] - 0.1)
        for _ in range(tries):
            yaw = float(self.rng.integers(4)) * np.pi / 2 if square else self.between(-np.pi, np.pi)
            yaw += self.rng.normal(0, 0.05) if square else 0.0
            placed = self.stand(model, role, self.between(x0, x1), self.between(y0, y1), yaw, loose=loose)
            if placed is not None:
                return placed
        return None

    def near(
        self,
        anchor: Placed,
        role: str,
        x: float,
        y: float,
        turn: float = 0.0,
        size: Size | None = None,
        model: Model | None = None,
        loose: bool = False,
        nested: Sequence[Placed] = (),
    ) -> Placed | None:
        """Stand a model with its box's middle at (x, y) of the anchor's box, turned by `turn` against it."""
        model = model or self.build(role, size)
        if model is None:
            return None
        yaw = anchor.yaw + turn
        low, high = model.bounds
        middle = rotation(anchor.yaw) @ (x, y) + (anchor.box.x, anchor.box.y)
        origin = middle - rotation(yaw) @ ((low + high) / 2)[:2]
        return self.stand(model, role, float(origin[0]), float(origin[1]), yaw, nested=nested, loose=loose)

    def beside(
        self, anchor: Placed, role: str, side: int, gap: float = 0.05, size: Size | None = None, loose: bool = False
    ) -> Placed | None:
        """Stand a model beside another, their backs in line; side -1 is the anchor's left (its own -x), 1 its right."""
        model = self.build(role, size)
        if model is None:
            return None
        half = model.size[:2] / 2
        x = side * (anchor.box.half[0] + half[0] + gap)
        return self.near(anchor, role, x, anchor.box.half[1] - half[1], model=model, loose=loose)

    def before(
        self,
        anchor: Placed,
        role: str,
        gap: float,
        x: float = 0.0,
        turn: float = 0.0,
        size: Size | None = None,
        model: Model | None = None,
        loose: bool = True,
    ) -> Placed | None:
        """Stand a model before another's front, `gap` away."""
        model = model or self.build(role, size)
        if model is None:
            return None
        c, s = abs(np.cos(turn)), abs(np.sin(turn))
        reach = (model.size[0] * s + model.size[1] * c) / 2
        return self.near(anchor, role, x, -anchor.box.half[1] - gap - reach, turn, model=model, loose=loose)

    def tuck(self, role: str, table: Placed, side: int, offset: float, model: Model | None = None) -> Placed | None:
        """Push a chair under a table, as far as it goes or less, turned a little.

        Args:
            role: the chair's.
            table: what it stands at.
            side: 0 its front, 1 its right, 2 its back, 3 its left.
            offset: along that side from its middle [m].
            model: the chair, if it was built already.
        """
        model = model or self.build(role)
        if model is None:
            return None
        half = table.box.half[1] if side % 2 == 0 else table.box.half[0]
        # The side's outward direction in the table's frame; a chair faces against it.
        outward = rotation(side * np.pi / 2) @ (0.0, -1.0)
        sideways = rotation(side * np.pi / 2) @ (1.0, 0.0)
        deepest = min(0.3, model.size[1] * 0.6, half * 0.9)
        start = self.between(-0.15, deepest)
        turned = self.rng.normal(0, 0.12) + (self.between(-0.7, 0.7) if self.chance(0.12) else 0.0)
        for pushed in (start, start - 0.1, start - 0.22, -0.1):
            out = half - pushed + model.size[1] / 2
            x, y = outward * out + sideways * offset
            turn = side * np.pi / 2 + np.pi + turned
            placed = self.near(table, role, float(x), float(y), turn, model=model, loose=True, nested=(table,))
            if placed is not None:
                return placed
            turned = 0.0
        return None

    def hang(
        self,
        role: str,
        low: tuple[float, float],
        size: Size | None = None,
        walls: Sequence[int] | None = None,
        tries: int = 10,
        model: Model | None = None,
        u: float | None = None,
    ) -> Placed | None:
        """Hang something on a wall, its lower edge at a height drawn from `low` [m]."""
        model = model or self.build(role, size)
        if model is None:
            return None
        width = float(model.size[0])
        numbers = [n for n in (range(len(self.walls)) if walls is None else walls) if self.walls[n].length > width]
        if not numbers:
            return None
        share = np.array([self.walls[n].length for n in numbers])
        for _ in range(tries):
            wall = self.walls[int(self.rng.choice(numbers, p=share / share.sum()))]
            place = self.between(width / 2, wall.length - width / 2) if u is None else u
            bottom = min(self.between(*low), self.plan.size[2] - float(model.size[2]) - 0.03)
            placed = self.mount(model, role, wall, place, bottom)
            if placed is not None:
                return placed
        return None

    def mount(self, model: Model, role: str, wall: Wall, u: float, bottom: float, out: float = 0.001) -> Placed | None:
        """Fix a model to a wall: its middle at `u`, its lower edge at `bottom`, its back `out` before the wall [m]."""
        low, high = model.bounds
        x, y = wall.point(u - float(low[0] + high[0]) / 2, out + float(high[1]))
        return self.plan.put(model, role, wall.yaw, (float(x), float(y), bottom - float(low[2])))

    def above(
        self, anchor: Placed, role: str, gap: tuple[float, float], size: Size | None = None, model: Model | None = None
    ) -> Placed | None:
        """Hang something on the wall that an anchor has its back to, over its middle."""
        model = model or self.build(role, size)
        wall = self.wall_behind(anchor)
        if model is None or wall is None:
            return None
        u = float((np.array([anchor.box.x, anchor.box.y]) - wall.origin) @ wall.along)
        bottom = anchor.box.high + self.between(*gap)
        if bottom + model.size[2] > self.plan.size[2] - 0.02:
            return None
        return self.mount(model, role, wall, u, bottom)

    def wall_behind(self, anchor: Placed, reach: float = 0.35) -> Wall | None:
        """The wall that something has its back to, at most `reach` away [m]."""
        back = rotation(anchor.yaw) @ (0.0, anchor.box.half[1]) + (anchor.box.x, anchor.box.y)
        for wall in self.walls:
            along, off = (back - wall.origin) @ wall.along, (back - wall.origin) @ np.array(wall.normal)
            aligned = np.cos(anchor.yaw - wall.yaw) > 0.99
            if aligned and -0.05 < off < reach and 0 < along < wall.length:
                return wall
        return None

    def ceiling(self, role: str, x: float, y: float, yaw: float = 0.0, size: Size | None = None) -> Placed | None:
        """Hang something from the ceiling, its middle at (x, y)."""
        model = self.build(role, size)
        if model is None:
            return None
        _low, high = model.bounds
        return self.plan.put(model, role, yaw, (x, y, self.plan.size[2] - float(high[2])))

    def on(
        self,
        anchor: Placed,
        role: str,
        where: Where = "any",
        turn: float | None = None,
        size: Size | None = None,
        support: Support | None = None,
        tries: int = 4,
        model: Model | None = None,
    ) -> Placed | None:
        """Stand a small thing on one of an anchor's surfaces.

        Args:
            anchor: what carries it.
            role: what.
            where: on which part of the surface.
            turn: against the anchor [rad]; by chance, a little, if None.
            size: of it.
            support: the surface; by chance if None.
            tries: places to try.
            model: what was built already.
        """
        if not anchor.model.supports:
            return None
        model = model or self.build(role, size)
        if model is None:
            return None
        low, high = model.bounds
        for _ in range(tries):
            top = support or self._choose(anchor.model.supports)
            angle = self.rng.normal(0, 0.25) if turn is None else turn
            c, s = abs(np.cos(angle)), abs(np.sin(angle))
            half = np.array([[c, s], [s, c]]) @ (model.size[:2] / 2)
            start, stop = np.array(top.low) + half, np.array(top.high) - half
            if (start > stop).any() or model.size[2] > top.room:
                if support is not None and turn is not None:
                    return None
                continue
            x, y = self.rng.uniform(start, stop)
            if where == "back":
                y = stop[1] - min(0.03, stop[1] - start[1])
            elif where == "front":
                y = start[1] + self.between(0, 0.3) * (stop[1] - start[1])
            elif where == "centre":
                x, y = (start + stop) / 2 + self.rng.normal(0, 0.04, 2)
                x, y = np.clip((x, y), start, stop)
            elif where in ("left", "right"):
                x = start[0] if where == "left" else stop[0]
            middle = rotation(angle) @ ((low + high) / 2)[:2]
            position = on_support(anchor, top, float(x - middle[0]), float(y - middle[1]))
            position[2] -= low[2]
            placed = self.plan.put(model, role, anchor.yaw + angle, position, on=anchor, loose=True)
            if placed is not None:
                return placed
        return None

    def _choose(self, supports: Sequence[Support]) -> Support:
        area = np.array([(s.high[0] - s.low[0]) * (s.high[1] - s.low[1]) for s in supports])
        return supports[int(self.rng.choice(len(supports), p=area / area.sum()))]

    def seat(self, chair: Placed) -> Support | None:
        """The surface of a chair, sofa or bed that people sit on."""
        seats = [s for s in chair.model.supports if SEAT[0] < s.z < SEAT[1]]
        return max(seats, key=lambda s: (s.high[0] - s.low[0]) * (s.high[1] - s.low[1])) if seats else None

    def open_at(self, wall: Wall, u: float, size: tuple[float, float, float]) -> bool:
        """Whether furniture of a size [m] could stand at the wall with its middle at `u`, doors kept free."""
        box = wall.before(u, size[0], size[1], 0.0, size[2], out=GAP)
        return self.plan.free(box) and not self.plan.at_door(box)
