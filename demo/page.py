"""The page: its tabs, and the API for programs. No computation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from demo.compare.tab import build_compare_tab
from demo.components import NETWORK, QUIET
from demo.dataset.tab import DatasetTab, OpenRequest, build_dataset_tab
from demo.downloads import KEEP_SECONDS
from demo.inspect import messages
from demo.inspect.tab import InspectTab, build_inspect_tab, opened
from demo.inspector import Inspector, Upload
from demo.markup import ALL_CLASSES
from demo.notices import with_gradio_error, with_notice
from demo.server.guard import GuardedBlocks
from deresunet.data.depth import ENCODINGS


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
                build_compare_tab(inspector, inspected, allow_checkpoints)
            with gr.Tab("Data set", id="dataset"):
                dataset = build_dataset_tab(inspector, cache_dir=cache_dir)
        _lead_to_frames_and_back(inspector, tabs, inspected, dataset)
        _offer_to_programs(inspector)
    return page


def _lead_to_frames_and_back(inspector: Inspector, tabs: gr.Tabs, inspected: InspectTab, dataset: DatasetTab) -> None:
    """Open the frames that are clicked in the Data set tab under Inspect, where a button leads back."""
    weights, modality, overlay, opacity, _, boxes = inspected.controls

    @with_notice(len(inspected.outputs) + 2, "The frame was not opened")
    def on_open(asked: OpenRequest, overlay: Any, opacity: float, boxes: bool) -> list[Any]:
        only = asked.classes[0] if asked.classes else ALL_CLASSES
        shown = opened(inspector, asked.frame, asked.weights, asked.modality, overlay, opacity, only, boxes)
        return [*shown, asked.weights, asked.modality, asked.frame.source]

    def on_inspect() -> list[Any]:
        return [gr.Tabs(selected="inspect"), gr.Button(visible=True)]

    # The frame stands at the top of its tab, and `scroll_to_output` does not reach what is just being shown.
    to_top = "() => { window.scrollTo({ top: 0 }); return []; }"
    dataset.open_request.change(on_inspect, None, [tabs, inspected.back], js=to_top, **QUIET)
    dataset.open_request.change(
        on_open,
        [dataset.open_request, overlay, opacity, boxes],
        [*inspected.outputs, weights, modality, inspected.source],
        **inspected.running,
    )
    inspected.back.click(lambda: gr.Tabs(selected="dataset"), None, tabs, **QUIET)


def _offer_to_programs(inspector: Inspector) -> None:
    """Define the API's one function; nothing of it shows on the page."""

    @with_gradio_error
    def segment(rgb: str | None, depth: str | None, label: str | None, encoding: Any) -> Any:
        return inspector.segment(Upload(rgb, depth, label, encoding))

    with gr.Column(visible=False):
        files = [gr.File(label="rgb"), gr.File(label="depth"), gr.File(label="label")]
        encoding = gr.Dropdown(list(ENCODINGS), value="auto", label="depth_encoding")
        label = gr.Image(format="png", image_mode=None, label="label")
        described = gr.JSON(label="prediction")
        gr.Button().click(
            segment,
            [*files, encoding],
            [label, described],
            api_name="segment",
            api_description="Segment one frame: paths of RGB, depth and ground truth (each may be None, RGB and "
            "depth not both) to a PNG of class numbers 1..37 and a JSON with classes, provenance and IoU.",
            **NETWORK,
        )
