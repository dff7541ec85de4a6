"""Weights on the hub: pinned, fetched once, checked, and what is told when they cannot be had."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hub_standin import Hub, Repository, talk_to
from huggingface_hub import constants

import deresunet
from deresunet.model import registry
from deresunet.model.checkpoint import sha256_of
from deresunet.model.hub import HubPin, bundled_or_fetched, pin_path

CONTENT = b"weights, as it were" * 100
REVISION = "ab" * 20


@pytest.fixture
def server(tmp_path, monkeypatch):
    with Hub() as started:
        talk_to(started, tmp_path / "home", monkeypatch)
        repository = started.repositories["model", "ann/weights"] = Repository("model", {})
        repository.commits.append((REVISION, {"net.safetensors": CONTENT}))
        yield started


@pytest.fixture
def pin():
    return HubPin("ann/weights", REVISION, "net.safetensors", hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def test_a_pinned_file_is_fetched_once(server, pin):
    path = pin.fetch()
    assert path.read_bytes() == CONTENT
    assert path.name == "net.safetensors"
    asked = len(server.asked)
    assert asked
    assert pin.fetch() == path
    assert len(server.asked) == asked, "a commit does not change, so the cache needs no question to the hub"


def test_the_cache_is_enough_when_offline(server, pin, monkeypatch):
    path = pin.fetch()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert pin.fetch() == path


def test_offline_without_a_cache_says_what_to_do(server, pin, offline):
    with pytest.raises(deresunet.InputError) as told:
        pin.fetch()
    assert "not in the hub's cache and cannot be fetched" in str(told.value)
    assert f"`hf download ann/weights net.safetensors --revision {REVISION}`" in str(told.value)
    assert "--checkpoint" in str(told.value)
    assert server.asked == []


def test_a_hub_that_cannot_be_reached_says_the_same(server, pin, monkeypatch):
    nowhere = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(server.url, "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", nowhere)
    monkeypatch.setattr("time.sleep", lambda _: None)  # between the client's own tries
    with pytest.raises(deresunet.InputError, match=r"cannot be fetched: .*connection.*hf download"):
        pin.fetch()


@pytest.mark.parametrize("where", ["on the hub", "in the cache"])
def test_another_file_than_the_pinned_one_is_refused(server, pin, where):
    if where == "on the hub":
        server.repositories["model", "ann/weights"].files["net.safetensors"] = CONTENT + b"!"
    else:
        pin.fetch().write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(deresunet.InputError, match=r"has the sha256 .* expected .* Delete .* and try again"):
        pin.fetch()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"repo_id": "ann/absent"}, "Repository Not Found.*with HF_TOKEN if the repository is private"),
        ({"repo_id": "ann/../weights"}, "Repo id must"),
        ({"revision": "c" * 40}, "Revision Not Found"),
        ({"filename": "other.safetensors"}, "Entry Not Found"),
    ],
)
def test_what_is_not_there_is_told(server, pin, changed, message):
    with pytest.raises(deresunet.InputError, match=message):
        replace(pin, **changed).fetch()


def test_a_pin_pins(pin):
    with pytest.raises(ValueError, match="40 hex digits"):
        replace(pin, revision="main")


@pytest.mark.parametrize("content", ["", "[]", '{"repo_id": "ann/weights"}', '{"revision": "main"}'])
def test_a_file_that_is_no_pin_is_told(tmp_path, content):
    (tmp_path / "net.hub.json").write_text(content)
    with pytest.raises(deresunet.InputError, match=r"net.hub.json is no pin of weights"):
        bundled_or_fetched(tmp_path / "net.safetensors")


def test_bundled_weights_come_first(pin, tmp_path, server):
    bundled = tmp_path / "net.safetensors"
    bundled.write_bytes(b"bundled")
    pin_path(bundled).write_text(pin.as_json())
    assert bundled_or_fetched(bundled) == bundled
    bundled.unlink()
    assert bundled_or_fetched(bundled).read_bytes() == CONTENT


def test_load_takes_the_weights_from_the_hub_when_they_are_not_bundled(server, tmp_path, monkeypatch, predictor):
    entry = registry.entry(registry.DEFAULT_MODEL)
    whole, absent = entry.checkpoint, tmp_path / "weights" / entry.checkpoint.name
    absent.parent.mkdir()
    monkeypatch.setitem(registry._MODELS, registry.DEFAULT_MODEL, replace(entry, checkpoint=absent))
    with pytest.raises(deresunet.InputError, match=r"nor is deresunet_r50.hub.json"):
        deresunet.load(device="cpu")

    server.repositories["model", "ann/weights"].files[whole.name] = whole.read_bytes()
    pinned = {"repo_id": "ann/weights", "revision": REVISION, "filename": whole.name, "sha256": sha256_of(whole)}
    pin_path(absent).write_text(json.dumps(pinned))
    loaded = deresunet.load(device="cpu")
    assert loaded.checkpoint.sha256 == predictor.checkpoint.sha256
    assert loaded.checkpoint.name == whole.name
