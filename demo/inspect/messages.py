"""Inspection -> pictures, tables and lines of text. Plain functions; nothing here knows of the page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from demo.inspect.panels import Colour, Look, depth_bounds, view_keys
from demo.inspection import Inspection
from deresunet.classes import COLOURS, DISPLAY_NAMES, PALETTE
from deresunet.data.depth import ENCODINGS, DepthReading
from deresunet.evaluation.report import confused_pairs
from deresunet.inference.prediction import SegmentationPredictor
from deresunet.visualization.overlays import viridis

ALL_CLASSES = "all classes"
CONFUSIONS = 12
# Lets a click on a legend's or a chart's class reach the page, which no component of Gradio's does for HTML.
PICK_CLASS = """element.addEventListener('click', (event) => {
    const picked = event.target.closest('[data-class]');
    if (picked) trigger('select', { index: 0, value: picked.dataset.class });
});"""
MODALITY_NAMES = {"rgbd": "RGB + depth", "rgb": "RGB alone", "depth": "depth alone"}


def present_classes(inspection: Inspection) -> list[int]:
    """Classes 1..37 in ground truth or prediction, most pixels first."""
    weight = inspection.shares.copy()
    if inspection.scores is not None:
        labelled = max(int(inspection.scores.truth_pixels.sum()), 1)
        weight = np.maximum(weight, inspection.scores.truth_pixels / labelled)
    return [int(k) + 1 for k in np.argsort(-weight, kind="stable") if weight[k] > 0]


def chosen_class(name: str | None) -> int | None:
    """The class 1..37 of a display name; None for all."""
    return DISPLAY_NAMES.index(name) + 1 if name in DISPLAY_NAMES else None


def captions(inspection: Inspection, look: Look) -> tuple[str, str, str, str]:
    """A line of HTML under each of the four panels."""
    told = inspection.described
    name = " · ".join(html.escape(part) for part in (inspection.source, inspection.name) if part)
    size = f"{told['width']} x {told['height']}"
    rgb = f"{name} · {size}" if inspection.rgb else f"{name} · {size} · no RGB was given: depth in grey"
    bounds = depth_bounds(inspection)
    depth = _depth_scale(*bounds) if bounds is not None else "no depth was given"
    if bounds is not None and inspection.depth is not None:
        depth += f"<span>{(inspection.depth <= 0).mean():.1%} missing</span>"
    if inspection.truth is None:
        truth = "no ground truth was given"
    else:
        truth = f"{(inspection.truth == 0).mean():.1%} void: not labelled, not scored"
    keys = view_keys(look)
    if look.view == "errors" and inspection.truth is None:
        prediction = "right and wrong need ground truth"
    elif keys:
        prediction = key_line(keys)
    else:
        prediction = f"mean confidence {told['mean_confidence']:.0%}"
    return rgb, depth, truth, prediction


def headline(inspection: Inspection) -> str:
    """The frame's scores, or why there are none, as HTML."""
    told = inspection.described
    if inspection.scores is None:
        return (
            '<div class="headline"><p>There is no ground truth for this frame, so no IoU can be computed. '
            "Below: what the network sees, and how sure it is.</p>"
            f"{_figure(_percent(told['mean_confidence']), 'mean confidence')}"
            f"{_figure(str(len(told['classes'])), 'classes seen')}</div>"
        )
    there = inspection.scores.truth_pixels > 0
    labelled, extra = int(there.sum()), int((~there & (inspection.scores.predicted_pixels > 0)).sum())
    false_alarms = ""
    if extra:
        plural = "classes are" if extra > 1 else "class is"
        false_alarms = f"<p>{extra} more {plural} seen that the ground truth does not have: IoU 0 in the table.</p>"
    return (
        '<div class="headline">'
        f"{_figure(_percent(inspection.scores.miou), f'mIoU of this frame, over its {labelled} classes')}"
        f"{_figure(_percent(inspection.scores.pixel_acc), 'pixel accuracy of this frame')}"
        f"{false_alarms}</div>"
    )


def styled_table(inspection: Inspection) -> Styler:
    """`class_table` with every number shown to one decimal; it sorts by the numbers themselves."""
    table = class_table(inspection)
    return table.style.format(dict.fromkeys(table.columns[2:], "{:.1f}"))


