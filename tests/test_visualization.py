"""Pictures and outcomes, worked out from arrays whose answer is known."""

import numpy as np
import pytest

from deresunet import Frame
from deresunet.classes import SUNRGBD37
from deresunet.visualization import colours
from deresunet.visualization.boxes import draw_boxes, shown_boxes
from deresunet.visualization.colours import CLASS_KEYS, COMPARISON_KEYS, ERROR_KEYS
from deresunet.visualization.depth import colorize_depth, depth_range, grey_depth
from deresunet.visualization.overlays import (
    class_codes,
    comparison_codes,
    error_codes,
    hatched,
    mark,
    overlay,
    paint_outcomes,
    paint_values,
)
from deresunet.visualization.panels import GAP, below, beside, frame_row, grid, sheet, shrink


def test_a_colour_has_one_meaning():
    meanings = {name: value for name, value in vars(colours).items() if name.isupper() and isinstance(value, tuple)}
    assert len(meanings) > 10
    assert len(set(meanings.values())) == len(meanings)
    outcomes = np.array([*ERROR_KEYS.values(), *CLASS_KEYS.values(), *COMPARISON_KEYS.values()], int)
    distances = np.abs(outcomes[:, None] - outcomes[None]).sum(-1) + 1000 * np.eye(len(outcomes), dtype=int)
    assert distances.min() >= 60, "outcomes are told apart"
    assert not {colours.hex_code(value) for value in meanings.values()} & set(SUNRGBD37.colours), "nor is one a class"


def test_errors_by_place():
    truth = np.ones((20, 20), np.uint8)
    truth[:, 10:] = 2
    truth[0, 0] = 0
    label = truth.copy()
    label[5, 1] = 3  # far from the boundary between 9 and 10
    label[5, 9] = 3  # at it
    label[0, 0] = 1  # void
    near = np.zeros(truth.shape, bool)
    near[:, 5:15] = True
    codes = error_codes(truth, label, near)
    assert (codes[5, 1], codes[5, 9], codes[0, 0], codes[10, 3]) == (3, 2, 0, 1)
    assert list(ERROR_KEYS) == ["correct", "wrong at a class boundary", "wrong inside"]


@pytest.mark.parametrize(
    ("classes", "expected"), [({1}, [1, 3, 2, 0, 0, 0]), ({1, 2}, [1, 2, 2, 0, 1, 0]), ({3}, [0, 0, 0, 0, 0, 1])]
)
def test_outcomes_of_a_class_filter(classes, expected):
    truth = np.array([[1, 1, 2, 0, 2, 3]], np.uint8)
    label = np.array([[1, 2, 1, 1, 2, 3]], np.uint8)
    assert class_codes(truth, label, classes).tolist() == [expected]
    assert list(CLASS_KEYS) == ["true positive", "false positive", "false negative"]


def test_outcomes_of_two_predictions():
    truth = np.array([[1, 1, 1, 1, 1, 0]], np.uint8)
    a = np.array([[1, 1, 2, 2, 2, 2]], np.uint8)
    b = np.array([[1, 2, 1, 3, 2, 1]], np.uint8)
    assert comparison_codes(a, b, truth).tolist() == [[0, 1, 2, 3, 4, 0]]
    assert comparison_codes(a, b, None).tolist() == [[0, 1, 1, 1, 0, 1]]
    assert len(COMPARISON_KEYS) == 4


def test_a_class_filter_dims_the_rest():
    label = np.array([[1, 2, 3]], np.uint8)
    picture = overlay(np.full((1, 3, 3), 200, np.uint8), label, 1.0, SUNRGBD37.palette, classes={2, 3})
    assert np.array_equal(picture[0, 1:], SUNRGBD37.palette[2:4])
    assert (picture[0, 0] < 100).all()


def test_contours_leave_the_inside_of_a_region_as_it_is():
    label = np.ones((12, 12), np.uint8)
    label[:, 6:] = 2
    background = np.full((12, 12, 3), 77, np.uint8)
    picture = overlay(background, label, 1.0, SUNRGBD37.palette, contours=True)
    assert (picture[:, [0, 1, 2, 3, 8, 9, 10, 11]] == 77).all()
    assert (picture[:, 4:6] == SUNRGBD37.palette[1]).all()
    assert (picture[:, 6:8] == SUNRGBD37.palette[2]).all()
    alone = overlay(background, label, 1.0, SUNRGBD37.palette, {2}, contours=True)
    assert (alone[:, :6] == 77).all()


