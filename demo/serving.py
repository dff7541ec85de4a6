"""How the page is served: behind which path of a proxy, to whom, and what may be uploaded."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deresunet.errors import InputError

# Larger than a 4096x4096 depth file of floats; `deresunet.data.images` bounds the pixels besides.
MAX_UPLOAD = "160mb"
# Waiting visitors. It is always said: on ZeroGPU Gradio would let but one wait.
QUEUE_SIZE = 64
AUTH_VARIABLE = "DERESUNET_AUTH"


@dataclass(frozen=True)
class Serving:
    """What the server is told, checked.

    Attributes:
        root_path: path or URL that a reverse proxy serves the page at, such as "/rooms"; None leaves it to
            GRADIO_ROOT_PATH.
        max_upload: the largest file that is taken, such as "160mb".
        accounts: (name, password) of those who may come in; empty lets everyone in.

    Raises:
        InputError: one of them cannot be used.
    """

    root_path: str | None = None
    max_upload: str = MAX_UPLOAD
    accounts: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        path = self.root_path
        if path and not re.fullmatch(r"(https?://[^\s/]+)?(/[^\s/?#]+)*/?", path):
            raise InputError(f"the root path is {path!r}; expected a path such as /rooms, or a whole URL.")
        if not re.fullmatch(r"[1-9]\d*(b|kb|mb|gb)", self.max_upload, re.IGNORECASE):
            raise InputError(f"the upload limit is {self.max_upload!r}; expected a size such as {MAX_UPLOAD}.")

    def launch_options(self) -> dict[str, Any]:
        """The same as options of `gr.Blocks.launch`."""
        return {
            "root_path": None if self.root_path is None else self.root_path.rstrip("/"),
            "max_file_size": self.max_upload,
            "auth": list(self.accounts) or None,
        }


def accounts_from(environment: Mapping[str, str] = os.environ) -> tuple[tuple[str, str], ...]:
    """The accounts in DERESUNET_AUTH: NAME:PASSWORD, one a line.

    They come from the environment alone, since every user of a machine can read the options of its programs.

    Raises:
        InputError: a line is not of that form; the message repeats nothing of it.
    """
    accounts = []
    for number, line in enumerate(environment.get(AUTH_VARIABLE, "").split("\n"), 1):
        if not line.strip():
            continue
        name, colon, password = line.strip().partition(":")
        if not (name and colon and password):
            raise InputError(f"{AUTH_VARIABLE}, line {number}: expected NAME:PASSWORD, with neither of them empty.")
        accounts.append((name, password))
    if len({name for name, _ in accounts}) < len(accounts):
        raise InputError(f"{AUTH_VARIABLE} has the same name twice; expected one line a name.")
    if AUTH_VARIABLE in environment and not accounts:
        raise InputError(
            f"{AUTH_VARIABLE} is set, but empty: that would let everyone in. Give NAME:PASSWORD, or unset it."
        )
    return tuple(accounts)
