"""Figures of a whole data set that a checkpoint carries, to put a frame's own beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """MIoU in percent over the 654 test frames of NYU Depth v2.

    Attributes:
        rgbd: with RGB and depth.
        rgb: without depth.
        depth: without RGB.
    """

    rgbd: float
    rgb: float
    depth: float

    FRAMES = "NYU Depth v2's 654 test frames"

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> Measured | None:
        """Take the figures from a checkpoint's metrics; None where it does not have all of them."""
        protocols = ("nyuv2_test_654_sun37", "without_depth", "without_rgb")
        found = [metrics.get(protocol, {}).get("miou") for protocol in protocols]
        return None if any(value is None for value in found) else cls(*map(float, found))
