"""Settings of the Data set tab's controls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from demo.dataset.messages import chosen_confusion
from demo.dataset.pictures import Focus
from demo.dataset.progress import Run
from demo.dataset.result import PROPERTIES, DatasetResult, FrameProperty
from demo.markup import ALL_CLASSES, chosen_class
from deresunet.classes import ClassSet
from deresunet.evaluation.confusions import Confusion

ALL_SENSORS, ALL_SCENES = "all sensors", "all room types"
WORST, BEST = "worst first", "best first"
# Frames in the gallery: at first, more at a click, at most.
PAGE, STEP, MOST = 6, 12, 48


@dataclass(frozen=True)
class Choice:
    """Settings of the controls.

    Attributes:
        run: evaluation whose result is shown.
        classes: the N classes of its ground truth.
        sensor: a camera, or `ALL_SENSORS`.
        scene: a room type, or `ALL_SCENES`.
        only: display name of a class, or `markup.ALL_CLASSES`.
        pair: "3,7" for a cell of the confusion matrix, or "".
        order: `WORST` or `BEST`.
        against: property that the scatter plots scores against.
        shown: number of frames in the gallery.
    """

    run: Run
    classes: ClassSet
    sensor: str = ALL_SENSORS
    scene: str = ALL_SCENES
    only: str = ALL_CLASSES
    pair: str = ""
    order: str = WORST
    against: FrameProperty = "missing"
    shown: int = PAGE

    @classmethod
    def of(cls, query: Mapping[str, str], run: Run, result: DatasetResult) -> tuple[Choice, list[str]]:
        """The settings that the query of an address asks for, and a sentence about each that cannot be used."""
        problems = []

        def one_of(key: str, offered: Iterable[str], usual: str) -> str:
            asked = query.get(key, usual)
            if asked in (usual, *offered):
                return asked
            problems.append(f"{key} {asked!r} is not in this result.")
            return usual

        names = [result.class_set.display_names[k] for k in np.flatnonzero(result.evaluation.frames_with)]
        labels = range(1, len(result.class_set) + 2)  # the last column: predictions of none of the classes
        return cls(
            run,
            result.class_set,
            one_of("sensor", result.groups("sensor"), ALL_SENSORS),
            one_of("scene", result.groups("scene"), ALL_SCENES),
            one_of("class", names, ALL_CLASSES),
            one_of("cell", [f"{truth},{prediction}" for truth in labels for prediction in labels], ""),
            one_of("order", (BEST,), WORST),
            one_of("property", PROPERTIES, result.first_property),  # type: ignore[arg-type]
        ), problems

    @property
    def label(self) -> int | None:
        """The class 1..N, or None for all."""
        return chosen_class(self.only, self.classes)

    @property
    def cell(self) -> Confusion | None:
        """The cell of the confusion matrix, or None."""
        return chosen_confusion(self.pair, self.classes)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Display names of the classes that the pictures show: a confusion's pair, or the chosen class."""
        labels = (self.cell.truth, self.cell.prediction) if self.cell else (self.label,) if self.label else ()
        return tuple(dict.fromkeys(self.classes.display_name(k) for k in labels if k <= len(self.classes)))

    @property
    def focus(self) -> Focus:
        """Subject of the gallery's pictures: a cell goes before a class."""
        return self.cell or self.label

    @property
    def order_name(self) -> str:
        """Order of the gallery's list in words, such as "worst first by mIoU"."""
        if self.cell is not None:
            return f"most {self.cell} first"
        return f"{self.order} by {'mIoU' if self.label is None else f'IoU of {self.only}'}"

    def at_cell(self, cell: Confusion | None) -> Choice:
        """These settings with another cell of the confusion matrix, or with none."""
        return replace(self, pair="" if cell is None else f"{cell.truth},{cell.prediction}", shown=PAGE)

    def frames(self, result: DatasetResult) -> np.ndarray:
        """The frames that pass the filters, int64 (n,)."""
        sensor = "" if self.sensor == ALL_SENSORS else self.sensor
        return result.choose(sensor, "" if self.scene == ALL_SCENES else self.scene)

    def listed(self, result: DatasetResult) -> list[str]:
        """Names of all frames of the gallery's list, in order."""
        chosen, cell = self.frames(result), self.cell
        if cell is not None:
            return [frame.name for frame in result.confused(chosen, cell)]
        return [frame.name for frame in result.ranked(chosen, self.label, self.order == WORST)]
