"""Captions, headline, tables and cards, from inspections with known content."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from demo import markup
from demo.data_set_metrics import Measured
from demo.inspect import messages
from demo.inspect.calibration import reliability_svg
from demo.inspect.classes import class_bars, class_table, legend, present_classes
from demo.inspect.confusions import confusions
from demo.inspect.panels import Look, prediction_picture
from demo.inspect.pixel import pixel_card
from demo.inspect.readout import readout
from demo.inspection import inspect
from demo.report.frame import Report
from deresunet import Frame
from deresunet.classes import CLASSES, COLOURS, DISPLAY_NAMES, PALETTE
from deresunet.data.depth import decode_depth
from deresunet.evaluation.calibration import reliability
from deresunet.evaluation.metrics import confusion_matrix, scores
from deresunet.inference.stored_predictions import StoredPredictor


def test_the_table_says_what_the_metrics_say(seen, predictor, room):
    expected = scores(confusion_matrix(room.label, predictor(room).label))
    table = class_table(seen)
    assert list(table.columns) == ["class", "IoU %", "ground truth %", "predicted %"]
    for row in table.itertuples(index=False):
        k = DISPLAY_NAMES.index(row[0])
        assert row[1] == pytest.approx(100 * expected.iou[k])
        assert row[2] == pytest.approx(100 * expected.truth_pixels[k] / expected.truth_pixels.sum())
    listed = {DISPLAY_NAMES.index(name) for name in table["class"]}
    assert listed == {k for k in range(37) if not np.isnan(expected.iou[k])}, "absent classes are left out, no other"
    assert f"{100 * expected.miou:.1f} %" in messages.headline(seen)
    assert f"{100 * expected.pixel_acc:.1f} %" in messages.headline(seen)
    extra = int(((expected.truth_pixels == 0) & (expected.predicted_pixels > 0)).sum())
    assert f"{extra} predicted classes are not in the ground truth (IoU 0, not part of the mIoU)" in messages.headline(
        seen
    )


def test_a_table_holds_its_numbers_for_sorting_and_its_classes_for_clicks(seen):
    table = class_table(seen)
    shown = markup.table(table)
    assert [float(value) for value in re.findall(r'data-value="([^"]+)"', shown)] == pytest.approx(
        table.iloc[:, 1:].to_numpy().ravel().tolist(), abs=1e-5
    )
    for name in table["class"]:
        assert f'data-class="{name}"' in shown
        assert COLOURS[DISPLAY_NAMES.index(name)] in shown
    gains = markup.table(table.assign(gain=np.nan).head(1), signed=["IoU %"])
    assert '<td data-value="">n/a</td>' in gains
    assert re.search(r">\+\d+\.\d<", gains)
    escaped = markup.table(table.head(1).rename(columns={"class": "<b>"}))
    assert "<b>" not in escaped


def test_bars_are_sorted_and_as_long_as_their_values(seen):
    table = class_table(seen).sort_values("IoU %", ascending=False)
    bars = class_bars(seen)
    positions = [bars.index(f"<span>{name}</span>") for name in table["class"]]
    assert positions == sorted(positions)
    assert f"width:{table['IoU %'].iloc[0]:.1f}%" in bars


def test_without_ground_truth_shares_stand_in_for_scores(bare):
    assert "no ground truth" in messages.headline(bare)
    table = class_table(bare)
    assert list(table.columns) == ["class", "predicted %", "confidence %"]
    assert table["predicted %"].sum() == pytest.approx(100)
    assert "predicted %" in class_bars(bare)


def test_names_are_escaped(bare):
    assert "<i>bare" not in "".join(messages.captions(bare, Look()))
    assert "&lt;i&gt;bare" in messages.captions(bare, Look())[0]


def test_without_depth_the_page_says_that_it_works_and_what_it_costs(bare, seen, predictor):
    assert "No depth: the network works without it" in messages.captions(bare, Look())[1]
    measured = Measured.of(predictor.checkpoint.metrics)
    assert f"{measured.rgb:.1f} instead of {measured.rgbd:.1f} % mIoU" in messages.captions(bare, Look())[1]
    assert "No depth" not in messages.captions(seen, Look())[1]
    assert Measured.of({}) is None


def test_alternative_texts_tell_what_is_seen(seen, bare):
    _, depth, truth, prediction = messages.alt_texts(seen)
    largest = DISPLAY_NAMES[int(seen.shares.argmax())]
    assert prediction.startswith(f"prediction: {largest} {100 * seen.shares.max():.0f} %, ")
    assert truth.startswith("ground truth: ")
    assert " m of frame" in depth
    assert "no depth" in messages.alt_texts(bare)[1]


def test_the_header_says_what_to_expect(predictor):
    said = messages.header(predictor)
    assert f"{Measured.of(predictor.checkpoint.metrics).rgbd:.1f} % mIoU over NYU Depth v2's 654 test frames" in said
    assert "rendered rooms" in said


def test_classes_by_name():
    assert markup.chosen_class("shower curtain") == CLASSES.index("shower_curtain") + 1
    assert markup.chosen_class(markup.ALL_CLASSES) is None
    assert markup.class_filter([]) is None
    assert markup.class_filter(["wall", "bed"]) == {1, 4}
    assert markup.class_filter([markup.NO_CLASS]) == frozenset()


@pytest.mark.parametrize(
    ("names", "clicked", "expected"),
    [
        ([], "bed", ["bed"]),
        (["bed"], "wall", ["bed", "wall"]),
        (["bed", "wall"], "bed", ["wall"]),
        (["wall"], "wall", []),
        (["bed", "wall"], markup.ALL_CLASSES, []),
        (["bed"], markup.NO_CLASS, [markup.NO_CLASS]),
        ([markup.NO_CLASS], "bed", ["bed"]),
    ],
)
def test_clicks_on_the_legend_switch_classes_on_and_off(names, clicked, expected):
    assert markup.toggled(names, clicked) == expected


def test_the_legend_names_every_class_and_marks_the_absent(seen):
    shown = legend(present_classes(seen))
    assert shown.count("data-class=") == 37 + 2
    assert shown.count("absent") == 37 - len(present_classes(seen))
    assert "Not in this frame" not in shown
    chosen = legend(present_classes(seen), ["wall", "toilet"])
    assert "Not in this frame: toilet." in chosen
    assert chosen.count('aria-pressed="true"') == 2


def test_the_palette_tells_classes_apart():
    assert len(set(COLOURS)) == 37
    distances = np.abs(PALETTE[1:, None].astype(int) - PALETTE[None, 1:]).sum(-1) + 1000 * np.eye(37, dtype=int)
    assert distances.min() >= 40


def test_depth_alone_is_shown_in_grey(predictor, room):
    seen = inspect(predictor, Frame(rgb=None, depth=room.depth))
    assert not seen.rgb
    assert np.array_equal(seen.background[..., 0], seen.background[..., 2])
    assert "no RGB" in messages.captions(seen, Look())[0]


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


def test_the_pixel_card_tells_what_the_arrays_hold(seen, predictor, room):
    row, column = 300, 200
    card = pixel_card(seen, (row, column))
    prediction = predictor(room)
    assert f"column {column}, row {row}" in card
    assert DISPLAY_NAMES[prediction.label[row, column] - 1] in card
    assert f"{room.depth[row, column]:.2f} m" in card
    assert f"{100 * float(np.float16(prediction.confidence[row, column])):.1f} %" in card
    for label in prediction.classes[:, row, column]:
        assert DISPLAY_NAMES[label - 1] in card
    assert "Click a pixel for its class probabilities" in pixel_card(seen, None)


def test_confusions_name_both_classes(seen):
    said = confusions(seen)
    matrix = seen.result.matrix().copy()
    np.fill_diagonal(matrix, 0)
    row, column = np.unravel_index(matrix.argmax(), matrix.shape)
    assert f"{DISPLAY_NAMES[row]} → {DISPLAY_NAMES[column]}" in said


def test_confusions_of_a_class_go_both_ways_and_count_pixels(predictor, rooms, bare):
    frame = rooms.read("0003")
    seen = inspect(predictor, frame)
    truth, label = frame.label, seen.label
    assert seen.step == 1
    bed, chair = (DISPLAY_NAMES.index(name) + 1 for name in ("bed", "chair"))
    said = confusions(seen, {chair})
    missed, alarms = said.split("<b>taken for chair</b>")
    for other, name in enumerate(DISPLAY_NAMES, 1):
        one, two = ((truth == chair) & (label == other)).sum(), ((truth == other) & (label == chair)).sum()
        share = f"{100 * one / (truth == chair).sum():.1f} %"
        assert (f"<li>{name}: {one:,} px, {share} of its pixels</li>" in missed) == bool(one and other != chair)
        assert (
            f"<li>{name}: {two:,} px, {100 * two / ((label == chair) & (truth > 0)).sum():.1f} % of them</li>" in alarms
        ) == (bool(two and other != chair))
    recall = ((truth == chair) & (label == chair)).sum() / (truth == chair).sum()
    assert f"{(truth == chair).sum():,} px in the ground truth, recall {100 * recall:.1f} %" in missed
    assert confusions(seen, {bed}) != said
    assert " → " in confusions(seen), "with no class, those of all"
    nothing = confusions(seen, {DISPLAY_NAMES.index("toilet") + 1})
    assert "has no toilet" in nothing
    assert "Nothing else is taken for toilet" in nothing
    assert confusions(bare, {chair}) == confusions(bare) == "<p>Confusions need ground truth.</p>"


def test_the_calibration_error_is_explained_where_it_is_shown(seen):
    told = seen.reliability
    used = told.pixels > 0
    gaps = np.abs(told.confidence - told.accuracy)[used]
    error = 100 * np.average(gaps, weights=told.pixels[used])
    note = reliability_svg(told).split("Expected calibration error ")[1].split("</p>")[0]
    assert note.startswith(f"{error:.1f} %")
    for piece in (f"{len(told.pixels)} equally wide bins", "gaps", "averaged", "weighted by the bin's pixels"):
        assert piece in note
    assert note.count(".") == 2, "one sentence, and the decimal point"
    nothing = reliability(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8), np.ones((2, 2), np.float32))
    assert "error" not in reliability_svg(nothing), "no number, no explanation"


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
    card = pixel_card(stored, (20, 20))
    assert "no stored probabilities of other classes" in card
    assert ("80.0 %" in card) == confidence
    for overlay in ("classes", "errors", "confidence", "entropy"):
        caption = messages.captions(stored, Look(overlay=overlay))[3]
        assert "nan" not in caption
        assert prediction_picture(stored, Look(overlay=overlay)).shape == stored.background.shape
    assert "no stored entropy" in messages.captions(stored, Look(overlay="entropy"))[3]
    assert f'data-confidence="{int(confidence)}"' in readout(stored)
    page = Report(stored, 0.6).page
    assert ">nan" not in page.lower()
    assert "Entropy" not in page


def test_how_depth_was_understood_stands_in_the_caption(seen):
    assert "16-bit, millimetres (stated)" in messages.captions(seen, Look())[1]
    guessed = replace(seen, depth_reading=decode_depth(np.full((48, 64), 2000, np.uint16))[1])
    assert "16-bit, millimetres (recognised)" in messages.captions(guessed, Look())[1]


def test_sensor_and_room_type_stand_in_the_caption(seen):
    caption = messages.captions(replace(seen, sensor="kv2", scene="<office>"), Look())[0]
    assert "kv2 · &lt;office&gt;" in caption
