"""The browser that tests drive the page in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_QUIET = [
    *("--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),  # WebGL without a graphics card
]

# A busy machine takes longer than Playwright's five seconds; what comes sooner waits no longer.
expect.set_options(timeout=60_000)

# Tabs that are just being reloaded.
_reloaded: set[Page] = set()


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

        def note(text: str) -> None:
            if tab not in _reloaded:
                errors.append(text)

        tab.on("console", lambda message: note(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: note(str(error)))
        return tab

    yield new_tab
    for context in contexts:
        context.close()
    unexpected = [text for text in errors if allowed is None or not re.match(allowed, text)]
    assert not unexpected, f"the browser's console: {unexpected}"


def reload(tab: Page) -> None:
    """Reload a tab: the page that goes reports streams that are cut off, in five ways, and that is no error."""
    _reloaded.add(tab)
    try:
        tab.reload()
    finally:
        _reloaded.remove(tab)
