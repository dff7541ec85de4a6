"""A server of the page in a process of its own, and visitors that ask it as a browser does."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import httpx
from conftest import ROOT

API = "/gradio_api"
START_S = 120


class RefusedError(Exception):
    """The server took no job or file; in words."""


class Server:
    """`python app.py` with some options, from the start of a `with` block to its end.

    Args:
        folder: for Gradio's cache and the server's log.
        options: of app.py.
        temporary: Gradio's cache, if it lies elsewhere.
    """

    def __init__(self, folder: Path, *options: object, temporary: Path | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "server.log"
        self._command = [sys.executable, "app.py", "--device", "cpu", "--port", str(port), *map(str, options)]
        self._environment = {**os.environ, "GRADIO_TEMP_DIR": str(temporary or folder / "gradio")}

    def __enter__(self) -> Server:
        with self.log.open("w") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while not self.well():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)
        with urllib.request.urlopen(f"{self.url}/config") as answer:
            config = json.load(answer)
        self._values = {one["id"]: one.get("props", {}).get("value") for one in config["components"]}
        self._events = {one["api_name"]: one for one in config["dependencies"]}
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()

    def well(self) -> bool:
        """Whether a frame is segmented just now."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=30) as answer:
                return answer.status == 200
        except OSError:
            return False

    def event(self, name: str) -> tuple[int, list[object]]:
        """Number and inputs of the first event that the function called `name` answers, as a browser first has them."""
        one = self._events[name]
        return one["id"], [self._values[key] for key in one["inputs"]]

    def memory(self, field: str = "VmRSS") -> float:
        """Memory of the process [MB]: VmRSS, or VmHWM, its peak."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1000

    def forget_peak(self) -> None:
        """Begin a new peak."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")


class Visitor:
    """One session.

    Args:
        server: whom to ask.
        client: connections to it.
    """

    def __init__(self, server: Server, client: httpx.AsyncClient) -> None:
        self._server, self._client = server, client
        self.session = uuid.uuid4().hex[:12]

    async def upload(self, name: str, content: bytes) -> dict[str, object]:
        """Upload a file: what an event takes it as."""
        answer = await self._client.post(f"{API}/upload", files={"files": (name, content)})
        if answer.status_code != 200:
            raise RefusedError(answer.text)
        return {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    async def join(self, event: str, *given: object) -> None:
        """Ask for an answer without listening for it; `given` stands for the first inputs."""
        number, values = self._server.event(event)
        body = {"data": [*given, *values[len(given) :]], "fn_index": number, "session_hash": self.session}
        answer = await self._client.post(f"{API}/queue/join", json=body)
        if answer.status_code != 200:
            raise RefusedError(answer.json()["detail"])

    async def listen(self) -> dict[str, object]:
        """The answer: `success`, and `output` with `data` or `error`."""
        async with self._client.stream("GET", f"{API}/queue/data?session_hash={self.session}") as lines:
            async for line in lines.aiter_lines():
                message = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if message.get("msg") in ("process_completed", "unexpected_error"):
                    return message
        raise AssertionError("the stream ended without an answer")

    async def ask(self, event: str, *given: object) -> dict[str, object]:
        """Ask for an answer and wait for it."""
        await self.join(event, *given)
        return await self.listen()

    async def fetch(self, file: dict[str, str]) -> bytes:
        """Content of a file that an answer names."""
        answer = await self._client.get(f"{API}/file={file['path']}")
        answer.raise_for_status()
        return answer.content


def visiting(server: Server) -> httpx.AsyncClient:
    """Connections for any number of visitors."""
    return httpx.AsyncClient(base_url=server.url, timeout=120, limits=httpx.Limits(max_connections=None))


async def at_once(workers: Iterable[object], jobs: Iterable[object], work: Callable[..., Awaitable[None]]) -> None:
    """Have `work(worker, job)` done for each job, by as many at a time as there are workers."""
    left = iter(jobs)

    async def begin(worker: object) -> None:
        for job in left:
            await work(worker, job)

    await asyncio.gather(*(begin(worker) for worker in workers))
