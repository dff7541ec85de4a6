"""The page: its tabs, and what programs may call. No computation."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo import views
from demo.callbacks import Inspector, Upload, told_to_programs
from demo.compare_tab import build_compare_tab
from demo.inspect_tab import KEEP_SECONDS, NETWORK, build_inspect_tab
from deresunet.data.depth import ENCODINGS


def build(inspector: Inspector, allow_checkpoints: bool = False) -> gr.Blocks:
    """The page over an inspector, ready to be launched.

    Args:
        inspector: networks and data sets.
        allow_checkpoints: whether visitors may bring weights of their own.
    """
    with gr.Blocks(
        title="DeResUNet", fill_width=True, analytics_enabled=False, delete_cache=(KEEP_SECONDS, KEEP_SECONDS)
    ) as page:
        gr.HTML(views.header(inspector.predictor))
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Inspect", id="inspect"):
                inspected = build_inspect_tab(inspector, page)
            with gr.Tab("Compare", id="compare"):
                build_compare_tab(inspector, inspected, allow_checkpoints)
        _offer_to_programs(inspector)
    return page


def _offer_to_programs(inspector: Inspector) -> None:
    """The one function for other programs; nothing of it shows."""

    @told_to_programs
    def segment(rgb: str | None, depth: str | None, label: str | None, encoding: Any) -> Any:
        return inspector.segment(Upload(rgb, depth, label, encoding))

    with gr.Column(visible=False):
        files = [gr.File(label="rgb"), gr.File(label="depth"), gr.File(label="label")]
        encoding = gr.Dropdown(list(ENCODINGS), value="auto", label="depth_encoding")
        label = gr.Image(format="png", image_mode=None, label="label")
        told = gr.JSON(label="prediction")
        gr.Button().click(
            segment,
            [*files, encoding],
            [label, told],
            api_name="segment",
            api_description="Segment one frame: paths of RGB, depth and ground truth (each may be None, RGB and "
            "depth not both) to a PNG of class numbers 1..37 and a JSON with classes, provenance and IoU.",
            **NETWORK,
        )
