"""The upload, against a stand-in for the hub: what huggingface_hub really sends."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT
from hub_standin import TOKEN, Hub, environment, talk_to

from demo.deploy.__main__ import main
from deresunet.model import registry
from deresunet.model.checkpoint import sha256_of

WEIGHTS = registry.entry(registry.DEFAULT_MODEL).checkpoint
IN_SPACE = "deresunet/weights/deresunet_r50.safetensors"


@pytest.fixture
def server():
    with Hub() as started:
        yield started


@pytest.fixture
def deploy(server, tmp_path, monkeypatch, capsys):
    """A function that runs the command in this process, and gives status, output and errors."""
    talk_to(server, tmp_path / "home", monkeypatch)

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
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    space = server.repositories["space", "ann/rooms"]
    listed = {line.split()[1] for line in done.stdout.splitlines() if re.match(r" *[\d,]+  \S+$", line)}
    assert set(space.files) - {".gitattributes"} == listed
    assert hashlib.sha256(space.files[IN_SPACE]).hexdigest() == sha256_of(WEIGHTS)
    assert space.requested == ["l4x1"]
    assert TOKEN not in done.stdout + done.stderr


def test_a_space_is_made_filled_and_given_its_machine_and_again_only_what_changed(deploy, server):
    status, out, err = deploy("--repo-id", "ann/rooms", "--hardware", "t4-small")
    assert status == 0, err
    assert set(server.repositories) == {("space", "ann/rooms")}
    space = server.repositories["space", "ann/rooms"]
    assert space.payload["sdk"] == "gradio"
    assert space.requested == ["t4-small"]
    assert not space.private
    assert {"app.py", "README.md", "requirements.txt", "demo/deploy/zerogpu.py", IN_SPACE} < set(space.files)
    assert "suggested_hardware: t4-small" in space.files["README.md"].decode()
    assert space.files["app.py"] == (ROOT / "app.py").read_bytes()
    assert server.uploads() == [f"/blobs/{sha256_of(WEIGHTS)}"], "the weights alone go through large-file storage"
    assert space.large == {IN_SPACE}
    assert f"{server.url}/spaces/ann/rooms" in out
    assert TOKEN not in out + err
    assert TOKEN.encode() not in b"".join(space.files.values())
    assert len(server.committed) == 1

    status, out, err = deploy("--repo-id", "ann/rooms", "--hardware", "t4-small")
    assert status == 0, err
    assert len(server.committed) == 1, "nothing had changed, so there is no commit"
    assert len(server.uploads()) == 1
    assert space.requested == ["t4-small"], "it has that machine"

    # Another machine changes the front matter and the version of torch; the hub has a file that is not of the Space.
    space.files["old.py"] = b"print()\n"
    status, out, err = deploy("--repo-id", "ann/rooms", "--hardware", "zero-a10g")
    assert status == 0, err
    assert sorted(server.committed[1]) == [
        ("deletedFile", "old.py"),
        ("file", "README.md"),
        ("file", "requirements.txt"),
    ]
    assert space.requested == ["t4-small", "zero-a10g"]
    assert ".gitattributes" in space.files, "the hub's own file stays"


def test_weights_in_a_repository_of_their_own_are_pinned(deploy, server):
    status, _, err = deploy("--repo-id", "ann/rooms", "--weights-repo", "ann/weights")
    assert status == 0, err
    space, model = server.repositories["space", "ann/rooms"], server.repositories["model", "ann/weights"]
    assert set(model.files) == {".gitattributes", "LICENSE", "README.md", WEIGHTS.name}
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
    assert f"- ann/weights {WEIGHTS.name} {model.head}\n" in readme, "preloaded by the builder at that commit"
    assert "models:\n- ann/weights\n" in readme

    # The weights are there: neither they nor a commit of them goes up again, and the pin stays.
    commits = len(server.committed)
    status, _, err = deploy("--repo-id", "ann/rooms", "--weights-repo", "ann/weights")
    assert (status, len(server.committed), len(server.uploads())) == (0, commits, 1), err

    status, _, err = deploy("--repo-id", "ann/rooms", "--weights-repo", "ann/weights", "--weights-revision", "f" * 40)
    assert status == 1
    assert err.startswith("error: The hub does not look at ann/weights (404")


def test_private_is_private_before_anything_is_uploaded(deploy, server):
    status, _, err = deploy("--repo-id", "ann/rooms", "--stage", "unused", "--dry-run")
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
            r"does not upload to ann/rooms \(403: Forbidden\). The token may not",
        ),
        (("/api/spaces/ann/rooms/hardware", 402, "Payment required"), r"request l4x1 .*402.*settings/billing"),
        (("/api/validate-yaml", 500, "Oops"), r"does not upload to ann/rooms \(500: Oops\). Try again later"),
    ],
)
def test_what_the_hub_refuses_is_told_in_one_line(deploy, server, refused, message):
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
    assert "error: Cannot upload to ann/rooms: the hub cannot be reached" in err
