"""The label audit: renamed objects come first, a network's usual errors and strips along boundaries do not."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from label_audit import RenamedReader, found_by, rename_objects
from sunrgbd_archives import RedReader
from typer.testing import CliRunner

import deresunet.cli.audit as audit_command
from deresunet.cli import app
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.evaluation.audit import Finding, audit, frame_findings, rank
from deresunet.inference.prediction import Prediction

WALL, BED, CHAIR, SOFA, TABLE, PICTURE = 1, 4, 5, 6, 7, 11
SIZE = (96, 128)


class Rooms:
    """Frames of a wall with a bed, a chair and a picture at places that differ from frame to frame."""

    def __init__(self, count: int = 8) -> None:
        self.names = tuple(f"room{k}" for k in range(count))
        self.notices: tuple[str, ...] = ()

    def read(self, name: str) -> Frame:
        k = int(name.removeprefix("room"))
        label = np.full(SIZE, WALL, np.uint8)
        label[50:90, 4 + k : 50 + k], label[60:90, 70 - k : 100 - k] = BED, CHAIR
        label[8:30, 40 + 3 * k : 66 + 3 * k] = PICTURE
        return Frame(np.full((*SIZE, 3), 90, np.uint8), label=label, name=name)


class Network(RedReader):
    """Knows the rooms, but takes the left third of a chair for a sofa, and sees boundaries two pixels to the right."""

    def predictions(self, frames: list[Frame], modality: str = "rgbd", top_k: int = 5) -> list[Prediction]:
        return [self(frame, modality) for frame in frames]

    def __call__(self, frame: Frame, modality: str = "rgbd") -> Prediction:
        label = np.roll(Rooms().read(frame.name).label, 2, axis=1)
        rows, columns = np.nonzero(label == CHAIR)
        left = columns < np.quantile(columns, 1 / 3)
        label[rows[left], columns[left]] = SOFA
        confidence = np.full(SIZE, 0.9, np.float32)
        return Prediction(label, confidence, label[None], confidence[None], confidence * 0, 1.0, self.provenance())


def test_renamed_objects_are_the_first_findings() -> None:
    renamed = rename_objects(Rooms(), objects=6, frames=3, seed=1)
    assert len(renamed) == 6
    assert len({one.frame for one in renamed}) == 3
    assert all(one.wrong != one.true for one in renamed)
    result = audit(Network(), RenamedReader(Rooms(), renamed))
    assert result.frames == 8
    matches = found_by(result.findings[:6], renamed)
    assert sorted(match for match in matches if match is not None) == list(range(6)), "each once, and nothing else"
    assert len(result.findings) > 6
    for one in result.findings[6:]:
        assert one.predicted == SOFA or one.compactness < 0.2, "a third of a chair, or a strip along a boundary"


def finding_of(label: np.ndarray, predicted: np.ndarray, sure: float = 0.9) -> list[Finding]:
    confidence = np.full(label.shape, sure, np.float32)
    prediction = Prediction(
        predicted, confidence, predicted[None], confidence[None], confidence * 0, 1.0, RedReader().provenance()
    )
    return frame_findings(Frame(np.zeros((*label.shape, 3), np.uint8), label=label, name="a"), prediction)


def test_a_region_by_hand() -> None:
    label, predicted = np.full((2, *SIZE), WALL, np.uint8)
    label[10:50, 20:60], predicted[10:50, 20:50] = CHAIR, BED
    predicted[10:50, 50:60] = CHAIR
    (found,) = finding_of(label, predicted)
    assert (found.annotated, found.predicted, found.top, found.left) == (CHAIR, BED, 10, 20)
    assert found.region.shape == (40, 30)
    assert found.area == 1200
    assert found.coverage == pytest.approx(0.75)
    assert found.compactness == pytest.approx(np.pi * 15**2 / 1200, rel=0.15)
    assert found.confidence == found.margin == pytest.approx(0.9)
    assert np.array_equal(found.mask(SIZE), (label == CHAIR) & (predicted == BED))


def test_the_probability_of_the_annotated_class_counts_against_a_finding() -> None:
    label, predicted = np.full(SIZE, CHAIR, np.uint8), np.full(SIZE, BED, np.uint8)
    classes = np.stack([predicted, label])
    probabilities = np.stack([np.full(SIZE, 0.6, np.float32), np.full(SIZE, 0.35, np.float32)])
    prediction = Prediction(
        predicted, probabilities[0], classes, probabilities, probabilities[0] * 0, 1.0, RedReader().provenance()
    )
    (found,) = frame_findings(Frame(np.zeros((*SIZE, 3), np.uint8), label=label), prediction)
    assert found.margin == pytest.approx(0.25)


@pytest.mark.parametrize("kind", ["void", "small", "unsure"])
def test_regions_that_are_left_out(kind: str) -> None:
    label, predicted = np.full((2, *SIZE), WALL, np.uint8)
    side = 4 if kind == "small" else 30
    label[10 : 10 + side, 10 : 10 + side] = 0 if kind == "void" else CHAIR
    assert finding_of(label, predicted, 0.4 if kind == "unsure" else 0.9) == []


def test_rank_prefers_objects_to_strips_and_surprises_to_usual_confusions() -> None:
    whole = Finding("a", CHAIR, BED, 0, 0, np.ones((30, 30), bool), 0.9, 0.8, 0.78, 1.0)
    strip, part = replace(whole, frame="b", compactness=0.05), replace(whole, frame="c", coverage=0.2)
    usual = replace(whole, frame="d", annotated=SOFA)
    matrix = np.zeros((37, 37), np.int64)
    matrix[BED - 1, BED - 1], matrix[SOFA - 1, BED - 1], matrix[CHAIR - 1, BED - 1] = 9000, 9900, 2700
    ranked = rank([usual, strip, part, whole], matrix)
    assert [one.frame for one in ranked] == ["a", "d", "c", "b"]
    assert ranked[0].score == pytest.approx(0.8 * 9000 / (9000 + 1800) * np.sqrt(0.78))


def test_predictions_without_confidences_are_refused() -> None:
    label, predicted = np.full(SIZE, CHAIR, np.uint8), np.full(SIZE, BED, np.uint8)
    with pytest.raises(InputError, match=r"Store them as confidence/a\.png"):
        finding_of(label, predicted, float("nan"))


def test_broken_and_unlabelled_frames() -> None:
    rooms = Rooms(2)
    read = rooms.read

    def broken(name: str) -> Frame:
        if name == "room0":
            raise InputError("room0.png is cut short.")
        return replace(read(name), label=None)

    rooms.read = broken  # type: ignore[method-assign]
    with pytest.raises(InputError, match="cut short"):
        audit(Network(), rooms, workers=0)
    with pytest.raises(InputError, match=r"None of the 2 frames has ground truth\..* 1 could not be used"):
        audit(Network(), rooms, on_error="skip", workers=0)


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renamed = rename_objects(Rooms(), objects=4, frames=2, seed=0)
    monkeypatch.setattr(audit_command, "load", lambda *_: Network())
    monkeypatch.setattr("deresunet.cli.audit.open_source", lambda *_: RenamedReader(Rooms(), renamed))
    done = CliRunner().invoke(app, ["audit", "--data", ".", "--out", str(tmp_path / "out"), "--pictures", "3"])
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader((tmp_path / "out" / "findings.csv").open()))
    assert [row["rank"] for row in rows] == [str(k) for k in range(1, len(rows) + 1)]
    assert {row["frame"] for row in rows[:4]} == {one.frame for one in renamed}
    assert "_" not in rows[0]["annotated"]
    listed = (tmp_path / "out" / "frames.txt").read_text().splitlines()
    assert len(listed) == len(set(listed)) == len({row["frame"] for row in rows})
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


def test_frames_of_one_size_run_at_once_and_give_the_same_findings(
    exact, rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = audit(exact, rooms, limit=2)
    calls, segment = [], exact.segment
    together = exact.run_by(lambda _: lambda images, *rest: calls.append(len(images)) or segment(images, *rest))
    monkeypatch.setattr(type(exact), "usual_batch", 16)  # as on a GPU
    result = audit(together, rooms, limit=2)
    assert calls == [2]
    assert result.frames == 2
    found = [(one.frame, one.annotated, one.predicted, one.area) for one in result.findings]
    assert found == [(one.frame, one.annotated, one.predicted, one.area) for one in alone.findings]
