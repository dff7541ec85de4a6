"""The page: its tabs, and the API for programs. No computation."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import gradio as gr

from demo import about
from demo.api import offer_segment
from demo.compare.tab import build_compare_tab
from demo.components import QUIET
from demo.dataset.evaluations import Evaluations
from demo.dataset.tab import build_dataset_tab
from demo.downloads import KEEP_SECONDS
from demo.inspect import messages
from demo.inspect.tab import build_inspect_tab
from demo.inspector import Inspector
from demo.link import Tab
from demo.navigation import ADDRESS, connect, follow_addresses
from demo.server.guard import GuardedBlocks
from demo.viewer.viewer import viewer_script


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
        viewer_script()
        address = gr.HTML(js_on_load=ADDRESS, elem_id="address", padding=False)
        gr.HTML(messages.header(inspector.predictor), padding=False)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Inspect", id="inspect") as inspect_tab:
                inspected = build_inspect_tab(inspector, page, evaluations)
            with gr.Tab("Compare", id="compare") as compare_tab:
                compared = build_compare_tab(inspector, inspected, allow_checkpoints)
            with gr.Tab("Data set", id="dataset") as dataset_tab:
                dataset = build_dataset_tab(inspector, evaluations, dataset_tab)
            with gr.Tab("About", id="about") as about_tab:
                gr.HTML(about.section(inspector.predictor), padding=False)
        gr.HTML(about.footer(), elem_id="footer", padding=False)
        connect(inspector, tabs, inspected, compared, dataset)
        for name, tab in zip(get_args(Tab), (inspect_tab, compare_tab, dataset_tab, about_tab), strict=True):
            tab.select(None, None, None, js=f"() => {{ window.showTab('{name}'); return []; }}", **QUIET)
        follow_addresses(inspector, page, address, tabs, inspected, compared, dataset)
        offer_segment(inspector)
    return page
