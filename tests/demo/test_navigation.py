"""Ways to a frame in a real browser: searches, lists that are walked through, Back, and two runs compared."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager

import pytest
from chromium import reload, watched_tabs
from playwright.sync_api import expect
from sunrgbd_archives import frame_files, frame_names, halves, make_archives, picture
from synthetic_dataset import BED, CHAIR, KnownPredictor, SyntheticReader

from demo.data_sets import open_sources
from demo.dataset.evaluations import Evaluations
from demo.dataset.progress import Run
from demo.dataset.result import Confusion
from demo.inspector import Inspector
from demo.networks import Checkpoints
from demo.page import build
from demo.theme import STYLE, theme
from deresunet.classes import SUNRGBD37
from deresunet.data.readers import Source

SOURCE = "synthetic"

pytestmark = pytest.mark.browser


class Better(KnownPredictor):
    """Takes half as many columns of a chair for a bed."""

    def __call__(self, frame, modality="rgbd"):
        got = super().__call__(frame, modality)
        k = self._reader.names.index(frame.name)
        got.label[24:44, 4 + k // 2 : 4 + k] = CHAIR
        return got


@contextmanager
def launched(inspector, folder):
    """The page's address, for as long as the block lasts."""
    page = build(inspector, cache_dir=folder)
    page.queue(default_concurrency_limit=4)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, theme=theme(), css_paths=STYLE, ssr_mode=False)
    yield url
    page.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The page over two evaluated runs: its address, and the result of the first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        folder = tmp_path_factory.mktemp("evaluations")
        reader = SyntheticReader()
        checkpoints = Checkpoints(KnownPredictor(reader), named={"better": Better(reader, sha256="cd" * 32)})
        evaluations = Evaluations(checkpoints, {SOURCE: reader}, folder)
        for request in (Run(SOURCE), Run(SOURCE, "rgbd", "better")):
            evaluations.start(request, "before")
            end = time.monotonic() + 60
            while evaluations.progress(request).state != "done":
                assert time.monotonic() < end
                time.sleep(0.02)
        with launched(Inspector(checkpoints.get(), {SOURCE: reader}, checkpoints), folder) as url:
            yield url, evaluations.result(Run(SOURCE))


@pytest.fixture
def tab(served, browser):
    """The Data set tab of a new visitor; errors in the browser's console fail the test."""
    with watched_tabs(browser) as new_tab:
        tab = new_tab(1440, 900)
        tab.goto(served[0])
        tab.get_by_role("tab", name="Data set").click()
        expect(tab.locator("#ds-headline")).to_contain_text("mIoU over", timeout=30_000)
        yield tab


def test_arrow_keys_walk_through_the_worst_frames(tab, served):
    worst = [frame.name for frame in served[1].ranked(served[1].choose())]
    tab.locator("#ds-gallery button.thumbnail-item").nth(1).click()
    caption = tab.locator("#viewer .vw-title")
    expect(caption).to_contain_text(worst[1], timeout=30_000)
    expect(tab.locator("#count")).to_have_text("14 frames worst first by mIoU", timeout=10_000)
    tab.keyboard.press("ArrowRight")
    expect(caption).to_contain_text(worst[2], timeout=30_000)
    tab.keyboard.press("ArrowLeft")
    expect(caption).to_contain_text(worst[1], timeout=30_000)
    tab.keyboard.press("ArrowLeft")
    expect(caption).to_contain_text(worst[0], timeout=30_000)


def test_a_confusion_leads_to_a_frame_with_its_pair_and_back_to_the_same_place(tab, served):
    cell = Confusion(CHAIR, BED, SUNRGBD37)
    first = served[1].confused(served[1].choose(), cell)[0]
    tab.locator("#ds-pair input").click()
    tab.get_by_role("option", name=str(cell)).click()
    shown = tab.locator("#ds-gallery button.thumbnail-item").first
    expect(shown).to_contain_text(first.caption, timeout=30_000)
    shown.scroll_into_view_if_needed()
    place = tab.evaluate("window.scrollY")
    assert place > 300
    shown.click()
    expect(tab.locator("#viewer .vw-title", has_text=first.name)).to_be_visible(timeout=30_000)
    for name in ("chair", "bed"):
        expect(tab.locator("#viewer tr:not(.vw-off)", has_text=name)).to_be_visible(timeout=10_000)
    tab.locator("#back").click()
    expect(shown).to_be_in_viewport(timeout=10_000)
    tab.wait_for_function("place => Math.abs(window.scrollY - place) < 3", arg=place, timeout=10_000)


