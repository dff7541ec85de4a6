"""The card of one pixel: classes and their probabilities, ground truth, confidence and depth."""

from __future__ import annotations

from demo.inspection import Inspection
from demo.markup import swatch
from deresunet.classes import COLOURS, display_name
from deresunet.evaluation.html import in_percent

_WITHOUT_PROBABILITIES = "<p>These predictions have no stored probabilities of other classes.</p>"


def pixel_card(inspection: Inspection | None, point: tuple[int, int] | None) -> str:
    """The card of the pixel at (row, column) of the pictures, as HTML; without a pixel, how to get one."""
    if inspection is None or point is None:
        return (
            '<div class="card hint">Click a pixel for its class probabilities.<span class="pointer"> Ctrl + wheel, a '
            "double click, or + and - zoom all pictures; drag to move, 0 shows the whole.</span></div>"
        )
    row, column = point
    best = int(inspection.label[row, column])
    facts = {"pixel": f"column {column * inspection.step}, row {row * inspection.step}"}
    if inspection.truth is not None:
        true = int(inspection.truth[row, column])
        verdict = "unlabelled" if true == 0 else "correct" if true == best else "wrong"
        facts["ground truth"] = f"{swatch(true)} {display_name(true)}"
        facts["prediction"] = f"{swatch(best)} {display_name(best)} ({verdict})"
    else:
        facts["prediction"] = f"{swatch(best)} {display_name(best)}"
    if inspection.has_confidence:
        facts["confidence"] = in_percent(float(inspection.probabilities[0, row, column]))
    if inspection.has_entropy:
        facts["entropy"] = (
            f"{in_percent(float(inspection.entropy[row, column]))} (0 %: one class for certain, 100 %: all classes "
            "equally likely)"
        )
    if inspection.depth is not None:
        metres = float(inspection.depth[row, column])
        facts["depth"] = f"{metres:.2f} m" if metres > 0 else "missing"
    rows = "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in facts.items())
    candidates = _candidates(inspection, row, column) if inspection.has_entropy else _WITHOUT_PROBABILITIES
    return f'<div class="card pixel"><dl>{rows}</dl>{candidates}</div>'


def _candidates(inspection: Inspection, row: int, column: int) -> str:
    """The five most probable classes with bars."""
    bars = []
    for label, probability in zip(
        inspection.classes[:, row, column], inspection.probabilities[:, row, column], strict=True
    ):
        share = 100.0 * float(probability)
        bars.append(
            f'<div class="bar"><span>{display_name(int(label))}</span><span class="track">'
            f'<i style="width:{share:.1f}%;background:{COLOURS[int(label) - 1]}"></i></span>'
            f"<span>{share:.1f}</span></div>"
        )
    return f'<div class="bars"><b>class probabilities, %</b>{"".join(bars)}</div>'
