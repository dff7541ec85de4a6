"""The upload, against the hub's client with repositories in memory."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from itertools import chain
from types import SimpleNamespace

import httpx
import pytest
import yaml
from conftest import ROOT
from huggingface_hub import HfApi, SpaceRuntime
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import filter_repo_objects

from demo.deploy import upload
from demo.deploy.__main__ import main
from demo.deploy.hardware import DEFAULT, HARDWARE, PRICES_COPIED
from demo.deploy.stage import bundled_weights
from deresunet.model import registry
from deresunet.model.checkpoint import sha256_of

WEIGHTS = registry.entry(registry.DEFAULT_MODEL).checkpoint
IN_SPACE = "deresunet/weights/deresunet_r50.safetensors"
XET_COMMIT = 250
LAST = ["README.md", "app.py", "requirements.txt"]
URL = "https://hub.test"
TOKEN = "hf_" + "secret" * 5


class Hub:
    """Methods of `HfApi` that the upload calls, over repositories in memory; refuses what the hub refuses an account.

    Attributes:
        repositories: "USER/NAME" -> private, files, machines requested, sleep time.
        calls: method, repository and what it changed, in order.
        pro, pays: whether the account has a PRO subscription, and a payment method.
        runtimes: what a Space's runtime says, one after the other; the last one stays.
        refusals: method -> status that is answered instead.
    """

    endpoint = URL

    def __init__(self):
        self.repositories, self.calls, self.refusals = {}, [], {}
        self.pro, self.pays, self.runtimes = False, True, [{"stage": "RUNNING"}]

    def __getattribute__(self, name):
        method = object.__getattribute__(self, name)
        if name.startswith("_") or not callable(method):
            return method

        def called(*arguments, **options):
            inspect.signature(getattr(HfApi, name)).bind(self, *arguments, **options)  # as the client takes it
            if status := self.refusals.get(name):
                raise _refused(status, "Oops")
            return method(*arguments, **options)

        return called

    def create_repo(self, repo_id, private=None, exist_ok=False, space_hardware=None, space_sleep_time=None, **options):
        if repo_id in self.repositories:
            assert exist_ok
            return
        self._pay(space_hardware)
        made = SimpleNamespace(private=bool(private), files={".gitattributes": b""}, sleep_time=space_sleep_time)
        made.requested, made.options = [space_hardware], options
        self.repositories[repo_id] = made

    def repo_info(self, repo_id, repo_type):
        return self.repositories[repo_id]

    def update_repo_settings(self, repo_id, private, repo_type):
        self.repositories[repo_id].private = private
        self.calls.append(("settings", repo_id, private))

    def get_space_runtime(self, repo_id):
        latest = self.runtimes.pop(0) if len(self.runtimes) > 1 else self.runtimes[0]
        space = self.repositories[repo_id]
        hardware = {"current": None, "requested": space.requested[-1]}
        return SpaceRuntime({"hardware": hardware, "gcTimeout": space.sleep_time, **latest})

    def request_space_hardware(self, repo_id, hardware, sleep_time=None):
        self._pay(hardware)
        self.repositories[repo_id].requested.append(hardware)
        self.repositories[repo_id].sleep_time = sleep_time

    def set_space_sleep_time(self, repo_id, sleep_time):
        self.repositories[repo_id].sleep_time = sleep_time

    def list_repo_files(self, repo_id, repo_type):
        return list(self.repositories[repo_id].files)

    def upload_folder(self, repo_id, folder_path, allow_patterns, ignore_patterns=None, delete_patterns=None, **_):
        files = self.repositories[repo_id].files
        there = {path.relative_to(folder_path).as_posix(): path for path in folder_path.rglob("*") if path.is_file()}
        sent = set(filter_repo_objects(there, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns))
        gone = set(filter_repo_objects(files, allow_patterns=delete_patterns)) if delete_patterns else set()
        gone -= {*there, ".gitattributes"}
        changed = {name: there[name].read_bytes() for name in sent if files.get(name) != there[name].read_bytes()}
        files |= changed
        for name in gone:
            del files[name]
        whole = sorted(changed) + [f"- {name}" for name in sorted(gone)]
        for start in range(0, len(whole), XET_COMMIT):  # with Xet a folder goes up in several commits
            self.calls.append(("commit", repo_id, whole[start : start + XET_COMMIT]))
        return SimpleNamespace(oid=hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest())

    def _pay(self, machine):
        if machine == "cpu-basic" and not self.pro:
            raise _refused(402, "hosting Gradio and Docker Spaces on free cpu-basic requires a PRO subscription")
        if machine not in (None, "cpu-basic", "zero-a10g") and not self.pays:
            raise _refused(402, "You must add a payment method to your account")

    def _commits(self, repo_id="ann/rooms"):
        return [changed for kind, name, changed in self.calls if (kind, name) == ("commit", repo_id)]


def _refused(status, message):
    response = httpx.Response(status, request=httpx.Request("POST", URL))
    return HfHubHTTPError(message, response=response, server_message=message)


@pytest.fixture
def hub(monkeypatch):
    hub = Hub()
    monkeypatch.setattr(upload, "HfApi", lambda **_: hub)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(upload, "POLL_S", 0.01)
    return hub


@pytest.fixture
def small(monkeypatch):
    """A Space of a few files, where it does not matter what is uploaded."""

    def stage(folder, *_):
        for name in (*LAST, "LICENSE"):
            (folder / name).write_text(f"---\ntitle: {name}\n---\n")

    monkeypatch.setattr("demo.deploy.__main__.stage_space", stage)


@pytest.fixture
def deploy(hub, capsys):
    """A function that runs the command in this process, and gives status, output and errors."""

    def run(*arguments):
        capsys.readouterr()
        try:
            main(["--repo-id", "ann/rooms", *arguments])
        except SystemExit as ended:
            return 1, capsys.readouterr().out, str(ended.code)
        return (0, *capsys.readouterr())

    return run


def test_a_space_is_made_filled_and_followed_and_again_only_what_changed(deploy, hub):
    hub.runtimes = [{"stage": stage} for stage in ("NO_APP_FILE", "NO_APP_FILE", "BUILDING", "APP_STARTING")]
    hub.runtimes += [{"stage": "RUNNING", "sha": "0" * 40}, {"stage": "RUNNING", "sha": "0" * 40}]
    hub.runtimes += [{"stage": "BUILDING"}, {"stage": "RUNNING"}]
    status, out, err = deploy("--hardware", "t4-small")
    assert status == 0, err
    assert set(hub.repositories) == {"ann/rooms"}
    space = hub.repositories["ann/rooms"]
    assert space.options == {"repo_type": "space", "space_sdk": "gradio"}
    assert (space.requested, space.sleep_time, space.private) == (["t4-small"], 3600, False)
    assert {"app.py", "README.md", "requirements.txt", "demo/deploy/zerogpu.py", IN_SPACE} < set(space.files)
    assert "suggested_hardware: t4-small" in space.files["README.md"].decode()
    assert space.files["app.py"] == (ROOT / "app.py").read_bytes()
    told = re.findall(r"^ *\d+ s  (\w+)$", out, re.MULTILINE)
    wanted = ["NO_APP_FILE", "BUILDING", "APP_STARTING", "RUNNING", "BUILDING", "RUNNING"]
    assert told == wanted, "what runs of the commit before is not the end"
    assert out.endswith(f"{URL}/spaces/ann/rooms runs\n")
    assert TOKEN not in out + err
    assert TOKEN.encode() not in b"".join(space.files.values())
    # The hub builds each commit, and without these three there is nothing to build.
    *first, last = commits = hub._commits()
    assert len(first) == -(-(len(space.files) - 1 - len(LAST)) // XET_COMMIT) > 1
    assert last == LAST
    assert not {*chain(*first)} & set(LAST)

    status, out, err = deploy("--hardware", "t4-small", "--sleep-time", "-1")
    assert status == 0, err
    assert hub._commits() == commits, "nothing had changed, so there is no commit"
    assert (space.requested, space.sleep_time) == (["t4-small"], -1), "it has that machine"
    assert "billed around the clock" in out

    # Another machine changes the front matter and the version of torch; the hub has a file that is not of the Space.
    space.files["old.py"] = b"print()\n"
    status, out, err = deploy()
    assert status == 0, err
    assert hub._commits()[len(commits) :] == [["README.md", "requirements.txt", "- old.py"]]
    assert (space.requested, space.sleep_time) == (["t4-small", "zero-a10g"], None)
    assert ".gitattributes" in space.files, "the hub's own file stays"


@pytest.mark.parametrize("account", ["new", "PRO"])
@pytest.mark.parametrize("flavor", HARDWARE)
def test_an_account_gets_the_machines_that_it_may_have(deploy, small, hub, account, flavor):
    hub.pro, hub.pays = account == "PRO", account == "PRO"
    status, out, err = deploy(*(["--hardware", flavor] if flavor != DEFAULT else []))
    if account == "PRO" or flavor == "zero-a10g":
        assert status == 0, err
        assert hub.repositories["ann/rooms"].requested == [flavor]
        assert ("$" in out, f"copied on {PRICES_COPIED}" in out) == (HARDWARE[flavor].dollars_per_hour > 0,) * 2
    else:
        assert (status, hub.repositories, hub.calls) == (1, {}, [])
        assert re.search(r"\(402: .*(PRO subscription|payment method).*--hardware zero-a10g` is free", err)


def test_another_machine_for_a_space_that_is_there_may_be_refused_too(deploy, small, hub):
    assert deploy()[0] == 0
    commits = len(hub.calls)
    status, _, err = deploy("--hardware", "cpu-basic")
    assert (status, len(hub.calls)) == (1, commits), "before anything is uploaded"
    assert "402" in err


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ({"stage": "BUILDING"}, "is still BUILDING after"),
        (
            {"stage": "BUILD_ERROR", "errorMessage": "exit code: 1"},
            r"does not run, its stage is BUILD_ERROR: exit code: 1\nIts log: https://hub.test/spaces/ann/rooms\?logs=build",
        ),
    ],
)
def test_a_space_that_does_not_run_is_told(deploy, small, hub, monkeypatch, runtime, message):
    monkeypatch.setattr(upload, "FOLLOW_S", 0.2)
    hub.runtimes = [runtime]
    status, _, err = deploy()
    assert status == 1, "what does not run is no success"
    assert re.search(message, err)


def test_weights_in_a_repository_of_their_own_are_pinned(deploy, hub):
    status, _, err = deploy("--weights-repo", "ann/weights")
    assert status == 0, err
    space, model = hub.repositories["ann/rooms"], hub.repositories["ann/weights"]
    assert set(model.files) == {".gitattributes", "LICENSE", "README.md", *(path.name for path in bundled_weights())}
    card = model.files["README.md"].decode()
    assert "\nlicense: other\n" in card
    assert card.endswith((WEIGHTS.parent / "README.md").read_text())
    assert IN_SPACE not in space.files
    pin = json.loads(space.files["deresunet/weights/deresunet_r50.hub.json"])
    assert re.fullmatch("[0-9a-f]{40}", pin["revision"])
    wanted = {"repo_id": "ann/weights", "revision": pin["revision"], "filename": WEIGHTS.name}
    assert pin == {**wanted, "sha256": sha256_of(WEIGHTS)}
    readme = space.files["README.md"].decode()
    preloaded = f"ann/weights {','.join(path.name for path in bundled_weights())} {pin['revision']}"
    assert yaml.safe_load(readme.split("---")[1])["preload_from_hub"] == [preloaded], "at that commit, by the builder"
    assert "models:\n- ann/weights\n" in readme
    # The weights are there: they do not go up again, and the pin stays.
    commits = len(hub.calls)
    status, _, err = deploy("--weights-repo", "ann/weights")
    assert (status, len(hub.calls)) == (0, commits), err


def test_private_is_private_before_anything_is_uploaded(deploy, hub):
    status, _, err = deploy("--dry-run")
    assert (status, hub.repositories) == (0, {}), err
    for private in ([], ["--private"]):
        status, out, err = deploy("--weights-repo", "ann/weights", *private)
        assert status == 0, err
    assert hub.repositories["ann/rooms"].private
    assert hub.repositories["ann/weights"].private
    changes = [kind for kind, name, _ in hub.calls if name == "ann/rooms"]
    assert changes == ["commit", "commit", "commit", "settings", "commit"], "private before the last one"
    readme = hub.repositories["ann/rooms"].files["README.md"].decode()
    assert "preload_from_hub" not in readme, "the builder could not read them"
    assert "secret HF_TOKEN" in out


@pytest.mark.parametrize(
    ("method", "status", "message"),
    [
        ("create_repo", 403, r"does not give ann/rooms the hardware l4x1 \(403: Oops\). The token may not"),
        ("get_space_runtime", 500, r"hardware l4x1 \(500: Oops\). Try again later"),
        ("upload_folder", 500, r"does not upload to ann/rooms \(500: Oops\). Try again later"),
    ],
)
def test_what_the_hub_refuses_is_told_in_one_line(deploy, small, hub, method, status, message):
    hub.refusals[method] = status
    code, _, err = deploy("--hardware", "l4x1")
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert re.search(message, last), last


def test_without_a_token_nothing_is_asked(deploy, hub, monkeypatch):
    monkeypatch.setattr(upload, "get_token", lambda: None)
    status, _, err = deploy()
    assert status == 1
    assert err.startswith("error: There is no token for the hub. Run `hf auth login`")
    assert hub.repositories == {}


def test_a_hub_that_cannot_be_reached_is_told(deploy, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    status, _, err = deploy()
    assert status == 1
    assert "error: Cannot give ann/rooms the hardware zero-a10g: the hub cannot be reached" in err
