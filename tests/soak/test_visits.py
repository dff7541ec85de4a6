"""Many visitors, malformed files and abandoned jobs at a server of the page."""

from __future__ import annotations

import asyncio
import io
import random
import sys
import time

import httpx
import numpy as np
import pytest
from PIL import Image
from soak.malformed import good, malformed
from soak.sizes import short_and_long
from soak.visits import RefusedError, Server, Visitor, at_once, visiting

from deresunet.data.folder import SAMPLES_DIR

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
FILES = ("rgb", "depth", "label")


@short_and_long(60, 10_000)
def test_malformed_files_get_an_answer_or_words(times, server, tell):
    """By four visitors at a time, who stay: what new ones take is a test of its own."""
    slowest, answered, refused, silent = (0.0, ""), 0, 0, []

    async def give(visitor: Visitor, seed: int) -> None:
        nonlocal slowest, answered, refused
        role, name, content = malformed(seed)
        event, began = ("segment", "on_upload")[seed // 4 % 2], time.monotonic()
        try:
            files = {role: await visitor.upload(name, content)}
            if role == "label":
                files["rgb"] = await visitor.upload("room.png", good("rgb", "png"))
            told = await visitor.ask(event, *(files.get(one) for one in FILES))
            words = told["output"].get("error") if not told["success"] else told["output"]["data"][0]
        except RefusedError as error:
            told, words = {"success": False}, str(error)
        slowest = max(slowest, (time.monotonic() - began, name))
        if told["success"] and (event == "segment" or words == ""):
            answered += 1
        elif isinstance(words, str) and len(words) > 15 and "Traceback" not in words and "/gradio/" not in words:
            refused += 1
        else:
            silent.append((seed, event, words))

    async def run() -> tuple[float, float]:
        async with visiting(server) as client:
            await Visitor(server, client).ask(
                "on_upload", await Visitor(server, client).upload("a.png", good("rgb", "png"))
            )
            server.forget_peak()
            start = server.memory()
            await at_once([Visitor(server, client) for _ in range(4)], range(times), give)
            return start, server.memory("VmHWM")

    start, peak = asyncio.run(run())
    assert server.well()
    tell(
        f"{times:,} malformed files",
        f"{answered:,} answered, {refused:,} refused in words, {len(silent)} without words; "
        f"slowest {slowest[0]:.1f} s ({slowest[1]}); memory {start:.0f} MB, peak {peak - start:.0f} MB above",
    )
    assert not silent, silent[:5]
    assert answered + refused == times
    assert slowest[0] < 10
    assert peak - start < 1500


@short_and_long(40, 10_000)
def test_new_sessions_take_bounded_memory(times, server, tell):
    """One in twenty opens the page as a browser does; the others make a session by the page's cheapest event."""

    async def visit(client: httpx.AsyncClient, number: int) -> None:
        visitor = Visitor(server, client)
        if number % 20 == 0:
            (await client.get("/")).raise_for_status()
            assert (await visitor.ask("on_load"))["success"]
        else:
            assert (await visitor.ask("on_address"))["success"]

    async def run() -> tuple[float, float]:
        async with visiting(server) as client:
            await visit(client, 0)
            start = server.memory()
            await at_once([client] * 4, range(times), visit)
            return start, server.memory()

    start, end = asyncio.run(run())
    tell(f"{times:,} new sessions", f"{end - start:.0f} MB in all, from {start:.0f} MB")
    assert end - start < 300


def png_of(seed: int) -> bytes:
    """A picture of a size that no other one of 2,000 has."""
    rng, held = np.random.default_rng(seed), io.BytesIO()
    picture = rng.integers(0, 256, (40 + seed % 50, 40 + seed // 50, 3), dtype=np.uint8)
    Image.fromarray(picture).save(held, "PNG")
    return held.getvalue()


@short_and_long(12, 2000)
def test_every_answer_is_the_askers_own(times, server, tell):
    """64 clients, half of which vanish while they wait, again and again; told by name and size, with a small network.

    That labels are the network's own is tested in tests/demo/test_page.py.
    """
    stay, right, wrong, left, full, going = 32, 0, [], 0, 0, True

    async def ask(client: httpx.AsyncClient, seed: int) -> None:
        nonlocal right, full
        visitor = Visitor(server, client)
        file = await visitor.upload(f"{seed}.png", png_of(seed))
        while True:
            try:
                told = await visitor.ask("segment", file)
                break
            except RefusedError:  # told that the queue is full
                full += 1
                await asyncio.sleep(0.1)
        label, described = told["output"]["data"]
        size = Image.open(io.BytesIO(await visitor.fetch(label))).size[::-1]
        if (described["name"], size) == (str(seed), (40 + seed % 50, 40 + seed // 50)):
            right += 1
        else:
            wrong.append(seed)

    async def vanish(client: httpx.AsyncClient, number: int) -> None:
        nonlocal left
        rng = random.Random(number)
        while going:
            visitor = Visitor(server, client)
            try:
                await visitor.join("segment", await visitor.upload("lost.png", good("rgb", "png", number)))
                left += 1
                if rng.random() < 0.5:  # or never listens
                    await asyncio.wait_for(visitor.listen(), rng.uniform(0, 0.3))
            except (RefusedError, TimeoutError):
                pass
            await asyncio.sleep(rng.uniform(0.5, 2))

    async def run() -> None:
        nonlocal going
        async with visiting(server) as client:
            lost = [asyncio.create_task(vanish(client, number)) for number in range(64 - stay)]
            await at_once([client] * stay, range(times), ask)
            going = False
            await asyncio.gather(*lost)

    began = time.monotonic()
    asyncio.run(run())
    tell(
        f"{times:,} answers among 64 clients",
        f"{right:,} the asker's own; {left:,} jobs were left by clients that vanished, {full:,} times the queue was "
        f"full; {time.monotonic() - began:.0f} s",
    )
    assert not wrong, wrong[:5]
    assert right == times
    assert left > 0


@pytest.mark.soak
def test_a_visitor_after_200_abandoned_jobs(tmp_path, tell):
    """With the bundled network, at 640x480; the short form is in tests/demo/server/test_waiting.py."""
    rgb, depth = (
        (SAMPLES_DIR / kind / f"0001.{suffix}").read_bytes() for kind, suffix in (("rgb", "jpg"), ("depth", "png"))
    )

    async def run(server: Server) -> tuple[float, float, int]:
        async with visiting(server) as client:
            visitor = Visitor(server, client)
            files = await visitor.upload("rgb.jpg", rgb), await visitor.upload("depth.png", depth)
            began = time.monotonic()
            assert (await visitor.ask("segment", *files))["success"]
            alone, taken = time.monotonic() - began, 0
            for _ in range(200):
                try:
                    await Visitor(server, client).join("segment", *files)
                    taken += 1
                except RefusedError:
                    continue
            began = time.monotonic()
            while True:
                try:
                    assert (await Visitor(server, client).ask("segment", *files))["success"]
                    return alone, time.monotonic() - began, taken
                except RefusedError:  # told that the queue is full
                    await asyncio.sleep(0.2)

    with Server(tmp_path) as server:
        alone, waited, taken = asyncio.run(run(server))
    tell("200 abandoned jobs", f"{taken} taken; the next visitor waited {waited:.1f} s, {alone:.1f} s before")
    assert waited < 15
