"""The pooled confusion matrix, and the loss beside it, exact over any number of processes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from deresunet.evaluation.boundary_iou import boundary_counts, boundary_miou


class PooledConfusionMatrix(Metric):
    """The pooled matrix as a stateful metric: updated batch by batch, summed over processes by torchmetrics.

    Sums of integers, so that the result is the same whatever process saw which frame.

    Args:
        num_classes: number of classes.
    """

    full_state_update = False
    higher_is_better = None
    cells: Tensor

    def __init__(self, num_classes: int) -> None:
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
        """int64 (num_classes, num_classes); rows are the ground truth. `metrics.scores` takes it."""
        return self.cells[:-1].view(self.num_classes, self.num_classes)


class PooledLoss(Metric):
    """The mean loss a labelled pixel, over batches of different numbers of them."""

    full_state_update = False
    higher_is_better = False
    total: Tensor
    pixels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("pixels", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, label: Tensor, loss: Tensor) -> None:
        """Add a batch: its label uint8 (...), 0 = void, and its mean loss over the labelled pixels."""
        count = (label > 0).sum()
        self.total += loss.detach().double() * count
        self.pixels += count

    def compute(self) -> Tensor:
        """float64 (); 0 where no pixel was labelled."""
        return self.total / self.pixels.clamp(min=1)


class PooledBoundary(Metric):
    """Pixels of boundary bands by class, summed over frames and processes; see `deresunet.evaluation.boundary_iou`.

    Args:
        num_classes: number of classes.
    """

    full_state_update = False
    higher_is_better = True
    counts: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(3, num_classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, label: Tensor, prediction: Tensor) -> None:
        """Add a frame: its label uint8 (H, W), 0 = void, and the prediction uint8 (H, W), 1..num_classes."""
        counts = boundary_counts(label.cpu().numpy(), prediction.cpu().numpy(), self.counts.shape[1])
        self.counts += torch.from_numpy(counts).to(self.counts.device)

    def compute(self) -> Tensor:
        """Mean boundary IoU (), 0..1, over the classes with ground truth; NaN where there is none."""
        return torch.tensor(boundary_miou(self.counts.cpu().numpy()))


class PooledConfusion(torch.nn.Module):
    """Confusion matrix and loss of an epoch.

    Args:
        num_classes: number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.matrix = PooledConfusionMatrix(num_classes)
        self.loss = PooledLoss()

    def update(self, label: Tensor, prediction: Tensor, loss: Tensor | None = None) -> None:
        """Add pixels.

        Args:
            label: uint8 (...), 0 = void, 1..num_classes.
            prediction: network indices 0..num_classes - 1, of the same shape.
            loss: mean loss over the labelled pixels.
        """
        self.matrix.update(label, prediction + 1)
        if loss is not None:
            self.loss.update(label, loss)

    def result(self) -> tuple[np.ndarray, float]:
        """The matrix int64 (num_classes, num_classes) and the mean loss a labelled pixel, of all processes."""
        matrix: Tensor = self.matrix.compute()
        return matrix.cpu().numpy(), float(self.loss.compute())

    def reset(self) -> None:
        """Start a new epoch."""
        self.matrix.reset()
        self.loss.reset()
