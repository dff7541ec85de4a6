"""A frame's surface as files, and the line that says what it shows."""

from __future__ import annotations

from demo.downloads import download_name, handed_out
from demo.inspection import Inspection
from demo.pointcloud.surface import (
    DEFAULT_FOV,
    MAX_VERTICES,
    back_project,
    box_lines,
    camera_intrinsics,
    to_glb,
    to_ply,
    viewing_distance,
)
from demo.viewer.layers import Layer, Look, draw
from deresunet.errors import InputError
from deresunet.visualization.boxes import shown_boxes

COLOURED_BY: dict[str, Layer] = {
    "RGB": "rgb",
    "ground truth": "truth",
    "prediction": "prediction",
    "errors": "errors",
}


def surface_file(inspection: Inspection, colour: str, look: Look) -> tuple[str, float]:
    """Path of a GLB of the frame's surface in the colours asked for, with its 3D boxes; and a camera's distance [m].

    Raises:
        InputError: the frame has no depth, or no ground truth where the colours need it.
    """
    if inspection.depth is None or not (inspection.depth > 0).any():
        raise InputError("This frame has no depth, so it has no surface. Choose or upload a frame with depth.")
    if inspection.truth is None and colour in ("ground truth", "errors"):
        raise InputError(f"This frame has no ground truth to colour by {colour}. Choose RGB or prediction.")
    picture = draw(inspection, COLOURED_BY[colour], look)
    surface = back_project(inspection.depth, camera_intrinsics(inspection)[0], MAX_VERTICES)
    boxes = box_lines(shown_boxes(inspection.boxes or (), look.classes), inspection.class_set.palette)
    path = handed_out(
        download_name(inspection.file_name, "surface", "glb", inspection.class_set), to_glb(surface, picture, boxes)
    )
    return path, viewing_distance(surface)


def ply_file(inspection: Inspection) -> str:
    """Path of a PLY of the frame's surface at full size, with its colours and classes; the frame has depth."""
    assert inspection.depth is not None
    surface = back_project(inspection.depth, camera_intrinsics(inspection)[0])
    written = to_ply(surface, inspection.background, inspection.label, inspection.truth)
    return handed_out(download_name(inspection.file_name, "points", "ply", inspection.class_set), written)


def surface_note(inspection: Inspection, colour: str, look: Look) -> str:
    """Colours and boxes of the surface, and the intrinsics that it rests on."""
    _, known = camera_intrinsics(inspection)
    camera = "the camera's own intrinsics" if known else f"an assumed field of view of {DEFAULT_FOV:.0f} degrees"
    if inspection.boxes is None:
        boxes = "no 3D boxes are known"
    else:
        boxes = f"{len(shown_boxes(inspection.boxes, look.classes))} 3D boxes of the ground truth"
    return f"Surface from depth and {camera}, coloured by {colour}; {boxes}."
