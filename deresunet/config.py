"""What a network is made of and how frames are prepared for it: frozen, checked once, stored in the checkpoint."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

_Config = TypeVar("_Config", "ModelConfig", "Preprocessing")


@dataclass(frozen=True)
class ModelConfig:
    """Parts and widths of a `deresunet.model.network.DeResUNet`. The defaults are the layout `deresunet_r50`.

    Attributes:
        backbone: torchvision ResNet of both encoders: resnet18, resnet34, resnet50 or resnet101.
        num_classes: outputs of the head; output k is SUN RGB-D class k + 1.
        fusion: how both encoders' maps become one: "gated" (sum) or "concat".
        skip_channels: widths that the four skips are reduced to, shallow to deep; empty leaves them as fused.
        bottleneck: "context" (dilated branches and a global one) or "double_conv".
        bottleneck_channels: width of the bottleneck's output.
        decoder_channels: widths of the four decoder stages, deep to shallow.
        head: "subpixel" (1x1 convolution, PixelShuffle) or "shuffle_conv" (PixelShuffle, 3x3, 1x1).
        conv_bias: whether 3x3 convolutions before BatchNorm keep their bias.
        dropout: share of channels dropped before the head in training, 0..1.

    Raises:
        ValueError: a field is out of range or names a part that does not exist.
    """

    backbone: str = "resnet50"
    num_classes: int = 37
    fusion: str = "gated"
    skip_channels: tuple[int, ...] = (48, 96, 192, 256)
    bottleneck: str = "context"
    bottleneck_channels: int = 512
    decoder_channels: tuple[int, ...] = (256, 192, 128, 64)
    head: str = "subpixel"
    conv_bias: bool = False
    dropout: float = 0.1

    def __post_init__(self) -> None:
        _one_of("backbone", self.backbone, ("resnet18", "resnet34", "resnet50", "resnet101"))
        _one_of("fusion", self.fusion, ("gated", "concat"))
        _one_of("bottleneck", self.bottleneck, ("context", "double_conv"))
        _one_of("head", self.head, ("subpixel", "shuffle_conv"))
        object.__setattr__(self, "skip_channels", tuple(self.skip_channels))
        object.__setattr__(self, "decoder_channels", tuple(self.decoder_channels))
        if not 1 <= self.num_classes <= 255:
            raise ValueError(f"num_classes is {self.num_classes}; expected 1..255, so that a label fits into uint8")
        if len(self.decoder_channels) != 4:
            raise ValueError(f"decoder_channels has {len(self.decoder_channels)} widths; expected 4, deep to shallow")
        if len(self.skip_channels) not in (0, 4):
            raise ValueError(f"skip_channels has {len(self.skip_channels)} widths; expected 4, or none")
        # Each decoder stage starts with PixelShuffle(2), which turns 4 channels into 1.
        for width in (self.bottleneck_channels, *self.decoder_channels):
            if width <= 0 or width % 4:
                raise ValueError(f"{width} channels cannot be pixel-shuffled; expected a positive multiple of 4")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout}; expected 0 <= dropout < 1")


@dataclass(frozen=True)
class Preprocessing:
    """From a frame's units to the network's, and the size at which the network runs.

    Attributes:
        rgb_mean: mean of R, G, B in 0..1 (ImageNet's).
        rgb_std: standard deviation of R, G, B in 0..1 (ImageNet's).
        depth_mean_m: depth [m] that becomes 0.
        depth_std_m: depth [m] that becomes 1 above the mean.
        depth_invalid: what a pixel of missing depth becomes after normalisation.
        multiple_of: both sides of the network's input are multiples of this.
        network_pixels: the network runs at about this many pixels, whatever the frame's size: it is the scale it
            was trained at, and it bounds time and memory.

    Raises:
        ValueError: a deviation or a size is not positive.
    """

    rgb_mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    rgb_std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    depth_mean_m: float = 2.8
    depth_std_m: float = 1.4
    depth_invalid: float = 0.0
    multiple_of: int = 32
    network_pixels: int = 480 * 640

    def __post_init__(self) -> None:
        object.__setattr__(self, "rgb_mean", tuple(self.rgb_mean))
        object.__setattr__(self, "rgb_std", tuple(self.rgb_std))
        if len(self.rgb_mean) != 3 or len(self.rgb_std) != 3:
            raise ValueError(f"rgb_mean {self.rgb_mean} and rgb_std {self.rgb_std} need three values each")
        if min(*self.rgb_std, self.depth_std_m) <= 0:
            raise ValueError(f"deviations must be positive, got {self.rgb_std} and {self.depth_std_m}")
        if self.multiple_of < 1 or self.network_pixels < self.multiple_of**2:
            raise ValueError(f"{self.network_pixels} pixels do not hold one cell of {self.multiple_of} squared")

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which the network sees a frame of `height` x `width`.

        The aspect ratio is kept up to rounding to `multiple_of`; 480x640 stays 480x640.
        """
        scale = (self.network_pixels / (height * width)) ** 0.5
        cell = self.multiple_of
        rows, columns = (max(1, round(side * scale / cell)) * cell for side in (height, width))
        return rows, columns


def to_json(config: ModelConfig | Preprocessing) -> str:
    """The configuration as a JSON object."""
    return json.dumps(dataclasses.asdict(config))


def from_mapping(kind: type[_Config], values: Mapping[str, Any]) -> _Config:
    """The configuration of class `kind` that `values` describes; fields left out keep their defaults.

    Raises:
        ValueError: a field is unknown, or its value is out of range.
    """
    known = [field.name for field in dataclasses.fields(kind)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}; its fields are {', '.join(known)}")
    return kind(**values)


def _one_of(field: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{field} is {value!r}; expected one of {', '.join(choices)}")
