"""Pages of other origins: they may link to this server, but neither change anything on it nor read its answers."""

from __future__ import annotations

from urllib.parse import urlsplit

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Methods that change nothing; browsers keep their answers from pages of other origins by themselves.
_SAFE = ("GET", "HEAD", "OPTIONS")
_PORTS = {"http": 80, "https": 443}


class SameOrigin:
    """Refuse what pages of other origins send, and take back the leave that Gradio gives them to read answers.

    Gradio lets every origin send requests with a visitor's cookies unless it is reached as localhost. Programs say no
    origin and are served; so is this page where another one embeds it, since what it asks for has its own origin.

    Args:
        app: what is served.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["method"] not in _SAFE and _is_foreign(Headers(scope=scope)):
            words = "This request comes from a page of another address, and such requests are not taken."
            return await JSONResponse({"detail": words, "error": words}, 403)(scope, receive, send)

        async def send_to_this_page(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [one for one in message["headers"] if not one[0].lower().startswith(b"access-control-")]
                message = {**message, "headers": kept}
            await send(message)

        return await self._app(scope, receive, send_to_this_page)


def refuse_other_origins(config: uvicorn.Config) -> None:
    """Have a running server's new connections go through `SameOrigin`, around the leave that Gradio gives."""
    config.loaded_app = SameOrigin(config.loaded_app)


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser sends this for a page of another origin, as it says or as `Origin` and `Host` tell.

    Browsers say so by `Sec-Fetch-Site` over HTTPS and to localhost alone. A page cannot set `X-Forwarded-Host` without
    asking for leave, so it is believed whoever sends it.
    """
    said = headers.get("sec-fetch-site")
    if said is not None:
        return said not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    here = (headers.get(name, "") for name in ("host", "x-forwarded-host"))
    try:
        from_ = urlsplit(origin)
        port = from_.port or _PORTS.get(from_.scheme)
        hosts = [urlsplit(f"//{host}") for host in here if host]
        return (from_.hostname, port) not in [(host.hostname, host.port or _PORTS.get(from_.scheme)) for host in hosts]
    except ValueError:
        return True
