"""Sub-pixel scores without their teeth: the four scores of a cell averaged, then interpolated bilinearly.

The sub-pixel head gives each of a cell's 2x2 pixels scores of its own. Where two classes are close, these differ from
pixel to pixel, and the label is a dotted pattern of teeth. Their average, interpolated bilinearly to the cell's pixels,
has none; it equals a fixed [1 2 1] smoothing of the averages repeated 2x2. An average of four outputs of a 1x1
convolution is one output of the averaged weights, so it costs a quarter of the head at half resolution.
"""

from __future__ import annotations

import copy
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deresunet.model.decoder import SubpixelHead
from deresunet.model.network import DeResUNet

# "smooth" averages and interpolates a sub-pixel head's scores, "raw" takes them as they are.
HeadMode = Literal["smooth", "raw"]


def smooth_logits(logits: Tensor) -> Tensor:
    """Smooth the logits (B, classes, H, W) of a sub-pixel head, H and W even; the size stays.

    Equal to `smooth_head` followed by bilinear interpolation, for logits that are there already, as in training.
    """
    return F.interpolate(F.avg_pool2d(logits, 2), scale_factor=2, mode="bilinear", align_corners=False)


def smooth_head(model: nn.Module) -> nn.Module:
    """Copy a network with its sub-pixel head averaged: logits (B, classes, H/2, W/2), to be interpolated bilinearly.

    All other parts are shared with `model`. A network with another head is returned as it is.
    """
    if not isinstance(model, DeResUNet) or not isinstance(model.head, SubpixelHead):
        return model
    smooth = copy.copy(model)
    smooth._modules = {**model._modules, "head": averaged_head(model.head)}
    return smooth


@torch.no_grad()
def averaged_head(head: SubpixelHead) -> nn.Conv2d:
    """Average a sub-pixel head's weights over the four pixels of a cell: a 1x1 convolution to one score a class."""
    convolution = head[0]
    assert isinstance(convolution, nn.Conv2d)
    assert convolution.bias is not None
    classes = convolution.out_channels // 4
    averaged = nn.Conv2d(
        convolution.in_channels, classes, 1, device=convolution.weight.device, dtype=convolution.weight.dtype
    )
    # PixelShuffle(2) takes channels 4k..4k+3 for the pixels of class k.
    averaged.weight.copy_(convolution.weight.view(classes, 4, *convolution.weight.shape[1:]).mean(1))
    averaged.bias.copy_(convolution.bias.view(classes, 4).mean(1))  # type: ignore[union-attr]
    return averaged.train(head.training)
