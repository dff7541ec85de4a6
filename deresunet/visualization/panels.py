"""Pictures beside and below each other: a frame's modalities, ground truth and prediction as one row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from deresunet.classes import VOID
from deresunet.visualization.overlays import colorize_depth, colorize_label

# Depth is shown on one scale, so that rows can be compared [m].
NEAR_M, FAR_M = 0.5, 6.0
ERROR = (213, 94, 0)
GAP = 4
WHITE = 255


def frame_row(
    rgb: np.ndarray | None,
    depth: np.ndarray | None,
    label: np.ndarray | None,
    prediction: np.ndarray | None = None,
    errors: bool = False,
) -> np.ndarray:
    """RGB, depth, ground truth and prediction from left to right, each where it is given.

    Args:
        rgb: uint8 (H, W, 3).
        depth: float32 (H, W) [m], 0 where missing.
        label: ground truth, uint8 (H, W), 0 = void, 1..37; void is black.
        prediction: uint8 (H, W), 1..37.
        errors: whether to add a picture of the errors: coloured on white, void black.

    Returns:
        uint8 (H, about 5 W at most, 3).
    """
    pictures = [] if rgb is None else [rgb]
    if depth is not None:
        pictures.append(colorize_depth(depth, NEAR_M, FAR_M))
    pictures += [colorize_label(each) for each in (label, prediction) if each is not None]
    if errors and label is not None and prediction is not None:
        picture = np.full((*label.shape, 3), WHITE, np.uint8)
        picture[label == VOID] = 0
        picture[(label != VOID) & (label != prediction)] = ERROR
        pictures.append(picture)
    return beside(pictures)


def grid(cells: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Pictures uint8 (h, w, 3) of one size in rows of `columns`; the last row is filled up with white."""
    blanks = [np.full_like(cells[0], WHITE)] * (-len(cells) % columns)
    padded = [*cells, *blanks]
    return below([beside(padded[start : start + columns]) for start in range(0, len(padded), columns)])


def beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures uint8 (H, any, 3) from left to right, with white gaps."""
    gap = np.full((pictures[0].shape[0], GAP, 3), WHITE, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], 1)


def below(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures uint8 (any, W, 3) from top to bottom; narrower ones are filled up with white."""
    width = max(row.shape[1] for row in rows)
    filled = [np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0)), constant_values=WHITE) for row in rows]
    return np.concatenate(filled)


def shrink(picture: np.ndarray, height: int) -> np.ndarray:
    """A picture at a lower height; a lower one stays."""
    if picture.shape[0] <= height:
        return picture
    width = round(picture.shape[1] * height / picture.shape[0])
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))
