"""An inspection: a frame with its prediction and scores, ready to be drawn; and the cache of inspections."""

from __future__ import annotations

import io
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
from PIL import Image

from demo.data_set_metrics import Measured
from deresunet.classes import SUNRGBD37, ClassSet, joined
from deresunet.data.depth import DepthReading
from deresunet.data.frame import Frame, OrientedBox
from deresunet.evaluation.calibration import Reliability
from deresunet.evaluation.evaluator import describe_frame
from deresunet.evaluation.metrics import Scores, scores
from deresunet.evaluation.stratified import FrameResult, frame_result
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality
from deresunet.visualization.panels import background_of

_Result = TypeVar("_Result")

# Pictures on the page are at most this many pixels a side, so a visitor's state stays under 60 MB (8 MB at 640x480);
# scores are taken before, at the frame's own resolution.
DISPLAY_SIDE = 1600


@dataclass(frozen=True)
class Inspection:
    """A segmented frame, ready to be drawn. Arrays (h, w) are at most `DISPLAY_SIDE` a side.

    Attributes:
        background: uint8 (h, w, 3): RGB, or grey depth where there is no RGB.
        rgb: whether `background` is RGB.
        depth: float32 (h, w) [m], 0 where missing; or None.
        truth: uint8 (h, w), 0 = void, 1..N; or None.
        classes: uint8 (5, h, w): the five most probable classes 1..N, most probable first; 0 for none of them.
        probabilities: float16 (5, h, w), 0..1: their probabilities.
        entropy: float16 (h, w), 0..1.
        step: how many pixels of the frame a pixel here stands for, along each side.
        intrinsics: float64 (3, 3), in pixels of these arrays; or None.
        boxes: 3D boxes in the camera's frame, or None.
        described: frame and prediction at full resolution, as of `deresunet.evaluation.evaluator.describe_frame`.
        result: the labelled pixels at full resolution, counted by region and class; or None.
        scores: IoU, accuracy and their means, from `result`; or None.
        shares: float64 (N,): predicted share of each class over the whole frame, 0..1.
        confidence: float64 (N,): mean confidence where a class is predicted; NaN where it is not.
        source: the data set that the frame comes from, for people.
        label_png: the prediction at full resolution as a PNG of class numbers 1..N.
        measured: figures of a whole data set that the weights carry, or None.
        sensor: camera that took the frame, or "".
        scene: room type, or "".
        depth_reading: how depth was understood, or None without depth.
        class_set: the N classes: the ground truth's, and behind them those of the network that it lacks; without ground
            truth the network's.
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
    shares: np.ndarray
    confidence: np.ndarray
    source: str
    label_png: bytes = field(repr=False)
    measured: Measured | None = None
    sensor: str = ""
    scene: str = ""
    depth_reading: DepthReading | None = field(default=None, repr=False)
    class_set: ClassSet = SUNRGBD37

    @property
    def nbytes(self) -> int:
        """Memory that arrays and pictures take."""
        arrays = sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))
        return int(arrays) + len(self.label_png)

    @property
    def label(self) -> np.ndarray:
        """uint8 (h, w): the prediction, 1..N."""
        best: np.ndarray = self.classes[0]
        return best

    @property
    def has_confidence(self) -> bool:
        """Whether the prediction comes with confidences; stored predictions may have none."""
        return not bool(np.isnan(self.probabilities[0]).any())

    @property
    def reliability(self) -> Reliability | None:
        """Accuracy by confidence; None without ground truth or confidences."""
        return None if self.result is None or not self.has_confidence else Reliability(self.result.calibration)

    @property
    def has_entropy(self) -> bool:
        """Whether the prediction comes with all classes' probabilities; stored predictions have none."""
        return not bool(np.isnan(self.entropy).any())

    @property
    def name(self) -> str:
        """Name of the frame."""
        return str(self.described["name"])

    @property
    def file_name(self) -> str:
        """Name of the frame as of `file_name`."""
        return file_name(self.name)

    @property
    def modality(self) -> Modality:
        """Modality that the network was given."""
        given: Modality = self.described["provenance"]["modality"]
        return given


