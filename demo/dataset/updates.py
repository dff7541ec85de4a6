"""What the components of the data set's tab become. Plain functions over what the visitor has chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np

from demo import markup
from demo.dataset import views as told
from demo.dataset.evaluations import Evaluations, Progress, Request
from demo.dataset.pictures import Focus, Pictures
from demo.dataset.plots import heat_map, scatter
from demo.dataset.result import TRAITS, Confusion, DatasetResult, Trait
from demo.notices import notice
from deresunet.classes import DISPLAY_NAMES
from deresunet.inference.preprocessing import Modality

ALL_SENSORS, ALL_SCENES = "all sensors", "all scenes"
WORST, BEST = "worst first", "best first"
TRAIT_CHOICES = [(name, trait) for trait, name in TRAITS.items()]
# Frames in the gallery: at first, more at a click, at most.
PAGE, STEP, MOST = 6, 12, 48


@dataclass(frozen=True)
class Choice:
    """What the visitor has set, in the order of the tab's inputs.

    Attributes:
        source: data set.
        modality: what the network is given.
        sensor: a camera, or `ALL_SENSORS`.
        scene: a type of room, or `ALL_SCENES`.
        only: display name of a class, or `markup.ALL_CLASSES`.
        pair: "3,7" for a cell of the matrix, or "".
        order: `WORST` or `BEST`.
        trait: what the scatter holds scores against.
        shown: frames in the gallery.
    """

    source: str
    modality: Modality
    sensor: str = ALL_SENSORS
    scene: str = ALL_SCENES
    only: str = markup.ALL_CLASSES
    pair: str = ""
    order: str = WORST
    trait: Trait = "missing"
    shown: int = PAGE

    @property
    def request(self) -> Request:
        """Which evaluation."""
        return Request(self.source, self.modality)

    @property
    def label(self) -> int | None:
        """The class 1..37, or None for all."""
        return markup.chosen_class(self.only)

    @property
    def cell(self) -> Confusion | None:
        """The cell of the matrix, or None."""
        return told.chosen_confusion(self.pair)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Display names of the classes that the pictures are about: a confusion's pair, or the class."""
        labels = (self.cell.truth, self.cell.prediction) if self.cell else (self.label,) if self.label else ()
        return tuple(dict.fromkeys(DISPLAY_NAMES[label - 1] for label in labels))

    @property
    def focus(self) -> Focus:
        """What the gallery's pictures are about: a cell goes before a class."""
        return self.cell or self.label

    def at_cell(self, cell: Confusion | None) -> Choice:
        """The same with a cell of the matrix, or with none."""
        return replace(self, pair="" if cell is None else f"{cell.truth},{cell.prediction}", shown=PAGE)

    def frames(self, result: DatasetResult) -> np.ndarray:
        """The frames that the filters let through, int64 (n,)."""
        sensor = "" if self.sensor == ALL_SENSORS else self.sensor
        return result.choose(sensor, "" if self.scene == ALL_SCENES else self.scene)


class DatasetUpdates:
    """Values and properties for groups of components.

    Args:
        evaluations: whose results are shown.
        pictures: that draw their frames.
    """

    def __init__(self, evaluations: Evaluations, pictures: Pictures) -> None:
        self.evaluations = evaluations
        self.pictures = pictures

    def run(self, request: Request, progress: Progress) -> list[Any]:
        """Status, start button, cancel button, timer, column of results."""
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
        failure = notice("The evaluation stopped", progress.failure) if progress.failure else ""
        return [
            failure + told.status(request, progress),
            button,
            gr.Button(visible=running and progress.following, interactive=not progress.stopping),
            gr.Timer(active=running or bool(progress.elsewhere)),
            gr.Column(visible=done),
        ]

    def first(self, request: Request) -> list[Any]:
        """A result as it is first seen: sensor, scene, class, order, trait, provenance, files, then `look`."""
        result = self.evaluations.result(request)
        names = [DISPLAY_NAMES[k] for k in np.flatnonzero(result.frames_with(result.choose()))]
        sensors, scenes = result.groups("sensor"), result.groups("scene")
        return [
            gr.Dropdown([ALL_SENSORS, *_counted(sensors)], value=ALL_SENSORS, visible=len(sensors) > 1),
            gr.Dropdown([ALL_SCENES, *_counted(scenes)], value=ALL_SCENES, visible=len(scenes) > 1),
            gr.Dropdown([markup.ALL_CLASSES, *sorted(names)], value=markup.ALL_CLASSES),
            WORST,
            result.trait,
            told.provenance(result),
            gr.Files(value=None, visible=False),
            *self.look(Choice(request.source, request.modality, trait=result.trait)),
        ]

    def look(self, choice: Choice) -> list[Any]:
        """Headline, bars, then `dots`, then `cells`."""
        result = self.evaluations.result(choice.request)
        chosen = choice.frames(result)
        return [
            told.headline(result, chosen, choice.label) + told.left_out(result),
            told.class_bars(result, chosen, choice.label, clickable=True),
            *self.dots(choice),
            *self.cells(choice),
        ]

    def dots(self, choice: Choice) -> list[Any]:
        """Scatter, and what it says."""
        result = self.evaluations.result(choice.request)
        chosen = choice.frames(result)
        return [
            scatter(result, chosen, choice.trait, choice.label),
            told.scatter_note(result, chosen, choice.trait, choice.label),
        ]

    def cells(self, choice: Choice) -> list[Any]:
        """Heat map, list of confusions, the chosen one in words, then `listed`."""
        result = self.evaluations.result(choice.request)
        chosen = choice.frames(result)
        pooled = result.matrix(chosen)
        choices = told.confusion_choices(pooled, choice.label)
        if choice.pair not in [value for _, value in choices]:
            choices.insert(1, (str(choice.cell), choice.pair))
        return [
            heat_map(pooled, choice.label, choice.cell),
            gr.Dropdown(choices, value=choice.pair),
            told.cell_note(result, chosen, choice.cell),
            *self.listed(choice),
        ]

    def listed(self, choice: Choice) -> list[Any]:
        """Note of the gallery, gallery, button for more, names of its frames, how many are wanted."""
        result = self.evaluations.result(choice.request)
        chosen, cell = choice.frames(result), choice.cell
        if cell is None:
            listed = result.ranked(chosen, choice.label, choice.order == WORST)
        else:
            listed = result.confused(chosen, cell)
        here = listed[: choice.shown]
        paths = self.pictures.files(choice.request, [frame.name for frame in here], choice.focus)
        drawn = [(frame, path) for frame, path in zip(here, paths, strict=True) if path is not None]
        return [
            told.gallery_note(len(listed), len(drawn), choice.focus),
            gr.Gallery([(path, f"{frame.name} · {frame.said}") for frame, path in drawn], selected_index=None),
            gr.Button(visible=len(here) < min(len(listed), MOST)),
            [frame.name for frame, _ in drawn],
            choice.shown,
        ]


def _counted(groups: dict[str, int]) -> list[tuple[str, str]]:
    return [(f"{name} ({frames:,})", name) for name, frames in groups.items()]
