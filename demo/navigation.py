"""Ways between the tabs: from a frame in the Data set tab to Inspect or Compare, and back to the same place."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo.compare.tab import CompareTab
from demo.components import QUIET
from demo.dataset.frame_requests import CompareRequest, OpenRequest
from demo.dataset.tab import DatasetTab
from demo.inspect.chooser import Listing, list_updates
from demo.inspect.settings import Settings
from demo.inspect.tab import InspectTab, opened
from demo.inspector import Inspector
from demo.notices import with_notice

# The frame stands at the top of its tab, and `scroll_to_output` does not reach what is just being shown.
_LEAVE = "() => { window.datasetScroll = window.scrollY; window.scrollTo({ top: 0 }); return []; }"
# The tab takes a few animation frames to get its height back.
_RETURN = """() => {
    const wanted = window.datasetScroll ?? 0;
    const restore = (left) => {
        window.scrollTo({ top: wanted, behavior: 'instant' });
        if (left && Math.abs(window.scrollY - wanted) > 1) requestAnimationFrame(() => restore(left - 1));
    };
    requestAnimationFrame(() => restore(120));
    return [];
}"""


def connect(
    inspector: Inspector, tabs: gr.Tabs, inspected: InspectTab, compared: CompareTab, dataset: DatasetTab
) -> None:
    """Open frames that are clicked in the Data set tab, and lead back from where they are shown."""
    weights, modality, _, _, classes, *_ = inspected.controls
    chooser = inspected.chooser

    def walk(asked: OpenRequest | CompareRequest) -> list[Any]:
        """Updates of `Chooser.lists`: previous, next and the strip go through the list that a frame was clicked in."""
        name = asked.frame.name
        listing = Listing(asked.frame.source, asked.listed or (name,), order=asked.order)
        return list_updates(inspector, listing.strip_with(listing.names.index(name)))

    @with_notice(len(inspected.outputs) + 3 + len(chooser.lists), "The frame was not opened")
    def on_open(asked: OpenRequest, *values: Any) -> list[Any]:
        settings = Settings(*values)._replace(
            weights=asked.weights, modality=asked.request.modality, classes=list(asked.classes)
        )
        shown = opened(inspector, asked.frame, settings)
        return [*shown, settings.weights, settings.modality, settings.classes, *walk(asked)]

    for clicked in dataset.open_requests:
        clicked.change(
            lambda: [gr.Tabs(selected="inspect"), gr.Button(visible=True)],
            None,
            [tabs, inspected.back],
            js=_LEAVE,
            **QUIET,
        )
        clicked.change(
            on_open,
            [clicked, *inspected.controls],
            [inspected.notice, *inspected.outputs, weights, modality, classes, *chooser.lists],
            **inspected.running,
        )

    @with_notice(len(inspected.outputs) + 2 + len(chooser.lists), "The frame was not opened")
    def on_compare(asked: CompareRequest, *values: Any) -> list[Any]:
        settings = Settings(*values)._replace(weights=asked.weights[1], modality=asked.b.modality)
        shown = opened(inspector, asked.frame, settings)
        return [*shown, settings.weights, settings.modality, *walk(asked)]

    def on_sides(asked: CompareRequest) -> list[Any]:
        return [
            *[gr.Tabs(selected="compare"), gr.Button(visible=True)],
            *[asked.weights[0], asked.a.modality, asked.weights[1], asked.b.modality],
        ]

    # Compare shows the frame of Inspect, so that it is opened there, too.
    dataset.compare_request.change(
        on_sides,
        dataset.compare_request,
        [tabs, compared.back, *compared.sides],
        js="(asked) => { (" + _LEAVE + ")(); return [asked]; }",
        **QUIET,
    ).then(
        on_compare,
        [dataset.compare_request, *inspected.controls],
        [compared.notice, *inspected.outputs, weights, modality, *chooser.lists],
        **inspected.running,
    ).then(compared.compare, [inspected.origin, *compared.sides], compared.outputs, **inspected.running)

    for back in (inspected.back, compared.back):
        back.click(lambda: gr.Tabs(selected="dataset"), None, tabs, **QUIET).then(None, None, None, js=_RETURN, **QUIET)
