"""Sections about runs against each other, of the page and of the report: scores with intervals, classes, frames."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from deresunet.evaluation.comparison import Comparison, FrameDifference
from deresunet.evaluation.confusions import on_white, shift_map
from deresunet.evaluation.evaluation import Evaluation
from deresunet.evaluation.html import amber, figure, forest, image, in_percent, notes, table

# Frames won and frames lost that are listed, of each; comparison.json has all.
COUNT = 30
# Columns of `class_table` whose numbers are shown with their sign.
SIGNED = ("B - A", "from", "to")
CLASSES_CAPTION = "Classes; from and to: 95 % interval of B - A"
SHIFT_CAPTION = "Difference of the confusion matrices, B - A"


def comparison_sections(comparison: Comparison) -> list[str]:
    """Sections of a report on two runs, as HTML; the numbers are those of `Comparison.as_dict`."""
    classes = class_table(comparison)
    shift = shift_map(comparison.confusion_shift, comparison.matrices[0] + comparison.matrices[1], comparison.class_set)
    return [
        summary(comparison),
        table(classes, SIGNED, CLASSES_CAPTION, comparison.class_set, places=2, sortable=False),
        "<h2>Confusions that changed</h2><p class='soft'>Share of each ground-truth class's pixels (row) by predicted "
        "class (column): B - A, in points. Blue: B is better; orange: B is worse.</p>"
        f"{image(on_white(shift), SHIFT_CAPTION, 'plot')}",
        frame_list("Frames won by B", comparison.won),
        frame_list("Frames lost by B", comparison.lost),
    ]


def summary(comparison: Comparison) -> str:
    """Names of the runs and the differences of their scores with paired bootstrap intervals, as HTML."""
    (a, b), found = comparison.scores, comparison.differences
    figures = []
    for one, name in ((found.miou, "mIoU"), (found.pixel_acc, "pixel accuracy")):
        ends = f"<small>{100 * one.low:+.2f} to {100 * one.high:+.2f}</small>"
        if np.isnan(one.low):
            ends = "<small>too few frames for an interval</small>"
        figures.append(figure(f"{100 * one.value:+.2f}", f"points of {name}, B - A", ends))
    figures += [
        figure(f"{in_percent(a.miou)} | {in_percent(b.miou)}", "mIoU A | B"),
        figure(
            f"{len(comparison.won):,} | {len(comparison.lost):,} | {comparison.tied:,}",
            f"frames won | lost | tied (below 0.1 points) of {len(comparison.frames):,}",
        ),
    ]
    left_out = comparison.only_a + comparison.only_b
    note = f" {left_out:,} frames are in one run alone and left out." if left_out else ""
    names = [html.escape(name) for name in comparison.names]
    missing = zip("AB", comparison.coverage, strict=True)
    return (
        f'<p><b>A: {names[0]}<br>B: {names[1]}</b></p><div class="scores">{"".join(figures)}</div>'
        f"{''.join(amber(f'{side}: {said}' if said else '') for side, said in missing)}"
        f"{notes([f'{comparison}.{note}', f'Intervals: {comparison.method}.'])}"
        f"<h3>IoU by class: B - A, points</h3>{forest(comparison.effects)}"
    )


def class_table(comparison: Comparison) -> pd.DataFrame:
    """One row a class of either run in percent: IoU, its difference with interval, precision, recall and F1."""
    runs, names = comparison.scores, comparison.class_set.display_names
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


def frame_list(title: str, frames: Sequence[FrameDifference], clickable: bool = False) -> str:
    """Frames with their mIoU in both runs and the difference, as HTML; buttons with a frame's name if clickable."""
    if not frames:
        return f"<h3>{title}: none</h3>"
    tag, kind = ("button", ' type="button"') if clickable else ("div", "")
    rows = "".join(
        f'<li><{tag}{kind} data-frame="{html.escape(one.name)}"><span>{html.escape(one.name)}</span>'
        f"<span>{_points(one.a)}</span><span>{_points(one.b)}</span><b>{100 * one.value:+.1f}</b></{tag}></li>"
        for one in frames[:COUNT]
    )
    more = f", the first {COUNT} shown" if len(frames) > COUNT else ""
    return (
        f'<h3>{title}: {len(frames):,}{more}</h3><ol class="frames"><li class="head"><div><span>frame</span>'
        f"<span>mIoU A %</span><span>mIoU B %</span><b>B - A</b></div></li>{rows}</ol>"
    )


def run_table(runs: Mapping[str, Evaluation]) -> pd.DataFrame:
    """One row a run by name, best mIoU first, in percent: mIoU and pixel accuracy with their intervals, and more."""
    rows = []
    for name, run in sorted(runs.items(), key=lambda one: -np.nan_to_num(one[1].scores.miou)):
        found = run.intervals
        row: dict[str, str | float] = {"run": name}
        for key, one in (("mIoU %", found.miou), ("pixel accuracy %", found.pixel_acc)):
            row |= {key: 100 * one.value, f"{key[:-2]} from": 100 * one.low, f"{key[:-2]} to": 100 * one.high}
        more = {"mean accuracy %": run.scores.mean_acc, "ECE %": run.reliability.expected_error}
        rows.append({**row, **{key: 100 * value for key, value in more.items()}, "frames": run.frames})
    return pd.DataFrame(rows)


def _points(ratio: float) -> str:
    return in_percent(ratio).removesuffix(" %")
