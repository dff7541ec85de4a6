"""The bench: what it measures is told whole, and what cannot run is left out with a reason."""

import json
import os
import time

import pytest
import torch
from networks import small_checkpoint, small_network
from typer.testing import CliRunner

from deresunet import create_model
from deresunet.benchmark import candidates
from deresunet.benchmark import machine as host
from deresunet.benchmark import timing as bench
from deresunet.benchmark.candidates import Candidate, backends_on, make_candidate
from deresunet.cli import app
from deresunet.cli import bench as command
from deresunet.model.checkpoint import save_checkpoint

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(path, small_network(), small_checkpoint().preprocessing)
    return path


@pytest.fixture
def run(weights):
    def invoke(*arguments):
        return CliRunner().invoke(app, ["bench", "--device=cpu", f"--checkpoint={weights}", *arguments])

    return invoke


def test_one_run_gives_a_table_and_json(run, tmp_path):
    out = tmp_path / "bench.json"
    done = run(
        "--size=64x96", "--batch=1,2", "--backends=folded", "--rounds=3", "--rooms=1", f"--json={out}", "--no-frames"
    )
    assert done.exit_code == 0, done.output
    told = json.loads(out.read_text())
    assert [(row["name"], row["batch"]) for row in told["timings"]] == [
        ("eager", 1),
        ("folded", 1),
        ("eager", 2),
        ("folded", 2),
    ]
    for row in told["timings"]:
        assert 0 < row["min_ms"] <= row["median_ms"] <= row["p95_ms"]
        assert row["frames_per_s"] == pytest.approx(1000 * row["batch"] / row["median_ms"], rel=0.05)
        assert row["agreement"] >= 0.999
        assert row["parameters"] == sum(p.numel() for p in small_network().parameters())
        assert row["name"] in done.output
    assert told["timings"][0]["speedup"] == 1.0
    assert told["machine"]["torch"] == torch.__version__
    assert told["machine"]["threads"] == torch.get_num_threads()
    assert told["matrix_gflop_per_s"]["float32"] > 1
    assert told["copy_gb_per_s"] > 0.1
    assert told["left_out"] == {}
    assert "frames" not in told


def test_the_figure_shows_every_candidate(run, tmp_path):
    out = tmp_path / "bench.svg"
    some = ["--size=64x64", "--backends=folded", "--rounds=1", "--rooms=0", "--no-frames", f"--figure={out}"]
    done = run(*some, "--batch=1")
    assert done.exit_code == 2
    assert "two batch sizes" in done.stderr
    assert not out.exists()
    done = run(*some, "--batch=1,2")
    assert done.exit_code == 0, done.output
    drawn = out.read_text()
    for text in ("DeResUNet eager", "DeResUNet folded", "frames a second, 2 at once"):
        assert f"<!-- {text}" in drawn


def test_labels_are_timed_by_the_frame(weights):
    one, four = (bench.time_labels(str(weights), "cpu", batch, (96, 128), rounds=3) for batch in (1, 4))
    for rows, batch in ((one, 1), (four, 4)):
        assert [row["head"] for row in rows] == ["smooth", "raw"], "in turn, so that they can be compared"
        for row in rows:
            assert row["batch"] == batch
            assert 0 < row["min_ms"] <= row["median_ms"] <= row["p95_ms"]


def test_a_frame_is_timed_from_picture_to_label_with_where_its_time_goes(weights, monkeypatch):
    monkeypatch.setattr(bench, "peak_memory", lambda *arguments: {"peak_process_mb": 1.0, "peak_gpu_mb": None})
    told = bench.time_frames(str(weights), "cpu", rounds=2)
    assert list(told) == ["eager", "auto"]
    assert told["eager"]["backend"] == "eager"
    for row in told.values():
        assert row["min_ms"] <= row["median_ms"]
        assert min(row["to_device_ms"], row["network_ms"], row["from_device_ms"]) >= 0
        assert row["peak_process_mb"] == 1.0


