"""The data set's tab in a real browser: from the start of an evaluation to a frame in Inspect."""

from __future__ import annotations

import re
import threading
import time

import gradio as gr
import pytest
from chromium import watched_tabs
from playwright.sync_api import expect
from synthetic_dataset import CHAIR, COUNT, KnownPredictor, SyntheticReader

from demo.dataset.choice import STEP
from demo.dataset.evaluations import Evaluations
from demo.dataset.plots import Scatter
from demo.dataset.progress import Run
from demo.dataset.tab import build_dataset_tab
from demo.inspector import Inspector
from demo.theme import STYLE, theme
from deresunet.classes import SUNRGBD37
from deresunet.evaluation.audit import audit
from deresunet.evaluation.confusions import HeatMap

SHORT, LONG, BARE, OTHER = "short list", "long list", "bare list", "other list"

pytestmark = pytest.mark.browser


class Served:
    """A page with nothing but the tab, and a line in which the rest of the page would open a frame."""

    def __init__(self, folder):
        long = SyntheticReader()
        self.predictor = KnownPredictor(long, confidence=0.8)
        readers = {LONG: long, SHORT: SyntheticReader(count=3), BARE: SyntheticReader(count=5, labelled=False)}
        readers[OTHER] = SyntheticReader(count=4)
        inspector = Inspector(self.predictor, readers)
        with gr.Blocks(analytics_enabled=False) as self.page, gr.Tabs():
            with gr.Tab("Inspect"):
                opened = gr.HTML("nothing yet", elem_id="opened")
            with gr.Tab("Data set") as tab:
                evaluations = Evaluations(inspector.checkpoints, inspector.readers, folder)
                self.tab = build_dataset_tab(inspector, evaluations, tab)
            for request in self.tab.open_requests:
                request.change(
                    lambda asked: " | ".join(
                        [asked.frame.source, asked.frame.name, *asked.classes, f"click {asked.click}"]
                    ),
                    request,
                    opened,
                    api_visibility="private",
                )
        self.page.queue(max_size=64, default_concurrency_limit=4)
        _, self.url, _ = self.page.launch(
            prevent_thread_lock=True, quiet=True, theme=theme(), css_paths=STYLE, ssr_mode=False
        )

    def result(self):
        return self.tab.evaluations.result(Run(LONG))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        served = Served(tmp_path_factory.mktemp("evaluations"))
        yield served
        served.page.close()


@pytest.fixture
def visit(served, browser):
    """A function that opens the tab at a size; errors in the browser's console fail the test."""
    with watched_tabs(browser) as new_tab:

        def visit(width=1440, height=900):
            page = new_tab(width, height)
            page.goto(served.url)
            page.get_by_role("tab", name="Data set").click()
            expect(page.locator("#ds-start")).not_to_have_text("Evaluate", timeout=15_000)  # its state is known
            return page

        yield visit


def click_picture(page, picture, point, size):
    """Click where `point` [px] of the picture of `size` [px] is shown."""
    image = page.locator(f"{picture} img")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    image.click(position={"x": point[0] * box["width"] / size[0], "y": point[1] * box["height"] / size[1]})


def measured(served):
    """Waits until the long list has been evaluated, by this test or by one before."""
    served.tab.evaluations.start(Run(LONG), "before")
    end = time.monotonic() + 30
    while served.tab.evaluations.progress(Run(LONG)).state != "done":
        assert time.monotonic() < end
        time.sleep(0.05)


def opened(page) -> str:
    """What Inspect was asked to open, and back again."""
    page.get_by_role("tab", name="Inspect").click()
    expect(page.locator("#opened")).not_to_have_text(re.compile(r"\d\.\ds"))  # Gradio's clock, while it is filled
    text = page.locator("#opened").inner_text()
    page.get_by_role("tab", name="Data set").click()
    return text


