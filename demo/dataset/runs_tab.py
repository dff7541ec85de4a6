"""The part of the Data set tab that puts two runs side by side: its components and handlers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gradio as gr

from demo.components import PRIVATE, QUIET
from demo.dataset import runs
from demo.dataset.evaluations import Evaluations
from demo.dataset.progress import OpenRequest, Run
from demo.downloads import KEEP_SECONDS, handed_out
from demo.inspector import DatasetFrame
from demo.markup import SORT_TABLE
from demo.notices import with_notice
from deresunet.errors import InputError
from deresunet.evaluation import comparison_page
from deresunet.evaluation.comparison import Comparison, compare
from deresunet.evaluation.confusions import shift_map
from deresunet.evaluation.html import html_page, table

# Puts the two runs into the address once they are compared; see demo/address.js.
_TO_ADDRESS = "(a, b) => { window.writeAddress?.({ run_a: a, run_b: b }, true, 'dataset'); return []; }"


class Comparisons:
    """Comparisons of finished runs.

    Args:
        evaluations: holds the runs.
    """

    def __init__(self, evaluations: Evaluations) -> None:
        self.evaluations = evaluations
        self._compared = lru_cache(maxsize=4)(self._compare)

    def of(self, a: Run, b: Run) -> Comparison:
        """Compare run B with run A, both finished.

        Raises:
            InputError: a run is not finished, or both are the same.
        """
        if a == b:
            raise InputError("A and B are the same run. Choose two.")
        times = tuple(self.evaluations.run_folder(run).finished_at for run in (a, b))
        return self._compared(a, b, times)

    def _compare(self, a: Run, b: Run, times: tuple[float, ...]) -> Comparison:
        first, second = (self.evaluations.result(run).evaluation for run in (a, b))
        return compare(first, second, (self.evaluations.name(a), self.evaluations.name(b)))


@dataclass(frozen=True)
class RunsTab:
    """Components that the rest of the Data set tab needs.

    Attributes:
        opened: state: an `OpenRequest`, or None at first; its `change` fires at each click on a frame.
        follow: handler that compares the runs of two names over a data set, or clears the comparison for None.
        followed: components that `follow` updates.
    """

    opened: gr.State
    follow: Callable[[str, str | None, str | None], list[Any]]
    followed: list[Any]


def build_runs(evaluations: Evaluations, source: gr.State, finished: gr.State, tab: gr.Tab) -> RunsTab:
    """Lay out the comparison of two runs inside the page's current context.

    Args:
        evaluations: holds the runs.
        source: state: name of the data set.
        finished: state: names of the finished runs over the data set; the lists are renewed when it changes.
        tab: the tab around it; the lists are renewed when it is opened, too.
    """
    comparisons = Comparisons(evaluations)
    asked = gr.State(None, time_to_live=KEEP_SECONDS)
    chosen_once = gr.State(False, time_to_live=KEEP_SECONDS)  # whether the visitor chose or compared the runs
    gr.HTML(
        '<p class="soft">Every finished evaluation is kept as a run, by weights or predictions and modality. '
        'Evaluate two, and compare them here.</p><p class="soft">Predictions of another network are on offer '
        "under Weights if the server was started with them: <code>python app.py --data DIR --predictions "
        "NAME=DIR</code>, with a folder of label PNGs that are named as the frames.</p>",
        padding=False,
    )
    every = gr.HTML(elem_id="ds-all-runs", padding=False, js_on_load=SORT_TABLE)
    with gr.Row(elem_classes="ds-filters"):
        a = gr.Dropdown([], label="Run A", min_width=240, elem_id="ds-run-a")
        b = gr.Dropdown([], label="Run B", min_width=240, elem_id="ds-run-b")
        start = gr.Button("Compare runs", variant="primary", scale=0, min_width=160, elem_id="ds-compare")
        export = gr.Button("Export report", scale=0, min_width=160, elem_id="ds-compare-report")
    notice = gr.HTML(elem_id="ds-compare-notice", elem_classes="notices", padding=False)
    files = gr.Files(label="Report", visible=False, interactive=False, elem_id="ds-compare-files")
    with gr.Column(visible=False) as box:
        summary = gr.HTML(elem_id="ds-compare-summary", padding=False)
        gr.HTML(
            '<p class="soft">Click a frame to open it in Compare, with both runs\' weights and modalities.</p>',
            padding=False,
        )
        with gr.Row():
            with gr.Column(min_width=320):
                won = gr.HTML(elem_id="ds-won", padding=False, js_on_load=runs.PICK_FRAME)
            with gr.Column(min_width=320):
                lost = gr.HTML(elem_id="ds-lost", padding=False, js_on_load=runs.PICK_FRAME)
        with gr.Row():
            with gr.Column(scale=5, min_width=320):
                classes = gr.HTML(elem_id="ds-compare-classes", padding=False, js_on_load=SORT_TABLE)
            with gr.Column(scale=4, min_width=320):
                shift = gr.Image(
                    label=comparison_page.SHIFT_CAPTION,
                    format="png",
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    alt_text="Difference of the confusion matrices as shares of each ground-truth class",
                    elem_id="ds-shift",
                )

    def requests(source: str) -> dict[str, Run]:
        return {evaluations.name(run): run for run in evaluations.finished(source)}

    def chosen(source: str, name_a: str | None, name_b: str | None) -> tuple[Run, Run]:
        offered = requests(source)
        if len(offered) < 2:
            raise InputError("Two finished runs over this data set are needed. Evaluate it with two settings first.")
        if name_a not in offered or name_b not in offered:
            raise InputError("Choose run A and run B from the lists.")
        return offered[name_a], offered[name_b]

    def run_table(offered: dict[str, Run]) -> str:
        """All finished runs of a data set, as HTML; "" for fewer than two."""
        if len(offered) < 2:
            return ""
        found = {name: evaluations.result(run).evaluation for name, run in offered.items()}
        caption = f"All runs over this data set; from and to: {next(iter(found.values())).intervals.method}"
        return table(comparison_page.run_table(found), caption=caption)

    @with_notice(3, "The runs cannot be listed", cleared=False)
    def on_list(source: str, name_a: str | None, name_b: str | None, stay: bool) -> list[Any]:
        offered = requests(source)
        kept = (offered.get(name or "") if stay else None for name in (name_a, name_b))
        names = list(offered)[::-1]  # the earliest first
        lists = [
            gr.Dropdown(names, value=None if one is None else evaluations.name(one))
            for one in runs.preselected(list(offered.values()), *kept)
        ]
        return [run_table(offered), *lists]

    @with_notice(7, "The runs were not compared")
    def on_compare(source: str, name_a: str | None, name_b: str | None) -> list[Any]:
        found = comparisons.of(*chosen(source, name_a, name_b))
        return [
            gr.Column(visible=True),
            comparison_page.summary(found),
            comparison_page.frame_list("Frames won by B", found.won, clickable=True),
            comparison_page.frame_list("Frames lost by B", found.lost, clickable=True),
            table(
                comparison_page.class_table(found),
                comparison_page.SIGNED,
                comparison_page.CLASSES_CAPTION,
                found.class_set,
            ),
            shift_map(found.confusion_shift, found.matrices[0] + found.matrices[1], found.class_set),
            gr.Files(value=None, visible=False),
        ]

    @with_notice(1, "The report was not written")
    def on_export(source: str, name_a: str | None, name_b: str | None) -> list[Any]:
        found = comparisons.of(*chosen(source, name_a, name_b))
        page = html_page(
            f"{found.names[1]} against {found.names[0]}: {source}", comparison_page.comparison_sections(found)
        )
        described = json.dumps({"data": source, **found.as_dict()}, indent=2, allow_nan=False)
        written = {"comparison.html": page, "comparison.json": described}
        return [gr.Files([handed_out(name, text.encode()) for name, text in written.items()], visible=True)]

    @with_notice(1, "The frame was not opened", cleared=False)
    def on_frame(where: gr.SelectData, source: str, name_a: str | None, name_b: str | None) -> list[Any]:
        first, second = chosen(source, name_a, name_b)
        found = comparisons.of(first, second)
        for frames, order in ((found.won, "most won by B first"), (found.lost, "most lost by B first")):
            names = tuple(one.name for one in frames)
            if where.value in names:
                frame = DatasetFrame(source, str(where.value))
                first_name = evaluations.checkpoints.first_name
                weights = (first.weights or first_name, second.weights or first_name)
                return [OpenRequest(frame, (first, second), weights, listed=names, order=order)]
        raise InputError("This frame is not in the comparison any more. Compare the runs again.")

    def follow(source: str, name_a: str | None, name_b: str | None) -> list[Any]:
        names = list(requests(source))[::-1]
        compared = on_compare(source, name_a, name_b) if name_a or name_b else ["", *[gr.skip()] * 7]
        if not (name_a or name_b):
            compared[1] = gr.Column(visible=False)
        lists = [gr.Dropdown(names, value=name if name in names else None) for name in (name_a, name_b)]
        return [*lists, bool(name_a or name_b), *compared]

    controls = [source, a, b]
    gr.on(
        [tab.select, source.change, finished.change], on_list, [*controls, chosen_once], [notice, every, a, b], **QUIET
    )
    gr.on([a.input, b.input, start.click, export.click], lambda: True, None, chosen_once, **QUIET)
    outputs = [notice, box, summary, won, lost, classes, shift, files]
    start.click(on_compare, controls, outputs, show_progress_on=[notice], **PRIVATE)
    start.click(None, [a, b], None, js=_TO_ADDRESS, **QUIET)
    export.click(on_export, controls, [notice, files], show_progress_on=[notice], **PRIVATE)
    gr.on([won.select, lost.select], on_frame, controls, [notice, asked], **QUIET)
    return RunsTab(asked, follow, [a, b, chosen_once, *outputs])
