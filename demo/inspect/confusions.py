"""The confusions of one frame in words."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from demo.inspection import Inspection
from demo.markup import ordered_list
from deresunet.classes import DISPLAY_NAMES
from deresunet.evaluation.html import in_percent
from deresunet.evaluation.report_page import confused_pairs

COUNT = 12


def confusions(inspection: Inspection, classes: Collection[int] | None = None) -> str:
    """The frame's most frequent confusions, or those of each class of a filter in both directions, as HTML."""
    if inspection.result is None:
        return "<p>Confusions need ground truth.</p>"
    matrix = inspection.result.matrix()
    if not classes:
        return ordered_list(confused_pairs(matrix, inspection.class_set, COUNT))
    return "".join(_of_class(matrix, label) for label in sorted(classes))


def _of_class(matrix: np.ndarray, label: int) -> str:
    name, k = DISPLAY_NAMES[label - 1], label - 1
    correct, truth, predicted = int(matrix[k, k]), int(matrix[k].sum()), int(matrix[:, k].sum())
    missed = [
        f"{other}: {pixels:,} px, {in_percent(pixels / truth)} of its pixels" for other, pixels in _others(matrix[k], k)
    ]
    wrong = [
        f"{other}: {pixels:,} px, {in_percent(pixels / predicted)} of them"
        for other, pixels in _others(matrix[:, k], k)
    ]
    if not truth:
        there = f"<p>The ground truth of this frame has no {name}.</p>"
    elif missed:
        recall = f"{truth:,} px in the ground truth, recall {in_percent(correct / truth)}"
        there = f"<p><b>{name} is taken for</b> ({recall})</p>{ordered_list(missed)}"
    else:
        there = f"<p>All {truth:,} px of {name} are true positives.</p>"
    if wrong:
        precision = f"{predicted:,} px predicted as {name}, precision {in_percent(correct / predicted)}"
        elsewhere = f"<p><b>taken for {name}</b> ({precision})</p>{ordered_list(wrong)}"
    else:
        elsewhere = f"<p>Nothing else is taken for {name}.</p>"
    return there + elsewhere


def _others(pixels: np.ndarray, k: int) -> list[tuple[str, int]]:
    """Names and pixels of the classes that a row or column of a confusion matrix has, but class index k; most first."""
    order = np.argsort(-pixels, kind="stable")
    return [(DISPLAY_NAMES[other], int(pixels[other])) for other in order if other != k and pixels[other]]
