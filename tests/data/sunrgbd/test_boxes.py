"""3D boxes: from the ground outline into the camera's frame, and into the image."""

from __future__ import annotations

import numpy as np
import pytest

from deresunet.data.frame import OrientedBox
from deresunet.data.sunrgbd.boxes import EDGES, box_lines, parse_boxes, project
from deresunet.errors import InputError

INTRINSICS = np.array([[100.0, 0, 50], [0, 100.0, 40], [0, 0, 1]])


def described(x: list[float], z: list[float], low: float = -1.0, high: float = 1.0, name: str = "chair") -> dict:
    return {"objects": [{"name": name, "polygon": [{"X": x, "Z": z, "Ymin": low, "Ymax": high}]}, None]}


def test_upright_box_without_tilt() -> None:
    (box,) = parse_boxes(described([-1, 3, 3, -1], [2, 2, 4, 4], -0.5, 1.5), np.eye(3), "here")
    assert box.label == 5
    assert box.centroid.tolist() == [1.0, 0.5, 3.0]
    assert box.half.tolist() == [2.0, 1.0, 1.0]
    corners = box.corners()
    assert corners.min(0).tolist() == [-1.0, -0.5, 2.0]
    assert corners.max(0).tolist() == [3.0, 1.5, 4.0]


def test_turned_box_keeps_its_corners() -> None:
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    outline = np.array([[-1.5, -0.5], [1.5, -0.5], [1.5, 0.5], [-1.5, 0.5]]) @ turn.T + [0.3, 4.0]
    (box,) = parse_boxes(described(outline[:, 0].tolist(), outline[:, 1].tolist()), np.eye(3), "here")
    found = {tuple(corner) for corner in box.corners()[:, [0, 2]].round(6)}
    assert found == {tuple(corner) for corner in outline.round(6)}
    assert np.isclose(np.linalg.det(box.basis), 1.0)


def test_tilt_is_taken_back() -> None:
    """Extrinsics turn the camera's frame into the upright one; boxes go the other way."""
    angle = np.radians(30)
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]])
    (box,) = parse_boxes(described([-1, 1, 1, -1], [3, 3, 5, 5]), tilt, "here")
    assert np.allclose(tilt @ box.centroid, [0, 0, 4])
    upright = box.corners() @ tilt.T
    assert np.allclose(upright.min(0), [-1, -1, 3])
    assert np.allclose(upright.max(0), [1, 1, 5])


def test_upper_and_lower_end_in_either_order() -> None:
    (box,) = parse_boxes(described([-1, 1, 1, -1], [3, 3, 5, 5], low=1.0, high=-1.0), np.eye(3), "here")
    assert box.half.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("x", "z"), [([1, 1, 1], [2, 2, 2]), ([1, 2], [1, 2])])
def test_outlines_that_enclose_nothing_are_no_boxes(x: list[float], z: list[float]) -> None:
    assert parse_boxes(described(x, z), np.eye(3), "here") == ()


def test_class_outside_the_37_is_kept_by_name() -> None:
    (box,) = parse_boxes(described([-1, 1, 1, -1], [3, 3, 5, 5], name="projector"), np.eye(3), "here")
    assert (box.label, box.name) == (0, "projector")


@pytest.mark.parametrize(
    "broken",
    [
        [],
        None,
        {"objects": [{"name": "chair", "polygon": [{"X": [1, 2, 3]}]}]},
        described(["a", 1, 1, 1], [1, 2, 3, 4]),  # type: ignore[list-item]
        described([1, 2, 3, 4], [1, 2, 3]),
    ],
)
def test_other_json_is_refused_by_path(broken: object) -> None:
    with pytest.raises(InputError, match=r"^here"):
        parse_boxes(broken, np.eye(3), "here")


def test_projection() -> None:
    points = np.array([[0, 0, 2.0], [1, -0.5, 2.0], [1, 1, 0.0], [1, 1, -1.0]])
    found = project(points, INTRINSICS)
    assert found[:2].tolist() == [[50.0, 40.0], [100.0, 15.0]]
    assert np.isnan(found[2:]).all()


def box_at(z: float) -> OrientedBox:
    return OrientedBox(5, "chair", np.array([0, 0, z]), np.eye(3), np.ones(3))


def test_edges() -> None:
    assert len(EDGES) == len(set(EDGES)) == 12
    corners = box_at(0).corners()
    assert all(np.linalg.norm(corners[a] - corners[b]) == pytest.approx(2.0) for a, b in EDGES)


def test_a_box_behind_the_camera_is_not_drawn() -> None:
    assert box_lines(box_at(-5), INTRINSICS) == []


def test_a_box_around_the_camera_is_cut_off_at_it() -> None:
    lines = box_lines(box_at(0.5), INTRINSICS)
    assert len(lines) == 8  # four edges of the far side, four that run towards it
    assert all(np.isfinite(line).all() for line in lines)
