"""The data set's tab over class sets of 2 to 150 classes: charts, matrix, search, pictures, report."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from synthetic_dataset import COUNT, KnownPredictor, SyntheticReader

from demo.dataset.choice import Choice
from demo.dataset.evaluations import Evaluations
from demo.dataset.pictures import pictures
from demo.dataset.progress import Run
from demo.dataset.sections import Sections
from demo.networks import Checkpoints
from demo.report.dataset import write_dataset_report
from deresunet.classes import BUILT_IN, SUNRGBD37, ClassSet
from deresunet.evaluation import report_page
from deresunet.evaluation.confusions import Confusion, HeatMap, heat_map, marked_classes, most_confused

REQUEST = Run("synthetic", "rgbd", "")
SETS = {
    2: ClassSet("two", ("thing", "rest")),
    13: BUILT_IN["nyu13"],
    40: BUILT_IN["nyu40"],
    150: BUILT_IN["ade20k150"],
}


def evaluated(evaluations: Evaluations, request: Run = REQUEST) -> str:
    """Run to the end; the failure it ended with, or ""."""
    evaluations.start(request, "me")
    while evaluations.progress(request, "me").state in ("waiting", "running"):
        time.sleep(0.01)
    return evaluations.progress(request, "me").failure


@pytest.fixture(params=SETS, ids=str)
def evaluations(request: pytest.FixtureRequest, tmp_path: Path) -> Evaluations:
    reader = SyntheticReader(class_set=SETS[request.param])
    made = Evaluations(Checkpoints(KnownPredictor(reader)), {"synthetic": reader}, tmp_path)
    assert evaluated(made) == ""
    return made


def test_charts_matrix_and_report_follow_the_class_set(evaluations: Evaluations, tmp_path: Path) -> None:
    classes = evaluations.class_set("synthetic")
    result = evaluations.result(REQUEST)
    everything = result.choose()
    pooled = result.matrix(everything)
    assert pooled.shape == (len(classes), len(classes) + 1)
    sections = Sections(evaluations)
    first = sections.first(REQUEST)
    here = {classes.display_names[k] for k in np.flatnonzero(result.evaluation.frames_with)}
    assert {value for _, value in first[2].choices} == {"all classes", *here}, "the class filter has all that occur"
    bars = report_page.class_bars(result.evaluation, offered=result.evaluation.frames_with > 0)
    shown = min(len(classes), 40)
    assert bars.count('class="track"') == shown + 1
    assert (f"{shown} of {len(classes)} classes, those with most pixels" in bars) == (len(classes) > 40)
    assert len(report_page.class_table(result.evaluation)) == len(here)
    layout = HeatMap.of(pooled, classes)
    assert len(layout.rows) == min(len(here), 40)
    assert heat_map(pooled, classes).size == layout.size
    assert max(layout.size) < 1400, "readable without scrolling far"
    written = write_dataset_report(evaluations, REQUEST)
    page = next(path for path in written if path.suffix == ".html").read_text()
    assert classes.title in page
    assert f"argmax over {len(classes)} classes" in page


def test_a_class_with_few_pixels_is_found_by_search(tmp_path: Path) -> None:
    classes = SETS[150]
    reader = SyntheticReader(class_set=classes)
    evaluations = Evaluations(Checkpoints(KnownPredictor(reader)), {"synthetic": reader}, tmp_path)
    assert evaluated(evaluations) == ""
    result = evaluations.result(REQUEST)
    everything = result.choose()
    pooled = result.matrix(everything)
    rare = next(k for k in range(150, 0, -1) if k not in HeatMap.of(pooled, classes).rows and pooled[k - 1].any())
    choice = Choice(REQUEST, classes, only=classes.display_name(rare))
    assert choice.label == rare
    assert rare in HeatMap.of(pooled, classes, marked_classes(rare, None)).rows
    assert classes.display_name(rare) in report_page.class_bars(result.evaluation, rare)
    assert len(result.ranked(everything, rare)) == COUNT
    updates = Sections(evaluations).look(choice)
    assert updates


def test_confusions_are_told_and_found_on_the_picture(evaluations: Evaluations) -> None:
    classes = evaluations.class_set("synthetic")
    result = evaluations.result(REQUEST)
    pooled = result.matrix(result.choose())
    (cell, _), *_ = most_confused(pooled, classes)
    layout = HeatMap.of(pooled, classes, marked_classes(None, cell))
    assert layout.at(*layout.centre(cell)) == cell
    assert classes.display_name(cell.prediction) in result.describe(result.choose(), cell)


def test_predictions_of_none_of_the_classes_have_a_column_of_their_own(tmp_path: Path) -> None:
    """A network of NYU's 40 classes over SUN RGB-D's 37: beds come out as other furniture."""

    class Foreign(KnownPredictor):
        def __call__(self, frame, modality="rgbd"):
            prediction = super().__call__(frame, modality)
            prediction.label[(frame.label == 4)] = 39
            return prediction

    reader = SyntheticReader()
    reader.class_set = BUILT_IN["nyu40"]  # the network's
    network = Foreign(reader)
    reader.class_set = SUNRGBD37
    evaluations = Evaluations(Checkpoints(network), {"synthetic": reader}, tmp_path / "runs")
    assert evaluated(evaluations) == ""
    result = evaluations.result(REQUEST)
    assert result.evaluation.scores.outside > 0
    cell = Confusion(4, 38, result.class_set)
    assert str(cell) == "bed predicted as none of these"
    everything = result.choose()
    assert cell in [one for one, _ in most_confused(result.matrix(everything), result.class_set)]
    listed = result.confused(everything, cell)
    names = [one.name for one in listed[:2]]
    assert list(pictures(evaluations, REQUEST, names, cell)) == names
    assert "predicted as none of the ground truth" in report_page.headline(result.evaluation)


def test_moved_labels_are_refused_again_where_frames_were_left(tmp_path: Path) -> None:
    """The page's evaluation finds its first frames done, and must not take them for checked."""

    class Moved(SyntheticReader):
        def read(self, name):
            frame = super().read(name)
            frame.label[:] = np.where(frame.label > 1, frame.label - 1, 0)
            return frame

    reader = Moved()
    right = SyntheticReader()

    class Right(KnownPredictor):
        def __call__(self, frame, modality="rgbd"):
            return super().__call__(right.read(frame.name), modality)

    evaluations = Evaluations(Checkpoints(Right(right)), {"synthetic": reader}, tmp_path)
    for _ in range(2):
        assert "Pass --label-offset 1" in evaluated(evaluations)
        assert not evaluations.run_folder(REQUEST).finished
    assert evaluations.progress(REQUEST).done > 0, "frames before the check are kept"
