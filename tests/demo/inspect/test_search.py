"""Frames by name, sensor, room type and class, in the order of names and of mIoU."""

from __future__ import annotations

import time

import numpy as np
import pytest
from synthetic_dataset import BED, COUNT, KnownPredictor, SyntheticReader

from demo.dataset.evaluations import Evaluations
from demo.dataset.progress import Run
from demo.inspect import search as module
from demo.inspect.search import AS_LISTED, BEST, BY_NAME, WORST, FrameSearch
from demo.inspector import Inspector
from demo.markup import ALL_CLASSES

SOURCE = "synthetic"


@pytest.fixture
def search(tmp_path):
    reader = SyntheticReader()
    inspector = Inspector(KnownPredictor(reader), {SOURCE: reader})
    return FrameSearch(inspector, Evaluations(inspector.checkpoints, inspector.readers, tmp_path))


def evaluated(search):
    search.evaluations.start(Run(SOURCE), "someone")
    end = time.monotonic() + 30
    while search.evaluations.progress(Run(SOURCE)).state != "done":
        assert time.monotonic() < end
        time.sleep(0.01)
    return search.evaluations.result(Run(SOURCE))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", range(COUNT)),
        ("0004", [4]),
        ("BEDROOM", range(0, COUNT, 3)),
        ("kv2 bedroom", [3, 9]),
        ("kv1 bedroom", [0, 3, 6, 12]),
        ("zebra", []),
    ],
)
def test_words_are_looked_for_in_name_sensor_and_room_type(search, text, expected):
    names = search.inspector.names(SOURCE)
    assert search.find(SOURCE, text) == (tuple(names[k] for k in expected), "")


def test_a_class_is_found_before_an_evaluation_and_after_it(search, monkeypatch):
    names = search.inspector.names(SOURCE)
    beds = tuple(names[0:COUNT:3])
    assert search.find(SOURCE, only="bed") == (beds, "")
    reads = search.inspector.readers[SOURCE].reads
    assert search.find(SOURCE, "kv2", "bed") == ((names[3], names[9]), "")
    assert search.inspector.readers[SOURCE].reads == reads, "labels are read once"
    monkeypatch.setattr(module, "READ_AT_MOST", COUNT - 1)
    assert search.find(SOURCE, only="bed") == (names, "To search by class, evaluate synthetic in the Data set tab.")
    assert evaluated(search).names_with(BED) == set(beds)
    assert search.find(SOURCE, only="bed") == (beds, "")
    assert search.find(SOURCE, only="toilet") == ((), "")


def test_frames_are_ordered_by_name_and_once_evaluated_by_miou(search):
    names = search.inspector.names(SOURCE)
    assert search.find(SOURCE, order=BY_NAME)[0] == tuple(sorted(names)) != names
    found, said = search.find(SOURCE, order=WORST)
    assert found == names
    assert said.startswith("To sort by mIoU, evaluate synthetic with these weights")
    result = evaluated(search)
    assert search.find(SOURCE, order=WORST) == (tuple(one.name for one in result.ranked(result.choose())), "")
    best = search.find(SOURCE, "kv1", ALL_CLASSES, BEST)[0]
    scores = {frame.name: frame.miou for frame in result.frames}
    assert len(best) == 8
    assert np.all(np.diff([scores[name] for name in best]) <= 0)
    assert search.find(SOURCE, order=WORST, modality="rgb")[1], "another run's scores are not taken"
    assert search.find(SOURCE, order=AS_LISTED)[0] == names
