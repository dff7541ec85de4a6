"""Inspection -> pictures, in NumPy: the four panels and the wipe, under one look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from demo.inspection import Inspection
from deresunet.classes import DISPLAY_NAMES
from deresunet.evaluation.stratified import BOUNDARY_PX, boundary
from deresunet.visualization.overlays import colorize_depth, overlay, paint, viridis

View = Literal["classes", "errors", "confidence", "entropy"]
VIEWS: dict[View, str] = {
    "classes": "classes",
    "errors": "right and wrong",
    "confidence": "confidence",
    "entropy": "uncertainty",
}

Colour = tuple[int, int, int]
# What becomes of a pixel has one colour, on the whole page and in all reports. They are told apart by colour-blind
# people too (Okabe and Ito 2008, https://jfly.uni-koeln.de/color/).
RIGHT: Colour = (86, 180, 233)
WRONG_AT_BOUNDARY: Colour = (240, 228, 66)
WRONG: Colour = (213, 94, 0)
FOUND: Colour = (0, 114, 178)
FALSE_ALARM: Colour = (230, 159, 0)
MISSED: Colour = (204, 121, 167)
# Of all classes, and of one.
ERROR_KEYS: dict[str, Colour] = {
    "right": RIGHT,
    f"wrong within {BOUNDARY_PX} px of a boundary": WRONG_AT_BOUNDARY,
    "wrong inside": WRONG,
}
CLASS_KEYS: dict[str, Colour] = {"found": FOUND, "false alarm": FALSE_ALARM, "missed": MISSED}


@dataclass(frozen=True)
class Look:
    """How a visitor looks at a frame; changing it never runs the network.

    Attributes:
        opacity: of colours over the picture, 0..1.
        only: a class 1..37 that is looked at alone, or None for all.
        view: what the prediction's panel shows.
        point: row and column that is marked, or None.
    """

    opacity: float = 0.6
    only: int | None = None
    view: View = "classes"
    point: tuple[int, int] | None = None


def panels(inspection: Inspection, look: Look) -> list[np.ndarray]:
    """RGB, depth, ground truth and prediction, each uint8 (h, w, 3), with the marked point."""
    pictures = [
        inspection.background,
        depth_picture(inspection),
        truth_picture(inspection, look),
        prediction_picture(inspection, look),
    ]
    return [mark(picture, look.point) for picture in pictures]


def depth_picture(inspection: Inspection) -> np.ndarray:
    """Depth in colours over its own range; hatched where there is none."""
    bounds = depth_bounds(inspection)
    if inspection.depth is None or bounds is None:
        return _hatched(inspection.background)
    return colorize_depth(inspection.depth, *bounds)


def truth_picture(inspection: Inspection, look: Look) -> np.ndarray:
    """Ground truth over the frame; hatched where there is none."""
    if inspection.truth is None:
        return _hatched(inspection.background)
    return overlay(inspection.background, inspection.truth, look.opacity, look.only)


def prediction_picture(inspection: Inspection, look: Look) -> np.ndarray:
    """The prediction under the look's view; hatched where the view needs ground truth and there is none."""
    if look.view == "errors":
        return error_picture(inspection, look.only, look.opacity)
    if look.view == "classes":
        return overlay(inspection.background, inspection.label, look.opacity, look.only)
    sure = inspection.probabilities[0] if look.view == "confidence" else inspection.entropy
    codes = (sure.astype(np.float32) * 255).astype(np.uint8)
    opacities = np.full(256, look.opacity)
    return paint(_greyed(inspection.background), codes, viridis(np.linspace(0, 1, 256)), opacities)


def wipe_pictures(inspection: Inspection, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """What the wipe lies between: ground truth (the bare frame where there is none) and prediction."""
    left = inspection.background if inspection.truth is None else truth_picture(inspection, look)
    return mark(left, look.point), mark(prediction_picture(inspection, look), look.point)


def error_picture(inspection: Inspection, only: int | None, opacity: float) -> np.ndarray:
    """Right and wrong pixels over the greyed frame: of all classes, or of one; void pixels stay grey."""
    if inspection.truth is None:
        return _hatched(inspection.background)
    keys = np.array([(0, 0, 0), *(ERROR_KEYS if only is None else CLASS_KEYS).values()], np.uint8)
    codes = error_codes(inspection.truth, inspection.label, only, max(1, BOUNDARY_PX // inspection.step))
    return paint(_greyed(inspection.background), codes, keys, np.array([0.0, *[opacity] * 3]))


def error_codes(truth: np.ndarray, label: np.ndarray, only: int | None, radius: int = BOUNDARY_PX) -> np.ndarray:
    """uint8 (h, w): 0 = nothing to say, 1..3 = the entries of `ERROR_KEYS`, or, of one class, of `CLASS_KEYS`."""
    known = truth > 0
    if only is not None:
        said, true = label == only, truth == only
        return np.select([said & true, said & known, true], [1, 2, 3], 0).astype(np.uint8)
    wrong = known & (truth != label)
    near = boundary(truth, radius)
    return np.select([wrong & near, wrong, known], [2, 3, 1], 0).astype(np.uint8)


def view_keys(look: Look) -> dict[str, Colour]:
    """What the colours of the prediction's panel mean, where they are not classes."""
    if look.view == "errors":
        if look.only is None:
            return ERROR_KEYS
        name = DISPLAY_NAMES[look.only - 1]
        return {f"{name} {key}": colour for key, colour in CLASS_KEYS.items()}
    if look.view == "classes":
        return {}
    ends = ("unsure", "sure") if look.view == "confidence" else ("decided", "undecided")
    low, middle, high = (tuple(int(c) for c in viridis(np.array(place))) for place in (0.0, 0.5, 1.0))
    return {f"{ends[0]} (0 %)": low, "50 %": middle, f"{ends[1]} (100 %)": high}  # type: ignore[dict-item]


def depth_bounds(inspection: Inspection) -> tuple[float, float] | None:
    """Ends of the depth scale [m]: the 1st and 99th percentile, so that no outlier takes the colours."""
    if inspection.depth is None:
        return None
    measured = inspection.depth[inspection.depth > 0]
    if not measured.size:
        return None
    near, far = np.percentile(measured, (1, 99))
    return float(near), float(max(far, near + 0.01))


def mark(picture: np.ndarray, point: tuple[int, int] | None) -> np.ndarray:
    """The picture with a ring, white in black, around a point (row, column)."""
    if point is None:
        return picture
    size = max(picture.shape[0] / 48, 6.0)
    rows, columns = np.ogrid[: picture.shape[0], : picture.shape[1]]
    distance = np.hypot(rows - point[0], columns - point[1]) / size
    marked = picture.copy()
    marked[(distance > 0.55) & (distance < 1.25)] = 0
    marked[(distance > 0.7) & (distance < 1.1)] = 255
    return marked


def _greyed(picture: np.ndarray) -> np.ndarray:
    """The picture without its colours, so that those of a view stand out."""
    grey = (picture @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _hatched(like: np.ndarray) -> np.ndarray:
    """A picture of the size of `like` that says that nothing is there: faint stripes, in light and dark."""
    rows, columns = np.indices(like.shape[:2])
    stripes = (rows + columns) // max(like.shape[0] // 40, 4) % 2
    return np.repeat(np.where(stripes, 138, 148).astype(np.uint8)[..., None], 3, axis=2)
