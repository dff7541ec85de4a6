"""The 3D view's file and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demo.downloads import handed_out
from demo.inspect.panels import Look, error_picture, prediction_picture, truth_picture
from demo.inspection import Inspection
from demo.pointcloud.cloud import DEFAULT_FOV, back_project, box_segments, camera_intrinsics, to_glb, to_ply
from deresunet.errors import InputError

# Points are small, so their colours are stronger than those over a picture.
_OPACITY = 0.85
CLOUD_COLOURS: dict[str, Callable[[Inspection, int | None], np.ndarray]] = {
    "RGB": lambda inspection, only: inspection.background,
    "ground truth": lambda inspection, only: truth_picture(inspection, Look(_OPACITY, only)),
    "prediction": lambda inspection, only: prediction_picture(inspection, Look(_OPACITY, only)),
    "right and wrong": lambda inspection, only: error_picture(inspection, only, _OPACITY),
}


def cloud_file(inspection: Inspection, colour: str, only: int | None) -> str:
    """Path of a GLB of the frame's points, coloured as asked, with its boxes.

    Raises:
        InputError: the frame has no depth, or no ground truth where the colour needs it.
    """
    if inspection.depth is None or not (inspection.depth > 0).any():
        raise InputError("This frame has no depth, so there is nothing to show in 3D. Choose or bring one with depth.")
    if inspection.truth is None and colour in ("ground truth", "right and wrong"):
        raise InputError(f"This frame has no ground truth to colour by {colour}. Choose RGB or prediction.")
    picture = CLOUD_COLOURS[colour](inspection, only)
    points = back_project(inspection.depth, camera_intrinsics(inspection)[0])
    lines = None if inspection.boxes is None else box_segments(inspection.boxes, only)
    return handed_out("frame.glb", to_glb(points, picture, lines))


def points_file(inspection: Inspection) -> str:
    """Path of a PLY of the frame's points, with their colours and classes; the frame has depth."""
    assert inspection.depth is not None
    points = back_project(inspection.depth, camera_intrinsics(inspection)[0])
    return handed_out("points.ply", to_ply(points, inspection.background, inspection.label, inspection.truth))


def cloud_note(inspection: Inspection, colour: str, only: int | None) -> str:
    """What the view shows and what it rests on."""
    _, known = camera_intrinsics(inspection)
    camera = "the camera's own intrinsics" if known else f"an assumed field of view of {DEFAULT_FOV:.0f} degrees"
    if inspection.boxes is None:
        boxes = "no 3D boxes are known"
    else:
        shown = len(box_segments(inspection.boxes, only)[0]) // 24
        boxes = f"{shown} 3D boxes of the ground truth"
    return f"Points from depth and {camera}, coloured by {colour}; {boxes}."
