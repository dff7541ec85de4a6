"""Pieces of HTML that the page, its reports and the comparison of runs are built from."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from typing import NamedTuple

from deresunet.inference.preprocessing import Modality

MODALITY_NAMES: dict[Modality, str] = {"rgbd": "RGB-D", "rgb": "RGB", "depth": "depth"}


def in_percent(ratio: float, places: int = 1) -> str:
    """A ratio 0..1 in percent, such as "82.6 %"; n/a for NaN."""
    return "n/a" if math.isnan(ratio) else f"{100.0 * float(ratio):.{places}f} %"


def amber(sentence: str) -> str:
    """A sentence that a reader of scores must not miss, as HTML; "" for none."""
    return f'<p class="amber" role="note">{html.escape(sentence)}</p>' if sentence else ""


class Effect(NamedTuple):
    """One row of a forest plot.

    Attributes:
        name: of the class.
        value: difference in points of percent.
        low: lower end of its interval.
        high: upper end of its interval.
    """

    name: str
    value: float
    low: float
    high: float


def forest(effects: Iterable[Effect]) -> str:
    """Forest plot of differences with their intervals, the largest gain first, as HTML.

    Rows whose interval contains 0 are faded; those without an interval are left out.
    """
    rows = sorted((one for one in effects if not math.isnan(one.low)), key=lambda one: -one.value)
    if not rows:
        return "<p>Too few frames for intervals.</p>"
    reach = max(max(abs(one.low), abs(one.high)) for one in rows) or 1.0

    def at(points: float) -> float:
        return 50.0 + 50.0 * points / reach

    lines = "".join(
        f"<li{'' if one.low > 0 or one.high < 0 else ' class=faded'}><span>{html.escape(one.name)}</span>"
        f'<span class="axis"><i style="left:{at(one.low):.2f}%;width:{at(one.high) - at(one.low):.2f}%"></i>'
        f'<b class="{_kind(one.value)}" style="left:{at(one.value):.2f}%"></b></span>'
        f"<span>{one.value:+.2f}</span><small>{one.low:+.2f} to {one.high:+.2f}</small></li>"
        for one in rows
    )
    heads = '<span>class</span><span class="axis"></span><span>B - A</span><small>95 % interval</small>'
    items = f'<li class="head">{heads}</li>{lines}'
    return f'<ol class="forest" aria-label="Differences of IoU by class, in points">{items}</ol>'


def _kind(value: float) -> str:
    return "gain" if value > 0 else "loss" if value < 0 else ""
