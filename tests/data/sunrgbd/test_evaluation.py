"""Evaluation of generated frames in SUN RGB-D's layout, worked out by hand."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sunrgbd_archives import RedReader, frame_files, frame_names, halves, make_archives, picture
from typer.testing import CliRunner

import deresunet.cli.evaluate as evaluate_command
from deresunet.classes import SUNRGBD37
from deresunet.cli import app
from deresunet.evaluation.confusions import HeatMap

HALF = 48 * 32
WALL, CHAIR, SOFA = 1, 5, 6


def predicted_picture(name: str) -> np.ndarray:
    """Picture from which the stand-in for a network predicts, by camera; the ground truth is wall and chair in all."""
    sensor = name.split("/", maxsplit=1)[0]
    if sensor == "kv2":
        return picture(WALL, CHAIR, right_bottom=SOFA)  # a third of the chair is taken for a sofa
    return picture(WALL, WALL if sensor == "realsense" else CHAIR)  # realsense: the chair is taken for wall


def test_end_to_end_with_iou_worked_out_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluation and report on 40 frames, of which 20 are for testing.

    With a = 48 * 32 pixels in each half of a frame, and n frames of each camera among the 20: kv1 and xtion are right;
    of kv2's chair a third is taken for a sofa; realsense's chair is taken for wall.
    """
    names = frame_names(40)
    frames = {name: frame_files(name, predicted_picture(name)) for name in names}
    test = tuple(names[::2])
    data = make_archives(tmp_path, frames, list(test), dict.fromkeys(names, halves(WALL, CHAIR)))
    report = tmp_path / "report"
    monkeypatch.setattr(evaluate_command, "load", lambda *_: RedReader())
    command = ["evaluate", "--dataset", "sunrgbd", "--root", str(data), "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(app, [*command, "--report", str(report)])
    assert done.exit_code == 0, done.output

    result = json.loads((tmp_path / "out.json").read_text())
    assert result == json.loads((report / "result.json").read_text())
    n = {sensor: sum(name.startswith(sensor) for name in test) for sensor in ("kv1", "kv2", "realsense", "xtion")}
    assert sum(n.values()) == result["frames"] == 20
    walls = chairs = 20 * HALF
    wall_iou = walls / (walls + n["realsense"] * HALF)
    right_chairs = chairs - n["kv2"] * HALF / 3 - n["realsense"] * HALF
    expected = {WALL: wall_iou, CHAIR: right_chairs / chairs, SOFA: 0.0}
    for label, iou in enumerate(result["iou"], 1):
        assert iou == (pytest.approx(100 * expected[label], abs=1e-3) if label in expected else None)
    assert result["miou"] == pytest.approx(100 * (wall_iou + right_chairs / chairs) / 2, abs=1e-3)
    assert result["pixel_acc"] == pytest.approx(100 * (walls + right_chairs) / (walls + chairs), abs=1e-3)
    assert result["mean_acc"] == pytest.approx(100 * (1 + right_chairs / chairs) / 2, abs=1e-3)
    assert result["fw_iou"] == result["miou"]  # as many pixels of the one as of the other
    by_sensor = {name: group["miou"] for name, group in result["sensors"].items()}
    assert by_sensor["kv1"] == by_sensor["xtion"] == 100.0
    assert by_sensor["kv2"] == pytest.approx(100 * (1 + 2 / 3) / 2, abs=1e-3)
    assert by_sensor["realsense"] == pytest.approx(25.0)  # wall 1/2, chair 0
    assert {name: group["frames"] for name, group in result["scenes"].items()} == {
        "bedroom": n["kv2"],
        "kitchen": n["realsense"] + n["xtion"],
        "office": n["kv1"],
    }
    assert "480x640" in result["protocol"]
    assert result["sources"] == {"SUN RGB-D, label seglabel, depth_bfx": 20}
    # Depth is 5 m above and 2 m below; the sofa is below.
    depth = result["regions"]["depth"]
    assert depth["4 to 6 m"]["pixels"] == depth["2 to 3 m"]["pixels"] == 20 * HALF
    assert depth["0 to 1 m"]["miou"] is None
    assert depth["4 to 6 m"]["accuracy"][CHAIR - 1] == pytest.approx(100 * (1 - n["realsense"] / 20), abs=1e-3)
    # The sensor did not measure the left quarter.
    assert result["regions"]["measured"]["not measured"]["pixels"] == 20 * HALF // 2
    # 5 columns on both sides of the edge between the halves.
    assert result["regions"]["place"]["boundary"]["pixels"] == 20 * 10 * 48

    confusion = list(csv.reader((report / "confusion.csv").open()))
    assert int(confusion[CHAIR][SOFA]) == n["kv2"] * HALF // 3
    assert int(confusion[CHAIR][WALL]) == n["realsense"] * HALF
    page = (report / "report.html").read_text()
    assert re.findall(r"<li>(\w+ → \w+): ", page) == ["chair → wall", "chair → sofa"]
    frames = list(csv.DictReader((report / "frames.csv").open()))
    assert [frame["name"] for frame in frames] == list(test)
    assert float(next(frame for frame in frames if frame["sensor"] == "realsense")["miou"]) == 25.0
    pictures = sorted(path.name for path in (report / "frames").iterdir())
    assert len(pictures) == 40  # 20 worst and 20 best of 20
    assert "realsense" in next(name for name in pictures if name.startswith("worst_01"))
    # Five panels with gaps of 4 px between them.
    assert Image.open(report / "frames" / pictures[0]).size == (5 * 64 + 4 * 4, 48)
    matrix = np.array([row[1:] for row in confusion[1:]], np.int64)
    assert Image.open(report / "confusion.png").size == HeatMap.of(matrix, SUNRGBD37).size
    assert '<td>kv2</td><td data-value="5">5</td>' in page
    assert not (report / "resume.jsonl").exists()
