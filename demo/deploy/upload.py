"""Plans -> repositories on the Hugging Face Hub. The token is the hub client's own: HF_TOKEN, or `hf auth login`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError

from demo.deploy.stage import Plan
from deresunet.errors import InputError
from deresunet.model.hub import HubPin

# The hub's own, which says how it stores large files.
KEPT_ON_HUB = ".gitattributes"


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

    def upload(self, repo_id: str, repo_type: str, plan: Plan, private: bool = False) -> str:
        """Make a repository consist of the plan's files, in one commit, and give the commit.

        What is there already is not uploaded again; files that are not in the plan are removed. Without a difference
        there is no new commit.

        Args:
            repo_id: "USER/NAME"; it is made if it is not there.
            repo_type: "space" or "model".
            plan: the files.
            private: make it private before anything is uploaded; False leaves an existing one as it is.

        Raises:
            InputError: the hub cannot be reached, or refuses.
        """
        with _told(f"upload to {repo_id}"):
            self._api.create_repo(
                repo_id,
                repo_type=repo_type,
                private=private or None,
                exist_ok=True,
                space_sdk="gradio" if repo_type == "space" else None,
            )
            if private and not self.is_private(repo_id, repo_type):
                self._api.update_repo_settings(repo_id, private=True, repo_type=repo_type)
            there = self._api.list_repo_files(repo_id, repo_type=repo_type)
            gone = [path for path in there if path not in plan.files and path != KEPT_ON_HUB]
            done = self._api.create_commit(
                repo_id,
                [
                    *[
                        CommitOperationAdd(path, content.encode() if isinstance(content, str) else content)
                        for path, content in plan.files.items()
                    ],
                    *[CommitOperationDelete(path, is_folder=False) for path in gone],
                ],
                commit_message="Deploy with python -m demo.deploy",
                repo_type=repo_type,
            )
        return str(done.oid)

    def is_private(self, repo_id: str, repo_type: str) -> bool:
        """Whether only those with a token may read a repository.

        Raises:
            InputError: the hub cannot be reached, or there is no such repository.
        """
        with _told(f"look at {repo_id}"):
            return bool(self._api.repo_info(repo_id, repo_type=repo_type).private)

    def check_pin(self, pin: HubPin) -> None:
        """Check that the hub has the very file that is pinned.

        Raises:
            InputError: it has not, or cannot be reached.
        """
        with _told(f"look at {pin.repo_id}"):
            found = self._api.get_paths_info(pin.repo_id, [pin.filename], revision=pin.revision)
        lfs = getattr(found[0], "lfs", None) if found else None
        if lfs is None or lfs.sha256 != pin.sha256:
            raise InputError(
                f"{pin.repo_id} at {pin.revision[:12]} does not have this checkout's {pin.filename} (sha256 "
                f"{pin.sha256[:12]}...). Leave out --weights-revision to upload it."
            )

    def request_hardware(self, space_id: str, flavor: str) -> bool:
        """Ask for a Space's machine unless it has it already, and tell whether it was asked for.

        Raises:
            InputError: the hub cannot be reached, or refuses, as it does where a payment is missing.
        """
        with _told(f"request {flavor} for {space_id}"):
            runtime = self._api.get_space_runtime(space_id)
            if flavor == (runtime.requested_hardware or runtime.hardware):
                return False
            self._api.request_space_hardware(space_id, flavor)
        return True

    def url(self, space_id: str) -> str:
        """Where people see the Space."""
        return f"{self._api.endpoint}/spaces/{space_id}"


@contextmanager
def _told(doing: str) -> Iterator[None]:
    """Turn what the hub answers into an `InputError` that says what could not be done, and why."""
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
