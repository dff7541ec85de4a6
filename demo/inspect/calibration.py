"""The reliability diagram: accuracy of the predictions by their confidence."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure

from deresunet.evaluation.calibration import BINS, Reliability
from deresunet.evaluation.html import in_percent

# Readable on the light and on the dark page alike.
_INK, _BAR, _GAP = "#7c8798", "#4f7be0", "#d97706"


def reliability_svg(measured: Reliability) -> str:
    """Reliability diagram as SVG, transparent, for a page or a report; a sentence where no pixel is labelled."""
    if not measured.pixels.sum():
        return "<p>No pixel of this frame is labelled.</p>"
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
    axes.set_title(f"expected calibration error {100 * measured.expected_error:.1f} %", fontsize=10, color=_INK)
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
        f"</p><p>{calibration_note(measured)}</p>"
    )


def calibration_note(measured: Reliability) -> str:
    """Definition of the expected calibration error with its value, as HTML."""
    return (
        f"<b>Expected calibration error {100 * measured.expected_error:.1f} %:</b> by so many percentage points the "
        "network's confidence differs from its accuracy on average; for this, the labelled pixels are put into "
        f"{BINS} equally wide bins by their confidence, and the gaps between mean confidence and accuracy "
        "in each bin are averaged, weighted by the bin's pixels."
    )
