"""How the page is served: behind which path of a proxy, to whom, and what may be uploaded."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import Route

from demo.server import headers
from demo.server.compression import CompressedDocument
from demo.server.connections import cut_slow_connections
from demo.server.faults import Faults
from demo.server.guard import GuardedBlocks
from demo.server.health import Health
from demo.server.logins import ATTEMPTS, WINDOW_S, LoginBrake
from demo.server.origins import refuse_other_origins
from demo.server.pictures import keep_pictures_whole
from demo.server.proxies import TrustedProxies, checked_proxies
from demo.server.waiting import Listeners
from deresunet.errors import InputError

# Larger than a 4096x4096 depth file of floats; `deresunet.data.images` bounds the pixels besides.
MAX_UPLOAD = "160mb"
# Jobs that wait, of all visitors together.
QUEUE_SIZE = 64
# Visits whose settings Gradio keeps, 0.3 MB each; who comes back after so many others finds the page as at first.
SESSIONS = 400
AUTH_VARIABLE = "DERESUNET_AUTH"


@dataclass(frozen=True)
class Serving:
    """Options of the server, checked.

    Attributes:
        root_path: path or URL that a reverse proxy serves the page at, such as "/rooms"; None leaves it to
            GRADIO_ROOT_PATH.
        max_upload: the largest file that is taken, such as "160mb".
        accounts: (name, password) of those who may come in; empty lets everyone in.
        trusted_proxies: addresses and networks whose X-Forwarded-For, -Host and -Proto are believed.
        ancestors: origins whose pages may embed this one.

    Raises:
        InputError: one of them cannot be used.
    """

    root_path: str | None = None
    max_upload: str = MAX_UPLOAD
    accounts: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    trusted_proxies: tuple[str, ...] = ()
    ancestors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        path = self.root_path
        if path and not re.fullmatch(r"(https?://[^\s/]+)?(/[^\s/?#]+)*/?", path):
            raise InputError(f"the root path is {path!r}; expected a path such as /rooms, or a whole URL.")
        if not re.fullmatch(r"[1-9]\d*(b|kb|mb|gb)", self.max_upload, re.IGNORECASE):
            raise InputError(f"the upload limit is {self.max_upload!r}; expected a size such as {MAX_UPLOAD}.")

        checked_proxies(self.trusted_proxies)
        headers.checked_ancestors(self.ancestors)

    def serve(self, page: GuardedBlocks, health: Health, **options: Any) -> None:
        """Queue and launch a page without waiting for its end; `options` as of `gr.Blocks.launch`."""
        # `api_open` would let programs go past the queue. `max_size` is always said: on ZeroGPU Gradio would let but
        # one wait.
        page.queue(max_size=QUEUE_SIZE, default_concurrency_limit=4, api_open=False)
        keep_pictures_whole()
        # Gradio's server would itself believe whatever a sender on this machine forwards; `TrustedProxies` decides.
        os.environ["FORWARDED_ALLOW_IPS"] = ""
        page.launch(
            prevent_thread_lock=True, **self.launch_options(page, health, bool(options.get("share"))), **options
        )
        cut_slow_connections(page.server.config)
        refuse_other_origins(page.server.config)

    def launch_options(self, page: gr.Blocks, health: Health, share: bool = False) -> dict[str, Any]:
        """These settings as options of `gr.Blocks.launch`."""
        ancestors = (*self.ancestors, *(headers.SPACE_ANCESTORS if _in_space() else ()))
        scripts = (headers.SHARE_ORIGIN,) if share else ()
        middleware = [
            Middleware(TrustedProxies, self.trusted_proxies or (("*",) if _in_space() else ())),
            Middleware(headers.SecurityHeaders, ancestors, scripts),
            Middleware(CompressedDocument),
            Middleware(Faults),
            Middleware(LoginBrake),
            Middleware(Listeners, page),
        ]
        message = f"After {ATTEMPTS} failed logins, wait {WINDOW_S:.0f} seconds."
        return {
            "root_path": None if self.root_path is None else self.root_path.rstrip("/"),
            "max_file_size": self.max_upload,
            "auth": list(self.accounts) or None,
            "auth_message": message if self.accounts else None,
            "state_session_capacity": SESSIONS,
            "run_history": False,
            "app_kwargs": {
                "middleware": middleware,
                "routes": [Route("/healthz", health.answer, methods=["GET"])],
            },
        }


def _in_space() -> bool:
    """Whether this runs as a Space, which is reached through the platform's proxy alone."""
    return "SPACE_ID" in os.environ


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
