"""Weights on the hub: pinned, fetched, checked, and what is told when they cannot be had."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from huggingface_hub import constants

import deresunet
from deresunet.model import registry
from deresunet.model.checkpoint import sha256_of
from deresunet.model.hub import HubPin, bundled_or_fetched, pin_path

CONTENT = b"weights, as it were" * 100
REVISION = "ab" * 20


@pytest.fixture
def pin():
    return HubPin("ann/weights", REVISION, "net.safetensors", hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The hub's cache with the pinned file in it, and no way to the hub."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    kept = tmp_path / "hub" / "models--ann--weights" / "snapshots" / REVISION
    kept.mkdir(parents=True)
    (kept / "net.safetensors").write_bytes(CONTENT)
    return kept


def test_the_pinned_commit_in_the_cache_needs_no_hub(cache, pin):
    assert pin.fetch() == cache / "net.safetensors"
    assert pin.fetch().read_bytes() == CONTENT


def test_another_file_than_the_pinned_one_is_refused(cache, pin):
    (cache / "net.safetensors").write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(deresunet.InputError, match=r"has the sha256 .* expected .* Delete .* and try again"):
        pin.fetch()


@pytest.mark.parametrize("changed", [{"repo_id": "ann/absent"}, {"revision": "c" * 40}, {"filename": "other.pt"}])
def test_what_is_neither_in_the_cache_nor_to_be_had_says_what_to_do(cache, pin, changed):
    other = replace(pin, **changed)
    with pytest.raises(deresunet.InputError, match=r"is not in the hub's cache and cannot be fetched") as told:
        other.fetch()
    assert f"`hf download {other.repo_id} {other.filename} --revision {other.revision}`" in str(told.value)
    assert "--checkpoint" in str(told.value)


def test_a_hub_that_cannot_be_reached_says_the_same(cache, pin, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("time.sleep", lambda _: None)  # between the client's own tries
    with pytest.raises(deresunet.InputError, match=r"cannot be fetched: .*connection.*hf download"):
        replace(pin, revision="c" * 40).fetch()


def test_a_pin_pins(pin):
    with pytest.raises(ValueError, match="40 hex digits"):
        replace(pin, revision="main")


@pytest.mark.parametrize("content", ["", "[]", '{"repo_id": "ann/weights"}', '{"revision": "main"}'])
def test_a_file_that_is_no_pin_is_told(tmp_path, content):
    (tmp_path / "net.hub.json").write_text(content)
    with pytest.raises(deresunet.InputError, match=r"net.hub.json is no pin of weights"):
        bundled_or_fetched(tmp_path / "net.safetensors")


def test_bundled_weights_come_first(cache, pin, tmp_path):
    bundled = tmp_path / "net.safetensors"
    bundled.write_bytes(b"bundled")
    pin_path(bundled).write_text(pin.as_json())
    assert bundled_or_fetched(bundled) == bundled
    bundled.unlink()
    assert bundled_or_fetched(bundled).read_bytes() == CONTENT


def test_load_takes_the_weights_from_the_hub_when_they_are_not_bundled(cache, tmp_path, monkeypatch, exact):
    entry = registry.entry(registry.DEFAULT_MODEL)
    whole, absent = entry.checkpoint, tmp_path / "weights" / entry.checkpoint.name
    absent.parent.mkdir()
    monkeypatch.setitem(registry._MODELS, registry.DEFAULT_MODEL, replace(entry, checkpoint=absent))
    with pytest.raises(deresunet.InputError, match=r"nor is deresunet_r50.hub.json"):
        deresunet.load(device="cpu")
    (cache / whole.name).symlink_to(whole)
    pinned = {"repo_id": "ann/weights", "revision": REVISION, "filename": whole.name, "sha256": sha256_of(whole)}
    pin_path(absent).write_text(json.dumps(pinned))
    loaded = deresunet.load(device="cpu", backend="eager")
    assert loaded.checkpoint.sha256 == exact.checkpoint.sha256
    assert loaded.checkpoint.name == whole.name
