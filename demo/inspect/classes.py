"""The classes of one frame as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from demo.inspection import Inspection


def present_classes(inspection: Inspection) -> list[int]:
    """Classes 1..N in ground truth or prediction, most pixels first."""
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
            rows.append((inspection.class_set.display_name(label), 100 * float(share), 100 * float(confidence)))
        return pd.DataFrame(rows, columns=["class", "predicted %", "confidence %"])
    scored = inspection.scores
    labelled = max(int(scored.truth_pixels.sum()), 1)
    for label in present_classes(inspection):
        iou = scored.iou[label - 1]
        if np.isnan(iou):  # predicted on void pixels alone: nothing to compare it with
            continue
        truth, predicted = scored.truth_pixels[label - 1] / labelled, scored.predicted_pixels[label - 1] / labelled
        rows.append(
            (inspection.class_set.display_name(label), *(100 * float(ratio) for ratio in (iou, truth, predicted)))
        )
    return pd.DataFrame(rows, columns=["class", "IoU %", "ground truth %", "predicted %"])
