"""Staged folders -> repositories on the Hugging Face Hub, and a Space that runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, SpaceHardware, get_token
from huggingface_hub.errors import HfHubHTTPError

from demo.deploy.hardware import Hardware
from deresunet.errors import InputError

# Whatever lands in the folder between staging and upload, nothing but these patterns leaves.
ALLOWED = {
    "space": ["app.py", "LICENSE", "README.md", "requirements.txt", "demo/*", "deresunet/*"],
    "model": ["LICENSE", "README.md", "*.safetensors"],
}
# A Space is built after each commit, and one upload may be several commits. Without these three there is nothing to
# build, so they come last, together.
LAST = ["app.py", "README.md", "requirements.txt"]
# The hub's names for a Space that is on its way, and how often and how long it is looked at [s].
_ON_ITS_WAY = ("BUILDING", "RUNNING_BUILDING", "APP_STARTING", "RUNNING_APP_STARTING")
POLL_S = 10.0
FOLLOW_S = 3600.0


def api() -> HfApi:
    """Client of the hub, with the token of HF_TOKEN or `hf auth login`.

    Raises:
        InputError: there is no token.
    """
    if get_token() is None:
        raise InputError(
            "There is no token for the hub. Run `hf auth login`, or set HF_TOKEN to a token that may write "
            "(https://huggingface.co/settings/tokens)."
        )
    return HfApi(library_name="deresunet")


def upload_weights(hub: HfApi, repo_id: str, folder: Path, private: bool) -> tuple[str, bool]:
    """Make a model repository consist of a folder's files; return its newest commit, and whether it is private.

    Raises:
        InputError: the hub cannot be reached, or refuses.
    """
    with _hub_errors(f"upload to {repo_id}"):
        hub.create_repo(repo_id, private=private or None, exist_ok=True)
        now_private = _make_private(hub, repo_id, "model", private)
        return _upload(hub, repo_id, "model", folder, delete_patterns="*"), now_private


def upload_space(hub: HfApi, repo_id: str, folder: Path, hardware: Hardware, sleep_s: int, private: bool) -> str:
    """Make a Space on `hardware` consist of a folder's files; return its newest commit.

    Args:
        hub: the client.
        repo_id: "USER/NAME"; it is made if it is not there.
        folder: as staged.
        hardware: its machine, which is requested before anything is uploaded, since the hub may refuse it.
        sleep_s: seconds without a visitor until a paid machine sleeps; -1 is never.
        private: make it private before anything is uploaded; False leaves an existing one as it is.

    Raises:
        InputError: the hub cannot be reached, or refuses, as it does where a payment is missing.
    """
    flavor = SpaceHardware(hardware.flavor)
    sleep = sleep_s if hardware.dollars_per_hour else None
    with _hub_errors(f"give {repo_id} the hardware {hardware.flavor}"):
        hub.create_repo(
            repo_id,
            repo_type="space",
            space_sdk="gradio",
            space_hardware=flavor,
            space_sleep_time=sleep,
            private=private or None,
            exist_ok=True,
        )
        runtime = hub.get_space_runtime(repo_id)
        if hardware.flavor != (runtime.requested_hardware or runtime.hardware):
            hub.request_space_hardware(repo_id, flavor, sleep_time=sleep)
        elif sleep not in (None, runtime.sleep_time):
            hub.set_space_sleep_time(repo_id, sleep_s)
    with _hub_errors(f"upload to {repo_id}"):
        _make_private(hub, repo_id, "space", private)
        _upload(hub, repo_id, "space", folder, ignore_patterns=LAST)
        staged = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
        stale = sorted(set(hub.list_repo_files(repo_id, repo_type="space")) - staged)
        return _upload(hub, repo_id, "space", folder, allow_patterns=LAST, delete_patterns=stale)


def follow(hub: HfApi, repo_id: str, commit: str) -> None:
    """Print what the hub makes of a Space until it runs.

    Raises:
        InputError: it does not run: it could not be built, or ended, or takes more than `FOLLOW_S`.
    """
    url, began, seen = f"{hub.endpoint}/spaces/{repo_id}", time.monotonic(), ""
    while time.monotonic() - began < FOLLOW_S:
        with _hub_errors(f"look at {repo_id}"):
            runtime = hub.get_space_runtime(repo_id)
        stage = str(getattr(runtime.stage, "value", runtime.stage))
        if stage != seen:
            print(f"{time.monotonic() - began:5.0f} s  {stage}", flush=True)
        # Just after a commit the hub may still tell of the one before: a stage is final when it is told twice.
        elif stage not in _ON_ITS_WAY and runtime.raw.get("sha") in (None, commit):
            if stage == "RUNNING":
                return
            log = "build" if stage in ("BUILD_ERROR", "CONFIG_ERROR", "NO_APP_FILE") else "container"
            said = runtime.raw.get("errorMessage") or "the hub gives no reason"
            raise InputError(f"{repo_id} does not run, its stage is {stage}: {said}\nIts log: {url}?logs={log}")
        seen = stage
        time.sleep(POLL_S)
    raise InputError(f"{repo_id} is still {seen} after {FOLLOW_S / 60:.0f} minutes. Its log: {url}?logs=build")


def _upload(hub: HfApi, repo_id: str, repo_type: str, folder: Path, **patterns: Any) -> str:
    done = hub.upload_folder(
        repo_id=repo_id,
        repo_type=repo_type,
        folder_path=folder,
        commit_message="Deploy with python -m demo.deploy",
        **{"allow_patterns": ALLOWED[repo_type], **patterns},
    )
    return str(done.oid)


def _make_private(hub: HfApi, repo_id: str, repo_type: str, private: bool) -> bool:
    """Make a repository private if that is asked for; return whether it is."""
    is_private = bool(hub.repo_info(repo_id, repo_type=repo_type).private)
    if private and not is_private:
        hub.update_repo_settings(repo_id, private=True, repo_type=repo_type)
    return private or is_private


_ADVICE = {
    401: "The token is not valid: run `hf auth login`, or set HF_TOKEN to a token that may write.",
    402: "It has to be paid for: cpu-basic needs a PRO account, a GPU of one's own a payment method "
    "(https://huggingface.co/settings/billing). `--hardware zero-a10g` is free for two Spaces of an account.",
    403: "The token may not do that: it needs to be a token that may write, of a member of that namespace. For ZeroGPU "
    "without PRO the account's e-mail has to be verified, the account 30 days old, and no third Space on it.",
    404: "It is not there, or the token may not see it.",
}


@contextmanager
def _hub_errors(doing: str) -> Iterator[None]:
    """Turn the hub's answers into an `InputError` that says what could not be done, and why."""
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        reason = error.server_message or str(error).splitlines()[0]
        advice = _ADVICE.get(status, "Try again later.")
        raise InputError(f"The hub does not {doing} ({status}: {reason}). {advice}") from error
    except ValueError as error:  # the hub's check of the front matter, or of the repository's name
        raise InputError(f"The hub does not {doing}: {error}") from error
    except Exception as error:  # whatever the transport raises: the hub's client changes it between its versions
        raise InputError(f"Cannot {doing}: the hub cannot be reached ({error}). Try again when connected.") from error