def file_name(name: str) -> str:
    """Name of a frame without characters that a file system may refuse, and short enough for one."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60] or "frame"


def preview(frame: Frame) -> np.ndarray:
    """Background of a frame at the size of the pictures, as in `Inspection`."""
    step = _step(frame)
    return np.ascontiguousarray(background_of(frame)[::step, ::step])


def full_size(inspection: Inspection, frame: Frame) -> Inspection:
    """An inspection with its pictures' arrays at the frame's own resolution (H, W).

    The label is whole in the inspection; confidence and entropy, of which it keeps every `step`-th pixel, are repeated.

    Args:
        inspection: of `frame`.
        frame: read anew.
    """
    height, width = frame.size

    def repeated(plane: np.ndarray) -> np.ndarray:
        return plane.repeat(inspection.step, 0).repeat(inspection.step, 1)[:height, :width]

    return replace(
        inspection,
        background=background_of(frame),
        depth=frame.depth,
        truth=frame.aligned_label,
        classes=np.asarray(Image.open(io.BytesIO(inspection.label_png)))[None],
        probabilities=repeated(inspection.probabilities[0])[None],
        entropy=repeated(inspection.entropy),
        step=1,
        intrinsics=frame.intrinsics,
    )


def png(picture: np.ndarray) -> bytes:
    """A picture uint8 (H, W) or (H, W, 3) as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _step(frame: Frame) -> int:
    return -(-max(frame.size) // DISPLAY_SIDE)


def _shrink(planes: np.ndarray, step: int, kind: type | None = None) -> np.ndarray:
    """Every `step`-th pixel of planes (..., H, W): labels and depth must not be mixed."""
    return np.ascontiguousarray(planes[..., ::step, ::step], kind)


def inspect(
    predictor: SegmentationPredictor,
    frame: Frame,
    modality: Modality = "rgbd",
) -> Inspection:
    """Run the network on a frame and keep all that the tabs draw from.

    Raises:
        InputError: the modality asked for is not in the frame.
    """
    prediction = predictor(frame, modality)
    described = describe_frame(frame, prediction)
    if frame.label is not None:
        prediction = prediction.brought_by(joined(prediction.class_set, frame.class_set))
    classes = prediction.class_set
    count = len(classes)
    pixels = np.bincount(prediction.label.ravel(), minlength=count + 1)[1:]
    sums = np.bincount(prediction.label.ravel(), prediction.confidence.ravel(), minlength=count + 1)[1:]
    # Over all of them, so that a class that the network alone has is a false positive like any other.
    result = (
        None
        if frame.label is None
        else frame_result(replace(frame, class_set=classes), prediction.label, confidence=prediction.confidence)
    )
    step = _step(frame)
    depth, truth = (None if plane is None else _shrink(plane, step) for plane in (frame.depth, frame.aligned_label))
    return Inspection(
        background=preview(frame),
        rgb=frame.rgb is not None,
        depth=depth,
        truth=truth,
        classes=_shrink(prediction.classes, step),
        probabilities=_shrink(prediction.probabilities, step, np.float16),
        entropy=_shrink(prediction.entropy, step, np.float16),
        step=step,
        intrinsics=None if frame.intrinsics is None else np.diag([1 / step, 1 / step, 1]) @ frame.intrinsics,
        boxes=None if frame.boxes is None else frame.brought_to(classes).boxes,
        described=described,
        result=result,
        scores=None if result is None else scores(result.matrix()),
        shares=pixels / prediction.label.size,
        confidence=np.divide(sums, pixels, out=np.full(count, np.nan), where=pixels > 0),
        source=frame.source,
        label_png=png(prediction.label),
        measured=Measured.of(predictor.checkpoint.metrics),
        sensor=frame.sensor,
        scene=frame.scene,
        depth_reading=frame.depth_reading,
        class_set=classes,
    )


class Cache(Generic[_Result]):
    """The latest results; each is made once, however many ask for it, also at the same time.

    Args:
        limit_bytes: memory for all results together; those unused longest go, the newest always stays.
        nbytes: memory of a result.
        keep_s: results go that were not asked for in so many seconds.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        limit_bytes: int,
        nbytes: Callable[[_Result], int],
        keep_s: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit_bytes = limit_bytes
        self._nbytes = nbytes
        self._keep_s = keep_s
        self._clock = clock
        self._kept: OrderedDict[Hashable, Future[_Result]] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}
        self._used: dict[Hashable, float] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """Memory of all results together."""
        return sum(self._sizes.values())

    def get(self, key: Hashable, make: Callable[[], _Result]) -> _Result:
        """Return the result kept under `key`, made by `make` where there is none.

        Who asks for a result that is being made waits for it. If making it fails, whoever asked first gets the error,
        and the next one tries anew.
        """
        while True:
            with self._lock:
                self._drop_old()
                made = self._kept.get(key)
                self._used[key] = self._clock()
                if made is None:
                    future: Future[_Result] = Future()
                    self._kept[key] = future
                    break
                self._kept.move_to_end(key)
            if made.exception() is None:
                return made.result()
        try:
            result = make()  # outside the lock: others may look while the network runs
        except BaseException as error:
            with self._lock:
                self._drop(key)
            future.set_exception(error)
            raise
        with self._lock:
            self._sizes[key] = self._nbytes(result)
            for other in [one for one in self._kept if one in self._sizes and one != key]:
                if self.nbytes <= self._limit_bytes:
                    break
                self._drop(other)
        future.set_result(result)
        return result

    def peek(self, key: Hashable) -> _Result | None:
        """The result kept under `key`, or None where there is none yet."""
        with self._lock:
            made = self._kept.get(key)
            return made.result() if made is not None and key in self._sizes else None

    def _drop_old(self) -> None:
        now = self._clock()
        for key in [key for key in self._sizes if now - self._used[key] > self._keep_s]:
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        for kept in (self._kept, self._sizes, self._used):
            kept.pop(key, None)


@dataclass(frozen=True)
class Kept(Generic[_Result]):
    """Handle of a result in a visitor's state: the result is taken from the cache, or made anew if it went."""

    cache: Cache[_Result] = field(repr=False)
    key: Hashable
    make: Callable[[], _Result] = field(repr=False)

    def get(self) -> _Result:
        """The result.

        Raises:
            InputError: it has to be made anew, and a file is no longer there.
        """
        return self.cache.get(self.key, self.make)

    def peek(self) -> _Result | None:
        """The result if it is there; it is not made."""
        return self.cache.peek(self.key)