def test_outcomes_are_painted_over_grey():
    background = np.full((1, 4, 3), (200, 100, 50), np.uint8)
    picture = paint_outcomes(background, np.array([[0, 1, 2, 3]], np.uint8), CLASS_KEYS, 1.0)
    assert len(set(picture[0, 0])) == 1, "no colour but the outcomes'"
    assert [tuple(pixel) for pixel in picture[0, 1:]] == list(CLASS_KEYS.values())


def test_values_are_brighter_where_they_are_higher():
    picture = paint_values(np.zeros((1, 2, 3), np.uint8), np.array([[0.1, 0.9]]), 1.0).astype(int)
    assert picture[0, 1, 1] > picture[0, 0, 1] + 50, "viridis' green grows with the value"


def test_the_marker_is_a_ring_around_the_point():
    picture = mark(np.full((100, 100, 3), 128, np.uint8), (40, 60))
    rows, columns = np.nonzero((picture != 128).any(-1))
    assert (rows.mean(), columns.mean()) == pytest.approx((40, 60), abs=0.5)
    assert (picture[40, 60] == 128).all(), "what is marked stays visible"
    assert {0, 255} <= set(np.unique(picture))


def test_hatching_is_faint():
    picture = hatched(40, 60)
    assert picture.shape == (40, 60, 3)
    assert len(np.unique(picture)) == 2


def test_depth_colours_run_from_near_to_far_and_missing_is_dark():
    picture = colorize_depth(np.array([[0.0, 1.0, 3.0, 5.0]], np.float32), 1.0, 5.0)
    assert tuple(picture[0, 1]) == (68, 1, 84)
    assert tuple(picture[0, 3]) == (253, 231, 37)
    assert picture[0, 0].max() < 40


def test_the_depth_range_ignores_outliers_and_missing_pixels():
    metres = np.full((100, 100), 2.0, np.float32)
    metres[0, :50] = 0
    metres[1, :50] = 60
    assert depth_range(metres) == (2.0, 2.01)
    assert depth_range(np.zeros((4, 4), np.float32)) is None
    assert depth_range(None) is None
    assert len(np.unique(grey_depth(metres)[0])) == 2


def test_boxes_around_the_room_are_drawn_only_when_asked_for(room):
    names = {box.name for box in shown_boxes(room.boxes)}
    assert names
    assert not any(name.startswith(("wall", "floor", "ceiling")) for name in names)
    chairs = shown_boxes(room.boxes, {5})
    assert chairs == [box for box in room.boxes if box.label == 5]
    drawn = draw_boxes(room.rgb, chairs, room.intrinsics, SUNRGBD37.palette)
    assert (drawn == SUNRGBD37.palette[5]).all(-1).sum() > 50
    assert np.array_equal(draw_boxes(room.rgb, [], room.intrinsics, SUNRGBD37.palette), room.rgb)


def test_rows_leave_out_what_is_absent():
    label = np.full((40, 40), 1, np.uint8)
    label[:10] = 0
    frame = Frame(np.full((40, 40, 3), 7, np.uint8), np.ones((40, 40), np.float32), label)
    prediction = np.full((40, 40), 1, np.uint8)
    prediction[:, 20:] = 5
    shown = frame_row(frame.rgb, frame.depth, frame.label, prediction, SUNRGBD37, errors=True)
    assert shown.shape == (40, 5 * 40 + 4 * GAP, 3)
    assert (shown[:10, -40:] == 0).all()
    assert (shown[10:, -40:-20] == 255).all()
    assert (shown[10:, -20:] == colours.WRONG).all()
    assert frame_row(frame.rgb, frame.depth, frame.label, None, SUNRGBD37).shape == (40, 3 * 40 + 2 * GAP, 3)
    assert frame_row(frame.rgb, None, None, None, SUNRGBD37).shape == (40, 40, 3)


def test_pictures_in_rows_and_below_each_other():
    wide, narrow = np.zeros((40, 100, 3), np.uint8), np.zeros((40, 40, 3), np.uint8)
    assert beside([wide, narrow]).shape == (40, 140 + GAP, 3)
    assert below([wide, narrow]).shape == (80 + 2 * GAP, 100, 3)
    assert grid([narrow] * 3, 2).shape == (80 + 2 * GAP, 80 + GAP, 3)
    assert shrink(wide, 20).shape == (20, 50, 3)
    assert shrink(wide, 50) is wide


def test_a_sheet_has_four_pictures_of_a_bounded_size(room):
    codes = (room.label == 5).astype(np.uint8)
    picture = sheet(room, room.label, codes, {"chair": (1, 2, 3)}, 160, SUNRGBD37.palette)
    assert picture.size == (2 * 160 + 6, 2 * 120 + 6)
    four = np.asarray(picture)
    assert np.array_equal(four[:120, 166:], four[126:, :160]), "ground truth given as prediction looks the same"
