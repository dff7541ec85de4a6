"""Frame -> normalised tensors, and logits -> the frame's own resolution. The only place that does either.

Training takes the same two steps: `resize_frame` in the data loader, `network_input` on the device, for a whole batch.
"""

from __future__ import annotations

import functools
import math
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
    mean = _channels(preprocessing.rgb_mean, rgb.device)
    std = _channels(preprocessing.rgb_std, rgb.device)
    return (rgb.float() / 255.0 - mean) / std


def normalise_depth(depth: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(..., 1, H, W) depth [m], 0 where missing -> float32, `depth_invalid` where missing."""
    normalised = (depth.float() - preprocessing.depth_mean_m) / preprocessing.depth_std_m
    return torch.where(depth > 0, normalised, preprocessing.depth_invalid)


def resize_frame(frame: Frame, preprocessing: Preprocessing) -> tuple[Tensor | None, Tensor | None]:
    """A frame at the network's size, in its own units; None for a modality that it does not have.

    (h, w) is `preprocessing.network_size`. RGB is resized bilinearly with antialiasing, depth with nearest neighbour,
    so that missing and measured pixels are never mixed.

    Returns:
        RGB (3, h, w) in 0..255, uint8 or (where it was resized) float32; depth [m] float32 (1, h, w), 0 where missing.
    """
    size = preprocessing.network_size(*frame.size)
    rgb = depth = None
    if frame.rgb is not None:
        image = torch.from_numpy(np.ascontiguousarray(frame.rgb)).permute(2, 0, 1)[None]  # (1, 3, H, W) uint8
        if size != frame.size:
            image = F.interpolate(image.float(), size, mode="bilinear", antialias=True, align_corners=False)
        rgb = image[0]
    if frame.depth is not None:
        metres = torch.from_numpy(np.ascontiguousarray(frame.depth))[None, None]  # (1, 1, H, W)
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
    zero = torch.zeros((), device=rgb.device)
    return (
        torch.where(has_rgb.view(-1, 1, 1, 1), normalise_rgb(rgb, preprocessing), zero),
        torch.where(has_depth.view(-1, 1, 1, 1), normalise_depth(depth, preprocessing), zero),
    )


def to_tensors(frame: Frame, preprocessing: Preprocessing, modality: Modality = "rgbd") -> tuple[Tensor, Tensor]:
    """What the network gets of a frame: rgb (1, 3, h, w) and depth (1, 1, h, w), float32, on the CPU.

    `resize_frame`, then `network_input` of what `modality` asks for.

    Raises:
        InputError: see `usable_modality`.
    """
    modality = usable_modality(frame, modality)
    size = preprocessing.network_size(*frame.size)
    rgb, depth = resize_frame(frame, preprocessing)
    return network_input(
        torch.zeros(1, 3, *size) if rgb is None else rgb[None],
        torch.zeros(1, 1, *size) if depth is None else depth[None],
        torch.tensor([modality != "depth"]),
        torch.tensor([modality != "rgb"]),
        preprocessing,
    )


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
    """The `top_k` most probable classes at the frame's own resolution, most probable first.

    Args:
        logits: (1, classes, h, w), any float dtype and device.
        size: the frame's height and width.
        top_k: how many classes to keep.
    """
    height, width = size
    scale = min(1.0, (MAX_LOGIT_PIXELS / (height * width)) ** 0.5)
    inner = (max(1, round(height * scale)), max(1, round(width * scale)))
    logits = logits.float()
    if logits.shape[-2:] != inner:
        logits = F.interpolate(logits, inner, mode="bilinear", align_corners=False)
    values, indices = logits.topk(top_k, dim=1)
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
    if inner != size:
        labels = F.interpolate(labels, size, mode="nearest-exact")
        probabilities = F.interpolate(probabilities, size, mode="nearest-exact")
        entropy = F.interpolate(entropy, size, mode="nearest-exact")
    return PixelScores(labels[0].cpu().numpy(), probabilities[0].cpu().numpy(), entropy[0, 0].cpu().numpy())


@functools.lru_cache(maxsize=16)
def _channels(values: tuple[float, float, float], device: torch.device) -> Tensor:
    """Three values as (3, 1, 1) on `device`. Kept, since a copy to a GPU would wait for all that it has to do."""
    with torch.inference_mode(False):
        return torch.tensor(values, device=device).view(3, 1, 1)
