"""The head of the page's document: title, description, icon, and what a shared link shows."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.link import read_link

ICON = Path(__file__).with_name("icon.svg")
# The page over a bundled real sample, 1200x630.
CARD = Path(__file__).with_name("card.jpg")
CARD_ROUTE = Route("/card.jpg", lambda request: FileResponse(CARD), methods=["GET"])
DESCRIPTION = (
    "Names every pixel of a room, from colour and depth: see where the network is right, where it fails, how confident "
    "it is, and what depth adds."
)
TAB_NAMES = {"inspect": "Inspect", "compare": "Compare", "dataset": "Data set", "about": "About"}
_HEAD = Environment(autoescape=True).from_string("""<head>
<title>{{ title }}</title>
<meta name="description" content="{{ description }}">
<link rel="icon" type="image/svg+xml" href="favicon.ico">
<meta property="og:type" content="website">
<meta property="og:site_name" content="DeResUNet">
<meta property="og:title" content="{{ title }}">
<meta property="og:description" content="{{ description }}">
<meta property="og:url" content="{{ url }}">
<meta property="og:image" content="{{ root }}/card.jpg">
<meta property="og:image:width" content="1200">
<meta property="og:image:height" content="630">
<meta name="twitter:card" content="summary_large_image">
""")
_GRADIOS_OWN = re.compile(r'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')


def title_of(query: dict[str, str]) -> str:
    """Title of the view that an address leads to, as address.js writes it on the way."""
    link, _ = read_link(query)
    subject = None if link.tab == "about" else "upload" if link.upload else link.frame or link.data
    return " · ".join(filter(None, (subject, TAB_NAMES[link.tab], "DeResUNet")))


class OwnHead:
    """Give the page's document a head of its own in place of Gradio's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["path"].rstrip("/") not in ("", scope.get("root_path", "").rstrip("/")):
            return await self._app(scope, receive, send)
        start: Message = {}
        body = b""

        async def send_whole(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            written = _with_head(body, Request(scope)) if _is_html(start) else body
            headers = [(key, value) for key, value in start["headers"] if key.lower() != b"content-length"]
            headers.append((b"content-length", str(len(written)).encode()))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": written})

        await self._app(scope, receive, send_whole)


def _is_html(start: Message) -> bool:
    return any(key.lower() == b"content-type" and value.startswith(b"text/html") for key, value in start["headers"])


def _with_head(document: bytes, request: Request) -> bytes:
    text = document.decode()
    head, config, rest = text.partition("<script>window.gradio_config")
    root = str(request.url.replace(query="", fragment="")).rstrip("/")
    own = _HEAD.render(
        title=title_of(dict(request.query_params)), description=DESCRIPTION, url=str(request.url), root=root
    )
    return "".join([_GRADIOS_OWN.sub("", head).replace("<head>", own, 1), config, rest]).encode()
