"""Pictures of one frame beside each other: strips for reports and training logs, sheets of four for galleries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from deresunet.classes import VOID
from deresunet.data.frame import Frame
from deresunet.visualization.colours import WRONG, Colour
from deresunet.visualization.depth import colorize_depth, grey_depth
from deresunet.visualization.overlays import colorize_label, overlay, paint_outcomes

GAP_PX = 4
# Depth is shown on one scale, so that strips can be compared [m].
NEAR_M, FAR_M = 0.5, 6.0
_WHITE = 255
_GREY: Colour = (148, 163, 184)


def strip(frame: Frame, prediction: np.ndarray | None = None, errors: bool = False) -> np.ndarray:
    """RGB, depth, ground truth, prediction and errors from left to right; those that are absent are left out.

    Args:
        frame: frame to show.
        prediction: uint8 (H, W), 1..37, or None.
        errors: show wrong pixels, too, where there are ground truth and prediction; correct ones are white, void black.

    Returns:
        uint8 (H, W', 3).
    """
    pictures = [] if frame.rgb is None else [frame.rgb]
    if frame.depth is not None:
        pictures.append(colorize_depth(frame.depth, NEAR_M, FAR_M))
    pictures += [colorize_label(label) for label in (frame.label, prediction) if label is not None]
    if errors and frame.label is not None and prediction is not None:
        shown = np.full((*frame.size, 3), _WHITE, np.uint8)
        shown[frame.label != prediction] = WRONG
        shown[frame.label == VOID] = 0
        pictures.append(shown)
    return row(pictures)


def sheet(
    frame: Frame, prediction: np.ndarray, codes: np.ndarray, keys: Mapping[str, Colour], side: int
) -> Image.Image:
    """The frame, its ground truth, its prediction and outcomes, two by two.

    Args:
        frame: frame to show.
        prediction: uint8 (H, W), 1..37.
        codes: uint8 (H, W), outcomes as of `overlays.paint_outcomes`.
        keys: their meaning -> colour.
        side: longest side of each of the four [px], at most.
    """
    height, width = frame.size
    scale = min(1.0, side / max(height, width))
    size = max(round(width * scale), 1), max(round(height * scale), 1)

    def small(picture: np.ndarray, resample: Image.Resampling = Image.Resampling.NEAREST) -> np.ndarray:
        return np.asarray(Image.fromarray(picture).resize(size, resample))

    background = small(background_of(frame), Image.Resampling.BILINEAR)
    truth = small(np.zeros(frame.size, np.uint8) if frame.label is None else frame.label)
    four = (
        *(background, overlay(background, truth, 0.65), overlay(background, small(prediction), 0.65)),
        paint_outcomes(background, small(codes), keys, 0.8, brightness=0.45),
    )
    gap = 6
    picture = Image.new("RGB", (2 * size[0] + gap, 2 * size[1] + gap), _GREY)
    for index, each in enumerate(four):
        picture.paste(Image.fromarray(each), (index % 2 * (size[0] + gap), index // 2 * (size[1] + gap)))
    return picture


def background_of(frame: Frame) -> np.ndarray:
    """The picture to paint over, uint8 (H, W, 3): RGB, or depth in grey where there is no RGB."""
    if frame.rgb is not None:
        return frame.rgb
    assert frame.depth is not None, "a frame has RGB or depth"
    return grey_depth(frame.depth)


def row(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures uint8 (H, any, 3) from left to right."""
    gap = np.full((pictures[0].shape[0], GAP_PX, 3), _WHITE, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], 1)


def stack(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures uint8 (any, W, 3) below each other; narrower ones are filled up with white."""
    width = max(each.shape[1] for each in rows)
    filled = [np.pad(each, ((0, GAP_PX), (0, width - each.shape[1]), (0, 0)), constant_values=_WHITE) for each in rows]
    return np.concatenate(filled)


def shrink(picture: np.ndarray, height: int) -> np.ndarray:
    """Scale a picture uint8 (H, W, 3) down to a height [px]; a lower one stays as it is."""
    if picture.shape[0] <= height:
        return picture
    width = round(picture.shape[1] * height / picture.shape[0])
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))
