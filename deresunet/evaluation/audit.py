"""Label audit: regions where the ground truth is probably wrong, ranked.

A finding is a connected region that the ground truth calls one class and a confident network another. Networks are
wrong more often than annotators, so what tells an annotation error from a network's error is weighed in:

- confidence: probability of the predicted class less that of the annotated one (confident learning, Northcutt et al.
  2021, https://arxiv.org/abs/1911.00068), averaged over the region;
- compactness: thin strips along class boundaries are a matter of where the boundary runs;
- coverage: an object that was given a wrong name disagrees as a whole;
- trust: of the pixels that the network predicts as this class and that are annotated as one of the two, the share that
  the ground truth agrees with in the rest of the data set, so that usual confusions count little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from deresunet.atomic import csv_text
from deresunet.classes import SUNRGBD37, VOID, ClassSet, joined
from deresunet.data.frame import Frame
from deresunet.data.labels import class_set_of
from deresunet.data.passes import Failure, Pass
from deresunet.data.readers import Reader
from deresunet.errors import InputError
from deresunet.evaluation.failures import nothing_to_score
from deresunet.evaluation.metrics import confusion_matrix
from deresunet.evaluation.predicted import predicted_frames
from deresunet.inference.prediction import TOP_K, Prediction
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality, usable_modality

# Smallest region, as a share of the frame's pixels: 922 px at 480x640.
MIN_AREA = 0.003
# Least mean confidence of the predicted class over a region.
MIN_CONFIDENCE = 0.5
# Findings kept of one frame; more are one bad frame, not annotation errors.
MAX_PER_FRAME = 20
# Columns of the CSV.
FIELDS = (
    *("rank", "frame", "annotated", "predicted", "score", "confidence", "margin", "area_px", "compactness", "coverage"),
    *("left", "top", "width", "height"),
)
_FOUR_CONNECTED = ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True, eq=False)
class Finding:
    """A region whose annotation is suspect.

    Attributes:
        frame: name of the frame.
        annotated: class of the ground truth, 1..N.
        predicted: class of the prediction, 1..N.
        top: first row of the region's bounding box [px].
        left: first column of the region's bounding box [px].
        region: bool (h, w): the region within its bounding box.
        confidence: mean probability of the predicted class over the region, 0..1.
        margin: mean probability of the predicted class less that of the annotated class, -1..1.
        compactness: area of the largest inscribed circle as a share of the region's, 0..1.
        coverage: share of the annotated object that the region is, 0..1.
        score: rank of the finding, 0..1; comparable within one audit.
    """

    frame: str
    annotated: int
    predicted: int
    top: int
    left: int
    region: np.ndarray
    confidence: float
    margin: float
    compactness: float
    coverage: float
    score: float = float("nan")

    @property
    def area(self) -> int:
        """Pixels of the region."""
        return int(self.region.sum())

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """The region in a frame of `size` (height, width), bool (H, W)."""
        whole = np.zeros(size, bool)
        height, width = self.region.shape
        whole[self.top : self.top + height, self.left : self.left + width] = self.region
        return whole

    def as_row(self, classes: ClassSet) -> dict[str, Any]:
        """Plain types for CSV and JSON: names of the classes, ratios 0..1, box in pixels."""
        height, width = self.region.shape
        return {
            "frame": self.frame,
            "annotated": classes.display_name(self.annotated),
            "predicted": classes.display_name(self.predicted),
            "score": round(self.score, 4),
            "confidence": round(self.confidence, 4),
            "margin": round(self.margin, 4),
            "area_px": self.area,
            "compactness": round(self.compactness, 4),
            "coverage": round(self.coverage, 4),
            **{"left": self.left, "top": self.top, "width": width, "height": height},
        }


@dataclass(frozen=True, eq=False)
class Audit:
    """Result of `audit`.

    Attributes:
        findings: all findings, the most suspect first.
        frames: number of frames with ground truth that were compared.
        failed: frames that could not be read and were skipped.
        class_set: the N classes of the ground truth.
    """

    findings: tuple[Finding, ...]
    frames: int
    failed: tuple[Failure, ...] = ()
    class_set: ClassSet = SUNRGBD37

    def csv(self) -> str:
        """Findings as CSV, a line each, the most suspect first."""
        rows = ({"rank": rank, **one.as_row(self.class_set)} for rank, one in enumerate(self.findings, 1))
        return csv_text(FIELDS, ([row[field] for field in FIELDS] for row in rows))

    def frame_list(self) -> str:
        """Names of the frames with findings, one a line, the most suspect first: a list as splits are."""
        return "".join(f"{name}\n" for name in dict.fromkeys(one.frame for one in self.findings))


def audit(
    predictor: SegmentationPredictor,
    reader: Reader,
    modality: Modality = "rgbd",
    limit: int | None = None,
    on_frame: Callable[[int], None] | None = None,
    *,
    on_error: Literal["skip", "stop"] = "stop",
    workers: int = 2,
    min_area: float = MIN_AREA,
    min_confidence: float = MIN_CONFIDENCE,
) -> Audit:
    """Find regions of a data set whose annotation is suspect.

    Args:
        predictor: the network with its weights, or stored predictions with confidences.
        reader: the frames.
        modality: "rgbd", "rgb" or "depth".
        limit: number of frames to take from the start; None takes all.
        on_frame: called after each frame with the number of frames done.
        on_error: whether a frame that cannot be read ends the audit, or is left out and listed.
        workers: threads that read frames ahead.
        min_area: smallest region, as a share of the frame's pixels.
        min_confidence: least mean confidence of the predicted class over a region, 0..1.

    Raises:
        InputError: there are no frames, none has ground truth, a frame cannot be used, or confidences are missing.
    """
    names = reader.names[:limit]
    found: list[Finding] = []
    class_set = class_set_of(reader)
    matrix = np.zeros((len(class_set), len(class_set) + 1), np.int64)
    audited = 0

    def read(name: str) -> Frame:
        frame = reader.read(name)
        if frame.label is None:
            return frame
        usable_modality(frame, modality)
        # Regions are of the frame, whatever the label's own size.
        return replace(frame, label=frame.aligned_label)

    frames = Pass(names, read, workers, on_error)
    for name, frame, prediction in predicted_frames(predictor, frames, modality, TOP_K):
        try:
            if isinstance(prediction, InputError):
                raise prediction
            if prediction is not None:
                assert frame.label is not None
                brought = prediction.brought_by(joined(prediction.class_set, frame.class_set))
                matrix += confusion_matrix(frame.label, brought.label, len(class_set))
                found += frame_findings(frame, brought, min_area, min_confidence)
                audited += 1
            frames.done += 1
        except InputError as error:
            frames.fail(name, error)
        if on_frame is not None:
            on_frame(frames.done)
    if not audited:
        raise nothing_to_score(len(names), frames.failed)
    return Audit(rank(found, matrix), audited, tuple(frames.failed), class_set)


def frame_findings(
    frame: Frame, prediction: Prediction, min_area: float = MIN_AREA, min_confidence: float = MIN_CONFIDENCE
) -> list[Finding]:
    """Suspect regions of one frame, not ranked yet.

    Args:
        frame: with its ground truth.
        prediction: of the frame, with confidences, in the frame's classes; regions of none of them are no findings.
        min_area: smallest region, as a share of the frame's pixels.
        min_confidence: least mean confidence of the predicted class over a region, 0..1.

    Raises:
        InputError: the prediction has no confidences.
    """
    assert frame.label is not None
    if np.isnan(prediction.confidence).all():
        raise InputError(
            f"{frame.name}: the prediction has no confidences. Store them as confidence/{frame.name}.png beside the "
            "labels."
        )
    margin = prediction.confidence - _probability_of(frame.label, prediction)
    least = max(1, round(min_area * frame.label.size))
    classes = len(frame.class_set)
    comparable = (frame.label != VOID) & (prediction.label != VOID) & (prediction.label <= classes)
    differs = comparable & (frame.label != prediction.label)
    # One number for a pair of classes, so that regions of one pair are labelled together.
    pairs = np.where(differs, frame.label.astype(np.int32) * (classes + 1) + prediction.label, 0)
    values, counts = np.unique(pairs[differs], return_counts=True)
    objects = {label: ndimage.label(frame.label == label)[0] for label in np.unique(values // (classes + 1))}
    findings = []
    for pair in values[counts >= least]:
        annotated, predicted = divmod(int(pair), classes + 1)
        for region, (rows, columns) in _regions(pairs == pair, least):
            confidence = float(prediction.confidence[rows, columns][region].mean())
            if confidence < min_confidence:
                continue
            # The object is the connected piece of the annotated class that holds most of the region.
            pieces = np.bincount(objects[annotated][rows, columns][region])
            object_area = np.count_nonzero(objects[annotated] == pieces.argmax())
            findings.append(
                Finding(
                    frame=frame.name,
                    annotated=annotated,
                    predicted=predicted,
                    top=rows.start,
                    left=columns.start,
                    region=region,
                    confidence=confidence,
                    margin=float(margin[rows, columns][region].mean()),
                    compactness=_compactness(region),
                    coverage=min(1.0, float(region.sum() / object_area)),
                )
            )
    findings.sort(key=lambda one: -one.margin * one.compactness * one.area)
    return findings[:MAX_PER_FRAME]


def rank(findings: list[Finding], matrix: np.ndarray) -> tuple[Finding, ...]:
    """Score findings and put the most suspect first.

    Args:
        findings: of all frames of a data set.
        matrix: pooled confusion matrix of the data set, int64 (N, N + 1); rows are the ground truth.
    """
    scored = []
    for one in findings:
        row, column = one.annotated - 1, one.predicted - 1
        right = float(matrix[column, column])
        # The region's own pixels are not evidence of a usual confusion.
        confused = max(0.0, float(matrix[row, column]) - one.area)
        trust = right / (right + confused) if right + confused else 0.0
        score = max(0.0, one.margin) * trust * np.sqrt(one.compactness * one.coverage)
        scored.append(replace(one, score=float(score)))
    return tuple(sorted(scored, key=lambda one: (-one.score, one.frame, one.top, one.left)))


def _probability_of(label: np.ndarray, prediction: Prediction) -> np.ndarray:
    """Probability of each pixel's annotated class, float32 (H, W); 0 where it is not among those kept."""
    return np.where(prediction.classes == label, prediction.probabilities, np.float32(0.0)).sum(0)


def _regions(mask: np.ndarray, least: int) -> Iterator[tuple[np.ndarray, tuple[slice, slice]]]:
    """Connected regions of at least `least` pixels: the region within its bounding box, and the box."""
    labelled, _ = ndimage.label(mask, _FOUR_CONNECTED)
    sizes = np.bincount(labelled.ravel())
    for index, box in enumerate(ndimage.find_objects(labelled), 1):
        if box is not None and sizes[index] >= least:
            yield labelled[box] == index, box


def _compactness(region: np.ndarray) -> float:
    """Area of the largest inscribed circle as a share of the region's, 0..1: pi/4 for a square, near 0 for a strip."""
    radius = float(ndimage.distance_transform_edt(np.pad(ndimage.binary_fill_holes(region), 1)).max())
    return min(1.0, float(np.pi * radius**2 / region.sum()))