def class_table(inspection: Inspection) -> pd.DataFrame:
    """One row a class that is in ground truth or prediction; shares and ratios in percent.

    With ground truth: IoU, and the class's shares of the labelled pixels. Without: predicted share and mean
    confidence.
    """
    rows = []
    if inspection.scores is None:
        for label in present_classes(inspection):
            share, confidence = inspection.shares[label - 1], inspection.confidence[label - 1]
            rows.append((swatch(label), DISPLAY_NAMES[label - 1], _rounded(share), _rounded(confidence)))
        return pd.DataFrame(rows, columns=["", "class", "predicted %", "confidence %"])
    result = inspection.scores
    labelled = max(int(result.truth_pixels.sum()), 1)
    for label in present_classes(inspection):
        iou = result.iou[label - 1]
        if np.isnan(iou):  # predicted on void pixels alone: nothing to compare it with
            continue
        truth, predicted = result.truth_pixels[label - 1] / labelled, result.predicted_pixels[label - 1] / labelled
        rows.append(
            (swatch(label), DISPLAY_NAMES[label - 1], _rounded(iou), _rounded(truth), _rounded(predicted)),
        )
    return pd.DataFrame(rows, columns=["", "class", "IoU %", "truth %", "pred. %"])


def class_bars(inspection: Inspection) -> str:
    """The table's leading figure (IoU, or predicted share) as horizontal bars in HTML, best first."""
    table = class_table(inspection)
    if table.empty:
        return ""
    figure = table.columns[2]
    rows = []
    for name, value in table.sort_values(figure, ascending=False)[["class", figure]].itertuples(index=False):
        colour = COLOURS[DISPLAY_NAMES.index(name)]
        rows.append(
            f'<button class="bar" data-class="{name}"><span>{name}</span><span class="track">'
            f'<i style="width:{value:.1f}%;background:{colour}"></i></span><span>{value:.1f}</span></button>'
        )
    return f'<div class="bars" aria-label="{figure} of each class"><b>{figure}</b>{"".join(rows)}</div>'


def legend(present: list[int]) -> str:
    """All 37 classes in their colours as HTML; those not in `present` are faint."""
    chips = [
        f'<button class="chip{"" if label in present else " absent"}" data-class="{name}">'
        f"{swatch(label)}{name}</button>"
        for label, name in enumerate(DISPLAY_NAMES, 1)
    ]
    return f'<div class="legend">{"".join(chips)}</div>'


def swatch(label: int) -> str:
    """A class's colour as a small square in HTML; black for void."""
    return f'<i class="swatch" style="background:{"#000" if label == 0 else COLOURS[label - 1]}"></i>'


def class_keys(present: Iterable[int]) -> str:
    """The colours of classes 1..37 alone, as HTML."""
    return key_line({DISPLAY_NAMES[label - 1]: PALETTE[label] for label in present})


def key_line(keys: Mapping[str, Colour | np.ndarray]) -> str:
    """What colours mean, as HTML."""
    return "".join(
        f'<span class="key"><i class="swatch" style="background:#{bytes(colour).hex()}"></i>{name}</span>'
        for name, colour in keys.items()
    )


def confused(inspection: Inspection, only: int | None = None) -> str:
    """The frame's most frequent confusions in words, or those of a class 1..37 in both directions, as HTML."""
    if inspection.result is None:
        return "<p>Confusions need ground truth.</p>"
    matrix = inspection.result.matrix()
    if only is None:
        return _listed(confused_pairs(matrix, CONFUSIONS))
    name, k = DISPLAY_NAMES[only - 1], only - 1
    right, truth, said = int(matrix[k, k]), int(matrix[k].sum()), int(matrix[:, k].sum())
    missed = [f"{other}: {pixels:,} px, {pixels / truth:.1%} of its pixels" for other, pixels in _others(matrix[k], k)]
    alarms = [f"{other}: {pixels:,} px, {pixels / said:.1%} of them" for other, pixels in _others(matrix[:, k], k)]
    if not truth:
        there = f"<p>The ground truth of this frame has no {name}.</p>"
    elif missed:
        there = f"<p><b>{name} is taken for</b> (it has {truth:,} px, {right / truth:.1%} found)</p>{_listed(missed)}"
    else:
        there = f"<p>All {truth:,} px of {name} are found.</p>"
    if alarms:
        wrongly = f"<p><b>taken for {name}</b> ({said:,} px are said to be {name})</p>{_listed(alarms)}"
    else:
        wrongly = f"<p>Nothing else is taken for {name}.</p>"
    return there + wrongly


