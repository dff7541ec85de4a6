"""A frame in 3D: its depth as a triangulated grid, cut where depth jumps, and its boxes as lines."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from trimesh.path import Path3D
from trimesh.path.entities import Line

from demo.inspection import Inspection
from deresunet.data.frame import OrientedBox
from deresunet.data.sunrgbd.boxes import EDGES
from deresunet.visualization.boxes import box_colour

# Horizontal field of view [degrees] that is assumed, and said, where the camera's intrinsics are not known; between
# Kinect v1 (57) and Kinect v2 (70).
DEFAULT_FOV = 60.0
# About 40 bytes each keep the page's file near 4 MB.
MAX_VERTICES = 100_000
# A triangle is left out whose depths differ by more than this share of the nearest, for each pixel that it spans: a
# jump from one object to the next. The floor of a room, seen at its flattest, changes by about 1 % a pixel.
_JUMP = 0.03


@dataclass(frozen=True)
class Surface:
    """Measured pixels as vertices in glTF's frame: x right, y up, z towards the viewer; metres.

    Attributes:
        positions: float32 (N, 3) [m].
        faces: int64 (M, 3): vertices of each triangle.
        rows: int64 (N,): row of each vertex in the pictures.
        columns: int64 (N,): its column.
    """

    positions: np.ndarray
    faces: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    def mesh(self, picture: np.ndarray, **attributes: np.ndarray) -> trimesh.Trimesh:
        """As a mesh with the colours of a picture uint8 (h, w, 3), and with values (h, w) for each vertex."""
        at = self.rows, self.columns
        colours = np.concatenate([picture[at], np.full((len(self.rows), 1), 255, np.uint8)], 1)
        values = {name: plane[at] for name, plane in attributes.items()}
        return trimesh.Trimesh(
            self.positions, self.faces, vertex_colors=colours, vertex_attributes=values, process=False, validate=False
        )


def camera_intrinsics(inspection: Inspection) -> tuple[np.ndarray, bool]:
    """Intrinsics float64 (3, 3) [px] of the pictures, and whether they are known or assumed."""
    if inspection.intrinsics is not None:
        return inspection.intrinsics, True
    height, width = inspection.background.shape[:2]
    focal = width / 2 / math.tan(math.radians(DEFAULT_FOV / 2))
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]]), False


def back_project(depth: np.ndarray, intrinsics: np.ndarray, most: int | None = None) -> Surface:
    """The surface of a depth map.

    Args:
        depth: float32 (h, w), planar depth [m], 0 where missing.
        intrinsics: float64 (3, 3) [px].
        most: vertices at most: every n-th pixel where the map has more.
    """
    step = 1 if most is None else max(1, math.ceil(math.sqrt(depth.size / most)))
    z = depth[::step, ::step].astype(np.float64)
    there = z > 0
    rows, columns = np.nonzero(there)
    number = np.full(z.shape, -1)
    number[rows, columns] = np.arange(len(rows))
    # Two triangles between four neighbours.
    corners = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    faces = np.concatenate(
        [np.stack([corners[k] for k in three], -1).reshape(-1, 3) for three in ((0, 2, 1), (1, 2, 3))]
    )
    faces = faces[(faces >= 0).all(1)]
    depths = z[rows, columns]
    near, far = depths[faces].min(1), depths[faces].max(1)
    faces = faces[far - near <= _JUMP * step * near]
    x = (columns * step - intrinsics[0, 2]) / intrinsics[0, 0] * depths
    y = (rows * step - intrinsics[1, 2]) / intrinsics[1, 1] * depths
    return Surface(np.stack([x, -y, -depths], 1).astype(np.float32), faces, rows * step, columns * step)


def box_lines(boxes: Iterable[OrientedBox], palette: np.ndarray) -> Path3D | None:
    """Edges of boxes in glTF's frame, in the colours of a palette uint8 (N + 1, 3); None where there are no boxes."""
    corners, edges = [], []
    for number, box in enumerate(boxes):
        corners.append(box.corners() * (1, -1, -1))
        colour = [*box_colour(box, palette).tolist(), 255]
        edges += [Line([8 * number + a, 8 * number + b], color=colour) for a, b in EDGES]  # type: ignore[no-untyped-call]
    return Path3D(entities=edges, vertices=np.concatenate(corners), process=False) if corners else None


def to_glb(surface: Surface, picture: np.ndarray, boxes: Path3D | None = None) -> bytes:
    """A surface as a binary glTF 2.0 file, in the colours of a picture uint8 (h, w, 3), with the edges of boxes."""
    parts = [surface.mesh(_linear(picture)), *([] if boxes is None else [boxes])]
    written: bytes = trimesh.Scene(parts).export(file_type="glb", tree_postprocessor=_unlit)  # type: ignore[no-untyped-call]
    return written


def to_ply(surface: Surface, picture: np.ndarray, label: np.ndarray, truth: np.ndarray | None) -> bytes:
    """A surface as a binary PLY file with colours, predicted classes, and true classes where they are known."""
    classes = {"prediction": label, **({} if truth is None else {"ground_truth": truth})}
    written = surface.mesh(picture, **classes).export(file_type="ply")
    assert isinstance(written, bytes)
    return written


def viewing_distance(surface: Surface) -> float:
    """Distance [m] from its middle at which a camera (0.8 rad upright, twice as wide) sees all of a surface."""
    if not len(surface.positions):
        return 1.0
    width, height, depth = np.ptp(surface.positions, 0)
    return float(max(height, width / 2) / 2 / math.tan(0.4) + depth / 2)


def _unlit(tree: dict[str, Any]) -> None:
    """Have colours shown as they are, since they mean classes: KHR_materials_unlit, seen from both sides."""
    tree["materials"] = [{"extensions": {"KHR_materials_unlit": {}}, "doubleSided": True}]
    tree["extensionsUsed"] = ["KHR_materials_unlit"]
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["material"] = 0


def _linear(colours: np.ndarray) -> np.ndarray:
    """SRGB uint8 to the linear uint8 that glTF's vertex colours are."""
    place = np.arange(256) / 255.0
    table = np.where(place <= 0.04045, place / 12.92, ((place + 0.055) / 1.055) ** 2.4)
    return (table * 255 + 0.5).astype(np.uint8)[colours]
