"""3D boxes of SUN RGB-D: from `annotation3Dfinal` into the camera's frame, and from there into the image.

The annotation is in a frame whose vertical axis is gravity's: x right, y down, z forward; the extrinsics turn the
camera's frame into it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deresunet.data.frame import OrientedBox
from deresunet.data.sunrgbd.polygons import class_of
from deresunet.errors import InputError

# Edges of a box between the corners of `OrientedBox.corners`: those whose numbers differ in one bit.
EDGES = tuple((k, k | 1 << axis) for k in range(8) for axis in range(3) if not k >> axis & 1)
# What is nearer to the camera's plane than this is cut off before it is projected [m].
NEAR_M = 0.05


def parse_boxes(described: Any, tilt: np.ndarray, where: str) -> tuple[OrientedBox, ...]:
    """The boxes of an `annotation3Dfinal/index.json`, in the camera's frame.

    Args:
        described: the parsed JSON.
        tilt: float64 (3, 3), the extrinsics' rotation from the camera's frame into the upright one.
        where: the file, for the error's text.

    Raises:
        InputError: the file is not of that layout.
    """
    boxes: list[OrientedBox | None] = []
    try:
        for item in described.get("objects") or []:
            outlines = item.get("polygon") if item else None
            for outline in [outlines] if isinstance(outlines, dict) else outlines or []:
                if outline:
                    boxes.append(_upright_box(str(item.get("name") or ""), outline, tilt))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{where} is not SUN RGB-D's annotation of boxes ({type(error).__name__}: {error}). "
            "Expected objects with a name and a polygon of X, Z, Ymin and Ymax."
        ) from error
    return tuple(box for box in boxes if box is not None)


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Points (..., 3) [m] of the camera's frame in the image: float64 (..., 2) [px]; NaN behind the camera."""
    depth = points[..., 2:]
    scaled = points @ intrinsics.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(depth > 0, scaled[..., :2] / scaled[..., 2:], np.nan)


def box_lines(box: OrientedBox, intrinsics: np.ndarray) -> list[np.ndarray]:
    """A box's edges in the image, each float64 (2, 2) [px]; what lies behind the camera is cut off."""
    corners = box.corners()
    lines = []
    for a, b in EDGES:
        start, end = corners[a], corners[b]
        if max(start[2], end[2]) <= NEAR_M:
            continue
        if min(start[2], end[2]) < NEAR_M:
            cut = start + (end - start) * ((NEAR_M - start[2]) / (end[2] - start[2]))
            start, end = (cut, end) if start[2] < NEAR_M else (start, cut)
        lines.append(project(np.stack([start, end]), intrinsics))
    return lines


def _upright_box(name: str, outline: dict[str, Any], tilt: np.ndarray) -> OrientedBox | None:
    """The box over a ground outline, laid along its longest side; None for an outline that encloses nothing."""
    ground = np.stack([np.array(outline[axis], np.float64) for axis in ("X", "Z")], -1)  # (N, 2)
    low, high = sorted((float(outline["Ymin"]), float(outline["Ymax"])))
    sides = np.roll(ground, -1, axis=0) - ground
    lengths = np.linalg.norm(sides, axis=1)
    if len(ground) < 3 or not lengths.max() > 0:
        return None
    x, z = sides[lengths.argmax()] / lengths.max()
    axes = np.array([[x, z], [-z, x]])
    along = ground @ axes.T
    half = (along.max(0) - along.min(0)) / 2
    centre = (along.max(0) + along.min(0)) / 2 @ axes
    upright = np.array([[x, 0.0, z], [0.0, 1.0, 0.0], [-z, 0.0, x]])
    # An upright vector is `tilt` times the camera's, so a row of upright ones times `tilt` is the camera's.
    return OrientedBox(
        label=class_of(name),
        name=name,
        centroid=np.array([centre[0], (low + high) / 2, centre[1]]) @ tilt,
        basis=upright @ tilt,
        half=np.array([half[0], (high - low) / 2, half[1]]),
    )
