"""The upload, against a stand-in for the hub: what huggingface_hub really sends."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT
from hub_standin import TOKEN, Hub, environment, talk_to

from demo.deploy import upload
from demo.deploy.__main__ import main
from demo.deploy.hardware import DEFAULT, HARDWARE, PRICES_COPIED
from demo.deploy.stage import bundled_weights
from deresunet.model import registry
from deresunet.model.checkpoint import sha256_of

WEIGHTS = registry.entry(registry.DEFAULT_MODEL).checkpoint
IN_SPACE = "deresunet/weights/deresunet_r50.safetensors"
LAST = ["README.md", "app.py", "requirements.txt"]
QUICK = "import runpy, sys; from demo.deploy import upload; upload.POLL_S = 0.01; "


@pytest.fixture
def server():
    with Hub() as started:
        yield started


@pytest.fixture
def small(monkeypatch):
    """A Space of a few files, where it does not matter what is uploaded."""

    def stage(folder, *_):
        for name in (*LAST, "LICENSE"):
            (folder / name).write_text(f"---\ntitle: {name}\n---\n")

    monkeypatch.setattr("demo.deploy.__main__.stage_space", stage)


@pytest.fixture
def deploy(server, tmp_path, monkeypatch, capsys):
    """A function that runs the command in this process, and gives status, output and errors."""
    talk_to(server, tmp_path / "home", monkeypatch)
    monkeypatch.setattr(upload, "POLL_S", 0.01)

    def run(*arguments):
        capsys.readouterr()
        try:
            main(list(arguments))
        except SystemExit as ended:
            return 1, capsys.readouterr().out, str(ended.code)
        return (0, *capsys.readouterr())

    return run


def test_the_command_finds_the_hub_by_its_environment(server, tmp_path):
    command = [sys.executable, "-m", "demo.deploy", "--repo-id", "ann/rooms", "--hardware", "l4x1"]
    told = {**os.environ, **environment(server, tmp_path / "home")}
    server.runtimes = [{"stage": "BUILD_ERROR", "errorMessage": "Job failed with exit code: 1"}]
    done = subprocess.run(
        [sys.executable, "-c", f"{QUICK}sys.argv = {command[2:]!r}; runpy.run_module('demo.deploy', None, '__main__')"],
        cwd=ROOT,
        env=told,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, "what does not run is no success"
    assert "ann/rooms does not run, its stage is BUILD_ERROR: Job failed with exit code: 1" in done.stderr
    assert f"{server.url}/spaces/ann/rooms?logs=build" in done.stderr
    space = server.repositories["space", "ann/rooms"]
    listed = {line.split()[1] for line in done.stdout.splitlines() if re.match(r" *[\d,]+  \S+$", line)}
    assert set(space.files) - {".gitattributes"} == listed
    assert hashlib.sha256(space.files[IN_SPACE]).hexdigest() == sha256_of(WEIGHTS)
    assert space.requested == ["l4x1"]
    assert TOKEN not in done.stdout + done.stderr


def test_a_space_is_made_filled_and_followed_and_again_only_what_changed(deploy, server):
    server.runtimes = [{"stage": stage} for stage in ("NO_APP_FILE", "NO_APP_FILE", "BUILDING", "APP_STARTING")]
    server.runtimes += [{"stage": "RUNNING", "sha": "0" * 40}, {"stage": "RUNNING", "sha": "0" * 40}]
    server.runtimes += [{"stage": "BUILDING"}, {"stage": "RUNNING"}]
    status, out, err = deploy("--repo-id", "ann/rooms", "--hardware", "t4-small")
    assert status == 0, err
    assert set(server.repositories) == {("space", "ann/rooms")}
    space = server.repositories["space", "ann/rooms"]
    assert space.payload["sdk"] == "gradio"
    assert (space.requested, space.sleep_time) == (["t4-small"], 3600)
    assert not space.private
    assert {"app.py", "README.md", "requirements.txt", "demo/deploy/zerogpu.py", IN_SPACE} < set(space.files)
    assert "suggested_hardware: t4-small" in space.files["README.md"].decode()
    assert space.files["app.py"] == (ROOT / "app.py").read_bytes()
    assert f"/blobs/{sha256_of(WEIGHTS)}" in server.uploads()
    told = re.findall(r"^ *\d+ s  (\w+)$", out, re.MULTILINE)
    assert told == ["NO_APP_FILE", "BUILDING", "APP_STARTING", "RUNNING", "BUILDING", "RUNNING"], (
        "what runs of the commit before is not the end"
    )
    assert out.endswith(f"{server.url}/spaces/ann/rooms runs\n")
    assert TOKEN not in out + err
    assert TOKEN.encode() not in b"".join(space.files.values())
    assert [("file", path) for path in LAST] == sorted(server.committed[-1])
    commits, uploads = len(server.committed), len(server.uploads())

    status, out, err = deploy("--repo-id", "ann/rooms", "--hardware", "t4-small", "--sleep-time", "-1")
    assert status == 0, err
    assert len(server.committed) == commits, "nothing had changed, so there is no commit"
    assert len(server.uploads()) == uploads
    assert (space.requested, space.sleep_time) == (["t4-small"], -1), "it has that machine"
    assert "billed around the clock" in out

    # Another machine changes the front matter and the version of torch; the hub has a file that is not of the Space.
    space.files["old.py"] = b"print()\n"
    status, out, err = deploy("--repo-id", "ann/rooms")
    assert status == 0, err
    assert sorted(server.committed[commits]) == [
        ("deletedFile", "old.py"),
        ("file", "README.md"),
        ("file", "requirements.txt"),
    ]
    assert (space.requested, space.sleep_time) == (["t4-small", "zero-a10g"], None)
    assert ".gitattributes" in space.files, "the hub's own file stays"


@pytest.mark.parametrize("account", ["new", "PRO"])
@pytest.mark.parametrize("flavor", HARDWARE)
def test_an_account_gets_the_machines_that_it_may_have(deploy, small, server, account, flavor):
    server.pro, server.pays = account == "PRO", account == "PRO"
    status, out, err = deploy("--repo-id", "ann/rooms", *(["--hardware", flavor] if flavor != DEFAULT else []))
    if account == "PRO" or flavor == "zero-a10g":
        assert status == 0, err
        assert server.repositories["space", "ann/rooms"].requested == [flavor]
        assert ("$" in out, f"copied on {PRICES_COPIED}" in out) == (HARDWARE[flavor].dollars_per_hour > 0,) * 2
    else:
        assert (status, server.repositories, server.committed) == (1, {}, [])
        assert re.search(r"\(402: .*(PRO subscription|payment method).*--hardware zero-a10g` is free", err)


def test_another_machine_for_a_space_that_is_there_may_be_refused_too(deploy, small, server):
    assert deploy("--repo-id", "ann/rooms")[0] == 0
    commits = len(server.committed)
    status, _, err = deploy("--repo-id", "ann/rooms", "--hardware", "cpu-basic")
    assert (status, len(server.committed)) == (1, commits), "before anything is uploaded"
    assert "402" in err


def test_no_commit_before_the_last_can_be_built(deploy, server, monkeypatch):
    """The hub's client commits 250 files at a time when it uploads through Xet, and the hub builds each commit."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    server.large = math.inf  # what goes into Xet's own storage, which no stand-in has, is sent along instead
    status, _, err = deploy("--repo-id", "ann/rooms")
    assert status == 0, err
    *before, last = server.committed
    assert len(before) > 1
    assert max(map(len, before)) == 250
    assert sorted(path for _, path in last) == LAST
    assert not {path for commit in before for _, path in commit} & set(LAST)
    space = server.repositories["space", "ann/rooms"]
    assert hashlib.sha256(space.files[IN_SPACE]).hexdigest() == sha256_of(WEIGHTS)
    space.files["old.py"] = b"print()\n"
    space.files["README.md"] = b"---\n---\n"
    commits = len(server.committed)
    assert deploy("--repo-id", "ann/rooms")[0] == 0
    assert server.committed[commits:] == [[("deletedFile", "old.py"), ("file", "README.md")]]


