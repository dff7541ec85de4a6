"""Inspection -> the pictures of the Inspect tab, as the controls ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from demo.inspection import Inspection
from deresunet.classes import DISPLAY_NAMES
from deresunet.evaluation.stratified import BOUNDARY_PX, boundary
from deresunet.visualization.boxes import draw_boxes, shown_boxes
from deresunet.visualization.colours import CLASS_KEYS, ERROR_KEYS, Colour, viridis
from deresunet.visualization.depth import colorize_depth, depth_range
from deresunet.visualization.overlays import (
    class_codes,
    error_codes,
    hatched,
    mark,
    overlay,
    paint_outcomes,
    paint_values,
)

Overlay = Literal["classes", "errors", "confidence", "entropy"]
OVERLAYS: tuple[Overlay, ...] = ("classes", "errors", "confidence", "entropy")


@dataclass(frozen=True)
class Look:
    """Settings of the pictures; changing them never runs the network.

    Attributes:
        opacity: opacity of colours over the picture, 0..1.
        classes: the class filter: classes 1..37, or None for all.
        overlay: what is painted over the prediction's picture.
        point: row and column that is marked, or None.
        contours: whether classes are painted as contours.
        boxes: whether 3D boxes are drawn over RGB.
    """

    opacity: float = 0.6
    classes: frozenset[int] | None = None
    overlay: Overlay = "classes"
    point: tuple[int, int] | None = None
    contours: bool = False
    boxes: bool = False


def panels(inspection: Inspection, look: Look) -> list[np.ndarray]:
    """RGB, depth, ground truth and prediction, each uint8 (h, w, 3), with the marked point."""
    pictures = [
        rgb_picture(inspection, look),
        depth_picture(inspection),
        truth_picture(inspection, look),
        prediction_picture(inspection, look),
    ]
    return [mark(picture, look.point) for picture in pictures]


def rgb_picture(inspection: Inspection, look: Look) -> np.ndarray:
    """RGB (depth in grey where there is none), with the frame's 3D boxes where the look asks for them."""
    if not look.boxes or not inspection.boxes or inspection.intrinsics is None:
        return inspection.background
    return draw_boxes(inspection.background, shown_boxes(inspection.boxes, look.classes), inspection.intrinsics)


def depth_picture(inspection: Inspection) -> np.ndarray:
    """Depth in colours over its own range; hatched where there is none."""
    bounds = depth_range(inspection.depth)
    if inspection.depth is None or bounds is None:
        return _nothing(inspection)
    return colorize_depth(inspection.depth, *bounds)


def truth_picture(inspection: Inspection, look: Look) -> np.ndarray:
    """Ground truth over the frame; hatched where there is none."""
    if inspection.truth is None:
        return _nothing(inspection)
    palette = inspection.class_set.palette
    return overlay(inspection.background, inspection.truth, look.opacity, look.classes, look.contours, palette)


def prediction_picture(inspection: Inspection, look: Look) -> np.ndarray:
    """The prediction under the look's overlay; hatched where that needs ground truth and there is none."""
    if look.overlay == "errors":
        return error_picture(inspection, look)
    if look.overlay == "classes":
        palette = inspection.class_set.palette
        return overlay(inspection.background, inspection.label, look.opacity, look.classes, look.contours, palette)
    if not (inspection.has_confidence if look.overlay == "confidence" else inspection.has_entropy):
        return _nothing(inspection)
    values = inspection.probabilities[0] if look.overlay == "confidence" else inspection.entropy
    return paint_values(inspection.background, values, look.opacity)


def error_picture(inspection: Inspection, look: Look) -> np.ndarray:
    """Correct and wrong pixels over the grey frame, of all classes or of the filter's; void stays grey."""
    if inspection.truth is None:
        return _nothing(inspection)
    if look.classes is None:
        near = boundary(inspection.truth, max(1, BOUNDARY_PX // inspection.step))
        codes, keys = error_codes(inspection.truth, inspection.label, near), ERROR_KEYS
    else:
        codes, keys = class_codes(inspection.truth, inspection.label, look.classes), CLASS_KEYS
    return paint_outcomes(inspection.background, codes, keys, look.opacity)


def overlay_keys(look: Look) -> dict[str, Colour]:
    """Meaning -> colour of what is painted over the prediction, where that is not classes."""
    if look.overlay == "errors":
        if look.classes is None:
            return ERROR_KEYS
        names = f"{DISPLAY_NAMES[min(look.classes) - 1]} " if len(look.classes) == 1 else ""
        return {f"{names}{key}": colour for key, colour in CLASS_KEYS.items()}
    if look.overlay == "classes":
        return {}
    ends = ("0 %", "50 %", "100 %")
    colours = (tuple(int(channel) for channel in viridis(np.array(value))) for value in (0.0, 0.5, 1.0))
    return {f"{look.overlay} {end}": colour for end, colour in zip(ends, colours, strict=True)}  # type: ignore[misc]


def _nothing(inspection: Inspection) -> np.ndarray:
    return hatched(*inspection.background.shape[:2])
