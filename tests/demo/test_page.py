"""The running server: through gradio_client, and in a real browser."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from chromium import watched_tabs
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import expect

from demo.inspector import Inspector
from demo.page import build
from demo.server.health import Health
from demo.serving import Serving
from demo.theme import STYLE, theme
from deresunet import read_frame
from deresunet.data.folder import SAMPLES_DIR

# Gradio's 3D viewer tries WebGPU first, and its library reports that as an error before it falls back to WebGL.
VIEWERS_OWN = re.compile(r"^BJS - .*WebGPU")


class CountingPredictor:
    """Counts how often the network runs, and never lets two runs overlap unnoticed."""

    def __init__(self, predictor):
        self.predictor, self.checkpoint = predictor, predictor.checkpoint
        self.calls, self.overlaps = 0, 0
        self._busy = threading.Lock()

    usual_batch = 1

    def __getattr__(self, name):
        return getattr(self.predictor, name)

    def with_inference(self, inference):
        return self

    def labels(self, frames, *args):
        return [self(frame, *args).label for frame in frames]

    def __call__(self, *args):
        self.calls += 1
        free = self._busy.acquire(blocking=False)
        self.overlaps += not free
        try:
            return self.predictor(*args)
        finally:
            if free:
                self._busy.release()


@pytest.fixture(scope="module")
def counting(predictor):
    return CountingPredictor(predictor)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("gradio")


@pytest.fixture(scope="module")
def url(counting, rooms, cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(cache))
        inspector = Inspector(counting, {"sample rooms": rooms})
        page = build(inspector)
        Serving().serve(page, Health(lambda: None), quiet=True, theme=theme(), css_paths=STYLE, ssr_mode=False)
        yield page.local_url
        page.close()


@pytest.fixture
def client(url, tmp_path):
    return Client(url, verbose=False, download_files=tmp_path)


def room_files(name):
    return handle_file(SAMPLES_DIR / "rgb" / f"{name}.jpg"), handle_file(SAMPLES_DIR / "depth" / f"{name}.png")


def test_a_program_segments_a_room_with_16_bit_depth(client, predictor):
    rgb, depth = room_files("0002")
    label_path, told = client.predict(
        rgb, depth, handle_file(SAMPLES_DIR / "label" / "0002.png"), "auto", api_name="/segment"
    )
    label = np.asarray(Image.open(label_path))
    frame = read_frame(SAMPLES_DIR / "rgb" / "0002.jpg", SAMPLES_DIR / "depth" / "0002.png")
    assert label.dtype == np.uint8
    assert np.array_equal(label, predictor(frame).label), "the label of depth in all its 16 bits, lossless"
    assert told["provenance"]["modality"] == "rgbd"
    assert told["miou"] > 0


def test_depth_may_be_left_out(client):
    rgb, _ = room_files("0002")
    _, told = client.predict(rgb, None, None, "auto", api_name="/segment")
    assert told["provenance"]["modality"] == "rgb"
    assert "miou" not in told


def test_only_segment_is_offered_to_programs(client):
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/segment"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"this is no image", "not an image"), (b"\x89PNG\r\n\x1a\n cut", "image")],
)
def test_bad_uploads_get_a_message_and_the_server_goes_on(client, tmp_path, content, message):
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(AppError, match=message):
        client.predict(handle_file(tmp_path / "bad.png"), None, None, "auto", api_name="/segment")
    rgb, depth = room_files("0001")
    assert client.predict(rgb, depth, None, "auto", api_name="/segment")[1]["classes"]


def test_visitors_at_once_get_their_own_results(url, counting, predictor, tmp_path):
    names = ["0000", "0003", "0005", "0008", "0011", "0013"]

    def visit(name):
        own = Client(url, verbose=False, download_files=tmp_path / name)
        label_path, _ = own.predict(*room_files(name), None, "auto", api_name="/segment")
        return np.asarray(Image.open(label_path))

    with ThreadPoolExecutor(len(names)) as pool:
        labels = list(pool.map(visit, names))
    for name, label in zip(names, labels, strict=True):
        frame = read_frame(SAMPLES_DIR / "rgb" / f"{name}.jpg", SAMPLES_DIR / "depth" / f"{name}.png")
        assert np.array_equal(label, predictor(frame).label), f"{name} got its own answer"
    assert counting.overlaps == 0, "the queue gives the network one frame at a time"


@pytest.fixture
def open_page(browser, url):
    """A function that opens the page at a size and waits for the first result; errors of the page fail the test."""
    with watched_tabs(browser, VIEWERS_OWN) as new_tab:

        def visit(width=1440, height=900, query=""):
            tab = new_tab(width, height)
            tab.goto(url + query)
            expect(tab.locator("#panel-prediction img")).to_be_visible(timeout=30_000)
            expect(tab.locator("#classes")).to_contain_text("wall", timeout=10_000)
            return tab

        yield visit


@pytest.mark.browser
def test_a_visitor_looks_at_a_room(open_page, counting):
    tab = open_page()
    tab.locator("#frames button.thumbnail-item").nth(3).click()
    expect(tab.locator(".caption", has_text="0003").first).to_be_visible(timeout=30_000)
    expect(tab.locator("#headline")).to_contain_text("mIoU of this frame", timeout=10_000)
    expect(tab.locator("#classes")).to_contain_text("night stand")
    cells = tab.locator("#classes tr").filter(has_text="floor").first.inner_text().split()
    iou = float(next(cell for cell in cells if cell.replace(".", "").isdigit()))
    assert 70 < iou <= 100, "the floor of this room is found"

    calls = counting.calls
    before = tab.locator("#panel-prediction img").get_attribute("src")
    slider = tab.get_by_label("range slider for Opacity")
    slider.focus()
    slider.press("ArrowRight")
    expect(tab.locator("#panel-prediction img")).not_to_have_attribute("src", before, timeout=10_000)
    one_class = tab.locator("#panel-prediction img").get_attribute("src")
    tab.locator("#only input").click()
    tab.get_by_role("option", name="chair", exact=True).click()
    expect(tab.locator("#panel-prediction img")).not_to_have_attribute("src", one_class, timeout=10_000)
    assert counting.calls == calls, "opacity and class never run the network"

    tab.locator("#controls").get_by_label("RGB", exact=True).click()
    expect(tab.locator("div.provenance").first).to_contain_text("modality RGB ", timeout=30_000)
    assert counting.calls == calls + 1


@pytest.mark.browser
@pytest.mark.slow
def test_a_visitor_walks_through_all_tabs(open_page, counting):
    tab = open_page(query="?data=sample+rooms&frame=0003")
    expect(tab.locator(".caption", has_text="0003").first).to_be_visible(timeout=30_000)
    calls = counting.calls

    def changed(do):
        """Do something, and wait until the prediction's panel shows something else."""
        before = tab.locator("#panel-prediction img").get_attribute("src")
        do()
        expect(tab.locator("#panel-prediction img")).not_to_have_attribute("src", before, timeout=20_000)

    changed(lambda: tab.locator("#panel-prediction img").click(position={"x": 150, "y": 120}))
    expect(tab.locator("#pixel")).to_contain_text("class probabilities")
    expect(tab.locator("#pixel")).to_contain_text(" m")
    changed(lambda: tab.locator("#legend [data-class=chair]").click())
    expect(tab.locator("#only input")).to_have_value("chair")
    changed(lambda: tab.locator("#overlay").get_by_label("errors").click())
    expect(tab.locator(".caption", has_text="chair false negative").first).to_be_visible()
    tab.get_by_role("tab", name="Confusions").click()
    expect(tab.locator("#confusions")).to_contain_text("is taken for")
    tab.get_by_role("tab", name="Calibration").click()
    expect(tab.locator("#reliability svg")).to_be_visible()
    tab.get_by_role("tab", name="3D").click()
    tab.locator("#show-3d").click()
    expect(tab.locator("#cloud canvas")).to_be_visible(timeout=30_000)
    expect(tab.locator("#ply")).to_be_enabled(timeout=10_000)
    assert counting.calls == calls, "no view ran the network"

    tab.get_by_role("tab", name="Ablation").click()
    tab.locator("#run-ablation").click()
    expect(tab.locator("#ablation-summary")).to_contain_text("points", timeout=60_000)
    assert counting.calls <= calls + 2, "with depth it had been run before"

    tab.get_by_role("tab", name="Link and report").click()
    tab.locator("#make-report").click()
    expect(tab.locator("#report-zip")).to_contain_text("MB", timeout=30_000)
    link = tab.locator("#link input, #link textarea").first.input_value()
    assert "frame=0003" in link
    assert "class=chair" in link
    tab.get_by_role("tab", name="Compare").click()
    tab.locator("#compare").click()
    expect(tab.locator("#compare-summary")).to_contain_text("they agree on", timeout=60_000)
    expect(tab.locator("#panel-difference img")).to_be_visible()

    tab.get_by_role("tab", name="Data set").click()
    tab.locator("#ds-start").click()
    frames = tab.locator("#ds-gallery button.thumbnail-item")
    expect(frames.first).to_be_visible(timeout=180_000)
    expect(tab.locator("#ds-headline")).to_contain_text("20.2")
    frames.first.click()  # the worst
    expect(tab.locator("#back")).to_be_visible(timeout=30_000)
    expect(tab.locator("#headline")).to_contain_text("mIoU of this frame")
    tab.locator("#back").click()
    expect(frames.first).to_be_visible()
    tab.locator("#ds-report").click()
    expect(tab.locator("#ds-files")).to_contain_text("MB", timeout=60_000)

    again = open_page(query=link[link.index("?") :])
    expect(again.locator("#only input")).to_have_value("chair", timeout=30_000)
    expect(again.locator(".caption", has_text="chair false negative").first).to_be_visible()


