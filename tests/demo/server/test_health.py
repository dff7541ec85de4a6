"""`/healthz` says whether frames are segmented."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from demo.loading import in_background
from demo.server.health import Health, health_of
from deresunet.inference.predictor import Predictor


def client_of(health):
    return TestClient(Starlette(routes=[Route("/healthz", health.answer)]))


def test_a_good_answer_is_kept_for_a_moment():
    asked = []
    with client_of(Health(lambda: asked.append(1))) as client:
        answers = [client.get("/healthz") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert answers[0].json()["status"] == "well"
    assert len(asked) == 1, "one frame for five questions"


def test_a_network_that_fails_or_hangs_is_not_well_and_recovers():
    release, failing = threading.Event(), [True]
    calls = []

    def segment():
        calls.append(1)
        if failing[0]:
            raise RuntimeError("/secret/path")
        release.wait(20)

    with client_of(Health(segment, limit_s=0.05, keep_s=0)) as client:
        failed = client.get("/healthz")
        assert failed.status_code == 503
        assert "RuntimeError" in failed.text
        assert "/secret" not in failed.text
        failing[0] = False
        assert "no frame was segmented within 0.05 s" in client.get("/healthz").text
        assert client.get("/healthz").status_code == 503
        assert len(calls) == 2, "who asks while a frame hangs does not add another"
        release.set()
        for _ in range(100):
            if client.get("/healthz").status_code == 200:
                break
        assert client.get("/healthz").status_code == 200


def test_while_the_network_loads_the_answer_is_503_at_once(small):
    release = threading.Event()
    loading = Predictor(in_background(lambda: release.wait(20) and small.network), checkpoint=small.checkpoint)
    with client_of(health_of(loading)) as client:
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (503, "the network is loading")
        release.set()
        loading.network  # noqa: B018 - waits for it
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(("shape", "status"), [((48, 64), 200), ((1, 1), 503)])
def test_the_frame_goes_through_the_predictor(shape, status):
    frames = []

    def predictor(frame):
        frames.append(frame)
        return SimpleNamespace(label=np.ones(shape, np.uint8))

    predictor.ready = True
    with client_of(health_of(predictor)) as client:
        assert client.get("/healthz").status_code == status
    (frame,) = frames
    assert frame.rgb is not None
    assert frame.depth is not None
