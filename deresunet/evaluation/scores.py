"""What follows from a confusion matrix; see `deresunet.evaluation.metrics` for how one is made. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """What follows from a confusion matrix. Ratios are 0..1; NaN where nothing defines them.

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
    """

    iou: np.ndarray
    accuracy: np.ndarray
    miou: float
    mean_acc: float
    pixel_acc: float
    fw_iou: float
    truth_pixels: np.ndarray
    predicted_pixels: np.ndarray


def scores(matrix: np.ndarray) -> Scores:
    """Scores of a confusion matrix (classes, classes) as `confusion_matrix` gives it, or of a sum of such."""
    right = np.diag(matrix)
    truth = matrix.sum(1)
    predicted = matrix.sum(0)
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
    )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
