"""Results of frames, stratified by depth, by whether depth was measured, and by nearness to a class boundary."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from deresunet.classes import VOID
from deresunet.data.arrays import nearest
from deresunet.data.frame import Frame
from deresunet.data.frame_tally import depth_encoding, warnings_of
from deresunet.evaluation.boundary_iou import boundary_counts
from deresunet.evaluation.calibration import reliability
from deresunet.evaluation.metrics import column_of, scores

# Upper ends of the depth ranges [m]; the last range is open, and a further one holds pixels without depth.
DEPTH_ENDS_M = (1.0, 2.0, 3.0, 4.0, 6.0)
DEPTH_RANGES = ("0 to 1 m", "1 to 2 m", "2 to 3 m", "3 to 4 m", "4 to 6 m", "over 6 m", "no depth")
MEASURED = ("measured", "not measured")
PLACES = ("boundary", "interior")
# A pixel is at a boundary if a pixel of another class lies within so many rows and columns of it.
BOUNDARY_PX = 5
_ARRAYS = {"cells": np.int64, "counts": np.int64, "boundary": np.int64, "calibration": np.float64}
STRATA = (len(DEPTH_RANGES), len(MEASURED), len(PLACES))


def shape_of(classes: int) -> tuple[int, ...]:
    """Shape of counts by stratum, true class and predicted class: (7, 2, 2, N, N + 1)."""
    return (*STRATA, classes, classes + 1)


@dataclass(frozen=True)
class FrameResult:
    """Labelled pixels of a frame, counted by stratum, true class and predicted class.

    Attributes:
        name: the frame.
        sensor: its camera, or "".
        scene: its room type, or "".
        source: the frame's own description of its origin.
        classes: number of classes N of the ground truth.
        cells: int64 (K,): flat indices into an array of shape `shape_of(N)` that are not zero, ascending.
        counts: int64 (K,): pixels in each.
        seconds: wall time from the previous frame to this one [s].
        boundary: int64 (3, N): pixels of boundary bands as `boundary_counts` gives them.
        calibration: float64 (3, BINS): labelled pixels by confidence, as `calibration.Reliability.sums`.
        sequence: recording that the frame belongs to, or "".
        modality: what the frame had of what was asked for: "rgbd", "rgb" or "depth".
        depth: encoding and unit of its depth, or "".
        warnings: kind and text of each thing that looks wrong about the frame.
    """

    name: str
    sensor: str
    scene: str
    source: str
    classes: int
    cells: np.ndarray
    counts: np.ndarray
    seconds: float
    boundary: np.ndarray
    calibration: np.ndarray
    sequence: str = ""
    modality: str = ""
    depth: str = ""
    warnings: tuple[tuple[str, str], ...] = ()

    @property
    def miou(self) -> float:
        """The frame's own mean IoU over the classes in its ground truth, 0..1; NaN if all of it is void."""
        return scores(self.matrix()).miou

    def matrix(self) -> np.ndarray:
        """The frame's confusion matrix, int64 (N, N + 1)."""
        shape = shape_of(self.classes)[-2:]
        flat = np.bincount(self.cells % math.prod(shape), weights=self.counts, minlength=math.prod(shape))
        return flat.astype(np.int64).reshape(shape)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**vars(self), **{key: getattr(self, key).tolist() for key in _ARRAYS}}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> FrameResult:
        """Rebuild a result from the output of `as_json`; KeyError or TypeError if it is not one."""
        arrays = {key: np.array(stored[key], kind) for key, kind in _ARRAYS.items()}
        warnings = tuple((str(kind), str(text)) for kind, text in stored["warnings"])
        return cls(**{**stored, **arrays, "warnings": warnings})


def frame_result(
    frame: Frame, prediction: np.ndarray, seconds: float = 0.0, confidence: np.ndarray | None = None
) -> FrameResult:
    """Count a frame's labelled pixels.

    Args:
        frame: with its ground truth.
        prediction: uint8 (H, W), in the frame's classes 1..N; 0 and all above is none of them. It is brought to the
            ground truth's own size.
        seconds: wall time to store [s].
        confidence: float32 (H, W): probability of the prediction, 0..1; None and NaN count for no calibration.

    Raises:
        ValueError: the frame has no ground truth, or the prediction another size than the frame.
    """
    if frame.label is None or frame.size != prediction.shape:
        raise ValueError(f"{frame.name}: expected ground truth, and a prediction of {frame.size}")
    prediction = nearest(prediction, frame.label.shape)
    known = frame.label != VOID
    cell = np.zeros(prediction.shape, np.int32)
    classes = len(frame.class_set)
    columns = column_of(prediction, classes)
    for size, index in zip(shape_of(classes), (*strata(frame), frame.label - 1, columns), strict=True):
        cell = cell * size + index  # as np.ravel_multi_index does, in half its time
    counts = np.bincount(cell[known])
    cells = np.flatnonzero(counts)
    sure = np.full(frame.size, np.nan, np.float32) if confidence is None else confidence
    return FrameResult(
        *(frame.name, frame.sensor, frame.scene, frame.source, classes, cells, counts[cells], seconds),
        boundary=boundary_counts(frame.label, prediction, classes),
        calibration=reliability(frame.label, prediction, nearest(sure, frame.label.shape)).sums,
        sequence=frame.sequence,
        depth=depth_encoding(frame),
        warnings=warnings_of(frame),
    )


def strata(frame: Frame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of each of the label's pixels in `DEPTH_RANGES`, `MEASURED` and `PLACES`: three uint8 (h, w)."""
    assert frame.label is not None
    size = frame.label.shape
    metres = np.zeros(size, np.float32) if frame.depth is None else nearest(frame.depth, size)
    depth = np.zeros(size, np.uint8)
    for end in DEPTH_ENDS_M:  # np.digitize would take ten times as long
        depth += metres >= end
    depth[metres <= 0] = len(DEPTH_RANGES) - 1
    measured = metres > 0 if frame.measured is None else nearest(frame.measured, size)
    return depth, (~measured).astype(np.uint8), (~boundary(frame.label)).astype(np.uint8)


def boundary(label: np.ndarray, radius: int = BOUNDARY_PX) -> np.ndarray:
    """Pixels within `radius` rows and columns of a pixel of another class, bool (H, W); void is no class."""
    size = 2 * radius + 1
    highest = ndimage.maximum_filter(label, size, mode="nearest")
    lowest = ndimage.minimum_filter(np.where(label == VOID, 255, label), size, mode="nearest")
    return (label != VOID) & (highest != lowest)


def pool(results: Iterable[FrameResult], classes: int) -> np.ndarray:
    """Sum of results over N classes: int64 of `shape_of(N)`."""
    total = np.zeros(shape_of(classes), np.int64)
    flat = total.reshape(-1)
    for result in results:
        flat[result.cells] += result.counts  # each cell occurs once in a result
    return total
