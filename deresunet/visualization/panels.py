"""Pictures beside and below each other: rows for reports and training logs, sheets of four for galleries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from deresunet.classes import VOID, ClassSet
from deresunet.data.frame import Frame
from deresunet.visualization.colours import WRONG, Colour
from deresunet.visualization.depth import colorize_depth, grey_depth
from deresunet.visualization.overlays import colorize_label, overlay, paint_outcomes

# Depth is shown on one scale, so that rows can be compared [m].
NEAR_M, FAR_M = 0.5, 6.0
GAP = 4
WHITE = 255
# Behind the four pictures of a sheet.
_MOUNT: Colour = (148, 163, 184)


def frame_row(
    rgb: np.ndarray | None,
    depth: np.ndarray | None,
    label: np.ndarray | None,
    prediction: np.ndarray | None,
    classes: ClassSet,
    errors: bool = False,
) -> np.ndarray:
    """RGB, depth, ground truth, prediction and errors from left to right; those that are None are left out.

    Args:
        rgb: uint8 (H, W, 3).
        depth: float32 (H, W) [m], 0 where missing.
        label: ground truth, uint8 (H, W), 0 = void, 1..N; void is black.
        prediction: uint8 (H, W), 1..N.
        classes: the N classes of both.
        errors: show wrong pixels, too, where there are ground truth and prediction; correct ones are white, void black.

    Returns:
        uint8 (H, about 5 W, 3).
    """
    pictures = [] if rgb is None else [rgb]
    if depth is not None:
        pictures.append(colorize_depth(depth, NEAR_M, FAR_M))
    pictures += [colorize_label(each, classes.palette) for each in (label, prediction) if each is not None]
    if errors and label is not None and prediction is not None:
        shown = np.full((*label.shape, 3), WHITE, np.uint8)
        shown[label != prediction] = WRONG
        shown[label == VOID] = 0
        pictures.append(shown)
    return beside(pictures)


def sheet(
    frame: Frame,
    prediction: np.ndarray,
    codes: np.ndarray,
    keys: Mapping[str, Colour],
    side: int,
    palette: np.ndarray,
) -> Image.Image:
    """The frame, its ground truth, its prediction and outcomes, two by two.

    Args:
        frame: frame to show.
        prediction: uint8 (H, W), 1..N.
        codes: uint8 (H, W), outcomes in the codes of `overlays.paint_outcomes`.
        keys: their meaning -> colour.
        side: longest side of each of the four [px], at most.
        palette: uint8 (N + 1, 3), colours of the classes of ground truth and prediction.
    """
    height, width = frame.size
    scale = min(1.0, side / max(height, width))
    size = max(round(width * scale), 1), max(round(height * scale), 1)

    def small(picture: np.ndarray, resample: Image.Resampling = Image.Resampling.NEAREST) -> np.ndarray:
        return np.asarray(Image.fromarray(picture).resize(size, resample))

    background = small(background_of(frame), Image.Resampling.BILINEAR)
    truth = small(np.zeros(frame.size, np.uint8) if frame.label is None else frame.label)
    four = (
        background,
        *(overlay(background, label, 0.65, palette) for label in (truth, small(prediction))),
        paint_outcomes(background, small(codes), keys, 0.8, brightness=0.45),
    )
    gap = 6
    picture = Image.new("RGB", (2 * size[0] + gap, 2 * size[1] + gap), _MOUNT)
    for index, each in enumerate(four):
        picture.paste(Image.fromarray(each), (index % 2 * (size[0] + gap), index // 2 * (size[1] + gap)))
    return picture


def background_of(frame: Frame) -> np.ndarray:
    """The picture to paint over, uint8 (H, W, 3): RGB, or depth in grey where there is no RGB."""
    if frame.rgb is not None:
        return frame.rgb
    assert frame.depth is not None, "a frame has RGB or depth"
    return grey_depth(frame.depth)


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
    """Scale a picture uint8 (H, W, 3) down to a height [px]; a lower one stays as it is."""
    if picture.shape[0] <= height:
        return picture
    width = round(picture.shape[1] * height / picture.shape[0])
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))
