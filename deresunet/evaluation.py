"""Metrics of a predictor over a data set: one pooled confusion matrix at ground-truth resolution."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deresunet.classes import CLASSES, NUM_CLASSES
from deresunet.data.frame import Frame
from deresunet.data.readers import Reader
from deresunet.errors import InputError
from deresunet.metrics import Scores, confusion_matrix, scores
from deresunet.predictor import Prediction, Predictor
from deresunet.preprocessing import Modality

PROTOCOL = (
    "single scale, about 307,200 network pixels at the frame's aspect ratio (480x640 for 4:3), logits bilinear to the "
    "ground truth's own resolution, argmax over 37 classes, void ignored, one confusion matrix pooled over all "
    "frames, mIoU over the classes with ground truth"
)


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate`.

    Attributes:
        matrix: int64 (37, 37), pooled; rows are the ground truth.
        frames: frames that entered the matrix.
        unlabelled: names of frames without ground truth, which did not.
        seconds_per_frame: of wall time, reading and scoring included.
        protocol: how it was measured.
        provenance: weights, preprocessing, device and precision.
    """

    matrix: np.ndarray
    frames: int
    unlabelled: tuple[str, ...]
    seconds_per_frame: float
    protocol: str
    provenance: dict[str, Any]

    @property
    def scores(self) -> Scores:
        """What follows from the matrix, 0..1."""
        return scores(self.matrix)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; ratios in percent, None where nothing defines them."""
        result = self.scores
        return {
            "miou": percent(result.miou),
            "pixel_acc": percent(result.pixel_acc),
            "mean_acc": percent(result.mean_acc),
            "iou": [percent(value) for value in result.iou],
            "classes": list(CLASSES),
            "frames": self.frames,
            "unlabelled": list(self.unlabelled),
            "protocol": self.protocol,
            "provenance": self.provenance,
            "seconds_per_frame": round(self.seconds_per_frame, 4),
        }


def evaluate(
    predictor: Predictor,
    reader: Reader,
    modality: Modality = "rgbd",
    limit: int | None = None,
    on_frame: Callable[[int, Frame, Prediction, np.ndarray], None] | None = None,
) -> Evaluation:
    """Segment a data set and pool its confusion matrix.

    Args:
        predictor: the network with its weights.
        reader: the frames.
        modality: what the network is given of them.
        limit: take only the first so many.
        on_frame: called after each frame with the number of frames done, frame, prediction and matrix so far.

    Raises:
        InputError: a frame cannot be used, or none has ground truth.
    """
    names = reader.names[:limit]
    matrix = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    unlabelled = []
    start = time.perf_counter()
    for done, name in enumerate(names, 1):
        frame = reader.read(name)
        if frame.label is None:
            unlabelled.append(name)
            continue
        prediction = predictor(frame, modality)
        matrix += confusion_matrix(frame.label, prediction.label)
        if on_frame is not None:
            on_frame(done, frame, prediction, matrix)
    labelled = len(names) - len(unlabelled)
    if not labelled:
        raise InputError(f"none of the {len(names)} frames has ground truth; evaluation needs label/ beside rgb/.")
    return Evaluation(
        matrix=matrix,
        frames=labelled,
        unlabelled=tuple(unlabelled),
        seconds_per_frame=(time.perf_counter() - start) / labelled,
        protocol=f"{PROTOCOL}; modality {modality}",
        provenance=predictor.provenance(modality).as_dict(),
    )


def describe_frame(frame: Frame, prediction: Prediction) -> dict[str, Any]:
    """What is to be told of one frame, as plain JSON types.

    The classes present and the provenance; where there is ground truth, also IoU per class, mIoU and pixel accuracy
    in percent (None where nothing defines them).
    """
    pixels = np.bincount(prediction.label.ravel(), minlength=NUM_CLASSES + 1)[1:]
    described: dict[str, Any] = {
        "name": frame.name,
        "height": frame.size[0],
        "width": frame.size[1],
        "classes": [
            {"label": int(k) + 1, "name": CLASSES[k], "share": round(float(pixels[k] / prediction.label.size), 6)}
            for k in np.argsort(-pixels, kind="stable")
            if pixels[k]
        ],
        "mean_confidence": round(float(prediction.confidence.mean()), 4),
        "latency_ms": round(prediction.latency_ms, 1),
        "provenance": prediction.provenance.as_dict(),
    }
    if frame.label is not None:
        result = scores(confusion_matrix(frame.label, prediction.label))
        described["iou"] = [percent(value) for value in result.iou]
        described["miou"] = percent(result.miou)
        described["pixel_acc"] = percent(result.pixel_acc)
    return described


def percent(ratio: float) -> float | None:
    """A ratio 0..1 in percent, rounded to four places; None for NaN, which JSON does not have."""
    return None if math.isnan(ratio) else round(100.0 * float(ratio), 4)
