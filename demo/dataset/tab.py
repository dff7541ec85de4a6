"""The data set's part of the page: what stands where, and which callback answers to what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr

from demo import markup
from demo.components import MODALITIES
from demo.dataset import views as told
from demo.dataset.evaluations import Evaluations, Request
from demo.dataset.pictures import Pictures
from demo.dataset.plots import HeatMap, Scatter
from demo.dataset.updates import (
    ALL_SCENES,
    ALL_SENSORS,
    BEST,
    MOST,
    PAGE,
    STEP,
    TRAIT_CHOICES,
    WORST,
    Choice,
    DatasetUpdates,
)
from demo.downloads import KEEP_SECONDS
from demo.inspector import DatasetFrame, Inspector
from demo.notices import with_notice
from demo.report.dataset import write_dataset_report
from deresunet.inference.preprocessing import Modality

_TICK_S = 1.0
_CLICKS = count()


@dataclass(frozen=True)
class OpenRequest:
    """A frame that the visitor wants to see in Inspect.

    Attributes:
        frame: which.
        modality: what the evaluation gave the network.
        classes: display names for the class filter: the pair of a confusion, or the class that is chosen.
        click: differs from click to click, so that the same frame can be opened again.
    """

    frame: DatasetFrame
    modality: Modality
    classes: tuple[str, ...]
    click: int


@dataclass(frozen=True)
class DatasetTab:
    """What the rest of the page needs of this one.

    Attributes:
        open_request: holds an `OpenRequest`, or None at first; its `change` fires at each click on a frame.
        source: the data set chosen, by its name on the page.
        modality: what the network is given.
        evaluations: what runs them; one for the whole server.
    """

    open_request: gr.State
    source: gr.Radio
    modality: gr.Radio
    evaluations: Evaluations


def build_dataset_tab(
    inspector: Inspector, evaluations: Evaluations | None = None, cache_dir: Path | None = None
) -> DatasetTab:
    """Lay out the tab inside the tab or blocks that are open.

    Args:
        inspector: its predictor and its data sets.
        evaluations: that run here; by default the server's own, over the inspector's data sets.
        cache_dir: where they keep what is done; by default in Gradio's cache.
    """
    evaluations = evaluations or Evaluations(inspector.predictor, inspector.readers, cache_dir)
    pictures = Pictures(evaluations)
    updates = DatasetUpdates(evaluations, pictures)
    sources = list(inspector.readers)

    open_request = gr.State(None, time_to_live=KEEP_SECONDS)
    seen = gr.State(None, time_to_live=KEEP_SECONDS)  # the request whose result is on the page
    listing = gr.State([], time_to_live=KEEP_SECONDS)  # names of the frames in the gallery
    amount = gr.State(PAGE, time_to_live=KEEP_SECONDS)
    # Shows what is there as soon as the tab is seen, and then follows a run.
    timer = gr.Timer(_TICK_S, active=True)

    with gr.Row(elem_classes="ds-filters"):
        source = gr.Radio(sources, value=sources[0], label="Data set", scale=3, min_width=260, elem_id="ds-source")
        modality = gr.Radio(MODALITIES, value="rgbd", label="Modality", scale=3, min_width=280, elem_id="ds-modality")
        start = gr.Button("Evaluate", variant="primary", scale=2, min_width=150, elem_id="ds-start")
        cancel = gr.Button("Cancel", variant="stop", scale=1, min_width=110, visible=False, elem_id="ds-cancel")
    notice = gr.HTML(elem_id="ds-notice", padding=False)
    status = gr.HTML(elem_id="ds-status", padding=False)

    with gr.Column(visible=False, elem_id="ds-results") as results:
        headline = gr.HTML(elem_id="ds-headline", padding=False)
        with gr.Row(elem_classes="ds-filters"):
            sensor = gr.Dropdown([ALL_SENSORS], value=ALL_SENSORS, label="Sensor", min_width=150, elem_id="ds-sensor")
            scene = gr.Dropdown([ALL_SCENES], value=ALL_SCENES, label="Type of room", min_width=150, elem_id="ds-scene")
            only = gr.Dropdown(
                [markup.ALL_CLASSES], value=markup.ALL_CLASSES, label="Class", min_width=150, elem_id="ds-class"
            )
            order = gr.Radio([WORST, BEST], value=WORST, label="Frames", min_width=230, elem_id="ds-order")
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                _title("Classes")
                gr.HTML(told.bars_note(), padding=False)
                bars = gr.HTML(elem_id="ds-bars", padding=False, js_on_load=markup.PICK_CLASS)
            with gr.Column(scale=6, min_width=320):
                _title("What is confused with what")
                matrix = _plot("ds-matrix", "Confusion matrix; the list below it has the largest confusions in words")
                gr.HTML(told.matrix_note(), padding=False)
                pair = gr.Dropdown([(told.NO_CONFUSION, "")], value="", label="Largest confusions", elem_id="ds-pair")
                pair_note = gr.HTML(elem_id="ds-pair-note", padding=False)
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                _title("What makes a frame hard?")
                trait = gr.Dropdown(TRAIT_CHOICES, value="missing", label="Score against", elem_id="ds-trait")
                dots = _plot("ds-scatter", "Frames by the share chosen and by score; the gallery has the same frames")
                dots_note = gr.HTML(elem_id="ds-scatter-note", padding=False)
            with gr.Column(scale=6, min_width=320):
                _title("Frames to look at")
                gallery_note = gr.HTML(elem_id="ds-gallery-note", padding=False)
                gallery = gr.Gallery(
                    show_label=False,
                    container=False,
                    elem_id="ds-gallery",
                    allow_preview=False,
                    format="jpeg",
                    object_fit="contain",
                    height="auto",
                    buttons=[],
                )
                more = gr.Button("More frames", size="sm", visible=False, elem_id="ds-more")
        with gr.Row(elem_classes="ds-filters"):
            report = gr.Button("Make a report", scale=0, min_width=200, elem_id="ds-report")
            files = gr.Files(label="Report", visible=False, interactive=False, scale=3, elem_id="ds-files")
        provenance = gr.HTML(padding=False)

    asked = [source, modality]
    inputs = [*asked, sensor, scene, only, pair, order, trait, amount]
    run_outputs = [status, start, cancel, timer, results]
    list_outputs = [gallery_note, gallery, more, listing, amount]
    dot_outputs = [dots, dots_note]
    cell_outputs = [matrix, pair, pair_note, *list_outputs]
    look_outputs = [headline, bars, *dot_outputs, *cell_outputs]
    first_outputs = [sensor, scene, only, order, trait, provenance, files, *look_outputs]
    all_outputs = [*run_outputs, *first_outputs, seen]

    def refreshed(request: Request, seen: Request | None, visitor: gr.Request) -> list[Any]:
        """How far it is, the result if it is there and not on the page, and what is on the page then."""
        progress = evaluations.progress(request, str(visitor.session_hash))
        done = progress.state == "done"
        shown = updates.first(request) if done and seen != request else [gr.skip()] * len(first_outputs)
        return [*updates.run(request, progress), *shown, request if done else None]

    @with_notice(len(all_outputs), "The evaluation was not opened")
    def on_choose(source: str, modality: Any, visitor: gr.Request) -> list[Any]:
        return refreshed(Request(source, modality), None, visitor)

    @with_notice(len(all_outputs), "The evaluation was not followed", cleared=False)
    def on_tick(source: str, modality: Any, seen: Request | None, visitor: gr.Request) -> list[Any]:
        return refreshed(Request(source, modality), seen, visitor)

    @with_notice(len(run_outputs) + 1, "The evaluation was not started")
    def on_start(source: str, modality: Any, seen: Request | None, visitor: gr.Request) -> list[Any]:
        request, session = Request(source, modality), str(visitor.session_hash)
        # Only what the visitor has before them is thrown away; another visitor may have finished it just now.
        evaluations.start(request, session, anew=seen == request)
        status, button, stop, _, column = updates.run(request, evaluations.progress(request, session))
        return [status, button, stop, gr.Timer(active=True), column, None]

    @with_notice(len(run_outputs), "The evaluation was not cancelled")
    def on_cancel(source: str, modality: Any, visitor: gr.Request) -> list[Any]:
        request, session = Request(source, modality), str(visitor.session_hash)
        evaluations.cancel(request, session)
        return updates.run(request, evaluations.progress(request, session))

    @with_notice(len(look_outputs), "The filter failed")
    def on_filter(*values: Any) -> list[Any]:
        return updates.look(replace(Choice(*values), shown=PAGE))

    @with_notice(len(look_outputs), "The class was not shown")
    def on_class(*values: Any) -> list[Any]:
        return updates.look(Choice(*values).at_cell(None))

    @with_notice(1 + len(look_outputs), "The class was not shown")
    def on_bar(where: gr.SelectData, *values: Any) -> list[Any]:
        choice = Choice(*values)
        picked = replace(choice, only=str(where.value) if markup.chosen_class(where.value) else markup.ALL_CLASSES)
        return [picked.only, *updates.look(picked.at_cell(None))]

    @with_notice(len(cell_outputs), "The confusion was not shown")
    def on_pair(*values: Any) -> list[Any]:
        return updates.cells(replace(Choice(*values), shown=PAGE))

    @with_notice(len(cell_outputs), "The confusion was not shown")
    def on_cell(where: gr.SelectData, *values: Any) -> list[Any]:
        choice = Choice(*values)
        result = evaluations.result(choice.request)
        return updates.cells(choice.at_cell(HeatMap.of(result.matrix(choice.frames(result))).at(*where.index)))

    @with_notice(len(dot_outputs), "The scatter plot failed")
    def on_trait(*values: Any) -> list[Any]:
        return updates.dots(Choice(*values))

    @with_notice(len(list_outputs), "The frames were not listed")
    def on_order(*values: Any) -> list[Any]:
        return updates.listed(replace(Choice(*values), shown=PAGE))

    @with_notice(len(list_outputs), "The frames were not listed")
    def on_more(*values: Any) -> list[Any]:
        choice = Choice(*values)
        return updates.listed(replace(choice, shown=min(choice.shown + STEP, MOST)))

    def opened(choice: Choice, name: str) -> OpenRequest:
        return OpenRequest(DatasetFrame(choice.source, name), choice.modality, choice.class_names, next(_CLICKS))

    @with_notice(1, "The frame was not opened")
    def on_dot(where: gr.SelectData, *values: Any) -> list[Any]:
        choice = Choice(*values)
        result = evaluations.result(choice.request)
        index = Scatter.of(result, choice.frames(result), choice.trait, choice.label).at(*where.index)
        return [gr.skip() if index is None else opened(choice, result.frames[index].name)]

    def on_frame(where: gr.SelectData, names: list[str], *values: Any) -> list[Any]:
        if not 0 <= int(where.index) < len(names):  # what was kept for the visitor is gone
            return [gr.skip(), gr.skip()]
        return [opened(Choice(*values), names[int(where.index)]), gr.Gallery(selected_index=None)]

    @with_notice(1, "The report was not written")
    def on_report(source: str, modality: Any) -> list[Any]:
        written = write_dataset_report(evaluations, Request(source, modality))
        return [gr.Files([str(path) for path in written], visible=True)]

    private: dict[str, Any] = {"api_visibility": "private"}
    quiet: dict[str, Any] = {"show_progress": "hidden", **private}
    latest: dict[str, Any] = {"trigger_mode": "always_last", **private}
    timer.tick(on_tick, [*asked, seen], [notice, *all_outputs], trigger_mode="once", **quiet)
    choosing = [source.input, modality.input]
    gr.on(choosing, on_choose, asked, [notice, *all_outputs], show_progress_on=[status], **latest)
    start.click(on_start, [*asked, seen], [notice, *run_outputs, seen], **quiet)
    cancel.click(on_cancel, asked, [notice, *run_outputs], **quiet)
    look: dict[str, Any] = {"show_progress_on": [headline, gallery], **latest}
    gr.on([sensor.input, scene.input], on_filter, inputs, [notice, *look_outputs], **look)
    only.input(on_class, inputs, [notice, *look_outputs], **look)
    bars.select(on_bar, inputs, [notice, only, *look_outputs], **look)
    pair.input(on_pair, inputs, [notice, *cell_outputs], show_progress_on=[gallery], **latest)
    matrix.select(on_cell, inputs, [notice, *cell_outputs], show_progress_on=[gallery], **latest)
    trait.input(on_trait, inputs, [notice, *dot_outputs], show_progress_on=[dots], **latest)
    order.input(on_order, inputs, [notice, *list_outputs], show_progress_on=[gallery], **latest)
    more.click(on_more, inputs, [notice, *list_outputs], show_progress_on=[more], **private)
    dots.select(on_dot, inputs, [notice, open_request], **quiet)
    gallery.select(on_frame, [listing, *inputs], [open_request, gallery], **quiet)
    report.click(on_report, asked, [notice, files], show_progress_on=[report], **private)
    return DatasetTab(open_request, source, modality, evaluations)


def _title(text: str) -> None:
    gr.HTML(f'<h2 class="ds-title">{text}</h2>', padding=False)


def _plot(elem_id: str, alt_text: str) -> gr.Image:
    return gr.Image(
        show_label=False,
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        alt_text=alt_text,
        elem_id=elem_id,
    )
