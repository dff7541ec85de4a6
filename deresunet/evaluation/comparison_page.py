"""The HTML of a comparison of two runs: differences with intervals, classes, confusions, frames won and lost."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from deresunet.evaluation.comparison import Comparison, FrameDifference
from deresunet.evaluation.html import amber, forest, in_percent
from deresunet.evaluation.report_page import confusion_axes, drawn_classes, image, table, two_decimals
from deresunet.visualization.colours import CORRECT, WRONG

# Frames won and frames lost in the page, of each; comparison.json has all.
COUNT = 20


def comparison_sections(comparison: Comparison) -> list[str]:
    """Sections of a report on two runs, as HTML; the numbers are those of `Comparison.as_dict`."""
    described = comparison.as_dict()
    a, b = (html.escape(name) for name in comparison.names)
    rows = [
        [
            html.escape(name),
            *(two_decimals(value) for key in ("iou", "precision", "recall", "f1") for value in row[key]),
            _signed(row["difference"]),
            _interval(row["low"], row["high"]),
        ]
        for name, row in described["classes"].items()
    ]
    head = ["class", *(f"{name} {run} %" for name in ("IoU", "precision", "recall", "F1") for run in "AB")]
    return [
        f"<p>A: {a}<br>B: {b}</p>{coverage_notes(comparison)}<p>{html.escape(str(comparison))}.</p>",
        table(
            ("", "B - A, points", "95 % interval", "draws with B above A"),
            [
                [
                    title,
                    _signed(described[key]["difference"]),
                    _interval(described[key]["low"], described[key]["high"]),
                    "n/a"
                    if described[key]["share_above_zero"] is None
                    else in_percent(described[key]["share_above_zero"]),
                ]
                for title, key in (("mIoU", "miou"), ("pixel accuracy", "pixel_acc"))
            ],
        ),
        f'<p class="soft">Intervals: {html.escape(described["method"])}.</p>',
        f"<h2>IoU by class: B - A, points</h2>{forest(comparison.effects)}",
        f"<h2>Classes</h2>{table([*head, 'IoU: B - A', '95 % interval'], rows)}",
        "<h2>Confusions that changed</h2><p class='soft'>Share of each ground-truth class's pixels (row) by predicted "
        "class (column): B - A, in points. Blue: B is better; orange: B is worse.</p>"
        f"{image(_png(shift_figure(comparison)), 'Difference of the confusion matrices', 'plot')}",
        f"<h2>Frames won by B: {len(comparison.won)}</h2>{_frames(comparison.won)}",
        f"<h2>Frames lost by B: {len(comparison.lost)}</h2>{_frames(comparison.lost)}",
    ]


def coverage_notes(comparison: Comparison) -> str:
    """Notes on frames missing from the scores of each run, as HTML."""
    sides = zip("AB", comparison.coverage, strict=True)
    return "".join(amber(f"{side}: {sentence}" if sentence else "") for side, sentence in sides)


def shift_figure(comparison: Comparison) -> Figure:
    """`Comparison.confusion_shift` as a picture: blue where B is better, orange where it is worse.

    Better is more on the diagonal, and less beside it; a deeper colour is a larger share.
    """
    both = comparison.matrices[0] + comparison.matrices[1]
    figure, axes, shift = confusion_axes(comparison.confusion_shift, both, comparison.class_set)
    rows, columns = drawn_classes(both)
    diagonal = np.asarray(rows)[:, None] == np.asarray(columns)[None]
    extent = max(float(np.nanmax(np.abs(shift), initial=0.0)), 0.01)
    colours = np.empty((*shift.shape, 4))
    better = (shift > 0) == diagonal
    colours[..., :3] = np.where(better[..., None], CORRECT, WRONG) / np.array(255.0)
    colours[..., 3] = np.sqrt(np.nan_to_num(np.abs(shift)) / extent)  # by the root, so that small changes are seen
    axes.imshow(colours)
    for row, column in np.argwhere(np.nan_to_num(np.abs(shift)) >= 0.02):
        axes.text(column, row, f"{100 * shift[row, column]:+.0f}", ha="center", va="center", size=6.5, color="#1e293b")
    return figure


def _frames(frames: Sequence[FrameDifference]) -> str:
    if not frames:
        return "<p>None.</p>"
    rows = [
        [html.escape(one.name), *(f"{100 * value:.2f}" for value in (one.a, one.b)), f"{100 * one.value:+.2f}"]
        for one in frames[:COUNT]
    ]
    return table(("frame", "mIoU A %", "mIoU B %", "B - A"), rows)


def _signed(value: float | None) -> str:
    return "n/a" if value is None else f"{value:+.2f}"


def _interval(low: float | None, high: float | None) -> str:
    return "n/a" if low is None or high is None else f"{low:+.2f} to {high:+.2f}"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    return buffer.getvalue()
