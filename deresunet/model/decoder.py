"""Bottleneck, decoder stages and heads.

Upsampling is by sub-pixel convolution (PixelShuffle; Shi et al. 2016, https://arxiv.org/abs/1609.05158).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deresunet.model.blocks import conv_bn_relu


class ContextBottleneck(nn.Module):
    """Reduce, then local, dilated and global context beside each other on a residual path."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__()
        branch = out_channels // 4
        self.reduce = conv_bn_relu(in_channels, out_channels, 1)
        self.context = nn.ModuleList(
            [
                conv_bn_relu(out_channels, branch, 1),
                conv_bn_relu(out_channels, branch, 3, dilation=1, bias=bias),
                conv_bn_relu(out_channels, branch, 3, dilation=3, bias=bias),
                conv_bn_relu(out_channels, branch, 3, dilation=6, bias=bias),
            ]
        )
        self.pool = nn.Sequential(nn.Conv2d(out_channels, out_channels, 1), nn.ReLU(inplace=True))
        self.out = conv_bn_relu(out_channels, out_channels, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Widen the context of the deepest fused map x (B, in, H/32, W/32)."""
        x = self.reduce(x)  # (B, C, H/32, W/32)
        context = torch.cat([branch(x) for branch in self.context], 1)  # (B, C, H/32, W/32)
        context = context + self.pool(x.mean((2, 3), keepdim=True))
        return self.out(x + context)  # (B, C, H/32, W/32)


class DoubleConvBottleneck(nn.Sequential):
    """Two 3x3 convolutions, the first of which changes the width."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__(
            conv_bn_relu(in_channels, out_channels, bias=bias), conv_bn_relu(out_channels, out_channels, bias=bias)
        )


class UpBlock(nn.Module):
    """PixelShuffle(2), the skip beside it, two 3x3 convolutions."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__()
        self.up = nn.PixelShuffle(2)
        self.conv1 = conv_bn_relu(in_channels // 4 + skip_channels, out_channels, bias=bias)
        self.conv2 = conv_bn_relu(out_channels, out_channels, bias=bias)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Upsample x (B, in, H, W) and join it with skip (B, skip, 2H, 2W) into (B, out, 2H, 2W)."""
        x = torch.cat([self.up(x), skip], 1)  # (B, in/4 + skip, 2H, 2W)
        return self.conv2(self.conv1(x))  # (B, out, 2H, 2W)


class SubpixelHead(nn.Sequential):
    """1x1 convolution to four scores a class, which PixelShuffle lays out as 2x2 pixels."""

    def __init__(self, in_channels: int, num_classes: int, bias: bool = False) -> None:
        super().__init__(nn.Conv2d(in_channels, 4 * num_classes, 1), nn.PixelShuffle(2))


class ShuffleConvHead(nn.Sequential):
    """PixelShuffle first, then a 3x3 convolution at full resolution and a 1x1 to the classes."""

    def __init__(self, in_channels: int, num_classes: int, bias: bool = False) -> None:
        width = in_channels // 4
        super().__init__(
            nn.PixelShuffle(2), conv_bn_relu(width, width // 2, bias=bias), nn.Conv2d(width // 2, num_classes, 1)
        )


BOTTLENECKS: dict[str, type[ContextBottleneck] | type[DoubleConvBottleneck]] = {
    "context": ContextBottleneck,
    "double_conv": DoubleConvBottleneck,
}
HEADS: dict[str, type[SubpixelHead] | type[ShuffleConvHead]] = {
    "subpixel": SubpixelHead,
    "shuffle_conv": ShuffleConvHead,
}
