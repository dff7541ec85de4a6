"""Metrics of semantic segmentation, all from one confusion matrix.

The matrix is pooled over pixels (and frames); rows are the ground truth, columns the prediction, index k is class
k + 1; pixels whose ground truth is void are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_confusion_matrix

from deresunet.classes import NUM_CLASSES


def confusion_matrix(truth: np.ndarray, prediction: np.ndarray, num_classes: int = NUM_CLASSES) -> np.ndarray:
    """Pixels of each class (row) that were taken for each class (column).

    Args:
        truth: uint8 (...), 0 = void, 1..num_classes.
        prediction: uint8 of the same shape, 1..num_classes.
        num_classes: number of classes.

    Returns:
        int64 (num_classes, num_classes).

    Raises:
        ValueError: the shapes differ.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"ground truth is {truth.shape} and prediction {prediction.shape}; expected equal shapes")
    known = truth != 0
    if not known.any():
        return np.zeros((num_classes, num_classes), np.int64)
    matrix = multiclass_confusion_matrix(
        torch.from_numpy(prediction[known].astype(np.int64) - 1),
        torch.from_numpy(truth[known].astype(np.int64) - 1),
        num_classes,
    )
    return matrix.numpy()


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


class PooledConfusionMatrix(Metric):
    """The pooled matrix as a stateful metric: updated batch by batch, summed over processes by torchmetrics.

    Args:
        num_classes: number of classes.
    """

    full_state_update = False
    matrix: Tensor

    def __init__(self, num_classes: int = NUM_CLASSES) -> None:
        super().__init__()
        self.num_classes = num_classes
        zeros = torch.zeros(num_classes, num_classes, dtype=torch.int64)
        self.add_state("matrix", zeros, dist_reduce_fx="sum")

    def update(self, truth: Tensor, prediction: Tensor) -> None:
        """Add pixels.

        Args:
            truth: integers (...), 0 = void, 1..num_classes.
            prediction: integers of the same shape, 1..num_classes.

        Raises:
            ValueError: the shapes differ.
        """
        if truth.shape != prediction.shape:
            raise ValueError(
                f"ground truth is {tuple(truth.shape)} and prediction {tuple(prediction.shape)}; expected equal shapes"
            )
        known = truth != 0
        if known.any():
            self.matrix += multiclass_confusion_matrix(
                prediction[known].long() - 1, truth[known].long() - 1, self.num_classes
            )

    def compute(self) -> Tensor:
        """int64 (num_classes, num_classes); rows are the ground truth. Feed it to `scores`."""
        return self.matrix


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