def test_back_and_forward_retrace_frames_tabs_classes_cells_and_runs(tab, served):
    """Each of a visitor's acts is one entry of the browser's history, and Back and Forward lead along them."""
    worst = served[1].ranked(served[1].choose(), CHAIR)
    chosen, headline = tab.locator("#ds-class input"), tab.locator("#ds-headline")
    before = tab.evaluate("history.length")
    tab.locator("#ds-bars [data-class=chair]").click()
    expect(headline).to_contain_text("IoU of chair", timeout=60_000)
    expect(tab).to_have_url(re.compile("class=chair"))
    tab.get_by_role("tab", name="Compare runs").click()
    expect(tab.locator("#ds-run-b input")).to_have_value("better, RGB-D", timeout=60_000)
    tab.locator("#ds-compare").click()
    expect(tab.locator("#ds-compare-summary")).to_contain_text("better than A", timeout=60_000)
    tab.get_by_role("tab", name="Result").click()
    tab.locator("#ds-gallery button.thumbnail-item").first.click()
    expect(tab.locator("#viewer .vw-title", has_text=worst[0].name)).to_be_visible(timeout=60_000)
    expect(tab).to_have_url(re.compile("class=chair.*"), timeout=60_000)
    expect(tab).to_have_title(f"{worst[0].name} · Inspect · DeResUNet")
    filters = tab.locator("#count .filter")
    expect(filters).to_have_text(["chair", "worst first by IoU of chair"], timeout=60_000)
    expect(tab.locator("#search-class input")).to_have_value("Contains: chair")
    expect(tab.locator("#order input")).to_have_value("Order: worst first by IoU of chair")
    assert tab.evaluate("history.length") == before + 5
    tab.go_back()
    expect(headline).to_be_visible(timeout=60_000)
    expect(headline).to_contain_text("IoU of chair")
    expect(tab).to_have_title(f"{SOURCE} · Data set · DeResUNet")
    tab.go_back()
    expect(tab.locator("#ds-compare-summary")).to_be_visible(timeout=60_000)
    for _ in range(2):
        tab.go_back()
    expect(headline).to_contain_text("IoU of chair", timeout=60_000)
    expect(chosen).to_have_value("chair")
    tab.go_back()
    expect(chosen).to_have_value("all classes", timeout=60_000)
    tab.go_forward()
    expect(headline).to_contain_text("IoU of chair", timeout=60_000)


@pytest.mark.parametrize("again", ["reload", "another browser"])
def test_a_link_reaches_the_same_state_of_each_tab(tab, served, browser, again):
    """What a reload and a second browser show of an address that the page has written."""
    cell = Confusion(CHAIR, BED, SUNRGBD37)
    tab.locator("#ds-bars [data-class=chair]").click()
    expect(tab).to_have_url(re.compile("class=chair"), timeout=60_000)
    tab.locator("#ds-pair input").click()
    tab.get_by_role("option", name=str(cell)).click()
    expect(tab).to_have_url(re.compile(f"cell={CHAIR}%2C{BED}"), timeout=60_000)
    first = served[1].confused(served[1].choose(), cell)[0]
    with watched_tabs(browser) as new_tab:

        def there():
            if again == "reload":
                reload(tab)
                return tab
            other = new_tab(1440, 900)
            other.goto(tab.url)
            return other

        shown = there()
        expect(shown.locator("#ds-headline")).to_contain_text("IoU of chair", timeout=60_000)
        expect(shown.locator("#ds-gallery button.thumbnail-item").first).to_contain_text(first.caption)
        expect(shown).to_have_url(tab.url)
        tab.get_by_role("tab", name="Compare runs").click()
        expect(tab.locator("#ds-run-b input")).to_have_value("better, RGB-D", timeout=60_000)
        tab.locator("#ds-compare").click()
        expect(tab.locator("#ds-compare-summary")).to_contain_text("better than A", timeout=60_000)
        expect(there().locator("#ds-compare-summary")).to_contain_text("better than A", timeout=60_000)
        tab.get_by_role("tab", name="Compare", exact=True).click()
        tab.locator("#compare").click()
        expect(tab.locator("#compare-summary")).to_contain_text("mIoU of this frame", timeout=60_000)
        expect(tab).to_have_url(re.compile("tab=compare"))
        summary = tab.locator("#compare-summary").inner_text()
        expect(there().locator("#compare-summary")).to_have_text(summary, timeout=60_000, use_inner_text=True)
        tab.get_by_role("tab", name="About").click()
        expect(tab).to_have_url(re.compile("tab=about"))
        expect(there().get_by_role("tab", name="About")).to_have_attribute("aria-selected", "true", timeout=60_000)


