"""Pieces of HTML that the page, its reports and the comparison of runs are built from."""

from __future__ import annotations

import math

from deresunet.inference.preprocessing import Modality

MODALITY_NAMES: dict[Modality, str] = {"rgbd": "RGB-D", "rgb": "RGB", "depth": "depth"}


def in_percent(ratio: float, places: int = 1) -> str:
    """A ratio 0..1 in percent, such as "82.6 %"; n/a for NaN."""
    return "n/a" if math.isnan(ratio) else f"{100.0 * float(ratio):.{places}f} %"