def test_from_the_start_of_an_evaluation_to_a_frame(visit, served, tmp_path):
    page = visit()
    status, start, cancel = (page.locator(f"#ds-{name}") for name in ("status", "start", "cancel"))
    expect(status).to_contain_text("not evaluated yet")
    expect(start).to_have_text(f"Evaluate {COUNT} frames")
    served.predictor.held_after = 5
    start.click()
    expect(status).to_contain_text("mIoU so far", timeout=15_000)
    expect(status).to_contain_text("left")
    expect(status.get_by_role("progressbar")).to_be_visible()

    other = visit(390, 844)  # a second visitor, on a phone
    expect(other.locator("#ds-status")).to_contain_text("It runs for another page")
    other.locator("#ds-source").get_by_label(SHORT).click()
    expect(other.locator("#ds-start")).to_have_text("Evaluate 3 frames")
    other.locator("#ds-start").click()
    expect(other.locator("#ds-status")).to_contain_text("Waiting: short list", timeout=10_000)
    other.locator("#ds-cancel").click()
    expect(other.locator("#ds-start")).to_have_text("Evaluate 3 frames", timeout=10_000)

    cancel.click()
    expect(status).to_contain_text("Stopping", timeout=10_000)
    served.predictor.held_after = None
    expect(status).to_contain_text("Interrupted", timeout=15_000)
    expect(cancel).to_be_hidden()
    assert len(served.predictor.ran) == 6, "the frame at hand was finished, and no further one begun"
    expect(start).to_have_text(f"Resume (6 of {COUNT} done)")
    start.click()
    headline, note = page.locator("#ds-headline"), page.locator("#ds-gallery-note")
    expect(headline).to_contain_text("mIoU over 4 classes", timeout=30_000)
    assert len(served.predictor.ran) == COUNT, "it went on where it was"
    result = served.result()
    everything = result.choose()
    expect(headline).to_contain_text(f"{100 * result.evaluation.scores.miou:.2f} %")
    expect(status).not_to_contain_text("Interrupted")

    gallery = page.locator("#ds-gallery button.thumbnail-item")
    expect(gallery).to_have_count(6, timeout=15_000)
    page.locator("#ds-more").click()
    expect(gallery).to_have_count(min(6 + STEP, COUNT), timeout=15_000)
    page.locator("#ds-order").get_by_label("best first").click()
    best = result.ranked(everything, worst=False)[0]
    expect(gallery.first).to_contain_text(f"{best.name} · {best.caption}", timeout=15_000)

    matrix = result.matrix(everything)
    layout = HeatMap.of(matrix, SUNRGBD37)
    cell = (layout.left + 3.5 * layout.cell, layout.top + 2.5 * layout.cell)  # bed, chair: nothing is there
    assert str(layout.at(*cell)) == "bed predicted as chair"
    click_picture(page, "#ds-matrix", cell, layout.size)
    expect(note).to_contain_text("No such frame", timeout=15_000)
    click_picture(
        page, "#ds-matrix", layout.centre(layout.at(cell[0] - layout.cell, cell[1] + layout.cell)), layout.size
    )
    said = page.locator("#ds-pair-note")
    expect(said).to_contain_text("of the pixels of chair are predicted as bed", timeout=15_000)
    expect(page.locator("#ds-pair input")).to_have_value("chair predicted as bed: 32 %")
    expect(gallery.first).to_contain_text("kv2/0013 · 65 % of its chair, 260 px")

    page.locator("#ds-sensor input").click()
    page.get_by_role("option", name="kv1 (7)").click()
    expect(headline).to_contain_text(f"7 of {COUNT}", timeout=15_000)
    expect(said).to_contain_text("chair are predicted as bed")  # the cell stays chosen
    page.locator("#ds-class input").click()
    page.get_by_role("option", name="chair", exact=True).click()
    expect(headline).to_contain_text("IoU of chair", timeout=15_000)
    expect(page.locator("#ds-bars .chosen")).to_contain_text("chair")
    page.locator("#ds-order").get_by_label("worst first").click()
    kv1 = result.choose("kv1")
    worst = result.ranked(kv1, CHAIR)[0].name
    expect(gallery.first).to_contain_text(worst, timeout=15_000)
    expect(note).to_contain_text("false positive")

    gallery.first.click()
    expect(page.locator("#opened")).to_contain_text(f"{LONG} | {worst} | chair", timeout=10_000)
    first = opened(page)
    gallery.first.click()
    expect(page.locator("#opened")).not_to_have_text(first, timeout=10_000)
    assert opened(page).split("click")[0] == first.split("click")[0], "the same frame opens again"
    page.locator("#ds-property input").click()
    page.get_by_role("option", name="farther than 3 m").click()
    expect(page.locator("#ds-scatter-note")).to_contain_text("farther than 3 m", timeout=10_000)
    dots = Scatter.of(result, kv1, "far", CHAIR)
    place = int((dots.indices == 4).nonzero()[0][0])
    click_picture(page, "#ds-scatter", dots.points[place], Scatter.SIZE)
    expect(page.locator("#opened")).to_contain_text(f"{result.frames[4].name} | chair", timeout=10_000)

    page.locator("#ds-report").click()
    files = page.locator("#ds-files")
    expect(files).to_contain_text(".zip", timeout=30_000)
    with page.expect_download() as download:
        files.locator("a").first.click()
    assert download.value.suggested_filename == "report-i-safetensors-RGB-D-long-list.html"
    download.value.save_as(tmp_path / "report.html")
    assert f"{100 * result.evaluation.scores.miou:.2f} %" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