def test_two_runs_are_compared_and_a_frame_opens_in_compare(tab, served):
    tab.get_by_role("tab", name="Compare runs").click()
    expect(tab.locator("#ds-run-a input")).to_have_value("i>.safetensors, RGB-D", timeout=15_000)
    expect(tab.locator("#ds-run-b input")).to_have_value("better, RGB-D")
    tab.locator("#ds-compare").click()
    summary, won = tab.locator("#ds-compare-summary"), tab.locator("#ds-won")
    expect(summary).to_contain_text("B is significantly better than A", timeout=30_000)
    expect(won).to_contain_text("Frames won by B: 13")
    expect(tab.locator("#ds-lost")).to_contain_text("Frames lost by B: none")
    expect(tab.locator("#ds-compare-classes")).to_contain_text("chair")
    name = won.locator("[data-frame]").first.get_attribute("data-frame")
    won.locator("[data-frame]").first.click()
    expect(tab.locator("#compare-summary")).to_contain_text(name, timeout=30_000)
    expect(tab.locator("#compare-summary")).to_contain_text("(+11.7 points)")
    tab.locator("#compare-back").click()
    expect(summary).to_be_visible()


def choose(tab, dropdown, option):
    tab.locator(f"{dropdown} input").click()
    tab.get_by_role("option", name=option, exact=True).click()


def test_frames_are_searched_ordered_and_walked_through(tab, served):
    result = served[1]
    beds = [frame.name for frame in result.ranked(result.choose()) if frame.name in result.names_with(BED)]
    tab.get_by_role("tab", name="Inspect").click()
    count, strip = tab.locator("#count"), tab.locator("#frames .thumbnail-item")
    expect(count).to_have_text("14 frames", timeout=30_000)
    words = tab.locator("#search :is(input, textarea)")
    words.fill("kv2 bedroom")
    expect(count).to_have_text("2 of 14 frames", timeout=10_000)
    words.press_sequentially(" zebra")
    expect(count).to_have_text("No frame matches. Clear", timeout=10_000)
    count.get_by_role("button", name="Clear").click()
    expect(words).to_have_value("")
    expect(count).to_have_text("14 frames", timeout=10_000)
    choose(tab, "#search-class", "Contains: bed")
    expect(count).to_have_text("5 of 14 frames bed", timeout=10_000)
    choose(tab, "#order", "Order: lowest mIoU")
    expect(strip.first).to_contain_text(beds[0], timeout=10_000)
    strip.first.click()
    caption = tab.locator("#viewer .vw-title")
    expect(caption).to_contain_text(beds[0], timeout=30_000)
    tab.locator("#next").click()
    expect(caption).to_contain_text(beds[1], timeout=30_000)
    expect(tab.locator("#frames .thumbnail-item.selected")).to_contain_text(beds[1], timeout=10_000)
    expect(count).to_have_text("5 of 14 frames bed")


def test_ground_truth_and_depth_are_chosen_on_the_page(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    one, two = frame_names(2)
    frames = {name: frame_files(name, picture(1, 5)) for name in (one, two)}
    # Polygons say wall and chair, seglabel cabinet and bed.
    data = make_archives(tmp_path, frames, [one, two], dict.fromkeys(frames, halves(3, 4)))
    readers = open_sources([str(data)], Source())
    (reader,) = readers.values()
    with (
        launched(Inspector(KnownPredictor(reader), readers), tmp_path / "runs") as url,
        watched_tabs(browser) as new_tab,
    ):
        tab = new_tab(1440, 900)
        tab.goto(f"{url}?data=SUNRGBD+(test)&frame={two}")
        caption, legend = tab.locator("#viewer .vw-title", has_text=two), tab.locator("#viewer .vw-classes")
        expect(legend).to_contain_text("cabinet", timeout=30_000)
        choose(tab, "#variant", "polygons, raw depth")
        expect(legend).to_contain_text("chair", timeout=30_000)
        expect(caption).to_contain_text("label polygons")
        expect(tab).to_have_url(re.compile("polygons"), timeout=10_000)
        reload(tab)
        expect(tab.locator("#variant input")).to_have_value("polygons, raw depth", timeout=30_000)
        expect(caption).to_contain_text("label polygons")
        tab.get_by_role("tab", name="Data set").click()
        expect(tab.locator("#ds-status")).to_contain_text("SUNRGBD (test), RGB-D: not evaluated", timeout=15_000)
        choose(tab, "#ds-variant", "polygons, in-painted depth")
        expect(tab.locator("#ds-status")).to_contain_text(
            "SUNRGBD (test), polygons, in-painted depth, RGB-D: not evaluated", timeout=15_000
        )
        tab.locator("#ds-start").click()
        expect(tab.locator("#ds-bars [data-class=chair]")).to_be_visible(timeout=30_000)
