"""The page as a Space's visitor gets it: over HTTPS, from *.hf.space, in an iframe of huggingface.co or of another."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler

import pytest
from conftest import ROOT
from local_server import LocalServer

playwright = pytest.importorskip("playwright.sync_api")
expect, sync_playwright = playwright.expect, playwright.sync_playwright
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None or shutil.which("openssl") is None, reason="needs Chromium and openssl"),
]

SPACE = "ann-rooms.hf.space"
TOKEN = f"head.{base64.urlsafe_b64encode(json.dumps({'user': 'ann'}).encode()).decode().rstrip('=')}.sign"
# What the hub's own page does for ZeroGPU: it hands the visitor's token to a page that asks for it.
PARENT = """<!doctype html><title>a page around the Space</title><script>
addEventListener('message', event => {
  if (event.data === 'supports-zerogpu-headers') event.source.postMessage('supports-zerogpu-headers', event.origin);
  if (event.data === 'zerogpu-headers') event.ports[0].postMessage({'x-ip-token': 'TOKEN'});
})</script><iframe src="https://SPACE/" style="width:1000px;height:700px"></iframe>""".replace("TOKEN", TOKEN).replace(
    "SPACE", SPACE
)
PAGE = """
import sys, threading
import gradio as gr
from demo.server.guard import GuardedBlocks
from demo.server.health import Health
from demo.serving import Serving

def who(request: gr.Request):
    return f"asked from {request.client.host}"

with GuardedBlocks() as page:
    told = gr.Textbox(label="told")
    gr.Button("Ask").click(who, None, told)
accounts = (("ann", "secret"),) if sys.argv[1] == "accounts" else ()
serving = Serving(accounts=accounts, ancestors=("https://example.org",))
serving.serve(page, Health(lambda: None), quiet=True, ssr_mode=False)
print('PORT', page.server_port, flush=True)
threading.Event().wait()
"""


class Platform(BaseHTTPRequestHandler):
    """huggingface.co, other sites, and the platform's proxy before the Space, by the name that is asked for."""

    protocol_version = "HTTP/1.1"
    upstream = 0
    tokens: list

    def do_GET(self):
        if self.headers["Host"] == SPACE:
            return self._forward(None)
        if self.path.startswith("/api/spaces/"):
            told = json.dumps({"id": "ann/rooms", "author": "ann", "likes": 3, "runtime": {"stage": "RUNNING"}})
            return self._send(told.encode(), "application/json")
        if self.path.startswith("/api/"):
            return self._send(b"", "image/png")
        return self._send(PARENT.encode(), "text/html")

    def do_POST(self):
        self._forward(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _send(self, content, kind):
        self.send_response(200)
        for name, value in (
            ("Content-Type", kind),
            ("Access-Control-Allow-Origin", "*"),
            ("Content-Length", len(content)),
        ):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def _forward(self, body):
        if "/queue/join" in self.path:
            self.tokens.append(self.headers["x-ip-token"])
        asked = http.client.HTTPConnection("127.0.0.1", self.upstream)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        forwarded = {"X-Forwarded-For": "9.9.9.9, 203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": SPACE}
        asked.request(self.command, self.path, body, headers | forwarded)
        answer = asked.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):  # the browser may go before a stream ends
            while content := answer.read1(1 << 16):
                self.wfile.write(content)
        self.close_connection = True

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def platform(folder, kind):
    """The platform with a Space on it: the port of its HTTPS, and the tokens that its visitors' pages sent."""
    told = {**os.environ, "SYSTEM": "spaces", "SPACE_ID": "ann/rooms", "SPACE_HOST": SPACE, "PYTHONPATH": str(ROOT)}
    told["GRADIO_ANALYTICS_ENABLED"] = "False"
    page = subprocess.Popen([sys.executable, "-c", PAGE, kind], env=told, cwd=folder, stdout=subprocess.PIPE, text=True)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]
    subprocess.run([*command, "-days", "1", "-subj", "/CN=test"], check=True, capture_output=True)
    try:
        upstream = next(int(line.split()[1]) for line in page.stdout if line.startswith("PORT "))
        answers = type("Bound", (Platform,), {"upstream": upstream, "tokens": []})
        server = LocalServer(answers)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        with server:
            yield server.server_port, answers.tokens
    finally:
        page.terminate()
        page.wait(20)


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    with platform(tmp_path_factory.mktemp("open"), "open") as told:
        yield told


