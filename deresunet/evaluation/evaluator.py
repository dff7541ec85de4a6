"""Metrics of a predictor over a data set: one pooled confusion matrix at ground-truth resolution."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from deresunet.classes import SUNRGBD37, ClassSet, joined, label_map
from deresunet.data.frame import Frame
from deresunet.data.frame_tally import FrameTally
from deresunet.data.label_checks import SHIFT_FRAMES, check_shift
from deresunet.data.labels import class_set_of
from deresunet.data.prefetch import prefetch
from deresunet.data.readers import Frames
from deresunet.errors import InputError
from deresunet.evaluation.boundary_iou import boundary_iou, boundary_miou
from deresunet.evaluation.failures import Failure, nothing_to_score
from deresunet.evaluation.html import in_percent
from deresunet.evaluation.metrics import Scores, confusion_matrix, scores
from deresunet.evaluation.resume import ResumeFile
from deresunet.evaluation.stratified import DEPTH_RANGES, MEASURED, PLACES, FrameResult, frame_result, pool
from deresunet.inference.batching import batched_by_size
from deresunet.inference.prediction import Prediction
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality, usable_modality
from deresunet.inference.stored_predictions import MissingPredictionError, StoredPredictor

_LABELS = "logits bilinear to the ground truth's own resolution, argmax over {} classes"
_SCORING = "void ignored, one confusion matrix pooled over all frames, mIoU over the classes with ground truth"


def describe_protocol(predictor: SegmentationPredictor, classes: ClassSet) -> str:
    """Sentence on input size, augmentation, head and scoring of a predictor over a ground truth's classes."""
    labels = "" if isinstance(predictor, StoredPredictor) else f"{_LABELS.format(len(predictor.class_set))}, "
    return f"{predictor.protocol}, {labels}scored over {classes.title}, {_SCORING}"


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate`.

    Attributes:
        matrix: pooled confusion matrix, int64 (N, N + 1); rows are the ground truth, the last column predictions that
            are none of its classes.
        frames: number of frames in the matrix.
        unlabelled: names of frames without ground truth, which are not in the matrix.
        seconds_per_frame: wall time of a frame [s], reading and scoring included.
        protocol: input size, augmentation, scoring and modality, in words.
        provenance: weights, preprocessing, device and precision.
        results: result of each frame in the matrix, in order.
        failed: frames that could not be read and were skipped.
        missing: names of frames without a stored prediction, which are not in the matrix.
        resized: number of stored predictions of another size than their frames.
        notices: what looks wrong about the data set as a whole, such as files that are not taken.
        class_set: the N classes of the ground truth, which are scored over.
        network: the network's own classes.
        unmapped: classes of the label files that are none of `class_set` and became void.
    """

    matrix: np.ndarray
    frames: int
    unlabelled: tuple[str, ...]
    seconds_per_frame: float
    protocol: str
    provenance: dict[str, Any]
    results: tuple[FrameResult, ...] = ()
    failed: tuple[Failure, ...] = ()
    missing: tuple[str, ...] = ()
    resized: int = 0
    notices: tuple[str, ...] = ()
    class_set: ClassSet = SUNRGBD37
    network: ClassSet = SUNRGBD37
    unmapped: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on what is scored over: classes that only the ground truth, the network or the files have."""
        way = label_map(self.network, self.class_set)
        said = []
        if self.unmapped:
            said.append(
                f"{listing(self.unmapped)} of the label files {_is(self.unmapped)} none of {self.class_set.title}, and "
                "void."
            )
        if way.unreachable:
            said.append(
                f"{len(way.unreachable)} of the {len(self.class_set)} classes cannot be predicted by this network, "
                f"whose classes are {self.network.title}: {listing(way.unreachable)}."
            )
        if way.missing or self.scores.outside:
            share = self.scores.outside
            named = f"{listing(way.missing)} of the network {_is(way.missing)} none of {self.class_set.title}; "
            said.append(
                f"{named if way.missing else ''}{in_percent(share, 2)} of the labelled pixels are predicted "
                "as none of the ground truth's classes, and count as wrong."
            )
        return tuple(said)

    @property
    def scores(self) -> Scores:
        """Scores of the pooled matrix, 0..1."""
        return scores(self.matrix)

    def groups(self, key: Literal["sensor", "scene"]) -> dict[str, np.ndarray]:
        """Pooled matrix, int64 (N, N + 1), of each known sensor or room type, by name."""
        grouped: dict[str, np.ndarray] = {}
        for result in self.results:
            name = getattr(result, key)
            if name:
                grouped[name] = grouped.get(name, 0) + result.matrix()
        return dict(sorted(grouped.items()))

    @property
    def boundary(self) -> np.ndarray:
        """Pooled pixels of boundary bands, int64 (3, N), as `boundary_iou.boundary_counts` gives them."""
        return np.sum(
            [np.zeros((3, len(self.class_set)), np.int64), *(result.boundary for result in self.results)], axis=0
        )

    def stratified(self) -> dict[str, dict[str, np.ndarray]]:
        """Pooled matrix, int64 (N, N + 1), by depth, by whether depth was measured, and by nearness to a boundary."""
        total = pool(self.results, len(self.class_set))
        named = (("depth", DEPTH_RANGES), ("measured", MEASURED), ("place", PLACES))
        return {
            key: {name: np.take(total, index, axis).sum((0, 1)) for index, name in enumerate(names)}
            for axis, (key, names) in enumerate(named)
        }

    def tally(self) -> FrameTally:
        """Encodings of depth and kinds of warnings over the frames."""
        tally = FrameTally()
        for frame in self.results:
            tally.add_described(frame.name, frame.depth, frame.warnings)
        return tally

    def depth_summary(self) -> dict[str, Any]:
        """Encodings of depth by frames, and what looks wrong: frames by kind of warning, and the first few."""
        tally = self.tally()
        warned = [(frame.name, kind, text) for frame in self.results for kind, text in frame.warnings]
        return {
            "encodings": dict(tally.encodings),
            "frames_with_warnings": len({name for name, _, _ in warned}),
            "warnings": tally.warnings,
            "examples": [{"name": name, "kind": kind, "warning": text} for name, kind, text in warned[:20]],
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; ratios in percent, None where nothing defines them."""
        result = self.scores
        frames = Counter(frame.sensor for frame in self.results), Counter(frame.scene for frame in self.results)
        way = label_map(self.network, self.class_set)
        return {
            "class_set": {"name": self.class_set.name, "title": self.class_set.title},
            "network_classes": {
                "name": self.network.name,
                "title": self.network.title,
                "not_in_ground_truth": list(way.missing),
                "cannot_be_predicted": list(way.unreachable),
            },
            "outside": percent(result.outside),
            "miou": percent(result.miou),
            "pixel_acc": percent(result.pixel_acc),
            "mean_acc": percent(result.mean_acc),
            "fw_iou": percent(result.fw_iou),
            "iou": [percent(value) for value in result.iou],
            "accuracy": [percent(value) for value in result.accuracy],
            "precision": [percent(value) for value in result.precision],
            "f1": [percent(value) for value in result.f1],
            "boundary_miou": percent(boundary_miou(self.boundary)),
            "boundary_iou": [percent(value) for value in boundary_iou(self.boundary)],
            "classes": list(self.class_set.display_names),
            "frames": self.frames,
            "unlabelled": list(self.unlabelled),
            "failed": [vars(failure) for failure in self.failed],
            "missing_predictions": list(self.missing),
            "resized_predictions": self.resized,
            "sources": dict(sorted(Counter(frame.source for frame in self.results).items())),
            "sensors": {
                name: {"frames": frames[0][name], **describe_scores(matrix)}
                for name, matrix in self.groups("sensor").items()
            },
            "scenes": {
                name: {"frames": frames[1][name], **describe_scores(matrix)}
                for name, matrix in self.groups("scene").items()
            },
            "regions": {
                key: {name: describe_scores(matrix) for name, matrix in parts.items()}
                for key, parts in self.stratified().items()
            },
            "modalities": dict(Counter(frame.modality for frame in self.results)),
            "depth": self.depth_summary(),
            "notices": list(self.notices),
            "remarks": list(self.remarks),
            "protocol": self.protocol,
            "provenance": self.provenance,
            "seconds_per_frame": round(self.seconds_per_frame, 4),
        }


def evaluate(
    predictor: SegmentationPredictor,
    reader: Frames,
    modality: Modality = "rgbd",
    limit: int | None = None,
    on_frame: Callable[[int, Frame, np.ndarray, np.ndarray], None] | None = None,
    *,
    keep_label: Callable[[str, np.ndarray], None] | None = None,
    on_error: Literal["skip", "stop"] = "stop",
    workers: int = 2,
    resume: ResumeFile | None = None,
    batch: int | None = None,
) -> Evaluation:
    """Segment a data set and pool its confusion matrix.

    Args:
        predictor: the network with its weights.
        reader: the frames.
        modality: "rgbd", "rgb" or "depth".
        limit: number of frames to take from the start; None takes all.
        on_frame: called after each frame with the number of frames done, frame, predicted label and matrix so far.
        keep_label: called with each frame's name and predicted label, uint8 (H, W), before `resume` has the frame: what
            a killed run had not kept yet is segmented again.
        on_error: whether a frame that cannot be read ends the evaluation, or is left out and listed in the result.
        workers: threads that read frames ahead; they hold at most two frames each.
        resume: file that holds the results of frames done before and receives those of the others.
        batch: number of frames of one network size to segment at once; None takes the predictor's `usual_batch`.

    The reader's class set is scored over, and the network's labels are brought to it. The first frames' labels are
    tried moved by one, also where an earlier run left their results, unless the reader was told how they count.

    Raises:
        InputError: the split is empty, a frame cannot be used, or none has ground truth.

    Example:
        >>> import deresunet
        >>> from deresunet.data.readers import open_reader
        >>> result = evaluate(deresunet.load(device="cpu"), open_reader("rooms"), limit=1)
        >>> result.frames, result.matrix.shape, 0 < result.scores.miou < 1
        (1, (37, 38), True)
    """
    if not reader.names[:limit]:
        raise InputError("The split has no frames. Choose another --split, or put frames into its list.")
    names = reader.names[:limit]
    done_before = {} if resume is None else resume.results
    results: dict[str, FrameResult] = {name: done_before[name] for name in names if name in done_before}
    unlabelled = [name for name in names if resume is not None and name in resume.unlabelled]
    class_set, labels = class_set_of(reader), getattr(reader, "labels", None)
    way = joined(predictor.class_set, class_set)
    matrix = pool(results.values(), len(class_set)).sum((0, 1, 2))
    failed: list[Failure] = []
    missing: list[str] = []
    left = [name for name in names if resume is None or name not in resume]
    done = len(names) - len(left)
    shift_known = labels is not None and labels.offset is not None
    if len(results) >= SHIFT_FRAMES:
        shift_known = shift_known or _check_shift(results.values(), class_set)
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
            if resume is not None:
                resume.add_unlabelled(name)

    for group in batched_by_size(usable(), predictor.usual_batch if batch is None else batch, predictor.network_size):
        try:
            predicted = predictor.labels([frame for _, frame in group], modality)
        except MissingPredictionError:  # comes from stored predictions, which go one by one
            missing += [name for name, _ in group]
            done += len(group)
            continue
        except InputError as error:
            if on_error == "stop":
                raise
            failed += [Failure(name, str(error)) for name, _ in group]
            done += len(group)
            continue
        for (name, frame), own in zip(group, predicted, strict=True):
            label = own if way.identity else way.table[own]
            result = replace(frame_result(frame, label), modality=usable_modality(frame, modality))
            now = time.perf_counter()
            results[name] = replace(result, seconds=now - start)
            if not shift_known and len(results) >= SHIFT_FRAMES:
                shift_known = _check_shift(results.values(), class_set)
            start = now
            matrix += results[name].matrix()
            done += 1
            if keep_label is not None:
                keep_label(name, label)
            if resume is not None:
                resume.add(results[name])
            if on_frame is not None:
                on_frame(done, frame, label, matrix)
    if not shift_known:
        _check_shift(results.values(), class_set)
    if not results and missing:
        raise InputError(
            f"{predictor.checkpoint.name} has no prediction for any of the {len(names)} frames, such as {missing[0]}. "
            "Predictions are named as the frames."
        )
    if not results:
        raise nothing_to_score(len(names), failed)
    ordered = tuple(results[name] for name in names if name in results)
    return Evaluation(
        matrix=matrix,
        frames=len(ordered),
        unlabelled=tuple(unlabelled),
        seconds_per_frame=sum(result.seconds for result in ordered) / len(ordered),
        protocol=f"{describe_protocol(predictor, class_set)}; modality {modality}",
        provenance=predictor.provenance(modality).as_dict(),
        results=ordered,
        failed=tuple(failed),
        missing=tuple(missing),
        resized=len(predictor.resized) if isinstance(predictor, StoredPredictor) else 0,
        notices=tuple(getattr(reader, "notices", ())),
        class_set=class_set,
        network=predictor.class_set,
        unmapped=() if labels is None else labels.way.missing,
    )


def _check_shift(results: Iterable[FrameResult], classes: ClassSet) -> bool:
    first = list(itertools.islice(results, SHIFT_FRAMES))
    check_shift(pool(first, len(classes)).sum((0, 1, 2)), len(first))
    return True


def listing(names: Sequence[str], most: int = 6) -> str:
    """Names in one line, the further ones as a number."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def describe_frame(frame: Frame, prediction: Prediction) -> dict[str, Any]:
    """Description of one frame's prediction, as plain JSON types.

    Classes present, provenance, intrinsics [px] and how depth was understood; where there is ground truth, also IoU per
    class, mIoU and pixel accuracy in percent (None where nothing defines them).
    """
    classes = prediction.class_set
    pixels = np.bincount(prediction.label.ravel(), minlength=len(classes) + 1)[1:]
    described: dict[str, Any] = {
        "name": frame.name,
        "height": frame.size[0],
        "width": frame.size[1],
        "classes": [
            {
                "label": int(k) + 1,
                "name": classes.display_name(int(k) + 1),
                "share": round(float(pixels[k] / prediction.label.size), 6),
            }
            for k in np.argsort(-pixels, kind="stable")
            if pixels[k]
        ],
        "class_set": {"name": classes.name, "title": classes.title},
        "mean_confidence": None if np.isnan(mean := float(prediction.confidence.mean())) else round(mean, 4),
        "latency_ms": round(prediction.latency_ms, 1),
        "provenance": prediction.provenance.as_dict(),
    }
    described["intrinsics"] = None if frame.intrinsics is None else frame.intrinsics.tolist()
    described["depth"] = None if frame.depth_reading is None else frame.depth_reading.as_dict()
    described["warnings"] = list(frame.warnings)
    if frame.label is not None:
        way = joined(classes, frame.class_set)
        result = scores(confusion_matrix(frame.label, way.table[prediction.label], len(frame.class_set)))
        described["ground_truth_classes"] = {"name": frame.class_set.name, "title": frame.class_set.title}
        described["outside"] = percent(result.outside)
        described["iou"] = [percent(value) for value in result.iou]
        described["miou"] = percent(result.miou)
        described["pixel_acc"] = percent(result.pixel_acc)
    return described


def describe_scores(matrix: np.ndarray) -> dict[str, Any]:
    """Scores of a confusion matrix as plain JSON types: ratios in percent, and the number of labelled pixels."""
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
    """Ratio 0..1 in percent, rounded to four places; None for NaN, which JSON does not have."""
    return None if math.isnan(ratio) else round(100.0 * float(ratio), 4)
