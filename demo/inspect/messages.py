"""Captions, headline, provenance and what is understood of a depth file, as lines of HTML."""

from __future__ import annotations

import html

import numpy as np

from demo.data_set_metrics import Measured
from demo.inspection import Inspection
from demo.viewer.layers import Layer, Look, layer_keys, missing
from deresunet.data.depth import DepthReading
from deresunet.data.depth_units import describe_unit
from deresunet.evaluation.html import MODALITY_NAMES, figure, in_percent, key_line
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.visualization.colours import hex_code, viridis
from deresunet.visualization.depth import depth_range


def captions(inspection: Inspection) -> dict[Layer, str]:
    """A line of HTML under the picture of each layer, in a report."""
    described = inspection.described
    parts = (inspection.source, inspection.name, inspection.sensor, inspection.scene)
    name = " · ".join(html.escape(part) for part in parts if part)
    size = f"{described['width']} x {described['height']}"
    of_depth = () if inspection.depth_reading is None else inspection.depth_reading.warnings
    # What was done to RGB or looks wrong about a label: reduced, 10 bits, interpolated.
    others = [text for text in described["warnings"] if text not in of_depth]
    warned = "".join(f' <span class="warning">{html.escape(text)}</span>' for text in others)
    bounds = depth_range(inspection.depth)
    depth = _depth_scale(*bounds) if bounds is not None else _without_depth(inspection.measured)
    if bounds is not None and inspection.depth is not None:
        depth += f"<span>{in_percent((inspection.depth <= 0).mean())} missing</span>"
    if (reading := inspection.depth_reading) is not None:
        depth += f' <span title="{html.escape(reading.summary)}">{html.escape(stored_as(reading))}</span>'
        depth += "".join(f' <span class="warning">{html.escape(text)}</span>' for text in reading.warnings)
    truth = missing(inspection, "truth")
    if inspection.truth is not None:
        truth = f"{in_percent((inspection.truth == 0).mean())} void (unlabelled)"
    mean = described["mean_confidence"]
    return {
        "rgb": f"{name} · {size}{'' if inspection.rgb else ' · no RGB: depth in grey'}{warned}",
        "depth": depth,
        "truth": truth,
        "prediction": missing(inspection, "confidence") if mean is None else f"mean confidence {in_percent(mean, 0)}",
        "errors": key_line(layer_keys("errors", Look(), inspection.class_set)),
        "confidence": key_line(layer_keys("confidence", Look(), inspection.class_set)),
        "entropy": key_line(layer_keys("entropy", Look(), inspection.class_set)),
    }


def headline(inspection: Inspection) -> str:
    """The frame's scores, or why there are none, as HTML."""
    described = inspection.described
    if inspection.scores is None:
        mean = described["mean_confidence"]
        confidence = "" if mean is None else figure(in_percent(mean), "mean confidence")
        return (
            '<div class="headline"><p>This frame has no ground truth, so no IoU can be computed.</p>'
            f"{confidence}"
            f"{figure(str(len(described['classes'])), 'predicted classes')}</div>"
        )
    there = inspection.scores.truth_pixels > 0
    labelled, extra = int(there.sum()), int((~there & (inspection.scores.predicted_pixels > 0)).sum())
    note = ""
    if extra:
        subject = f"{extra} predicted classes are" if extra > 1 else "1 predicted class is"
        note = f"<p>{subject} not in the ground truth (IoU 0, not part of the mIoU).</p>"
    return (
        '<div class="headline">'
        f"{figure(in_percent(inspection.scores.miou), f'mIoU of this frame, over its {labelled} classes')}"
        f"{figure(in_percent(inspection.scores.pixel_acc), 'pixel accuracy of this frame')}"
        f"{note}</div>"
    )


