"""Captions, headline, tables and cards, from inspections with known content."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from demo import markup
from demo.data_set_metrics import Measured
from demo.inspect import messages
from demo.inspect.classes import class_table
from demo.inspection import inspect
from demo.report.frame import Report
from demo.viewer.viewer import pack
from deresunet import Frame
from deresunet.classes import SUNRGBD37
from deresunet.data.depth import decode_depth
from deresunet.evaluation.calibration import reliability, reliability_diagram
from deresunet.evaluation.html import table as table_of
from deresunet.evaluation.metrics import confusion_matrix, scores
from deresunet.inference.stored_predictions import StoredPredictor


def test_the_table_says_what_the_metrics_say(seen, predictor, room):
    expected = scores(confusion_matrix(room.label, predictor(room).label, 37))
    table = class_table(seen)
    assert list(table.columns) == ["class", "IoU %", "ground truth %", "predicted %"]
    for row in table.itertuples(index=False):
        k = SUNRGBD37.display_names.index(row[0])
        assert row[1] == pytest.approx(100 * expected.iou[k])
        assert row[2] == pytest.approx(100 * expected.truth_pixels[k] / expected.truth_pixels.sum())
    listed = {SUNRGBD37.display_names.index(name) for name in table["class"]}
    assert listed == {k for k in range(37) if not np.isnan(expected.iou[k])}, "absent classes are left out, no other"
    assert f"{100 * expected.miou:.1f} %" in messages.headline(seen)
    assert f"{100 * expected.pixel_acc:.1f} %" in messages.headline(seen)
    extra = int(((expected.truth_pixels == 0) & (expected.predicted_pixels > 0)).sum())
    assert f"{extra} predicted classes are not in the ground truth (IoU 0, not part of the mIoU)" in messages.headline(
        seen
    )


def test_a_table_holds_its_numbers_for_sorting_and_its_classes_for_clicks(seen):
    table = class_table(seen)
    shown = table_of(table, classes=SUNRGBD37)
    assert [float(value) for value in re.findall(r'data-value="([^"]+)"', shown)] == pytest.approx(
        table.iloc[:, 1:].to_numpy().ravel().tolist(), abs=1e-5
    )
    for name in table["class"]:
        assert f'data-class="{name}"' in shown
        assert SUNRGBD37.colours[SUNRGBD37.display_names.index(name)] in shown
    gains = table_of(table.assign(gain=np.nan).head(1), signed=["IoU %"], classes=SUNRGBD37)
    assert '<td data-value="">n/a</td>' in gains
    assert re.search(r">\+\d+\.\d<", gains)
    escaped = table_of(table.head(1).rename(columns={"class": "<b>"}))
    assert "<b>" not in escaped


def test_without_ground_truth_shares_stand_in_for_scores(bare):
    assert "no ground truth" in messages.headline(bare)
    table = class_table(bare)
    assert list(table.columns) == ["class", "predicted %", "confidence %"]
    assert table["predicted %"].sum() == pytest.approx(100)


def test_names_are_escaped(bare):
    assert "<i>bare" not in "".join(messages.captions(bare).values())
    assert "&lt;i&gt;bare" in messages.captions(bare)["rgb"]


def test_without_depth_the_page_says_that_it_works_and_what_it_costs(bare, seen, predictor):
    assert "No depth: the network works without it" in messages.captions(bare)["depth"]
    measured = Measured.of(predictor.checkpoint.metrics)
    assert f"{measured.rgb:.1f} instead of {measured.rgbd:.1f} % mIoU" in messages.captions(bare)["depth"]
    assert "No depth" not in messages.captions(seen)["depth"]
    assert Measured.of({}) is None


def test_the_header_says_what_to_expect(predictor):
    said = messages.header(predictor)
    assert f"{Measured.of(predictor.checkpoint.metrics).rgbd:.1f} % mIoU over NYU Depth v2's 654 test frames" in said
    assert "rendered rooms" in said
    assert said.index("Names every pixel of a room") < said.index("popover>") < said.index("rendered rooms")


def test_classes_by_name():
    assert markup.chosen_class("shower curtain", SUNRGBD37) == SUNRGBD37.names.index("shower_curtain") + 1
    assert markup.chosen_class(markup.ALL_CLASSES, SUNRGBD37) is None


def test_the_palette_tells_classes_apart():
    assert len(set(SUNRGBD37.colours)) == 37
    distances = np.abs(SUNRGBD37.palette[1:, None].astype(int) - SUNRGBD37.palette[None, 1:]).sum(-1) + 1000 * np.eye(
        37, dtype=int
    )
    assert distances.min() >= 40


def test_depth_alone_is_shown_in_grey(predictor, room):
    seen = inspect(predictor, Frame(rgb=None, depth=room.depth))
    assert not seen.rgb
    assert np.array_equal(seen.background[..., 0], seen.background[..., 2])
    assert "no RGB" in messages.captions(seen)["rgb"]


def test_the_depth_card_tells_all():
    stored = (np.random.default_rng(0).integers(600, 7000, (48, 64)) << 3).astype(np.uint16)
    stored[:12] = 0
    metres, reading = decode_depth(stored)
    card = messages.depth_card(reading, metres.shape, (96, 128))
    for piece in ("64 x 48", "uint16", "bit-rotated", "low three bits", " m", "25.0 %", "128 x 96, nearest"):
        assert piece in card
    assert "is not a room&#x27;s" in messages.depth_card(decode_depth(stored, "m")[1])
    assert messages.depth_card(None) == ""


def test_provenance_is_on_the_page(seen, predictor):
    line = messages.provenance_line(seen)
    for piece in (
        predictor.checkpoint.sha256[:12],
        "deresunet_r50.safetensors",
        "cpu",
        "ms",
        "NYU Depth v2",
        "smooth head",
    ):
        assert piece in line


def test_the_calibration_error_is_explained_where_it_is_shown(seen):
    told = seen.reliability
    used = told.pixels > 0
    gaps = np.abs(told.confidence - told.accuracy)[used]
    error = 100 * np.average(gaps, weights=told.pixels[used])
    note = reliability_diagram(told).split("Expected calibration error ")[1].split("</p>")[0]
    assert note.startswith(f"{error:.1f} %")
    for piece in (f"{len(told.pixels)} equally wide bins", "gaps", "averaged", "weighted by the bin's pixels"):
        assert piece in note
    assert note.count(".") == 2, "one sentence, and the decimal point"
    nothing = reliability(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8), np.ones((2, 2), np.float32))
    assert "error" not in reliability_diagram(nothing), "no number, no explanation"


@pytest.mark.parametrize("confidence", [False, True])
def test_stored_predictions_are_shown_with_what_they_have(room, tmp_path, confidence):
    label = np.full(room.size, 5, np.uint8)
    label[:10] = 37
    Image.fromarray(label).save(tmp_path / f"{room.name}.png")
    if confidence:
        (tmp_path / "confidence").mkdir()
        Image.fromarray(np.full(room.size, 204, np.uint8)).save(tmp_path / "confidence" / f"{room.name}.png")
    stored = inspect(StoredPredictor("theirs", tmp_path), room)
    assert (stored.has_confidence, stored.has_entropy) == (confidence, False)
    assert (stored.reliability is None) == (not confidence)
    value = pack(stored)
    lacking = {layer["id"]: layer["missing"] for layer in value["layers"] if layer["missing"]}
    assert ("These predictions have no stored confidence." in lacking.values()) == (not confidence)
    assert "entropy" in lacking
    assert not lacking.keys() & value["planes"].keys()
    assert "nan" not in json.dumps(value).lower()
    assert "nan" not in "".join(messages.captions(stored).values())
    page = Report(stored, 0.6).page
    assert ">nan" not in page.lower()
    assert "Entropy" not in page


def test_how_depth_was_understood_stands_in_the_caption(seen):
    assert "16-bit, millimetres (stated)" in messages.captions(seen)["depth"]
    guessed = replace(seen, depth_reading=decode_depth(np.full((48, 64), 2000, np.uint16))[1])
    assert "16-bit, millimetres (recognised)" in messages.captions(guessed)["depth"]


def test_sensor_and_room_type_stand_in_the_caption(seen):
    caption = messages.captions(replace(seen, sensor="kv2", scene="<office>"))["rgb"]
    assert "kv2 · &lt;office&gt;" in caption
