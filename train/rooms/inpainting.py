"""Depth without holes, as SUN RGB-D's depth_bfx has it: filled under the colour image's guidance."""

from __future__ import annotations

import cv2
import numpy as np

_SCALE = 4
# Spread of colour over which neighbours count as one surface, and of the picture's plane [px of the small image].
_COLOUR_SIGMA = 12.0
_OFFSETS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)
_REACHES = (4, 2, 1)


def fill_depth(depth: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """Fill what a sensor left out, and smooth what it measured.

    Holes first take the nearest measured depth (the distance transform's), which is then averaged at a quarter of the
    size with weights that fall with the difference of colour (a joint bilateral filter, as NYU Depth v2's toolbox and
    SUN RGB-D used one), so that the filled depth keeps to the objects' outlines. A median takes single outliers.

    Args:
        depth: uint16 (H, W): [mm], 0 where missing.
        rgb: uint8 (H, W, 3).

    Returns:
        uint16 (H, W): [mm], above 0 everywhere if anything was measured.
    """
    holes = depth == 0
    if holes.all():
        return depth.copy()
    filled = _nearest(depth, holes)
    if holes.any():
        guided = _guided(filled, holes, rgb)
        filled = np.where(holes, guided, filled)
    return cv2.medianBlur(filled, 5)


def _nearest(depth: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Every hole's nearest measured depth: uint16 (H, W)."""
    _, owner = cv2.distanceTransformWithLabels(holes.astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    # Owners are numbered over the measured pixels in no promised order; each names itself where it lies.
    by_owner = np.zeros(int(owner.max()) + 1, np.uint16)
    by_owner[owner[~holes]] = depth[~holes]
    return by_owner[owner]


def _guided(filled: np.ndarray, holes: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """Depth averaged over neighbours of like colour, in holes alone: uint16 (H, W)."""
    height, width = filled.shape
    small = (-(-width // _SCALE), -(-height // _SCALE))
    depth = cv2.resize(filled, small, interpolation=cv2.INTER_NEAREST).astype(np.float32)
    open_share = cv2.resize(holes.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    colour = cv2.cvtColor(cv2.resize(rgb, small, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB).astype(np.float32)
    # What was measured counts in full, what was guessed a little: so depth grows into a hole from its sides.
    trust = 1.0 - 0.9 * open_share
    edge = max(_REACHES)
    depth, trust, colour = (
        cv2.copyMakeBorder(image, edge, edge, edge, edge, cv2.BORDER_REPLICATE) for image in (depth, trust, colour)
    )
    stride = depth.shape[1]
    rows, columns = np.nonzero(open_share)
    here = (rows + edge) * stride + columns + edge
    depth, trust, colour = depth.ravel(), trust.ravel(), colour.reshape(-1, 3)
    own_colour, own_trust = colour[here], trust[here]
    for reach in _REACHES:
        total, weight = depth[here] * own_trust, own_trust.copy()
        for dy, dx in _OFFSETS:
            there = here + (dy * stride + dx) * reach
            difference = ((colour[there] - own_colour) ** 2).sum(-1)
            like = trust[there] * np.exp(difference * np.float32(-0.5 / _COLOUR_SIGMA**2))
            total += depth[there] * like
            weight += like
        depth[here] = total / weight
    depth = depth.reshape(-1, stride)[edge:-edge, edge:-edge]
    return np.rint(cv2.resize(depth, (width, height), interpolation=cv2.INTER_LINEAR)).astype(np.uint16)
