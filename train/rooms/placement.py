"""What stands where in a room, and what may still be put there.

Everything is an upright oriented box: a rectangle on the plan, turned by its yaw, between two heights. Two boxes
intersect where neither the separating axes of their rectangles nor their heights part them (Gottschalk et al. 1996,
https://doi.org/10.1145/237170.237244, in two dimensions); touching is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from train.rooms.scene import Model, Support
from train.rooms.shape import Shape, collide

TOUCH = 2e-3  # overlap that still counts as touching [m]
CELL = 0.1  # of the plan that walking is judged on [m]
BODY = 0.22  # half the width that a walker needs [m]


def rotation(yaw: float) -> np.ndarray:
    """float64 (2, 2): turns counter-clockwise by `yaw` [rad]."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s], [s, c]])


def upright(yaw: float, position: Sequence[float] | np.ndarray) -> np.ndarray:
    """float64 (4, 4): the pose of what stands at `position` (x, y, z) [m], turned about the vertical."""
    pose = np.eye(4)
    pose[:2, :2] = rotation(yaw)
    pose[:3, 3] = position
    return pose


@dataclass(frozen=True)
class Box:
    """An upright oriented box.

    Attributes:
        x, y: its centre on the plan [m].
        yaw: [rad].
        half: half its width and depth [m].
        low, high: heights [m].
    """

    x: float
    y: float
    yaw: float
    half: tuple[float, float]
    low: float
    high: float

    def corners(self) -> np.ndarray:
        """float64 (4, 2): its rectangle's corners on the plan."""
        signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        return (signs * self.half) @ rotation(self.yaw).T + (self.x, self.y)

    def local(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) of the plan in the box's frame."""
        return (points - (self.x, self.y)) @ rotation(self.yaw)

    def in_front(self, depth: float, high: float = 1.0) -> Box:
        """The box of the same width that reaches `depth` forward of its front (its own -y)."""
        x, y = rotation(self.yaw) @ (0.0, -self.half[1] - depth / 2) + (self.x, self.y)
        return Box(float(x), float(y), self.yaw, (self.half[0], depth / 2), 0.0, high)


class Boxes:
    """Many boxes in arrays, to be tested at once."""

    def __init__(self) -> None:
        self._rows = np.empty((64, 8))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, box: Box) -> None:
        """Append a box."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._count] = (box.x, box.y, box.yaw, *box.half, box.low, box.high, np.hypot(*box.half))
        self._count += 1

    def overlaps(self, box: Box, slack: float = TOUCH) -> np.ndarray:
        """Bool (N,): which boxes `box` reaches into by more than `slack` [m]."""
        x, y, yaw, half_x, half_y, low, high, radius = self._rows[: self._count].T
        found = (low < box.high - slack) & (high > box.low + slack)
        # Most are so far away that the circles about the rectangles stay apart.
        found &= (x - box.x) ** 2 + (y - box.y) ** 2 < (radius + (np.hypot(*box.half) + 1e-6)) ** 2
        rows = np.flatnonzero(found)
        if not len(rows):
            return found
        dx, dy, turn = x[rows] - box.x, y[rows] - box.y, yaw[rows]
        half_x, half_y = half_x[rows], half_y[rows]
        c, s = np.abs(np.cos(turn - box.yaw)), np.abs(np.sin(turn - box.yaw))
        own_c, own_s, its_c, its_s = np.cos(box.yaw), np.sin(box.yaw), np.cos(turn), np.sin(turn)
        apart = np.abs(dx * own_c + dy * own_s) > box.half[0] + half_x * c + half_y * s - slack
        apart |= np.abs(dy * own_c - dx * own_s) > box.half[1] + half_x * s + half_y * c - slack
        apart |= np.abs(dx * its_c + dy * its_s) > half_x + box.half[0] * c + box.half[1] * s - slack
        apart |= np.abs(dy * its_c - dx * its_s) > half_y + box.half[0] * s + box.half[1] * c - slack
        found[rows] = ~apart
        return found


@dataclass(frozen=True, eq=False)
class Placed:
    """A model that has its place.

    Attributes:
        model: what it is.
        role: what it was built for.
        pose: float64 (4, 4), to the world.
        yaw: of the pose [rad].
        box: its bounds in the world.
        on: what it stands on, or None for the floor, a wall or the ceiling.
    """

    model: Model
    role: str
    pose: np.ndarray
    yaw: float
    box: Box
    on: Placed | None = None

    def world(self, point: Sequence[float]) -> np.ndarray:
        """A point (x, y) or (x, y, z) of the model's frame in the world; float64 (3,)."""
        x, y, z = (*point, 0.0)[:3]
        return self.pose[:3, :3] @ (x, y, z) + self.pose[:3, 3]


def bounding_box(model: Model, yaw: float, position: Sequence[float] | np.ndarray) -> Box:
    """The box of a model whose origin is at `position` (x, y, z) [m]."""
    low, high = model.bounds
    x, y = rotation(yaw) @ ((low + high) / 2)[:2] + position[:2]
    half = (high - low)[:2] / 2
    return Box(float(x), float(y), yaw, (float(half[0]), float(half[1])), position[2] + low[2], position[2] + high[2])


