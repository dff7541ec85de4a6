"""The ResNet trunk that both modalities use (He et al. 2016, https://arxiv.org/abs/1512.03385)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models


class Encoder(nn.Module):
    """torchvision ResNet without pooling and classifier, under torchvision's parameter names.

    Attributes:
        channels: widths of the five maps, at strides 2, 4, 8, 16 and 32.
    """

    def __init__(self, in_channels: int, backbone: str) -> None:
        super().__init__()
        resnet = models.get_model(backbone, weights=None)
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = resnet.bn1
        self.layer1 = resnet.layer1
        self.layer2 = resnet.layer2
        self.layer3 = resnet.layer3
        self.layer4 = resnet.layer4
        expansion = resnet.layer1[0].expansion
        self.channels = (64, 64 * expansion, 128 * expansion, 256 * expansion, 512 * expansion)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode an image (B, in_channels, H, W) into five maps, shallow to deep."""
        x = F.relu(self.bn1(self.conv1(image)))  # (B, 64, H/2, W/2)
        maps = [x]
        x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)  # (B, 64, H/4, W/4)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)  # strides 4, 8, 16, 32
            maps.append(x)
        return maps

    def load_imagenet_state(self, state: dict[str, Tensor]) -> None:
        """Take a torchvision ResNet's parameters; the classifier's are left out.

        An encoder whose input is not RGB starts from the mean of the first convolution over its three channels.

        Raises:
            RuntimeError: `state` is of another ResNet.
        """
        trunk = {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}
        in_channels = self.conv1.in_channels
        if in_channels != 3:
            mean = trunk["conv1.weight"].mean(dim=1, keepdim=True)
            trunk["conv1.weight"] = torch.cat([mean] * in_channels, dim=1)
        self.load_state_dict(trunk)


def imagenet_state(backbone: str) -> dict[str, Tensor]:
    """Get the ImageNet parameters of `backbone`, downloaded and cached by torchvision.

    Raises:
        RuntimeError: they cannot be downloaded; the message says where to put the file.
    """
    weights = models.get_model_weights(backbone).DEFAULT
    try:
        return dict(weights.get_state_dict(progress=True, check_hash=True))
    except OSError as error:
        raise RuntimeError(
            f"ImageNet weights of {backbone} could not be downloaded ({error}). "
            f"Fetch {weights.url} on another machine into {torch.hub.get_dir()}/checkpoints, or leave ImageNet out."
        ) from error
