"""The convolution block of every part."""

from torch import nn


def conv_bn_relu(
    in_channels: int, out_channels: int, kernel_size: int = 3, dilation: int = 1, bias: bool = False
) -> nn.Sequential:
    """Build convolution, BatchNorm2d and ReLU; the map keeps its size (odd kernels)."""
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            bias=bias,
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