def test_a_kept_result_is_there_at_once_and_nothing_scrolls_sideways(visit, served, width, height):
    measured(served)
    ran = len(served.predictor.ran)
    page = visit(width, height)
    expect(page.locator("#ds-headline")).to_contain_text("mIoU over", timeout=15_000)
    expect(page.locator("#ds-start")).to_have_text("Evaluate again")
    for name in ("matrix", "scatter", "gallery"):
        page.locator(f"#ds-{name}").scroll_into_view_if_needed()
        expect(page.locator(f"#ds-{name} img").first).to_be_visible(timeout=10_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(served.predictor.ran) == ran, "the network did not run"
    page.locator("#ds-modality").get_by_label("depth", exact=True).click()
    expect(page.locator("#ds-status")).to_contain_text("depth: not evaluated yet", timeout=10_000)
    expect(page.locator("#ds-headline")).to_be_hidden()


def test_programs_are_offered_nothing_of_it(served):
    assert {function.api_visibility for function in served.page.fns.values()} == {"private"}


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_click_on_a_bar_chooses_its_class(visit, served, width, height):
    measured(served)
    result = served.result()
    everything = result.choose()
    page = visit(width, height)
    bars, chosen = page.locator("#ds-bars"), page.locator("#ds-class input")
    gallery = page.locator("#ds-gallery button.thumbnail-item")
    worst_of_all, worst_chair = result.ranked(everything)[0], result.ranked(everything, CHAIR)[0]
    expect(gallery.first).to_contain_text(worst_of_all.caption, timeout=15_000)

    bars.get_by_text("chair", exact=True).click()  # its name
    expect(gallery.first).to_contain_text(f"{worst_chair.name} · {worst_chair.caption}", timeout=15_000)
    expect(chosen).to_have_value("chair")
    expect(page.locator("#ds-headline")).to_contain_text("IoU of chair")
    expect(bars.locator("[aria-pressed=true]")).to_contain_text("chair")
    expect(page.locator("#ds-pair")).to_contain_text("Largest confusions of chair")
    page.locator("#ds-pair input").click()
    offered = [option.inner_text() for option in page.get_by_role("option").all() if option.is_visible()]
    assert len(offered) > 1
    assert all("chair" in option for option in offered[1:]), "its confusions alone"
    page.keyboard.press("Escape")

    bars.locator("[data-class=wall] .track").click()  # the bar itself
    expect(chosen).to_have_value("wall", timeout=15_000)
    expect(gallery.first).to_contain_text("IoU of wall", timeout=15_000)
    bars.locator("[data-class='all classes']").focus()
    page.keyboard.press("Enter")
    expect(chosen).to_have_value("all classes", timeout=15_000)
    expect(gallery.first).to_contain_text(worst_of_all.caption, timeout=15_000)
    expect(bars.locator("[data-class='all classes']")).to_be_focused()
    assert bars.locator("[data-class=toilet]").count() == 0, "no frame has one, and the list does not offer it"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_runs_that_end_meanwhile_are_offered_for_comparison(visit):
    page = visit()
    page.locator("#ds-source").get_by_label(OTHER).click()
    page.get_by_role("tab", name="Compare runs").click()
    expect(page.locator("#ds-tabs")).to_contain_text("python app.py --data DIR --predictions NAME=DIR")
    a, b, status = page.locator("#ds-run-a input"), page.locator("#ds-run-b input"), page.locator("#ds-status")

    def evaluate(modality):
        page.locator("#ds-modality").get_by_label(modality, exact=True).click()
        expect(status).to_contain_text(f"{OTHER}, {modality}: not evaluated yet", timeout=15_000)
        page.locator("#ds-start").click()

    evaluate("RGB-D")
    expect(a).to_have_value("i>.safetensors, RGB-D", timeout=15_000)
    expect(b).to_have_value("")
    evaluate("RGB")
    expect(a).to_have_value("i>.safetensors, RGB", timeout=15_000)
    expect(b).to_have_value("i>.safetensors, RGB-D")
    a.click()
    page.get_by_role("option", name="i>.safetensors, RGB-D").click()
    evaluate("depth")
    expect(page.locator("#ds-start")).to_have_text("Evaluate again", timeout=15_000)
    b.click()
    page.get_by_role("option", name="i>.safetensors, depth").click(timeout=15_000)
    expect(a).to_have_value("i>.safetensors, RGB-D")


def test_a_report_that_is_written_shows_progress(visit, served, monkeypatch, tmp_path):
    measured(served)
    written, done = tmp_path / "report.html", threading.Event()
    written.write_text("report")

    def slow(*_):
        assert done.wait(30)
        return written, written

    monkeypatch.setattr("demo.dataset.tab.write_dataset_report", slow)
    page = visit()
    page.locator("#ds-report").click(timeout=15_000)
    progress = page.locator("#ds-provenance .progress-text")
    expect(progress).to_contain_text("processing", timeout=10_000)
    done.set()
    expect(page.locator("#ds-files")).to_contain_text("6.0 B", timeout=15_000)
    expect(progress).to_be_hidden()


def test_a_data_set_without_ground_truth_says_so_before_anything_runs(visit, served):
    ran = len(served.predictor.ran)
    page = visit()
    page.locator("#ds-source").get_by_label(BARE).click()
    expect(page.locator("#ds-status")).to_contain_text(f"{BARE} has no ground truth", timeout=15_000)
    expect(page.locator("#ds-start")).to_be_disabled()
    page.get_by_role("tab", name="Label audit").click()
    page.locator("#ds-audit").click()
    expect(page.locator("#ds-audit-notice")).to_contain_text("None of the 5 frames has ground truth", timeout=15_000)
    page.locator("#ds-source").get_by_label(SHORT).click()
    expect(page.locator("#ds-start")).to_be_enabled(timeout=15_000)
    assert len(served.predictor.ran) == ran


def test_suspect_annotations_are_listed_exported_and_open_their_frame(visit, served, tmp_path):
    expected = audit(served.predictor, SyntheticReader())
    assert len(expected.findings) == COUNT - 1
    page = visit()
    page.get_by_role("tab", name="Label audit").click()
    page.locator("#ds-audit-weights input").click()  # the vision transformer unless another is chosen
    page.get_by_role("option", name="i>.safetensors").filter(visible=True).click()
    page.locator("#ds-audit").click()
    expect(page.locator("#ds-audit-note")).to_contain_text(f"{COUNT - 1} findings in {COUNT} frames", timeout=15_000)
    gallery = page.locator("#ds-audit-gallery button.thumbnail-item")
    expect(gallery).to_have_count(12, timeout=10_000)
    page.locator("#ds-audit-more").click()
    expect(gallery).to_have_count(COUNT - 1, timeout=10_000)
    first = expected.findings[0]
    expect(gallery.first).to_contain_text(f"1. annotated chair, predicted bed (80 %) · {first.frame}")
    files = page.locator("#ds-audit-files a")
    for link, content in ((files.nth(0), expected.csv()), (files.nth(1), expected.frame_list())):
        with page.expect_download() as download:
            link.click()
        download.value.save_as(tmp_path / "file")
        assert (tmp_path / "file").read_bytes().decode() == content
    gallery.first.click()
    expect(page.locator("#opened")).to_contain_text(f"{LONG} | {first.frame} | chair | bed", timeout=10_000)
    page.locator("#ds-source").get_by_label(SHORT).click()
    expect(gallery).to_have_count(0, timeout=10_000)
