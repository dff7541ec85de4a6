"""Pictures of a run, in NumPy alone: RGB, depth, truth and prediction beside each other; augmented samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from deresunet.visualization.overlays import colorize_depth, colorize_label
from train.data.augmentation import GREY, Sample

# Depth is shown on one scale, so that pictures can be compared [m].
NEAR_M, FAR_M = 0.5, 6.0
GAP = 4
WHITE = 255


def panel(rgb: np.ndarray, depth: np.ndarray, truth: np.ndarray, prediction: np.ndarray | None = None) -> np.ndarray:
    """RGB, depth, truth and (if given) prediction from left to right.

    Args:
        rgb: uint8 (H, W, 3).
        depth: float32 (H, W) [m], 0 where missing.
        truth: uint8 (H, W), 0 = void, 1..37; void is black.
        prediction: uint8 (H, W), 1..37.

    Returns:
        uint8 (H, about 4 W, 3).
    """
    pictures = [rgb, colorize_depth(depth, NEAR_M, FAR_M), colorize_label(truth)]
    if prediction is not None:
        pictures.append(colorize_label(prediction))
    return _row(pictures)


def contact_sheet(samples: Sequence[Sample], columns: int = 4, height: int = 120) -> np.ndarray:
    """Augmented samples, each as RGB, depth and label; a modality that the network is not given is grey.

    Args:
        samples: the samples, of one size.
        columns: samples beside each other.
        height: of each picture [px].

    Returns:
        uint8 (rows, columns, 3).
    """
    cells = []
    for sample in samples:
        rgb = sample.rgb if sample.has_rgb else np.full_like(sample.rgb, GREY)
        depth = sample.depth if sample.has_depth else np.zeros_like(sample.depth)
        cells.append(shrink(panel(rgb, depth, sample.label), height))
    blank = np.full_like(cells[0], WHITE)
    cells += [blank] * (-len(cells) % columns)
    return stack([_row(cells[start : start + columns]) for start in range(0, len(cells), columns)])


def stack(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures uint8 (any, W, 3) below each other; narrower ones are filled up with white."""
    width = max(row.shape[1] for row in rows)
    filled = [np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0)), constant_values=WHITE) for row in rows]
    return np.concatenate(filled)


def shrink(picture: np.ndarray, height: int) -> np.ndarray:
    """A picture at a lower height; a lower one stays."""
    if picture.shape[0] <= height:
        return picture
    width = round(picture.shape[1] * height / picture.shape[0])
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))


def _row(pictures: Sequence[np.ndarray]) -> np.ndarray:
    gap = np.full((pictures[0].shape[0], GAP, 3), WHITE, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], 1)
