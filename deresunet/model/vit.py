"""A vision transformer on RGB and depth: DINOv2 ViT-S/14 (Oquab et al. 2023, https://arxiv.org/abs/2304.07193).

The transformer is timm's `vit_small_patch14_dinov2`. A patch embedding of depth is added to RGB's, and a light head
brings the patches' features to a quarter of the input's size. DeResUNet was distilled from it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from timm.layers.pos_embed import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer, vit_small_patch14_dinov2
from torch import Tensor, nn

from deresunet.config import ViTConfig
from deresunet.model.blocks import conv_bn_relu

PATCH = 14
WIDTH = 384
# Side of the square images that DINOv2's positions were trained on [px].
POSITIONS_SIDE = 518
# The blocks whose patch features the head sees; the last one's are those that are distilled.
TAPPED = (2, 5, 8, 11)


class RGBDViT(nn.Module):
    """ViT-S/14 on RGB and depth, with a light head.

    Args:
        config: outputs and dropout; see `ViTConfig`.
    """

    vit: VisionTransformer

    def __init__(self, config: ViTConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ViTConfig()
        self.vit = vit_small_patch14_dinov2(img_size=POSITIONS_SIDE, num_classes=0)
        self.dpe = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        # Depth enters as nothing, so that fine-tuning starts from DINOv2 as it is.
        for parameter in self.dpe.parameters():
            nn.init.zeros_(parameter)
        self.stem = nn.Sequential(
            nn.Conv2d(4, 32, 3, 2, 1),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 64, 3, 2, 1),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
        )
        self.proj = conv_bn_relu(WIDTH * len(TAPPED), 512, 1)
        self.c1 = conv_bn_relu(512, 512)
        self.c2 = conv_bn_relu(128 + 64, 128)
        self.drop = nn.Dropout2d(config.dropout)
        self.out = nn.Conv2d(128, config.num_classes, 1)
        self.aux = nn.Conv2d(512, config.num_classes, 1)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Logits (B, num_classes, H/4, W/4); index k is class k + 1.

        Args:
            rgb: (B, 3, H, W), normalised as `Preprocessing` says; H and W multiples of 4.
            depth: (B, 1, H, W), normalised likewise, 0.0 where missing.
        """
        return self.outputs(rgb, depth)[0]

    def outputs(self, rgb: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and those of the auxiliary head on the patches (B, num_classes, about H/14, about W/14)."""
        patches = self.c1(self.proj(torch.cat(self.taps(rgb, depth, TAPPED), 1)))  # (B, 512, h, w)
        fine = self.stem(torch.cat([rgb, depth], 1))  # (B, 64, H/4, W/4)
        x = F.interpolate(F.pixel_shuffle(patches, 2), fine.shape[-2:], mode="bilinear", align_corners=False)
        x = self.c2(torch.cat([x, fine], 1))  # (B, 128, H/4, W/4)
        return self.out(self.drop(x)), self.aux(patches)

    def taps(self, rgb: Tensor, depth: Tensor, tapped: tuple[int, ...] = TAPPED) -> list[Tensor]:
        """Patch features (B, 384, about H/14, about W/14) after each of the `tapped` blocks, normalised."""
        height, width = (round(side / PATCH) * PATCH for side in rgb.shape[-2:])
        distances = F.interpolate(depth, (height, width), mode="nearest")
        x = self.vit.patch_embed.proj(F.interpolate(rgb, (height, width), mode="bilinear", align_corners=False))
        x = x + self.dpe(distances)  # (B, 384, h, w)
        size = list(x.shape[-2:])
        # Not antialiased, as the published weights were trained; timm's own forward would be, and knows no depth.
        positions = resample_abs_pos_embed(self.vit.pos_embed, size, num_prefix_tokens=1, antialias=False)
        class_token: Tensor = self.vit.cls_token  # type: ignore[assignment]
        tokens = (
            torch.cat([class_token.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1) + positions
        )  # (B, 1 + h w, 384)
        maps = []
        for number, block in enumerate(self.vit.blocks):
            tokens = block(tokens)
            if number in tapped:
                maps.append(self.vit.norm(tokens)[:, 1:].transpose(1, 2).unflatten(2, size))
        return maps
