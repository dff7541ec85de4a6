"""Evaluation of a predictor over a data set: one pooled confusion matrix at ground-truth resolution."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from deresunet.classes import ClassSet, joined
from deresunet.data.arrays import nearest
from deresunet.data.frame import Frame
from deresunet.data.label_checks import SHIFT_FRAMES, check_shift
from deresunet.data.labels import class_set_of
from deresunet.data.passes import Pass
from deresunet.data.readers import Frames
from deresunet.errors import InputError
from deresunet.evaluation.evaluation import Evaluation
from deresunet.evaluation.failures import nothing_to_score
from deresunet.evaluation.metrics import confusion_matrix, scores
from deresunet.evaluation.predicted import predicted_frames
from deresunet.evaluation.resume import ResumeFile
from deresunet.evaluation.stratified import FrameResult, frame_result, pool
from deresunet.inference.prediction import Prediction
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality
from deresunet.inference.stored_predictions import MissingPredictionError, StoredPredictor

_LABELS = "logits bilinear to the ground truth's own resolution, argmax over {} classes"
_SCORING = "void ignored, one confusion matrix pooled over all frames, mIoU over the classes with ground truth"


class StoppedError(Exception):
    """The evaluation was asked to stop."""


def describe_protocol(predictor: SegmentationPredictor, classes: ClassSet) -> str:
    """Sentence on input size, augmentation, head and scoring of a predictor over a ground truth's classes."""
    labels = "" if isinstance(predictor, StoredPredictor) else f"{_LABELS.format(len(predictor.class_set))}, "
    return f"{predictor.protocol}, {labels}scored over {classes.title}, {_SCORING}"


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
    stop: threading.Event | None = None,
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
        stop: set to end the evaluation before the next frame.

    The reader's class set is scored over, and the network's labels are brought to it. The first frames' labels are
    tried moved by one, also where an earlier run left their results, unless the reader was told how they count.

    Raises:
        InputError: the split is empty, a frame cannot be used, or none has ground truth.
        StoppedError: `stop` was set.

    Example:
        >>> import deresunet
        >>> from deresunet.data.readers import open_reader
        >>> result = evaluate(deresunet.load(device="cpu"), open_reader("rooms"), limit=1)
        >>> result.frames, result.matrix.shape, 0 < result.scores.miou < 1
        (1, (37, 38), True)
    """
    names = reader.names[:limit]
    if not names:
        raise InputError("The split has no frames. Choose another --split, or put frames into its list.")
    labels, class_set = getattr(reader, "labels", None), class_set_of(reader)
    found = _Results(names, class_set, resume, shift_known=labels is not None and labels.offset is not None)
    way = joined(predictor.class_set, class_set)
    missing: list[str] = []

    def read(name: str) -> Frame:
        if stop is not None and stop.is_set():
            raise StoppedError
        frame = reader.read(name)
        if frame.label is not None:
            predictor.modality_of(frame, modality)
        return frame

    left = [name for name in names if resume is None or name not in resume]
    frames = Pass(left, read, workers, on_error, done=len(names) - len(left))
    start = time.perf_counter()
    for name, frame, prediction in predicted_frames(predictor, frames, modality, 1, batch):
        if isinstance(prediction, MissingPredictionError):
            missing.append(name)
        elif isinstance(prediction, InputError):
            frames.fail(name, prediction)
            continue
        elif prediction is None:
            found.add_unlabelled(name)
        else:
            label = prediction.label if way.identity else way.table[prediction.label]
            result = frame_result(frame, label, confidence=prediction.confidence)
            now = time.perf_counter()
            found.check_shift(result)
            if keep_label is not None:
                keep_label(name, label)
            used = predictor.modality_of(frame, modality)
            found.add(replace(result, name=name, modality=used, seconds=now - start))
            start = now
        frames.done += 1
        if isinstance(prediction, Prediction) and on_frame is not None:
            on_frame(frames.done, frame, label, found.matrix)
    found.check_shift()
    if not found.results and missing:
        raise InputError(
            f"{predictor.checkpoint.name} has no prediction for any of the {len(names)} frames, such as {missing[0]}. "
            "Predictions are named as the frames."
        )
    if not found.results:
        raise nothing_to_score(len(names), frames.failed)
    ordered = tuple(found.results[name] for name in names if name in found.results)
    return Evaluation(
        matrix=found.matrix,
        frames=len(ordered),
        unlabelled=tuple(found.unlabelled),
        seconds_per_frame=sum(result.seconds for result in ordered) / len(ordered),
        protocol=f"{describe_protocol(predictor, class_set)}; modality {modality}",
        provenance=predictor.provenance(modality).as_dict(),
        results=ordered,
        failed=tuple(frames.failed),
        missing=tuple(missing),
        resized=len(predictor.resized) if isinstance(predictor, StoredPredictor) else 0,
        notices=tuple(getattr(reader, "notices", ())),
        class_set=class_set,
        network=predictor.class_set,
        unmapped=() if labels is None else labels.way.missing,
    )


class _Results:
    """Results of an evaluation so far, those of an earlier run included; stored as they come.

    Attributes:
        results: by name of the frame.
        unlabelled: names of frames without ground truth.
        matrix: pooled confusion matrix, int64 (N, N + 1).
    """

    def __init__(self, names: Sequence[str], classes: ClassSet, resume: ResumeFile | None, shift_known: bool) -> None:
        done = {} if resume is None else resume.results
        self.results = {name: done[name] for name in names if name in done}
        self.unlabelled = [name for name in names if resume is not None and name in resume.unlabelled]
        self.matrix = pool(self.results.values(), len(classes)).sum((0, 1, 2))
        self._classes, self._resume, self._shift_known = classes, resume, shift_known
        if len(self.results) >= SHIFT_FRAMES:
            self.check_shift()

    def check_shift(self, coming: FrameResult | None = None) -> None:
        """Try the first frames' labels moved by one: at once, or as soon as there are enough with a `coming` frame.

        Raises:
            InputError: they fit better so.
        """
        first = [*itertools.islice(self.results.values(), SHIFT_FRAMES), *([] if coming is None else [coming])]
        if not self._shift_known and (coming is None or len(first) >= SHIFT_FRAMES):
            first = first[:SHIFT_FRAMES]
            check_shift(pool(first, len(self._classes)).sum((0, 1, 2)), len(first))
            self._shift_known = True

    def add(self, result: FrameResult) -> None:
        self.results[result.name] = result
        self.matrix += result.matrix()
        if self._resume is not None:
            self._resume.add(result)

    def add_unlabelled(self, name: str) -> None:
        self.unlabelled.append(name)
        if self._resume is not None:
            self._resume.add_unlabelled(name)


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
        predicted = nearest(way.table[prediction.label], frame.label.shape)
        scored = scores(confusion_matrix(frame.label, predicted, len(frame.class_set))).as_dict()
        described["ground_truth_classes"] = {"name": frame.class_set.name, "title": frame.class_set.title}
        described |= {key: scored[key] for key in ("outside", "iou", "miou", "pixel_acc")}
    return described
