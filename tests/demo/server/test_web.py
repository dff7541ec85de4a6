"""What stands between the network and the page: headers, logins, proxies, faults, slow connections."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gzip
import socket
import time
import urllib.request

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from demo.server import connections, logins
from demo.server.faults import Faults
from demo.server.guard import GuardedBlocks
from demo.server.headers import SHARE_ORIGIN, policy
from demo.server.health import Health
from demo.server.origins import SameOrigin
from demo.server.proxies import TrustedProxies
from demo.serving import Serving


@pytest.fixture(scope="module")
def url():
    with GuardedBlocks() as page:
        gr.Textbox()
    Serving(accounts=(("ann", "secret"),)).serve(page, Health(lambda: None), quiet=True, ssr_mode=False)
    yield page.local_url.rstrip("/")
    page.close()


@pytest.mark.parametrize("path", ["/", "/healthz", "/theme.css", "/nowhere"])
def test_every_answer_has_security_headers(url, path):
    try:
        answer = urllib.request.urlopen(url + path)
    except urllib.error.HTTPError as error:
        answer = error
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "camera=(self)" in answer.headers["Permissions-Policy"], "an upload may come from the camera"


def test_the_document_is_compressed_and_streams_are_not(url):
    asked = urllib.request.Request(f"{url}/", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert b"<html" in gzip.decompress(answer.read())
    asked = urllib.request.Request(f"{url}/healthz", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked) as answer:
        assert "Content-Encoding" not in answer.headers


def test_the_health_check_needs_no_login_and_the_page_does(url):
    assert urllib.request.urlopen(f"{url}/healthz").status == 200
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{url}/config")


def test_the_policy_names_who_may_embed_and_where_scripts_come_from():
    told = policy(["https://example.org"], [SHARE_ORIGIN])
    assert "frame-ancestors 'self' https://example.org" in told
    assert f"blob: {SHARE_ORIGIN};" in told
    assert "object-src 'none'" in told


def test_guessing_passwords_is_braked_for_an_address_and_no_other():
    def login(request):
        right = request.query_params.get("password") == "secret"
        return PlainTextResponse("in" if right else "wrong", 200 if right else 400)

    now = [0.0]
    braked = logins.LoginBrake(Starlette(routes=[Route("/login", login, methods=["POST"])]), clock=lambda: now[0])
    one, other = TestClient(braked, client=("10.0.0.1", 1)), TestClient(braked, client=("10.0.0.2", 1))
    for _ in range(10):
        assert one.post("/login?password=secret").status_code == 200, "right ones do not count"
    for _ in range(logins.ATTEMPTS):
        assert one.post("/login?password=x").status_code == 400
    refused = one.post("/login?password=secret")
    assert refused.status_code == 429, "not even the right one is tried"
    assert refused.headers["Retry-After"] == "60"
    assert other.post("/login?password=secret").status_code == 200
    now[0] = 61.0
    assert one.post("/login?password=secret").status_code == 200


def test_a_household_of_ipv6_is_one_address():
    same = {logins.network_of({"client": (host, 1)}) for host in ("2001:db8::1", "2001:db8::ffff:1")}
    assert len(same) == 1
    assert logins.network_of({"client": ("::ffff:10.0.0.1", 1)}) == "10.0.0.1"


@pytest.mark.parametrize(
    ("trusted", "client", "host"),
    [((), "10.9.9.9", None), (("10.0.0.1",), "1.2.3.4", "rooms.example"), (("10.0.0.2",), "10.0.0.1", None)],
)
def test_forwarded_headers_are_believed_of_named_proxies_alone(trusted, client, host):
    def told(request):
        return PlainTextResponse(f"{request.client.host} {request.headers.get('x-forwarded-host')}")

    app = TrustedProxies(Starlette(routes=[Route("/", told)]), trusted)
    sender = client if client == "10.9.9.9" else "10.0.0.1"
    answer = TestClient(app, client=(sender, 1)).get(
        "/", headers={"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "rooms.example"}
    )
    assert answer.text == f"{client} {host}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"Origin": "http://rooms.example"}, 200),
        ({"Origin": "https://rooms.example"}, 200),  # behind a proxy that speaks HTTPS
        ({"Origin": "http://rooms.example", "Host": "rooms.example:80"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://rooms.example:8000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[evil"}, 403),
        ({"Origin": "https://outside.example", "Host": "inner:7860", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://outside.example", "Host": "inner:7860", "X-Forwarded-Host": "outside.example"}, 200),
        ({"Origin": "http://rooms.example", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://rooms.example", "Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_pages_of_other_origins_change_nothing_here(headers, status):
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("done"), methods=["GET", "POST"])])
    client = TestClient(SameOrigin(app), base_url="http://rooms.example")
    assert client.post("/", headers=headers).status_code == status
    assert client.get("/", headers=headers).status_code == 200, "a link to here"


def test_no_origin_may_read_answers_with_a_visitors_cookies(url):
    """Gradio gives leave to all where the server is not reached as localhost."""
    asked = {"Host": "rooms.example", "Origin": "https://evil.example"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/healthz", headers=asked)) as answer:
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    preflight = {**asked, "Access-Control-Request-Method": "POST"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/login", headers=preflight, method="OPTIONS")) as answer:
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(f"{url}/login", b"username=ann&password=secret", asked))


def failing_with(error):
    async def fail(request):
        raise error

    return Starlette(
        routes=[Route(path, fail, methods=["GET", "POST"]) for path in ("/upload", "/any")],
        middleware=[Middleware(Faults)],
    )


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/srv/secret"), 507, "disk is full"),
        (RuntimeError("/srv/secret"), 500, "RuntimeError"),
    ],
)
def test_a_fault_is_told_in_words_without_a_path(error, status, words):
    client = TestClient(failing_with(error))
    uploaded, other = client.post("/upload"), client.get("/any")
    assert (uploaded.status_code, other.status_code) == (status, status)
    assert words in uploaded.text
    assert words in other.json()["detail"]
    assert "secret" not in uploaded.text + other.text


def test_a_body_that_drips_is_cut():
    async def read(request):
        return PlainTextResponse(str(len(await request.body())))

    app = Starlette(routes=[Route("/", read, methods=["POST"])], middleware=[Middleware(Faults, grace_s=0.05)])
    sent = []

    async def drip():
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    began = time.monotonic()
    asyncio.run(app(scope, drip, send))
    assert sent[0]["status"] == 408
    assert time.monotonic() - began < 5


def test_a_head_that_never_ends_is_cut_and_others_are_served():
    with GuardedBlocks() as page:
        gr.Textbox()
    Serving().serve(page, Health(lambda: None), quiet=True, ssr_mode=False)
    connections.cut_slow_connections(page.server.config, head_s=0.3)
    try:
        with socket.create_connection(("127.0.0.1", page.server_port), timeout=10) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            assert urllib.request.urlopen(f"{page.local_url}healthz").status == 200
            with contextlib.suppress(ConnectionResetError):
                assert slow.recv(1) == b"", "closed by the server"
    finally:
        page.close()