def test_memory_is_that_of_a_process_of_its_own(weights):
    ballast = bytearray(os.urandom(1)) * 1_500_000_000  # must not be counted
    told = host.peak_memory(str(weights), "cpu", "auto")
    assert 100 < told["peak_process_mb"] < 1500
    assert told["peak_gpu_mb"] is None
    assert len(ballast) == 1_500_000_000


def test_candidates_take_turns_and_the_first_is_what_they_are_compared_with(monkeypatch):
    turns = []
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def taking(name, seconds):
        def call(rgb, depth):
            turns.append((name, tuple(rgb.shape), tuple(depth.shape)))
            now[0] += seconds
            return depth

        return Candidate(name, "float32", call, 1.0, 10, lambda size: 2.0)

    slow, quick = bench.time_candidates(
        [taking("slow", 0.03), taking("quick", 0.01)], CPU, 2, (32, 64), 3, {"quick": 0.5}, {"float32": 1000.0}
    )
    assert [name for name, _, _ in turns] == ["slow", "quick"] * 4, "one run that is not counted, then three that are"
    assert {(rgb, depth) for _, rgb, depth in turns} == {((2, 3, 32, 64), (2, 1, 32, 64))}
    assert (slow.speedup, slow.agreement, quick.agreement) == (1.0, None, 0.5)
    assert quick.speedup == pytest.approx(3.0, abs=0.01)
    assert slow.min_ms == slow.median_ms == slow.p95_ms == pytest.approx(30.0)
    # Two frames of 2 GFLOP in 30 ms, of 1000 GFLOP/s.
    assert slow.share_of_matrix_rate == pytest.approx(4.0 / 0.03 / 1000, abs=2e-3)
    assert slow.prepare_s == pytest.approx(1.03)


def test_arithmetic_is_counted_as_the_design_counts_it():
    with torch.device("meta"):
        model = create_model().eval()
    assert bench.count_gflop(model, (480, 640)) == pytest.approx(142.5, abs=0.1)


def test_labels_are_compared_with_the_first_candidates(weights):
    checkpoint = small_checkpoint()
    one = make_candidate("eager", checkpoint, CPU, (96, 128))
    other = Candidate("shifted", "float32", lambda *inputs: one.run(*inputs).roll(1, dims=1), 0.0, 0, one.gflop)
    assert bench.label_agreement([one, other], checkpoint, CPU, 2) == {"eager": 1.0, "shifted": 0.0}


def test_what_cannot_be_built_is_left_out_with_its_reason(run, monkeypatch):
    def make(name, *arguments):
        if name == "compiled":
            raise RuntimeError("no C++ compiler\nlong story")
        return make_candidate(name, *arguments)

    monkeypatch.setattr(command, "make_candidate", make)
    done = run("--size=32x32", "--backends=compiled", "--rounds=1", "--rooms=0", "--no-frames")
    assert done.exit_code == 0, done.output
    assert "compiled was left out: no C++ compiler\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size=480"], "--size is '480'; expected height x width"),
        (["--size=100x100"], "multiples of 32"),
        (["--size=axb"], "expected such as 480x640"),
        (["--batch=0"], "--batch is '0'; expected such as 1,16"),
        (["--backends=warp"], "there is no 'warp'; expected some of eager"),
        (["--backends=cuda-graph"], "needs a CUDA device"),
    ],
)
def test_bad_input_gets_one_line_and_status_2(run, arguments, said):
    done = run(*arguments, "--rounds=1", "--rooms=0", "--no-frames")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_peers_run_on_rgb_alone():
    peer = make_candidate("torchvision DeepLabV3", small_checkpoint(), CPU, (64, 64))
    assert not peer.ours
    assert peer.parameters > 30e6
    assert backends_on(CPU)[0] == "eager"
    with torch.inference_mode():
        assert peer.run(torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 64))["out"].shape == (1, 37, 64, 64)
    here = candidates.peers_here(CPU)
    assert "torchvision DeepLabV3" in here
    assert candidates.peers_here(torch.device("cuda")) == (*here, *(name + " compiled" for name in here))
