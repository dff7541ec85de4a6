"""Names of the networks: the one place where one is added."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from deresunet.config import ModelConfig, ViTConfig
from deresunet.model.network import DeResUNet

WEIGHTS_DIR = Path(__file__).parents[1] / "weights"

NetworkConfig = ModelConfig | ViTConfig
# Configuration of each architecture, by the name that weights give it in their metadata.
ARCHITECTURES: dict[str, type[NetworkConfig]] = {"deresunet": ModelConfig, "dinov2_rgbd": ViTConfig}


@dataclass(frozen=True)
class Entry:
    """A named network.

    Attributes:
        config: its parts and widths.
        checkpoint: the trained weights that come with the package, or None.
        summary: description in one line.
        short: what it is, in a few words.
    """

    config: NetworkConfig
    checkpoint: Path | None
    summary: str
    short: str = ""


DEFAULT_MODEL = "deresunet_r50"
# The most accurate of those with weights: what labels are audited by unless another is chosen.
BEST_MODEL = "dinov2_vits14_rgbd"

_MODELS: dict[str, Entry] = {
    "deresunet_r50": Entry(
        config=ModelConfig(),
        checkpoint=WEIGHTS_DIR / "deresunet_r50.safetensors",
        summary="gated fusion, context bottleneck, sub-pixel head: 57.0 M parameters, 142.5 GFLOP at 480x640",
    ),
    "deresunet_r50_classic": Entry(
        config=ModelConfig(
            fusion="concat",
            skip_channels=(),
            bottleneck="double_conv",
            bottleneck_channels=2048,
            decoder_channels=(1024, 512, 256, 64),
            head="shuffle_conv",
            conv_bias=True,
            dropout=0.0,
        ),
        checkpoint=None,
        summary="the published layout: concatenated skips, 203.8 M parameters, 428.4 GFLOP at 480x640",
    ),
    "dinov2_vits14_rgbd": Entry(
        config=ViTConfig(),
        checkpoint=WEIGHTS_DIR / "dinov2_vits14_rgbd.safetensors",
        summary="the network that DeResUNet was taught by; a vision transformer (DINOv2 ViT-S/14) on RGB and depth: "
        "25.5 M parameters, 40 classes",
        short="the network that DeResUNet was taught by; a vision transformer",
    ),
}


def model_names() -> list[str]:
    """List the names that `create_model` and `deresunet.load` take.

    >>> model_names()
    ['deresunet_r50', 'deresunet_r50_classic', 'dinov2_vits14_rgbd']
    """
    return sorted(_MODELS)


def entry(name: str) -> Entry:
    """Look up the layout registered as `name`.

    Raises:
        KeyError: nothing is; the message lists the names that exist and the nearest one.
    """
    if name not in _MODELS:
        near = difflib.get_close_matches(name, _MODELS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise KeyError(f"no model is called {name!r}; there are {', '.join(model_names())}.{hint}")
    return _MODELS[name]


def build(config: NetworkConfig) -> nn.Module:
    """Build the network that a configuration describes, with random weights."""
    if isinstance(config, ModelConfig):
        return DeResUNet(config)
    # Imported when it is asked for: timm takes a second.
    from deresunet.model.vit import RGBDViT  # noqa: PLC0415

    return RGBDViT(config)


def architecture_of(config: NetworkConfig) -> str:
    """Name in `ARCHITECTURES` of the architecture that a configuration describes."""
    return next(name for name, kind in ARCHITECTURES.items() if isinstance(config, kind))


def create_model(name: str = DEFAULT_MODEL, num_classes: int | None = None, imagenet: bool = False) -> nn.Module:
    """Create a network with random weights, by name.

    Args:
        name: one of `model_names()`.
        num_classes: outputs, if other than the entry's own.
        imagenet: start both encoders from torchvision's ImageNet weights (downloads them once); DeResUNet's alone.

    Raises:
        KeyError: no model has that name.
        ValueError: ImageNet weights were asked for, and the network has no encoder that takes them.
        RuntimeError: ImageNet weights were asked for and cannot be downloaded.

    >>> import torch
    >>> model = create_model("deresunet_r50", num_classes=13).eval()
    >>> with torch.inference_mode():
    ...     model(torch.zeros(1, 3, 64, 96), torch.zeros(1, 1, 64, 96)).shape
    torch.Size([1, 13, 64, 96])
    """
    config = entry(name).config
    if num_classes is not None:
        config = replace(config, num_classes=num_classes)
    model = build(config)
    if imagenet:
        if not isinstance(model, DeResUNet):
            raise ValueError(f"{name} has no encoders that start from ImageNet; only DeResUNet's do")
        model.load_imagenet()
    return model


def name_of(config: NetworkConfig) -> str:
    """Find the registered name of a network, whatever its number of classes; "custom" for another."""
    for name, registered in _MODELS.items():
        if replace(registered.config, num_classes=config.num_classes) == config:
            return name
    return "custom"
