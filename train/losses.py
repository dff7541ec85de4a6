"""Losses of training: labels, auxiliary heads, a teacher's probabilities, a teacher's features."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -1
# No class counts more than this many times the average pixel, however rare it is.
MAX_WEIGHT = 8.0


def target(label: Tensor) -> Tensor:
    """Labels as they lie on disk (0 = void, 1..N) -> network indices int64 (0..N - 1), void as `IGNORED`."""
    return label.long() - 1


def cross_entropy(logits: Tensor, label: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over the labelled pixels; 0 where there is none.

    Args:
        logits: (B, classes, h, w).
        label: uint8 (B, h, w), 0 = void.
        weight: float32 (classes,), weight of a pixel of each class.
    """
    wanted = target(label)
    total = F.cross_entropy(logits.float(), wanted, weight, ignore_index=IGNORED, reduction="sum")
    known = wanted != IGNORED
    counted = known.sum() if weight is None else (weight[wanted.clamp(min=0)] * known).sum()
    return total / counted.clamp(min=1e-6)


def auxiliary(logits: Tensor, label: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy at the logits' own resolution: the label is taken at every n-th pixel.

    Args:
        logits: (B, classes, h/s, w/s).
        label: uint8 (B, h, w).
        weight: see `cross_entropy`.
    """
    return cross_entropy(logits, subsample(label, logits.shape[-2:]), weight)


def subsample(label: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """The label (B, h, w) at the centres of a coarser grid's cells; no class is mixed from two."""
    rows, columns = label.shape[-2] // size[0], label.shape[-1] // size[1]
    return label[:, rows // 2 :: rows, columns // 2 :: columns][:, : size[0], : size[1]]


def distillation(logits: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """Kullback-Leibler divergence of the network's probabilities from a teacher's, at the teacher's resolution.

    Hinton et al. 2015 (https://arxiv.org/abs/1503.02531), a mean over pixels, times the square of the temperature,
    which keeps the gradients' size. A teacher may know more classes (NYU40's other structure, furniture and prop come
    last): its probabilities are those among the network's classes.

    Args:
        logits: (B, classes, h, w).
        teacher: logits (B, at least classes, h/s, w/s).
        temperature: of both distributions.
    """
    # The mean over each cell of the teacher's grid. A teacher rounds its own size, so the cell need not be whole.
    student = F.adaptive_avg_pool2d(logits.float(), (teacher.shape[-2], teacher.shape[-1]))
    wanted = (teacher[:, : logits.shape[1]].float() / temperature).log_softmax(1)
    given = (student / temperature).log_softmax(1)
    return temperature**2 * F.kl_div(given, wanted, reduction="none", log_target=True).sum(1).mean()


def features(student: Tensor, teacher: Tensor) -> Tensor:
    """How far the student's features are from the teacher's, a mean over positions.

    1 - cosine, and a tenth of the smooth L1 distance, which holds their length.

    Args:
        student: (B, channels, any, any); brought bilinearly to the teacher's size.
        teacher: (B, channels, h, w).
    """
    wanted = teacher.float()
    given = F.interpolate(student.float(), wanted.shape[-2:], mode="bilinear", align_corners=False)
    return (1.0 - F.cosine_similarity(given, wanted, dim=1)).mean() + 0.1 * F.smooth_l1_loss(given, wanted)


def class_weights(shares: np.ndarray) -> Tensor:
    """Weights of the classes in the cross-entropy, from their shares of the training pixels.

    The inverse square root of the share: rare classes are heard without drowning the walls. The average pixel counts
    1; a class that does not occur counts as the rarest that does.

    Args:
        shares: float64 (classes,), sums to 1.

    Returns:
        float32 (classes,).
    """
    rarest = shares[shares > 0].min()
    raw = 1.0 / np.sqrt(np.maximum(shares, rarest))
    return torch.from_numpy(np.minimum(raw / (raw * shares).sum(), MAX_WEIGHT)).float()


def log_depth(estimate: Tensor, depth: Tensor) -> Tensor:
    """Mean absolute difference of the logarithms of two depths, where depth was measured; 0 where it was nowhere.

    A relative error: 5 cm at 1 m count as much as 25 cm at 5 m.

    Args:
        estimate: (B, 1, h, w) [m], above 0.
        depth: (B, 1, h, w) [m], 0 where missing.
    """
    known = depth > 0
    difference = (estimate.clamp(min=1e-3).log() - depth.clamp(min=1e-3).log()).abs()
    return (difference * known).sum() / known.sum().clamp(min=1)
