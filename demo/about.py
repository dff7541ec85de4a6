"""The About tab and the footer: model, data, limits, licences, citation."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template

import pandas as pd

from demo.data_set_metrics import Measured
from deresunet import __version__
from deresunet.evaluation.html import MODALITY_NAMES, imprint, table
from deresunet.inference.predictor import SegmentationPredictor

_TEMPLATE = Path(__file__).with_name("about.html")


def section(predictor: SegmentationPredictor) -> str:
    """The About tab as HTML, from what the checkpoint says of itself."""
    checkpoint = predictor.checkpoint
    return Template(_TEMPLATE.read_text()).substitute(
        backbone=html.escape(getattr(checkpoint.config, "backbone", "resnet50")),
        weights=html.escape(checkpoint.name),
        sha256=checkpoint.sha256[:12],
        figures=_figures(Measured.of(checkpoint.metrics), len(predictor.class_set)),
        training=html.escape(checkpoint.training) or "Not stated in the weights.",
        class_set=html.escape(predictor.class_set.title),
        classes=", ".join(
            ["0 void (unlabelled)", *(f"{k} {name}" for k, name in enumerate(predictor.class_set.display_names, 1))]
        ),
        version=__version__,
    )


def footer() -> str:
    """The line at the bottom of the page, as HTML."""
    return f'<p class="footer">{imprint()} · details and licences in the About tab</p>'


def _figures(measured: Measured | None, classes: int) -> str:
    if measured is None:
        return "<p>These weights carry no figures of a whole data set: evaluate one in the Data set tab.</p>"
    rows = pd.DataFrame({"modality": MODALITY_NAMES.values(), "mIoU %": [measured.rgbd, measured.rgb, measured.depth]})
    return (
        f"{table(rows, caption=f'Over {measured.frames}')}<p>One pooled confusion matrix over all frames, single scale,"
        f" void ignored, {classes} classes. Depth adds {measured.rgbd - measured.rgb:.1f} points (before "
        "rounding).</p>"
    )
