"""Metrics of a predictor over a data set: one pooled confusion matrix at ground-truth resolution."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from deresunet.classes import CLASSES, NUM_CLASSES
from deresunet.data.frame import Frame
from deresunet.data.prefetch import prefetch
from deresunet.data.readers import Reader
from deresunet.errors import InputError
from deresunet.evaluation.metrics import Scores, confusion_matrix, scores
from deresunet.evaluation.resume import Journal
from deresunet.evaluation.stratified import DEPTH_RANGES, MEASURED, PLACES, FrameResult, frame_result, pool
from deresunet.inference.prediction import Prediction, SegmentationPredictor
from deresunet.inference.preprocessing import Modality, usable_modality

_SCORING = (
    "logits bilinear to the ground truth's own resolution, argmax over 37 classes, void ignored, one confusion matrix "
    "pooled over all frames, mIoU over the classes with ground truth"
)


def describe_protocol(predictor: SegmentationPredictor) -> str:
    """Describe for people how `evaluate` measures a predictor."""
    return f"{predictor.protocol}, {_SCORING}"


@dataclass(frozen=True)
class Failure:
    """A frame that could not be read.

    Attributes:
        name: the frame.
        error: what was wrong, with the file's path.
    """

    name: str
    error: str


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
        results: of each of the frames, in order.
        failed: frames that could not be read and were skipped.
    """

    matrix: np.ndarray
    frames: int
    unlabelled: tuple[str, ...]
    seconds_per_frame: float
    protocol: str
    provenance: dict[str, Any]
    results: tuple[FrameResult, ...] = ()
    failed: tuple[Failure, ...] = ()

    @property
    def scores(self) -> Scores:
        """What follows from the matrix, 0..1."""
        return scores(self.matrix)

    def groups(self, key: Literal["sensor", "scene"]) -> dict[str, np.ndarray]:
        """The pooled matrix, int64 (37, 37), of each camera or type of room that is known."""
        grouped: dict[str, np.ndarray] = {}
        for result in self.results:
            name = getattr(result, key)
            if name:
                grouped[name] = grouped.get(name, 0) + result.matrix()
        return dict(sorted(grouped.items()))

    def regions(self) -> dict[str, dict[str, np.ndarray]]:
        """The pooled matrix, int64 (37, 37), by depth, by whether depth was measured, and by nearness to a boundary."""
        total = pool(self.results)
        named = (("depth", DEPTH_RANGES), ("measured", MEASURED), ("place", PLACES))
        return {
            key: {name: np.take(total, index, axis).sum((0, 1)) for index, name in enumerate(names)}
            for axis, (key, names) in enumerate(named)
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; ratios in percent, None where nothing defines them."""
        result = self.scores
        frames = Counter(frame.sensor for frame in self.results), Counter(frame.scene for frame in self.results)
        return {
            "miou": percent(result.miou),
            "pixel_acc": percent(result.pixel_acc),
            "mean_acc": percent(result.mean_acc),
            "fw_iou": percent(result.fw_iou),
            "iou": [percent(value) for value in result.iou],
            "accuracy": [percent(value) for value in result.accuracy],
            "classes": list(CLASSES),
            "frames": self.frames,
            "unlabelled": list(self.unlabelled),
            "failed": [vars(failure) for failure in self.failed],
            "sources": dict(sorted(Counter(frame.source for frame in self.results).items())),
            "sensors": {
                name: {"frames": frames[0][name], **described_scores(matrix)}
                for name, matrix in self.groups("sensor").items()
            },
            "scenes": {
                name: {"frames": frames[1][name], **described_scores(matrix)}
                for name, matrix in self.groups("scene").items()
            },
            "regions": {
                key: {name: described_scores(matrix) for name, matrix in parts.items()}
                for key, parts in self.regions().items()
            },
            "protocol": self.protocol,
            "provenance": self.provenance,
            "seconds_per_frame": round(self.seconds_per_frame, 4),
        }


def evaluate(
    predictor: SegmentationPredictor,
    reader: Reader,
    modality: Modality = "rgbd",
    limit: int | None = None,
    on_frame: Callable[[int, Frame, np.ndarray, np.ndarray], None] | None = None,
    *,
    on_error: Literal["skip", "stop"] = "stop",
    workers: int = 2,
    journal: Journal | None = None,
    batch: int | None = None,
) -> Evaluation:
    """Segment a data set and pool its confusion matrix.

    Args:
        predictor: the network with its weights.
        reader: the frames.
        modality: what the network is given of them.
        limit: take only the first so many.
        on_frame: called after each frame with the number of frames done, frame, predicted label and matrix so far.
        on_error: whether a frame that cannot be read ends the evaluation, or is left out and listed in the result.
        workers: threads that read frames ahead; they hold at most two frames each.
        journal: where to note each frame's result, and take over those that are there.
        batch: frames of one network size to segment at once; None takes what the predictor is fastest with.

    Raises:
        InputError: a frame cannot be used, or none has ground truth.
    """
    names = reader.names[:limit]
    done_before = journal.results if journal is not None else {}
    results: dict[str, FrameResult] = {name: done_before[name] for name in names if name in done_before}
    unlabelled = [name for name in names if journal is not None and name in journal.unlabelled]
    matrix = pool(results.values()).sum((0, 1, 2))
    failed: list[Failure] = []
    left = [name for name in names if journal is None or name not in journal]
    done = len(names) - len(left)
    start = time.perf_counter()

    def usable() -> Iterator[tuple[str, Frame]]:
        nonlocal done
        for name, frame in prefetch(left, reader.read, workers):
            try:
                if isinstance(frame, InputError):
                    raise frame
                if frame.label is not None:
                    usable_modality(frame, modality)
            except InputError as error:
                if on_error == "stop":
                    raise
                failed.append(Failure(name, str(error)))
                done += 1
                continue
            if frame.label is not None:
                yield name, frame
                continue
            unlabelled.append(name)
            done += 1
            if journal is not None:
                journal.add_unlabelled(name)

    for group in batched_by_size(usable(), predictor.usual_batch if batch is None else batch, predictor.network_size):
        labels = predictor.labels([frame for _, frame in group], modality)
        for (name, frame), label in zip(group, labels, strict=True):
            result = frame_result(frame, label)
            now = time.perf_counter()
            results[name] = replace(result, seconds=now - start)
            start = now
            matrix += results[name].matrix()
            done += 1
            if journal is not None:
                journal.add(results[name])
            if on_frame is not None:
                on_frame(done, frame, label, matrix)
    if not results:
        why = f" {len(failed)} could not be read, such as {failed[0].error}" if failed else ""
        raise InputError(
            f"none of the {len(names)} frames has ground truth; evaluation needs label/ beside rgb/, or SUN RGB-D's "
            f"annotations.{why}"
        )
    ordered = tuple(results[name] for name in names if name in results)
    return Evaluation(
        matrix=matrix,
        frames=len(ordered),
        unlabelled=tuple(unlabelled),
        seconds_per_frame=sum(result.seconds for result in ordered) / len(ordered),
        protocol=f"{describe_protocol(predictor)}; modality {modality}",
        provenance=predictor.provenance(modality).as_dict(),
        results=ordered,
        failed=tuple(failed),
    )


def batched_by_size(
    frames: Iterable[tuple[str, Frame]], batch: int, network_size: Callable[[int, int], tuple[int, int]]
) -> Iterator[list[tuple[str, Frame]]]:
    """Group frames of one network size, up to `batch` of them; at most twice that many frames wait for their like.

    Args:
        frames: name and frame.
        batch: the largest group.
        network_size: the network's input size for a frame's height and width.
    """
    waiting: dict[tuple[int, int], list[tuple[str, Frame]]] = {}
    for name, frame in frames:
        waiting.setdefault(network_size(*frame.size), []).append((name, frame))
        fullest = max(waiting, key=lambda size: len(waiting[size]))
        if len(waiting[fullest]) >= batch or sum(map(len, waiting.values())) >= 2 * batch:
            yield waiting.pop(fullest)
    yield from waiting.values()


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


def described_scores(matrix: np.ndarray) -> dict[str, Any]:
    """The scores of a confusion matrix as plain JSON types, ratios in percent, with the number of labelled pixels."""
    result = scores(matrix)
    return {
        "pixels": int(result.truth_pixels.sum()),
        "miou": percent(result.miou),
        "pixel_acc": percent(result.pixel_acc),
        "mean_acc": percent(result.mean_acc),
        "fw_iou": percent(result.fw_iou),
        "iou": [percent(value) for value in result.iou],
        "accuracy": [percent(value) for value in result.accuracy],
    }


def percent(ratio: float) -> float | None:
    """A ratio 0..1 in percent, rounded to four places; None for NaN, which JSON does not have."""
    return None if math.isnan(ratio) else round(100.0 * float(ratio), 4)
