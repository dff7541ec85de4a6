"""`bench`: every backend and other networks in one run, what it says and what it leaves out."""

import itertools
import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from deresunet import benchmark
from deresunet.cli import app
from deresunet.config import ModelConfig
from deresunet.inference.network import read_weights
from deresunet.inference.predictor import load
from deresunet.model.checkpoint import save_checkpoint
from deresunet.model.network import DeResUNet


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A small network's checkpoint."""
    torch.manual_seed(0)
    config = ModelConfig(
        backbone="resnet18", skip_channels=(8, 8, 16, 16), bottleneck_channels=32, decoder_channels=(32, 16, 16, 16)
    )
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(path, DeResUNet(config))
    return path


@pytest.fixture
def run(weights):
    def run(*arguments):
        given = ["bench", "--device", "cpu", "--checkpoint", weights, "--size", "64x96", "--rounds", 2, *arguments]
        return CliRunner().invoke(app, [str(argument) for argument in given])

    return run


def test_one_run_gives_a_table_and_json(run, weights, tmp_path):
    out = tmp_path / "bench.json"
    done = run("--backends", "folded", "--network", f"same={weights}", "--rooms", 1, "--batch", "1,2", "--json", out)
    assert done.exit_code == 0, done.output
    summary = json.loads(out.read_text())
    rows = {(row["name"], row["batch"]): row for row in summary["timings"]}
    assert set(rows) == {(name, batch) for name in ("eager", "folded", "same") for batch in (1, 2)}
    for row in rows.values():
        assert 0 < row["min_ms"] <= row["median_ms"] <= row["p95_ms"]
        assert row["frames_per_s"] == pytest.approx(1e3 * row["batch"] / row["median_ms"], rel=0.01)
        first = rows["eager", row["batch"]]
        assert row["speedup"] == pytest.approx(first["median_ms"] / row["median_ms"], abs=0.01)
        assert row["agreement"] > 0.99
        assert row["gflop"] == first["gflop"] > 0
    assert done.output.count("eager ") >= 2
    assert summary["machine"]["torch"] == torch.__version__


def test_networks_take_turns(weights, monkeypatch):
    """A load from elsewhere meets all alike."""
    order = []
    predictors = {}
    for name in ("eager", "folded"):
        predictors[name] = load(weights, "cpu", backend=name)
        labels = predictors[name].labels
        monkeypatch.setattr(
            predictors[name], "labels", lambda frames, name=name, labels=labels: order.append(name) or labels(frames)
        )
    benchmark.time_networks(predictors, (64, 96), 1, 3, {})
    # Each timing runs its network a few times before the one that counts; once first of all, and three rounds.
    assert [name for name, _ in itertools.groupby(order)] == ["eager", "folded"] * 4


def test_arithmetic_is_counted_as_the_design_counts_it():
    assert benchmark.count_gflop(read_weights(), (480, 640)) == pytest.approx(142.5, abs=0.05)


def test_labels_are_compared_with_the_first_networks(weights):
    first, other = load(weights, "cpu", backend="eager"), load(weights, "cpu", backend="folded")
    plain = other.labels
    other.labels = lambda frames: [np.where(label == label[0, 0], 37, label) for label in plain(frames)]
    agreements = benchmark.label_agreement({"eager": first, "changed": other}, 2)
    assert agreements["eager"] == 1.0
    assert agreements["changed"] < 1.0


def test_what_cannot_be_built_is_left_out_with_its_reason(run, monkeypatch):
    opened = benchmark.load

    def fail(checkpoint, device, backend="auto"):
        if backend == "compiled":
            raise RuntimeError("no compiler\nand more")
        return opened(checkpoint, device, backend=backend)

    monkeypatch.setattr(benchmark, "load", fail)
    done = run("--backends", "compiled", "--rooms", 0)
    assert done.exit_code == 0, done.output
    assert "compiled was left out: no compiler" in done.output


def test_operators_are_listed(run):
    done = run("--backends", "eager", "--rooms", 0, "--operators", 3)
    assert "convolution" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--batch", "0"), "--batch is '0'"),
        (("--size", "big"), "--size is 'big'"),
        (("--backends", "warp"), "warp"),
        (("--network", "esanet.onnx"), "--network is 'esanet.onnx'"),
    ],
)
def test_bad_input_gets_one_line_and_status_2(run, arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output
