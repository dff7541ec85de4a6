"""What stands between the network and the page: headers, addresses, origins, faults."""

from __future__ import annotations

import errno
import gzip
import urllib.request

import gradio as gr
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from demo.server.faults import Faults
from demo.server.guard import GuardedBlocks
from demo.server.headers import SHARE_ORIGIN, policy
from demo.server.health import Health
from demo.server.origins import SameOrigin
from demo.server.waiting import network_of
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


def test_the_document_is_compressed(url):
    asked = urllib.request.Request(f"{url}/", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert b"<html" in gzip.decompress(answer.read())


def test_the_health_check_needs_no_login_and_the_page_does(url):
    assert urllib.request.urlopen(f"{url}/healthz").status == 200
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{url}/config")


def test_the_policy_names_who_may_embed_and_where_scripts_come_from():
    told = policy(["https://example.org"], [SHARE_ORIGIN])
    assert "frame-ancestors 'self' https://example.org" in told
    assert f"blob: {SHARE_ORIGIN};" in told
    assert "object-src 'none'" in told


def test_a_household_of_ipv6_is_one_address():
    same = {network_of({"client": (host, 1)}) for host in ("2001:db8::1", "2001:db8::ffff:1")}
    assert len(same) == 1
    assert network_of({"client": ("::ffff:10.0.0.1", 1)}) == "10.0.0.1"


@pytest.mark.parametrize(
    ("trusted", "space", "forwarded", "address"),
    [
        ((), False, "1.2.3.4", "127.0.0.1"),
        (("127.0.0.1",), False, "1.2.3.4", "1.2.3.4"),
        (("10.0.0.0/8",), False, "1.2.3.4", "127.0.0.1"),
        ((), True, "1.2.3.4", "1.2.3.4"),
        ((), True, "9.9.9.9, 1.2.3.4", "1.2.3.4"),  # the first one is what the visitor wrote
        ((), True, "9.9.9.9, 1.2.3.4, 10.16.3.80", "1.2.3.4"),  # the last one is another proxy of the platform
    ],
)
def test_forwarded_addresses_are_believed_of_known_proxies_alone(monkeypatch, trusted, space, forwarded, address):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")
    if space:
        monkeypatch.setenv("SPACE_ID", "ann/rooms")
    with GuardedBlocks() as page:
        gr.Textbox()

    async def app(scope, receive, send):
        assert scope["client"][0] == address
        await PlainTextResponse("seen")(scope, receive, send)

    Serving(trusted_proxies=trusted).serve(page, Health(lambda: None), quiet=True, ssr_mode=False)
    page.close()
    config = uvicorn.Config(app)  # as Gradio makes its server's
    config.load()
    assert config.forwarded_allow_ips == page.server.config.forwarded_allow_ips
    client = TestClient(config.loaded_app, client=("127.0.0.1", 1))
    assert client.get("/", headers={"X-Forwarded-For": forwarded}).text == "seen"


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