def provenance_line(inspection: Inspection) -> str:
    """Latency, device, weights and their hash, and what the network was given, as HTML."""
    told = inspection.described
    origin = told["provenance"]
    ran = f"<b>{told['latency_ms']:.0f} ms</b> on {origin['device']} ({origin['precision']})"
    pieces = [
        ran,
        f"{html.escape(origin['weights'])} · sha256 <code>{origin['sha256'][:12]}</code>",
        f"{origin['architecture']}, given {MODALITY_NAMES[origin['modality']]}",
        f"PyTorch {origin['torch']}",
    ]
    training = f"<br>Weights: {html.escape(origin['training'])}." if origin["training"] else ""
    return f'<div class="provenance">{" · ".join(pieces)}{training}</div>'


def depth_card(reading: DepthReading | None, rgb_size: tuple[int, int] | None = None) -> str:
    """What was understood of a depth file, as HTML; nothing for None."""
    if reading is None:
        return ""
    height, width = reading.metres.shape
    how = "detected" if reading.detected else "as told"
    bounds = reading.range_m
    facts = {
        "size": f"{width} x {height}",
        "stored as": reading.dtype,
        "read as": f"{ENCODINGS[reading.encoding]} ({how}"
        + (f": {html.escape(reading.reason)})" if reading.detected else ")"),
        "range": "nothing measured" if bounds is None else f"{bounds[0]:.2f} to {bounds[1]:.2f} m",
        "missing": f"{reading.missing:.1%}",
    }
    if rgb_size is not None and rgb_size != (height, width):
        facts["resized"] = f"to RGB's {rgb_size[1]} x {rgb_size[0]}, nearest neighbour"
    warning = f'<p class="warning">{html.escape(reading.warning)}</p>' if reading.warning else ""
    rows = "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in facts.items())
    return f'<div class="card"><b>Depth, as understood</b><dl>{rows}</dl>{warning}</div>'


def notice(message: str) -> str:
    """Why something was not done, as HTML."""
    return f'<div class="notice" role="alert"><b>That did not work.</b> {html.escape(message)}</div>'


def header(predictor: SegmentationPredictor) -> str:
    """Title and what the page is about, as HTML."""
    metrics = predictor.checkpoint.metrics
    protocols = ("nyuv2_test_654_sun37", "without_depth", "without_rgb")
    measured = [metrics.get(protocol, {}).get("miou") for protocol in protocols]
    scored = ""
    if all(measured):
        full, without_depth, without_rgb = measured
        scored = (
            f" These weights reach {full:.1f} mIoU on NYU Depth v2's 654 test frames, "
            f"{without_depth:.1f} without depth, {without_rgb:.1f} without RGB."
        )
    return (
        '<div class="masthead"><h1>DeResUNet</h1><p>Indoor scenes from colour and depth, pixel by pixel, in 37 '
        f"classes. Pick a frame or bring your own.{scored}</p></div>"
    )


def _depth_scale(near: float, far: float) -> str:
    stops = ",".join("#" + bytes(colour).hex() for colour in viridis(np.linspace(0, 1, 9)))
    return (
        f'<span class="scale"><span>{near:.1f} m</span>'
        f'<i style="background:linear-gradient(90deg,{stops})"></i><span>{far:.1f} m</span></span>'
    )


def _figure(value: str, name: str) -> str:
    return f'<div class="figure"><b>{value}</b><span>{name}</span></div>'


def _listed(lines: list[str]) -> str:
    return f'<ol class="confused">{"".join(f"<li>{line}</li>" for line in lines)}</ol>'


def _others(pixels: np.ndarray, k: int) -> list[tuple[str, int]]:
    """Names and pixels of the classes that a row or column of a confusion matrix has, but class index k; most first."""
    order = np.argsort(-pixels, kind="stable")
    return [(DISPLAY_NAMES[other], int(pixels[other])) for other in order if other != k and pixels[other]]


def _rounded(ratio: float) -> float:
    return round(100.0 * float(ratio), 1)


def _percent(ratio: float) -> str:
    return "n/a" if np.isnan(ratio) else f"{100.0 * ratio:.1f} %"
