"""Arrays -> pictures, in NumPy alone: class colours, overlays, depth in colours."""

from __future__ import annotations

import numpy as np

from deresunet.classes import PALETTE

# Matplotlib's viridis at 16 even steps: even in lightness, and readable by colour-blind people.
_VIRIDIS = np.array(
    [
        *[(68, 1, 84), (72, 26, 108), (71, 47, 125), (65, 68, 135), (57, 86, 140), (49, 104, 142)],
        *[(42, 120, 142), (35, 136, 142), (31, 152, 139), (34, 168, 132), (53, 183, 121), (84, 197, 104)],
        *[(122, 209, 81), (165, 219, 54), (210, 226, 27), (253, 231, 37)],
    ],
    np.float32,
)
MISSING_COLOUR = (24, 24, 27)
# How much of a picture is taken away where another class is looked at.
DIMMED = 0.65


def colorize_label(label: np.ndarray) -> np.ndarray:
    """Class colours, uint8 (H, W, 3), of a label uint8 (H, W); void is black."""
    return PALETTE[label]


def overlay(background: np.ndarray, label: np.ndarray, opacity: float, only: int | None = None) -> np.ndarray:
    """Class colours over a picture; void shows the picture as it is.

    Args:
        background: uint8 (H, W, 3).
        label: uint8 (H, W), 0 = void, 1..37.
        opacity: of the colours, 0..1.
        only: a class 1..37 that alone is coloured, the rest of the picture being dimmed; None colours all.

    Returns:
        uint8 (H, W, 3).
    """
    opacities = np.full(len(PALETTE), opacity, np.float32)
    opacities[0] = 0.0
    colours = PALETTE
    if only is not None:
        others = np.arange(len(PALETTE)) != only
        colours = np.where(others[:, None], np.uint8(0), PALETTE)
        opacities[others] = DIMMED
    return paint(background, label, colours, opacities)


def paint(background: np.ndarray, codes: np.ndarray, colours: np.ndarray, opacities: np.ndarray) -> np.ndarray:
    """Colours by code over a picture.

    Args:
        background: uint8 (H, W, 3).
        codes: uint8 (H, W), 0..N-1.
        colours: uint8 (N, 3), of each code.
        opacities: float (N,), 0..1, of each code.

    Returns:
        uint8 (H, W, 3).
    """
    # Two small tables, so that the pixels are gone through once.
    weight = (1.0 - opacities).astype(np.float32)
    added = colours.astype(np.float32) * opacities[:, None].astype(np.float32)
    return (background * weight[codes][..., None] + added[codes] + 0.5).astype(np.uint8)


def colorize_depth(metres: np.ndarray, near: float, far: float) -> np.ndarray:
    """Depth in viridis, uint8 (H, W, 3): dark purple at `near`, yellow at `far`; missing pixels are almost black.

    Args:
        metres: float32 (H, W) [m], 0 where missing.
        near: depth [m] of the scale's start.
        far: depth [m] of its end.
    """
    place = np.clip((metres - near) / max(far - near, 1e-6), 0.0, 1.0)
    image = viridis(place)
    image[metres <= 0] = MISSING_COLOUR
    return image


def viridis(place: np.ndarray) -> np.ndarray:
    """Colours uint8 (..., 3) of places float (...) in 0..1 on the viridis scale."""
    steps = np.linspace(0.0, 1.0, len(_VIRIDIS))
    table = np.stack([np.interp(np.linspace(0, 1, 256), steps, _VIRIDIS[:, c]) for c in range(3)], -1)
    return table.round().astype(np.uint8)[(place * 255).astype(np.uint8)]
