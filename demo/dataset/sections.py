"""Component updates of the sections of the Data set tab."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from demo.dataset import messages
from demo.dataset.choice import ALL_SCENES, ALL_SENSORS, MOST, WORST, Choice
from demo.dataset.evaluations import Evaluations
from demo.dataset.pictures import pictures
from demo.dataset.plots import heat_map, scatter
from demo.dataset.progress import Progress, Request
from demo.markup import ALL_CLASSES, table
from demo.notices import notice


class Sections:
    """Updates of groups of components.

    Args:
        evaluations: holds the results.
    """

    def __init__(self, evaluations: Evaluations) -> None:
        self.evaluations = evaluations

    def run(self, request: Request, progress: Progress) -> list[Any]:
        """Status, start button, cancel button, timer, column of results."""
        running, done = progress.state == "running", progress.state == "done"
        labelled = done or running or self.evaluations.has_labels(request.source)
        if not labelled:
            button = gr.Button("Evaluate", variant="primary", interactive=False)
        elif done:
            button = gr.Button("Evaluate again", variant="secondary", interactive=True)
        elif running:
            joined = progress.following or progress.stopping
            button = gr.Button("Running" if joined else "Follow", variant="primary", interactive=not joined)
        elif progress.state == "partial":
            button = gr.Button(
                f"Resume ({progress.done:,} of {progress.total:,} done)", variant="primary", interactive=True
            )
        else:
            button = gr.Button(f"Evaluate {progress.total:,} frames", variant="primary", interactive=True)
        failure = notice("The evaluation stopped", progress.failure) if progress.failure else ""
        said = messages.status(request, progress) if labelled else messages.no_labels(request)
        # What was not taken of the folder is said before anything is evaluated without it.
        noticed = self.evaluations.run_folder(request).notices
        said += messages.remarks((*self.evaluations.readers[request.source].notices, *noticed))
        return [
            failure + said,
            button,
            gr.Button(visible=running and progress.following, interactive=not progress.stopping),
            gr.Timer(active=running or bool(progress.elsewhere)),
            gr.Column(visible=done),
        ]

    def first(self, request: Request, choice: Choice | None = None) -> list[Any]:
        """First look at a result: sensor, room type, class, order, property, provenance, files, then `look`."""
        result = self.evaluations.result(request)
        choice = choice or Choice(request, result.class_set, against=result.first_property)
        names = [result.class_set.display_names[k] for k in np.flatnonzero(result.frames_with(result.choose()))]
        sensors, scenes = result.groups("sensor"), result.groups("scene")
        return [
            gr.Dropdown([ALL_SENSORS, *_counted(sensors)], value=choice.sensor, visible=len(sensors) > 1),
            gr.Dropdown([ALL_SCENES, *_counted(scenes)], value=choice.scene, visible=len(scenes) > 1),
            gr.Dropdown([ALL_CLASSES, *sorted(names)], value=choice.only),
            choice.order,
            choice.against,
            messages.provenance(result),
            gr.Files(value=None, visible=False),
            *self.look(choice),
        ]

    def look(self, choice: Choice) -> list[Any]:
        """Headline, bars, table of classes, then `dots`, then `cells`."""
        result = self.evaluations.result(choice.request)
        chosen = choice.frames(result)
        return [
            messages.headline(result, chosen, choice.label) + messages.left_out(result),
            messages.class_bars(result, chosen, choice.label, clickable=True),
            table(
                messages.class_table(result, chosen),
                caption="from, to: bootstrap confidence interval of IoU",
                classes=result.class_set,
            ),
            *self.dots(choice),
            *self.cells(choice),
        ]

    def dots(self, choice: Choice) -> list[Any]:
        """Scatter plot and its caption."""
        result = self.evaluations.result(choice.request)
        chosen = choice.frames(result)
        return [
            scatter(result, chosen, choice.against, choice.label),
            messages.scatter_note(result, chosen, choice.against, choice.label),
        ]

    def cells(self, choice: Choice) -> list[Any]:
        """Confusion matrix, list of confusions, sentence on the chosen one, then `listed`."""
        result = self.evaluations.result(choice.request)
        chosen = choice.frames(result)
        pooled = result.matrix(chosen)
        choices = messages.confusion_choices(pooled, result.class_set, choice.label)
        if choice.pair not in [value for _, value in choices]:
            choices.insert(1, (str(choice.cell), choice.pair))
        return [
            heat_map(pooled, result.class_set, choice.label, choice.cell),
            gr.Dropdown(choices, value=choice.pair, label=messages.confusions_title(result.class_set, choice.label)),
            messages.cell_note(result, chosen, choice.cell),
            *self.listed(choice),
        ]

    def listed(self, choice: Choice) -> list[Any]:
        """Caption of the gallery, gallery, button for more, names of its frames, number of frames asked for."""
        result = self.evaluations.result(choice.request)
        chosen, cell = choice.frames(result), choice.cell
        if cell is None:
            listed = result.ranked(chosen, choice.label, choice.order == WORST)
        else:
            listed = result.confused(chosen, cell)
        here = listed[: choice.shown]
        drawn = pictures(self.evaluations, choice.request, [frame.name for frame in here], choice.focus)
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
