"""The command line, as its users type it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from networks import small_checkpoint
from PIL import Image
from typer.testing import CliRunner

import deresunet
from deresunet.cli import app
from deresunet.data.folder import SAMPLES_DIR
from deresunet.evaluation.metrics import confusion_matrix, scores
from deresunet.model.checkpoint import save_checkpoint

NETWORK = ("--device", "cpu", "--backend", "eager")


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file with weights of a small network."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    small = small_checkpoint()
    save_checkpoint(path, small.build(), small.preprocessing, metrics={"noise": {"miou": 1.5}})
    return path


def test_predict_writes_label_overlay_and_json(run, tmp_path, room, weights):
    files = [
        f"--{kind}={SAMPLES_DIR / kind / '0001'}.{'jpg' if kind == 'rgb' else 'png'}"
        for kind in ("rgb", "depth", "label")
    ]
    result = run("predict", *files, *NETWORK, "--checkpoint", weights, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["label.png", "overlay.png", "prediction.json"]
    label = np.asarray(Image.open(tmp_path / "out" / "label.png"))
    assert label.dtype == np.uint8
    assert Image.open(tmp_path / "out" / "overlay.png").size == (640, 480)
    described = json.loads((tmp_path / "out" / "prediction.json").read_text())
    predictor = deresunet.load(weights, "cpu", "eager")
    assert described["provenance"]["backend"] == predictor.backend
    assert described["provenance"]["sha256"] == predictor.checkpoint.sha256
    assert np.array_equal(label, predictor(room).label)
    assert sum(item["share"] for item in described["classes"]) == pytest.approx(1.0, abs=1e-4)
    expected = scores(confusion_matrix(room.label, label, 37))
    iou = np.array(described["iou"], np.float64)  # None becomes NaN
    assert iou == pytest.approx(100 * expected.iou, abs=0.01, nan_ok=True)
    assert described["miou"] == pytest.approx(100 * expected.miou, abs=0.01)
    assert described["pixel_acc"] == pytest.approx(100 * expected.pixel_acc, abs=0.01)
    assert described["latency_ms"] > 0


def test_predict_takes_depth_alone(run, tmp_path, weights):
    depth = SAMPLES_DIR / "depth" / "0001.png"
    result = run("predict", "--depth", depth, *NETWORK, "--checkpoint", weights, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    described = json.loads((tmp_path / "prediction.json").read_text())
    assert described["provenance"]["modality"] == "depth"
    assert "iou" not in described


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "--rgb", "absent.jpg", "--out", "."], "absent.jpg: no such file"),
        (["predict", "--out", "."], "neither RGB nor depth"),
        (["evaluate", "--dataset", "folder"], "needs --data"),
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


def test_evaluate_writes_what_it_prints(run, tmp_path, weights):
    out = tmp_path / "new" / "out.json"
    options = (*NETWORK, "--checkpoint", weights, "--json", out)
    result = run("evaluate", "--dataset", "rooms", "--limit", 2, *options)
    assert result.exit_code == 0, result.output
    told = json.loads(out.read_text())
    assert told["frames"] == 2
    assert len(told["iou"]) == 37
    assert None in told["iou"]
    assert f"mIoU {told['miou']:5.2f}" in result.stdout
    assert "void ignored" in told["protocol"]
    assert told["provenance"]["weights"] == "small.safetensors"
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


def test_info_as_a_command_of_its_own(weights):
    done = subprocess.run(
        [sys.executable, "-m", "deresunet", "info", "--checkpoint", weights],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    described = json.loads(done.stdout)
    assert described["weights"]["stored"] == "fp32"
    assert described["weights"]["metrics"] == {"noise": {"miou": 1.5}}
    assert "cpu" in described["devices"]
    assert set(described["models"]) == {"deresunet_r50", "deresunet_r50_classic", "dinov2_vits14_rgbd"}


def test_the_bundled_weights_are_stored_in_int8_with_their_metrics(exact):
    assert exact.checkpoint.stored == "int8"
    assert exact.checkpoint.metrics["nyuv2_test_654_sun37"]["miou"] == 36.37
