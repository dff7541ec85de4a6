"""The reverse proxy of docs/deployment.md: its configuration, in nginx itself, before the page's own server."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import gradio as gr
import pytest
from conftest import ROOT
from gradio_client import Client

from demo.server.guard import GuardedBlocks
from demo.server.health import Health
from demo.serving import Serving

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (Debian: apt-get install nginx-light)")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def configuration(folder, port, upstream):
    """The documented block for a port of this machine, without TLS, and with limits that a test can wait for."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "deployment.md").read_text(), re.DOTALL)
    for found, instead in (
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        (r"ssl_certificate\w* .*", ""),
        (r"127\.0\.0\.1:7860", f"127.0.0.1:{upstream}"),
        (r"client_max_body_size 160m;", "client_max_body_size 1m;"),
        (r"client_header_timeout 20s;", "client_header_timeout 1s;"),
        (r"client_body_timeout 30s;", "client_body_timeout 1s;"),
    ):
        block, times = re.subn(found, instead, block)
        assert times, f"the documented configuration has no {found}"
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{block}\n}}\n"
    )
    return path


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """Address of the page behind nginx, which asks for a login."""
    with GuardedBlocks() as page:
        asked, told = gr.Textbox(), gr.Textbox()

        def who(text: str, request: gr.Request) -> str:
            return f"{text} {request.client.host}"

        gr.Button().click(who, asked, told, api_name="who")
    serving = Serving(root_path="/rooms", trusted_proxies=("127.0.0.1",), accounts=(("ann", "secret"),))
    serving.serve(page, Health(lambda: None), quiet=True, ssr_mode=False)
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    server = subprocess.Popen([NGINX, "-c", configuration(folder, port, page.server_port)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/rooms"
    finally:
        server.terminate()
        server.wait(20)
        page.close()


def test_the_page_lies_at_its_path_and_answers_events_with_the_visitors_own_address(url):
    with urllib.request.urlopen(f"{url}/healthz") as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    client = Client(url, auth=("ann", "secret"), verbose=False, headers={"X-Forwarded-For": "203.0.113.9"})
    assert client.predict("hello", api_name="/who") == "hello 127.0.0.1", "not what the visitor wrote"


def test_a_visitor_is_known_by_the_address_that_nginx_saw(url):
    port = int(url.split(":")[2].split("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, source_address=("127.0.0.2", 0))
    connection.request("POST", "/rooms/login", "username=ann&password=secret", {"Content-Type": FORM})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "Content-Type": "application/json"}
    connection.request("POST", "/rooms/gradio_api/call/who", '{"data": ["hello"]}', headers)
    event = re.search(rb'"event_id": ?"(\w+)"', connection.getresponse().read())[1].decode()
    connection.request("GET", f"/rooms/gradio_api/call/who/{event}", headers=headers)
    assert b'"hello 127.0.0.2"' in connection.getresponse().read()


FORM = "application/x-www-form-urlencoded"


def test_guessing_passwords_is_braked_and_the_page_is_not(url):
    def login(address):
        asked = http.client.HTTPConnection(*url.split("/")[2].split(":"), source_address=(address, 0))
        asked.request("POST", "/rooms/login", "username=ann&password=guess", {"Content-Type": FORM})
        return asked.getresponse().status

    assert [login("127.0.0.3") for _ in range(7)] == [400] * 5 + [429] * 2
    assert login("127.0.0.4") == 400, "another address"
    assert {urllib.request.urlopen(f"{url}/healthz").status for _ in range(20)} == {200}


def test_large_uploads_are_refused_before_they_reach_the_page(url):
    with pytest.raises((urllib.error.HTTPError, urllib.error.URLError)) as refused:
        urllib.request.urlopen(f"{url}/gradio_api/upload", bytes(2 << 20))
    assert getattr(refused.value, "code", 413) == 413


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /rooms/ HTTP/1.1\r\nHost: x\r\n",
        b"POST /rooms/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nusername",
    ],
    ids=["head", "body"],
)
def test_a_head_or_body_that_never_ends_is_cut_and_others_are_served(url, sent):
    with socket.create_connection(tuple(url.split("/")[2].split(":")), timeout=20) as slow:
        slow.sendall(sent)
        assert urllib.request.urlopen(f"{url}/healthz").status == 200
        with contextlib.suppress(ConnectionResetError):
            told = slow.recv(1 << 16)
            assert not told or b" 408 " in told
