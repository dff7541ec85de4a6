"""Confusion matrix and loss, pooled over a pass and over all processes, without waiting for the GPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric


class PooledConfusion(Metric):
    """Sums of integers, so that the result is the same whatever process saw which frame.

    Rows are the ground truth, columns the prediction; index k is class k + 1. `torch.bincount` would make the CPU wait
    for the GPU; `scatter_add_` does not.

    Args:
        classes: number of classes.
    """

    full_state_update = False
    higher_is_better = None
    matrix: Tensor
    loss_sum: Tensor
    pixels: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.add_state("matrix", torch.zeros(classes * classes + 1, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("loss_sum", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("pixels", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, label: Tensor, prediction: Tensor, loss: Tensor | None = None) -> None:
        """Add pixels.

        Args:
            label: uint8 (...), 0 = void, 1..classes.
            prediction: network indices 0..classes - 1, of the same shape.
            loss: mean loss over the labelled pixels.
        """
        truth = label.long().flatten() - 1
        known = truth >= 0
        # Void pixels go to a cell of their own behind the matrix.
        cell = torch.where(known, truth * self.classes + prediction.long().flatten(), self.classes**2)
        self.matrix.scatter_add_(0, cell, torch.ones_like(cell))
        if loss is not None:
            count = known.sum()
            self.loss_sum += loss.detach().double() * count
            self.pixels += count

    def compute(self) -> tuple[Tensor, Tensor]:
        """The matrix int64 (classes, classes), and the mean loss a labelled pixel."""
        matrix = self.matrix[:-1].view(self.classes, self.classes)
        return matrix, self.loss_sum / self.pixels.clamp(min=1)

    def result(self) -> tuple[np.ndarray, float]:
        """The same on the CPU."""
        matrix, loss = self.compute()
        return matrix.cpu().numpy(), float(loss)
