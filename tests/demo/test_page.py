"""The running server: through gradio_client, and in a real browser."""

from __future__ import annotations

import base64
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pillow_heif
import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import reload, watched_tabs
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import expect

from demo.inspector import Inspector
from demo.loading import in_background
from demo.page import build
from demo.server.health import Health
from demo.serving import Serving
from demo.theme import STYLE, theme
from deresunet import read_frame
from deresunet.data.folder import SAMPLES_DIR
from deresunet.inference.predictor import Predictor

# Gradio's 3D viewer tries WebGPU first, and its library reports that as an error before it falls back to WebGL.
VIEWERS_OWN = "^BJS - .*WebGPU"


TABS = ("Inspect", "Compare", "Data set", "About")


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

    def predictions(self, frames, modality="rgbd", top_k=5):
        return [self(frame, modality) for frame in frames]

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


@contextmanager
def served(predictor, rooms, cache):
    """Address of a page that serves the sample rooms, with its files in `cache`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(cache))
        page = build(Inspector(predictor, {"sample rooms": rooms}))
        Serving().serve(page, Health(lambda: None), quiet=True, theme=theme(), css_paths=STYLE, ssr_mode=False)
        yield page.local_url
        page.close()


@pytest.fixture(scope="module")
def url(counting, rooms, cache):
    with served(counting, rooms, cache) as address:
        yield address


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
            expect(tab.locator("#viewer .vw-classes")).to_contain_text("wall", timeout=30_000)
            tab.wait_for_function("() => !viewers.viewer.waiting && viewers.viewer.frame")
            return tab

        yield visit


def title(tab):
    """What the viewer says of its frame."""
    return tab.locator("#viewer .vw-title")


@pytest.mark.browser
def test_a_visitor_looks_at_a_room(open_page, counting):
    tab = open_page()
    tab.locator("#frames button.thumbnail-item").nth(3).click()
    expect(title(tab)).to_contain_text("0003", timeout=30_000)
    expect(tab.locator("#viewer .vw-score")).to_contain_text("mIoU of this frame", timeout=10_000)
    expect(tab.locator("#viewer .vw-classes")).to_contain_text("night stand")
    cells = tab.locator("#viewer .vw-classes tr").filter(has_text="floor").first.inner_text().split()
    iou = float(next(cell for cell in cells if cell.replace(".", "").isdigit()))
    assert 70 < iou <= 100, "the floor of this room is found"

    calls = counting.calls
    tab.locator("#viewer .vw-modality").get_by_label("RGB", exact=True).check(force=True)
    expect(tab.locator("div.provenance").first).to_contain_text("modality RGB ·", timeout=30_000)
    assert counting.calls == calls + 1


@pytest.mark.browser
@pytest.mark.slow
def test_a_visitor_walks_through_all_tabs(open_page, counting):
    tab = open_page(query="?data=sample+rooms&frame=0003")
    expect(title(tab)).to_contain_text("0003", timeout=30_000)
    calls = counting.calls
    tab.locator("#viewer .vw-stage").click(position={"x": 250, "y": 220})
    expect(tab.locator("#viewer .vw-probabilities")).to_contain_text("Class probabilities")
    expect(tab.locator("#viewer .vw-readout dl")).to_contain_text(" m")
    tab.locator("#viewer .vw-name", has_text="chair").click()
    tab.keyboard.press("5")
    expect(tab.locator("#viewer .vw-key")).to_contain_text("chair false negative")
    tab.locator("#viewer .vw-confusions summary").click()
    expect(tab.locator("#viewer .vw-confusions")).to_contain_text(re.compile("chair →|→ *chair"))
    tab.get_by_role("tab", name="Calibration").click()
    expect(tab.locator("#reliability svg")).to_be_visible()
    tab.get_by_role("tab", name="3D").click()
    expect(tab.locator("#surface canvas")).to_be_visible(timeout=30_000)
    expect(tab.locator("#ply")).to_be_enabled(timeout=10_000)
    assert counting.calls == calls, "no view ran the network"

    tab.get_by_role("tab", name="Ablation").click()
    tab.locator("#run-ablation").click()
    expect(tab.locator("#ablation-summary")).to_contain_text("points", timeout=60_000)
    assert counting.calls <= calls + 2, "with depth it had been run before"

    tab.get_by_role("tab", name="Export report").click()
    tab.locator("#export-report").click()
    expect(tab.locator("#report-zip")).to_contain_text("MB", timeout=30_000)
    link = tab.url
    assert "frame=0003" in link
    assert "class=chair" in link
    tab.get_by_role("tab", name="Compare").click()
    tab.locator("#compare").click()
    expect(tab.locator("#compare-summary")).to_contain_text("they agree on", timeout=60_000)
    tab.wait_for_function("() => viewers['compare-viewer']?.canvas.dataset.wipe === 'b'")

    tab.get_by_role("tab", name="Data set").click()
    tab.locator("#ds-start").click()
    frames = tab.locator("#ds-gallery button.thumbnail-item")
    expect(frames.first).to_be_visible(timeout=180_000)
    expect(tab.locator("#ds-headline")).to_contain_text("20.2")
    frames.first.click()  # the worst
    expect(tab.locator("#back")).to_be_visible(timeout=30_000)
    expect(tab.locator("#viewer .vw-score")).to_contain_text("mIoU of this frame")
    tab.locator("#back").click()
    expect(frames.first).to_be_visible()
    tab.locator("#ds-report").click()
    expect(tab.locator("#ds-files")).to_contain_text("MB", timeout=60_000)

    again = open_page(query=link[link.index("?") :])
    expect(again.locator("#viewer tr:not(.vw-off) .vw-name")).to_have_text("chair")
    expect(again.locator("#viewer .vw-key")).to_contain_text("chair false negative")


@pytest.mark.browser
def test_a_link_holds_the_whole_view_and_a_reload_shows_it_again(open_page):
    query = (
        "?data=sample+rooms&frame=0003&modality=rgb&layer=truth&class=chair,bed&contours=1&opacity=0.8&pixel=99,120"
        "&wipe=errors&min_confidence=0.4"
    )
    tab = open_page(query=query)

    def holds():
        expect(tab.locator("#viewer .vw-probabilities")).to_contain_text("column 120, row 99", timeout=30_000)
        expect(tab.locator("#viewer .vw-modality").get_by_label("RGB", exact=True)).to_be_checked()
        expect(tab.locator("#viewer .vw-layers").get_by_label("Ground truth")).to_be_checked()
        expect(tab.locator("#viewer .vw-contours")).to_be_checked()
        expect(tab.locator("#viewer .vw-with")).to_have_value("errors")
        expect(tab.locator("#viewer .vw-opacity")).to_have_value("0.8")
        expect(tab.locator("#viewer .vw-threshold")).to_have_value("0.4")
        for name, shown in (("chair", "true"), ("bed", "true"), ("wall", "false")):
            expect(tab.get_by_label(f"Show {name}", exact=True)).to_have_attribute("aria-pressed", shown)
        expect(tab.locator("#frames .thumbnail-item.selected")).to_contain_text("0003", timeout=10_000)

    holds()
    expect(tab).to_have_url(re.compile("weights=deresunet"), timeout=10_000)
    view = dict(parse_qsl(urlsplit(tab.url).query))
    assert {key: view[key] for key in view if key not in ("class", "weights")} == {
        key: value for key, value in parse_qsl(query[1:]) if key != "class"
    }
    assert set(view["class"].split(",")) == {"chair", "bed"}
    reload(tab)
    holds()


@pytest.mark.browser
def test_a_link_to_nowhere_shows_the_first_frame_and_says_what_was_not_found(open_page):
    tab = open_page(query="?data=sample+rooms&frame=9999&modality=thermal")
    notice = tab.locator("#notice")
    expect(notice).to_contain_text("sample rooms has no frame '9999'; it has 24, such as 0000, 0001", timeout=30_000)
    expect(notice).to_contain_text("modality 'thermal' is not on offer; there are rgbd, rgb, depth")
    expect(title(tab)).to_contain_text("0000")


@pytest.mark.browser
def test_arrow_keys_walk_through_the_frames_and_the_strip_follows(open_page):
    tab = open_page(query="?data=sample+rooms&frame=0001")
    selected = tab.locator("#frames .thumbnail-item.selected")
    expect(selected).to_contain_text("0001", timeout=20_000)
    tab.locator("h1").click()
    tab.keyboard.press("ArrowRight")
    expect(selected).to_contain_text("0002", timeout=30_000)
    expect(tab).to_have_url(re.compile("frame=0002"))
    tab.locator("#previous").click()
    expect(selected).to_contain_text("0001", timeout=30_000)
    slider = tab.locator("#viewer .vw-opacity")
    slider.focus()
    slider.press("ArrowRight")
    expect(tab).to_have_url(re.compile("opacity=0.65"), timeout=10_000)
    assert "frame=0001" in tab.url, "an arrow in a control is the control's"


@pytest.mark.browser
def test_while_the_network_loads_the_page_shows_frames_and_says_so(browser, predictor, rooms, cache):
    release = threading.Event()
    loading = Predictor(in_background(lambda: release.wait(60) and predictor.network), checkpoint=predictor.checkpoint)
    with served(loading, rooms, cache) as address, watched_tabs(browser, VIEWERS_OWN) as new_tab:
        tab = new_tab(1440, 900)
        tab.goto(address)
        canvas = tab.locator("#viewer canvas").first
        expect(canvas).to_have_attribute("data-layer", "rgb", timeout=30_000)
        expect(tab.locator("#frames button.thumbnail-item")).to_have_count(len(rooms.names), timeout=10_000)
        expect(tab.locator("#viewer .vw-status")).to_contain_text("The network is loading", timeout=10_000)
        release.set()
        expect(canvas).to_have_attribute("data-layer", "prediction", timeout=30_000)
        expect(tab.locator("#viewer .vw-score")).to_contain_text("mIoU of this frame")


@pytest.mark.browser
def test_a_download_is_named_by_frame_layer_and_class_set(open_page):
    tab = open_page(query="?data=sample+rooms&frame=0001")
    for key, name in (("1", "0001_rgb.png"), ("3", "0001_truth_sunrgbd37.png")):
        tab.keyboard.press(key)
        with tab.expect_download() as download:
            tab.locator("#viewer [data-do=save]").click()
        assert download.value.suggested_filename == name
        assert Image.open(download.value.path()).size == (640, 480)


@pytest.mark.browser
def test_a_visitor_uploads_a_frame(open_page, tmp_path):
    tab = open_page()
    (tmp_path / "<b>broken.png").write_bytes(b"no image")
    tab.locator("#upload-rgb input[type=file]").set_input_files(tmp_path / "<b>broken.png")
    notice = tab.locator("#upload-notice")
    expect(notice).to_contain_text("broken.png is not an image that can be read", timeout=30_000)

    tab.locator("#upload-rgb").get_by_label("Remove Image").click()
    tab.locator("#upload-rgb input[type=file]").set_input_files(SAMPLES_DIR / "rgb" / "0004.jpg")
    expect(title(tab)).to_contain_text("upload · 0004", timeout=30_000)
    expect(tab.locator("#viewer .vw-modality").get_by_label("RGB", exact=True)).to_be_checked()
    expect(tab.locator("#viewer .vw-layers").get_by_label("Depth")).to_be_disabled()
    expect(notice).to_be_hidden()
    expect(tab).not_to_have_url(re.compile("frame="), timeout=10_000)

    tab.locator("#upload-more > button").click()
    tab.locator("#upload-depth input[type=file]").set_input_files(SAMPLES_DIR / "depth" / "0004.png")
    card = tab.locator(".card", has_text="as understood")
    expect(card).to_contain_text("730 x 530", timeout=15_000)
    expect(card).to_contain_text("millimetres")
    tab.locator("#segment").click()
    expect(tab.locator("#viewer .vw-layers").get_by_label("Depth")).to_be_enabled(timeout=30_000)
    expect(tab.locator("#viewer .vw-more")).to_contain_text("no ground truth")


# A file as the browser hands it over where it knows no type, dropped onto an element.
_DROP = """([field, name, content]) => {
    const given = new DataTransfer();
    given.items.add(new File([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], name, { type: '' }));
    document.querySelector(field).dispatchEvent(
        new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: given }));
}"""


@pytest.mark.browser
@pytest.mark.parametrize("dropped", [False, True])
def test_photographs_of_phones_are_taken_and_other_files_answered(open_page, tmp_path, dropped):
    pillow_heif.register_heif_opener()
    photograph, letter = tmp_path / "IMG_0001.HEIC", tmp_path / "letter.docx"
    with Image.open(SAMPLES_DIR / "rgb" / "0004.jpg") as image:
        image.save(photograph, format="HEIF")
    letter.write_bytes(b"x")
    tab = open_page()

    def give(field, path):
        if dropped:
            content = base64.b64encode(path.read_bytes()).decode()
            tab.evaluate(_DROP, [f"{field} button", path.name, content])
        else:
            tab.locator(f"{field} input[type=file]").set_input_files(path)

    notice = tab.locator("#upload-notice")
    give("#upload-rgb", letter)
    expect(notice).to_contain_text("letter.docx is not taken here. Give a picture as JPEG")
    give("#upload-rgb", photograph)
    expect(title(tab)).to_contain_text("upload · IMG_0001", timeout=30_000)
    expect(notice).to_be_hidden()
    tab.locator("#upload-more > button").click()
    expect(tab.locator("#upload-depth input[type=file]")).to_be_attached()
    give("#upload-depth", letter)
    expect(notice).to_contain_text("letter.docx is not taken here. Give depth as PNG")


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 390])
def test_one_click_takes_the_unit_that_would_give_a_room(open_page, tmp_path, width):
    """A room in 1/5000 m: its warning, the proposed unit, and a result in it."""
    stored = np.asarray(Image.open(SAMPLES_DIR / "depth" / "0004.png")).astype(np.uint16) * np.uint16(5)
    Image.fromarray(stored).save(tmp_path / "tum.png")
    tab = open_page(width, 844)
    tab.locator("#upload-more > button").click()
    tab.locator("#upload-rgb input[type=file]").set_input_files(SAMPLES_DIR / "rgb" / "0004.jpg")
    tab.locator("#upload-depth input[type=file]").set_input_files(tmp_path / "tum.png")
    card, take = tab.locator("#depth-card"), tab.locator("#take-unit")
    expect(card.locator(".warning")).to_contain_text("1/5000 m (TUM RGB-D", timeout=30_000)
    tab.locator("#segment").click()
    warnings = tab.locator("#viewer .vw-warnings")
    expect(warnings).to_contain_text("is not a room's", timeout=30_000)
    before = tab.evaluate("viewers.viewer.value.planes.prediction")
    take.click()
    expect(warnings).to_be_hidden(timeout=30_000)
    expect(card).to_contain_text("1/5000 m")
    expect(card.locator(".warning")).to_be_hidden()
    expect(take).to_be_hidden()
    assert tab.evaluate("viewers.viewer.value.planes.prediction") != before, "the result follows"
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_a_click_on_a_tables_head_sorts_it(open_page):
    tab = open_page(query="?data=sample+rooms&frame=0003")
    head = tab.locator("#viewer th", has_text="IoU %")

    def column():
        return [float(text) for text in tab.locator("#viewer tbody td:nth-child(2)").all_inner_texts()]

    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    assert column() == sorted(column(), reverse=True)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert column() == sorted(column())
    assert len(column()) > 5


@pytest.mark.browser
def test_on_a_phone_the_prediction_comes_first(open_page):
    tab = open_page(390, 844)
    stage, strip = tab.locator("#viewer .vw-stage").bounding_box(), tab.locator("#frames").bounding_box()
    read, layers = tab.locator("#viewer .vw-readout").bounding_box(), tab.locator("#viewer .vw-layers").bounding_box()
    assert stage["y"] + stage["height"] < read["y"] < layers["y"] < strip["y"]
    assert read["y"] + read["height"] < 844, "picture and read-out are on the first screen"
    assert stage["width"] > 350
    expect(tab.locator("#viewer .vw-classes table")).to_be_hidden()
    tab.locator("#viewer .vw-classes summary").click()
    expect(tab.locator("#viewer .vw-classes table")).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page, scheme):
    tab = open_page(query=f"?__theme={scheme}")
    for name in TABS:
        tab.get_by_role("tab", name=name, exact=True).click()
        found = Axe().run(tab).response["violations"]
        serious = [
            (one["id"], [node["target"] for node in one["nodes"]][:4], one["nodes"][0]["any"][:1])
            for one in found
            if one["impact"] in ("serious", "critical")
            # Gradio sets attributes of the document itself while it loads.
            and [node["target"] for node in one["nodes"]] != [[":root"]]
        ]
        assert not serious, name


# Controls that a click in their middle does not reach, and those too small for a finger.
_OUT_OF_REACH = """(least) => {
    const found = [];
    for (const one of document.querySelectorAll('button, select, summary, a[href], input, [role=slider]')) {
        if (one.disabled || !one.checkVisibility({ visibilityProperty: true, opacityProperty: false })) continue;
        // Gradio measures its tabs by a second, hidden row of them.
        if (one.closest('p, footer, .skip, .visually-hidden') || one.type === 'file') continue;
        const target = one.closest('label') ?? one;
        target.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
        const box = target.getBoundingClientRect();
        if (!box.width || !box.height) continue;
        for (let above = target.parentElement; above; above = above.parentElement) {
            const edge = above.getBoundingClientRect();
            if (getComputedStyle(above).overflowX === 'hidden' && above.scrollWidth > above.clientWidth
                && (above.scrollLeft || box.right > edge.right + 1)) {
                found.push(`${one.outerHTML.slice(0, 80)}: cut off`);
                break;
            }
        }
        const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        const name = `${one.tagName} ${one.id || one.className} ${one.innerText ?? ''}`.trim().slice(0, 80);
        if (!hit || !(target.contains(hit) || hit.contains(target))) found.push(`${name}: not reached`);
        if (Math.min(box.width, box.height) < least - 0.5) found.push(`${name}: ${box.width} x ${box.height}`);
    }
    return found;
}"""


@pytest.mark.browser
# 720 x 450 is 1440 x 900 at 200 %.
@pytest.mark.parametrize("width", [320, 390, 660, 720, 768, 820, 1024, 1440])
def test_every_control_is_reached(open_page, width):
    tab = open_page(width, 450 if width == 720 else 844)
    for name in TABS:
        tab.get_by_role("tab", name=name, exact=True).click()
        assert not tab.evaluate(_OUT_OF_REACH, 24 if width <= 390 else 0), name
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name


@pytest.mark.browser
def test_the_keyboard_skips_to_the_picture_and_nothing_moves_for_those_who_ask(open_page):
    tab = open_page()
    tab.keyboard.press("Tab")
    expect(tab.locator(".skip")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("#viewer .vw-stage")).to_be_focused()
    tab.emulate_media(reduced_motion="reduce")
    longest = """() => Math.max(...[...document.querySelectorAll('.app *')].flatMap((one) => {
        const { transitionDuration, animationDuration } = getComputedStyle(one);
        return [transitionDuration, animationDuration].flatMap((all) => all.split(',').map(parseFloat));
    }))"""
    assert tab.evaluate(longest) < 0.001


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
def test_nothing_scrolls_sideways_and_the_picture_is_large(open_page, width, height):
    tab = open_page(width, height)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    stage, figure = (tab.locator(f"#viewer {one}").first.bounding_box() for one in (".vw-stage", ".figure"))
    if width > 1000:
        assert figure["y"] + figure["height"] <= height, "picture, prediction and score are on one screen"
        assert stage["y"] + stage["height"] <= height, "the picture is whole"
        assert stage["width"] > 0.6 * width
    else:
        assert stage["width"] > 0.95 * width


# How far what is seen moves by itself, as browsers measure it.
_SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: 'layout-shift', buffered: true });"""


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_nothing_jumps_until_the_first_frame_stands(browser, url, width, height):
    with watched_tabs(browser, VIEWERS_OWN) as new_tab:
        tab = new_tab(width, height)
        tab.add_init_script(_SHIFTS)
        tab.goto(url)
        expect(tab.locator("#viewer canvas").first).to_have_attribute("data-layer", "prediction")
        tab.wait_for_timeout(500)  # the strip, and what else belongs to the frame
        assert tab.evaluate("shifted") < 0.1


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
    tab.locator("#viewer .vw-confusions summary").click()

    def confused():
        lines = tab.locator("#viewer .vw-confusions li").all_inner_texts()
        assert all(re.search(r"\d+ % [\d,]+ px$", line) for line in lines)
        return lines

    def about(*names):
        return all(any(re.search(rf"(^|→) *{name}\b", line) for name in names) for line in confused())

    assert about("chair")  # from the link on
    tab.locator("#viewer .vw-name", has_text="floor").first.click()
    assert about("chair", "floor")
    assert not about("chair")
    tab.locator("#viewer .vw-name", has_text="chair").click()
    assert about("floor")
    tab.locator("#viewer .vw-all").click()
    assert not about("floor", "chair")


@pytest.mark.browser
def test_the_report_has_the_ablation_of_its_frame_alone(open_page):
    tab = open_page(query="?data=sample+rooms&frame=0001")

    def report():
        tab.get_by_role("tab", name="Export report").click()
        before = (
            tab.locator("#report-html a").first.get_attribute("href") if tab.locator("#report-html a").count() else ""
        )
        tab.locator("#export-report").click()
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
    expect(title(tab)).to_contain_text("0002", timeout=30_000)
    page = report()
    assert "0002" in page
    assert "Modality ablation" not in page, "that was another frame's"