@pytest.mark.browser
def test_a_link_to_nowhere_is_told(browser, url):
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(url + "?data=sample+rooms&frame=9999")
        expect(tab.locator("#notice")).to_contain_text("o frame '9999'", timeout=30_000)


@pytest.mark.browser
def test_a_visitor_brings_a_frame(open_page, tmp_path):
    tab = open_page()
    tab.get_by_role("tab", name="Upload").click()
    (tmp_path / "<b>broken.png").write_bytes(b"no image")
    chooser = tab.locator("#upload-rgb input[type=file]")
    chooser.set_input_files(tmp_path / "<b>broken.png")
    expect(tab.locator("#upload-rgb")).to_contain_text("broken")
    tab.get_by_role("button", name="Segment").click()
    notice = tab.locator("#notice")
    expect(notice).to_contain_text("broken.png is not an image that can be read", timeout=15_000)

    tab.locator("#upload-rgb").get_by_label("Clear").click()
    tab.locator("#upload-rgb input[type=file]").set_input_files(SAMPLES_DIR / "rgb" / "0004.jpg")
    tab.locator("#upload-depth input[type=file]").set_input_files(SAMPLES_DIR / "depth" / "0004.png")
    card = tab.locator(".card", has_text="as understood")
    expect(card).to_contain_text("730 x 530", timeout=15_000)
    expect(card).to_contain_text("millimetres")
    tab.get_by_role("button", name="Segment").click()
    expect(tab.locator("#headline")).to_contain_text("no ground truth", timeout=30_000)
    expect(tab.locator(".caption", has_text="0004").first).to_be_visible()
    expect(notice).not_to_contain_text("failed")


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
def test_nothing_scrolls_sideways_and_panels_line_up(open_page, width, height):
    tab = open_page(width, height)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [
        tab.locator(f"#panel-{name} img").bounding_box() for name in ("rgb", "depth", "ground-truth", "prediction")
    ]
    assert max(box["width"] for box in boxes) - min(box["width"] for box in boxes) < 1
    assert max(box["height"] for box in boxes) - min(box["height"] for box in boxes) < 1
    line = "x" if width < 640 else "y"  # on a phone the panels stand in one column, elsewhere in one row
    assert max(box[line] for box in boxes) - min(box[line] for box in boxes) < 1


