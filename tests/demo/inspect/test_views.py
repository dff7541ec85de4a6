"""What the page draws, from inspections with known content."""

import numpy as np
import pytest

from demo.inspect import messages as views
from demo.inspect.panels import Look, depth_picture, prediction_picture, truth_picture, wipe_pictures
from demo.inspection import DISPLAY_SIDE, Cache, inspect
from deresunet import Frame
from deresunet.classes import CLASSES, COLOURS, DISPLAY_NAMES, PALETTE
from deresunet.data.depth import decode_depth
from deresunet.evaluation.metrics import confusion_matrix, scores
from deresunet.visualization.overlays import colorize_depth, overlay


@pytest.fixture(scope="module")
def seen(predictor, room):
    return inspect(predictor, room)


@pytest.fixture(scope="module")
def unlabelled(predictor, room):
    return inspect(predictor, Frame(rgb=room.rgb, name="<b>mine</b>"))


def test_the_table_says_what_the_metrics_say(seen, predictor, room):
    expected = scores(confusion_matrix(room.label, predictor(room).label))
    table = views.class_table(seen)
    assert list(table.columns) == ["", "class", "IoU %", "truth %", "pred. %"]
    for row in table.itertuples(index=False):
        k = DISPLAY_NAMES.index(row[1])
        assert row[2] == pytest.approx(100 * expected.iou[k], abs=0.05)
        assert row[3] == pytest.approx(100 * expected.truth_pixels[k] / expected.truth_pixels.sum(), abs=0.05)
        assert COLOURS[k] in row[0]
    listed = {DISPLAY_NAMES.index(name) for name in table["class"]}
    assert listed == {k for k in range(37) if not np.isnan(expected.iou[k])}, "absent classes are left out, no other"
    assert f"{100 * expected.miou:.1f} %" in views.headline(seen)
    assert f"{100 * expected.pixel_acc:.1f} %" in views.headline(seen)


def test_bars_are_sorted_and_as_long_as_their_values(seen):
    table = views.class_table(seen).sort_values("IoU %", ascending=False)
    bars = views.class_bars(seen)
    positions = [bars.index(f"<span>{name}</span>") for name in table["class"]]
    assert positions == sorted(positions)
    assert f"width:{table['IoU %'].iloc[0]:.1f}%" in bars


def test_without_ground_truth_the_page_says_why_and_shows_shares(unlabelled):
    assert "no ground truth" in views.headline(unlabelled)
    table = views.class_table(unlabelled)
    assert list(table.columns) == ["", "class", "predicted %", "confidence %"]
    assert table["predicted %"].sum() == pytest.approx(100, abs=2)
    assert "predicted %" in views.class_bars(unlabelled)
    left, _ = wipe_pictures(unlabelled, Look(0.5))
    assert np.array_equal(left, unlabelled.background), "the wipe then starts from the frame itself"


def test_names_are_escaped(unlabelled):
    assert "<b>mine" not in "".join(views.captions(unlabelled, Look()))
    assert "&lt;b&gt;mine" in views.captions(unlabelled, Look())[0]


def test_pictures_have_one_size_and_follow_opacity(seen, room):
    pictures = [
        depth_picture(seen),
        truth_picture(seen, Look(1.0)),
        prediction_picture(seen, Look(0.0)),
    ]
    assert {picture.shape for picture in pictures} == {(480, 640, 3)}
    assert np.array_equal(pictures[1][room.label > 0], PALETTE[room.label][room.label > 0])
    assert np.array_equal(pictures[1][room.label == 0], room.rgb[room.label == 0]), "void shows the picture"
    assert np.array_equal(pictures[2], room.rgb)


def test_one_class_alone():
    label = np.array([[1, 2]], np.uint8)
    picture = overlay(np.full((1, 2, 3), 200, np.uint8), label, 1.0, only=2)
    assert np.array_equal(picture[0, 1], PALETTE[2])
    assert (picture[0, 0] < 100).all(), "the rest is dimmed"
    assert views.chosen_class("shower curtain") == CLASSES.index("shower_curtain") + 1
    assert views.chosen_class(views.ALL_CLASSES) is None
    assert views.chosen_class(None) is None


def test_depth_colours_run_from_near_to_far_and_missing_is_dark():
    picture = colorize_depth(np.array([[0.0, 1.0, 3.0, 5.0]], np.float32), 1.0, 5.0)
    assert tuple(picture[0, 1]) == (68, 1, 84)
    assert tuple(picture[0, 3]) == (253, 231, 37)
    assert picture[0, 0].max() < 40


def test_the_palette_tells_classes_apart():
    assert len(set(COLOURS)) == 37
    distances = np.abs(PALETTE[1:, None].astype(int) - PALETTE[None, 1:]).sum(-1) + 1000 * np.eye(37, dtype=int)
    assert distances.min() >= 40


def test_large_frames_are_shown_small_but_scored_whole(predictor):
    label = np.ones((1500, 2000), np.uint8)
    frame = Frame(rgb=np.full((1500, 2000, 3), 128, np.uint8), label=label)
    seen = inspect(predictor, frame)
    assert max(seen.background.shape[:2]) <= DISPLAY_SIDE
    assert seen.background.shape[:2] == seen.label.shape == seen.truth.shape
    assert seen.scores.truth_pixels.sum() == label.size
    assert seen.described["width"] == 2000


def test_depth_alone_is_shown_in_grey(predictor, room):
    seen = inspect(predictor, Frame(rgb=None, depth=room.depth))
    assert not seen.rgb
    assert np.array_equal(seen.background[..., 0], seen.background[..., 2])
    assert "no RGB" in views.captions(seen, Look())[0]


def test_the_depth_card_tells_all():
    stored = (np.random.default_rng(0).integers(600, 7000, (48, 64)) << 3).astype(np.uint16)
    stored[:12] = 0
    card = views.depth_card(decode_depth(stored), (96, 128))
    for piece in ("64 x 48", "uint16", "bit-rotated", "detected", " m", "25.0%", "128 x 96, nearest"):
        assert piece in card
    assert "choose another" in views.depth_card(decode_depth(stored.astype(np.uint16), "m"))
    assert views.depth_card(None) == ""


def test_provenance_is_on_the_page(seen, predictor):
    line = views.provenance_line(seen)
    for piece in (predictor.checkpoint.sha256[:12], "deresunet_r50.safetensors", "cpu", "ms", "NYU Depth v2"):
        assert piece in line


def test_the_cache_runs_a_frame_once_and_is_bounded(seen):
    made = []
    cache = Cache(size=2)

    def make(name):
        return cache.get(("set", name, "rgbd"), lambda: made.append(name) or seen)

    for name in ("a", "a", "b", "c", "b", "a"):
        make(name)
    assert made == ["a", "b", "c", "a"]
