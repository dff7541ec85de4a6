"""A frame in 3D: points from depth and intrinsics, boxes as lines, as GLB for the page and as PLY to take away."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from demo.inspection import Inspection
from deresunet.data.frame import OrientedBox
from deresunet.data.sunrgbd.boxes import EDGES
from deresunet.visualization.boxes import box_colour

# Horizontal field of view [degrees] that is assumed, and said, where the camera's intrinsics are not known; between
# Kinect v1 (57) and Kinect v2 (70).
DEFAULT_FOV = 60.0
# 16 bytes a point keep a file under 5.2 MB.
MAX_POINTS = 320_000

FLOAT, UNSIGNED_BYTE = 5126, 5121  # glTF's names of component types
POINTS, LINES = 0, 1  # glTF's primitive modes


@dataclass(frozen=True)
class Cloud:
    """Points in glTF's frame: x right, y up, z towards the viewer; metres.

    Attributes:
        positions: float32 (N, 3) [m].
        rows: int64 (N,): row of each point in the pictures.
        columns: int64 (N,): its column.
    """

    positions: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def camera_intrinsics(inspection: Inspection) -> tuple[np.ndarray, bool]:
    """Intrinsics float64 (3, 3) [px] of the pictures, and whether they are known or assumed."""
    if inspection.intrinsics is not None:
        return inspection.intrinsics, True
    height, width = inspection.background.shape[:2]
    focal = width / 2 / math.tan(math.radians(DEFAULT_FOV / 2))
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]]), False


def back_project(depth: np.ndarray, intrinsics: np.ndarray) -> Cloud:
    """Measured pixels as points; every n-th pixel where there are more than `MAX_POINTS`.

    Args:
        depth: float32 (h, w), planar depth [m], 0 where missing.
        intrinsics: float64 (3, 3) [px].
    """
    rows, columns = np.nonzero(depth > 0)
    step = math.ceil(math.sqrt(len(rows) / MAX_POINTS)) if len(rows) else 1
    if step > 1:
        kept = (rows % step == 0) & (columns % step == 0)
        rows, columns = rows[kept], columns[kept]
    z = depth[rows, columns].astype(np.float64)
    x = (columns - intrinsics[0, 2]) / intrinsics[0, 0] * z
    y = (rows - intrinsics[1, 2]) / intrinsics[1, 1] * z
    return Cloud(np.stack([x, -y, -z], 1).astype(np.float32), rows, columns)


def box_segments(boxes: Iterable[OrientedBox]) -> tuple[np.ndarray, np.ndarray]:
    """Edges of boxes in glTF's frame: ends float32 (2M, 3) [m] and colours uint8 (2M, 3)."""
    ends, colours = [], []
    for box in boxes:
        corners = box.corners() * (1, -1, -1)
        ends.append(corners[np.array(EDGES)].reshape(-1, 3))
        colours.append(np.repeat(box_colour(box)[None], 2 * len(EDGES), 0))
    if not ends:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8)
    return np.concatenate(ends).astype(np.float32), np.concatenate(colours).astype(np.uint8)


def to_glb(cloud: Cloud, picture: np.ndarray, lines: tuple[np.ndarray, np.ndarray] | None = None) -> bytes:
    """A binary glTF 2.0 file (https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html) of points and lines.

    Args:
        cloud: the points.
        picture: uint8 (h, w, 3): their colours, in sRGB.
        lines: ends float32 (2M, 3) [m] and colours uint8 (2M, 3), or None.
    """
    parts = [(cloud.positions, picture[cloud.rows, cloud.columns], POINTS)]
    if lines is not None and len(lines[0]):
        parts.append((*lines, LINES))
    buffer = bytearray()
    views: list[dict[str, int]] = []
    accessors: list[dict[str, object]] = []
    meshes: list[dict[str, object]] = []
    for positions, colours, mode in parts:
        first = len(accessors)
        extent = {"min": positions.min(0).tolist(), "max": positions.max(0).tolist()} if len(positions) else {}
        rgba = np.concatenate([_linear(colours), np.full((len(colours), 1), 255, np.uint8)], 1)
        for array, described in (
            (positions, {"componentType": FLOAT, "type": "VEC3", **extent}),
            (rgba, {"componentType": UNSIGNED_BYTE, "type": "VEC4", "normalized": True}),
        ):
            raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
            accessors.append({"bufferView": len(views), "count": len(array), **described})
            views.append({"buffer": 0, "byteOffset": len(buffer), "byteLength": len(raw)})
            buffer += raw
        attributes = {"POSITION": first, "COLOR_0": first + 1}
        meshes.append({"primitives": [{"attributes": attributes, "mode": mode, "material": 0}]})
    scene = {
        "asset": {"version": "2.0", "generator": "DeResUNet"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(meshes)))}],
        "nodes": [{"mesh": index} for index in range(len(meshes))],
        # Unlit: colours mean classes and must not be shaded.
        "extensionsUsed": ["KHR_materials_unlit"],
        "materials": [{"extensions": {"KHR_materials_unlit": {}}}],
        "meshes": meshes,
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(buffer)}],
    }
    text = json.dumps(scene, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(buffer), 0x004E4942) + buffer
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks


def to_ply(cloud: Cloud, picture: np.ndarray, label: np.ndarray, truth: np.ndarray | None) -> bytes:
    """A binary PLY file of the points: x, y, z [m], red, green, blue, predicted class, and true class where known."""
    fields = [*((axis, "<f4") for axis in "xyz"), *((c, "u1") for c in ("red", "green", "blue")), ("prediction", "u1")]
    if truth is not None:
        fields.append(("ground_truth", "u1"))
    points = np.empty(len(cloud.positions), np.dtype(fields))
    for index, axis in enumerate("xyz"):
        points[axis] = cloud.positions[:, index]
    for index, channel in enumerate(("red", "green", "blue")):
        points[channel] = picture[cloud.rows, cloud.columns, index]
    points["prediction"] = label[cloud.rows, cloud.columns]
    if truth is not None:
        points["ground_truth"] = truth[cloud.rows, cloud.columns]
    names = {"<f4": "float", "u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", "comment DeResUNet; metres; x right, y up, z to the viewer"]
    header += [f"element vertex {len(points)}", *(f"property {names[kind]} {name}" for name, kind in fields)]
    return "\n".join([*header, "end_header", ""]).encode() + points.tobytes()


def _linear(colours: np.ndarray) -> np.ndarray:
    """SRGB uint8 to the linear uint8 that glTF's vertex colours are."""
    place = np.arange(256) / 255.0
    table = np.where(place <= 0.04045, place / 12.92, ((place + 0.055) / 1.055) ** 2.4)
    return (table * 255 + 0.5).astype(np.uint8)[colours]
