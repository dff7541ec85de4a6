"""The page: its tabs, and the API for programs. No computation."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from demo import about
from demo.api import offer_segment
from demo.compare.tab import build_compare_tab
from demo.dataset.evaluations import Evaluations
from demo.dataset.tab import build_dataset_tab
from demo.downloads import KEEP_SECONDS
from demo.inspect import messages
from demo.inspect.tab import build_inspect_tab
from demo.inspector import Inspector
from demo.navigation import connect
from demo.server.guard import GuardedBlocks


def build(inspector: Inspector, allow_checkpoints: bool = False, cache_dir: Path | None = None) -> GuardedBlocks:
    """Lay out the page over an inspector, ready to be launched.

    Args:
        inspector: networks and data sets.
        allow_checkpoints: whether visitors may upload weights.
        cache_dir: where evaluations are kept; None keeps them in Gradio's cache.
    """
    evaluations = Evaluations(inspector.checkpoints, inspector.readers, cache_dir)
    with GuardedBlocks(
        title="DeResUNet", fill_width=True, analytics_enabled=False, delete_cache=(KEEP_SECONDS, KEEP_SECONDS)
    ) as page:
        gr.HTML(messages.header(inspector.predictor))
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Inspect", id="inspect"):
                inspected = build_inspect_tab(inspector, page, evaluations)
            with gr.Tab("Compare", id="compare"):
                compared = build_compare_tab(inspector, inspected, allow_checkpoints)
            with gr.Tab("Data set", id="dataset"):
                dataset = build_dataset_tab(inspector, evaluations)
            with gr.Tab("About", id="about"):
                gr.HTML(about.section(inspector.predictor), padding=False)
        gr.HTML(about.footer(), elem_id="footer", padding=False)
        connect(inspector, tabs, inspected, compared, dataset)
        offer_segment(inspector)
    return page
