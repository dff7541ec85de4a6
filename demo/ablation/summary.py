"""Depth on trial: one frame with depth, without it, and without RGB, and where depth helps."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from demo.inspect.messages import MODALITY_NAMES
from demo.inspection import Inspection
from deresunet.classes import DISPLAY_NAMES
from deresunet.evaluation.metrics import Scores, scores
from deresunet.evaluation.stratified import DEPTH_RANGES, MEASURED, FrameResult, pool
from deresunet.inference.preprocessing import Modality
from deresunet.visualization.overlays import overlay

MODALITIES: tuple[Modality, ...] = ("rgbd", "rgb", "depth")


@dataclass(frozen=True)
class Verdict:
    """What one modality saw; small enough that three are kept for a visitor.

    Attributes:
        label: uint8 (h, w), 1..37, at the size of the pictures.
        result: labelled pixels at full resolution, counted by region and class; None without ground truth.
        described: what `deresunet.evaluation.evaluator.describe_frame` says of frame and prediction.
    """

    label: np.ndarray
    result: FrameResult | None
    described: dict[str, Any]

    @classmethod
    def of(cls, inspection: Inspection) -> Verdict:
        """The part of an inspection that the trial needs."""
        return cls(inspection.label, inspection.result, inspection.described)

    @property
    def mean_confidence(self) -> float:
        """How sure the network is over the whole frame, 0..1."""
        return float(self.described["mean_confidence"])


Trial = Mapping[Modality, Verdict]
_WITHHELD: dict[Modality, str] = {"rgbd": "nothing", "rgb": "depth", "depth": "RGB"}


def trial_pictures(background: np.ndarray, trial: Trial, opacity: float, only: int | None) -> list[np.ndarray]:
    """The three predictions over the frame, in the order of `MODALITIES`."""
    return [overlay(background, trial[modality].label, opacity, only) for modality in MODALITIES]


def trial_captions(trial: Trial) -> list[str]:
    """A line under each picture: mIoU and pixel accuracy, or without ground truth the mean confidence."""
    captions = []
    for modality in MODALITIES:
        verdict = trial[modality]
        if verdict.result is None:
            line = f"mean confidence {verdict.mean_confidence:.0%}"
        else:
            told = scores(verdict.result.matrix())
            line = f"mIoU {100 * told.miou:.1f} %, pixel accuracy {100 * told.pixel_acc:.1f} %"
        captions.append(line)
    return captions


def trial_summary(trial: Trial) -> str:
    """In a sentence, what depth and RGB are worth for this frame, as HTML."""
    results = {modality: trial[modality].result for modality in MODALITIES}
    if any(result is None for result in results.values()):
        same = float((trial["rgbd"].label == trial["rgb"].label).mean())
        return f"<p>There is no ground truth. Without depth, {1 - same:.1%} of the pixels get another class.</p>"
    told = {modality: scores(result.matrix()) for modality, result in results.items() if result}
    gains = []
    for name, without in (("depth", told["rgb"]), ("RGB", told["depth"])):
        miou = 100 * (told["rgbd"].miou - without.miou)
        pixels = 100 * (told["rgbd"].pixel_acc - without.pixel_acc)
        gains.append(f"{name} {_worth(miou)} ({pixels:+.1f} points of pixel accuracy)")
    return (
        f"<p>On this frame, {', and '.join(gains)}. One frame is no proof: evaluate the whole data set, "
        "once with each, under <i>Data set</i>.</p>"
    )


def trial_settings(trial: Trial) -> str:
    """Which frame and weights it was, where they ran, and what it means to withhold something, as HTML."""
    first = trial["rgbd"].described
    origin = first["provenance"]
    ran = dict.fromkeys(
        f"{told['device']} ({told['precision']})"
        for told in (trial[modality].described["provenance"] for modality in MODALITIES)
    )
    pieces = [
        f"{html.escape(first['name'])} ({first['width']} x {first['height']})",
        f"{html.escape(origin['weights'])}, sha256 <code>{origin['sha256'][:12]}</code>",
        f"{html.escape(origin['architecture'])} on {html.escape(' and '.join(ran))}",
    ]
    return (
        f"<p>{' · '.join(pieces)}. The same weights three times: with both, without depth (missing everywhere), and "
        "without RGB (ImageNet's mean colour everywhere).</p>"
    )


def trial_scores(trial: Trial) -> pd.DataFrame:
    """What was given and withheld, and mIoU and pixel accuracy in percent, or without ground truth the confidence."""
    rows = []
    for modality in MODALITIES:
        verdict = trial[modality]
        row: dict[str, Any] = {"given": MODALITY_NAMES[modality], "withheld": _WITHHELD[modality]}
        if verdict.result is None:
            row["mean confidence %"] = 100 * verdict.mean_confidence
        else:
            told = scores(verdict.result.matrix())
            row |= {"mIoU %": 100 * told.miou, "pixel accuracy %": 100 * told.pixel_acc}
        rows.append(row)
    return pd.DataFrame(rows)


def class_changes(trial: Trial) -> Styler:
    """IoU of each class in percent under the three modalities, and the change when depth is taken away."""
    columns = ["class", "depth adds", *(f"{MODALITY_NAMES[modality]} %" for modality in MODALITIES)]
    told = _scores(trial)
    if told is None:
        return pd.DataFrame(columns=columns).style
    rows = []
    for k in np.argsort(-told["rgbd"].truth_pixels, kind="stable"):
        if told["rgbd"].truth_pixels[k]:
            iou = [100 * float(told[modality].iou[k]) for modality in MODALITIES]
            rows.append((DISPLAY_NAMES[k], iou[0] - iou[1], *iou))
    return pd.DataFrame(rows, columns=columns).style.format(
        {**dict.fromkeys(columns[2:], "{:.1f}"), "depth adds": "{:+.1f}"}
    )


def region_changes(trial: Trial) -> Styler:
    """MIoU and pixel accuracy in percent by distance and by whether depth was measured, under the three modalities."""
    columns = ["pixels", "share %", *(f"{MODALITY_NAMES[modality]} %" for modality in MODALITIES)]
    counted = {m: pool([v.result]) for m, v in trial.items() if v.result is not None}
    if len(counted) < len(MODALITIES):
        return pd.DataFrame(columns=columns).style
    total = counted["rgbd"].sum()
    rows = []
    for name, axis, index in [
        *((f"{name} away" if name[0].isdigit() else name, 0, k) for k, name in enumerate(DEPTH_RANGES)),
        *((f"depth {name}", 1, k) for k, name in enumerate(MEASURED)),
    ]:
        parts = {m: c.take(index, axis).sum((0, 1)) for m, c in counted.items()}
        if parts["rgbd"].sum():
            mious = [100 * scores(parts[modality]).miou for modality in MODALITIES]
            rows.append((name, 100 * parts["rgbd"].sum() / total, *mious))
    return pd.DataFrame(rows, columns=columns).style.format(dict.fromkeys(columns[1:], "{:.1f}"))


def _scores(trial: Trial) -> dict[Modality, Scores] | None:
    told = {modality: scores(v.result.matrix()) for modality, v in trial.items() if v.result is not None}
    return told if len(told) == len(MODALITIES) else None


def _worth(gain: float) -> str:
    if abs(gain) < 0.05:
        return "changes nothing"
    return f"{'adds' if gain > 0 else 'costs'} <b>{abs(gain):.1f} points</b> of mIoU"
