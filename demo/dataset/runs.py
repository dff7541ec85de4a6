"""Two runs over a data set side by side, as HTML and pictures."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from PIL import Image

from demo.dataset.progress import Request
from demo.markup import figure
from deresunet.evaluation.bootstrap import Difference
from deresunet.evaluation.comparison import Comparison, FrameDifference
from deresunet.evaluation.comparison_page import coverage_notes, shift_figure
from deresunet.evaluation.html import forest, in_percent

# Frames won and frames lost on the page, of each; the report's JSON has all.
COUNT = 30
# Columns of `class_table` whose numbers are shown with their sign.
SIGNED = ("B - A", "from", "to")
# Lets a click on a frame's name reach the page, which no component of Gradio's does for HTML.
PICK_FRAME = """element.addEventListener('click', (event) => {
    const picked = event.target.closest('[data-frame]');
    if (picked) trigger('select', { index: 0, value: picked.dataset.frame });
});"""


def preselected(
    finished: Sequence[Request], a: Request | None = None, b: Request | None = None
) -> tuple[Request | None, Request | None]:
    """Run A and run B to compare first: RGB and RGB-D of the same weights, or the two latest, the older one as A.

    Args:
        finished: runs over one data set, the latest first.
        a: run that a visitor chose as A, which stays; or None.
        b: run that a visitor chose as B, which stays; or None.

    Returns:
        Both runs; None where there is none left to choose.
    """
    pair = next(
        ((rgb, rgbd) for rgb, rgbd in map(_with_and_without_depth, finished) if rgb in finished and rgbd in finished),
        tuple(finished[:2][::-1]),
    )
    a = a or next((one for one in (*pair, *finished) if one != b), None)
    return a, b or next((one for one in (*pair[::-1], *finished) if one != a), None)


def summary(comparison: Comparison) -> str:
    """Names of the runs and the differences of their scores with paired bootstrap intervals, as HTML."""
    a, b = comparison.scores
    found = comparison.differences
    figures = [
        figure(f"{100 * found.miou.value:+.2f}", "points of mIoU, B - A", _interval(found.miou)),
        figure(f"{100 * found.pixel_acc.value:+.2f}", "points of pixel accuracy, B - A", _interval(found.pixel_acc)),
        figure(f"{in_percent(a.miou)} | {in_percent(b.miou)}", "mIoU A | B"),
        figure(
            f"{len(comparison.won):,} | {len(comparison.lost):,} | {comparison.tied:,}",
            f"frames won | lost | tied (below 0.1 points) of {len(comparison.frames):,}",
        ),
    ]
    left_out = comparison.only_a + comparison.only_b
    note = f" {left_out:,} frames are in one run alone and left out." if left_out else ""
    names = [html.escape(name) for name in comparison.names]
    return (
        f'<p class="ds-said">A: {names[0]}<br>B: {names[1]}</p><div class="ds-figures">{"".join(figures)}</div>'
        f'{coverage_notes(comparison)}<p class="ds-note">{html.escape(str(comparison))}.{note}</p>'
        f'<h3 class="ds-title">IoU by class: B - A, points</h3>{forest(comparison.effects)}'
    )


def class_table(comparison: Comparison) -> pd.DataFrame:
    """One row a class of either run in percent: IoU, its difference with interval, precision, recall and F1."""
    runs = comparison.scores
    names = comparison.class_set.display_names
    there = [k for k in range(len(names)) if any(run.truth_pixels[k] or run.predicted_pixels[k] for run in runs)]
    differences = [comparison.differences.iou[k] for k in there]

    def columns(name: str, key: str) -> dict[str, list[float]]:
        return {
            f"{name} {side} %": [100.0 * float(getattr(run, key)[k]) for k in there]
            for side, run in zip("AB", runs, strict=True)
        }

    return pd.DataFrame(
        {
            "class": [names[k] for k in there],
            **columns("IoU", "iou"),
            "B - A": [100.0 * one.value for one in differences],
            "from": [100.0 * one.low for one in differences],
            "to": [100.0 * one.high for one in differences],
            **columns("precision", "precision"),
            **columns("recall", "recall"),
            **columns("F1", "f1"),
        }
    )


def shift_picture(comparison: Comparison) -> Image.Image:
    """Difference of the confusion matrices, B - A, as shares of each ground-truth class."""
    buffer = io.BytesIO()
    shift_figure(comparison).savefig(buffer, format="png", dpi=90, transparent=True)
    picture = Image.open(buffer)
    picture.load()
    return picture


def frame_list(title: str, frames: Sequence[FrameDifference]) -> str:
    """Frames with their mIoU in both runs and the difference, as buttons for `PICK_FRAME`."""
    if not frames:
        return f'<h3 class="ds-title">{title}: none</h3>'
    rows = "".join(
        f'<li><button type="button" data-frame="{html.escape(one.name)}"><span>{html.escape(one.name)}</span>'
        f"<span>{_score(one.a)}</span><span>{_score(one.b)}</span><b>{100 * one.value:+.1f}</b></button></li>"
        for one in frames[:COUNT]
    )
    more = f", the first {COUNT} shown" if len(frames) > COUNT else ""
    return (
        f'<h3 class="ds-title">{title}: {len(frames):,}{more}</h3><div class="ds-frames-head"><span>frame</span>'
        f'<span>mIoU A %</span><span>mIoU B %</span><span>B - A</span></div><ol class="ds-frames">{rows}</ol>'
    )


def _with_and_without_depth(request: Request) -> tuple[Request, Request]:
    return replace(request, modality="rgb"), replace(request, modality="rgbd")


def _score(ratio: float) -> str:
    return "n/a" if np.isnan(ratio) else f"{100 * ratio:.1f}"


def _interval(difference: Difference) -> str:
    if np.isnan(difference.low):
        return "<small>too few frames for an interval</small>"
    return f"<small>{100 * difference.low:+.2f} to {100 * difference.high:+.2f}</small>"
