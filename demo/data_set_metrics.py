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
        measured_on: the weights that were measured, where they are not these; "" where they are.
    """

    rgbd: float
    rgb: float
    depth: float
    measured_on: str = ""

    @property
    def frames(self) -> str:
        """Description for people: the measured frames, and, where other weights were measured, their name."""
        return f"NYU Depth v2's 654 test frames{f' (measured on {self.measured_on})' if self.measured_on else ''}"

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> Measured | None:
        """Take the figures from a checkpoint's metrics; None where it does not have all of them."""
        protocols = ("nyuv2_test_654_sun37", "without_depth", "without_rgb")
        results = [metrics.get(protocol, {}) for protocol in protocols]
        found = [result.get("miou") for result in results]
        if any(value is None for value in found):
            return None
        others = dict.fromkeys(str(result["measured_on"]) for result in results if result.get("measured_on"))
        rgbd, rgb, depth = map(float, found)
        return cls(rgbd, rgb, depth, ", ".join(others))
