"""The page's function as assistants call it, over the Model Context Protocol."""

from __future__ import annotations

import asyncio
import base64
import io

import numpy as np
import pytest
from networks import small_checkpoint
from PIL import Image

import deresunet
from demo.inspector import Inspector
from demo.page import build
from deresunet.inference.network import network_of

mcp = pytest.importorskip("mcp")
http = pytest.importorskip("mcp.client.streamable_http")


@pytest.fixture
def address(rooms, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = build(
        Inspector(deresunet.Predictor(network_of(small_checkpoint(), "cpu", "eager")), {"sample rooms": rooms})
    )
    page.queue()
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, mcp_server=True)
    yield f"{url}gradio_api/mcp/"
    page.close()


def test_an_assistant_finds_the_function_and_calls_it(address):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)).save(buffer, "PNG")
    given = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

    async def call():
        async with (
            http.streamablehttp_client(address) as (reading, writing, _),
            mcp.ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            (tool,) = (await session.list_tools()).tools
            return tool, *[await session.call_tool("segment", {"rgb": rgb}) for rgb in (given, "http://10.0.0.1/a.png")]

    tool, answer, refused = asyncio.run(call())
    assert (tool.name, tool.inputSchema["required"]) == ("segment", ["rgb"])
    assert "16-bit PNG" in tool.inputSchema["properties"]["depth"]["description"]
    assert tool.inputSchema["properties"]["modality"]["enum"] == ["rgbd", "rgb", "depth"]
    assert not answer.isError
    assert "'height': 48, 'width': 64" in answer.content[0].text
    assert refused.isError
    assert "could not be fetched from its address" in refused.content[0].text
