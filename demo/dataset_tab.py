"""The data set's part of the page: what stands where, and which callback answers to what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demo import dataset_views as told
from demo import views
from demo.callbacks import DatasetFrame, Inspector
from demo.dataset import Confusion, DatasetResult
from demo.dataset_pictures import Focus, Pictures
from demo.dataset_plots import HeatMap, Scatter, heat_map, scatter
from demo.dataset_report import write_dataset_report
from demo.evaluations import Evaluations, Progress, Request
from deresunet.errors import InputError
from deresunet.preprocessing import Modality

MODALITIES = [(name, value) for value, name in views.MODALITY_NAMES.items()]
ALL_SENSORS, ALL_SCENES = "all sensors", "all scenes"
WORST, BEST = "worst first", "best first"
PAGE, STEP, MOST = 6, 12, 48
_TICK_S = 1.0
_CLICKS = count()


@dataclass(frozen=True)
class OpenRequest:
    """A frame that the visitor wants to see in Inspect.

    Attributes:
        frame: which.
        modality: what the evaluation gave the network.
        only: display name of the class that the visitor looks at, or `views.ALL_CLASSES`.
        click: differs from click to click, so that the same frame can be opened again.
    """

    frame: DatasetFrame
    modality: Modality
    only: str
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


@dataclass(frozen=True)
class _Choice:
    """What the visitor has set, in the order of the inputs."""

    source: str
    modality: Modality
    sensor: str
    scene: str
    only: str
    pair: str
    order: str
    shown: int

    @property
    def request(self) -> Request:
        return Request(self.source, self.modality)

    @property
    def label(self) -> int | None:
        return views.chosen_class(self.only)

    @property
    def cell(self) -> Confusion | None:
        return told.chosen_confusion(self.pair)

    @property
    def focus(self) -> Focus:
        return self.cell or self.label

    def frames(self, result: DatasetResult) -> np.ndarray:
        sensor = "" if self.sensor == ALL_SENSORS else self.sensor
        return result.choose(sensor, "" if self.scene == ALL_SCENES else self.scene)


def _refusals_told(
    outputs: int, cleared: bool = True
) -> Callable[[Callable[..., list[Any]]], Callable[..., list[Any]]]:
    """Put a notice before what a callback returns: why it was refused, `outputs` values then being left alone.

    What succeeds clears the notice, unless `cleared` is False.
    """

    def decorate(callback: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        @wraps(callback)
        def wrapped(*args: Any, **kwargs: Any) -> list[Any]:
            try:
                return ["" if cleared else gr.skip(), *callback(*args, **kwargs)]
            except InputError as error:
                return [views.notice(str(error)), *[gr.skip()] * outputs]

        return wrapped

    return decorate


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
    sources = list(inspector.readers)

    open_request = gr.State(None, time_to_live=3600)
    seen = gr.State(None, time_to_live=3600)  # the request whose result is on the page
    listing = gr.State([], time_to_live=3600)  # names of the frames in the gallery
    amount = gr.State(PAGE, time_to_live=3600)
    # Shows what is there as soon as the tab is seen, and then follows a run.
    timer = gr.Timer(_TICK_S, active=True)

    with gr.Row(elem_classes="ds-filters"):
        source = gr.Radio(sources, value=sources[0], label="Data set", scale=3, min_width=260, elem_id="ds-source")
        modality = gr.Radio(
            MODALITIES, value="rgbd", label="The network is given", scale=3, min_width=280, elem_id="ds-modality"
        )
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
                [views.ALL_CLASSES], value=views.ALL_CLASSES, label="Class", min_width=150, elem_id="ds-class"
            )
            order = gr.Radio([WORST, BEST], value=WORST, label="Frames", min_width=230, elem_id="ds-order")
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                gr.HTML('<h2 class="ds-title">Classes</h2>', padding=False)
                bars = gr.HTML(elem_id="ds-bars", padding=False)
            with gr.Column(scale=6, min_width=320):
                gr.HTML('<h2 class="ds-title">What is confused with what</h2>', padding=False)
                matrix = gr.Image(
                    show_label=False,
                    format="png",
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    alt_text="Confusion matrix; the list below it has the largest confusions in words",
                    elem_id="ds-matrix",
                )
                gr.HTML(told.matrix_note(), padding=False)
                pair = gr.Dropdown([(told.NO_CONFUSION, "")], value="", label="Largest confusions", elem_id="ds-pair")
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                gr.HTML('<h2 class="ds-title">Does missing depth matter?</h2>', padding=False)
                dots = gr.Image(
                    show_label=False,
                    format="png",
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    alt_text="Frames by share of missing depth and score; the gallery has the same frames",
                    elem_id="ds-scatter",
                )
                dots_note = gr.HTML(padding=False)
            with gr.Column(scale=6, min_width=320):
                gr.HTML('<h2 class="ds-title">Frames to look at</h2>', padding=False)
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

    inputs = [source, modality, sensor, scene, only, pair, order, amount]
    run_outputs = [status, start, cancel, timer, results]
    list_outputs = [gallery_note, gallery, more, listing, amount]
    look_outputs = [headline, bars, matrix, pair, dots, dots_note, *list_outputs]
    show_outputs = [sensor, scene, only, provenance, files, *look_outputs]

    def run_updates(request: Request, progress: Progress) -> list[Any]:
        running, done = progress.state == "running", progress.state == "done"
        if done:
            button = gr.Button("Evaluate again", variant="secondary", interactive=True)
        elif running:
            joined = progress.following or progress.stopping
            button = gr.Button("Running" if joined else "Follow", variant="primary", interactive=not joined)
        elif progress.state == "partial":
            button = gr.Button(f"Go on after frame {progress.done:,}", variant="primary", interactive=True)
        else:
            button = gr.Button(f"Evaluate {progress.total:,} frames", variant="primary", interactive=True)
        failure = views.notice(progress.failure) if progress.failure else ""
        return [
            failure + told.status(request, progress),
            button,
            gr.Button(visible=running and progress.following, interactive=not progress.stopping),
            gr.Timer(active=running or bool(progress.elsewhere)),
            gr.Column(visible=done),
        ]

    def list_updates(result: DatasetResult, choice: _Choice) -> list[Any]:
        chosen, cell = choice.frames(result), choice.cell
        if cell is None:
            listed, said = result.ranked(chosen, choice.label, choice.order == WORST), ""
        else:
            listed, said = result.confused(chosen, cell), result.told_of(chosen, cell)
        here = listed[: choice.shown]
        paths = pictures.files(choice.request, [frame.name for frame in here], choice.focus)
        drawn = [(frame, path) for frame, path in zip(here, paths, strict=True) if path is not None]
        return [
            told.gallery_note(len(listed), len(drawn), choice.focus, said),
            gr.Gallery([(path, f"{frame.name} · {frame.said}") for frame, path in drawn], selected_index=None),
            gr.Button(visible=len(here) < min(len(listed), MOST)),
            [frame.name for frame, _ in drawn],
            choice.shown,
        ]

    def pair_update(pooled: np.ndarray, cell: Confusion | None) -> gr.Dropdown:
        choices = told.confusion_choices(pooled)
        value = "" if cell is None else f"{cell.truth},{cell.prediction}"
        if value not in [one for _, one in choices]:
            choices.insert(1, (str(cell), value))
        return gr.Dropdown(choices, value=value)

    def look_updates(result: DatasetResult, choice: _Choice, keep_pair: bool) -> list[Any]:
        chosen, label = choice.frames(result), choice.label
        pooled = result.matrix(chosen)
        cell = choice.cell if keep_pair else None
        choice = replace(choice, pair=choice.pair if cell else "")
        return [
            told.headline(result, chosen, label) + told.left_out(result),
            told.class_bars(result, chosen, label),
            heat_map(pooled, label, cell),
            pair_update(pooled, cell),
            scatter(result, chosen, label),
            told.scatter_note(result, chosen, label),
            *list_updates(result, choice),
        ]

    def show_updates(request: Request) -> list[Any]:
        """A result as it is first seen: all frames, all classes, worst first."""
        result = evaluations.result(request)
        everything = result.choose()
        names = [views.DISPLAY_NAMES[k] for k in np.flatnonzero(result.frames_with(everything))]
        sensors, scenes = result.groups("sensor"), result.groups("scene")
        choice = _Choice(request.source, request.modality, ALL_SENSORS, ALL_SCENES, views.ALL_CLASSES, "", WORST, PAGE)
        return [
            gr.Dropdown([ALL_SENSORS, *_counted(sensors)], value=ALL_SENSORS, visible=len(sensors) > 1),
            gr.Dropdown([ALL_SCENES, *_counted(scenes)], value=ALL_SCENES, visible=len(scenes) > 1),
            gr.Dropdown([views.ALL_CLASSES, *sorted(names)], value=views.ALL_CLASSES),
            told.provenance(result),
            gr.Files(value=None, visible=False),
            *look_updates(result, choice, keep_pair=False),
        ]

    def refreshed(request: Request, seen: Request | None, visitor: str) -> list[Any]:
        """How far it is, the result if it is there and not on the page, and what is on the page then."""
        progress = evaluations.progress(request, visitor)
        done = progress.state == "done"
        shown = show_updates(request) if done and seen != request else [gr.skip()] * len(show_outputs)
        return [*run_updates(request, progress), *shown, request if done else None]

    everything = len(run_outputs) + len(show_outputs) + 1

    @_refusals_told(everything)
    def on_choose(source: str, modality: Any, visitor: gr.Request) -> list[Any]:
        return refreshed(Request(source, modality), None, str(visitor.session_hash))

    @_refusals_told(everything, cleared=False)
    def on_tick(source: str, modality: Any, seen: Request | None, visitor: gr.Request) -> list[Any]:
        return refreshed(Request(source, modality), seen, str(visitor.session_hash))

    @_refusals_told(len(run_outputs) + 1)
    def on_start(source: str, modality: Any, seen: Request | None, visitor: gr.Request) -> list[Any]:
        request, session = Request(source, modality), str(visitor.session_hash)
        # Only what the visitor has before them is thrown away; another visitor may have finished it just now.
        evaluations.start(request, session, anew=seen == request)
        status, button, stop, _, column = run_updates(request, evaluations.progress(request, session))
        return [status, button, stop, gr.Timer(active=True), column, None]

    @_refusals_told(len(run_outputs))
    def on_cancel(source: str, modality: Any, visitor: gr.Request) -> list[Any]:
        request, session = Request(source, modality), str(visitor.session_hash)
        evaluations.cancel(request, session)
        return run_updates(request, evaluations.progress(request, session))

    @_refusals_told(len(look_outputs))
    def on_filter(*values: Any) -> list[Any]:
        choice = _Choice(*[*values[:-1], PAGE])
        return look_updates(evaluations.result(choice.request), choice, keep_pair=False)

    @_refusals_told(len(list_outputs) + 2)
    def on_pair(*values: Any) -> list[Any]:
        choice = _Choice(*[*values[:-1], PAGE])
        result = evaluations.result(choice.request)
        picture = heat_map(result.matrix(choice.frames(result)), choice.label, choice.cell)
        return [gr.skip(), picture, *list_updates(result, choice)]

    @_refusals_told(len(list_outputs))
    def on_order(*values: Any) -> list[Any]:
        choice = _Choice(*[*values[:-1], PAGE])
        return list_updates(evaluations.result(choice.request), choice)

    @_refusals_told(len(list_outputs))
    def on_more(*values: Any) -> list[Any]:
        choice = _Choice(*[*values[:-1], min(values[-1] + STEP, MOST)])
        return list_updates(evaluations.result(choice.request), choice)

    @_refusals_told(len(list_outputs) + 2)
    def on_cell(where: gr.SelectData, *values: Any) -> list[Any]:
        choice = _Choice(*[*values[:-1], PAGE])
        result = evaluations.result(choice.request)
        pooled = result.matrix(choice.frames(result))
        cell = HeatMap.of(pooled).at(*where.index)
        choice = replace(choice, pair="" if cell is None else f"{cell.truth},{cell.prediction}")
        return [pair_update(pooled, cell), heat_map(pooled, choice.label, cell), *list_updates(result, choice)]

    def opened(choice: _Choice, name: str) -> OpenRequest:
        return OpenRequest(DatasetFrame(choice.source, name), choice.modality, choice.only, next(_CLICKS))

    def on_dot(where: gr.SelectData, *values: Any) -> Any:
        choice = _Choice(*values)
        result = evaluations.result(choice.request)
        index = Scatter.of(result, choice.frames(result), choice.label).at(*where.index)
        return gr.skip() if index is None else opened(choice, result.frames[index].name)

    def on_frame(where: gr.SelectData, names: list[str], *values: Any) -> list[Any]:
        if not 0 <= int(where.index) < len(names):
            return [gr.skip(), gr.skip()]
        return [opened(_Choice(*values), names[int(where.index)]), gr.Gallery(selected_index=None)]

    @_refusals_told(1)
    def on_report(source: str, modality: Any) -> list[Any]:
        written = write_dataset_report(evaluations, pictures, Request(source, modality))
        return [gr.Files([str(path) for path in written], visible=True)]

    private: dict[str, Any] = {"api_visibility": "private"}
    quiet: dict[str, Any] = {"show_progress": "hidden", **private}
    all_outputs = [notice, *run_outputs, *show_outputs, seen]
    asked = [source, modality]
    timer.tick(on_tick, [*asked, seen], all_outputs, trigger_mode="once", **quiet)
    gr.on(
        [source.input, modality.input], on_choose, asked, all_outputs, trigger_mode="always_last",
        show_progress_on=[status], **private,
    )  # fmt: skip
    start.click(on_start, [*asked, seen], [notice, *run_outputs, seen], **quiet)
    cancel.click(on_cancel, asked, [notice, *run_outputs], **quiet)
    gr.on(
        [sensor.input, scene.input, only.input], on_filter, inputs, [notice, *look_outputs],
        trigger_mode="always_last", show_progress_on=[headline, gallery], **private,
    )  # fmt: skip
    cell_outputs = [notice, pair, matrix, *list_outputs]
    pair.input(on_pair, inputs, cell_outputs, trigger_mode="always_last", show_progress_on=[gallery], **private)
    matrix.select(on_cell, inputs, cell_outputs, trigger_mode="always_last", show_progress_on=[gallery], **private)
    order.input(on_order, inputs, [notice, *list_outputs], show_progress_on=[gallery], **private)
    more.click(on_more, inputs, [notice, *list_outputs], show_progress_on=[more], **private)
    dots.select(on_dot, inputs, [open_request], **quiet)
    gallery.select(on_frame, [listing, *inputs], [open_request, gallery], **quiet)
    report.click(on_report, [source, modality], [notice, files], show_progress_on=[report], **private)
    return DatasetTab(open_request, source, modality, evaluations)


def _counted(groups: dict[str, int]) -> list[tuple[str, str]]:
    return [(f"{name} ({frames:,})", name) for name, frames in groups.items()]
