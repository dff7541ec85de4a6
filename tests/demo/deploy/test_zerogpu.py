"""ZeroGPU: with the real `spaces` package as far as it goes without the platform, and with none at all."""

from __future__ import annotations

import base64
import contextvars
import itertools
import json
import os
import subprocess
import sys
import time

import gradio as gr
import numpy as np
import pytest
from conftest import ROOT
from gradio.context import LocalContext
from networks import small_checkpoint, small_network
from PIL import Image
from zerogpu_standin import Scheduler

from demo.dataset.evaluations import Evaluations
from demo.dataset.progress import Run
from demo.deploy import zerogpu
from demo.networks import Checkpoints
from deresunet import Frame, InputError
from deresunet.data.folder import SAMPLES_DIR
from deresunet.inference.postprocessing import PixelScores
from deresunet.inference.prediction import Provenance
from deresunet.inference.tta import Inference
from deresunet.model.checkpoint import save_checkpoint


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
    data = tmp_path_factory.mktemp("small")
    for kind, size in (("rgb", (160, 120)), ("depth", (160, 120)), ("label", (160, 120))):
        (data / kind).mkdir()
        for k in range(3):
            source = next((SAMPLES_DIR / kind).glob(f"000{k + 1}.*"))
            Image.open(source).resize(size, Image.Resampling.NEAREST).save(data / kind / f"{k}.png")
    with Scheduler() as server:
        told = {
            **os.environ,
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": server.url,
            "ZEROGPU_OFFLOAD_DIR": str(tmp_path_factory.mktemp("offload") / "tensors"),
            "PYTHONPATH": str(ROOT),
            "GRADIO_ANALYTICS_ENABLED": "False",
        }
        weights = tmp_path_factory.mktemp("weights") / "small.safetensors"
        save_checkpoint(weights, small_network(), small_checkpoint().preprocessing, "fp32")
        out = tmp_path_factory.mktemp("evaluations")
        script = [sys.executable, ROOT / "tests" / "zerogpu_app.py", data, out, weights]
        done = subprocess.run(script, env=told, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, done.stderr
        yield json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{"))), server


def visitor_of(asked):
    """Whose token the scheduler was asked with."""
    middle = asked["token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(f"{middle}=="))["user"]


PATHS = ("inspect", "upload", "lapsed", "ablation", "compare", "audit", "evaluation")


@pytest.mark.slow
def test_spaces_comes_before_torch_and_the_network_is_on_cuda_before_the_launch(emulated):
    told, server = emulated
    assert told["order"][0] == "spaces"
    assert told["device"] == "cuda"
    assert told["devices"] == ["cuda"], "every parameter and buffer is there to be packed"
    assert told["queue"] == 64
    assert server.asked[0][0] == "/startup-report", "a decorated function was found"


@pytest.mark.slow
def test_a_frame_is_segmented_by_a_worker_of_the_real_package(emulated, small, room):
    told, server = emulated
    for path in ("inspect", "lapsed"):
        assert told["granted"][path]["label"] == np.bincount(small(room).label.ravel(), minlength=38).tolist()
        assert told["granted"][path]["provenance"]["weights"] == "small.safetensors"
    assert told["again"], "it is kept, so that the next visitor needs no GPU"
    assert server.of("/schedule", "again") == []
    assert {int(asked["durationSeconds"]) for asked in server.of("/schedule")} == {10}
    assert len(server.of("/allow")) == 1
    assert {asked["fail"] for asked in server.of("/release")} == {"false"}


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("answer", ["quota", "no_gpu", "expired", ""])
def test_every_path_asks_with_the_visitors_own_token(emulated, path, answer):
    _, server = emulated
    asked = server.of("/schedule", f"{answer}-{path}")
    assert asked
    assert {visitor_of(one) for one in asked} <= ({"ben"} if path == "lapsed" else {"ann", "ben"})
    if path not in ("lapsed", "evaluation"):
        assert {visitor_of(one) for one in asked} == {"ann"}
    if not answer:
        assert len(asked) == {"ablation": 3, "compare": 2}.get(path, 1), "evaluation and audit ask once for many frames"


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_a_refusal_is_told_in_the_platforms_words(emulated, path):
    told, _ = emulated
    for answer, words in (
        ("quota", "You have exceeded your ZeroGPU quota"),
        ("no_gpu", "No GPU was available"),
        ("expired", "Expired ZeroGPU proxy token"),
    ):
        got = told[answer][path]
        assert words in got["failure" if path == "evaluation" else "error"]
    assert told["quota"]["upload"]["title"] == "ZeroGPU quota exceeded"


@pytest.mark.slow
def test_an_evaluation_ends_and_tells_what_a_refused_one_kept(emulated):
    told, _ = emulated
    assert told["quota"]["evaluation"]["failure"].endswith("The frames done are kept: resume it later.")
    done = told["granted"]["evaluation"]
    assert (done["state"], done["done"], done["failure"]) == ("done", 3, "")
    assert told["granted"]["audit"] == 3
    assert told["granted"]["ablation"] == ["depth", "rgb", "rgbd"]
    assert "they agree on" in told["granted"]["compare"]


def test_an_evaluation_is_charged_to_who_watches_it(small, rooms, tmp_path, monkeypatch):
    """The token of the visitor who started it may be too old before it ends."""
    charged = []

    def gpu(duration):
        def segment(images, modality, *_):
            charged.append(LocalContext.request.get(None))
            sure = [np.full(rgb.shape[:2], 0.5, np.float32) for rgb, _ in images]
            scores = [PixelScores(np.ones((1, *one.shape), np.uint8), one[None], one) for one in sure]
            return scores, 1.0, small.provenance(modality)

        return lambda _: segment

    predictor = zerogpu.lend(small, gpu)
    monkeypatch.setattr(type(predictor), "usual_batch", 16)  # as on a GPU
    monkeypatch.setattr(zerogpu, "HERE", True)
    evaluations = Evaluations(Checkpoints(predictor), {"rooms": rooms}, tmp_path)
    request = Run("rooms")

    def visit(asked, function):
        context = contextvars.copy_context()
        context.run(LocalContext.request.set, asked)
        return context.run(function)

    visit("ann, first", lambda: evaluations.start(request, "ann"))
    visit("ben", lambda: evaluations.progress(request, "ben"))
    polls = itertools.count()
    while evaluations.progress(request).state in ("waiting", "running"):
        visit(f"ann, poll {next(polls)}", lambda: evaluations.progress(request, "ann"))
        time.sleep(0.01)
    assert evaluations.progress(request).state == "done"
    assert len(charged) == 2, "24 frames in two calls"
    assert charged[0] == "ann, first"
    assert charged[1].startswith("ann, poll"), "ben looks on, but does not follow it"


@pytest.mark.parametrize(
    ("height", "width", "number", "seconds"),
    [
        (32, 32, 1, 10),
        (480, 640, 1, 10),
        (480, 640, 16, 10),
        (4096, 4096, 1, 18),
        (8000, 8000, 1, 53),
        (4096, 4096, 16, 60),
    ],
)
def test_the_gpu_is_asked_for_no_longer_than_frames_need(height, width, number, seconds):
    rgb = np.broadcast_to(np.uint8(0), (height, width, 3))
    depth = np.broadcast_to(np.float32(0), (height, width))
    assert zerogpu.seconds_for([(rgb, None)] * number, "rgb", Inference()) == seconds
    assert zerogpu.seconds_for([(None, depth)] * number, "depth", Inference()) == seconds


def test_numpy_goes_in_and_comes_out(small, room):
    gpu = pool()
    predictor = zerogpu.lend(small, gpu)
    expected, got = small(room), predictor(room)
    ((duration, (((rgb, depth),), modality, inference, top_k)),) = gpu.asked
    assert top_k == 5
    assert inference.plain
    assert (duration, modality) == (10, "rgbd")
    assert rgb is room.rgb
    assert depth is room.depth
    for name in ("label", "confidence", "classes", "probabilities", "entropy"):
        assert np.array_equal(getattr(got, name), getattr(expected, name)), name
    assert got.provenance == expected.provenance
    assert isinstance(got.provenance, Provenance)
    assert all(np.array_equal(label, expected.label) for label in predictor.labels([room, room]))
    assert len(gpu.asked) == 2, "one call for both"


def test_on_zerogpu_no_weights_are_uploaded(monkeypatch):
    zerogpu.check_weights(True)
    monkeypatch.setattr(zerogpu, "HERE", True)
    zerogpu.check_weights(False)
    with pytest.raises(InputError, match="Leave out --allow-checkpoint-upload"):
        zerogpu.check_weights(True)


@pytest.mark.parametrize("modality", ["rgb", "depth"])
def test_a_modality_that_is_not_there_is_told_before_a_gpu_is_asked_for(small, room, modality):
    gpu = pool()
    absent = {"rgb": "rgb", "depth": "depth"}[modality]
    given = {"rgb": room.rgb, "depth": room.depth, absent: None}
    with pytest.raises(InputError):
        zerogpu.lend(small, gpu)(Frame(**given), modality)
    assert gpu.asked == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_that_was_aborted_is_asked_once_more(small, times):
    answers, asked = [gr.Error("GPU task aborted")] * times, []

    def gpu(duration):
        def segment(images, modality, *_):
            asked.append(1)
            if answers:
                raise answers.pop()
            return [np.ones((32, 32), np.uint8)], 1.0, small.provenance(modality)

        return lambda _: segment

    predictor = zerogpu.lend(small, gpu)
    frame = Frame(rgb=np.zeros((32, 32, 3), np.uint8))
    if times == 1:
        assert predictor.labels([frame])[0].shape == (32, 32)
    else:
        with pytest.raises(gr.Error, match="GPU task aborted"):
            predictor.labels([frame])
    assert len(asked) == 2


def test_errors_of_the_scheduler_are_told_to_people(small, room):
    run = zerogpu.lend(small, pool(RuntimeError("ZeroGPU API /schedule error: 500")))
    with pytest.raises(gr.Error, match="No GPU is to be had just now"):
        run(Frame(rgb=room.rgb))
