"""The page's document, compressed on its way."""

from __future__ import annotations

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class CompressedDocument:
    """Compress the page's document, 0.4 MB that Gradio sends as it is; scripts and styles it compresses itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressed = GZipMiddleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        document = scope["type"] == "http" and scope["path"].rstrip("/") in ("", scope.get("root_path", "").rstrip("/"))
        await (self._compressed if document else self._app)(scope, receive, send)
