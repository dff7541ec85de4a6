"""What a visitor looks at: a frame, what the network says of it, and how good that is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from deresunet.data.depth import DepthReading
from deresunet.data.frame import Frame
from deresunet.evaluation import describe_frame
from deresunet.metrics import Scores, confusion_matrix, scores
from deresunet.predictor import Predictor
from deresunet.preprocessing import Modality

# Pictures on the page are at most this many pixels a side; metrics are taken before, at the frame's own resolution.
DISPLAY_SIDE = 1280
# Frames of data sets that are kept with their predictions, about 10 MB each at 640x480. Uploads are never kept here.
CACHED = 16


@dataclass(frozen=True)
class Inspection:
    """A segmented frame, ready to be drawn.

    Attributes:
        background: uint8 (h, w, 3): RGB, or grey depth where there is no RGB; at most `DISPLAY_SIDE` a side.
        rgb: whether `background` is RGB.
        depth: float32 (h, w) [m], 0 where missing; or None.
        truth: uint8 (h, w), 0 = void, 1..37; or None.
        label: uint8 (h, w): the prediction, 1..37.
        described: what `deresunet.evaluation.describe_frame` says of frame and prediction at full resolution.
        scores: against the ground truth at full resolution; or None.
        shares: float64 (37,): predicted share of each class over the whole frame, 0..1.
        confidence: float64 (37,): mean confidence where a class is predicted; NaN where it is not.
        source: the data set that the frame comes from, for people.
        depth_reading: how uploaded depth was decoded; None for frames of data sets.
    """

    background: np.ndarray = field(repr=False)
    rgb: bool
    depth: np.ndarray | None = field(repr=False)
    truth: np.ndarray | None = field(repr=False)
    label: np.ndarray = field(repr=False)
    described: dict[str, Any]
    scores: Scores | None
    shares: np.ndarray
    confidence: np.ndarray
    source: str
    depth_reading: DepthReading | None = None


def inspect(
    predictor: Predictor, frame: Frame, modality: Modality = "rgbd", depth_reading: DepthReading | None = None
) -> Inspection:
    """Run the network on a frame, once, and keep all that the views draw from.

    Raises:
        InputError: the modality asked for is not in the frame.
    """
    prediction = predictor(frame, modality)
    classes = len(predictor.checkpoint.classes)
    pixels = np.bincount(prediction.label.ravel(), minlength=classes + 1)[1:]
    sums = np.bincount(prediction.label.ravel(), prediction.confidence.ravel(), minlength=classes + 1)[1:]
    background = frame.rgb if frame.rgb is not None else _grey(frame.depth)
    return Inspection(
        background=_shrink(background),
        rgb=frame.rgb is not None,
        depth=None if frame.depth is None else _shrink(frame.depth),
        truth=None if frame.label is None else _shrink(frame.label),
        label=_shrink(prediction.label),
        described=describe_frame(frame, prediction),
        scores=None if frame.label is None else scores(confusion_matrix(frame.label, prediction.label)),
        shares=pixels / prediction.label.size,
        confidence=np.divide(sums, pixels, out=np.full(classes, np.nan), where=pixels > 0),
        source=frame.source,
        depth_reading=depth_reading,
    )


class InspectionCache:
    """The latest inspections of data-set frames, so that a frame is run once for all who look at it."""

    def __init__(self, size: int = CACHED) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[str, str, Modality], Inspection] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, str, Modality], make: Callable[[], Inspection]) -> Inspection:
        """What is kept under (data set, frame, modality), or else what `make` gives."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()  # outside the lock: others may look while the network runs
        if made.described["provenance"]["stored"]:
            return made  # it stood in for the network; the next visitor may get the network itself
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return made


def _shrink(image: np.ndarray) -> np.ndarray:
    """Every n-th pixel, so that no side exceeds `DISPLAY_SIDE`; labels and depth must not be mixed."""
    step = -(-max(image.shape[:2]) // DISPLAY_SIDE)
    return np.ascontiguousarray(image[::step, ::step])


def _grey(depth: np.ndarray | None) -> np.ndarray:
    """Depth as a grey picture uint8 (H, W, 3), near bright, for frames without RGB."""
    assert depth is not None, "a frame has RGB or depth"
    far = max(float(depth.max()), 1e-6)
    grey = np.where(depth > 0, 230.0 - 180.0 * depth / far, 16.0).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
