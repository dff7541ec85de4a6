"""The room itself: walls with real openings, floor, ceiling, skirting boards, alcoves and partitions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from train.rooms.placement import Box
from train.rooms.scene import Credit, Material, Mesh, Object, Part

WALL, FLOOR, CEILING = 1, 2, 22
BUILT = Credit("built here", "MIT")
# Of outer walls and the ceiling [m]: they have an outer face, since a sheet without one lets light in along its edges
# wherever a renderer's shadows have a bias. Reveals are no deeper.
THICKNESS = 0.3
SEAM = 0.02  # that reveals run on behind what closes them [m]
PASSAGE_DEPTH = 1.3  # of the hall that shows through an opening without a door [m]


@dataclass(frozen=True)
class Wall:
    """One straight wall as it is seen from the room.

    Attributes:
        origin: of u = 0 on the plan [m]; u runs to the right for who faces the wall.
        normal: (x, y), unit, into the room.
        length: [m].
        outer: one of the room's four; else a face of a pillar or partition.
    """

    origin: tuple[float, float]
    normal: tuple[float, float]
    length: float
    outer: bool = True

    @property
    def along(self) -> np.ndarray:
        """float64 (2,): direction of u on the plan."""
        return np.array([-self.normal[1], self.normal[0]])

    @property
    def yaw(self) -> float:
        """Of what stands with its back to the wall [rad]."""
        return float(np.arctan2(self.normal[0], -self.normal[1]))

    def point(self, u: float, out: float = 0.0) -> np.ndarray:
        """float64 (2,): the place `u` along the wall, `out` metres before it (behind it where negative)."""
        return np.array(self.origin) + self.along * u + np.array(self.normal) * out

    def before(self, u: float, width: float, depth: float, low: float, high: float, out: float = 0.0) -> Box:
        """The box before the wall, `width` wide around `u`, from `out` to `out + depth`."""
        x, y = self.point(u, out + depth / 2)
        return Box(float(x), float(y), self.yaw, (width / 2, depth / 2), low, high)


@dataclass(frozen=True)
class Opening:
    """A rectangle cut out of a wall.

    Attributes:
        wall: the wall's number.
        u: its middle along the wall [m].
        width: [m].
        low, high: heights [m].
        kind: what it is for.
        depth: of the reveal [m].
    """

    wall: int
    u: float
    width: float
    low: float
    high: float
    kind: Literal["window", "door", "passage"]
    depth: float


def outer_walls(width: float, depth: float) -> list[Wall]:
    """The four walls of a rectangle: at y = Y, x = X, y = 0 and x = 0."""
    return [
        Wall((0.0, depth), (0.0, -1.0), width),
        Wall((width, depth), (-1.0, 0.0), depth),
        Wall((width, 0.0), (0.0, 1.0), width),
        Wall((0.0, 0.0), (1.0, 0.0), depth),
    ]


def block_walls(block: Box, width: float, depth: float) -> list[Wall]:
    """The faces of a pillar or partition that look into the room."""
    (a, b), (c, d) = (
        (block.x - block.half[0], block.x + block.half[0]),
        (
            block.y - block.half[1],
            block.y + block.half[1],
        ),
    )
    faces = [
        (a > 0.01, Wall((a, d), (-1.0, 0.0), d - c, outer=False)),
        (b < width - 0.01, Wall((b, c), (1.0, 0.0), d - c, outer=False)),
        (c > 0.01, Wall((a, c), (0.0, -1.0), b - a, outer=False)),
        (d < depth - 0.01, Wall((b, d), (0.0, 1.0), b - a, outer=False)),
    ]
    return [wall for seen, wall in faces if seen]


def quads(corners: Sequence[np.ndarray]) -> Mesh:
    """Flat quadrilaterals, each float (4, 3), counter-clockwise from where they are seen."""
    stack = np.asarray(corners, float)  # (Q, 4, 3)
    normals = np.cross(stack[:, 1] - stack[:, 0], stack[:, 3] - stack[:, 0])
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    first = 4 * np.arange(len(stack))[:, None, None]
    faces = (first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
    return Mesh(
        stack.reshape(-1, 3).astype(np.float32),
        np.repeat(normals, 4, 0).astype(np.float32),
        faces.astype(np.int32),
    )


def box_quads(low: Sequence[float], high: Sequence[float]) -> list[np.ndarray]:
    """The six sides of a box with its sides along the axes, seen from outside."""
    corner = np.array([[(low, high)[i >> k & 1][k] for k in range(3)] for i in range(8)], float)
    sides = ((0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6))
    return [corner[list(side)] for side in sides]


def _on_wall(wall: Wall, rectangle: tuple[float, float, float, float], out: float = 0.0) -> np.ndarray:
    u0, u1, z0, z1 = rectangle
    return np.array([(*wall.point(u, out), z) for u, z in ((u0, z0), (u1, z0), (u1, z1), (u0, z1))])


def _reveal(wall: Wall, opening: Opening, sill: bool = True) -> list[np.ndarray]:
    """The sides of an opening, from the wall's face to its depth."""
    a, b, c, d = opening.u - opening.width / 2, opening.u + opening.width / 2, opening.low, opening.high
    depth = -opening.depth - SEAM

    def side(u0: float, z0: float, u1: float, z1: float) -> np.ndarray:
        return np.array(
            [
                (*wall.point(u0), z0),
                (*wall.point(u0, depth), z0),
                (*wall.point(u1, depth), z1),
                (*wall.point(u1), z1),
            ]
        )

    sides = [side(a, c, a, d), side(b, d, b, c), side(a, d, b, d)]
    if sill:
        sides.append(side(b, c, a, c))
    return sides


