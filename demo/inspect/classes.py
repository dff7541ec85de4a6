"""The classes of one frame as a table, as bars and as the legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from demo.inspection import Inspection
from demo.markup import ALL_CLASSES, NO_CLASS, swatch
from deresunet.classes import COLOURS, DISPLAY_NAMES


def present_classes(inspection: Inspection) -> list[int]:
    """Classes 1..37 in ground truth or prediction, most pixels first."""
    weight = inspection.shares.copy()
    if inspection.scores is not None:
        labelled = max(int(inspection.scores.truth_pixels.sum()), 1)
        weight = np.maximum(weight, inspection.scores.truth_pixels / labelled)
    return [int(k) + 1 for k in np.argsort(-weight, kind="stable") if weight[k] > 0]


def class_table(inspection: Inspection) -> pd.DataFrame:
    """One row a class that is in ground truth or prediction; shares and ratios in percent.

    With ground truth: IoU, and the class's shares of the labelled pixels. Without: predicted share and mean
    confidence.
    """
    rows: list[tuple[Any, ...]] = []
    if inspection.scores is None:
        for label in present_classes(inspection):
            share, confidence = inspection.shares[label - 1], inspection.confidence[label - 1]
            rows.append((DISPLAY_NAMES[label - 1], 100 * float(share), 100 * float(confidence)))
        return pd.DataFrame(rows, columns=["class", "predicted %", "confidence %"])
    scored = inspection.scores
    labelled = max(int(scored.truth_pixels.sum()), 1)
    for label in present_classes(inspection):
        iou = scored.iou[label - 1]
        if np.isnan(iou):  # predicted on void pixels alone: nothing to compare it with
            continue
        truth, predicted = scored.truth_pixels[label - 1] / labelled, scored.predicted_pixels[label - 1] / labelled
        rows.append((DISPLAY_NAMES[label - 1], *(100 * float(ratio) for ratio in (iou, truth, predicted))))
    return pd.DataFrame(rows, columns=["class", "IoU %", "ground truth %", "predicted %"])


def class_bars(inspection: Inspection) -> str:
    """The table's leading figure (IoU, or predicted share) as horizontal bars in HTML, best first."""
    table = class_table(inspection)
    if table.empty:
        return ""
    figure = table.columns[1]
    rows = []
    for name, value in table.sort_values(figure, ascending=False)[["class", figure]].itertuples(index=False):
        colour = COLOURS[DISPLAY_NAMES.index(name)]
        rows.append(
            f'<button class="bar" data-class="{name}"><span>{name}</span><span class="track">'
            f'<i style="width:{value:.1f}%;background:{colour}"></i></span><span>{value:.1f}</span></button>'
        )
    return f'<div class="bars" role="group" aria-label="{figure} of each class"><b>{figure}</b>{"".join(rows)}</div>'


def legend(present: list[int], chosen: Sequence[str] = ()) -> str:
    """All 37 classes in their colours as HTML: switches of the class filter, those of no pixel faint.

    Args:
        present: classes 1..37 in ground truth or prediction.
        chosen: display names of the class filter; none where it filters nothing.
    """
    chips = [
        f'<button class="chip{"" if label in present else " absent"}" type="button" data-class="{name}" '
        f'aria-pressed="{str(not chosen or name in chosen).lower()}">{swatch(label)}{name}</button>'
        for label, name in enumerate(DISPLAY_NAMES, 1)
    ]
    ends = [
        f'<button class="chip end" type="button" data-class="{name}" aria-pressed="{str(on).lower()}">{text}</button>'
        for name, text, on in ((ALL_CLASSES, "all", not chosen), (NO_CLASS, "none", NO_CLASS in chosen))
    ]
    absent = [name for name in chosen if name in DISPLAY_NAMES and DISPLAY_NAMES.index(name) + 1 not in present]
    note = f'<p class="note">Not in this frame: {", ".join(absent)}.</p>' if absent and present else ""
    return f'<div class="legend" role="group" aria-label="Class filter">{"".join([*ends, *chips])}</div>{note}'
