"""Stored predictions as a predictor: numbering recognised, other sizes, confidences, missing and damaged files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sunrgbd_archives import RedReader, halves, picture

from deresunet.classes import BUILT_IN, SUNRGBD37, ClassSet
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.evaluation.evaluator import evaluate
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


KITCHEN = ClassSet("kitchen", ("cup", "plate", "sofa", "floor"))


@pytest.mark.parametrize(
    ("numbers", "usual", "numbering", "expected"),
    [
        ((1, 37), SUNRGBD37, "1..37, sunrgbd37", (1, 37)),
        ((0, 36), SUNRGBD37, "0..36, sunrgbd37", (1, 37)),
        ((0, 3), SUNRGBD37, "0..36, sunrgbd37", (1, 4)),
        ((1, 40), SUNRGBD37, "1..40, nyu40", (1, 40)),
        ((1, 38), SUNRGBD37, "1..40, nyu40", (1, 38)),
        ((0, 39), SUNRGBD37, "0..39, nyu40", (1, 40)),
        ((0, 40), SUNRGBD37, "1..40, nyu40", (0, 40)),
        ((0, 39), BUILT_IN["nyu13"], "0..39, nyu40", (1, 40)),
        ((0, 12), BUILT_IN["nyu13"], "0..12, nyu13", (1, 13)),
        ((1, 13), BUILT_IN["nyu13"], "1..13, nyu13", (1, 13)),
        ((0, 3), KITCHEN, "0..3, kitchen", (1, 4)),
        ((1, 4), KITCHEN, "1..4, kitchen", (1, 4)),
        ((0, 39), KITCHEN, "0..39, nyu40", (1, 40)),
    ],
)
def test_numbering_is_recognised(
    tmp_path: Path, numbers: tuple[int, int], usual: ClassSet, numbering: str, expected: tuple[int, int]
) -> None:
    save(tmp_path / "a.png", halves(*numbers))
    stored = StoredPredictor("net", tmp_path, usual=usual)
    assert str(stored.numbering) == numbering
    assert stored.class_set is stored.numbering.class_set
    prediction = stored(frame("a"))
    assert np.array_equal(prediction.label, halves(*expected))
    assert prediction.class_set is stored.class_set


@pytest.mark.parametrize("usual", [SUNRGBD37, BUILT_IN["nyu40"], BUILT_IN["nyu13"], KITCHEN])
@pytest.mark.parametrize("numbers", [(1, 36), (0, 37), (0, 38), (1, 2), (1, 41), (0, 149), (1, 3)])
def test_every_option_that_is_advised_takes_the_files(
    tmp_path: Path, numbers: tuple[int, int], usual: ClassSet
) -> None:
    save(tmp_path / "a.png", halves(*numbers))
    with pytest.raises(InputError, match=r"does not tell how they count\. Give --prediction-labels") as refused:
        StoredPredictor("net", tmp_path, usual=usual)
    options = re.findall(r"\S+@[01]", str(refused.value))
    assert len(options) >= 2
    for option in options:
        stored = StoredPredictor("net", tmp_path, option, usual)
        assert stored.numbering.option == option
        assert stored(frame("a")).label.max() == numbers[1] + 1 - stored.numbering.first


def test_numbers_of_no_class_are_refused_with_the_way_out(tmp_path: Path) -> None:
    save(tmp_path / "net" / "a.png", halves(0, 255))
    with pytest.raises(InputError, match=r"one a line, and pass --prediction-labels FILE@0 or FILE@1"):
        StoredPredictor("net", tmp_path / "net")
    names = tmp_path / "names.txt"
    names.write_text("".join(f"thing {k}\n" for k in range(255)))
    assert StoredPredictor("net", tmp_path / "net", f"{names}@1")(frame("a")).label.max() == 255


def test_numbering_given_is_held_to(tmp_path: Path) -> None:
    save(tmp_path / "a.png", halves(1, 36))
    assert StoredPredictor("net", tmp_path, "1..37")(frame("a")).label.max() == 36
    assert StoredPredictor("net", tmp_path, "0..36")(frame("a")).label.max() == 37
    save(tmp_path / "b.png", halves(0, 38))
    stored = StoredPredictor("net", tmp_path, "0..36")
    with pytest.raises(InputError, match=r"b\.png has class numbers 0\.\.38; expected 0\.\.36, sunrgbd37") as refused:
        stored(frame("b"))
    for option in re.findall(r"\S+@[01]", str(refused.value)):
        assert StoredPredictor("net", tmp_path, option)(frame("b")).label.max() >= 38
    assert str(StoredPredictor("net", tmp_path, "nyu40").numbering) == "0..39, nyu40"
    with pytest.raises(InputError, match="no such class set"):
        StoredPredictor("net", tmp_path, "nyu41")


def test_classes_beyond_the_ground_truths_are_wrong_and_their_share_is_said(tmp_path: Path) -> None:
    """A published network's PNGs: numbers 0..39, of which 38 and 39 are none of the 37."""

    class Labelled:
        names, notices = ("a",), ()

        def read(self, name: str) -> Frame:
            return frame(name, halves(CHAIR, WALL))

    numbers = halves(CHAIR - 1, WALL - 1)
    numbers[:12] = 39
    save(tmp_path / "a.png", numbers)
    result = evaluate(StoredPredictor("net", tmp_path), Labelled())
    assert result.network is BUILT_IN["nyu40"]
    assert result.scores.pixel_acc == pytest.approx(0.75)
    assert result.as_dict()["outside"] == 25.0
    assert result.as_dict()["network_classes"]["not_in_ground_truth"][-1] == "otherprop"
    assert any("25.00 % of the labelled pixels are predicted as none of" in line for line in result.remarks)


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
    assert str(stored.numbering) == "1..37, sunrgbd37", "said by predictions.json, though no pixel is a bag"
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
