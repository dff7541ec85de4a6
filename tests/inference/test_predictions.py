"""Stored predictions as a predictor: numbering recognised, other sizes, confidences, missing and damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sunrgbd_archives import halves

from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.prediction import SegmentationPredictor
from deresunet.inference.predictions import (
    MissingPredictionError,
    StoredPredictor,
    is_written,
    write_description,
    write_prediction,
)
from deresunet.inference.tta import Inference

WALL, CHAIR, BAG = 1, 5, 37
SIZE = (48, 64)


def frame(name: str, label: np.ndarray | None = None) -> Frame:
    return Frame(np.zeros((*SIZE, 3), np.uint8), label=label, name=name)


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "net" / "a.png", halves(WALL, BAG))
    save(tmp_path / "net" / "kv1" / "b.png", halves(WALL, CHAIR))
    return tmp_path / "net"


def test_it_is_a_predictor(folder: Path) -> None:
    stored = StoredPredictor("ESANet", folder)
    assert isinstance(stored, SegmentationPredictor)
    assert np.array_equal(stored(frame("kv1/b")).label, halves(WALL, CHAIR))
    (label,) = stored.labels([frame("a")])
    assert np.array_equal(label, halves(WALL, BAG))
    assert stored.with_inference(Inference((480, 640))) is stored
    with pytest.raises(InputError, match="--tta needs a network"):
        stored.with_inference(Inference(flip=True))
    with pytest.raises(InputError, match="cannot be made again from depth alone"):
        stored(frame("a"), "depth")
    with pytest.raises(MissingPredictionError, match=r"ESANet has no prediction for c\. Expected net/c\.png"):
        stored(frame("c"))
    with pytest.raises(MissingPredictionError):
        stored(frame("../net/a"))


@pytest.mark.parametrize(
    ("numbers", "label_range", "expected"),
    [
        ((1, 37), "1..37", (1, 37)),
        ((0, 36), "0..36", (1, 37)),
        ((0, 3), "0..36", (1, 4)),
        ((1, 40), "nyu40", (1, 0)),
    ],
)
def test_numbering_is_recognised(tmp_path: Path, numbers: tuple[int, int], label_range: str, expected: object) -> None:
    save(tmp_path / "a.png", halves(*numbers))
    stored = StoredPredictor("net", tmp_path)
    assert stored.label_range == label_range
    assert np.array_equal(stored(frame("a")).label, halves(*expected))  # type: ignore[misc]


@pytest.mark.parametrize("numbers", [(1, 36), (0, 37), (0, 255), (1, 41)])
def test_numbering_that_files_do_not_show_is_asked_for(tmp_path: Path, numbers: tuple[int, int]) -> None:
    save(tmp_path / "a.png", halves(*numbers))
    with pytest.raises(InputError, match=r"Give --prediction-labels 1\.\.37, 0\.\.36 or nyu40"):
        StoredPredictor("net", tmp_path)


def test_numbering_given_is_held_to(tmp_path: Path) -> None:
    save(tmp_path / "a.png", halves(1, 36))
    assert StoredPredictor("net", tmp_path, "1..37")(frame("a")).label.max() == 36
    assert StoredPredictor("net", tmp_path, "0..36")(frame("a")).label.max() == 37
    save(tmp_path / "b.png", halves(0, 36))
    with pytest.raises(InputError, match=r"b\.png has class numbers 0\.\.36; expected 1\.\.37"):
        StoredPredictor("net", tmp_path, "1..37")(frame("b"))


def test_nyu40_beyond_37_is_refused_where_it_would_be_scored(tmp_path: Path) -> None:
    save(tmp_path / "a.png", halves(CHAIR, 39))
    stored = StoredPredictor("net", tmp_path)
    assert np.array_equal(stored(frame("a", halves(CHAIR, 0))).label, halves(CHAIR, 0))
    with pytest.raises(InputError, match=r"1,536 pixels of NYU40's classes 38\.\.40.*first 37 classes"):
        stored(frame("a", halves(CHAIR, WALL)))


def test_other_sizes_are_resized_by_nearest_neighbour_and_counted(tmp_path: Path) -> None:
    save(tmp_path / "a.png", halves(WALL, BAG, (24, 32)))
    save(tmp_path / "b.png", halves(WALL, BAG, (96, 128)))
    save(tmp_path / "c.png", halves(WALL, BAG))
    stored = StoredPredictor("net", tmp_path)
    for name in "abc":
        assert np.array_equal(stored(frame(name)).label, halves(WALL, BAG))
    assert stored.resized == {"a", "b"}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_confidences_are_shares_of_their_range(folder: Path, dtype: type) -> None:
    save(folder / "confidence" / "a.png", np.full(SIZE, np.iinfo(dtype).max // 5, dtype))
    stored = StoredPredictor("net", folder)
    assert stored.has_confidence
    assert "confidence/a" not in stored
    prediction = stored(frame("a"))
    assert prediction.confidence.dtype == np.float32
    assert prediction.confidence == pytest.approx(np.full(SIZE, 0.2), abs=1e-4)
    assert prediction.classes.shape == prediction.probabilities.shape == (1, *SIZE)
    assert np.isnan(stored(frame("kv1/b")).confidence).all(), "none is stored for this frame"
    assert np.isnan(prediction.entropy).all()


def test_what_is_written_is_read(tmp_path: Path, folder: Path) -> None:
    label, out = halves(WALL, CHAIR), tmp_path / "out"
    confidence = np.linspace(0, 1, label.size, dtype=np.float32).reshape(label.shape)
    assert not is_written(out, "kv1/x", confidence=False)
    write_prediction(out, "kv1/x", label, confidence)
    assert is_written(out, "kv1/x", confidence=True)
    write_description(out, StoredPredictor("net", folder).provenance())
    stored = StoredPredictor("ours", out)
    assert stored.label_range == "1..37", "said by predictions.json, though no pixel is a bag"
    prediction = stored(frame("kv1/x"))
    assert np.array_equal(prediction.label, label)
    assert np.abs(prediction.confidence - confidence).max() <= 0.5 / 255 + 1e-6


def test_other_files_are_another_network(folder: Path) -> None:
    before = StoredPredictor("net", folder).provenance().sha256
    assert StoredPredictor("net", folder).provenance().sha256 == before
    save(folder / "a.png", halves(BAG, CHAIR, (50, 60)))
    assert StoredPredictor("net", folder).provenance().sha256 != before


def test_files_that_are_no_predictions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no predictions"):
        StoredPredictor("net", tmp_path / "absent")
    save(tmp_path / "a.png", np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(InputError, match="mode RGB; expected class numbers"):
        StoredPredictor("net", tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    with pytest.raises(InputError, match=r"a\.png cannot be read"):
        StoredPredictor("net", tmp_path)
