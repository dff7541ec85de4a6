"""Polygons to labels, worked out by hand and against Pillow and matplotlib; names to classes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path as Outline

from deresunet.classes import SUNRGBD37
from deresunet.data.sunrgbd.polygons import (
    SYNONYMS,
    Polygon,
    class_of,
    fill_polygons,
    inside,
    normalise_name,
    parse_polygons,
)
from deresunet.errors import InputError


def square(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


@pytest.mark.parametrize(
    ("points", "rows", "columns"),
    [
        (square(1, 2, 4, 5), slice(2, 5), slice(1, 4)),
        (square(-10, -10, 100, 100), slice(0, 6), slice(0, 8)),
        (square(-10, -5, 3, 2), slice(0, 2), slice(0, 3)),
        (square(6, 4, 50, 60), slice(4, 6), slice(6, 8)),
        (square(1.4, 0, 2.6, 6), slice(0, 6), slice(1, 3)),
        (square(1.6, 0, 2.4, 6), slice(0, 0), slice(0, 0)),
        (square(20, 20, 30, 30), slice(0, 0), slice(0, 0)),
        (square(-9, -9, -1, -1), slice(0, 0), slice(0, 0)),
        (square(1, 2, 4, 5)[::-1], slice(2, 5), slice(1, 4)),
    ],
)
def test_rectangles_clipped_to_the_image(points: np.ndarray, rows: slice, columns: slice) -> None:
    expected = np.zeros((6, 8), bool)
    expected[rows, columns] = True
    assert np.array_equal(inside(points, (6, 8)), expected)


def test_any_outline_against_matplotlib() -> None:
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:40, :50]
    centres = np.stack([columns + 0.5, rows + 0.5], -1).reshape(-1, 2)
    for _ in range(20):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        radii = rng.uniform(5, 60, 9)
        points = np.stack([25 + radii * np.cos(angles), 20 + radii * np.sin(angles)], -1)
        expected = Outline(np.vstack([points, points[:1]]), closed=True).contains_points(centres).reshape(40, 50)
        assert np.array_equal(inside(points, (40, 50)), expected)


def test_an_outline_that_crosses_itself_is_filled_even_odd() -> None:
    bow_tie = np.array([[0, 0], [8, 8], [8, 0], [0, 8]], float)
    filled = inside(bow_tie, (8, 8))
    assert filled[4, 0]
    assert filled[4, 7]
    assert not filled[0, 4]
    assert not filled[7, 4]


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.ones((1, 2)), np.array([[0, 0], [5, 5.0]])])
def test_what_encloses_nothing(points: np.ndarray) -> None:
    assert not inside(points, (6, 8)).any()


def test_later_polygons_cover_earlier_ones_and_unknown_ones_are_void() -> None:
    polygons = [
        Polygon("wall", square(0, 0, 8, 6)),
        Polygon("Chair_2", square(0, 3, 8, 6)),
        Polygon("garbage bin", square(0, 3, 2, 6)),
        Polygon("garbage_bin", square(7, 5, 8, 6)),
        Polygon("", square(7, 0, 8, 1)),
    ]
    filled = fill_polygons(polygons, (6, 8))
    assert filled.label.dtype == np.uint8
    expected = np.full((6, 8), 1)
    expected[3:] = 5
    expected[3:, :2] = 0
    expected[5, 7] = expected[0, 7] = 0
    assert np.array_equal(filled.label, expected)
    assert filled.unknown == {"garbage bin": 2, "(no name)": 1}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("chair", "chair"),
        ("Chair2", "chair"),
        ("  OFFICE__chair 12 ", "chair"),
        ("shelf", "shelves"),
        ("night-stand", "night_stand"),
        ("nightstand", "night_stand"),
        ("tv", "television"),
        ("fridge:occluded", "refridgerator"),
        ("floor mat", "floor_mat"),
        ("white board", "whiteboard"),
        ("couch", "sofa"),
        ("shower_curtain", "shower_curtain"),
        ("person", "person"),
    ],
)
def test_names_of_classes(written: str, name: str) -> None:
    assert SUNRGBD37.names[class_of(written) - 1] == name


@pytest.mark.parametrize("written", ["", "garbage_bin", "stool", "monitor", "chairman", "2", "unknown", "wall clock"])
def test_names_of_none(written: str) -> None:
    assert class_of(written) == 0


def test_synonyms_are_of_classes_and_of_one_each() -> None:
    assert set(SYNONYMS) <= set(SUNRGBD37.names)
    assert len(SYNONYMS) == 37
    listed = [name for names in SYNONYMS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert not set(listed) & {name.replace("_", " ") for name in SUNRGBD37.names}
    for name in listed:
        assert normalise_name(name) == name, "as written, it would never be met"


def test_every_class_takes_its_own_name() -> None:
    assert [class_of(name) for name in SUNRGBD37.names] == list(range(1, 38))


def annotation(polygons: object, objects: object) -> dict:
    return {"frames": [{"polygon": polygons}], "objects": objects}


def test_as_published() -> None:
    parsed = parse_polygons(
        annotation(
            [{"x": [0, 1, 1.5], "y": [0, 0, 2], "object": 1, "XYZ": [[0, 0, 0]] * 3}, {"x": 3, "y": 4, "object": 9}],
            [None, {"name": "wall"}],
        ),
        "here",
    )
    assert [polygon.name for polygon in parsed] == ["wall", ""]
    assert parsed[0].points.tolist() == [[0, 0], [1, 0], [1.5, 2]]


def test_a_single_polygon_as_matlab_writes_it() -> None:
    parsed = parse_polygons(annotation({"x": [0, 1, 1], "y": [0, 0, 2], "object": 0}, {"name": "floor"}), "here")
    assert [polygon.name for polygon in parsed] == ["floor"]


@pytest.mark.parametrize("described", [{"frames": [{}], "objects": []}, {"frames": [], "objects": []}])
def test_nothing_was_drawn(described: dict) -> None:
    assert parse_polygons(described, "here") is None


@pytest.mark.parametrize(
    "described",
    [
        {},
        [],
        None,
        {"frames": [{"polygon": [{"x": [1, 2], "y": [1, 2], "object": 0}]}]},
        annotation([{"x": [1, 2, 3], "y": [1, 2], "object": 0}], [{"name": "wall"}]),
        annotation([{"x": [1, 2, 3], "y": ["a", 2, 3], "object": 0}], [{"name": "wall"}]),
        annotation([{"x": [1, 2, 3], "y": [1, 2, 3]}], [{"name": "wall"}]),
        annotation([{"x": [1, 2, float("nan")], "y": [1, 2, 3], "object": 0}], [{"name": "wall"}]),
    ],
)
def test_other_json_is_refused_by_path(described: object) -> None:
    with pytest.raises(InputError, match=r"^here"):
        parse_polygons(described, "here")
