"""Pieces of HTML that the page, its reports and the comparison of runs are built from."""

from __future__ import annotations

import base64
import html
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from deresunet import __version__
from deresunet.classes import ClassSet
from deresunet.inference.preprocessing import Modality
from deresunet.visualization.colours import Colour, hex_code

MODALITY_NAMES: dict[Modality, str] = {"rgbd": "RGB-D", "rgb": "RGB", "depth": "depth"}
# Rules of the pieces, for the page and for reports; those of a report's page.
PIECES_STYLE, _REPORT_STYLE = (Path(__file__).with_name(f"{name}.css") for name in ("pieces", "report"))


def in_percent(ratio: float, places: int = 1) -> str:
    """A ratio 0..1 in percent, such as "82.6 %"; n/a for NaN."""
    return "n/a" if math.isnan(ratio) else f"{100.0 * float(ratio):.{places}f} %"


def html_page(title: str, sections: Iterable[str]) -> str:
    """A whole HTML page in the style of reports, with nothing to fetch.

    Args:
        title: plain text, for the window and the heading.
        sections: HTML, in order.
    """
    escaped = html.escape(title)
    style = _REPORT_STYLE.read_text() + PIECES_STYLE.read_text()
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escaped}</title><style>{style}</style>'
        f"</head><body><h1>{escaped}</h1>{''.join(sections)}<footer>{imprint()}</footer></body></html>\n"
    )


def imprint() -> str:
    """Version, licences and links: the last line of every report and of the inspector's page, as HTML.

    The sources are linked where this runs as a Hugging Face Space, whose address is known.
    """
    space = os.environ.get("SPACE_ID")
    sources = f' · <a href="https://huggingface.co/spaces/{html.escape(space)}/tree/main">sources</a>' if space else ""
    return (
        f'DeResUNet {__version__} · code <a href="https://opensource.org/license/mit">MIT</a>, bundled weights for '
        f"research use{sources}"
    )


def image(encoded: bytes, alternative: str, style: str = "") -> str:
    """A PNG or JPEG within the page, as HTML; `alternative` is plain text for those who do not see it."""
    kind = "jpeg" if encoded.startswith(b"\xff\xd8") else "png"
    data = base64.b64encode(encoded).decode()
    return f'<img class="{style}" alt="{html.escape(alternative)}" src="data:image/{kind};base64,{data}">'


def amber(sentence: str) -> str:
    """A sentence that a reader of scores must not miss, as HTML; "" for none."""
    return f'<p class="amber" role="note">{html.escape(sentence)}</p>' if sentence else ""


def notes(lines: Iterable[str]) -> str:
    """Sentences in small type, as HTML; they are plain text."""
    return "".join(f'<p class="soft">{html.escape(line)}</p>' for line in lines)


def figure(value: str, name: str, more: str = "") -> str:
    """A number in large type with its name below."""
    return f'<div class="figure"><b>{value}</b><span>{name}</span>{more}</div>'


def interval(value: float, low: float, high: float) -> str:
    """A score 0..1 on its confidence interval, as a bar with its ends in words; "" where there is none."""
    if math.isnan(low):
        return ""
    return (
        f'<div class="interval"><i style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>'
        f'<u style="left:{100 * value:.2f}%"></u></div><small>{100 * low:.2f} to {in_percent(high, 2)}</small>'
    )


def swatch(colour: Colour | np.ndarray | str) -> str:
    """A colour as a small square."""
    return f'<i class="swatch" style="background:{colour if isinstance(colour, str) else hex_code(colour)}"></i>'


def key_line(keys: Mapping[str, Colour | np.ndarray]) -> str:
    """Meanings of colours."""
    return "".join(f'<span class="key">{swatch(colour)}{name}</span>' for name, colour in keys.items())


def class_keys(labels: Iterable[int], classes: ClassSet) -> str:
    """Names and colours of classes 1..N."""
    return key_line({classes.display_name(label): classes.palette[label] for label in labels})


def table(
    rows: pd.DataFrame,
    signed: Iterable[str] = (),
    caption: str = "",
    classes: ClassSet | None = None,
    *,
    places: int = 1,
    sortable: bool = True,
) -> str:
    """A table in a box of its own that scrolls; a column "class" of display names gets swatches.

    Args:
        rows: text, counts, and numbers (NaN: n/a).
        signed: columns whose numbers are shown with their sign.
        caption: title above the table.
        classes: those that the column "class" names.
        places: decimal places of numbers.
        sortable: whether heads and classes are buttons for the page's scripts, which a report does not have.
    """
    signs = set(signed)

    def button(shown: str, attribute: str = "") -> str:
        return f'<button type="button"{attribute}>{shown}</button>' if sortable else shown

    def cell(name: str, value: object) -> str:
        if isinstance(value, float | np.floating):
            if np.isnan(value):
                return '<td data-value="">n/a</td>'
            return f'<td data-value="{value:.6f}">{value:{"+" if name in signs else ""}.{places}f}</td>'
        if isinstance(value, int | np.integer):
            return f'<td data-value="{value}">{value:,}</td>'
        shown = html.escape(str(value))
        if name == "class":
            assert classes is not None, "a column of classes needs their class set"
            colour = classes.colours[classes.display_names.index(str(value))]
            attribute = f' data-class="{shown}"'
            return f"<td>{button(swatch(colour) + shown, attribute)}</td>"
        return f"<td>{shown}</td>"

    heads = "".join(f'<th scope="col">{button(html.escape(str(name)))}</th>' for name in rows)
    body = "".join(
        f"<tr>{''.join(cell(name, value) for name, value in zip(rows, row, strict=True))}</tr>"
        for row in rows.itertuples(index=False)
    )
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table class="numbers">{title}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


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
