"""Requests that fail on the way to the page, answered in words."""

from __future__ import annotations

import logging

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deresunet.errors import is_full_disk

log = logging.getLogger(__name__)


class Faults:
    """Answer a request whose handling raised an error, in words and without a path of the server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            if started:
                raise
            answer = _answer(error, scope["path"])
            await answer(scope, receive, send)


def _answer(error: Exception, path: str) -> Response:
    if is_full_disk(error):
        log.error("the disk is full: %s", error)
        status, words = 507, "The server's disk is full, so nothing was kept. Try again later, or tell its operator."
    else:
        log.error("a request of %s failed", path, exc_info=error)
        status, words = 500, f"The server failed at this ({type(error).__name__}); its log says more. Try again."
    headers = {"Connection": "close"}
    # Gradio's page shows the text of a failed upload as it stands, and takes the rest for JSON.
    if path.rstrip("/").endswith("/upload"):
        return PlainTextResponse(words, status, headers)
    return JSONResponse({"detail": words, "error": words}, status, headers)