def provenance_line(inspection: Inspection) -> str:
    """Latency, device, weights with their hash, and modality, as HTML."""
    described = inspection.described
    origin = described["provenance"]
    head = ", smooth head" if origin["head"] == "smooth" else ""
    pieces = [
        f"<b>{described['latency_ms']:.0f} ms</b> on {origin['device']} ({origin['precision']})",
        f"{html.escape(origin['weights'])} · sha256 <code>{origin['sha256'][:12]}</code>",
        f"{origin['architecture']}, modality {MODALITY_NAMES[origin['modality']]}",
        f"backend {origin['backend']}{head}, PyTorch {origin['torch']}",
    ]
    training = f"<br>Weights: {html.escape(origin['training'])}." if origin["training"] else ""
    return f'<div class="provenance">{" · ".join(pieces)}{training}</div>'


def depth_card(
    reading: DepthReading | None, size: tuple[int, int] | None = None, rgb_size: tuple[int, int] | None = None
) -> str:
    """How depth was understood, as HTML; nothing for None.

    Args:
        reading: the frame's or file's.
        size: height and width of the depth file, where they are to be shown.
        rgb_size: height and width of RGB.
    """
    if reading is None:
        return ""
    bounds = reading.range_m
    missing = in_percent(reading.missing)
    if reading.sentinels:
        missing += f", {', '.join(f'{value:g}' for value in reading.sentinels)} included"
    facts = {
        "stored as": reading.encoding,
        "unit": f"{html.escape(describe_unit(reading.unit))}, {html.escape(reading.reason)}",
        "range": "nothing measured"
        if bounds is None
        else f"{bounds[0]:.2f} to {bounds[1]:.2f} m (1st to 99th percentile)",
        "missing": missing,
    }
    if size is not None:
        facts = {"size": f"{size[1]} x {size[0]}", **facts}
        if rgb_size is not None and rgb_size != size:
            facts["resized"] = f"to RGB's {rgb_size[1]} x {rgb_size[0]}, nearest neighbour"
    warning = "".join(f'<p class="warning">{html.escape(text)}</p>' for text in reading.warnings)
    rows = "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in facts.items())
    return f'<div class="card"><b>The depth file, as understood</b><dl>{rows}</dl>{warning}</div>'


def header(predictor: SegmentationPredictor) -> str:
    """Title, purpose of the page, and what to expect of the weights, as HTML."""
    checkpoint = predictor.checkpoint
    measured, expected = Measured.of(checkpoint.metrics), ""
    if measured is not None:
        trained = html.escape(checkpoint.training.split(";")[0].split(" (")[0])
        expected = (
            f"<p>The weights were trained on real rooms ({trained}). They reach {measured.rgbd:.1f} % mIoU over "
            f"{html.escape(measured.frames, quote=False)}; expect less on rendered rooms and with other cameras.</p>"
        )
    return (
        '<div class="masthead"><a class="skip" href="#viewer">Skip to the picture</a><h1>DeResUNet</h1><p>'
        "Names every pixel of a room, from colour and depth: see where it "
        'is right and where it fails. <button type="button" popovertarget="limits">Limits</button></p>'
        f'<div id="limits" popover>{expected}<p>The network knows indoor rooms and {len(predictor.class_set)} classes, '
        "nothing else: whatever it sees gets one of them. Its confidence is not a probability of being right; see "
        "Calibration.</p></div></div>"
    )


def _without_depth(measured: Measured | None) -> str:
    works = "No depth: the network works without it"
    if measured is None:
        return f"{works}."
    over = html.escape(measured.frames, quote=False)
    return f"{works} ({measured.rgb:.1f} instead of {measured.rgbd:.1f} % mIoU over {over})."


def stored_as(reading: DepthReading) -> str:
    """Stored values and unit of depth in words, such as "16-bit, millimetres (stated)"."""
    kind = reading.encoding.partition(",")[0]  # such as uint16
    bits = f"{kind.lstrip('uintfloa')}-bit{' float' if kind.startswith('float') else ''}"
    unit = describe_unit(reading.unit).partition(" (")[0]
    return f"{bits}, {unit} ({'recognised' if reading.detected else 'stated'})"


def _depth_scale(near: float, far: float) -> str:
    stops = ",".join(hex_code(colour) for colour in viridis(np.linspace(0, 1, 9)))
    return (
        f'<span class="scale"><span>{near:.1f} m</span>'
        f'<i style="background:linear-gradient(90deg,{stops})"></i><span>{far:.1f} m</span></span>'
    )
