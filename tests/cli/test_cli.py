"""The command line, as its users type it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image
from typer.testing import CliRunner

from deresunet.cli import app
from deresunet.data.folder import SAMPLES_DIR


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_predict_writes_label_overlay_and_json(run, tmp_path, room, predictor):
    files = [
        f"--{kind}={SAMPLES_DIR / kind / '0001'}.{'jpg' if kind == 'rgb' else 'png'}"
        for kind in ("rgb", "depth", "label")
    ]
    result = run("predict", *files, "--device", "cpu", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["label.png", "overlay.png", "prediction.json"]
    label = np.asarray(Image.open(tmp_path / "out" / "label.png"))
    assert label.dtype == np.uint8
    assert Image.open(tmp_path / "out" / "overlay.png").size == (640, 480)
    told = json.loads((tmp_path / "out" / "prediction.json").read_text())
    same = (label == predictor(room).label).mean()
    assert same == 1.0 if told["provenance"]["backend"] == predictor.backend else same >= 0.995
    assert sum(item["share"] for item in told["classes"]) == pytest.approx(1.0, abs=1e-4)
    assert len(told["iou"]) == 37
    assert told["iou"][30] is None, "there is no person in the room, nor seen in it"
    assert 0 < told["miou"] < told["pixel_acc"] < 100
    assert told["provenance"]["sha256"] == predictor.checkpoint.sha256
    assert told["latency_ms"] > 0


def test_predict_takes_depth_alone(run, tmp_path):
    result = run("predict", "--depth", SAMPLES_DIR / "depth" / "0001.png", "--device", "cpu", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "prediction.json").read_text())
    assert told["provenance"]["modality"] == "depth"
    assert "iou" not in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "--rgb", "absent.jpg", "--out", "."], "absent.jpg: no such file"),
        (["predict", "--out", "."], "neither RGB nor depth"),
        (["evaluate", "--dataset", "folder"], "needs --root"),
        (["evaluate", "--dataset", "rooms", "--checkpoint", "absent.safetensors"], "no such file"),
        (["info", "--checkpoint", "deresunet_r51"], "deresunet_r50"),
    ],
)
def test_bad_input_gets_one_line_and_status_2(run, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_evaluate_writes_what_it_prints(run, tmp_path):
    out = tmp_path / "new" / "out.json"
    result = run("evaluate", "--dataset", "rooms", "--limit", 2, "--device", "cpu", "--json", out)
    assert result.exit_code == 0, result.output
    told = json.loads(out.read_text())
    assert told["frames"] == 2
    assert len(told["iou"]) == 37
    assert None in told["iou"]
    assert f"mIoU {told['miou']:.2f}" in result.stdout
    assert "void ignored" in told["protocol"]
    assert told["provenance"]["weights"] == "deresunet_r50.safetensors"
    assert told["seconds_per_frame"] > 0


@pytest.mark.slow
def test_the_rooms_have_their_known_scores(run, tmp_path):
    result = run("evaluate", "--dataset", "rooms", "--device", "cpu", "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["frames"] == 24
    assert told["miou"] == pytest.approx(20.22, abs=0.15)
    assert told["pixel_acc"] == pytest.approx(57.44, abs=0.15)
    assert 0 < told["iou"][30] < 10, "people are in the rooms now, and not recognised"


def test_info_as_a_command_of_its_own():
    done = subprocess.run(
        [sys.executable, "-m", "deresunet", "info"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert told["weights"]["stored"] == "int8"
    assert told["weights"]["metrics"]["nyuv2_test_654_sun37"]["miou"] == 36.37
    assert "cpu" in told["devices"]
    assert set(told["models"]) == {"deresunet_r50", "deresunet_r50_classic"}