@contextlib.contextmanager
def visit(port, address, *options):
    """A browser at `address`, for which every site lies on this machine: the page, and what it said of refusals."""
    sites = ", ".join(f"MAP {site} 127.0.0.1:{port}" for site in ("huggingface.co", "*.hf.space", "example.*"))
    with sync_playwright() as play:
        flags = ["--no-sandbox", "--ignore-certificate-errors", f"--host-resolver-rules={sites}", *options]
        browser = play.chromium.launch(executable_path=BROWSER, args=flags)
        page = browser.new_page(ignore_https_errors=True)
        refused = []
        page.on("console", lambda message: refused.append(message.text) if "Security Policy" in message.text else None)
        page.goto(address)
        yield page, refused
        browser.close()


@pytest.mark.parametrize("site", ["huggingface.co", "example.org"])
def test_it_answers_within_the_hubs_page_and_a_named_one_with_the_visitors_token_and_address(space, site):
    port, tokens = space
    tokens.clear()
    with visit(port, f"https://{site}/spaces/ann/rooms") as (page, refused):
        frame = page.frame_locator("iframe")
        frame.get_by_role("button", name="Ask").click(timeout=60_000)
        told = frame.get_by_label("told")
        # The last address is the one that the platform appended.
        expect(told).to_have_value("asked from 203.0.113.7", timeout=30_000)
    # The token goes to the Space only from the hub itself, which is the one page that has it.
    assert tokens == [TOKEN if site == "huggingface.co" else None]
    assert [line for line in refused if "fonts.googleapis" not in line] == []


def test_a_page_of_another_site_shows_nothing_of_it(space):
    with visit(space[0], "https://example.net/") as (page, refused):
        while not refused:
            page.wait_for_timeout(50)
        assert any("frame-ancestors" in line for line in refused)
        assert page.frame_locator("iframe").get_by_role("button", name="Ask").count() == 0


def test_at_its_own_address_the_hubs_header_is_shown(space):
    with visit(space[0], f"https://{SPACE}/") as (page, refused):
        page.locator("#huggingface-space-header").wait_for(timeout=60_000)
        page.get_by_role("button", name="Ask").wait_for()
    assert [line for line in refused if "fonts.googleapis" not in line] == []


def test_where_the_browser_keeps_no_cookies_of_a_frame_the_login_names_the_spaces_own_address(tmp_path):
    with platform(tmp_path, "accounts") as (port, _):
        flag = "--test-third-party-cookie-phaseout"
        with visit(port, "https://huggingface.co/spaces/ann/rooms", flag) as (page, _):
            frame = page.frame_locator("iframe")
            for _ in range(2):  # the second time is the loop
                frame.get_by_label("username").fill("ann", timeout=60_000)
                frame.get_by_label("password").fill("secret")
                with page.expect_response(lambda answer: answer.url.endswith("/login")) as login:
                    frame.get_by_role("button", name="Login").click()
                assert login.value.status == 200
            link = frame.get_by_role("link", name=SPACE)
            link.wait_for(timeout=30_000)
            assert link.get_attribute("href") == f"https://{SPACE}"
            assert "Safari and private windows" in frame.locator("body").inner_text()
        with visit(port, f"https://{SPACE}/", flag) as (page, _):
            page.get_by_label("username").fill("ann", timeout=60_000)
            page.get_by_label("password").fill("secret")
            page.get_by_role("button", name="Login").click()
            page.get_by_role("button", name="Ask").wait_for(timeout=60_000)
