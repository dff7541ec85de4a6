"""How app.py serves: behind a proxy's path, to whom, and what may be uploaded."""

from __future__ import annotations

import http.client
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AuthenticationError
from local_server import LocalServer

import app
from demo.inspector import MAX_PIXELS
from demo.server.guard import GuardedBlocks
from demo.server.health import Health
from demo.serving import AUTH_VARIABLE, MAX_UPLOAD, QUEUE_SIZE, SESSIONS, Serving, accounts_from
from deresunet import InputError


class Untouched:
    """Stands in for the predictor where none is to run."""

    checkpoint = SimpleNamespace(name="net.safetensors", sha256="0" * 64)


@pytest.fixture
def launch(monkeypatch):
    """A function that runs app.main with options and gives what the page was launched and queued with."""
    seen = {}

    class Page(GuardedBlocks):
        server = SimpleNamespace(config=SimpleNamespace(loaded_app=None))

        def queue(self, **options):
            seen["queue"] = options
            return super().queue(**options)

        def launch(self, **options):
            seen["launch"] = options

        def block_thread(self):
            """Nothing is served."""

    monkeypatch.delenv(AUTH_VARIABLE, raising=False)
    monkeypatch.setattr(app, "start_network", lambda *_: Untouched())
    monkeypatch.setattr(app.Inspector, "open", lambda *_: None)

    def build(inspector, *_):
        seen["inspector"] = inspector
        return Page()

    monkeypatch.setattr(app, "build", build)

    def run(*options):
        app.main(list(options))
        return seen

    return run


def test_the_app_hands_its_options_to_gradio(launch, monkeypatch):
    plain = launch()
    assert plain["queue"] == {"max_size": QUEUE_SIZE, "default_concurrency_limit": 4, "api_open": False}
    assert plain["launch"]["state_session_capacity"] == SESSIONS
    assert (plain["launch"]["root_path"], plain["launch"]["auth"]) == (None, None)
    assert plain["launch"]["max_file_size"] == MAX_UPLOAD
    assert plain["inspector"].max_pixels == MAX_PIXELS
    monkeypatch.setenv(AUTH_VARIABLE, "ann:se:cret\n\nbob:x y\n")
    told = launch("--root-path", "/rooms/", "--max-upload", "20MB", "--max-pixels", "1000")["launch"]
    assert told["root_path"] == "/rooms"
    assert told["max_file_size"] == "20MB"
    assert plain["inspector"].max_pixels == 1000
    assert told["auth"] == [("ann", "se:cret"), ("bob", "x y")]


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--root-path", "rooms"], {}, "root path is 'rooms'; expected a path such as /rooms"),
        (["--root-path", "/rooms?x"], {}, "root path is"),
        (["--max-upload", "much"], {}, "upload limit is 'much'; expected a size such as"),
        (["--max-upload", "0mb"], {}, "upload limit is '0mb'"),
        (["--trusted-proxy", "nginx"], {}, "trusted proxy is 'nginx'; expected an address or a network"),
        (["--embed-in", "example.org; script-src *"], {}, "expected its origin, such as https://example.org"),
        ([], {AUTH_VARIABLE: "ann:good\nhunter2"}, "line 2: expected NAME:PASSWORD"),
        ([], {AUTH_VARIABLE: "ann:a\nann:b"}, "the same name twice"),
        ([], {AUTH_VARIABLE: ""}, "would let everyone in"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(launch, monkeypatch, options, environment, message):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        launch(*options)
    assert str(ended.value.code).startswith("error: ")
    assert message in str(ended.value.code)
    assert "hunter2" not in str(ended.value.code), "a password is not repeated"


def test_mcp_without_its_package_says_what_to_install(launch, monkeypatch):
    assert launch()["launch"]["mcp_server"] is None, "left to GRADIO_MCP_SERVER"
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(SystemExit, match=r"error: --mcp needs the package mcp, .* Run: pip install"):
        launch("--mcp")
    monkeypatch.setitem(sys.modules, "mcp", SimpleNamespace(__spec__=SimpleNamespace()))
    assert launch("--mcp")["launch"]["mcp_server"] is True


def test_no_accounts_let_everyone_in_and_passwords_are_not_shown():
    assert accounts_from({}) == ()
    with pytest.raises(InputError):
        accounts_from({AUTH_VARIABLE: "  \n"})
    assert "secret" not in repr(Serving(accounts=(("ann", "secret"),)))


@contextmanager
def served(serving):
    with GuardedBlocks() as page:
        file = gr.File()
        size = gr.Number()
        file.upload(lambda path: len(open(path, "rb").read()), file, size, api_name="size")  # noqa: PTH123, SIM115
    serving.serve(page, Health(lambda: None), quiet=True, ssr_mode=False)
    try:
        yield page.local_url
    finally:
        page.close()


def test_accounts_and_upload_limit_hold(tmp_path):
    (tmp_path / "small.png").write_bytes(b"x" * 500)
    (tmp_path / "large.png").write_bytes(b"x" * 5000)
    with served(Serving(max_upload="1kb", accounts=(("ann", "secret"),))) as url:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}config")
        assert refused.value.code == 401
        with pytest.raises((AuthenticationError, ValueError)):
            Client(url, verbose=False, auth=("ann", "wrong"))
        client = Client(url, verbose=False, auth=("ann", "secret"))
        assert client.predict(handle_file(tmp_path / "small.png"), api_name="/size") == 500
        with pytest.raises(Exception, match=r"(?i)size|large|413"):
            client.predict(handle_file(tmp_path / "large.png"), api_name="/size")


class Proxy(BaseHTTPRequestHandler):
    """A reverse proxy that serves what lies at `upstream` under /rooms."""

    upstream = ""

    def do_GET(self):
        if not self.path.startswith("/rooms/"):
            return self.send_error(404)
        connection = http.client.HTTPConnection(self.upstream)
        headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
        headers |= {"Host": self.upstream, "X-Forwarded-Host": self.headers["Host"]}
        connection.request("GET", self.path.removeprefix("/rooms"), headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def log_message(self, *_):
        pass


def test_behind_a_proxy_the_page_names_its_own_path():
    with (
        served(Serving(root_path="/rooms", trusted_proxies=("127.0.0.1",))) as url,
        LocalServer(type("Bound", (Proxy,), {"upstream": url.split("/")[2]})) as proxy,
    ):
        outside = f"{proxy.url}/rooms"
        with urllib.request.urlopen(f"{outside}/config") as answer:
            told = answer.read().decode().replace(" ", "")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{proxy.url}/config")
    assert f'"root":"{outside}"' in told
