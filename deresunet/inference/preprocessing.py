"""Frame -> the network's normalised inputs. The only place that prepares a frame.

Training takes the same two steps: `resize_frame` in the data loader, `network_input` on the device, for a whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def usable_modality(frame: Frame, wanted: Modality = "rgbd") -> Modality:
    """Choose the modality that the network is given of `frame` when `wanted` is asked for.

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
        missing, other = ("RGB", "depth") if wanted == "rgb" else ("depth", "RGB")
        file = "an RGB image" if wanted == "rgb" else "a depth file"
        raise InputError(f"{frame.name}: This frame has no {missing}. Add {file}, or choose {other}.")
    return wanted


def normalise_rgb(rgb: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Normalise RGB (..., 3, H, W) in 0..255 by mean and standard deviation; returns float32."""
    image = rgb.float() / 255.0
    # Numbers, not tensors of three: those would have to be brought to a GPU, which a recorded pass cannot do.
    channels = zip(image.unbind(-3), preprocessing.rgb_mean, preprocessing.rgb_std, strict=True)
    return torch.stack([(channel - mean) / std for channel, mean, std in channels], -3)


def normalise_depth(depth: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Normalise depth (..., 1, H, W) [m], 0 where missing; returns float32, `depth_invalid` where missing."""
    normalised = (depth.float() - preprocessing.depth_mean_m) / preprocessing.depth_std_m
    return torch.where(depth > 0, normalised, preprocessing.depth_invalid)


def resize_frame(
    frame: Frame,
    preprocessing: Preprocessing,
    device: torch.device | None = None,
    size: tuple[int, int] | None = None,
) -> tuple[Tensor | None, Tensor | None]:
    """Resize a frame to the network's input size, in its own units; None for a modality that it does not have.

    RGB is resized bilinearly with antialiasing, depth with nearest neighbour, so that missing and measured pixels are
    never mixed.

    Args:
        frame: the frame.
        preprocessing: says the size, `preprocessing.network_size`.
        device: where the tensors go, and where they are resized; the CPU if left out.
        size: height and width (h, w) instead of the preprocessing's.

    Returns:
        RGB (3, h, w) in 0..255, uint8 or (where it was resized) float32; depth [m] float32 (1, h, w), 0 where missing.
    """
    size = size or preprocessing.network_size(*frame.size)
    rgb = depth = None
    if frame.rgb is not None:
        pixels = torch.from_numpy(np.require(frame.rgb, None, ["C", "W"])).to(device)
        image = pixels.permute(2, 0, 1)[None]  # (1, 3, H, W) uint8
        if size != frame.size:
            image = F.interpolate(image.float(), size, mode="bilinear", antialias=True, align_corners=False)
        rgb = image[0]
    if frame.depth is not None:
        metres = torch.from_numpy(np.require(frame.depth, None, ["C", "W"])).to(device)[None, None]  # (1, 1, H, W)
        if size != frame.size:
            metres = F.interpolate(metres, size, mode="nearest-exact")
        depth = metres[0]
    return rgb, depth


def rgb_input(rgb: Tensor, has_rgb: Tensor, preprocessing: Preprocessing | None) -> Tensor:
    """RGB as the network takes it, float32 (B, 3, h, w): normalised, 0 where `has_rgb` is False.

    Args:
        rgb: (B, 3, h, w) in 0..255; anything where absent.
        has_rgb: bool (B,).
        preprocessing: units of the network; None for RGB that is in them already.
    """
    if preprocessing is None:
        return rgb
    return torch.where(has_rgb.view(-1, 1, 1, 1), normalise_rgb(rgb, preprocessing), 0.0)


def depth_input(depth: Tensor, has_depth: Tensor, preprocessing: Preprocessing | None) -> Tensor:
    """Depth as the network takes it, float32 (B, 1, h, w): normalised, 0 where `has_depth` is False.

    Args:
        depth: (B, 1, h, w) [m], 0 where missing; anything where absent.
        has_depth: bool (B,).
        preprocessing: units of the network; None for depth that is in them already.
    """
    if preprocessing is None:
        return depth
    return torch.where(has_depth.view(-1, 1, 1, 1), normalise_depth(depth, preprocessing), 0.0)


def network_input(
    rgb: Tensor, depth: Tensor, has_rgb: Tensor, has_depth: Tensor, preprocessing: Preprocessing
) -> tuple[Tensor, Tensor]:
    """Inputs of the network, RGB (B, 3, h, w) and depth (B, 1, h, w), float32: `rgb_input` and `depth_input`.

    A modality that is absent is zero everywhere: grey at ImageNet's mean, and depth missing.
    """
    return rgb_input(rgb, has_rgb, preprocessing), depth_input(depth, has_depth, preprocessing)


def to_tensors(
    frame: Frame, preprocessing: Preprocessing, modality: Modality = "rgbd", size: tuple[int, int] | None = None
) -> tuple[Tensor, Tensor]:
    """Inputs of the network for one frame: rgb (1, 3, h, w) and depth (1, 1, h, w), float32, on the CPU.

    `raw_batch`, then `network_input`.

    Raises:
        InputError: see `usable_modality`.
    """
    batch = raw_batch([frame], preprocessing, modality, size=size)
    return network_input(batch.rgb, batch.depth, batch.has_rgb, batch.has_depth, preprocessing)


class RawBatch(NamedTuple):
    """Frames at the network's input size, in their own units: the first arguments of `network_input`.

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

    def mirrored(self) -> RawBatch:
        """The batch flipped left to right."""
        return self._replace(rgb=self.rgb.flip(-1), depth=self.depth.flip(-1))


def raw_batch(
    frames: Sequence[Frame],
    preprocessing: Preprocessing,
    modality: Modality = "rgbd",
    device: torch.device | None = None,
    size: tuple[int, int] | None = None,
) -> RawBatch:
    """Resize frames to one input size on `device`.

    Args:
        frames: at least one.
        preprocessing: says the input size by the first frame's.
        modality: what the network is to see of each frame that has it.
        device: the CPU if left out.
        size: height and width (h, w) instead of the preprocessing's.

    Raises:
        InputError: see `usable_modality`.
    """
    size = size or preprocessing.network_size(*frames[0].size)
    given = [usable_modality(frame, modality) for frame in frames]
    resized = [resize_frame(frame, preprocessing, device, size) for frame in frames]
    return RawBatch(
        torch.stack([torch.zeros(3, *size, device=device) if rgb is None else rgb for rgb, _ in resized]),
        torch.stack([torch.zeros(1, *size, device=device) if depth is None else depth for _, depth in resized]),
        torch.tensor([one != "depth" for one in given], device=device),
        torch.tensor([one != "rgb" for one in given], device=device),
    )
