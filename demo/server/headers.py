"""Security headers of every answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deresunet.errors import InputError

# Where a page that is shared through Gradio's relay gets its scripts and styles from.
SHARE_ORIGIN = "https://gradio.s3-us-west-2.amazonaws.com"
# Who embeds the page of a Space, and where it asks for what Gradio's header shows, and whether the Space sleeps.
SPACE_ANCESTORS = ("https://huggingface.co", "https://*.hf.space")
SPACE_HUB = ("https://huggingface.co", "https://*.huggingface.co")
# Files of `demo.downloads`, whose folder is named by a hash of the content.
_HANDED_OUT = re.compile(r"/file=.*/deresunet/[0-9a-f]{32}/[^/]+$")
_ANCESTOR = re.compile(r"\*|https?://(\*\.)?[A-Za-z0-9.-]+(:\d+)?")


def policy(ancestors: Sequence[str] = (), scripts: Sequence[str] = (), asked: Sequence[str] = ()) -> str:
    """The Content-Security-Policy: everything comes from this server.

    Gradio's own scripts, styles and event handlers are inline, and it compiles handlers from text, so `unsafe-inline`
    and `unsafe-eval` have to stay; the rest (foreign scripts, forms, frames, plugins, base addresses) is shut.

    Args:
        ancestors: origins whose pages may embed this one, besides its own.
        scripts: origins that scripts and styles come from, besides this server's.
        asked: origins that scripts may ask for data and pictures.
    """
    foreign, told = ("".join(f" {origin}" for origin in origins) for origins in (scripts, asked))
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:{foreign}",
            f"style-src 'self' 'unsafe-inline'{foreign}",
            f"img-src 'self' data: blob:{told}",
            f"font-src 'self' data:{foreign}",
            "media-src 'self' data: blob:",
            f"connect-src 'self' data: blob:{foreign}{told}",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            " ".join(["frame-ancestors 'self'", *ancestors]),
        ]
    )


class SecurityHeaders:
    """Add the headers that bound what a browser does with an answer.

    Args:
        app: what is served.
        ancestors: see `policy`.
        scripts: see `policy`.
        asked: see `policy`.
    """

    def __init__(
        self, app: ASGIApp, ancestors: Sequence[str] = (), scripts: Sequence[str] = (), asked: Sequence[str] = ()
    ) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": policy(ancestors, scripts, asked),
            "X-Content-Type-Options": "nosniff",
            # The page's own address goes to its own server, which makes links of it, and to nobody else.
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
        }
        if not ancestors:
            self._headers["X-Frame-Options"] = "SAMEORIGIN"  # for browsers that know no frame-ancestors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if message["status"] == 200 and _HANDED_OUT.search(scope["path"]):
                    # The address has a hash of what lies there. Where visitors log in, no proxy may keep it for others.
                    headers["Cache-Control"] = "private, max-age=31536000, immutable"
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        return await self._app(scope, receive, send_with_headers)


def checked_ancestors(ancestors: Sequence[str]) -> tuple[str, ...]:
    """The origins that may embed the page, as they were given.

    Raises:
        InputError: one is no origin.
    """
    for origin in ancestors:
        if not _ANCESTOR.fullmatch(origin):
            raise InputError(
                f"The page that may embed this one is {origin!r}; expected its origin, such as https://example.org."
            )
    return tuple(ancestors)
