"""How far a network's confidence can be believed (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from deresunet.classes import VOID
from deresunet.evaluation.html import in_percent
from deresunet.evaluation.metrics import percent

BINS = 10
# Readable on the light and on the dark page alike.
_INK, _BAR, _GAP = "#7c8798", "#4f7be0", "#d97706"


@dataclass(frozen=True)
class Reliability:
    """Labelled pixels by their confidence, in `BINS` even ranges of 0..1.

    Attributes:
        sums: float64 (3, BINS): pixels in each range, sum of their confidence, number that are right. Those of frames
            are added up to those of a data set.
    """

    sums: np.ndarray

    @property
    def pixels(self) -> np.ndarray:
        """int64 (BINS,): pixels in each range."""
        return self.sums[0].astype(np.int64)

    @property
    def confidence(self) -> np.ndarray:
        """float64 (BINS,): their mean confidence; NaN where there are none."""
        return self._means[0]

    @property
    def accuracy(self) -> np.ndarray:
        """float64 (BINS,): share of them that are right; NaN where there are none."""
        return self._means[1]

    @property
    def _means(self) -> np.ndarray:
        return np.divide(self.sums[1:], self.sums[0], out=np.full((2, BINS), np.nan), where=self.sums[0] > 0)

    @property
    def expected_error(self) -> float:
        """Expected calibration error, 0..1: mean distance of confidence from accuracy, weighted by pixels.

        NaN where no pixel has a confidence.
        """
        total = self.sums[0].sum()
        return float(np.abs(self.sums[1] - self.sums[2]).sum() / total) if total else float("nan")

    def as_dict(self) -> dict[str, Any] | None:
        """Plain JSON types, in percent; None where no pixel has a confidence."""
        if not self.sums.any():
            return None
        bins = zip(self.pixels.tolist(), self.confidence, self.accuracy, strict=True)
        return {
            "expected_calibration_error": percent(self.expected_error),
            "bins": [{"pixels": n, "confidence": percent(sure), "accuracy": percent(right)} for n, sure, right in bins],
        }


def reliability(truth: np.ndarray, prediction: np.ndarray, confidence: np.ndarray) -> Reliability:
    """Count labelled pixels by confidence.

    Args:
        truth: uint8 (H, W), 0 = void, which is left out.
        prediction: uint8 (H, W), in the ground truth's classes; 0 and all above is none of them.
        confidence: float32 (H, W), 0..1; NaN where it is not known, which counts nothing.
    """
    known = (truth != VOID) & ~np.isnan(confidence)
    sure, right = confidence[known].astype(np.float64), (truth == prediction)[known]
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    return Reliability(np.stack([np.bincount(place, weights, BINS) for weights in (None, sure, right)]).astype(float))


def reliability_diagram(measured: Reliability) -> str:
    """Reliability diagram and expected calibration error for the page and reports, as HTML with a transparent SVG."""
    if not measured.sums.any():
        return "<p>No labelled pixel has a confidence.</p>"
    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    axes = figure.add_subplot()
    edges = np.linspace(0, 100, BINS + 1)
    width = 100 / BINS
    accuracy = 100 * np.nan_to_num(measured.accuracy)
    axes.bar(edges[:-1], accuracy, width, align="edge", color=_BAR, edgecolor="none", alpha=0.85)
    for left, share in zip(edges, measured.pixels / measured.pixels.sum(), strict=False):
        if share >= 0.005:
            axes.text(left + width / 2, 2, in_percent(share, 0), ha="center", va="bottom", fontsize=7, color="white")
    axes.plot([0, 100], [0, 100], color=_GAP, linewidth=1.5, linestyle="--")
    axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="confidence, %", ylabel="accuracy, % of labelled pixels")
    axes.set_title(f"expected calibration error {in_percent(measured.expected_error)}", fontsize=10, color=_INK)
    axes.tick_params(colors=_INK, labelsize=8)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=_INK, fontsize=9)
    for spine in axes.spines.values():
        spine.set_color(_INK)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    svg = drawn.getvalue()
    return (
        f'<div role="img" aria-label="Reliability diagram">{svg[svg.index("<svg") :]}</div>'
        "<p>Bars on the dashed line: calibrated. Below it: overconfident. Numbers in the bars: share of the pixels."
        f"</p><p><b>Expected calibration error {in_percent(measured.expected_error)}:</b> by so many percentage points "
        "the network's confidence differs from its accuracy on average; for this, the labelled pixels are put into "
        f"{BINS} equally wide bins by their confidence, and the gaps between mean confidence and accuracy "
        "in each bin are averaged, weighted by the bin's pixels.</p>"
    )
