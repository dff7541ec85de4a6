"""Classes, outcomes and confidences painted over a picture."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from scipy import ndimage

from deresunet.classes import VOID
from deresunet.visualization.colours import Colour, viridis

# Opacity of the black over classes that a filter leaves out.
_DIMMED = 0.65


def colorize_label(label: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Class colours, uint8 (H, W, 3), of a label uint8 (H, W), 0 = void, by a class set's palette uint8 (N + 1, 3)."""
    return palette[label]


def overlay(
    background: np.ndarray,
    label: np.ndarray,
    opacity: float,
    palette: np.ndarray,
    classes: Collection[int] | None = None,
    contours: bool = False,
) -> np.ndarray:
    """Paint class colours over a picture; void shows the picture as it is.

    Args:
        background: uint8 (H, W, 3).
        label: uint8 (H, W), 0 = void, 1..N.
        opacity: opacity of the colours, 0..1.
        palette: uint8 (N + 1, 3), colours of a class set.
        classes: classes 1..N that are coloured, the rest of the picture being dimmed; None colours all.
        contours: paint the borders of the regions alone, and dim nothing.

    Returns:
        uint8 (H, W, 3).
    """
    opacities = np.full(len(palette), opacity, np.float32)
    opacities[VOID] = 0.0
    colours = palette
    if classes is not None:
        others = ~np.isin(np.arange(len(palette)), list(classes))
        colours = np.where(others[:, None], np.uint8(0), palette)
        opacities[others] = 0.0 if contours else _DIMMED
    painted = paint(background, label, colours, opacities)
    return np.where(_borders(label)[..., None], painted, background) if contours else painted


def paint(background: np.ndarray, codes: np.ndarray, colours: np.ndarray, opacities: np.ndarray) -> np.ndarray:
    """Blend the colour of each pixel's code into a picture.

    Args:
        background: uint8 (H, W, 3).
        codes: uint8 (H, W), 0..N-1.
        colours: uint8 (N, 3), one a code.
        opacities: float (N,), 0..1, one a code.

    Returns:
        uint8 (H, W, 3).
    """
    # Two small tables, so that the pixels are gone through once.
    weight = (1.0 - opacities).astype(np.float32)
    added = colours.astype(np.float32) * opacities[:, None].astype(np.float32)
    return (background * weight[codes][..., None] + added[codes] + 0.5).astype(np.uint8)


def paint_outcomes(
    background: np.ndarray, codes: np.ndarray, keys: Mapping[str, Colour], opacity: float, brightness: float = 1.0
) -> np.ndarray:
    """Paint outcomes over a picture without its colours.

    Args:
        background: uint8 (H, W, 3).
        codes: uint8 (H, W); 0 = nothing to show, k = the k-th entry of `keys`.
        keys: meaning -> colour.
        opacity: opacity of the colours, 0..1.
        brightness: of the grey picture, 0..1.

    Returns:
        uint8 (H, W, 3).
    """
    colours = np.array([(0, 0, 0), *keys.values()], np.uint8)
    grey = (greyed(background) * np.float32(brightness)).astype(np.uint8)
    return paint(grey, codes, colours, np.array([0.0, *[opacity] * len(keys)]))


def paint_values(background: np.ndarray, values: np.ndarray, opacity: float) -> np.ndarray:
    """Paint values (H, W) in 0..1, such as confidences, in viridis over the grey picture: uint8 (H, W, 3)."""
    codes = (values.astype(np.float32) * 255).astype(np.uint8)
    return paint(greyed(background), codes, viridis(np.linspace(0, 1, 256)), np.full(256, opacity))


def error_codes(truth: np.ndarray, label: np.ndarray, boundary: np.ndarray) -> np.ndarray:
    """Outcome of each pixel over all classes.

    Args:
        truth: uint8 (H, W), 0 = void, 1..N.
        label: uint8 (H, W), 1..N.
        boundary: bool (H, W): near a boundary between classes of the ground truth.

    Returns:
        uint8 (H, W): 0 = void, 1..3 = entries of `colours.ERROR_KEYS`.
    """
    known = truth != VOID
    wrong = known & (truth != label)
    return np.select([wrong & boundary, wrong, known], [2, 3, 1], 0).astype(np.uint8)


