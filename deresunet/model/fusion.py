"""Fusion of the RGB and the depth encoder's maps of one stride."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GatedFusion(nn.Module):
    """Sum of both modalities, each channel weighted by a gate that sees the global means of both.

    A squeeze-and-excitation gate (Hu et al. 2018) that sees both modalities.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // 16, 16)
        self.gate = nn.Sequential(
            nn.Conv2d(2 * channels, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, 2 * channels, 1)
        )
        self.out_channels = channels

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Fuse two maps (B, C, H, W)."""
        means = torch.cat([rgb.mean((2, 3), keepdim=True), depth.mean((2, 3), keepdim=True)], 1)  # (B, 2C, 1, 1)
        gate_rgb, gate_depth = torch.sigmoid(self.gate(means)).chunk(2, 1)  # (B, C, 1, 1) each
        return rgb * gate_rgb + depth * gate_depth  # (B, C, H, W)


class ConcatFusion(nn.Module):
    """Concatenate both maps, as the published layout does; the result has 2C channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = 2 * channels

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Fuse two maps (B, C, H, W)."""
        return torch.cat([rgb, depth], 1)  # (B, 2C, H, W)


FUSIONS: dict[str, type[GatedFusion] | type[ConcatFusion]] = {"gated": GatedFusion, "concat": ConcatFusion}
