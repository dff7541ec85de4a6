"""Evaluation of a predictor over a data set: one pooled confusion matrix at ground-truth resolution."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
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
from deresunet.evaluation.evaluation import Evaluation, percent
from deresunet.evaluation.failures import nothing_to_score
from deresunet.evaluation.metrics import confusion_matrix, scores
from deresunet.evaluation.resume import ResumeFile
from deresunet.evaluation.stratified import FrameResult, frame_result, pool
from deresunet.inference.batching import batched_by_size
from deresunet.inference.prediction import Prediction
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality
from deresunet.inference.stored_predictions import MissingPredictionError, StoredPredictor

_LABELS = "logits bilinear to the ground truth's own resolution, argmax over {} classes"
_SCORING = "void ignored, one confusion matrix pooled over all frames, mIoU over the classes with ground truth"


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
    missing: list[str] = []
    left = [name for name in names if resume is None or name not in resume]
    shift_known = labels is not None and labels.offset is not None
    if len(results) >= SHIFT_FRAMES:
        shift_known = shift_known or _check_shift(results.values(), class_set)
    start = time.perf_counter()

    def read(name: str) -> Frame:
        frame = reader.read(name)
        if frame.label is not None:
            predictor.modality_of(frame, modality)
        return frame

    frames = Pass(left, read, workers, on_error, done=len(names) - len(left))

    def labelled() -> Iterator[tuple[str, Frame]]:
        for name, frame in frames:
            if frame.label is not None:
                yield name, frame
                continue
            unlabelled.append(name)
            frames.done += 1
            if resume is not None:
                resume.add_unlabelled(name)

    batch = predictor.usual_batch if batch is None else batch
    for group in batched_by_size(labelled(), batch, predictor.network_size):
        try:
            predicted = predictor.labels([frame for _, frame in group], modality)
        except MissingPredictionError:  # comes from stored predictions, which go one by one
            missing += [name for name, _ in group]
            frames.done += len(group)
            continue
        except InputError as error:
            for name, _ in group:
                frames.fail(name, error)
            continue
        for (name, frame), own in zip(group, predicted, strict=True):
            label = own if way.identity else way.table[own]
            result = replace(frame_result(frame, label), modality=predictor.modality_of(frame, modality))
            now = time.perf_counter()
            results[name] = replace(result, seconds=now - start)
            if not shift_known and len(results) >= SHIFT_FRAMES:
                shift_known = _check_shift(results.values(), class_set)
            start = now
            matrix += results[name].matrix()
            frames.done += 1
            if keep_label is not None:
                keep_label(name, label)
            if resume is not None:
                resume.add(results[name])
            if on_frame is not None:
                on_frame(frames.done, frame, label, matrix)
    if not shift_known:
        _check_shift(results.values(), class_set)
    if not results and missing:
        raise InputError(
            f"{predictor.checkpoint.name} has no prediction for any of the {len(names)} frames, such as {missing[0]}. "
            "Predictions are named as the frames."
        )
    if not results:
        raise nothing_to_score(len(names), frames.failed)
    ordered = tuple(results[name] for name in names if name in results)
    return Evaluation(
        matrix=matrix,
        frames=len(ordered),
        unlabelled=tuple(unlabelled),
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


def _check_shift(results: Iterable[FrameResult], classes: ClassSet) -> bool:
    first = list(itertools.islice(results, SHIFT_FRAMES))
    check_shift(pool(first, len(classes)).sum((0, 1, 2)), len(first))
    return True


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
        result = scores(confusion_matrix(frame.label, predicted, len(frame.class_set)))
        described["ground_truth_classes"] = {"name": frame.class_set.name, "title": frame.class_set.title}
        described["outside"] = percent(result.outside)
        described["iou"] = [percent(value) for value in result.iou]
        described["miou"] = percent(result.miou)
        described["pixel_acc"] = percent(result.pixel_acc)
    return described