def test_a_space_that_never_ends_building_is_told(deploy, small, server, monkeypatch):
    monkeypatch.setattr(upload, "FOLLOW_S", 0.05)
    server.runtimes = [{"stage": "BUILDING"}]
    status, _, err = deploy("--repo-id", "ann/rooms")
    assert status == 1
    assert "is still BUILDING after" in err


def test_weights_in_a_repository_of_their_own_are_pinned(deploy, server):
    status, _, err = deploy("--repo-id", "ann/rooms", "--weights-repo", "ann/weights")
    assert status == 0, err
    space, model = server.repositories["space", "ann/rooms"], server.repositories["model", "ann/weights"]
    assert set(model.files) == {".gitattributes", "LICENSE", "README.md", *(path.name for path in bundled_weights())}
    card = model.files["README.md"].decode()
    assert "\nlicense: other\n" in card
    assert card.endswith((WEIGHTS.parent / "README.md").read_text())
    assert IN_SPACE not in space.files
    pin = json.loads(space.files["deresunet/weights/deresunet_r50.hub.json"])
    assert pin == {
        "repo_id": "ann/weights",
        "revision": model.head,
        "filename": WEIGHTS.name,
        "sha256": sha256_of(WEIGHTS),
    }
    readme = space.files["README.md"].decode()
    preloaded = f"ann/weights {','.join(path.name for path in bundled_weights())} {model.head}"
    assert yaml.safe_load(readme.split("---")[1])["preload_from_hub"] == [preloaded], "at that commit, by the builder"
    assert "models:\n- ann/weights\n" in readme

    # The weights are there: neither they nor a commit of them goes up again, and the pin stays.
    commits, uploads = len(server.committed), len(server.uploads())
    status, _, err = deploy("--repo-id", "ann/rooms", "--weights-repo", "ann/weights")
    assert (status, len(server.committed), len(server.uploads())) == (0, commits, uploads), err


