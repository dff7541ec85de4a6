"""Staged folders -> repositories on the Hugging Face Hub. The token is HF_TOKEN, or that of `hf auth login`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, SpaceHardware, get_token
from huggingface_hub.errors import HfHubHTTPError

from deresunet.errors import InputError
from deresunet.model.hub import HubPin

# Whatever lands in the folder between staging and upload, nothing but these patterns leaves.
ALLOWED = {
    "space": ["app.py", "LICENSE", "README.md", "requirements.txt", "demo/*", "deresunet/*"],
    "model": ["LICENSE", "README.md", "*.safetensors"],
}


class Hub:
    """A user's side of the hub.

    Raises:
        InputError: there is no token.
    """

    def __init__(self) -> None:
        if get_token() is None:
            raise InputError(
                "There is no token for the hub. Run `hf auth login`, or set HF_TOKEN to a token that may write "
                "(https://huggingface.co/settings/tokens)."
            )
        self._api = HfApi(library_name="deresunet")

    def upload(self, repo_id: str, repo_type: str, folder: Path, private: bool = False) -> str:
        """Make a repository consist of a folder's files and return its newest commit.

        Files that are there already are not uploaded again; files that are not in the folder are removed.

        Args:
            repo_id: "USER/NAME"; it is made if it is not there.
            repo_type: "space" or "model".
            folder: as staged.
            private: make it private before anything is uploaded; False leaves an existing one as it is.

        Raises:
            InputError: the hub cannot be reached, or refuses.
        """
        with _hub_errors(f"upload to {repo_id}"):
            self._api.create_repo(
                repo_id,
                repo_type=repo_type,
                private=private or None,
                exist_ok=True,
                space_sdk="gradio" if repo_type == "space" else None,
            )
            if private and not self.is_private(repo_id, repo_type):
                self._api.update_repo_settings(repo_id, private=True, repo_type=repo_type)
            done = self._api.upload_folder(
                repo_id=repo_id,
                repo_type=repo_type,
                folder_path=folder,
                allow_patterns=ALLOWED[repo_type],
                delete_patterns="*",
                commit_message="Deploy with python -m demo.deploy",
            )
        return str(done.oid)

    def is_private(self, repo_id: str, repo_type: str) -> bool:
        """Whether only those with a token may read a repository.

        Raises:
            InputError: the hub cannot be reached, or there is no such repository.
        """
        with _hub_errors(f"look at {repo_id}"):
            return bool(self._api.repo_info(repo_id, repo_type=repo_type).private)

    def check_pin(self, pin: HubPin) -> None:
        """Check that the hub has the very file that is pinned.

        Raises:
            InputError: it has not, or cannot be reached.
        """
        with _hub_errors(f"look at {pin.repo_id}"):
            found = self._api.get_paths_info(pin.repo_id, [pin.filename], revision=pin.revision)
        lfs = getattr(found[0], "lfs", None) if found else None
        if lfs is None or lfs.sha256 != pin.sha256:
            raise InputError(
                f"{pin.repo_id} at {pin.revision[:12]} does not have this checkout's {pin.filename} (sha256 "
                f"{pin.sha256[:12]}...). Leave out --weights-revision to upload it."
            )

    def request_hardware(self, space_id: str, flavor: str) -> bool:
        """Request a Space's machine unless it has it already; return whether it was requested.

        Raises:
            InputError: the hub cannot be reached, or refuses, as it does where a payment is missing.
        """
        with _hub_errors(f"request {flavor} for {space_id}"):
            runtime = self._api.get_space_runtime(space_id)
            if flavor == (runtime.requested_hardware or runtime.hardware):
                return False
            self._api.request_space_hardware(space_id, SpaceHardware(flavor))
        return True

    def url(self, space_id: str) -> str:
        """Address of the Space for people."""
        return f"{self._api.endpoint}/spaces/{space_id}"


@contextmanager
def _hub_errors(doing: str) -> Iterator[None]:
    """Turn the hub's answers into an `InputError` that says what could not be done, and why."""
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = {
            401: "The token is not valid: run `hf auth login`, or set HF_TOKEN to a token that may write.",
            402: "It has to be paid for: see https://huggingface.co/settings/billing.",
            403: "The token may not do that: it needs to be a token that may write, of a member of that namespace.",
            404: "It is not there, or the token may not see it.",
        }.get(status, "Try again later.")
        reason = error.server_message or str(error).splitlines()[0]
        raise InputError(f"The hub does not {doing} ({status}: {reason}). {advice}") from error
    except ValueError as error:  # the hub's check of the front matter, or of the repository's name
        raise InputError(f"The hub does not {doing}: {error}") from error
    except Exception as error:  # whatever the transport raises: the hub's client changes it between its versions
        raise InputError(f"Cannot {doing}: the hub cannot be reached ({error}). Try again when connected.") from error