def wall_mesh(wall: Wall, height: float, openings: Sequence[Opening]) -> Mesh:
    """A wall's two faces with its openings cut out and their reveals; in the world's frame.

    The grid of all edges leaves no corner on another quadrilateral's side, so no pixel falls between two of them.
    """
    us, zs = {-THICKNESS, wall.length + THICKNESS}, {-THICKNESS, height + THICKNESS}
    for opening in openings:
        us |= {opening.u - opening.width / 2, opening.u + opening.width / 2}
        zs |= {opening.low, opening.high}
    faces = []
    across, up = sorted(us), sorted(zs)
    for u0, u1 in itertools.pairwise(across):
        for z0, z1 in itertools.pairwise(up):
            u, z = (u0 + u1) / 2, (z0 + z1) / 2
            if not any(abs(u - o.u) < o.width / 2 and o.low < z < o.high for o in openings):
                faces.append(_on_wall(wall, (u0, u1, z0, z1)))
                faces.append(_on_wall(wall, (u0, u1, z0, z1), -THICKNESS)[::-1])
    for opening in openings:
        faces += _reveal(wall, opening, sill=opening.low > 0)
        if opening.kind == "door":
            # A door's back never shows the outside, however the door is built.
            edges = (opening.u - opening.width / 2, opening.u + opening.width / 2, opening.low, opening.high)
            faces.append(_on_wall(wall, edges, -opening.depth - SEAM))
    return quads(faces)


def _threshold(wall: Wall, opening: Opening) -> np.ndarray:
    a, b = opening.u - opening.width / 2 - SEAM, opening.u + opening.width / 2 + SEAM
    back = -opening.depth - SEAM
    return np.array([(*wall.point(u, out), 0.0) for u, out in ((a, 0.0), (b, 0.0), (b, back), (a, back))])


def skirting_mesh(wall: Wall, openings: Sequence[Opening], height: float, depth: float) -> Mesh | None:
    """The board along a wall's foot, left out where a door is; None where there is no room for any."""
    gaps = sorted((o.u - o.width / 2 - 0.01, o.u + o.width / 2 + 0.01) for o in openings if o.low < height)
    edges = [0.0, *(edge for gap in gaps for edge in gap), wall.length]
    sides = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start > 0.02:
            sides.append(_on_wall(wall, (start, stop, 0.0, height), depth))
            top = [wall.point(start, depth), wall.point(stop, depth), wall.point(stop), wall.point(start)]
            sides.append(np.array([(*point, height) for point in top]))
            for u, flip in ((start, 1), (stop, -1)):
                end = [(0.0, 0.0), (depth, 0.0), (depth, height), (0.0, height)][::flip]
                sides.append(np.array([(*wall.point(u, out), z) for out, z in end]))
    return quads(sides) if sides else None


@dataclass(frozen=True, eq=False)
class Finishes:
    """Materials of a room's surfaces; `accent` is that of one wall."""

    wall: Material
    accent: Material
    floor: Material
    ceiling: Material
    skirting: Material


def _object(name: str, label: int, parts: Sequence[Part]) -> Object:
    return Object(0, name, label, tuple(parts), np.eye(4), BUILT)


