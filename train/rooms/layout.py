"""From a seed to a room: furnished, dressed and lit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deresunet.classes import CLASSES, NUM_CLASSES
from deresunet.errors import InputError
from train.rooms import dressing
from train.rooms.furnisher import Furnisher
from train.rooms.kinds import KINDS, Kind
from train.rooms.lighting import light_room, reflectance, switched_off
from train.rooms.openings import cut_openings, fill_openings
from train.rooms.placement import Box, Placed, Plan
from train.rooms.programmes import fill_up
from train.rooms.scene import Material, Object, Part, Scene
from train.rooms.shell import Finishes, block_walls, build_shell, outer_walls
from train.rooms.supply import Furniture, Surface
from train.rooms.wishes import draw_kind, grant

FULLNESS = (0.2, 0.46)  # part of the floor that furniture covers
ATTEMPTS = 6  # at a room that has what its type must have


def furnish(seed: int, library: Furniture, kind: str | None = None, wanted: Sequence[int] = ()) -> Scene:
    """Make a room.

    Args:
        seed: everything random comes from it; the same seed and library give the same scene.
        library: where furniture and finishes are from.
        kind: a name of `train.rooms.kinds.KINDS`; by chance, weighted as SUN RGB-D has them, if None.
        wanted: classes (1..37) that are to occur more than by chance; each is brought in where it plausibly fits, and
            the types of room where it does come more often.

    Raises:
        InputError: there is no such type of room, or a wanted class is none.
    """
    for label in wanted:
        if not 1 <= label <= NUM_CLASSES:
            raise InputError(f"Class {label} was wanted; classes are 1..{NUM_CLASSES}.")
    rng = np.random.default_rng(seed)
    drawn = draw_kind(rng, tuple(int(label) for label in wanted))
    kind = drawn if kind is None else kind
    if kind not in KINDS:
        raise InputError(f"No type of room is called {kind!r}. There are: {', '.join(KINDS)}.")
    traits = KINDS[kind]
    for _ in range(ATTEMPTS):
        room, blocks = _furnished(rng, library, kind)
        roles = {placed.role for placed in room.plan.placed}
        if all(roles.intersection(group) for group in traits.essential):
            break
    plan, size = room.plan, room.plan.size
    grant(room, wanted)
    untidy = float(rng.gamma(2.0, 0.5))
    dressing.populate(room, int(rng.poisson(traits.people)))
    dressing.dress(room, untidy)
    dressing.hang_pictures(room, int(rng.poisson(4.0 + 0.12 * size[0] * size[1])))
    dressing.scatter(room, int(rng.poisson(traits.clutter * (0.4 + 0.6 * untidy))))

    finishes = _finishes(room)
    shell = build_shell(
        size,
        room.walls,
        blocks,
        room.openings,
        finishes,
        accent=int(rng.integers(4)) if rng.random() < 0.2 else None,
        skirting=(float(rng.uniform(0.06, 0.14)), float(rng.uniform(0.01, 0.018)))
        if rng.random() < traits.skirting
        else (0.0, 0.0),
    )
    lighting = light_room(rng, size, plan.placed, room.openings, room.walls, _albedo(finishes, size))
    objects = list(shell)
    for number, placed in enumerate(plan.placed):
        objects += _objects(placed, number in lighting.off, len(objects))
    return Scene(seed, kind, size, tuple(objects), lighting.lights, lighting.sky, lighting.ambient)


def _furnished(rng: np.random.Generator, library: Furniture, kind: str) -> tuple[Furnisher, list[Box]]:
    """A room with its furniture, and its pillars and partitions."""
    traits = KINDS[kind]
    size = _size(rng, traits)
    walls = outer_walls(*size[:2])
    blocks = _blocks(rng, traits, size)
    for block in blocks:
        walls += block_walls(block, *size[:2])
    plan = Plan(size)
    for block in blocks:
        plan.block(block)
    room = Furnisher(kind, rng, library, plan, walls, cut_openings(rng, traits.glazing, walls, blocks, size[2]))
    fill_openings(room, traits.dressed)
    _ceiling_lamps(room, traits)
    traits.furnish(room)
    fill_up(room, traits.more, float(rng.uniform(*FULLNESS)))
    return room, blocks


def _size(rng: np.random.Generator, traits: Kind) -> tuple[float, float, float]:
    x, y, z = (float(rng.uniform(*span)) for span in (traits.width, traits.depth, traits.height))
    return (x, y, z) if rng.random() < 0.5 else (y, x, z)


def _blocks(rng: np.random.Generator, traits: Kind, size: tuple[float, float, float]) -> list[Box]:
    """A pillar, a chimney breast, a corner that is walled off, or a partition."""
    x, y, z = size
    if rng.random() > traits.alcove or min(x, y) < 2.2:
        return []
    shape = int(rng.integers(4))
    if shape == 0:  # a pillar in a corner
        half = rng.uniform(0.12, 0.3, 2)
        centre = np.where(rng.random(2) < 0.5, half, np.array([x, y]) - half)
    elif shape == 1:  # a chimney breast on a wall, which leaves alcoves at its sides
        half = np.array([rng.uniform(0.4, 0.8), rng.uniform(0.1, 0.25)])
        centre = np.array([rng.uniform(0.3, 0.7) * x, half[1] if rng.random() < 0.5 else y - half[1]])
        if rng.random() < 0.5:
            half = half[::-1]
            centre = np.array([half[0] if rng.random() < 0.5 else x - half[0], rng.uniform(0.3, 0.7) * y])
    elif shape == 2:  # a corner walled off: the room is L-shaped
        half = np.array([x, y]) * rng.uniform(0.1, 0.2, 2)
        centre = np.where(rng.random(2) < 0.5, half, np.array([x, y]) - half)
    else:  # a partition that stands out from a wall
        half = np.array([0.06, min(rng.uniform(0.15, 0.22) * y, 1.0)])
        centre = np.array([rng.uniform(0.3, 0.7) * x, half[1] if rng.random() < 0.5 else y - half[1]])
    return [Box(float(centre[0]), float(centre[1]), 0.0, (float(half[0]), float(half[1])), 0.0, z)]


def _ceiling_lamps(room: Furnisher, traits: Kind) -> None:
    """One lamp in a small room, rows of them in a large one."""
    role = room.pick(*traits.lamps)
    x, y, _ = room.plan.size
    reach = 3.2 if role == "ceiling_panel" else 4.5
    columns, rows = max(1, round(x / reach)), max(1, round(y / reach))
    shift = room.rng.normal(0, 0.1, 2)
    for i in range(columns):
        for j in range(rows):
            at = np.array([(i + 0.5) * x / columns, (j + 0.5) * y / rows]) + shift
            room.ceiling(role, float(at[0]), float(at[1]))


def _finishes(room: Furnisher) -> Finishes:
    def finish(surface: Surface) -> Material:
        return room.library.finish(surface, room.kind, room.rng)

    wall = finish("wall")
    return Finishes(wall, finish("wall"), finish("floor"), finish("ceiling"), finish("skirting"))


def _albedo(finishes: Finishes, size: tuple[float, float, float]) -> np.ndarray:
    """float64 (3,): reflectance by area; furniture swallows a little."""
    x, y, z = size
    surfaces = ((finishes.wall, 2 * z * (x + y)), (finishes.floor, x * y), (finishes.ceiling, x * y))
    total = sum(area for _, area in surfaces)
    return 0.85 * np.sum([reflectance(material) * area for material, area in surfaces], 0) / total


def _objects(placed: Placed, off: bool, count: int) -> list[Object]:
    """One object for each class of a model, its main class first; ids go on from `count`."""
    model = switched_off(placed.model) if off else placed.model
    found: dict[int, list[Part]] = {model.label: []}
    for part in model.parts:
        found.setdefault(part.label, []).append(part)
    objects: list[Object] = []
    for label, parts in found.items():
        if parts:
            name = model.name if label in (model.label, 0) else f"{model.name}: {CLASSES[label - 1]}"
            number = count + len(objects) + 1
            objects.append(Object(number, name, label, tuple(parts), placed.pose, model.credit))
    return objects
