"""Configuration of a network and of its preprocessing: frozen, checked once, stored in the checkpoint."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

# Bounds of what a file may ask for: four times the widest layout, and frames of 2048x2048.
MAX_CHANNELS = 8192
MAX_NETWORK_PIXELS = 2**22

_Config = TypeVar("_Config", bound="ModelConfig | ViTConfig | Preprocessing")


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
        for field in ("skip_channels", "decoder_channels"):
            object.__setattr__(self, field, _sequence(field, getattr(self, field)))
        # So that a label fits into uint8.
        _in_range("num_classes", self.num_classes, 1, 255, int)
        for width in (self.bottleneck_channels, *self.skip_channels, *self.decoder_channels):
            _in_range("a width", width, 1, MAX_CHANNELS, int)
        if not isinstance(self.conv_bias, bool):
            raise ValueError(f"conv_bias is {self.conv_bias!r}; expected true or false")
        _in_range("dropout", self.dropout, 0.0, 1.0)
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
class ViTConfig:
    """Outputs of a `deresunet.model.vit.RGBDViT`, whose transformer is DINOv2's ViT-S/14.

    Attributes:
        num_classes: outputs of the head; output k is class k + 1.
        dropout: share of channels dropped before the head in training, 0..1.

    Raises:
        ValueError: a field is out of range.
    """

    num_classes: int = 40
    dropout: float = 0.1

    def __post_init__(self) -> None:
        _in_range("num_classes", self.num_classes, 1, 255, int)
        _in_range("dropout", self.dropout, 0.0, 0.99)


@dataclass(frozen=True)
class Preprocessing:
    """Normalisation of RGB and depth, and the size at which the network runs.

    Attributes:
        rgb_mean: mean of R, G, B in 0..1 (ImageNet's).
        rgb_std: standard deviation of R, G, B in 0..1 (ImageNet's).
        depth_mean_m: mean of depth [m].
        depth_std_m: standard deviation of depth [m].
        depth_invalid: value of missing depth after normalisation.
        multiple_of: both sides of the network's input are multiples of this.
        network_pixels: the network runs at about this many pixels, whatever the frame's size: it is the scale it
            was trained at, and it bounds time and memory.
        size: height and width of the one size that the network takes, or None for any.

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
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for field in ("rgb_mean", "rgb_std"):
            object.__setattr__(self, field, _sequence(field, getattr(self, field)))
            for value in getattr(self, field):
                _in_range(field, value, 0.0, 10.0)
        _in_range("depth_mean_m", self.depth_mean_m, -1000.0, 1000.0)
        _in_range("depth_std_m", self.depth_std_m, 0.0, 1000.0)
        _in_range("depth_invalid", self.depth_invalid, -1000.0, 1000.0)
        _in_range("multiple_of", self.multiple_of, 1, 1024, int)
        _in_range("network_pixels", self.network_pixels, 1, MAX_NETWORK_PIXELS, int)
        if self.size is not None:
            object.__setattr__(self, "size", _sequence("size", self.size))
            if len(self.size) != 2:
                raise ValueError(f"size is {self.size}; expected height and width")
            for side in self.size:
                _in_range("size", side, 1, MAX_NETWORK_PIXELS, int)
            _in_range("size", self.size[0] * self.size[1], 1, MAX_NETWORK_PIXELS, int)
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
        if self.size is not None:
            return self.size
        scale = (self.network_pixels / (height * width)) ** 0.5
        cell = self.multiple_of
        rows, columns = (max(1, round(side * scale / cell)) * cell for side in (height, width))
        return rows, columns


def to_json(config: ModelConfig | ViTConfig | Preprocessing) -> str:
    """Write a configuration as a JSON object."""
    return json.dumps(dataclasses.asdict(config))


def from_mapping(kind: type[_Config], values: Any) -> _Config:
    """Build the configuration of class `kind` from a mapping; fields left out keep their defaults.

    Raises:
        ValueError: a field is unknown, or its value is out of range.
    """
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"{kind.__name__} is described by {type(values).__name__}; expected an object of its fields")
    known = [field.name for field in dataclasses.fields(kind)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)[:200]}; its fields are {', '.join(known)}")
    return kind(**values)


def _sequence(field: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, (list, tuple)) or len(values) > 8:
        raise ValueError(f"{field} is {str(values)[:80]}; expected a short list of numbers")
    return tuple(values)


def _in_range(field: str, value: Any, least: float, most: float, kind: type = float) -> None:
    number = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # NaN, too
        raise ValueError(f"{field} is {str(value)[:80]}; expected {kind.__name__} from {least:g} to {most:g}")


def _one_of(field: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{field} is {value!r}; expected one of {', '.join(choices)}")
