"""Weights in a model repository on the Hugging Face Hub: one file at one commit, checked by its hash.

Where a copy of the project comes without its bundled weights, a pin `NAME.hub.json` beside their place says where they
are. They are taken from the hub's cache, or fetched into it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from deresunet.errors import InputError
from deresunet.model.checkpoint import sha256_of

PIN_SUFFIX = ".hub.json"


@dataclass(frozen=True)
class HubPin:
    """A file of weights in a model repository.

    Attributes:
        repo_id: "USER/MODEL".
        revision: the commit, 40 hex digits; a branch would let the weights change under the code.
        filename: the file's path in the repository.
        sha256: the file's hash, 64 hex digits.

    Raises:
        ValueError: `revision` is no commit.
    """

    repo_id: str
    revision: str
    filename: str
    sha256: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise ValueError(f"revision is {self.revision!r}; expected a commit, 40 hex digits")

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

        place = f"{self.filename} of {self.repo_id} at {self.revision[:12]}"
        try:
            path = Path(hf_hub_download(self.repo_id, self.filename, revision=self.revision))
        except Exception as error:  # the hub's own, and whatever the transport raises, which changes between versions
            raise InputError(
                f"{place} is not in the hub's cache and cannot be fetched: {' '.join(str(error).split())} Connect and "
                f"run `hf download {self.repo_id} {self.filename} --revision {self.revision}`, with HF_TOKEN if the "
                "repository is private, or give a file with --checkpoint."
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
    try:
        pinned = HubPin(**json.loads(pin.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{pin.name} is no pin of weights ({error}). Expected JSON with repo_id, revision, filename and sha256, as "
            "`python -m demo.deploy --weights-repo` writes it."
        ) from error
    return pinned.fetch()


def pin_path(bundled: Path) -> Path:
    """Path of the pin beside the place of bundled weights."""
    return bundled.with_suffix(PIN_SUFFIX)
