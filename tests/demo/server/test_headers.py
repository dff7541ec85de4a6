"""Headers of the server's answers."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from demo.downloads import handed_out
from demo.server.headers import SecurityHeaders


@pytest.mark.parametrize("status", [200, 403])
def test_a_file_whose_address_is_a_hash_is_kept_for_good(tmp_path, monkeypatch, status):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = handed_out("plane.png", b"content")
    answer = Route("/{rest:path}", lambda request: PlainTextResponse("content", status))
    client = TestClient(Starlette(routes=[answer], middleware=[Middleware(SecurityHeaders)]))
    asked = client.get(f"/gradio_api/file={path}")
    assert ("immutable" in asked.headers.get("cache-control", "")) == (status == 200)
    assert "private" in asked.headers.get("cache-control", "private")
    for other in (f"/gradio_api/file={tmp_path}/deresunet/plane.png", "/", "/config"):
        assert "cache-control" not in client.get(other).headers