def test_private_is_private_before_anything_is_uploaded(deploy, server):
    status, _, err = deploy("--repo-id", "ann/rooms", "--dry-run")
    assert (status, server.asked) == (0, []), err
    for private in ([], ["--private"]):
        status, out, err = deploy("--repo-id", "ann/rooms", "--weights-repo", "ann/weights", *private)
        assert status == 0, err
    space, model = server.repositories["space", "ann/rooms"], server.repositories["model", "ann/weights"]
    assert space.private
    assert model.private
    settings = server.asked.index(("PUT", "/api/spaces/ann/rooms/settings"))
    assert settings < max(index for index, (_, path) in enumerate(server.asked) if "ann/rooms/preupload" in path)
    assert "preload_from_hub" not in space.files["README.md"].decode(), "the builder could not read them"
    assert "secret HF_TOKEN" in out


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (
            ("/api/repos/create", 403, "Forbidden"),
            r"does not give ann/rooms the hardware l4x1 \(403: Forbidden\). The token may not",
        ),
        (("/api/spaces/ann/rooms/runtime", 500, "Oops"), r"hardware l4x1 \(500: Oops\). Try again later"),
        (("/api/validate-yaml", 500, "Oops"), r"does not upload to ann/rooms \(500: Oops\). Try again later"),
    ],
)
def test_what_the_hub_refuses_is_told_in_one_line(deploy, small, server, refused, message):
    path, status, text = refused
    server.refusals[path] = (status, text)
    code, _, err = deploy("--repo-id", "ann/rooms", "--hardware", "l4x1")
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert re.search(message, last), last


def test_without_a_token_nothing_is_asked(deploy, server, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    status, _, err = deploy("--repo-id", "ann/rooms")
    assert status == 1
    assert err.startswith("error: There is no token for the hub. Run `hf auth login`")
    assert server.asked == []


def test_a_hub_that_cannot_be_reached_is_told(deploy, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    status, _, err = deploy("--repo-id", "ann/rooms")
    assert status == 1
    assert "error: Cannot give ann/rooms the hardware zero-a10g: the hub cannot be reached" in err
