"""What layout needs of a library of furniture: `library.py` has it, and so has a stand-in for tests."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from train.rooms.scene import Material, Model

Size = tuple[float | None, float | None, float | None]
Surface = Literal["wall", "floor", "ceiling", "skirting"]


class Furniture(Protocol):
    """What layout needs of a library of furniture."""

    def build(self, role: str, rng: np.random.Generator, size: Size | None = None) -> Model:
        """A model for a role; `size` is the width, depth and height wanted [m], None where free."""

    def roles(self) -> tuple[str, ...]:
        """The roles that there are."""

    def finish(self, surface: Surface, kind: str, rng: np.random.Generator) -> Material:
        """A material for a surface of a room of that kind."""
