"""Published protocols against an evaluation that shares nothing with the project's: NumPy and PIL alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import deresunet
from deresunet.cli import app
from deresunet.data.readers import open_reader
from deresunet.evaluation.evaluator import evaluate

# class13Mapping.mat of the data set, written out once more.
TO_13 = [12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5, 7, 3, 2, 6, 11, 7, 7, 7, 7, 7, 7, 6,
         7, 7, 7, 7, 7, 7, 6, 7]  # fmt: skip


def independent(pairs: Iterable[tuple[np.ndarray, np.ndarray]], classes: int) -> tuple[float, float]:
    """mIoU and pixel accuracy in percent of (ground truth, prediction) with values 0..classes; 0 is void, or no class.

    Predictions above `classes` are errors.
    """
    union, both, there = np.zeros(classes), np.zeros(classes), np.zeros(classes, bool)
    right = total = 0
    for truth, prediction in pairs:
        known = truth > 0
        right += int((truth == prediction)[known].sum())
        total += int(known.sum())
        for k in range(1, classes + 1):
            here, said = (truth == k) & known, (prediction == k) & known
            both[k - 1] += (here & said).sum()
            union[k - 1] += (here | said).sum()
            there[k - 1] |= here.any()
    return float(100 * (both[there] / union[there]).mean()), 100 * right / total


@pytest.fixture
def nyu(tmp_path: Path) -> tuple[Path, list[np.ndarray], list[np.ndarray]]:
    """Six frames with NYU40 labels, and a 40-class network's predictions of them as numbers 0..39."""
    rng = np.random.default_rng(0)
    truths, predictions = [], []
    for folder in ("rgb", "label", "net"):
        (tmp_path / folder).mkdir()
    for k in range(6):
        truth = rng.integers(0, 41, (12, 16)).repeat(4, 0).repeat(4, 1)
        prediction = np.where(rng.random(truth.shape) < 0.6, np.maximum(truth, 1), rng.integers(1, 41, truth.shape))
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(tmp_path / "rgb" / f"{k}.jpg")
        Image.fromarray(truth.astype(np.uint8)).save(tmp_path / "label" / f"{k}.png")
        Image.fromarray((prediction - 1).astype(np.uint8)).save(tmp_path / "net" / f"{k}.png")
        truths.append(truth)
        predictions.append(prediction)
    return tmp_path, truths, predictions


@pytest.mark.parametrize(
    ("classes", "count", "title"),
    [
        (None, 37, "SUN RGB-D, 37 classes"),
        ("sunrgbd37", 37, "SUN RGB-D, 37 classes"),
        ("nyu40", 40, "NYU Depth v2, 40 classes"),
        ("nyu13", 13, "NYU Depth v2, 13 classes"),
    ],
)
def test_protocols_on_a_folder(nyu, classes: str | None, count: int, title: str) -> None:
    folder, truths, predictions = nyu
    out = folder / "out.json"
    said = ["--classes", classes] if classes else []
    command = ["evaluate", "--data", folder, "--predictions", f"net={folder / 'net'}", "--json", out, *said]
    command += ["--report", folder / "report"]
    done = CliRunner().invoke(app, [str(one) for one in command])
    assert done.exit_code == 0, done.output
    told = json.loads(out.read_text())
    if count == 13:
        table = np.array([0, *TO_13])
        pairs = [(table[truth], table[prediction]) for truth, prediction in zip(truths, predictions, strict=True)]
    else:
        pairs = [(np.where(truth > count, 0, truth), one) for truth, one in zip(truths, predictions, strict=True)]
    miou, accuracy = independent(pairs, count)
    assert told["miou"] == pytest.approx(miou, abs=1e-3)
    assert told["pixel_acc"] == pytest.approx(accuracy, abs=1e-3)
    assert told["class_set"]["title"] == title
    assert len(told["classes"]) == count
    outside = sum(((one > count) & (truth > 0)).sum() for truth, one in pairs) / sum((t > 0).sum() for t, _ in pairs)
    assert told["outside"] == pytest.approx(100 * outside, abs=1e-3)
    for text in (done.output, told["protocol"], (folder / "report" / "report.html").read_text()):
        assert title in text
    assert ("none of the ground truth's classes, and count as wrong" in done.output) == (count == 37)


