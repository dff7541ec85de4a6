"""The viewer in a browser: its layers are those that Python draws, and a change of them asks nothing of the server."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from chromium import watched_tabs
from PIL import Image
from playwright.sync_api import expect

from demo.compare.comparison import packed
from demo.inspection import Cache, Kept
from demo.theme import STYLE
from demo.viewer.layers import TITLES, Look, draw, missing
from demo.viewer.tickets import GONE, Tickets
from demo.viewer.viewer import looked_at, pack, planes, viewer, viewer_script
from deresunet.classes import SUNRGBD37
from deresunet.visualization.colours import COMPARISON_KEYS
from deresunet.visualization.overlays import comparison_codes, paint_outcomes

DRAWN = "() => window.viewers?.[{id}]?.frame && !window.viewers[{id}].waiting"
READ_BACK = """(id) => {
    const { canvas } = window.viewers[id], { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    let text = '';
    for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
    return [height, width, btoa(text)];
}"""


@pytest.fixture(scope="module")
def shown(seen, without_depth, bare, tmp_path_factory, browser):
    """A tab with viewers of a room, of two predictions of it, and of a frame of RGB alone."""
    asked = []

    def pixel(what):
        asked.append(what)
        return [[1, 0.75], [2, 0.25]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        with gr.Blocks(analytics_enabled=False) as page:
            viewer_script()
            viewer("viewer", "The frame", pixel).value = pack(seen, "ticket", [("rgbd", ""), ("rgb", "no RGB")])
            viewer("other", "Both").value = packed(seen, without_depth)
            viewer("bare", "RGB alone").value = pack(bare)
        page.launch(prevent_thread_lock=True, quiet=True, css_paths=STYLE, ssr_mode=False)
        with watched_tabs(browser) as new_tab:
            tab = new_tab(1440, 900)
            tab.goto(page.local_url)
            for name in ("viewer", "other", "bare"):
                tab.wait_for_function(DRAWN.replace("{id}", json.dumps(name)), timeout=30_000)
            tab.asked = asked
            yield tab
        page.close()


@pytest.fixture(autouse=True)
def usual(request):
    if "shown" in request.fixturenames:
        look(request.getfixturevalue("shown"))


def look(tab, name="viewer", **changes):
    usual = {
        "layer": None,
        "wipe": None,
        "opacity": 0.6,
        "classes": None,
        "contours": False,
        "threshold": 0,
        "pixel": None,
    }
    tab.evaluate("([id, look]) => { viewers[id].set(look); viewers[id].drawNow(); }", [name, usual | changes])


def canvas(tab, name="viewer"):
    height, width, text = tab.evaluate(READ_BACK, name)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)[..., :3].astype(int)


@pytest.fixture(scope="module")
def served(seen):
    """The inspection as it is served: RGB as WebP, depth in whole millimetres."""
    rgb = np.asarray(Image.open(planes(seen)["rgb"]))
    metres = (np.rint(seen.depth * 1000) / 1000).astype(np.float32)
    return type(seen)(**{**vars(seen), "background": rgb, "depth": metres})


def assert_equal(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1


LOOKS = [
    *((layer, Look()) for layer in TITLES),
    *((layer, Look(0.85)) for layer in ("truth", "prediction", "errors", "confidence", "entropy")),
    *((layer, Look(0.6, frozenset({1, 4, 22}))) for layer in ("truth", "prediction", "errors")),
    *((layer, Look(1.0, contours=True)) for layer in ("truth", "prediction")),
    *((layer, Look(0.6, frozenset({1, 4}), contours=True)) for layer in ("truth", "prediction")),
]


@pytest.mark.browser
@pytest.mark.parametrize(("layer", "wanted"), LOOKS)
def test_a_layer_is_drawn_as_python_draws_it(shown, served, layer, wanted):
    assert not missing(served, layer)
    classes = None if wanted.classes is None else sorted(wanted.classes)
    look(shown, layer=layer, opacity=wanted.opacity, classes=classes, contours=wanted.contours)
    assert_equal(canvas(shown), draw(served, layer, wanted))


@pytest.mark.browser
def test_a_wipe_shows_one_layer_beside_the_other(shown, served):
    look(shown, layer="truth", wipe="errors")
    middle = served.label.shape[1] // 2
    expected = np.concatenate([draw(served, "truth")[:, :middle], draw(served, "errors")[:, middle:]], 1)
    assert_equal(canvas(shown), expected)


@pytest.mark.browser
def test_differences_are_drawn_as_python_draws_them(shown, served, without_depth):
    look(shown, "other", layer="difference")
    codes = comparison_codes(served.label, without_depth.label, served.truth)
    assert_equal(canvas(shown, "other"), paint_outcomes(served.background, codes, COMPARISON_KEYS, 0.75))


@pytest.mark.browser
def test_pixels_below_the_threshold_lose_their_colour_and_the_rest_is_counted(shown, served):
    look(shown, layer="prediction", threshold=0.7)
    sure = (served.probabilities[0].astype(np.float32) * 255).astype(np.uint8) >= np.ceil(0.7 * 255)
    expected = np.where(sure[..., None], draw(served, "prediction"), served.background)
    assert_equal(canvas(shown), expected)
    known = served.truth > 0
    right = (served.truth == served.label)[known & sure].mean()
    said = shown.locator("#viewer .vw-left")
    expect(said).to_have_text(
        f"{sure[known].mean():.1%} of the pixels are left, {right:.1%} of them correct.".replace("%", " %")
    )


@pytest.mark.browser
def test_the_read_out_has_the_values_of_the_very_pixel(shown, seen):
    rng = np.random.default_rng(0)
    height, width = seen.label.shape
    for row, column in zip(rng.integers(0, height, 40).tolist(), rng.integers(0, width, 40).tolist(), strict=True):
        told = dict(entry[:2] for entry in shown.evaluate("(at) => viewers.viewer.values(at)", [row, column]))
        assert told["Prediction"] == SUNRGBD37.display_name(int(seen.label[row, column]))
        assert told["Ground truth"] == SUNRGBD37.display_name(int(seen.truth[row, column]))
        assert told["Pixel"] == f"column {column}, row {row}"
        metres = seen.depth[row, column]
        assert told["Depth"] == ("missing" if metres == 0 else f"{metres:.3f} m")
        for name, values in (("Confidence", seen.probabilities[0]), ("Entropy", seen.entropy)):
            assert abs(int(told[name].split()[0]) - 100 * float(values[row, column])) <= 0.75


@pytest.mark.browser
def test_the_read_out_leaves_out_what_the_frame_lacks(shown):
    told = [entry[0] for entry in shown.evaluate("() => viewers.bare.values([7, 9])")]
    assert told == ["Prediction", "Confidence", "Entropy", "Pixel"]


@pytest.mark.browser
def test_changes_send_nothing_and_a_click_one_small_request(shown):
    sent = []
    listen = lambda request: sent.append((request.url, len(request.post_data or "")))  # noqa: E731
    shown.on("request", listen)
    changes = [
        *({"layer": layer} for layer in TITLES),
        *({"opacity": one / 10} for one in range(11)),
        *({"classes": [label]} for label in range(1, 11)),
        *({"contours": one % 2 == 0} for one in range(6)),
        *({"wipe": one} for one in ("rgb", "errors", None)),
        *({"threshold": one / 10} for one in range(8)),
        *({"layer": "errors", "classes": [label]} for label in range(1, 7)),
    ]
    for change in changes:
        shown.evaluate("(change) => { viewers.viewer.set(change); viewers.viewer.drawNow(); }", change)
    box = shown.locator("#viewer .vw-stage").bounding_box()
    for key in ("+", "+", "-", "0"):
        shown.keyboard.press(key)
    shown.mouse.move(box["x"] + 300, box["y"] + 200)
    shown.keyboard.down("Control")
    shown.mouse.wheel(0, -200)
    shown.keyboard.up("Control")
    shown.wait_for_timeout(500)  # the address is written a moment later
    assert len(changes) >= 50
    assert not sent, "the browser draws by itself"
    shown.mouse.click(box["x"] + 300, box["y"] + 200)
    expect(shown.locator("#viewer .vw-probabilities")).to_contain_text("75.0 %", timeout=10_000)
    shown.remove_listener("request", listen)
    assert len(sent) == 1
    assert sent[0][1] < 2000
    assert shown.asked[-1][0] == "ticket"


@pytest.mark.browser
def test_the_class_table_is_legend_and_filter(shown):
    row = shown.locator("#viewer tr[data-label='1']")
    row.locator(".vw-name").click()
    assert shown.evaluate("[...viewers.viewer.look.filter]") == [1]
    row.locator(".vw-name").click()
    assert shown.evaluate("viewers.viewer.look.filter") is None
    row.locator(".vw-eye").click()
    assert 1 not in shown.evaluate("[...viewers.viewer.look.filter]")
    expect(row.locator(".vw-eye")).to_have_attribute("aria-pressed", "false")
    shown.locator("#viewer .vw-all").click()
    assert shown.evaluate("viewers.viewer.look.filter") is None


@pytest.mark.browser
def test_what_cannot_be_chosen_says_why(shown):
    off = shown.locator("#viewer .vw-modality label", has=shown.locator("[value=rgb]"))
    expect(off.locator("input")).to_be_disabled()
    expect(off).to_have_attribute("title", "no RGB")


@pytest.mark.browser
def test_the_keyboard_reads_pixels_out_and_moves_the_wipe(shown):
    look(shown, wipe="truth", pixel=[10, 20])
    stage = shown.locator("#viewer .vw-stage")
    stage.focus()
    for key in ("ArrowRight", "Shift+ArrowDown", "Enter"):
        shown.keyboard.press(key)
    assert shown.evaluate("viewers.viewer.look.pixel") == [20, 21]
    expect(shown.locator("#viewer .vw-said")).to_contain_text("Pixel: column 21, row 20")
    wipe = shown.locator("#viewer .vw-wipe")
    wipe.focus()
    for key in ("ArrowRight", "Shift+ArrowLeft"):
        shown.keyboard.press(key)
    expect(wipe).to_have_attribute("aria-valuenow", "41")


def test_a_packed_frame_is_small_and_has_one_address_for_one_content(seen, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    first, again = planes(seen), planes(seen)
    assert first == again
    assert set(first) == {"rgb", "depth", "truth", "prediction", "confidence", "entropy"}
    depth = np.asarray(Image.open(first["depth"])).astype(int)
    high, low = depth[: len(depth) // 2], depth[len(depth) // 2 :]
    assert np.array_equal(256 * high + low, np.rint(seen.depth * 1000).astype(int))
    assert np.array_equal(np.asarray(Image.open(first["prediction"])), seen.label)
    weight = sum(Path(path).stat().st_size for path in first.values())
    assert weight < 400_000 * seen.label.size / (640 * 480)


def test_a_frame_without_ground_truth_or_depth_says_what_it_lacks(bare):
    value = pack(bare)
    lacking = {layer["id"]: layer["missing"] for layer in value["layers"] if layer["missing"]}
    assert lacking == {
        "depth": "This frame has no depth.",
        "truth": "This frame has no ground truth.",
        "errors": "This frame has no ground truth.",
    }
    assert value["strip"] == ["rgb", "prediction"]
    assert "score" not in value
    json.dumps(value, allow_nan=False)


def test_a_ticket_answers_with_the_very_probabilities_and_never_runs_the_network(seen):
    tickets, cache, runs = Tickets(), Cache(1 << 30, lambda one: one.nbytes), []
    kept = Kept(cache, "key", lambda: runs.append(1) or seen)
    ticket = tickets.issue(kept)
    assert tickets.pixel([ticket, 5, 7]) == GONE, "it has not been run yet"
    assert not runs
    kept.get()
    found = tickets.pixel([ticket, 5, 7])
    assert [label for label, _ in found] == seen.classes[:, 5, 7].tolist()
    assert [share for _, share in found] == pytest.approx(seen.probabilities[:, 5, 7].tolist(), abs=1e-3)
    assert "no such pixel" in tickets.pixel([ticket, 5, 10**6])
    assert "no such pixel" in tickets.pixel([ticket, -1, 0])
    assert tickets.pixel(["another", 5, 7]) == GONE
    for asked in (None, [], [ticket], [ticket, "5", 7], {"ticket": ticket}):
        assert tickets.pixel(asked).startswith("Expected")
    assert runs == [1]


def test_a_look_from_elsewhere_is_checked():
    assert looked_at({"opacity": 0.25, "classes": [1, 5]}) == Look(0.25, frozenset({1, 5}))
    assert looked_at({"opacity": 7, "classes": None}).opacity == 1
    for asked in (None, "x", {"opacity": "x", "classes": "y"}):
        assert looked_at(asked) == Look()
