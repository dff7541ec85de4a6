"""Stored predictions: those of the predictor, of the very room, of the very weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from demo.stored import LEVELS, MODALITY, PREDICTIONS_DIR, StoredPredictions, write_predictions


def agrees(exact, rooms, name):
    frame = rooms.read(name)
    stored = StoredPredictions().find(frame, MODALITY, exact.checkpoint.sha256)
    expected = exact(frame, MODALITY)
    assert (stored.label == expected.label).mean() > 0.9995, "other versions of torch move a pixel here and there"
    assert stored.label.dtype == np.uint8
    for kind in ("confidence", "entropy"):
        off = np.abs(getattr(stored, kind) - getattr(expected, kind))
        assert getattr(stored, kind).dtype == np.float32
        assert np.quantile(off, 0.999) < 0.6 / (LEVELS - 1), "half a step, rounded"
    assert stored.provenance.stored
    assert stored.provenance.sha256 == expected.provenance.sha256
    assert np.array_equal(stored.classes, stored.label[None])
    assert np.array_equal(stored.probabilities, stored.confidence[None])


@pytest.mark.parametrize("name", ["0000", "0007"])
def test_a_rooms_stored_prediction_is_the_predictors(exact, rooms, name):
    agrees(exact, rooms, name)


@pytest.mark.slow
def test_every_rooms_stored_prediction_is_the_predictors(exact, rooms):
    for name in rooms.names:
        agrees(exact, rooms, name)


def test_every_room_is_stored_in_less_than_three_megabytes(exact, rooms):
    stored = StoredPredictions()
    assert all(stored.find(rooms.read(name), MODALITY, exact.checkpoint.sha256) for name in rooms.names)
    assert sum(path.stat().st_size for path in PREDICTIONS_DIR.iterdir()) < 3_000_000


def test_nothing_else_is_answered(exact, room, tmp_path):
    stored, sha256 = StoredPredictions(), exact.checkpoint.sha256
    assert stored.find(room, MODALITY, sha256) is not None
    assert stored.find(room, "rgb", sha256) is None
    assert stored.find(room, MODALITY, "0" * 64) is None, "of other weights"
    assert stored.find(replace(room, source="upload"), MODALITY, sha256) is None
    assert stored.find(replace(room, name="0002"), MODALITY, sha256) is None, "by the name of another room"
    assert stored.find(replace(room, depth=room.depth + 1), MODALITY, sha256) is None, "another room of that name"
    assert StoredPredictions(tmp_path).find(room, MODALITY, sha256) is None, "nothing stored there"


def test_they_can_be_made_anew(exact, rooms, tmp_path):
    write_predictions(exact, tmp_path, limit=1)
    kinds = ["confidence", "entropy", "label"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*(f"0000.{kind}.png" for kind in kinds), "index.json"]
    frame = rooms.read("0000")
    again = StoredPredictions(tmp_path).find(frame, MODALITY, exact.checkpoint.sha256)
    assert np.array_equal(again.label, exact(frame).label)
