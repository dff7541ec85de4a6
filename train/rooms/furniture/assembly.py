"""What every piece is put together with: geometry goes in by material and class, a `Model` comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from deresunet.classes import CLASSES, VOID
from train.rooms import meshes
from train.rooms.scene import Credit, Material, Mesh, Model, Mounting, Part, Support

LABEL = {"void": VOID, **{name: label for label, name in enumerate(CLASSES, 1)}}
OWN = Credit("built here", "MIT")

Size = tuple[float | None, float | None, float | None]
FREE: Size = (None, None, None)


def measure(size: Size, rng: np.random.Generator, *ranges: tuple[float, float]) -> list[float]:
    """Width, depth and height [m]: what is wanted, or drawn from (low, high) where that is left free."""
    return [
        float(rng.uniform(low, high)) if wanted is None else float(wanted)
        for wanted, (low, high) in zip(size, ranges, strict=True)
    ]


@dataclass(frozen=True)
class _Box:
    size: Sequence[float]
    centre: Sequence[float]
    bevel: float
    turn: np.ndarray | None


class Assembly:
    """A piece in the making.

    Attributes:
        label: class of whatever is added without one of its own, 0..37.
    """

    def __init__(self, label: str):
        self.label = LABEL[label]
        self._boxes: dict[tuple[int, int], list[_Box]] = {}
        self._meshes: dict[tuple[int, int], list[Mesh]] = {}
        self._materials: dict[int, Material] = {}
        self._supports: list[Support] = []

    def _key(self, material: Material, label: str | None) -> tuple[int, int]:
        self._materials[id(material)] = material
        return id(material), self.label if label is None else LABEL[label]

    def box(
        self,
        material: Material,
        size: Sequence[float],
        centre: Sequence[float],
        label: str | None = None,
        bevel: float = 0.003,
        turn: np.ndarray | None = None,
    ) -> None:
        """Add a box; `turn` (3, 3) rotates it about its centre."""
        if min(size) > 0:
            self._boxes.setdefault(self._key(material, label), []).append(_Box(size, centre, bevel, turn))

    def add(
        self,
        mesh: Mesh,
        material: Material,
        at: Sequence[float] = (0.0, 0.0, 0.0),
        label: str | None = None,
        turn: np.ndarray | None = None,
        scale: object = None,
    ) -> None:
        """Add a mesh: scaled, turned (3, 3), then moved to `at` [m]."""
        self._meshes.setdefault(self._key(material, label), []).append(meshes.moved(mesh, at, turn, scale))

    def insert(self, model: Model, at: Sequence[float] = (0.0, 0.0, 0.0), turn: np.ndarray | None = None) -> None:
        """Add all of another piece, its parts with their own classes."""
        for part in model.parts:
            key = id(part.material), part.label
            self._materials[id(part.material)] = part.material
            self._meshes.setdefault(key, []).append(meshes.moved(part.mesh, at, turn))

    def support(self, low: Sequence[float], high: Sequence[float], z: float, room: float = 0.6) -> None:
        """Small things may stand on this rectangle."""
        if high[0] - low[0] > 0.05 and high[1] - low[1] > 0.05:
            self._supports.append(Support((float(low[0]), float(low[1])), (float(high[0]), float(high[1])), z, room))

    def _parts(self) -> Iterable[Part]:
        for key in dict.fromkeys([*self._boxes, *self._meshes]):
            material = self._materials[key[0]]
            pieces = list(self._meshes.get(key, ()))
            plain = [item for item in self._boxes.get(key, ()) if item.bevel <= 0]
            round_edged = [item for item in self._boxes.get(key, ()) if item.bevel > 0]
            for group in (plain, round_edged):
                if group:
                    turns = None
                    if any(item.turn is not None for item in group):
                        turns = np.stack([np.eye(3) if item.turn is None else item.turn for item in group])
                    pieces.append(
                        meshes.boxes(
                            np.array([item.size for item in group]),
                            np.array([item.centre for item in group]),
                            turns,
                            np.array([item.bevel for item in group]),
                        )
                    )
            yield Part(meshes.join(pieces), material, key[1])

    def model(
        self,
        name: str,
        mounting: Mounting = "floor",
        clearance: float = 0.0,
        size: Size = FREE,
        main: int | None = None,
    ) -> Model:
        """The finished piece: its origin where the mounting wants it, stretched to exactly what `size` asks for.

        Args:
            name: for people.
            mounting: on the floor or a surface: footprint about the origin, z from 0; on a wall: back at y = 0,
                z from 0; from the ceiling: footprint about the origin, z up to 0.
            clearance: free depth in front [m].
            size: wanted width, depth, height [m].
            main: its main class where that is not the assembly's own.
        """
        model = Model(
            name,
            self.label if main is None else main,
            tuple(self._parts()),
            OWN,
            mounting,
            clearance,
            tuple(self._supports),
        )
        return seated(model, size)


def seated(model: Model, size: Size = FREE) -> Model:
    """A model moved to the origin its mounting wants, and stretched to the wanted size [m] where one is given."""
    low, high = model.bounds
    extent = np.maximum(high - low, 1e-6)
    scale = np.array([1.0 if want is None else want / have for want, have in zip(size, extent, strict=True)])
    low, high = low * scale, high * scale
    shift = -np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    if model.mounting == "wall":
        shift[1] = -high[1]
    elif model.mounting == "ceiling":
        shift[2] = -high[2]
    unscaled = np.abs(scale - 1).max() <= 1e-5 + 1e-8
    if unscaled and np.abs(shift).max() <= 1e-6:
        return model
    stretch = None if unscaled else scale
    parts = tuple(replace(part, mesh=meshes.moved(part.mesh, shift, scale=stretch)) for part in model.parts)
    supports = tuple(
        Support(
            (item.low[0] * scale[0] + shift[0], item.low[1] * scale[1] + shift[1]),
            (item.high[0] * scale[0] + shift[0], item.high[1] * scale[1] + shift[1]),
            item.z * scale[2] + shift[2],
            item.room,
        )
        for item in model.supports
    )
    return replace(model, parts=parts, supports=supports)
