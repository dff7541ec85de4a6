"""Read-out at the cursor (class, confidence, depth) and zoom of all pictures at once, without the server."""

from __future__ import annotations

import base64
import html
from pathlib import Path

import numpy as np

from demo.inspection import Inspection, png
from deresunet.classes import DISPLAY_NAMES

# Runs in the browser; see `readout` for what it reads. The second file uses the first one's names.
SCRIPT = "\n".join(Path(__file__).with_name(name).read_text() for name in ("readout.js", "zoom.js"))
_SIDE = 320
_DEPTH_STEP_M = 0.05


def readout(inspection: Inspection) -> str:
    """The values that the read-out needs, as HTML: a hidden picture at 320 px a side at most.

    Its upper half holds in red the predicted class, in green the confidence in 255 steps, in blue the depth in steps of
    5 cm (0 = missing, up to 12.75 m); its lower half holds in red the ground truth.
    """
    step = -(-max(inspection.label.shape) // _SIDE)
    label = inspection.label[::step, ::step]
    confidence = np.zeros_like(label)
    if inspection.has_confidence:
        confidence = (inspection.probabilities[0, ::step, ::step].astype(np.float32) * 255).astype(np.uint8)
    depth, truth = np.zeros_like(label), np.zeros_like(label)
    if inspection.depth is not None:
        depth = np.clip(np.rint(inspection.depth[::step, ::step] / _DEPTH_STEP_M), 0, 255).astype(np.uint8)
    if inspection.truth is not None:
        truth = inspection.truth[::step, ::step]
    values = np.concatenate([np.stack([label, confidence, depth], -1), np.stack([truth] * 3, -1)])
    encoded = base64.b64encode(png(values)).decode()
    height, width = inspection.label.shape
    origin = html.escape(f"{inspection.source}/{inspection.name}")
    return (
        f'<img hidden alt="" class="readout-values" data-origin="{origin}" '
        f'data-names="void,{",".join(DISPLAY_NAMES)}" data-height="{height}" '
        f'data-width="{width}" data-truth="{int(inspection.truth is not None)}" '
        f'data-confidence="{int(inspection.has_confidence)}" src="data:image/png;base64,{encoded}">'
    )
