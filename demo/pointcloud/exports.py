"""A frame's point cloud as files, and the line that says what it shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demo.downloads import download_name, handed_out
from demo.inspect.panels import Look, error_picture, prediction_picture, truth_picture
from demo.inspection import Inspection
from demo.pointcloud.cloud import DEFAULT_FOV, back_project, box_segments, camera_intrinsics, to_glb, to_ply
from deresunet.errors import InputError
from deresunet.visualization.boxes import shown_boxes

# Points are small, so their colours are stronger than those over a picture.
_OPACITY = 0.85
CLOUD_COLOURS: dict[str, Callable[[Inspection, Look], np.ndarray]] = {
    "RGB": lambda inspection, look: inspection.background,
    "ground truth": truth_picture,
    "prediction": prediction_picture,
    "errors": error_picture,
}


def cloud_file(inspection: Inspection, colour: str, classes: frozenset[int] | None) -> str:
    """Path of a GLB of the frame's points in the colours asked for, with its 3D boxes.

    Raises:
        InputError: the frame has no depth, or no ground truth where the colours need it.
    """
    if inspection.depth is None or not (inspection.depth > 0).any():
        raise InputError("This frame has no depth, so it has no point cloud. Choose or upload a frame with depth.")
    if inspection.truth is None and colour in ("ground truth", "errors"):
        raise InputError(f"This frame has no ground truth to colour by {colour}. Choose RGB or prediction.")
    picture = CLOUD_COLOURS[colour](inspection, Look(_OPACITY, classes))
    points = back_project(inspection.depth, camera_intrinsics(inspection)[0])
    lines = None if inspection.boxes is None else box_segments(shown_boxes(inspection.boxes, classes))
    return handed_out(download_name(inspection.file_name, "points", "glb"), to_glb(points, picture, lines))


def points_file(inspection: Inspection) -> str:
    """Path of a PLY of the frame's points, with their colours and classes; the frame has depth."""
    assert inspection.depth is not None
    points = back_project(inspection.depth, camera_intrinsics(inspection)[0])
    written = to_ply(points, inspection.background, inspection.label, inspection.truth)
    return handed_out(download_name(inspection.file_name, "points", "ply"), written)


def cloud_note(inspection: Inspection, colour: str, classes: frozenset[int] | None) -> str:
    """Colours and boxes of the point cloud, and the intrinsics that it rests on."""
    _, known = camera_intrinsics(inspection)
    camera = "the camera's own intrinsics" if known else f"an assumed field of view of {DEFAULT_FOV:.0f} degrees"
    if inspection.boxes is None:
        boxes = "no 3D boxes are known"
    else:
        boxes = f"{len(shown_boxes(inspection.boxes, classes))} 3D boxes of the ground truth"
    return f"Points from depth and {camera}, coloured by {colour}; {boxes}."
