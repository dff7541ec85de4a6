"""Small networks of both layouts, with BatchNorm that does something."""

from __future__ import annotations

import torch

from deresunet.config import ModelConfig, Preprocessing
from deresunet.model.checkpoint import Checkpoint
from deresunet.model.network import DeResUNet

SMALL = {
    "gated": ModelConfig(
        backbone="resnet18", skip_channels=(8, 8, 16, 16), bottleneck_channels=32, decoder_channels=(32, 32, 16, 16)
    ),
    "classic": ModelConfig(
        backbone="resnet18",
        fusion="concat",
        skip_channels=(),
        bottleneck="double_conv",
        bottleneck_channels=32,
        decoder_channels=(32, 32, 16, 16),
        head="shuffle_conv",
        conv_bias=True,
    ),
    "bottleneck blocks": ModelConfig(
        backbone="resnet50", skip_channels=(8, 8, 16, 16), bottleneck_channels=32, decoder_channels=(32, 32, 16, 16)
    ),
}


def small_network(layout: str = "gated") -> DeResUNet:
    """In eval mode; running means and variances, factors and offsets are not those of a new network."""
    torch.manual_seed(0)
    model = DeResUNet(SMALL[layout])
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.5, 0.5)
                module.running_var.uniform_(0.5, 2.0)
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
    return model.eval()


def small_checkpoint(layout: str = "gated", pixels: int = 96 * 128) -> Checkpoint:
    """Its weights, for frames that are brought to about `pixels`."""
    state = small_network(layout).state_dict()
    preprocessing = Preprocessing(network_pixels=pixels)
    return Checkpoint(state, SMALL[layout], preprocessing, name="a small network", sha256="5a" * 32, training="none")


def noise(batch: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Seeded inputs rgb and depth."""
    generator = torch.Generator().manual_seed(1)
    rgb, depth = (torch.randn(batch, channels, height, width, generator=generator) for channels in (3, 1))
    return rgb, depth