def test_files_stay_in_gradios_cache(client, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rgb, depth = room_files("0001")
    before = set(SAMPLES_DIR.rglob("*"))
    client.predict(rgb, depth, None, "auto", api_name="/segment")
    assert any(cache.rglob("*.png")), "uploads and results lie there"
    assert set(SAMPLES_DIR.rglob("*")) == before


@pytest.mark.browser
def test_confusions_follow_the_class_that_is_looked_at(open_page):
    tab = open_page(query="?data=sample+rooms&frame=0003&class=chair")
    tab.get_by_role("tab", name="Confusions").click()
    confused = tab.locator("#confusions")
    expect(confused).to_contain_text("taken for chair (", timeout=30_000)  # from the link on
    expect(confused).to_contain_text(re.compile(r"[a-z]: [\d,]+ px, "))
    tab.locator("#legend [data-class=floor]").click()
    expect(confused).to_contain_text("floor is taken for (", timeout=10_000)
    expect(confused).not_to_contain_text("taken for chair (")
    tab.locator("#only input").click()
    tab.get_by_role("option", name="all classes", exact=True).click()
    expect(confused).to_contain_text("of all errors", timeout=10_000)


@pytest.mark.browser
def test_the_report_has_the_ablation_of_its_frame_alone(open_page):
    tab = open_page(query="?data=sample+rooms&frame=0001")

    def report():
        tab.get_by_role("tab", name="Link and report").click()
        before = (
            tab.locator("#report-html a").first.get_attribute("href") if tab.locator("#report-html a").count() else ""
        )
        tab.locator("#make-report").click()
        expect(tab.locator("#report-html a").first).not_to_have_attribute("href", before, timeout=30_000)
        with tab.expect_download() as download:
            tab.locator("#report-html a").first.click()
        return download.value.path().read_text()

    assert "Modality ablation" not in report()
    tab.get_by_role("tab", name="Ablation").click()
    tab.locator("#run-ablation").click()
    expect(tab.locator("#ablation-summary")).to_contain_text("points", timeout=60_000)
    said = tab.locator("#ablation-summary b").first.inner_text()
    page = report()
    assert said in page.split("<h2>Modality ablation</h2>")[1]
    tab.locator("#frames button.thumbnail-item").nth(2).click()
    expect(tab.locator(".caption", has_text="0002").first).to_be_visible(timeout=30_000)
    page = report()
    assert "0002" in page
    assert "Modality ablation" not in page, "that was another frame's"