@dataclass
class Plan:
    """A room's floor plan as it fills.

    Attributes:
        size: X, Y, Z of the room [m].
        placed: in the order in which they were put there.
    """

    size: tuple[float, float, float]
    placed: list[Placed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._bodies = Boxes()
        self._owners: list[Placed | None] = []
        self._doors, self._fronts = Boxes(), Boxes()
        shape = (int(np.ceil(self.size[0] / CELL)), int(np.ceil(self.size[1] / CELL)))
        self._cells = np.stack(np.meshgrid(*(np.arange(n) * CELL + CELL / 2 for n in shape), indexing="ij"), -1)
        inside = (self._cells > BODY) & (self._cells < np.array(self.size[:2]) - BODY)
        self._blocked = ~inside.all(-1)
        self._gates: list[np.ndarray] = []

    def block(self, box: Box) -> None:
        """Take a space that is solid and no furniture: a pillar, a window that must not be hidden."""
        self._bodies.add(box)
        self._owners.append(None)
        self._blocked |= self._shadow(box)

    def keep_free(self, box: Box, gate: bool = False) -> None:
        """Keep furniture out of a space; with `gate`, the way there from every other gate stays open, too."""
        (self._doors if gate else self._fronts).add(box)
        if gate:
            self._gates.append((np.abs(box.local(self._cells)) < box.half).all(-1))

    def free(self, box: Box, ignore: Sequence[Placed | None] = (), slack: float = TOUCH) -> bool:
        """Whether a box is within the room and reaches into nothing but what is to be ignored."""
        corners = box.corners()
        if corners.min() < -TOUCH or (corners > np.array(self.size[:2]) + TOUCH).any():
            return False
        if box.high > self.size[2] + TOUCH or box.low < -TOUCH:
            return False
        return not self._hit(box, ignore, slack)

    def at_door(self, box: Box) -> bool:
        """Whether a box is in the way of a door."""
        return bool(self._doors.overlaps(box).any())

    def _hit(self, box: Box, ignore: Sequence[Placed | None], slack: float = TOUCH) -> list[Placed | None]:
        found = np.flatnonzero(self._bodies.overlaps(box, slack))
        owners = [self._owners[row] for row in found]
        return [owner for owner in owners if owner is None or not any(owner is other for other in ignore)]

    def put(
        self,
        model: Model,
        role: str,
        yaw: float,
        position: Sequence[float] | np.ndarray,
        on: Placed | None = None,
        nested: Sequence[Placed] = (),
        loose: bool = False,
        walkable: bool = True,
    ) -> Placed | None:
        """Put a model there if it may stand there.

        Args:
            model: what is to be placed.
            role: what it is for.
            yaw: about the vertical [rad].
            position: of the model's origin (x, y, z) [m].
            on: what carries it; it may be within that one's box.
            nested: others whose boxes it may be within as long as the surfaces stay apart, such as the table that a
                chair is pushed under.
            loose: it may stand in the free space that other furniture needs in front, as chairs and bags do.
            walkable: it must not cut the ways between the doors and the free floor.

        Returns:
            what was placed; None where it cannot be.
        """
        box = bounding_box(model, yaw, position)
        ignored = [*nested] if on is None else [on, *nested]
        if not self.free(box, ignored):
            return None
        solid = box.low < 1.2 and box.high > 0.05 and on is None and model.mounting in ("floor", "surface")
        if solid and (self._doors.overlaps(box).any() or (not loose and self._fronts.overlaps(box).any())):
            return None
        jutting = model.mounting == "wall" and min(box.half) > 0.03 and box.low < 2.0
        if jutting and self._doors.overlaps(box).any():
            return None
        front = None
        if solid and model.clearance > 0 and not loose:
            front = box.in_front(model.clearance)
            # A rug may lie there; a wall may not.
            if not self.free(Box(front.x, front.y, front.yaw, front.half, 0.06, 1.0), ignored, slack=0.05):
                return None
        shadow = self._shadow(box) if solid else None
        if shadow is not None and walkable and not self._ways_open(self._blocked | shadow):
            return None
        pose = upright(yaw, position)
        for other in nested:
            apart = np.hypot(other.box.x - box.x, other.box.y - box.y) > np.hypot(*other.box.half) + np.hypot(*box.half)
            if not apart and collide(Shape.of(model), pose, Shape.of(other.model), other.pose):
                return None
        placed = Placed(model, role, pose, yaw, box, on)
        self.placed.append(placed)
        self._bodies.add(box)
        self._owners.append(placed)
        if shadow is not None:
            self._blocked |= shadow
        if front is not None:
            self._fronts.add(front)
        return placed

    def rug_under(self, box: Box) -> Placed | None:
        """The rug that a box stands on with its whole footprint, or None."""
        for placed in self.placed:
            if placed.model.label == 20 and placed.on is None and placed.box.high < 0.05:
                inside = np.abs(placed.box.local(box.corners())) <= np.array(placed.box.half) + TOUCH
                if inside.all():
                    return placed
        return None

    def _shadow(self, box: Box) -> np.ndarray:
        """Bool (cells): where a walker would touch the box."""
        if box.low > 1.6 or box.high < 0.05:
            return np.zeros(self._blocked.shape, bool)
        return (np.abs(box.local(self._cells)) < np.array(box.half) + BODY).all(-1)

    def _ways_open(self, blocked: np.ndarray) -> bool:
        """Whether most of the free floor is one piece, and every door opens to it."""
        pieces, count = ndimage.label(~blocked)
        if count == 0:
            return False
        sizes = np.bincount(pieces.ravel())[1:]
        largest = int(sizes.argmax()) + 1
        if sizes[largest - 1] < 0.8 * sizes.sum() or sizes[largest - 1] * CELL**2 < 0.5:
            return False
        return all((pieces[gate] == largest).any() for gate in self._gates)


def on_support(placed: Placed, support: Support, x: float, y: float) -> np.ndarray:
    """float64 (3,): the point (x, y) [m, model's frame] of one of its surfaces, in the world."""
    return placed.world((x, y, support.z))
