"""Frame -> normalised tensors, and logits -> the frame's own resolution. The only place that does either.

Training takes the same two steps: `resize_frame` in the data loader, `network_input` on the device, for a whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError

Modality = Literal["rgbd", "rgb", "depth"]
MODALITIES: tuple[Modality, ...] = ("rgbd", "rgb", "depth")
# Logits of 37 classes are brought bilinearly to at most this many pixels (181 MB of float32); a larger frame takes
# its label from there with nearest neighbour.
MAX_LOGIT_PIXELS = 1280 * 960


def usable_modality(frame: Frame, wanted: Modality = "rgbd") -> Modality:
    """What the network can be given of `frame` when `wanted` is asked for.

    "rgbd" falls back to the one modality that is there.

    Raises:
        ValueError: `wanted` is none of the three.
        InputError: the one modality that is asked for is not there.
    """
    if wanted not in MODALITIES:
        raise ValueError(f"modality is {wanted!r}; expected one of {', '.join(MODALITIES)}")
    if wanted == "rgbd":
        return "rgb" if frame.depth is None else "depth" if frame.rgb is None else "rgbd"
    if (frame.rgb if wanted == "rgb" else frame.depth) is None:
        raise InputError(
            f"{frame.name}: {wanted} alone was asked for, but the frame has none. Give it, or choose rgbd."
        )
    return wanted


def normalise_rgb(rgb: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(..., 3, H, W) in 0..255 -> float32, ImageNet-normalised."""
    image = rgb.float() / 255.0
    # Numbers, not tensors of three: those would have to be brought to a GPU, which a recorded pass cannot do.
    channels = zip(image.unbind(-3), preprocessing.rgb_mean, preprocessing.rgb_std, strict=True)
    return torch.stack([(channel - mean) / std for channel, mean, std in channels], -3)