def test_a_network_of_fewer_classes_is_told_what_it_cannot_predict(nyu) -> None:
    folder, truths, predictions = nyu
    for k, one in enumerate(predictions):
        Image.fromarray(np.minimum(one, 37).astype(np.uint8)).save(folder / "net" / f"{k}.png")
    out = folder / "out.json"
    command = ["evaluate", "--data", folder, "--predictions", f"net={folder / 'net'}", "--json", out]
    done = CliRunner().invoke(app, [*map(str, command), "--classes", "nyu40"])
    assert done.exit_code == 0, done.output
    pairs = [(truth, np.minimum(one, 37)) for truth, one in zip(truths, predictions, strict=True)]
    told = json.loads(out.read_text())
    assert told["miou"] == pytest.approx(independent(pairs, 40)[0], abs=1e-3)
    assert "3 of the 40 classes cannot be predicted" in " ".join(done.output.split())
    assert told["network_classes"]["cannot_be_predicted"] == ["otherstructure", "otherfurniture", "otherprop"]


def test_own_classes_are_found_beside_the_frames(nyu) -> None:
    """A folder with classes.txt is scored over it; a network of NYU's 40 is brought to it by name and by a map."""
    folder, _, predictions = nyu
    (folder / "classes.txt").write_text("couch\nwall\nlamp\n")
    (folder / "map.yaml").write_text("sofa: couch\n")
    rng = np.random.default_rng(1)
    truths = []
    for k in range(6):
        truths.append(rng.integers(0, 4, (48, 64)))
        Image.fromarray(truths[-1].astype(np.uint8)).save(folder / "label" / f"{k}.png")
    table = np.full(41, 4)
    table[[6, 1, 35]] = 1, 2, 3
    miou, accuracy = independent(zip(truths, [table[one] for one in predictions], strict=True), 3)
    out = folder / "out.json"
    command = ["evaluate", "--data", folder, "--predictions", f"net={folder / 'net'}", "--json", out]
    done = CliRunner().invoke(app, [*map(str, command), "--label-map", str(folder / "map.yaml")])
    assert done.exit_code == 0, done.output
    told = json.loads(out.read_text())
    assert told["classes"] == ["couch", "wall", "lamp"]
    assert (told["miou"], told["pixel_acc"]) == (pytest.approx(miou, abs=1e-3), pytest.approx(accuracy, abs=1e-3))
    without = CliRunner().invoke(app, [str(one) for one in command])
    assert "1 of the 3 classes cannot be predicted" in " ".join(without.output.split())


def test_labels_moved_by_one_are_refused_again_where_results_were_left(nyu) -> None:
    """The second run finds the first one's results, and must not take them for checked."""
    folder, truths, _ = nyu
    for k, one in enumerate(truths):
        Image.fromarray(((one + 39) % 40).astype(np.uint8)).save(folder / "label" / f"{k}.png")
        Image.fromarray(np.where(one > 0, one, 1).astype(np.uint8)).save(folder / "net" / f"{k}.png")
    out = folder / "out.json"
    command = ["evaluate", "--data", folder, "--predictions", f"net={folder / 'net'}", "--json", out]
    command += ["--prediction-labels", "nyu40@1", "--classes", "nyu40"]
    for _ in range(3):
        done = CliRunner().invoke(app, [str(one) for one in command])
        assert done.exit_code == 2
        assert "--label-offset 1" in done.output
        assert not out.exists()
    left = folder / ".out.json.resume.jsonl"
    assert left.read_text().count('"result"') > 1, "results of the frames before the check lie there"
    given = CliRunner().invoke(app, [*map(str, command), "--label-offset", "0"])
    assert given.exit_code == 0, given.output


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "count"), [("nyu40", 40), ("sunrgbd37", 37)])
def test_the_teacher_on_real_frames(shared: Path, classes: str, count: int) -> None:
    """The first 12 of NYU Depth v2's test frames; on all 109 it has 49.45 over 40 classes."""
    predictor = deresunet.load("dinov2_vits14_rgbd", device="cpu")
    reader = open_reader(root=shared / "data" / "nyuv2", split="test", classes=classes)
    labels: dict[str, np.ndarray] = {}
    result = evaluate(
        predictor, reader, limit=12, keep_label=lambda name, label: labels.update({name: label})
    ).as_dict()
    pairs = []
    for name, predicted in labels.items():
        truth = np.asarray(Image.open(shared / "data" / "nyuv2" / "label" / f"{name}.png")).astype(int)
        pairs.append((np.where(truth > count, 0, truth), predicted))
    miou, accuracy = independent(pairs, count)
    assert result["miou"] == pytest.approx(miou, abs=0.005)
    assert result["pixel_acc"] == pytest.approx(accuracy, abs=0.005)
    assert len(labels) == 12
