"""Metrics of semantic segmentation, all from one confusion matrix.

The matrix is pooled over pixels (and frames); rows are the ground truth, columns the prediction, index k is class
k + 1; pixels whose ground truth is void are left out.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_confusion_matrix

from deresunet.classes import NUM_CLASSES
from deresunet.evaluation.scores import Scores, scores

__all__ = ["PooledConfusionMatrix", "Scores", "confusion_matrix", "scores"]


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


class PooledConfusionMatrix(Metric):
    """The pooled matrix as a stateful metric: updated batch by batch, summed over processes by torchmetrics.

    Sums of integers, so that the result is the same whatever process saw which frame.

    Args:
        num_classes: number of classes.
    """

    full_state_update = False
    higher_is_better = None
    cells: Tensor

    def __init__(self, num_classes: int = NUM_CLASSES) -> None:
        super().__init__()
        self.num_classes = num_classes
        zeros = torch.zeros(num_classes**2 + 1, dtype=torch.int64)
        self.add_state("cells", zeros, dist_reduce_fx="sum")

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
        row, column = truth.long().flatten() - 1, prediction.long().flatten() - 1
        # Void pixels go to a cell of their own behind the matrix. Neither picking them out nor `torch.bincount` would
        # do: both make the CPU wait for the GPU.
        cell = torch.where(row >= 0, row * self.num_classes + column, self.num_classes**2)
        self.cells.scatter_add_(0, cell, torch.ones_like(cell))

    def compute(self) -> Tensor:
        """int64 (num_classes, num_classes); rows are the ground truth. Feed it to `scores`."""
        return self.cells[:-1].view(self.num_classes, self.num_classes)
