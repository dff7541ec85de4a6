"""What belongs together looks alike: the fronts and worktops of a kitchen, the curtains of a room."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from train.rooms.scene import Material, Mesh, Model

CABINET, COUNTER, BLINDS, CURTAIN = 3, 12, 13, 16


def area(mesh: Mesh) -> float:
    """Of a mesh's surface [m2]."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(float) for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=-1).sum() / 2)


def main_material(model: Model, label: int) -> Material | None:
    """What most of a model's surface of a class is made of; None where it has none of that class."""
    areas: dict[int, float] = {}
    materials: dict[int, Material] = {}
    for part in model.parts:
        if part.label == label:
            key = id(part.material)
            materials[key] = part.material
            areas[key] = areas.get(key, 0.0) + area(part.mesh)
    return materials[max(areas, key=areas.__getitem__)] if areas else None


@dataclass
class Style:
    """The materials that the first pieces bring; later ones are given the same.

    Handles, plinths, sinks, rods and ovens stay as they are.

    Attributes:
        shared: classes whose main material is shared.
        chosen: that material, by class.
    """

    shared: tuple[int, ...]
    chosen: dict[int, Material] = field(default_factory=dict)

    def dress(self, model: Model) -> Model:
        """The model in the shared look."""
        parts = model.parts
        for label in self.shared:
            own = main_material(model, label)
            if own is None:
                continue
            shared = self.chosen.setdefault(label, own)
            parts = tuple(replace(part, material=shared) if part.material is own else part for part in parts)
        return replace(model, parts=parts)
