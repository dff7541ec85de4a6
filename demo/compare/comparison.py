"""Two predictions of one frame against each other: two checkpoints, or one under two settings."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from demo.inspect.messages import MODALITY_NAMES
from demo.inspect.panels import Colour, Look, prediction_picture
from demo.inspection import Inspection
from deresunet.classes import DISPLAY_NAMES
from deresunet.visualization.overlays import paint

# Okabe and Ito's colours again: both right needs none.
SCORED_KEYS: dict[str, Colour] = {
    "only A is right": (0, 114, 178),
    "only B is right": (230, 159, 0),
    "both wrong, and differ": (204, 121, 167),
    "both wrong alike": (90, 90, 90),
}
UNSCORED_KEYS: dict[str, Colour] = {"A and B differ": (230, 159, 0)}


def contest_name(inspection: Inspection) -> str:
    """What a side of the comparison is called."""
    return f"{inspection.described['provenance']['weights']}, {MODALITY_NAMES[inspection.modality]}"


def contest_pictures(a: Inspection, b: Inspection, opacity: float) -> tuple[np.ndarray, np.ndarray]:
    """Both predictions over the frame, for a wipe."""
    look = Look(opacity)
    return prediction_picture(a, look), prediction_picture(b, look)


def contest_codes(a: Inspection, b: Inspection) -> np.ndarray:
    """uint8 (h, w): 0 = nothing to show, else an entry of `SCORED_KEYS`, or of `UNSCORED_KEYS` without truth."""
    differ = a.label != b.label
    if a.truth is None:
        return differ.astype(np.uint8)
    known = a.truth > 0
    right_a, right_b = a.label == a.truth, b.label == a.truth
    cases = [known & right_a & ~right_b, known & right_b & ~right_a, known & ~right_a & ~right_b & differ]
    return np.select([*cases, known & ~right_a & ~right_b], [1, 2, 3, 4], 0).astype(np.uint8)


def contest_picture(a: Inspection, b: Inspection, opacity: float) -> np.ndarray:
    """Where the two disagree, and who is right there, over the frame."""
    keys = contest_keys(a)
    colours = np.array([(0, 0, 0), *keys.values()], np.uint8)
    return paint(a.background, contest_codes(a, b), colours, np.array([0.0, *[opacity] * len(keys)]))


def contest_keys(a: Inspection) -> dict[str, Colour]:
    """What the colours of `contest_picture` mean."""
    return UNSCORED_KEYS if a.truth is None else SCORED_KEYS


def contest_headline(a: Inspection, b: Inspection) -> str:
    """How far the two agree, and who is right where, as HTML."""
    names = f"A is {html.escape(contest_name(a))}; B is {html.escape(contest_name(b))}."
    agree = float((a.label == b.label).mean())
    pieces = [f"<p>{names} On <b>{html.escape(a.name)}</b> they agree on <b>{agree:.1%}</b> of the pixels.</p>"]
    if a.scores is not None and b.scores is not None and a.truth is not None:
        codes, known = contest_codes(a, b), a.truth > 0
        only_a, only_b = (float((codes == code)[known].mean()) for code in (1, 2))
        pieces.append(
            f"<p>Of the labelled pixels, only A is right on <b>{only_a:.1%}</b>, only B on <b>{only_b:.1%}</b>. "
            f"mIoU of this frame: A {100 * a.scores.miou:.1f} %, B {100 * b.scores.miou:.1f} % "
            f"({100 * (b.scores.miou - a.scores.miou):+.1f}).</p>"
        )
    return "".join(pieces)


def contest_table(a: Inspection, b: Inspection) -> Styler:
    """IoU of each class in percent (without ground truth its predicted share), and what B adds."""
    rows = []
    if a.scores is not None and b.scores is not None:
        columns = ["class", "IoU A %", "IoU B %", "B - A"]
        values = (a.scores.iou, b.scores.iou)
        order = np.argsort(-a.scores.truth_pixels, kind="stable")
    else:
        columns = ["class", "share A %", "share B %", "B - A"]
        values = (a.shares, b.shares)
        order = np.argsort(-np.maximum(a.shares, b.shares), kind="stable")
    for k in order:
        first, second = (100 * float(value[k]) for value in values)
        if np.isnan(first) and np.isnan(second):
            continue
        # A class in neither truth nor one side's prediction has no IoU there.
        if a.scores is not None or first or second:
            rows.append((DISPLAY_NAMES[k], first, second, second - first))
    formats = {columns[1]: "{:.1f}", columns[2]: "{:.1f}", "B - A": "{:+.1f}"}
    return pd.DataFrame(rows, columns=columns).style.format(formats, na_rep="n/a")
