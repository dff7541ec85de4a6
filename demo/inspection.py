"""What a visitor looks at: a frame, what the network says of it, and how good that is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np

from deresunet.data.depth import DepthReading
from deresunet.data.frame import Frame, OrientedBox
from deresunet.evaluation.calibration import Reliability, reliability
from deresunet.evaluation.evaluator import describe_frame
from deresunet.evaluation.metrics import Scores, scores
from deresunet.evaluation.stratified import FrameResult, frame_result
from deresunet.inference.prediction import SegmentationPredictor
from deresunet.inference.preprocessing import Modality

_Kept = TypeVar("_Kept")

# Pictures on the page are at most this many pixels a side, so a visitor's state stays under 40 MB (8 MB at 640x480);
# scores are taken before, at the frame's own resolution.
DISPLAY_SIDE = 1280


@dataclass(frozen=True)
class Inspection:
    """A segmented frame, ready to be drawn. Arrays (h, w) are at most `DISPLAY_SIDE` a side.

    Attributes:
        background: uint8 (h, w, 3): RGB, or grey depth where there is no RGB.
        rgb: whether `background` is RGB.
        depth: float32 (h, w) [m], 0 where missing; or None.
        truth: uint8 (h, w), 0 = void, 1..37; or None.
        classes: uint8 (5, h, w): the five most probable classes 1..37, most probable first.
        probabilities: float16 (5, h, w), 0..1: theirs.
        entropy: float16 (h, w), 0..1.
        step: how many pixels of the frame a pixel here stands for, along each side.
        intrinsics: float64 (3, 3), in pixels of these arrays; or None.
        boxes: 3D boxes in the camera's frame, or None.
        described: what `deresunet.evaluation.evaluator.describe_frame` says of frame and prediction at full resolution.
        result: the labelled pixels at full resolution, counted by region and class; or None.
        scores: what follows from them; or None.
        reliability: confidence against being right; or None.
        shares: float64 (37,): predicted share of each class over the whole frame, 0..1.
        confidence: float64 (37,): mean confidence where a class is predicted; NaN where it is not.
        source: the data set that the frame comes from, for people.
        depth_reading: how uploaded depth was decoded; None for frames of data sets.
    """

    background: np.ndarray = field(repr=False)
    rgb: bool
    depth: np.ndarray | None = field(repr=False)
    truth: np.ndarray | None = field(repr=False)
    classes: np.ndarray = field(repr=False)
    probabilities: np.ndarray = field(repr=False)
    entropy: np.ndarray = field(repr=False)
    step: int
    intrinsics: np.ndarray | None
    boxes: tuple[OrientedBox, ...] | None = field(repr=False)
    described: dict[str, Any]
    result: FrameResult | None = field(repr=False)
    scores: Scores | None
    reliability: Reliability | None
    shares: np.ndarray
    confidence: np.ndarray
    source: str
    depth_reading: DepthReading | None = field(default=None, repr=False)

    @property
    def label(self) -> np.ndarray:
        """uint8 (h, w): the prediction, 1..37."""
        best: np.ndarray = self.classes[0]
        return best

    @property
    def name(self) -> str:
        """What the frame is called."""
        return str(self.described["name"])

    @property
    def modality(self) -> Modality:
        """What the network was given."""
        given: Modality = self.described["provenance"]["modality"]
        return given


def inspect(
    predictor: SegmentationPredictor,
    frame: Frame,
    modality: Modality = "rgbd",
    depth_reading: DepthReading | None = None,
) -> Inspection:
    """Run the network on a frame, once, and keep all that the views draw from.

    Raises:
        InputError: the modality asked for is not in the frame.
    """
    prediction = predictor(frame, modality)
    count = len(predictor.checkpoint.classes)
    pixels = np.bincount(prediction.label.ravel(), minlength=count + 1)[1:]
    sums = np.bincount(prediction.label.ravel(), prediction.confidence.ravel(), minlength=count + 1)[1:]
    result = None if frame.label is None else frame_result(frame, prediction.label)
    step = -(-max(frame.size) // DISPLAY_SIDE)

    def shrink(image: np.ndarray, kind: type | None = None) -> np.ndarray:
        """Every n-th pixel: labels and depth must not be mixed."""
        return np.ascontiguousarray(image[..., ::step, ::step], kind)

    background = frame.rgb if frame.rgb is not None else _grey(frame.depth)
    return Inspection(
        background=np.ascontiguousarray(background[::step, ::step]),
        rgb=frame.rgb is not None,
        depth=None if frame.depth is None else shrink(frame.depth),
        truth=None if frame.label is None else shrink(frame.label),
        classes=shrink(prediction.classes),
        probabilities=shrink(prediction.probabilities, np.float16),
        entropy=shrink(prediction.entropy, np.float16),
        step=step,
        intrinsics=None if frame.intrinsics is None else np.diag([1 / step, 1 / step, 1]) @ frame.intrinsics,
        boxes=frame.boxes,
        described=describe_frame(frame, prediction),
        result=result,
        scores=None if result is None else scores(result.matrix()),
        reliability=(
            None if frame.label is None else reliability(frame.label, prediction.label, prediction.confidence)
        ),
        shares=pixels / prediction.label.size,
        confidence=np.divide(sums, pixels, out=np.full(count, np.nan), where=pixels > 0),
        source=frame.source,
        depth_reading=depth_reading,
    )


class Cache(Generic[_Kept]):
    """The latest results, so that a frame of a data set is run once for all who look at it.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, make: Callable[[], _Kept]) -> _Kept:
        """The value kept under `key`, made by `make` where there is none."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()  # outside the lock: others may look while the network runs
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return made


def _grey(depth: np.ndarray | None) -> np.ndarray:
    """Depth as a grey picture uint8 (H, W, 3), near bright, for frames without RGB."""
    assert depth is not None, "a frame has RGB or depth"
    far = max(float(depth.max()), 1e-6)
    grey = np.where(depth > 0, 230.0 - 180.0 * depth / far, 16.0).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
