"""ZeroGPU: with the real `spaces` package as far as it goes without the platform, and with none at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import gradio as gr
import numpy as np
import pytest
from conftest import ROOT
from zerogpu_standin import Scheduler

from demo.deploy import zerogpu
from deresunet import Frame, InputError
from deresunet.inference.prediction import Provenance


def pool(answer=None):
    """A decorator such as `spaces.GPU`, of a pool that has a GPU, or raises `answer`; it notes what it was asked."""
    asked = []

    def gpu(duration):
        def decorate(task):
            def run(*args):
                asked.append((duration(*args), args))
                if answer is not None:
                    raise answer
                return task(*args)

            return run

        return decorate

    gpu.asked = asked
    return gpu


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    """What the inspector says in a process that takes itself for a Space on ZeroGPU, and the scheduler it asked."""
    with Scheduler() as server:
        told = {
            **os.environ,
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": server.url,
            "ZEROGPU_OFFLOAD_DIR": str(tmp_path_factory.mktemp("offload") / "tensors"),
            "PYTHONPATH": str(ROOT),
            "GRADIO_ANALYTICS_ENABLED": "False",
        }
        script = ROOT / "tests" / "zerogpu_app.py"
        done = subprocess.run(
            [sys.executable, script], env=told, capture_output=True, text=True, check=False, timeout=240
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{"))), server


@pytest.mark.slow
def test_spaces_comes_before_torch_and_the_network_is_on_cuda_before_the_launch(emulated):
    told, server = emulated
    assert told["order"][0] == "spaces"
    assert told["device"] == "cuda"
    assert told["devices"] == ["cuda"], "every parameter and buffer is there to be packed"
    assert told["queue"] == 64
    assert server.asked[0][0] == "/startup-report", "a decorated function was found"


@pytest.mark.slow
def test_a_frame_is_segmented_by_a_worker_of_the_real_package(emulated, exact, room):
    told, server = emulated
    assert told["granted"]["label"] == np.bincount(exact(room).label.ravel(), minlength=38).tolist()
    assert told["granted"]["provenance"]["sha256"] == exact.checkpoint.sha256
    assert told["granted"]["again"], "it is kept, so that the next visitor needs no GPU"
    durations = [int(asked["durationSeconds"]) for asked in server.of("/schedule")]
    assert set(durations) == {3}
    assert len(server.of("/allow")) == 1
    assert [asked["fail"] for asked in server.of("/release")] == ["false"]


@pytest.mark.slow
def test_without_a_gpu_an_upload_gets_the_platforms_own_words(emulated):
    told, _ = emulated
    assert told["quota"]["upload"]["title"] == "ZeroGPU quota exceeded"
    assert "No GPU was available" in told["no_gpu"]["upload"]["error"]


def test_off_zerogpu_no_spaces_package_is_needed():
    code = (
        "import sys; sys.modules['spaces'] = None\n"
        "import app; from demo import components; from demo.deploy import zerogpu\n"
        "assert not zerogpu.HERE and zerogpu.CONCURRENCY == 1 and components.NETWORK['concurrency_limit'] == 1\n"
        "marker = object(); assert zerogpu.predictor_for(marker) is marker\n"
    )
    told = {key: value for key, value in os.environ.items() if not key.startswith("SPACES_")}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("height", "width", "seconds"), [(32, 32, 3), (480, 640, 3), (2000, 3000, 8), (4096, 4096, 15), (8000, 8000, 15)]
)
def test_the_gpu_is_asked_for_no_longer_than_a_frame_needs(height, width, seconds):
    rgb = np.broadcast_to(np.uint8(0), (height, width, 3))
    depth = np.broadcast_to(np.float32(0), (height, width))
    assert zerogpu.seconds_for([(rgb, None)], "rgb") == zerogpu.seconds_for([(None, depth)], "depth") == seconds


def test_numpy_goes_in_and_comes_out(exact, room):
    gpu = pool()
    expected, got = exact(room), zerogpu.lend(exact, gpu)(room)
    ((duration, (((rgb, depth),), modality, inference, scores)),) = gpu.asked
    assert scores
    assert inference.plain
    assert (duration, modality) == (3, "rgbd")
    assert rgb is room.rgb
    assert depth is room.depth
    for name in ("label", "confidence", "classes", "probabilities", "entropy"):
        assert np.array_equal(getattr(got, name), getattr(expected, name)), name
    assert got.provenance == expected.provenance
    assert isinstance(got.provenance, Provenance)


def test_on_zerogpu_there_is_one_network(monkeypatch):
    zerogpu.check_weights(True)
    monkeypatch.setattr(zerogpu, "HERE", True)
    zerogpu.check_weights(False)
    with pytest.raises(InputError, match="one --checkpoint at most"):
        zerogpu.check_weights(True)


@pytest.mark.parametrize("modality", ["rgb", "depth"])
def test_a_modality_that_is_not_there_is_told_before_a_gpu_is_asked_for(exact, room, modality):
    gpu = pool()
    absent = {"rgb": "rgb", "depth": "depth"}[modality]
    given = {"rgb": room.rgb, "depth": room.depth, absent: None}
    with pytest.raises(InputError):
        zerogpu.lend(exact, gpu)(Frame(**given), modality)
    assert gpu.asked == []


def test_errors_of_the_scheduler_are_told_to_people(exact, room):
    run = zerogpu.lend(exact, pool(RuntimeError("ZeroGPU API /schedule error: 500")))
    with pytest.raises(gr.Error, match="No GPU is to be had just now"):
        run(Frame(rgb=room.rgb))