def _passage(wall: Wall, opening: Opening, finishes: Finishes) -> list[Object]:
    """The piece of hall behind an opening without a door."""
    # No wider than the wall: the room's other walls run on behind it.
    a = max(opening.u - opening.width / 2 - 0.5, SEAM)
    b = min(opening.u + opening.width / 2 + 0.5, wall.length - SEAM)
    near, far, high = -opening.depth, -opening.depth - PASSAGE_DEPTH, opening.high + 0.25
    corner = {
        (i, j, k): np.array((*wall.point((a, b)[i], (near, far)[j]), (0.0, high)[k]))
        for i in (0, 1)
        for j in (0, 1)
        for k in (0, 1)
    }

    def face(*keys: tuple[int, int, int]) -> np.ndarray:
        return np.array([corner[key] for key in keys])

    sides = [
        face((0, 1, 0), (1, 1, 0), (1, 1, 1), (0, 1, 1)),
        face((0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1)),
        face((1, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1)),
    ]
    ground = face((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0))
    ground[:2, :2] = [wall.point(a), wall.point(b)]  # it reaches to the room's own floor, through the opening
    return [
        *(_object("hall wall", WALL, [Part(quads([side]), finishes.wall, WALL)]) for side in sides),
        _object("hall floor", FLOOR, [Part(quads([ground]), finishes.floor, FLOOR)]),
        _object(
            "hall ceiling",
            CEILING,
            [Part(quads([face((0, 1, 1), (1, 1, 1), (1, 0, 1), (0, 0, 1))]), finishes.ceiling, CEILING)],
        ),
    ]


def build_shell(
    size: tuple[float, float, float],
    walls: Sequence[Wall],
    blocks: Sequence[Box],
    openings: Sequence[Opening],
    finishes: Finishes,
    accent: int | None,
    skirting: tuple[float, float],
) -> list[Object]:
    """Floor, ceiling and walls, in the world's frame.

    Args:
        size: X, Y, Z [m].
        walls: outer ones first, as `outer_walls` gives them, then the blocks' faces.
        blocks: pillars and partitions, from the floor to the ceiling.
        openings: their `wall` counts in `walls`.
        finishes: materials.
        accent: the wall that has another colour.
        skirting: height and depth of the boards [m]; height 0 for none.
    """
    x, y, z = size
    floor = np.array([(0, 0, 0), (x, 0, 0), (x, y, 0), (0, y, 0)], float)
    e = THICKNESS
    ceiling = np.array([(-e, -e, z), (-e, y + e, z), (x + e, y + e, z), (x + e, -e, z)], float)
    roof = np.add(ceiling[::-1], (0.0, 0.0, THICKNESS))
    # In a door the floor goes on under the leaf.
    thresholds = [_threshold(walls[opening.wall], opening) for opening in openings if opening.kind == "door"]
    things = [
        _object("floor", FLOOR, [Part(quads([floor, *thresholds]), finishes.floor, FLOOR)]),
        _object("ceiling", CEILING, [Part(quads([ceiling, roof]), finishes.ceiling, CEILING)]),
    ]
    faces: dict[Box, list[Part]] = {block: [] for block in blocks}
    for number, wall in enumerate(walls):
        cut = [opening for opening in openings if opening.wall == number]
        material = finishes.accent if number == accent else finishes.wall
        board = skirting_mesh(wall, cut, *skirting) if skirting[0] > 0 else None
        boards = [] if board is None else [Part(board, finishes.skirting, WALL)]
        if wall.outer:
            things.append(_object("wall", WALL, [Part(wall_mesh(wall, z, cut), material, WALL), *boards]))
        else:
            middle = wall.point(wall.length / 2, -0.02)
            owner = next(block for block in blocks if (np.abs(block.local(middle)) < np.array(block.half) + 0.01).all())
            faces[owner] += boards
    for block in blocks:
        low, high = np.array([block.x, block.y]) - block.half, np.array([block.x, block.y]) + block.half
        grown = box_quads((*low, -SEAM), (*high, z + SEAM))
        name = "partition" if min(block.half) < 0.1 else "pillar"
        things.append(_object(name, WALL, [Part(quads(grown), finishes.wall, WALL), *faces[block]]))
    for opening in openings:
        if opening.kind == "passage":
            things += _passage(walls[opening.wall], opening, finishes)
    return [replace(thing, id=number) for number, thing in enumerate(things, 1)]
