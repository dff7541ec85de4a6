"""Stored predictions as a predictor: numbering recognised, other sizes, confidences, missing and damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sunrgbd_archives import RedReader, halves, picture

from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.prediction_writer import is_written, write_prediction, write_predictions
from deresunet.inference.stored_predictions import MissingPredictionError, StoredPredictor
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
    assert np.array_equal(stored(frame("kv1/b")).label, halves(WALL, CHAIR))
    (label,) = stored.labels([frame("a")])
    assert np.array_equal(label, halves(WALL, BAG))
    assert stored.with_inference(Inference((480, 640))) is stored
    with pytest.raises(InputError, match="--tta needs a network"):
        stored.with_inference(Inference(flip=True))
    with pytest.raises(InputError, match=r"cannot be recomputed for depth\. Choose RGB-D"):
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


def test_what_is_written_is_read(tmp_path: Path) -> None:
    label = halves(WALL, CHAIR)
    confidence = np.linspace(0, 1, label.size, dtype=np.float32).reshape(label.shape)
    assert not is_written(tmp_path, "kv1/x", confidence=False)
    write_prediction(tmp_path, "kv1/x", label, confidence)
    assert is_written(tmp_path, "kv1/x", confidence=True)
    prediction = StoredPredictor("ours", tmp_path, "1..37")(frame("kv1/x"))
    assert np.array_equal(prediction.label, label)
    assert np.abs(prediction.confidence - confidence).max() <= 0.5 / 255 + 1e-6


class Reader:
    """Frames of two sizes; `broken` cannot be read."""

    names = ("kv1/a", "b", "c")

    def __init__(self, broken: str = "") -> None:
        self.broken, self.reads = broken, []
        self.notices: tuple[str, ...] = ()

    def files(self, name: str) -> tuple[Path, ...]:
        return ()

    def read(self, name: str) -> Frame:
        self.reads.append(name)
        if name == self.broken:
            raise InputError(f"{name}.png is cut short.")
        size = (48, 64) if name == "b" else (64, 96)
        return Frame(picture(WALL, CHAIR, size), name=name)


@pytest.mark.parametrize("confidence", [False, True])
def test_a_folder_of_predictions_scores_as_the_network(tmp_path: Path, confidence: bool) -> None:
    network, reader, out = RedReader(), Reader(), tmp_path / "out"
    seen: list[int] = []
    written = write_predictions(network, reader, out, confidence=confidence, on_frame=seen.append)
    assert (written.written, written.kept, written.failed, seen) == (3, 0, (), [1, 2, 3])
    stored = StoredPredictor("ours", out)
    assert stored.label_range == "1..37", "said by predictions.json, though no pixel is a bag"
    assert stored.has_confidence is confidence
    for name in reader.names:
        assert np.array_equal(stored(reader.read(name)).label, network(reader.read(name)).label)
    assert not list(out.rglob(".*")), "nothing is left beside the files"


def test_writing_resumes_and_other_weights_are_refused(tmp_path: Path) -> None:
    broken = Reader(broken="c")
    with pytest.raises(InputError, match="cut short"):
        write_predictions(RedReader(), broken, tmp_path, workers=0)
    before = (tmp_path / "b.png").stat().st_mtime_ns
    skipped = write_predictions(RedReader(), broken, tmp_path, on_error="skip", workers=0)
    assert (skipped.written, skipped.kept) == (0, 2)
    assert skipped.failed == (("c", "c.png is cut short."),)
    whole = Reader()
    assert write_predictions(RedReader(), whole, tmp_path, workers=0).written == 1
    assert whole.reads == ["c"]
    assert (tmp_path / "b.png").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="holds predictions of other weights or settings"):
        write_predictions(RedReader("1" * 64), whole, tmp_path)
    with pytest.raises(InputError, match="no frames to segment"):
        write_predictions(RedReader(), whole, tmp_path, limit=0)


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
