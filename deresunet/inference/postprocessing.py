"""Logits -> labels and probabilities at the frame's own resolution. The only place that does so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# Logits of 37 classes are brought bilinearly to at most this many pixels (181 MB of float32); a larger frame takes
# its label from there with nearest neighbour.
MAX_LOGIT_PIXELS = 1280 * 960


@dataclass(frozen=True)
class OutputSpec:
    """Outputs that a run of the network returns, so that a backend can postprocess in the same pass.

    Attributes:
        size: height and width of the frames, which labels and scores are brought to; None returns the logits.
        top_k: how many classes to keep, or all where there are fewer; 0 keeps the most probable one's label alone.
    """

    size: tuple[int, int] | None = None
    top_k: int = 0

    def postprocess(self, logits: Tensor) -> tuple[Tensor, ...]:
        """Return the logits (B, classes, h, w) as they are, or their `frame_labels`, or their `frame_scores`."""
        if self.size is None:
            return (logits,)
        return (frame_labels(logits, self.size),) if self.top_k == 0 else frame_scores(logits, self.size, self.top_k)

    def postprocess_labels(self, labels: Tensor) -> tuple[Tensor, ...]:
        """Return what `postprocess` does, of labels alone: uint8 (B, 1, h, w), 1..classes.

        There is one class a pixel, its probability and the entropy NaN.
        """
        assert self.size is not None, "test-time augmentation is refused"
        labels = _nearest(labels, self.size)
        if self.top_k == 0:
            return (labels[:, 0],)
        unknown = torch.full(labels.shape, torch.nan, device=labels.device)
        return labels, unknown, unknown[:, 0]


class PixelScores(NamedTuple):
    """Classes and probabilities of one frame, at its own resolution (H, W).

    Attributes:
        labels: uint8 (top_k, H, W), 1..classes: the most probable classes, most probable first.
        probabilities: float32 (top_k, H, W), 0..1, of these classes.
        entropy: float32 (H, W), 0..1: Shannon's entropy over all classes, as a share of its maximum, log(classes).
    """

    labels: np.ndarray
    probabilities: np.ndarray
    entropy: np.ndarray


def to_frame_size(logits: Tensor, size: tuple[int, int], top_k: int) -> PixelScores:
    """`frame_scores` of one frame, on the CPU.

    Args:
        logits: (1, classes, h, w), any float dtype and device.
        size: the frame's height and width.
        top_k: how many classes to keep; of fewer classes, all are kept.
    """
    return PixelScores(*(kept[0].cpu().numpy() for kept in frame_scores(logits, size, top_k)))


def frame_labels(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Most probable class at the frames' own resolution: uint8 (B, H, W), 1..classes.

    Args:
        logits: (B, classes, h, w), any float dtype and device.
        size: the frames' height and width, H and W.
    """
    labels = (_interpolated(logits, size).argmax(1, keepdim=True) + 1).to(torch.uint8)
    return _nearest(labels, size)[:, 0]


def frame_scores(logits: Tensor, size: tuple[int, int], top_k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `top_k` most probable classes at the frames' own resolution, most probable first.

    Args:
        logits: (B, classes, h, w), any float dtype and device.
        size: the frames' height and width, H and W.
        top_k: how many classes to keep; of fewer classes, all are kept.

    Returns:
        As in `PixelScores`, on the device of `logits`: labels uint8 (B, top_k, H, W), probabilities float32
        (B, top_k, H, W), entropy float32 (B, H, W), which is NaN for a `top_k` of 1: half the time goes into it.
    """
    logits = _interpolated(logits, size)
    values, indices = _largest(logits, min(top_k, logits.shape[1]))
    # Less the largest logit, all exponentials are in 0..1 and their sum in 1..classes. torch.logsumexp does the same
    # in twice the time.
    below = logits - values[:, :1]
    if top_k == 1:
        probabilities = below.exp_().sum(1, keepdim=True).reciprocal()
        entropy = torch.full_like(probabilities, torch.nan)
        labels = (indices + 1).to(torch.uint8)
        return _nearest(labels, size), _nearest(probabilities, size), _nearest(entropy, size)[:, 0]
    weights = below.exp()
    total = weights.sum(1, keepdim=True)
    probabilities = (values - values[:, :1]).exp() / total
    # H = -sum p log p, with p = weights / total, log p = below - log(total) and sum p = 1.
    entropy = total.log() - below.mul_(weights).sum(1, keepdim=True) / total
    entropy = entropy.clamp(min=0) / math.log(logits.shape[1])
    labels = (indices + 1).to(torch.uint8)
    return _nearest(labels, size), _nearest(probabilities, size), _nearest(entropy, size)[:, 0]


def resize_logits(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate logits (B, classes, h, w) bilinearly to `size`, as float32."""
    logits = logits.float()
    return logits if logits.shape[-2:] == size else F.interpolate(logits, size, mode="bilinear", align_corners=False)


def _interpolated(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits as float32 at `size`, or at `MAX_LOGIT_PIXELS` of its aspect ratio where it is larger."""
    height, width = size
    scale = min(1.0, (MAX_LOGIT_PIXELS / (height * width)) ** 0.5)
    return resize_logits(logits, (max(1, round(height * scale)), max(1, round(width * scale))))


def _nearest(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return maps if maps.shape[-2:] == size else F.interpolate(maps, size, mode="nearest-exact")


def _largest(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Values and indices of the `count` largest of dimension 1, largest first."""
    if count == 1:
        return logits.max(1, keepdim=True)
    if logits.device.type != "cuda" or count > 8:
        return logits.topk(count, dim=1)
    # A GPU sorts each pixel's classes for topk; a few passes for the maximum take a sixth of that.
    left = logits.clone()
    found = []
    for _ in range(count):
        found.append(left.max(1, keepdim=True))
        left.scatter_(1, found[-1].indices, -torch.inf)
    return torch.cat([one.values for one in found], 1), torch.cat([one.indices for one in found], 1)


def at_frame_sizes(
    logits: Sequence[Tensor], sizes: Sequence[tuple[int, int]], top_k: int
) -> list[PixelScores] | list[np.ndarray]:
    """Scores of the `top_k` most probable classes of each frame, or labels alone for 0.

    Args:
        logits: (1, classes, h, w) of each frame.
        sizes: height and width of each frame.
        top_k: how many classes to keep; of fewer classes, all are kept.
    """
    pairs = zip(logits, sizes, strict=True)
    if top_k:
        return [to_frame_size(one, size, top_k) for one, size in pairs]
    return [frame_labels(one, size)[0].cpu().numpy() for one, size in pairs]
