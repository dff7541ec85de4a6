"""Weights in a model repository on the Hugging Face Hub: one file at one commit, checked by its hash.

Where a copy of the project comes without its bundled weights, a pin `NAME.hub.json` beside their place says where they
are. They are taken from the hub's cache, or fetched into it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from deresunet.errors import InputError
from deresunet.model.checkpoint import sha256_of

PIN_SUFFIX = ".hub.json"
_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class HubPin:
    """A file of weights in a model repository.

    Attributes:
        repo_id: "USER/MODEL".
        revision: the commit, 40 hex digits; a branch would let the weights change under the code.
        filename: the file's path in the repository.
        sha256: the file's hash, 64 hex digits.

    Raises:
        ValueError: a field is not what it should be.
    """

    repo_id: str
    revision: str
    filename: str
    sha256: str

    def __post_init__(self) -> None:
        check_repo_id(self.repo_id)
        if not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise ValueError(f"revision is {self.revision!r}; expected a commit, 40 hex digits")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256 is {self.sha256!r}; expected 64 hex digits")

    def as_json(self) -> str:
        """Write the pin as the JSON of its file."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def fetch(self) -> Path:
        """Download the file into the hub's cache if it is not there yet; return its path.

        Raises:
            InputError: it is not in the cache and cannot be fetched, or it is another file than the pinned one.
        """
        # Imported where it is needed: those with bundled weights need none of it.
        from huggingface_hub import hf_hub_download  # noqa: PLC0415
        from huggingface_hub.errors import (  # noqa: PLC0415
            EntryNotFoundError,
            GatedRepoError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        place = f"{self.filename} of {self.repo_id} at {self.revision[:12]}"
        try:
            path = Path(hf_hub_download(self.repo_id, self.filename, revision=self.revision))
        except (RepositoryNotFoundError, GatedRepoError) as error:
            raise InputError(
                f"{self.repo_id} is not on the hub, or may not be read with this token. Log in with `hf auth login` "
                "or set HF_TOKEN to a token that may read it, or give a file with --checkpoint."
            ) from error
        # What is missing locally is an EntryNotFoundError, too, so it has to come first.
        except LocalEntryNotFoundError as error:
            raise InputError(
                f"{place} is neither in the hub's cache nor to be fetched: the hub cannot be reached, or "
                f"HF_HUB_OFFLINE is set. Connect once and run `hf download {self.repo_id} {self.filename} --revision "
                f"{self.revision}`, or give a file with --checkpoint."
            ) from error
        except (RevisionNotFoundError, EntryNotFoundError) as error:
            raise InputError(
                f"{place} is not on the hub (any more). Deploy the weights again, or give a file with --checkpoint."
            ) from error
        except Exception as error:  # whatever the transport raises: the hub's client changes it between its versions
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"{place} cannot be fetched ({reason}). Try again, or give a file with --checkpoint."
            ) from error
        found = sha256_of(path)
        if found != self.sha256:
            raise InputError(
                f"{place} has the sha256 {found[:12]}..., expected {self.sha256[:12]}...: it is damaged, or not the "
                f"file that was pinned. Delete {path.resolve()} and try again."
            )
        return path


def bundled_or_fetched(bundled: Path) -> Path:
    """Find the bundled weights, or fetch the file that the pin beside their place names.

    Raises:
        InputError: there is neither, or the pinned file cannot be had.
    """
    if bundled.is_file():
        return bundled
    pin = pin_path(bundled)
    if not pin.is_file():
        raise InputError(
            f"{bundled.name} is not in {bundled.parent}, nor is {pin.name}, which would say where on the hub it is. "
            "Get the project whole, or give a file with --checkpoint."
        )
    return read_pin(pin).fetch()


def pin_path(bundled: Path) -> Path:
    """Path of the pin beside the place of bundled weights."""
    return bundled.with_suffix(PIN_SUFFIX)


def read_pin(path: str | os.PathLike[str]) -> HubPin:
    """Read a pin from a file that holds `HubPin.as_json`.

    Raises:
        InputError: it is no such file.
    """
    try:
        return HubPin(**json.loads(Path(path).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{Path(path).name} is no pin of weights ({error}). Expected JSON with repo_id, revision, filename and "
            "sha256, as `python -m demo.deploy --weights-repo` writes it."
        ) from error


def check_repo_id(repo_id: str) -> None:
    """Raise a ValueError unless `repo_id` reads "USER/NAME"."""
    if not _REPO_ID.fullmatch(repo_id) or "--" in repo_id or ".." in repo_id:
        raise ValueError(f"repository is {repo_id!r}; expected USER/NAME of letters, digits, '-', '_' and '.'")
