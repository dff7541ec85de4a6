"""The network: two ResNet encoders, fusion at every stride, a bottleneck, a PixelShuffle decoder."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from deresunet.config import ModelConfig
from deresunet.model.blocks import conv_bn_relu
from deresunet.model.decoder import BOTTLENECKS, HEADS, UpBlock
from deresunet.model.encoder import Encoder, imagenet_state
from deresunet.model.fusion import FUSIONS


class Maps(NamedTuple):
    """Feature maps of the network before its head; training reads more of them than the head does.

    Attributes:
        rgb: the RGB encoder's five maps, at strides 2, 4, 8, 16 and 32.
        depth: the depth encoder's.
        bottleneck: (B, bottleneck_channels, H/32, W/32).
        decoder: maps of the four decoder stages, at strides 16, 8, 4 and 2.
    """

    rgb: list[Tensor]
    depth: list[Tensor]
    bottleneck: Tensor
    decoder: list[Tensor]


class DeResUNet(nn.Module):
    """Two-stream RGB-D U-Net (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597).

    Args:
        config: parts and widths; see `ModelConfig`.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ModelConfig()
        self.rgb_encoder = Encoder(3, config.backbone)
        self.depth_encoder = Encoder(1, config.backbone)
        fusion = FUSIONS[config.fusion]
        fusions = [fusion(channels) for channels in self.rgb_encoder.channels]
        fused = [module.out_channels for module in fusions]
        self.fusions = nn.ModuleList(fusions)

        # One lateral for each skip, shallow to deep; the deepest map goes to the bottleneck.
        if config.skip_channels:
            skips = list(config.skip_channels)
            self.laterals = nn.ModuleList(conv_bn_relu(c, k, 1) for c, k in zip(fused[:4], skips, strict=True))
        else:
            skips = fused[:4]
            self.laterals = nn.ModuleList(nn.Identity() for _ in skips)

        self.bottleneck = BOTTLENECKS[config.bottleneck](fused[4], config.bottleneck_channels, config.conv_bias)
        self.decoder = nn.ModuleList()
        width = config.bottleneck_channels
        for skip, out_channels in zip(reversed(skips), config.decoder_channels, strict=True):
            self.decoder.append(UpBlock(width, skip, out_channels, config.conv_bias))
            width = out_channels
        self.dropout = nn.Dropout2d(config.dropout)
        self.head = HEADS[config.head](width, config.num_classes, config.conv_bias)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Logits (B, num_classes, H, W); index k is SUN RGB-D class k + 1.

        Args:
            rgb: (B, 3, H, W), normalised as `Preprocessing` says; H and W multiples of 32.
            depth: (B, 1, H, W), normalised likewise, 0.0 where depth is missing.
        """
        return self.head(self.dropout(self.maps(rgb, depth).decoder[-1]))  # (B, num_classes, H, W)

    def maps(self, rgb: Tensor, depth: Tensor) -> Maps:
        """Feature maps before the head, of inputs as `forward` takes them."""
        return self.decode(self.rgb_encoder(rgb), self.depth_encoder(depth))

    def decode(self, rgb_maps: list[Tensor], depth_maps: list[Tensor]) -> Maps:
        """Feature maps before the head, of both encoders' maps at strides 2, 4, 8, 16 and 32."""
        fused = [fuse(r, d) for fuse, r, d in zip(self.fusions, rgb_maps, depth_maps, strict=True)]
        skips = [lateral(x) for lateral, x in zip(self.laterals, fused[:4], strict=True)]
        x = bottleneck = self.bottleneck(fused[4])  # (B, bottleneck_channels, H/32, W/32)
        decoder = []
        for stage, skip in zip(self.decoder, reversed(skips), strict=True):
            x = stage(x, skip)  # strides 16, 8, 4, 2
            decoder.append(x)
        return Maps(rgb_maps, depth_maps, bottleneck, decoder)

    def load_imagenet(self) -> None:
        """Start both encoders from torchvision's ImageNet weights (downloads them once).

        Raises:
            RuntimeError: the weights cannot be downloaded.
        """
        state = imagenet_state(self.config.backbone)
        self.rgb_encoder.load_imagenet_state(state)
        self.depth_encoder.load_imagenet_state(state)
