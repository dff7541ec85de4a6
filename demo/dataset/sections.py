"""Component updates of the sections of the Data set tab."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from demo.dataset import messages
from demo.dataset.choice import ALL_SCENES, ALL_SENSORS, MOST, WORST, Choice
from demo.dataset.evaluations import Evaluations
from demo.dataset.pictures import pictures
from demo.dataset.plots import scatter
from demo.dataset.progress import Progress, Run
from demo.markup import ALL_CLASSES
from demo.notices import notice
from deresunet.evaluation import report_page
from deresunet.evaluation.calibration import reliability_diagram
from deresunet.evaluation.confusions import heat_map
from deresunet.evaluation.html import notes, table


class Sections:
    """Updates of groups of components.

    Args:
        evaluations: holds the results.
    """

    def __init__(self, evaluations: Evaluations) -> None:
        self.evaluations = evaluations

    def run(self, run: Run, progress: Progress) -> list[Any]:
        """Status, start button, cancel button, timer, column of results."""
        running, done = progress.state in ("waiting", "running"), progress.state == "done"
        labelled = done or running or self.evaluations.has_labels(run.source)
        if not labelled:
            button = gr.Button("Evaluate", variant="primary", interactive=False)
        elif done:
            button = gr.Button("Evaluate again", variant="secondary", interactive=True)
        elif running:
            joined = progress.following or progress.stopping
            button = gr.Button(
                progress.state.capitalize() if joined else "Follow", variant="primary", interactive=not joined
            )
        elif progress.state == "partial":
            button = gr.Button(
                f"Resume ({progress.done:,} of {progress.total:,} done)", variant="primary", interactive=True
            )
        else:
            button = gr.Button(f"Evaluate {progress.total:,} frames", variant="primary", interactive=True)
        failure = notice("The evaluation stopped", progress.failure) if progress.failure else ""
        said = messages.status(run, progress) if labelled else messages.no_labels(run)
        # What was not taken of the folder is said before anything is evaluated without it.
        folder = self.evaluations.run_folder(run)
        said += notes((*self.evaluations.readers[run.source].notices, *folder.notices))
        return [
            failure + said,
            button,
            gr.Button(visible=running and progress.following, interactive=not progress.stopping),
            gr.Timer(active=running or bool(progress.elsewhere)),
            gr.Column(visible=done),
        ]

    def first(self, run: Run, choice: Choice | None = None) -> list[Any]:
        """First look at a result: sensor, room type, class, order, property, provenance, files, then `look`."""
        result = self.evaluations.result(run)
        choice = choice or Choice(run, result.class_set, against=result.first_property)
        names = [result.class_set.display_names[k] for k in np.flatnonzero(result.evaluation.frames_with)]
        sensors, scenes = result.groups("sensor"), result.groups("scene")
        return [
            gr.Dropdown([ALL_SENSORS, *_counted(sensors)], value=choice.sensor, visible=len(sensors) > 1),
            gr.Dropdown([ALL_SCENES, *_counted(scenes)], value=choice.scene, visible=len(scenes) > 1),
            gr.Dropdown([ALL_CLASSES, *sorted(names)], value=choice.only),
            choice.order,
            choice.against,
            report_page.provenance(result.evaluation, result.source),
            gr.Files(value=None, visible=False),
            *self.look(choice),
        ]

    def look(self, choice: Choice) -> list[Any]:
        """Headline, bars, table of classes, reliability diagram, then `dots`, then `cells`."""
        result = self.evaluations.result(choice.run)
        whole, part = result.evaluation, result.part(choice.frames(result))
        return [
            report_page.headline(part, choice.label, whole.frames) + report_page.left_out(whole),
            report_page.class_bars(part, choice.label, whole.frames_with > 0),
            table(
                report_page.class_table(part),
                caption="from, to: bootstrap confidence interval of IoU",
                classes=result.class_set,
            ),
            reliability_diagram(part.reliability),
            *self.dots(choice),
            *self.cells(choice),
        ]

    def dots(self, choice: Choice) -> list[Any]:
        """Scatter plot and its caption."""
        result = self.evaluations.result(choice.run)
        chosen = choice.frames(result)
        return [
            scatter(result, chosen, choice.against, choice.label),
            messages.scatter_note(result, chosen, choice.against, choice.label),
        ]

    def cells(self, choice: Choice) -> list[Any]:
        """Confusion matrix, its caption, list of confusions, sentence on the chosen one, then `listed`."""
        result = self.evaluations.result(choice.run)
        chosen = choice.frames(result)
        pooled = result.matrix(chosen)
        choices = messages.confusion_choices(pooled, result.class_set, choice.label)
        if choice.pair not in [value for _, value in choices]:
            choices.insert(1, (str(choice.cell), choice.pair))
        return [
            heat_map(pooled, result.class_set, choice.label, choice.cell),
            report_page.matrix_note(result.evaluation),
            gr.Dropdown(choices, value=choice.pair, label=messages.confusions_title(result.class_set, choice.label)),
            messages.cell_note(result, chosen, choice.cell),
            *self.listed(choice),
        ]

    def listed(self, choice: Choice) -> list[Any]:
        """Caption of the gallery, gallery, button for more, names of its frames, number of frames asked for."""
        result = self.evaluations.result(choice.run)
        chosen, cell = choice.frames(result), choice.cell
        if cell is None:
            listed = result.ranked(chosen, choice.label, choice.order == WORST)
        else:
            listed = result.confused(chosen, cell)
        here = listed[: choice.shown]
        drawn = pictures(self.evaluations, choice.run, [frame.name for frame in here], choice.focus)
        captions = {frame.name: f"{frame.name} · {frame.caption}" for frame in here}
        return [
            messages.gallery_note(len(listed), len(drawn), choice.focus, result.class_set),
            gr.Gallery([(path, captions[name]) for name, path in drawn.items()], selected_index=None),
            gr.Button(visible=len(here) < min(len(listed), MOST)),
            list(drawn),
            choice.shown,
        ]


def _counted(groups: dict[str, int]) -> list[tuple[str, str]]:
    return [(f"{name} ({frames:,})", name) for name, frames in groups.items()]
