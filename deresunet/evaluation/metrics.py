"""Metrics of semantic segmentation, all from one confusion matrix. NumPy alone.

The matrix is pooled over pixels (and frames); rows are the ground truth's N classes, columns the prediction, index k is
class k + 1; pixels whose ground truth is void are left out. A further column N holds predictions that are none of the
ground truth's classes: they are wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from deresunet.classes import VOID

# Counts up whenever results of an earlier version must not be resumed or shown as today's.
METRICS_VERSION = 4


def confusion_matrix(truth: np.ndarray, prediction: np.ndarray, num_classes: int) -> np.ndarray:
    """Pixels of each ground-truth class (row) by predicted class (column).

    Args:
        truth: uint8 (...), 0 = void, 1..num_classes.
        prediction: uint8 of the same shape, 1..num_classes; 0 and all above is none of these classes.
        num_classes: number of classes N of the ground truth.

    Returns:
        int64 (N, N + 1).

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> confusion_matrix(np.array([1, 1, 2, 2, 0]), np.array([1, 2, 2, 3, 1]), num_classes=2)
        array([[1, 1, 0],
               [0, 1, 1]])
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"ground truth is {truth.shape} and prediction {prediction.shape}; expected equal shapes")
    known = truth != VOID
    columns = num_classes + 1
    cell = (truth[known].astype(np.int64) - 1) * columns + column_of(prediction[known], num_classes)
    return np.bincount(cell, minlength=num_classes * columns).reshape(num_classes, columns)


def column_of(prediction: np.ndarray, num_classes: int) -> np.ndarray:
    """Columns 0..N of a confusion matrix, uint8, of predicted labels; 0 and all above N are column N."""
    # As uint8, so that 0 less 1 is 255.
    return np.minimum(prediction.astype(np.uint8) - np.uint8(1), np.uint8(num_classes))


@dataclass(frozen=True)
class Scores:
    """Scores of a confusion matrix. Ratios are 0..1; NaN where nothing defines them.

    Attributes:
        iou: float64 (classes,): intersection over union; NaN for a class in neither truth nor prediction.
        accuracy: float64 (classes,): recall; NaN for a class without ground truth.
        miou: mean IoU over the classes with ground truth (a class that is only predicted lowers the others' IoU
            through its false positives, and does not count as one more class).
        mean_acc: mean of `accuracy` over the same classes.
        pixel_acc: share of labelled pixels that are right.
        fw_iou: IoU weighted by the classes' ground-truth shares.
        truth_pixels: int64 (classes,): pixels of each class in the ground truth.
        predicted_pixels: int64 (classes,): pixels predicted as each class, where there is ground truth.
        outside: share of labelled pixels that are predicted as none of the classes.
    """

    iou: np.ndarray
    accuracy: np.ndarray
    miou: float
    mean_acc: float
    pixel_acc: float
    fw_iou: float
    truth_pixels: np.ndarray
    predicted_pixels: np.ndarray
    outside: float = 0.0

    @property
    def recall(self) -> np.ndarray:
        """float64 (classes,): share of a class's ground truth that is predicted as it; `accuracy` by its other name."""
        return self.accuracy

    @property
    def precision(self) -> np.ndarray:
        """float64 (classes,): share of a class's predictions that are right; NaN for a class never predicted."""
        return _ratio(self._true_positives, self.predicted_pixels)

    @property
    def f1(self) -> np.ndarray:
        """float64 (classes,): harmonic mean of precision and recall (Dice); NaN for a class in neither."""
        return _ratio(2 * self._true_positives, self.truth_pixels + self.predicted_pixels)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types: pixels, ratios in percent, and those of each class in order; None where undefined."""
        means = ("miou", "pixel_acc", "mean_acc", "fw_iou", "outside")
        by_class = ("iou", "accuracy", "precision", "f1")
        return {
            "pixels": int(self.truth_pixels.sum()),
            **{key: percent(getattr(self, key)) for key in means},
            **{key: [percent(ratio) for ratio in getattr(self, key)] for key in by_class},
        }

    @property
    def _true_positives(self) -> np.ndarray:
        return np.nan_to_num(self.accuracy) * self.truth_pixels


def scores(matrix: np.ndarray) -> Scores:
    """Scores of a confusion matrix (N, N + 1) as `confusion_matrix` gives it, or of a sum of such, or of an (N, N)."""
    right = np.diag(matrix)
    truth = matrix.sum(1)
    predicted = matrix[:, : len(matrix)].sum(0)
    union = truth + predicted - right
    iou = _ratio(right, union)
    accuracy = _ratio(right, truth)
    labelled = truth > 0
    total = int(truth.sum())
    return Scores(
        iou=iou,
        accuracy=accuracy,
        miou=float(iou[labelled].mean()) if total else float("nan"),
        mean_acc=float(accuracy[labelled].mean()) if total else float("nan"),
        pixel_acc=float(right.sum() / total) if total else float("nan"),
        fw_iou=float((iou[labelled] * truth[labelled]).sum() / total) if total else float("nan"),
        truth_pixels=truth,
        predicted_pixels=predicted,
        outside=float(matrix[:, len(matrix) :].sum() / total) if total else float("nan"),
    )


def percent(ratio: float) -> float | None:
    """Ratio 0..1 in percent, rounded to four places; None for NaN, which JSON does not have."""
    return None if math.isnan(ratio) else round(100.0 * float(ratio), 4)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
