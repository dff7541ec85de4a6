"""The head of the page's document, as a browser and whoever shows a preview of a link get it."""

from __future__ import annotations

import io
import re
import urllib.request

import gradio as gr
import pytest
from PIL import Image

from demo.head import title_of
from demo.server.guard import GuardedBlocks
from demo.server.health import Health
from demo.serving import Serving


@pytest.fixture(scope="module")
def url():
    with GuardedBlocks() as page:
        gr.Textbox()
    Serving().serve(page, Health(lambda: None), quiet=True, ssr_mode=False)
    yield page.local_url.rstrip("/")
    page.close()


def fetched(address):
    with urllib.request.urlopen(address) as answer:
        return answer.headers, answer.read()


def test_the_document_says_what_a_link_leads_to(url):
    headers, body = fetched(f"{url}/?tab=dataset&data=%3Cb%3E%22rooms%22")
    head = body.decode().split("window.gradio_config")[0]
    assert int(headers["Content-Length"]) == len(body)
    assert "<title>&lt;b&gt;&#34;rooms&#34; · Data set · DeResUNet</title>" in head
    properties = re.findall(r'<meta property="og:(\w+)" content="([^"]*)"', head)
    assert len(dict(properties)) == len(properties), "each is there once"
    assert dict(properties)["title"] == "&lt;b&gt;&#34;rooms&#34; · Data set · DeResUNet"
    assert dict(properties)["url"].startswith(f"{url}/?tab=dataset")
    assert "Gradio" not in head
    assert "{url}" not in head


def test_picture_and_icon_are_the_pages_own(url):
    head = fetched(f"{url}/")[1].decode().split("window.gradio_config")[0]
    card = re.search(r'<meta property="og:image" content="([^"]*)"', head)[1]
    headers, picture = fetched(card)
    assert headers["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(picture)).size == (1200, 630)
    headers, icon = fetched(f"{url}/favicon.ico")
    assert headers["Content-Type"].startswith("image/svg+xml")
    assert b"<svg" in icon


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ({}, "Inspect · DeResUNet"),
        ({"frame": "0001", "data": "real samples"}, "0001 · Inspect · DeResUNet"),
        ({"upload": "1", "frame": "0001"}, "upload · Inspect · DeResUNet"),
        ({"tab": "about", "data": "rooms"}, "About · DeResUNet"),
        ({"tab": "elsewhere"}, "Inspect · DeResUNet"),
    ],
)
def test_each_view_has_a_title(query, title):
    assert title_of(query) == title
