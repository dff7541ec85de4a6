"""The browser that tests drive the page in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_QUIET = [
    *("--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),  # WebGL without a graphics card
]

# A reload cuts off streams that are open, which Gradio's client reports as it goes.
RELOADED = "^AbortError: signal is aborted|^Unexpected error Connection errored out"


@contextmanager
def started() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=_QUIET)
        yield browser
        browser.close()


@contextmanager
def watched_tabs(browser: Browser, allowed: str | None = None) -> Iterator[Callable[[int, int], Page]]:
    """A function that opens an empty tab of a width and height; errors in their consoles fail the test at the end.

    Args:
        browser: as `started` gives it.
        allowed: pattern of the errors that may come.
    """
    errors: list[str] = []
    contexts = []

    def new_tab(width: int, height: int) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}))
        tab = contexts[-1].new_page()
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        return tab

    yield new_tab
    for context in contexts:
        context.close()
    unexpected = [text for text in errors if allowed is None or not re.match(allowed, text)]
    assert not unexpected, f"the browser's console: {unexpected}"
