"""Requests that fail on the way to the page: answered in words, and slow ones cut."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deresunet.errors import is_full_disk

log = logging.getLogger(__name__)

# A body has so many seconds, and one more for each `BYTES_PER_S` that have come.
GRACE_S = 30.0
BYTES_PER_S = 16_384


class SlowBodyError(Exception):
    """The body of a request comes too slowly."""


class Faults:
    """Answer a request whose handling raised an error, in words and without a path of the server.

    Args:
        app: what is served.
        grace_s: see `GRACE_S`.
    """

    def __init__(self, app: ASGIApp, grace_s: float = GRACE_S) -> None:
        self._app = app
        self._grace_s = grace_s

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
            await self._app(scope, _timely(receive, self._grace_s), noted)
        except Exception as error:
            if started:
                raise
            answer = _answer(error, scope["path"])
            await answer(scope, receive, send)


def _timely(receive: Receive, grace_s: float) -> Receive:
    """The same, raising `SlowBodyError` once the body is behind its time."""
    began, received, whole = time.monotonic(), 0, False

    async def receive_in_time() -> Message:
        nonlocal received, whole
        if whole:  # what comes now is that the client leaves
            return await receive()
        left = began + grace_s + received / BYTES_PER_S - time.monotonic()
        try:
            message = await asyncio.wait_for(receive(), max(left, 0))
        except TimeoutError as error:
            raise SlowBodyError from error
        received += len(message.get("body", b""))
        whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return receive_in_time


def _answer(error: Exception, path: str) -> Response:
    if isinstance(error, SlowBodyError):
        status, words = 408, "The request came too slowly and was cut. Try again over a faster connection."
    elif is_full_disk(error):
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
