"""How the page is served: behind which path of a proxy, to whom, and what may be uploaded."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from demo.head import CARD_ROUTE, ICON, OwnHead
from demo.server import headers
from demo.server.faults import Faults
from demo.server.guard import GuardedBlocks
from demo.server.health import Health
from demo.server.origins import refuse_other_origins
from demo.server.pictures import keep_pictures_whole
from demo.server.waiting import Listeners
from deresunet.errors import InputError

# Larger than a 4096x4096 depth file of floats; `deresunet.data.images` bounds the pixels besides.
MAX_UPLOAD = "160mb"
# Jobs that wait, of all visitors together.
QUEUE_SIZE = 64
# Visits whose settings Gradio keeps, 0.3 MB each; who comes back after so many others finds the page as at first.
SESSIONS = 400
AUTH_VARIABLE = "DERESUNET_AUTH"
# A Space is reached through the platform's proxies, from addresses of a private network. What they append to
# X-Forwarded-For is the visitor's address; what stands before it, a visitor may have written.
SPACE_PROXIES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "127.0.0.1")


@dataclass(frozen=True)
class Serving:
    """Options of the server, checked.

    Attributes:
        root_path: path or URL that a reverse proxy serves the page at, such as "/rooms"; None leaves it to
            GRADIO_ROOT_PATH.
        max_upload: the largest file that is taken, such as "160mb".
        accounts: (name, password) of those who may come in; empty lets everyone in.
        trusted_proxies: addresses and networks whose X-Forwarded-For and -Proto are believed.
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
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise InputError(
                    f"The trusted proxy is {proxy!r}; expected an address or a network such as 127.0.0.1 or 10.0.0.0/8."
                ) from error
        headers.checked_ancestors(self.ancestors)

    def serve(self, page: GuardedBlocks, health: Health, **options: Any) -> None:
        """Queue and launch a page without waiting for its end; `options` as of `gr.Blocks.launch`."""
        # `api_open` would let programs go past the queue. `max_size` is always said: on ZeroGPU Gradio would let but
        # one wait.
        page.queue(max_size=QUEUE_SIZE, default_concurrency_limit=4, api_open=False)
        keep_pictures_whole()
        # Uvicorn reads here whose X-Forwarded headers it believes; unset, it would be any sender's on this machine.
        os.environ["FORWARDED_ALLOW_IPS"] = ",".join((*self.trusted_proxies, *(SPACE_PROXIES if _in_space() else ())))
        page.launch(
            prevent_thread_lock=True, **self.launch_options(page, health, bool(options.get("share"))), **options
        )
        refuse_other_origins(page.server.config)

    def launch_options(self, page: gr.Blocks, health: Health, share: bool = False) -> dict[str, Any]:
        """These settings as options of `gr.Blocks.launch`."""
        ancestors = (*self.ancestors, *(headers.SPACE_ANCESTORS if _in_space() else ()))
        scripts = (headers.SHARE_ORIGIN,) if share else ()
        middleware = [
            Middleware(headers.SecurityHeaders, ancestors, scripts, headers.SPACE_HUB if _in_space() else ()),
            Middleware(GZipMiddleware, compresslevel=5),
            Middleware(OwnHead),
            Middleware(Faults),
            Middleware(Listeners, page),
        ]
        return {
            "root_path": None if self.root_path is None else self.root_path.rstrip("/"),
            "max_file_size": self.max_upload,
            "auth": list(self.accounts) or None,
            "auth_message": _login_message() if self.accounts else None,
            "state_session_capacity": SESSIONS,
            "run_history": False,
            "favicon_path": str(ICON),
            "app_kwargs": {
                "middleware": middleware,
                "routes": [Route("/healthz", health.answer, methods=["GET"]), CARD_ROUTE],
            },
        }


def _login_message() -> str | None:
    """HTML over the login: in a Space, where to log in if the browser forgets it."""
    host = os.environ.get("SPACE_HOST", "")
    if not (_in_space() and re.fullmatch(r"[\w.-]+", host)):
        return None
    return (
        "If this page comes again after you have logged in, your browser keeps no cookies of a page within another, as "
        f'Safari and private windows do. Log in at <a href="https://{host}" target="_blank">{host}</a> instead.'
    )


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
