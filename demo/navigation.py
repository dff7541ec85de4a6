"""Ways between the tabs: from a frame in the Data set tab to Inspect or Compare, and back to the same place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from demo.compare.tab import CompareTab
from demo.components import QUIET, Origin
from demo.dataset.progress import OpenRequest
from demo.dataset.tab import DatasetTab
from demo.inspect.chooser import Listing, list_updates
from demo.inspect.settings import Settings
from demo.inspect.tab import InspectTab, frame_of, opened
from demo.inspector import Inspector, Upload
from demo.link import NOT_IN_LINKS, queried, read_link, read_run
from demo.markup import ALL_CLASSES, chosen_class
from demo.notices import with_notice
from deresunet.data.labels import class_set_of
from deresunet.errors import InputError

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

_SIDES_TO_ADDRESS = """(weights_a, modality_a, weights_b, modality_b) => {
    const runs = { run_a: `${weights_a}@${modality_a}`, run_b: `${weights_b}@${modality_b}` };
    window.writeAddress?.(runs, true, 'compare');
    return [];
}"""
# Keeps the tabs' addresses in the browser, and asks for what Back, Forward and links lead to.
ADDRESS = Path(__file__).with_name("address.js").read_text()


def connect(
    inspector: Inspector, tabs: gr.Tabs, inspected: InspectTab, compared: CompareTab, dataset: DatasetTab
) -> None:
    """Open frames that are clicked in the Data set tab, and lead back from where they are shown."""
    weights, modality = inspected.controls
    chooser = inspected.chooser

    def walk(asked: OpenRequest) -> list[Any]:
        """Updates of `Chooser.lists`: previous, next and the strip go through the list that a frame was clicked in."""
        name = asked.frame.name
        listed = asked.listed or (name,)
        only = asked.classes[0] if len(asked.classes) == 1 else ALL_CLASSES
        listing = Listing(asked.frame.source, listed, only=only, order=asked.order, whole=listed)
        return list_updates(inspector, listing.strip_with(listing.names.index(name)))

    @with_notice(len(inspected.outputs) + 2 + len(chooser.lists), "The frame was not opened")
    def on_open(asked: OpenRequest, *values: Any) -> list[Any]:
        settings = Settings(*values)._replace(weights=asked.weights[0], modality=asked.runs[0].modality)
        # The outcomes of the class, or of the pair of a confusion, that it was clicked for.
        classes = class_set_of(inspector.readers[asked.frame.source])
        labels = [chosen_class(name, classes) for name in asked.classes]
        look = {"classes": labels, "layer": "errors"} if labels else {"classes": []}
        shown = opened(inspector, asked.frame, settings, look)
        return [*shown, settings.weights, settings.modality, *walk(asked)]

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
            [inspected.notice, *inspected.outputs, weights, modality, *chooser.lists],
            **inspected.running,
        )

    @with_notice(len(inspected.outputs) + 2 + len(chooser.lists), "The frame was not opened")
    def on_compare(asked: OpenRequest, *values: Any) -> list[Any]:
        settings = Settings(*values)._replace(weights=asked.weights[1], modality=asked.runs[1].modality)
        shown = opened(inspector, asked.frame, settings)
        return [*shown, settings.weights, settings.modality, *walk(asked)]

    def on_sides(asked: OpenRequest) -> list[Any]:
        return [
            *[gr.Tabs(selected="compare"), gr.Button(visible=True)],
            *[asked.weights[0], asked.runs[0].modality, asked.weights[1], asked.runs[1].modality],
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


def follow_addresses(
    inspector: Inspector,
    page: gr.Blocks,
    address: gr.HTML,
    tabs: gr.Tabs,
    inspected: InspectTab,
    compared: CompareTab,
    dataset: DatasetTab,
) -> None:
    """Bring the page to the address that it is loaded with, and to those that Back and Forward lead to.

    Args:
        inspector: networks and data sets.
        page: the page; Inspect itself opens the frame of the address that it is loaded with.
        address: the component of `ADDRESS`; its event "select" brings the query of an address.
        tabs: the page's tabs.
        inspected: the Inspect tab.
        compared: the Compare tab.
        dataset: the Data set tab.
    """

    def on_tab(query: Mapping[str, str], visitor: gr.Request, shown: str = "") -> list[Any]:
        tab = read_link(query)[0].tab
        followed = dataset.follow(query, visitor) if tab == "dataset" else [gr.skip()] * len(dataset.followed)
        return [gr.skip() if tab == shown else gr.Tabs(selected=tab), *followed]

    @with_notice(len(compared.outputs) - 1 + len(compared.sides), "The comparison of this link cannot be shown")
    def on_compared(query: Mapping[str, str], here: Origin | None) -> list[Any]:
        link, _ = read_link(query)
        if link.tab != "compare" or not {"run_a", "run_b"} <= set(query):
            return [gr.skip()] * (len(compared.outputs) - 1 + len(compared.sides))
        if link.upload and not isinstance(here, Upload):
            raise InputError(NOT_IN_LINKS)
        sides = [*read_run(query["run_a"]), *read_run(query["run_b"])]
        notice, *shown = compared.compare(here if link.upload else frame_of(inspector, link)[0], *sides)
        if notice:
            raise InputError("Choose two networks and modalities that are on offer.")
        return [*shown, *sides]

    @with_notice(len(inspected.outputs) + len(inspected.controls), "The frame was not opened")
    def on_frame(search: str, here: Origin | None, *values: Any) -> list[Any]:
        link, _ = read_link(queried(search))
        skipped = [gr.skip()] * (len(inspected.outputs) + len(inspected.controls))
        if link.upload:
            if isinstance(here, Upload):
                return skipped
            raise InputError(NOT_IN_LINKS)
        there = frame_of(inspector, link)[0]
        settings = Settings.of(link, inspector.checkpoints.first_name)
        asks = link.tab == "inspect" or (link.tab == "compare" and here != there)
        if not asks or (here == there and settings == Settings(*values)):
            return skipped
        return [*opened(inspector, there, settings), *settings]

    def on_load(visitor: gr.Request) -> list[Any]:
        return on_tab(dict(visitor.query_params), visitor, shown="inspect")

    def on_load_compared(visitor: gr.Request) -> list[Any]:
        return on_compared(dict(visitor.query_params), None)

    def on_return(search: str, visitor: gr.Request) -> list[Any]:
        return [search, *on_tab(queried(search), visitor)]

    def on_return_compared(search: str, here: Origin | None) -> list[Any]:
        return on_compared(queried(search), here)

    search = gr.Textbox(visible=False)
    opening = [search, inspected.origin, *inspected.controls]
    compare_outputs = [*compared.outputs, *compared.sides]
    page.load(on_load, None, [tabs, *dataset.followed], **QUIET)
    page.load(on_load_compared, None, compare_outputs, **inspected.running)
    # Where the page is when a handler gets its turn, which may be farther than when it was asked for.
    latest: dict[str, Any] = {"js": "(search, ...rest) => [location.search, ...rest]", "trigger_mode": "always_last"}
    frame_outputs = [inspected.notice, *inspected.outputs, *inspected.controls]
    address.select(on_return, search, [search, tabs, *dataset.followed], **latest, **QUIET).then(
        on_frame, opening, frame_outputs, **{**inspected.running, **latest}
    ).then(on_return_compared, [search, inspected.origin], compare_outputs, **{**inspected.running, **latest}).then(
        None, search, None, js="(search) => { window.addressReached(search); return []; }", **QUIET
    )
    # The table changes with each comparison.
    compared.outputs[-1].change(None, compared.sides, None, js=_SIDES_TO_ADDRESS, **QUIET)
