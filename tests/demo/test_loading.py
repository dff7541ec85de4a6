"""The network that is loaded while the page is up."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from demo.inspection import preview
from demo.inspector import Inspector
from demo.loading import in_background, start_network
from deresunet import InputError
from deresunet.inference.predictor import Predictor


def test_a_frame_waits_for_the_network_and_gets_its_answer(small, rooms):
    release = threading.Event()
    loading = Predictor(in_background(lambda: release.wait(20) and small.network), checkpoint=small.checkpoint)
    inspector = Inspector(loading, {"sample rooms": rooms})
    assert not loading.ready
    assert preview(inspector.read(inspector.first())).shape[2] == 3, "frames are read meanwhile"
    opened = []
    visitor = threading.Thread(target=lambda: opened.append(inspector.open(inspector.first())))
    visitor.start()
    visitor.join(0.2)
    assert visitor.is_alive()
    release.set()
    visitor.join(20)
    assert loading.ready
    assert np.array_equal(opened[0].label, small(rooms.read(rooms.names[0])).label)
    assert loading.provenance("rgb") == small.provenance("rgb")
    assert loading.protocol == small.protocol


def test_a_network_that_cannot_be_made_is_told_to_whoever_waits(small, room):
    def fails():
        raise InputError("The backend is not here.")

    loading = Predictor(in_background(fails), checkpoint=small.checkpoint)
    with pytest.raises(InputError, match="not here"):
        loading(room)
    assert not loading.ready


def test_the_first_frame_is_segmented_before_any_visitors(room, monkeypatch):
    """What the page says of latency is that of a warm network."""
    seen = []
    call = Predictor.__call__

    def counted(self, frame, modality="rgbd"):
        seen.append(frame.name)
        return call(self, frame, modality)

    monkeypatch.setattr(Predictor, "__call__", counted)
    network = start_network(None, "cpu", "eager", room)
    assert network.checkpoint.state == {}
    network.network  # noqa: B018 - waits for it
    assert seen == [room.name]
    with pytest.raises(InputError, match="no such file"):
        start_network("nowhere.safetensors", "cpu", "eager", room)
    with pytest.raises(InputError, match="No backend is called 'onedn'"):
        start_network(None, "cpu", "onedn", room)