def normalise_depth(depth: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(..., 1, H, W) depth [m], 0 where missing -> float32, `depth_invalid` where missing."""
    normalised = (depth.float() - preprocessing.depth_mean_m) / preprocessing.depth_std_m
    return torch.where(depth > 0, normalised, preprocessing.depth_invalid)


def resize_frame(
    frame: Frame, preprocessing: Preprocessing, device: torch.device | None = None
) -> tuple[Tensor | None, Tensor | None]:
    """A frame at the network's size, in its own units; None for a modality that it does not have.

    (h, w) is `preprocessing.network_size`. RGB is resized bilinearly with antialiasing, depth with nearest neighbour,
    so that missing and measured pixels are never mixed.

    Args:
        frame: the frame.
        preprocessing: says the size.
        device: where the tensors go, and where they are resized; the CPU if left out.

    Returns:
        RGB (3, h, w) in 0..255, uint8 or (where it was resized) float32; depth [m] float32 (1, h, w), 0 where missing.
    """
    size = preprocessing.network_size(*frame.size)
    rgb = depth = None
    if frame.rgb is not None:
        pixels = torch.from_numpy(np.ascontiguousarray(frame.rgb)).to(device)
        image = pixels.permute(2, 0, 1)[None]  # (1, 3, H, W) uint8
        if size != frame.size:
            image = F.interpolate(image.float(), size, mode="bilinear", antialias=True, align_corners=False)
        rgb = image[0]
    if frame.depth is not None:
        metres = torch.from_numpy(np.ascontiguousarray(frame.depth)).to(device)[None, None]  # (1, 1, H, W)
        if size != frame.size:
            metres = F.interpolate(metres, size, mode="nearest-exact")
        depth = metres[0]
    return rgb, depth


def network_input(
    rgb: Tensor, depth: Tensor, has_rgb: Tensor, has_depth: Tensor, preprocessing: Preprocessing
) -> tuple[Tensor, Tensor]:
    """What the network gets of a batch: rgb (B, 3, h, w) and depth (B, 1, h, w), float32.

    A modality that is absent is zero everywhere: grey at ImageNet's mean, and depth missing.

    Args:
        rgb: (B, 3, h, w) in 0..255; anything where absent.
        depth: (B, 1, h, w) [m], 0 where missing; anything where absent.
        has_rgb: bool (B,).
        has_depth: bool (B,).
        preprocessing: units of the network.
    """
    return _rgb_input(rgb, has_rgb, preprocessing), _depth_input(depth, has_depth, preprocessing)


def _rgb_input(rgb: Tensor, has_rgb: Tensor, preprocessing: Preprocessing) -> Tensor:
    return torch.where(has_rgb.view(-1, 1, 1, 1), normalise_rgb(rgb, preprocessing), 0.0)


def _depth_input(depth: Tensor, has_depth: Tensor, preprocessing: Preprocessing) -> Tensor:
    return torch.where(has_depth.view(-1, 1, 1, 1), normalise_depth(depth, preprocessing), 0.0)


def to_tensors(frame: Frame, preprocessing: Preprocessing, modality: Modality = "rgbd") -> tuple[Tensor, Tensor]:
    """What the network gets of a frame: rgb (1, 3, h, w) and depth (1, 1, h, w), float32, on the CPU.

    `raw_batch`, then `network_input`.

    Raises:
        InputError: see `usable_modality`.
    """
    return network_input(*raw_batch([frame], preprocessing, modality), preprocessing)


class RawBatch(NamedTuple):
    """Frames at the network's size, in their own units: the first arguments of `network_input`.

    Attributes:
        rgb: (B, 3, h, w) in 0..255, uint8 or float32; anything where absent.
        depth: float32 (B, 1, h, w) [m], 0 where missing; anything where absent.
        has_rgb: bool (B,): whether the network is to see it.
        has_depth: bool (B,).
    """

    rgb: Tensor
    depth: Tensor
    has_rgb: Tensor
    has_depth: Tensor


def raw_batch(
    frames: Sequence[Frame],
    preprocessing: Preprocessing,
    modality: Modality = "rgbd",
    device: torch.device | None = None,
) -> RawBatch:
    """Frames of one size, brought to the network's on `device`.

    Raises:
        InputError: see `usable_modality`.
    """
    size = preprocessing.network_size(*frames[0].size)
    given = [usable_modality(frame, modality) for frame in frames]
    resized = [resize_frame(frame, preprocessing, device) for frame in frames]
    return RawBatch(
        torch.stack([torch.zeros(3, *size, device=device) if rgb is None else rgb for rgb, _ in resized]),
        torch.stack([torch.zeros(1, *size, device=device) if depth is None else depth for _, depth in resized]),
        torch.tensor([one != "depth" for one in given], device=device),
        torch.tensor([one != "rgb" for one in given], device=device),
    )


@dataclass(frozen=True)
class OutputSpec:
    """What is done to a batch before and after the network, so that a backend can run it in the same go.

    Attributes:
        preprocessing: units of the network, for a `RawBatch`; None for inputs that are in them.
        size: height and width that scores are brought to; None leaves them as logits.
        top_k: how many classes to keep; 0 keeps the most probable one's label alone.
    """

    preprocessing: Preprocessing | None = None
    size: tuple[int, int] | None = None
    top_k: int = 0

    def rgb(self, rgb: Tensor, has_rgb: Tensor) -> Tensor:
        """What the network gets of RGB, float32 (B, 3, h, w)."""
        return rgb if self.preprocessing is None else _rgb_input(rgb, has_rgb, self.preprocessing)

    def depth(self, depth: Tensor, has_depth: Tensor) -> Tensor:
        """What the network gets of depth, float32 (B, 1, h, w)."""
        return depth if self.preprocessing is None else _depth_input(depth, has_depth, self.preprocessing)

    def postprocess(self, logits: Tensor) -> tuple[Tensor, ...]:
        """What is wanted of logits (B, classes, h, w): them, or `frame_labels`, or `frame_scores`."""
        if self.size is None:
            return (logits,)
        return (frame_labels(logits, self.size),) if self.top_k == 0 else frame_scores(logits, self.size, self.top_k)


class PixelScores(NamedTuple):
    """What is kept of the logits, at the frame's own resolution (H, W).

    Attributes:
        labels: uint8 (top_k, H, W), 1..classes: the most probable classes, most probable first.
        probabilities: float32 (top_k, H, W), 0..1: theirs.
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
        top_k: how many classes to keep.
    """
    return PixelScores(*(kept[0].cpu().numpy() for kept in frame_scores(logits, size, top_k)))


def frame_labels(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """The most probable class at the frames' own resolution: uint8 (B, H, W), 1..classes.

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
        top_k: how many classes to keep.

    Returns:
        As in `PixelScores`, on the device of `logits`: labels uint8 (B, top_k, H, W), probabilities float32
        (B, top_k, H, W), entropy float32 (B, H, W).
    """
    logits = _interpolated(logits, size)
    values, indices = _largest(logits, top_k)
    # Less the largest logit, all exponentials are in 0..1 and their sum in 1..classes. torch.logsumexp does the same
    # in twice the time.
    below = logits - values[:, :1]
    weights = below.exp()
    total = weights.sum(1, keepdim=True)
    probabilities = (values - values[:, :1]).exp() / total
    # H = -sum p log p, with p = weights / total, log p = below - log(total) and sum p = 1.
    entropy = total.log() - below.mul_(weights).sum(1, keepdim=True) / total
    entropy = entropy.clamp(min=0) / math.log(logits.shape[1])
    labels = (indices + 1).to(torch.uint8)
    return _nearest(labels, size), _nearest(probabilities, size), _nearest(entropy, size)[:, 0]


def _interpolated(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits as float32 at `size`, or at `MAX_LOGIT_PIXELS` of its aspect ratio where it is larger."""
    height, width = size
    scale = min(1.0, (MAX_LOGIT_PIXELS / (height * width)) ** 0.5)
    inner = (max(1, round(height * scale)), max(1, round(width * scale)))
    logits = logits.float()
    return logits if logits.shape[-2:] == inner else F.interpolate(logits, inner, mode="bilinear", align_corners=False)


def _nearest(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return maps if maps.shape[-2:] == size else F.interpolate(maps, size, mode="nearest-exact")


def _largest(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Values and indices of the `count` largest of dimension 1, largest first."""
    if logits.device.type != "cuda" or count > 8:
        return logits.topk(count, dim=1)
    # A GPU sorts each pixel's classes for topk; a few passes for the maximum take a sixth of that.
    left = logits.clone()
    found = []
    for _ in range(count):
        found.append(left.max(1, keepdim=True))
        left.scatter_(1, found[-1].indices, -torch.inf)
    return torch.cat([one.values for one in found], 1), torch.cat([one.indices for one in found], 1)
