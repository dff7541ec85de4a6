"""The layers of a frame as Python draws them, for reports and 3D; `viewer.js` draws the same in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from demo.inspection import Inspection
from deresunet.classes import ClassSet
from deresunet.evaluation.stratified import BOUNDARY_PX, boundary
from deresunet.visualization.boxes import draw_boxes, shown_boxes
from deresunet.visualization.colours import CLASS_KEYS, ERROR_KEYS, Colour, viridis
from deresunet.visualization.depth import colorize_depth, depth_range
from deresunet.visualization.overlays import class_codes, error_codes, overlay, paint_outcomes, paint_values

Layer = Literal["rgb", "depth", "truth", "prediction", "errors", "confidence", "entropy"]
TITLES: dict[Layer, str] = {
    "rgb": "RGB",
    "depth": "Depth",
    "truth": "Ground truth",
    "prediction": "Prediction",
    "errors": "Errors",
    "confidence": "Confidence",
    "entropy": "Entropy",
}


@dataclass(frozen=True)
class Look:
    """Settings of a picture.

    Attributes:
        opacity: opacity of colours over the picture, 0..1.
        classes: the class filter: labels of the class set, or None for all.
        contours: whether classes are painted as contours.
        boxes: whether 3D boxes are drawn over RGB.
    """

    opacity: float = 0.6
    classes: frozenset[int] | None = None
    contours: bool = False
    boxes: bool = False


def missing(inspection: Inspection, layer: Layer) -> str:
    """Why a frame does not have a layer, in a sentence; "" where it has it."""
    if layer == "depth" and depth_range(inspection.depth) is None:
        return "This frame has no depth."
    if layer in ("truth", "errors") and inspection.truth is None:
        return "This frame has no ground truth."
    if layer == "confidence" and not inspection.has_confidence:
        return "These predictions have no stored confidence."
    if layer == "entropy" and not inspection.has_entropy:
        return "These predictions have no stored class probabilities."
    return ""


def draw(inspection: Inspection, layer: Layer, look: Look = Look()) -> np.ndarray:
    """Draw a layer that the frame has (see `missing`), uint8 (h, w, 3); RGB is depth in grey where there is none."""
    background, palette = inspection.background, inspection.class_set.palette
    if layer == "rgb":
        if not look.boxes or not inspection.boxes or inspection.intrinsics is None:
            return background
        return draw_boxes(background, shown_boxes(inspection.boxes, look.classes), inspection.intrinsics, palette)
    if layer == "depth":
        bounds = depth_range(inspection.depth)
        assert inspection.depth is not None
        assert bounds is not None
        return colorize_depth(inspection.depth, *bounds)
    if layer == "confidence":
        return paint_values(background, inspection.probabilities[0], look.opacity)
    if layer == "entropy":
        return paint_values(background, inspection.entropy, look.opacity)
    if layer == "prediction":
        return overlay(background, inspection.label, look.opacity, palette, look.classes, look.contours)
    assert inspection.truth is not None
    if layer == "truth":
        return overlay(background, inspection.truth, look.opacity, palette, look.classes, look.contours)
    if look.classes is None:
        near = boundary(inspection.truth, boundary_px(inspection))
        codes = error_codes(inspection.truth, inspection.label, near)
    else:
        codes = class_codes(inspection.truth, inspection.label, look.classes)
    return paint_outcomes(background, codes, outcome_keys(look), look.opacity)


def boundary_px(inspection: Inspection) -> int:
    """Width of the band around class boundaries [px of the pictures]."""
    return max(1, BOUNDARY_PX // inspection.step)


def outcome_keys(look: Look) -> dict[str, Colour]:
    """Meaning -> colour of the layer of errors."""
    return ERROR_KEYS if look.classes is None else CLASS_KEYS


def layer_keys(layer: Layer, look: Look, classes: ClassSet) -> dict[str, Colour]:
    """Meaning -> colour of a layer; empty for layers of classes, of depth and of RGB."""
    if layer == "errors":
        names = f"{classes.display_name(min(look.classes))} " if look.classes and len(look.classes) == 1 else ""
        return {f"{names}{key}": colour for key, colour in outcome_keys(look).items()}
    if layer not in ("confidence", "entropy"):
        return {}
    colours = (tuple(int(channel) for channel in viridis(np.array(value))) for value in (0.0, 0.5, 1.0))
    return {f"{layer} {end}": colour for end, colour in zip(("0 %", "50 %", "100 %"), colours, strict=True)}  # type: ignore[misc]
