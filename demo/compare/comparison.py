"""Two predictions of one frame against each other: two checkpoints, or one with two modalities."""

from __future__ import annotations

import html
from dataclasses import replace

import numpy as np
import pandas as pd

from demo.inspection import Inspection
from demo.viewer.viewer import Packed, pack_predictions
from deresunet.classes import joined
from deresunet.evaluation.html import MODALITY_NAMES, in_percent
from deresunet.visualization.overlays import comparison_codes


def side_names(a: Inspection, b: Inspection) -> tuple[str, str]:
    """Weights and modality of both sides; weights of one name are told apart by their hashes."""
    origins = [one.described["provenance"] for one in (a, b)]
    alike = origins[0]["weights"] == origins[1]["weights"] and origins[0]["sha256"] != origins[1]["sha256"]
    first, second = (
        f"{origin['weights']}{' (' + origin['sha256'][:6] + ')' if alike else ''}, {MODALITY_NAMES[one.modality]}"
        for origin, one in zip(origins, (a, b), strict=True)
    )
    return first, second


def on_one_class_set(a: Inspection, b: Inspection) -> tuple[Inspection, Inspection]:
    """Bring two inspections of a frame to A's classes, with those behind them that only B's network has."""
    found = joined(b.class_set, a.class_set)
    if found.identity and a.class_set == b.class_set:
        return a, b

    def brought(one: Inspection, at: np.ndarray, table: np.ndarray | None) -> Inspection:
        def spread(values: np.ndarray, absent: float) -> np.ndarray:
            wide = np.full(len(found.target), absent, values.dtype)
            wide[at[at >= 0]] = values[at >= 0]
            return wide

        score = one.scores and replace(
            one.scores, iou=spread(one.scores.iou, np.nan), truth_pixels=spread(one.scores.truth_pixels, 0)
        )
        classes = one.classes if table is None else table[one.classes]
        return replace(one, classes=classes, class_set=found.target, shares=spread(one.shares, 0.0), scores=score)

    return brought(a, np.arange(len(a.class_set)), None), brought(b, found.table[1:].astype(np.intp) - 1, found.table)


def packed(a: Inspection, b: Inspection) -> Packed:
    """Both predictions for a viewer, A beside B at first."""
    labels = {side: (side.upper(), one.label) for side, one in (("a", a), ("b", b))}
    return pack_predictions(a, labels, ("Differences", "a", "b"))


def summary(a: Inspection, b: Inspection) -> str:
    """Share of the pixels on which the two agree, and which is correct where they do not, as HTML."""
    first, second = side_names(a, b)
    names = f"A is {html.escape(first)}; B is {html.escape(second)}."
    agree = float((a.label == b.label).mean())
    pieces = [f"<p>{names} On <b>{html.escape(a.name)}</b> they agree on <b>{in_percent(agree)}</b> of the pixels.</p>"]
    if a.scores is not None and b.scores is not None and a.truth is not None:
        codes, known = comparison_codes(a.label, b.label, a.truth), a.truth > 0
        only_a, only_b = (float((codes == code)[known].mean()) for code in (1, 2))
        pieces.append(
            f"<p>Of the labelled pixels, only A is correct on <b>{in_percent(only_a)}</b>, only B on "
            f"<b>{in_percent(only_b)}</b>. "
            f"mIoU of this frame: A {100 * a.scores.miou:.1f} %, B {100 * b.scores.miou:.1f} % "
            f"({100 * (b.scores.miou - a.scores.miou):+.1f} points).{_over_data(a, b)}</p>"
        )
    return "".join(pieces)


def _over_data(a: Inspection, b: Inspection) -> str:
    """MIoU of both sides over a whole data set, where the weights carry it."""
    if a.measured is None or b.measured is None or a.measured.frames != b.measured.frames:
        return ""
    first, second = getattr(a.measured, a.modality), getattr(b.measured, b.modality)
    over = html.escape(a.measured.frames, quote=False)
    return f" Over {over}: A {first:.1f} %, B {second:.1f} % ({second - first:+.1f} points)."


def class_table(a: Inspection, b: Inspection) -> pd.DataFrame:
    """IoU of each class in percent (without ground truth its predicted share) of A and B, and B's minus A's."""
    rows = []
    if a.scores is not None and b.scores is not None:
        columns = ["class", "IoU A %", "IoU B %", "B - A"]
        values = (a.scores.iou, b.scores.iou)
        order = np.argsort(-a.scores.truth_pixels, kind="stable")
    else:
        columns = ["class", "predicted A %", "predicted B %", "B - A"]
        values = (a.shares, b.shares)
        order = np.argsort(-np.maximum(a.shares, b.shares), kind="stable")
    for k in order:
        first, second = (100 * float(value[k]) for value in values)
        if np.isnan(first) and np.isnan(second):
            continue
        # A class in neither the ground truth nor one side's prediction has no IoU there.
        if a.scores is not None or first or second:
            rows.append((a.class_set.display_names[k], first, second, second - first))
    return pd.DataFrame(rows, columns=columns)
