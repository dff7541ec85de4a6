"""How the page copes with a large data set: a generated SUN RGB-D in the original layout, opened by looking.

    PYTHONPATH=. python tests/large_dataset.py --out runs/large

Measures, in a browser over `app.py --data`: the start, the first frame, search, the next frame, and the server's memory
before and after so many frames.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import psutil
from chromium import started
from conftest import ROOT
from playwright.sync_api import Page, expect
from sunrgbd_archives import frame_files, frame_names, halves, make_archives, picture

URL = "http://127.0.0.1:7871"
PATIENCE_MS = 60_000
EVERYTHING = re.compile(r"^ *1 to 60 of [\d,]+ frames *$")
FOUND = re.compile(r"(of|^) *[\d,]+ of [\d,]+ frames|None of")


def generate(out: Path, count: int) -> Path:
    """Write `count` frames of 64x48 with the official share of test frames; returns SUNRGBD/."""
    names = frame_names(count)
    test = names[::2][: count * 5050 // 10335]
    files = {name: frame_files(name, picture(1, 5)) for name in names}
    return make_archives(out, files, test, dict.fromkeys(names, halves(1, 5)))


def memory_mb(server: subprocess.Popen[bytes]) -> float:
    """Resident memory of the server [MB]."""
    return psutil.Process(server.pid).memory_info().rss / 1e6


def seconds_until_up(server: subprocess.Popen[bytes]) -> float:
    """Wait until the page answers; seconds since the call."""
    began = time.monotonic()
    while server.poll() is None:
        try:
            with urlopen(URL, timeout=5):
                return time.monotonic() - began
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server ended")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long the block took."""
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.2f} s", flush=True)


def look(tab: Page, server: subprocess.Popen[bytes], frames: int) -> None:
    """Open the page, search, and walk through frames; prints what it took."""
    caption, count = tab.locator("#viewer .vw-title", has_text="label seglabel").first, tab.locator("#count")
    words = tab.locator("#search :is(input, textarea)")
    with timed("first frame, from the address to its result"):
        tab.goto(URL)
        expect(caption).to_be_visible(timeout=PATIENCE_MS)
    expect(count).to_contain_text("1 to 60 of", timeout=PATIENCE_MS)
    for text in ("kv2 bedroom", "xtion office", "xtion"):
        with timed(f"search for {text!r}"):
            words.fill(text)
            # Of those that were found, of all; Gradio's clock may stand before it.
            expect(count).to_contain_text(FOUND, timeout=PATIENCE_MS)
        print(count.inner_text().splitlines()[-1])
        words.fill("")
        expect(count).to_have_text(EVERYTHING, timeout=PATIENCE_MS)
    with timed("next page of the strip"):
        tab.locator("#page-next").click()
        expect(count).to_contain_text("61 to 120", timeout=PATIENCE_MS)
    before, steps = memory_mb(server), []
    for _ in range(frames):
        shown, began = caption.inner_text(), time.monotonic()
        tab.locator("#next").click()
        expect(caption).not_to_have_text(shown, timeout=PATIENCE_MS)
        steps.append(time.monotonic() - began)
    print(f"next frame: median {statistics.median(steps):.2f} s, at most {max(steps):.2f} s over {frames} frames")
    print(f"memory: {before:.0f} MB before these frames, {memory_mb(server):.0f} MB after")


def main() -> None:
    """Generate where there is nothing, serve, measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, required=True, help="folder that the data set is generated in")
    options.add_argument("--count", type=int, default=10_335)
    options.add_argument("--frames", type=int, default=200, help="frames that are walked through")
    given = options.parse_args()
    data = given.out / "SUNRGBD"
    if not data.is_dir():
        data = generate(given.out, given.count)
    began = time.monotonic()
    command = [sys.executable, str(ROOT / "app.py"), "--data", str(data), "--port", URL.rsplit(":", 1)[-1]]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            seconds_until_up(server)
            print(
                f"the page answers after {time.monotonic() - began:.1f} s, with {memory_mb(server):.0f} MB", flush=True
            )
            with started() as browser:
                look(browser.new_page(viewport={"width": 1440, "height": 900}), server, given.frames)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
