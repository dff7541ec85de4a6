"""Modality ablation: one frame as RGB-D, as RGB and as depth, and where depth helps."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from demo.data_set_metrics import Measured
from demo.inspection import Inspection
from demo.viewer.viewer import Packed, pack_predictions
from deresunet.classes import ClassSet
from deresunet.evaluation.html import MODALITY_NAMES, in_percent
from deresunet.evaluation.metrics import Scores, scores
from deresunet.evaluation.stratified import DEPTH_RANGES, MEASURED, FrameResult, pool
from deresunet.inference.preprocessing import Modality
from deresunet.visualization.overlays import overlay

MODALITIES: tuple[Modality, ...] = ("rgbd", "rgb", "depth")
_WITHHELD: dict[Modality, str] = {"rgbd": "nothing", "rgb": "depth", "depth": "RGB"}


@dataclass(frozen=True)
class ModalityResult:
    """Prediction and scores of one modality; small enough that three are kept for a visitor.

    Attributes:
        label: uint8 (h, w), 1..N, at the size of the pictures.
        result: labelled pixels at full resolution, counted by region and class; None without ground truth.
        class_set: the N classes.
        described: frame and prediction, as of `deresunet.evaluation.evaluator.describe_frame`.
    """

    label: np.ndarray
    result: FrameResult | None
    described: dict[str, Any]
    class_set: ClassSet

    @classmethod
    def of(cls, inspection: Inspection) -> ModalityResult:
        """Take from an inspection what the ablation needs."""
        return cls(inspection.label, inspection.result, inspection.described, inspection.class_set)

    @property
    def mean_confidence(self) -> float:
        """Mean confidence over the whole frame, 0..1."""
        return float(self.described["mean_confidence"])


Ablation = Mapping[Modality, ModalityResult]


def ablation_pictures(background: np.ndarray, ablation: Ablation, opacity: float) -> list[np.ndarray]:
    """The three predictions over the frame, uint8 (h, w, 3), in the order of `MODALITIES`."""
    predictions = [ablation[modality] for modality in MODALITIES]
    return [overlay(background, one.label, opacity, one.class_set.palette) for one in predictions]


def packed(inspection: Inspection, ablation: Ablation) -> Packed:
    """The three predictions for a viewer, RGB beside RGB-D at first."""
    labels = {
        f"from_{modality}": (f"From {MODALITY_NAMES[modality]}{_caption(ablation[modality])}", ablation[modality].label)
        for modality in ("rgb", "rgbd", "depth")
    }
    return pack_predictions(inspection, labels, ("With depth", "from_rgb", "from_rgbd"), ("RGB", "RGB-D"))


def _caption(one: ModalityResult) -> str:
    return "" if one.result is None else f" {100 * scores(one.result.matrix()).miou:.1f} %"


def ablation_summary(ablation: Ablation, measured: Measured | None = None) -> str:
    """Points that depth and RGB add on this frame and over a whole data set, in two sentences of HTML."""
    scored = _scores(ablation)
    if scored is None:
        same = float((ablation["rgbd"].label == ablation["rgb"].label).mean())
        return (
            f"<p>There is no ground truth. Without depth, {in_percent(1 - same)} of the pixels get another class."
            f"{_over_data(measured)}</p>"
        )
    gains = []
    for name, without in (("depth", scored["rgb"]), ("RGB", scored["depth"])):
        miou = 100 * (scored["rgbd"].miou - without.miou)
        pixels = 100 * (scored["rgbd"].pixel_acc - without.pixel_acc)
        gains.append(f"{name} {_gain(miou)} ({pixels:+.1f} points of pixel accuracy)")
    return (
        f"<p>On this frame, {', and '.join(gains)}.{_over_data(measured)} Frames differ: the <i>Data set</i> tab "
        "evaluates a whole data set under each modality.</p>"
    )


def _over_data(measured: Measured | None) -> str:
    if measured is None:
        return ""
    return (
        f" Over {html.escape(measured.frames, quote=False)}, depth {_gain(measured.rgbd - measured.rgb)} and RGB "
        f"{_gain(measured.rgbd - measured.depth)}."
    )


def ablation_settings(ablation: Ablation) -> str:
    """Frame, weights and device of an ablation, and what replaces a withheld modality, as HTML."""
    first = ablation["rgbd"].described
    origin = first["provenance"]
    devices = dict.fromkeys(
        f"{origin['device']} ({origin['precision']})"
        for origin in (ablation[modality].described["provenance"] for modality in MODALITIES)
    )
    pieces = [
        f"{html.escape(first['name'])} ({first['width']} x {first['height']})",
        f"{html.escape(origin['weights'])}, sha256 <code>{origin['sha256'][:12]}</code>",
        f"{html.escape(origin['architecture'])} on {html.escape(' and '.join(devices))}",
    ]
    return (
        f"<p>{' · '.join(pieces)}. The same weights three times: RGB-D, RGB (depth missing everywhere), and depth "
        "(ImageNet's mean colour everywhere).</p>"
    )


def score_table(ablation: Ablation) -> pd.DataFrame:
    """MIoU and pixel accuracy of each modality in percent, or without ground truth the mean confidence."""
    rows = []
    for modality in MODALITIES:
        one = ablation[modality]
        row: dict[str, Any] = {"modality": MODALITY_NAMES[modality], "withheld": _WITHHELD[modality]}
        if one.result is None:
            row["mean confidence %"] = 100 * one.mean_confidence
        else:
            scored = scores(one.result.matrix())
            row |= {"mIoU %": 100 * scored.miou, "pixel accuracy %": 100 * scored.pixel_acc}
        rows.append(row)
    return pd.DataFrame(rows)


def class_table(ablation: Ablation) -> pd.DataFrame:
    """IoU in percent of each class in the ground truth under each modality, and the points that depth adds."""
    columns = ["class", "depth adds", *(f"{MODALITY_NAMES[modality]} %" for modality in MODALITIES)]
    scored = _scores(ablation)
    rows = []
    if scored is not None:
        for k in np.argsort(-scored["rgbd"].truth_pixels, kind="stable"):
            if scored["rgbd"].truth_pixels[k]:
                iou = [100 * float(scored[modality].iou[k]) for modality in MODALITIES]
                rows.append((ablation["rgbd"].class_set.display_names[k], iou[0] - iou[1], *iou))
    return pd.DataFrame(rows, columns=columns)


def region_table(ablation: Ablation) -> pd.DataFrame:
    """MIoU in percent by distance and by whether depth was measured, under each modality."""
    columns = ["pixels", "share %", *(f"{MODALITY_NAMES[modality]} %" for modality in MODALITIES)]
    counted = {
        modality: pool([one.result], one.result.classes) for modality, one in ablation.items() if one.result is not None
    }
    rows = []
    if len(counted) == len(MODALITIES):
        total = counted["rgbd"].sum()
        for name, axis, index in [
            *((f"{name} away" if name[0].isdigit() else name, 0, k) for k, name in enumerate(DEPTH_RANGES)),
            *((f"depth {name}", 1, k) for k, name in enumerate(MEASURED)),
        ]:
            parts = {modality: pixels.take(index, axis).sum((0, 1)) for modality, pixels in counted.items()}
            if parts["rgbd"].sum():
                mious = [100 * scores(parts[modality]).miou for modality in MODALITIES]
                rows.append((name, 100 * parts["rgbd"].sum() / total, *mious))
    return pd.DataFrame(rows, columns=columns)


def _scores(ablation: Ablation) -> dict[Modality, Scores] | None:
    scored = {modality: scores(one.result.matrix()) for modality, one in ablation.items() if one.result is not None}
    return scored if len(scored) == len(MODALITIES) else None


def _gain(points: float) -> str:
    if abs(points) < 0.05:
        return "changes nothing"
    return f"{'adds' if points > 0 else 'costs'} <b>{abs(points):.1f} points</b> of mIoU"
