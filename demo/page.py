"""The page: its tabs, and the API for programs. No computation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from demo import about
from demo.compare.tab import build_compare_tab
from demo.components import NETWORK
from demo.dataset.tab import build_dataset_tab
from demo.downloads import KEEP_SECONDS
from demo.inspect import messages
from demo.inspect.tab import build_inspect_tab
from demo.inspector import Inspector, Upload
from demo.navigation import connect
from demo.notices import with_gradio_error
from demo.server.guard import GuardedBlocks


def build(inspector: Inspector, allow_checkpoints: bool = False, cache_dir: Path | None = None) -> GuardedBlocks:
    """Lay out the page over an inspector, ready to be launched.

    Args:
        inspector: networks and data sets.
        allow_checkpoints: whether visitors may upload weights.
        cache_dir: where evaluations are kept; None keeps them in Gradio's cache.
    """
    with GuardedBlocks(
        title="DeResUNet", fill_width=True, analytics_enabled=False, delete_cache=(KEEP_SECONDS, KEEP_SECONDS)
    ) as page:
        gr.HTML(messages.header(inspector.predictor))
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Inspect", id="inspect"):
                inspected = build_inspect_tab(inspector, page)
            with gr.Tab("Compare", id="compare"):
                compared = build_compare_tab(inspector, inspected, allow_checkpoints)
            with gr.Tab("Data set", id="dataset"):
                dataset = build_dataset_tab(inspector, cache_dir=cache_dir)
            with gr.Tab("About", id="about"):
                gr.HTML(about.section(inspector.predictor), padding=False)
        gr.HTML(about.footer(), elem_id="footer", padding=False)
        connect(inspector, tabs, inspected, compared, dataset)
        _offer_to_programs(inspector)
    return page


def _offer_to_programs(inspector: Inspector) -> None:
    """Define the API's one function; nothing of it shows on the page."""

    @with_gradio_error
    def segment(rgb: str | None, depth: str | None, label: str | None, unit: Any) -> Any:
        return inspector.segment(Upload(rgb, depth, label, unit))

    with gr.Column(visible=False):
        files = [gr.File(label="rgb"), gr.File(label="depth"), gr.File(label="label")]
        unit = gr.Textbox("auto", label="depth_unit")
        label = gr.Image(format="png", image_mode=None, label="label")
        described = gr.JSON(label="prediction")
        gr.Button().click(
            segment,
            [*files, unit],
            [label, described],
            api_name="segment",
            api_description="Segment one frame: paths of RGB, depth and ground truth (each may be None, RGB and "
            "depth not both) to a PNG of class numbers 1..37 and a JSON with classes, provenance and IoU.",
            **NETWORK,
        )
