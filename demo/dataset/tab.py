"""The Data set tab: its components, and the handlers of its controls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from demo.components import MODALITIES, PRIVATE, QUIET, plot
from demo.dataset import messages
from demo.dataset.audit_tab import build_audit
from demo.dataset.choice import ALL_SCENES, ALL_SENSORS, BEST, MOST, PAGE, STEP, WORST, Choice
from demo.dataset.evaluations import Evaluations
from demo.dataset.plots import Scatter
from demo.dataset.progress import OpenRequest, Run
from demo.dataset.result import PROPERTIES
from demo.dataset.runs_tab import build_runs
from demo.dataset.sections import Sections
from demo.downloads import KEEP_SECONDS
from demo.inspect.chooser import source_updates
from demo.inspector import DatasetFrame, Inspector
from demo.link import address_script
from demo.markup import ALL_CLASSES, PICK_CLASS, SORT_TABLE, chosen_class
from demo.notices import notice as notice_of
from demo.notices import with_notice
from demo.report.dataset import write_dataset_report
from deresunet.evaluation.confusions import HeatMap, marked_classes
from deresunet.evaluation.html import MODALITY_NAMES

_TICK_S = 1.0


@dataclass(frozen=True)
class DatasetTab:
    """Components that the rest of the page needs.

    Attributes:
        open_requests: states: an `OpenRequest` each, or None at first; `change` fires at each click on a frame.
        compare_request: state: an `OpenRequest` of two runs, likewise.
        evaluations: runs of the whole server.
        follow: handler that brings the tab to what the query of an address asks for; takes that and the visitor.
        followed: components that `follow` updates.
    """

    open_requests: list[gr.State]
    compare_request: gr.State
    evaluations: Evaluations
    follow: Callable[[Mapping[str, str], gr.Request], list[Any]]
    followed: list[Any]


def build_dataset_tab(inspector: Inspector, evaluations: Evaluations, tab: gr.Tab) -> DatasetTab:
    """Lay the tab out inside the page's current context.

    Args:
        inspector: the page's networks and data sets.
        evaluations: runs that are shown.
        tab: the tab around it.
    """
    sections = Sections(evaluations)
    families, networks = list(inspector.families), inspector.checkpoints.choices

    source = gr.State(families[0])  # a variant's name, or the family's own
    open_request = gr.State(None, time_to_live=KEEP_SECONDS)
    seen = gr.State(None, time_to_live=KEEP_SECONDS)  # the run whose result is on the page
    listing = gr.State([], time_to_live=KEEP_SECONDS)  # names of the frames in the gallery
    amount = gr.State(PAGE, time_to_live=KEEP_SECONDS)
    finished = gr.State([], time_to_live=KEEP_SECONDS)  # names of the finished runs over the data set
    # Shows a kept result as soon as the tab is opened, and then follows a run.
    timer = gr.Timer(_TICK_S, active=True)

    with gr.Row(elem_classes="ds-filters"):
        family = gr.Radio(
            families, value=families[0], label="Data set", visible=len(families) > 1, scale=3, min_width=260,
            elem_id="ds-source",
        )  # fmt: skip
        variants = list(inspector.families[families[0]].items())
        variant = gr.Dropdown(
            variants, value=families[0], label="Ground truth and depth", visible=len(variants) > 1, min_width=220,
            elem_id="ds-variant",
        )  # fmt: skip
        weights = gr.Dropdown(
            networks, value=inspector.checkpoints.first_name, label="Weights", visible=len(networks) > 1, scale=2,
            min_width=220, elem_id="ds-weights",
        )  # fmt: skip
        modality = gr.Radio(MODALITIES, value="rgbd", label="Modality", scale=2, min_width=280, elem_id="ds-modality")
        start = gr.Button("Evaluate", variant="primary", scale=2, min_width=150, elem_id="ds-start")
        cancel = gr.Button("Cancel", variant="stop", scale=1, min_width=110, visible=False, elem_id="ds-cancel")
    notice = gr.HTML(elem_id="ds-notice", elem_classes="notices", padding=False)
    status = gr.HTML(elem_id="ds-status", padding=False)

    asked = [source, modality, weights]
    with gr.Tabs(elem_id="ds-tabs") as parts:
        with gr.Tab("Result", id="result") as result_tab, gr.Column(visible=False, elem_id="ds-results") as results:
            headline = gr.HTML(elem_id="ds-headline", padding=False)
            with gr.Row(elem_classes="ds-filters"):
                sensor = gr.Dropdown(
                    [ALL_SENSORS], value=ALL_SENSORS, label="Sensor", min_width=150, elem_id="ds-sensor"
                )
                scene = gr.Dropdown(
                    [ALL_SCENES], value=ALL_SCENES, label="Room type", min_width=150, elem_id="ds-scene"
                )
                only = gr.Dropdown(
                    [ALL_CLASSES], value=ALL_CLASSES, label="Class filter", min_width=150, elem_id="ds-class"
                )
                order = gr.Radio([WORST, BEST], value=WORST, label="Frames", min_width=230, elem_id="ds-order")
            with gr.Row():
                with gr.Column(scale=4, min_width=320):
                    _title("IoU of each class")
                    with gr.Tabs():
                        with gr.Tab("Chart"):
                            gr.HTML(
                                '<p class="soft">Click a class for its frames and its confusions: its row and column '
                                "in the matrix.</p>",
                                padding=False,
                            )
                            bars = gr.HTML(elem_id="ds-bars", padding=False, js_on_load=PICK_CLASS)
                        with gr.Tab("Table"):
                            classes = gr.HTML(elem_id="ds-classes", padding=False, js_on_load=SORT_TABLE)
                        with gr.Tab("Calibration"):
                            calibration = gr.HTML(elem_id="ds-calibration", padding=False)
                with gr.Column(scale=6, min_width=320):
                    _title("Confusions")
                    matrix = plot(
                        "ds-matrix", "Confusion matrix; the list below it has the largest confusions in words"
                    )
                    matrix_note = gr.HTML(padding=False)
                    pair = gr.Dropdown(
                        [(messages.NO_CONFUSION, "")], value="", label=messages.confusions_title(), elem_id="ds-pair"
                    )
                    pair_note = gr.HTML(elem_id="ds-pair-note", padding=False)
            with gr.Row():
                with gr.Column(scale=4, min_width=320):
                    _title("mIoU by frame property")
                    against = gr.Dropdown(
                        [(name, key) for key, name in PROPERTIES.items()],
                        value="missing",
                        label="Share of",
                        elem_id="ds-property",
                    )
                    dots = plot(
                        "ds-scatter", "Frames by the chosen share and by score; the gallery has the same frames"
                    )
                    dots_note = gr.HTML(elem_id="ds-scatter-note", padding=False)
                with gr.Column(scale=6, min_width=320):
                    _title("Worst and best frames")
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
                report = gr.Button("Export report", scale=0, min_width=200, elem_id="ds-report")
                files = gr.Files(label="Report", visible=False, interactive=False, scale=3, elem_id="ds-files")
            report_notice = gr.HTML(elem_id="ds-report-notice", elem_classes="notices", padding=False)
            provenance = gr.HTML(padding=False, elem_id="ds-provenance")
        with gr.Tab("Compare runs", id="runs") as runs_tab:
            runs = build_runs(evaluations, source, finished, runs_tab)
        with gr.Tab("Label audit", id="audit") as audit_tab:
            audit_request = build_audit(evaluations, asked[:2])

    inputs = [*asked, sensor, scene, only, pair, order, against, amount]
    run_outputs = [status, start, cancel, timer, results]
    list_outputs = [gallery_note, gallery, more, listing, amount]
    dot_outputs = [dots, dots_note]
    cell_outputs = [matrix, matrix_note, pair, pair_note, *list_outputs]
    look_outputs = [headline, bars, classes, calibration, *dot_outputs, *cell_outputs]
    first_outputs = [sensor, scene, only, order, against, provenance, files, *look_outputs]
    all_outputs = [*run_outputs, *first_outputs, seen, finished]

    def choice_of(source: str, modality: Any, weights: str, *settings: Any) -> Choice:
        return Choice(evaluations.run(source, modality, weights), evaluations.class_set(source), *settings)

    def refreshed(run: Run, seen: Run | None, visitor: gr.Request) -> list[Any]:
        """Progress, the result if it is there and not on the page yet, the run on the page then, finished runs."""
        progress = evaluations.progress(run, str(visitor.session_hash))
        done = progress.state == "done"
        shown = sections.first(run) if done and seen != run else [gr.skip()] * len(first_outputs)
        names = [evaluations.name(one) for one in evaluations.finished(run.source)]
        return [*sections.run(run, progress), *shown, run if done else None, names]

    @with_notice(len(all_outputs), "The evaluation cannot be shown")
    def on_choose(source: str, modality: Any, weights: str, seen: Run | None, visitor: gr.Request) -> list[Any]:
        return refreshed(evaluations.run(source, modality, weights), seen, visitor)

    @with_notice(len(all_outputs), "The evaluation cannot be shown", cleared=False)
    def on_tick(source: str, modality: Any, weights: str, seen: Run | None, visitor: gr.Request) -> list[Any]:
        return refreshed(evaluations.run(source, modality, weights), seen, visitor)

    @with_notice(len(run_outputs) + 1, "The evaluation was not started")
    def on_start(source: str, modality: Any, weights: str, seen: Run | None, visitor: gr.Request) -> list[Any]:
        run, session = evaluations.run(source, modality, weights), str(visitor.session_hash)
        # Only the result on this visitor's page is discarded; another visitor may have finished it just now.
        evaluations.start(run, session, anew=seen == run)
        status, button, stop, _, column = sections.run(run, evaluations.progress(run, session))
        return [status, button, stop, gr.Timer(active=True), column, None]

    @with_notice(len(run_outputs), "The evaluation was not cancelled")
    def on_cancel(source: str, modality: Any, weights: str, visitor: gr.Request) -> list[Any]:
        run, session = evaluations.run(source, modality, weights), str(visitor.session_hash)
        evaluations.cancel(run, session)
        return sections.run(run, evaluations.progress(run, session))

    @with_notice(len(look_outputs), "The result cannot be shown")
    def on_filter(*values: Any) -> list[Any]:
        return sections.look(replace(choice_of(*values), shown=PAGE))

    @with_notice(len(look_outputs), "The class cannot be shown")
    def on_class(*values: Any) -> list[Any]:
        return sections.look(choice_of(*values).at_cell(None))

    @with_notice(1 + len(look_outputs), "The class cannot be shown")
    def on_bar(where: gr.SelectData, *values: Any) -> list[Any]:
        choice = choice_of(*values)
        name = str(where.value) if chosen_class(where.value, choice.classes) else ALL_CLASSES
        return [name, *sections.look(replace(choice, only=name).at_cell(None))]

    @with_notice(len(cell_outputs), "The confusion cannot be shown")
    def on_pair(*values: Any) -> list[Any]:
        return sections.cells(replace(choice_of(*values), shown=PAGE))

    @with_notice(len(cell_outputs), "The confusion cannot be shown")
    def on_cell(where: gr.SelectData, *values: Any) -> list[Any]:
        choice = choice_of(*values)
        result = evaluations.result(choice.run)
        drawn = HeatMap.of(
            result.matrix(choice.frames(result)), choice.classes, marked_classes(choice.label, choice.cell)
        )
        return sections.cells(choice.at_cell(drawn.at(*where.index)))

    @with_notice(len(dot_outputs), "The plot cannot be drawn")
    def on_property(*values: Any) -> list[Any]:
        return sections.dots(choice_of(*values))

    @with_notice(len(list_outputs), "The frames cannot be listed")
    def on_order(*values: Any) -> list[Any]:
        return sections.listed(replace(choice_of(*values), shown=PAGE))

    @with_notice(len(list_outputs), "The frames cannot be listed")
    def on_more(*values: Any) -> list[Any]:
        choice = choice_of(*values)
        return sections.listed(replace(choice, shown=min(choice.shown + STEP, MOST)))

    def opened(choice: Choice, name: str) -> OpenRequest:
        run = choice.run
        return OpenRequest(
            DatasetFrame(run.source, name),
            (run,),
            (run.weights or inspector.checkpoints.first_name,),
            choice.class_names,
            tuple(choice.listed(evaluations.result(run))),
            choice.order_name,
        )

    @with_notice(1, "The frame was not opened")
    def on_dot(where: gr.SelectData, *values: Any) -> list[Any]:
        choice = choice_of(*values)
        result = evaluations.result(choice.run)
        index = Scatter.of(result, choice.frames(result), choice.against, choice.label).at(*where.index)
        return [gr.skip() if index is None else opened(choice, result.frames[index].name)]

    @with_notice(2, "The frame was not opened")
    def on_frame(where: gr.SelectData, names: list[str], *values: Any) -> list[Any]:
        if not 0 <= int(where.index) < len(names):  # the visitor's list has expired
            return [gr.skip(), gr.skip()]
        return [opened(choice_of(*values), names[int(where.index)]), gr.Gallery(selected_index=None)]

    @with_notice(1, "The report was not written")
    def on_report(source: str, modality: Any, weights: str) -> list[Any]:
        written = write_dataset_report(evaluations, evaluations.run(source, modality, weights))
        return [gr.Files([str(path) for path in written], visible=True)]

    def follow(query: Mapping[str, str], visitor: gr.Request) -> list[Any]:
        problems: list[str] = []

        def one_of(key: str, offered: Iterable[str], usual: str) -> str:
            if query.get(key, usual) in offered:
                return query.get(key, usual)
            problems.append(f"{key} {query[key]!r} is not on offer; there are {', '.join(offered)}.")
            return usual

        name = one_of("data", inspector.readers, families[0])
        modality: Any = one_of("modality", MODALITY_NAMES, "rgbd")
        weights = one_of("weights", inspector.checkpoints.names, inspector.checkpoints.first_name)
        run = evaluations.run(name, modality, weights)
        progress = evaluations.progress(run, str(visitor.session_hash))
        first: list[Any] = [gr.skip()] * len(first_outputs)
        if progress.state == "done":
            choice, more = Choice.of(query, run, evaluations.result(run))
            problems += more
            first = sections.first(run, choice)
        done = [evaluations.name(one) for one in evaluations.finished(name)]
        part = one_of("part", ("result", "runs", "audit"), "result")
        return [
            notice_of("Part of this link could not be opened", " ".join(problems)) if problems else "",
            *[name, *source_updates(inspector, name), modality, weights, gr.Tabs(selected=part)],
            *sections.run(run, progress),
            *[*first, run if progress.state == "done" else None, done],
            *runs.follow(name, query.get("run_a"), query.get("run_b")),
        ]

    followed = [notice, source, family, variant, modality, weights, parts, *all_outputs, *runs.followed]
    named: dict[str, Any] = {
        "data": variant, "modality": modality, "weights": weights, "sensor": sensor, "scene": scene, "class": only,
        "cell": pair, "order": order, "property": against,
    }  # fmt: skip
    usual = {"sensor": ALL_SENSORS, "scene": ALL_SCENES, "class": ALL_CLASSES, "order": WORST}
    changes = [tab.select, *(control.change for control in named.values())]
    gr.on(changes, None, list(named.values()), None, js=address_script("dataset", list(named), usual), **QUIET)
    for part, one in (("", result_tab), ("runs", runs_tab), ("audit", audit_tab)):
        to_part = f"() => {{ window.writeAddress?.({{ part: '{part}' }}, true, 'dataset'); return []; }}"
        one.select(None, None, None, js=to_part, **QUIET)

    latest: dict[str, Any] = {"trigger_mode": "always_last", **PRIVATE}
    timer.tick(on_tick, [*asked, seen], [notice, *all_outputs], trigger_mode="once", **QUIET)
    family.input(lambda name: [name, source_updates(inspector, name)[1]], family, [source, variant], **QUIET)
    variant.input(lambda name: name, variant, source, **QUIET)
    choosing = [source.change, modality.input, weights.input]
    gr.on(choosing, on_choose, [*asked, seen], [notice, *all_outputs], show_progress_on=[status], **latest)
    start.click(on_start, [*asked, seen], [notice, *run_outputs, seen], **QUIET)
    cancel.click(on_cancel, asked, [notice, *run_outputs], **QUIET)
    look: dict[str, Any] = {"show_progress_on": [headline, gallery], **latest}
    gr.on([sensor.input, scene.input], on_filter, inputs, [notice, *look_outputs], **look)
    only.input(on_class, inputs, [notice, *look_outputs], **look)
    gr.on([bars.select, classes.select], on_bar, inputs, [notice, only, *look_outputs], **look)
    pair.input(on_pair, inputs, [notice, *cell_outputs], show_progress_on=[gallery], **latest)
    matrix.select(on_cell, inputs, [notice, *cell_outputs], show_progress_on=[gallery], **latest)
    against.input(on_property, inputs, [notice, *dot_outputs], show_progress_on=[dots], **latest)
    order.input(on_order, inputs, [notice, *list_outputs], show_progress_on=[gallery], **latest)
    more.click(on_more, inputs, [notice, *list_outputs], show_progress_on=[gallery], **PRIVATE)
    dots.select(on_dot, inputs, [notice, open_request], **QUIET)
    gallery.select(on_frame, [listing, *inputs], [notice, open_request, gallery], **QUIET)
    # A button shows no progress, and the files are hidden before: it is shown on the line below them.
    report.click(on_report, asked, [report_notice, files], show_progress_on=[provenance], **PRIVATE)
    return DatasetTab([open_request, audit_request], runs.opened, evaluations, follow, followed)


def _title(text: str) -> None:
    gr.HTML(f'<h2 class="ds-title">{text}</h2>', padding=False)