def class_codes(truth: np.ndarray, label: np.ndarray, classes: Collection[int]) -> np.ndarray:
    """Outcome of each pixel for some classes.

    Args:
        truth: uint8 (H, W), 0 = void, 1..N.
        label: uint8 (H, W), 1..N.
        classes: classes 1..N. A pixel is positive where one of them is predicted, and true where it is the right one.

    Returns:
        uint8 (H, W): 0 = void or other classes, 1..3 = entries of `colours.CLASS_KEYS`.
    """
    chosen = np.isin(np.arange(256), list(classes))
    positive, there, same = chosen[label], chosen[truth], truth == label
    return np.select([positive & same, positive & (truth != VOID), there], [1, 2, 3], 0).astype(np.uint8)


def comparison_codes(a: np.ndarray, b: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
    """Outcome of each pixel of two predictions.

    Args:
        a: uint8 (H, W), 1..N.
        b: uint8 (H, W), 1..N.
        truth: uint8 (H, W), 0 = void, 1..N; or None.

    Returns:
        uint8 (H, W): 0 = nothing to show, else an entry of `colours.COMPARISON_KEYS`, or without ground truth of
        `colours.DIFFERENCE_KEYS`.
    """
    if truth is None:
        return (a != b).astype(np.uint8)
    known, right_a, right_b = truth != VOID, a == truth, b == truth
    cases = [known & right_a & ~right_b, known & right_b & ~right_a, known & ~right_a & ~right_b & (a != b)]
    return np.select([*cases, known & ~right_a & ~right_b], [1, 2, 3, 4], 0).astype(np.uint8)


def mark(picture: np.ndarray, point: tuple[int, int] | None) -> np.ndarray:
    """Ring a point (row, column) of a picture in white on black; None leaves the picture as it is."""
    if point is None:
        return picture
    size = max(picture.shape[0] / 48, 6.0)
    rows, columns = np.ogrid[: picture.shape[0], : picture.shape[1]]
    distance = np.hypot(rows - point[0], columns - point[1]) / size
    marked = picture.copy()
    marked[(distance > 0.55) & (distance < 1.25)] = 0
    marked[(distance > 0.7) & (distance < 1.1)] = 255
    return marked


def outline(picture: np.ndarray, region: np.ndarray, colour: Colour, width: int = 2) -> np.ndarray:
    """Outline a region from outside, so that all of it stays in view.

    Args:
        picture: uint8 (H, W, 3).
        region: bool (H, W).
        colour: colour of the line.
        width: width of the line [px].

    Returns:
        uint8 (H, W, 3).
    """
    shown = picture.copy()
    shown[ndimage.binary_dilation(region, iterations=width) & ~region] = colour
    return shown


def greyed(picture: np.ndarray) -> np.ndarray:
    """Luma of a picture uint8 (H, W, 3), in the same shape, so that painted colours stand out."""
    luma = (picture @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)
    return np.repeat(luma[..., None], 3, axis=2)


def hatched(height: int, width: int) -> np.ndarray:
    """Faint stripes, uint8 (height, width, 3), where there is nothing to show; visible on light and on dark pages."""
    rows, columns = np.indices((height, width))
    stripes = (rows + columns) // max(height // 40, 4) % 2
    return np.repeat(np.where(stripes, 138, 148).astype(np.uint8)[..., None], 3, axis=2)


def _borders(label: np.ndarray) -> np.ndarray:
    """Pixels within two of another class, bool (H, W)."""
    borders = np.zeros(label.shape, bool)
    for step in (1, 2):
        for here, there in (
            (np.s_[:, step:], np.s_[:, :-step]),
            (np.s_[step:], np.s_[:-step]),
        ):
            differ = label[here] != label[there]
            borders[here] |= differ
            borders[there] |= differ
    return borders
