"""Rooms in SUN RGB-D's own layout, read back by the readers of the real data set."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from rooms_scenes import SEEDS, captured, furnished, one_of_each_part, placed, standing_camera

from deresunet.classes import CLASSES
from deresunet.data.depth import decode_depth
from deresunet.data.files import read_depth
from deresunet.data.frame import OrientedBox
from deresunet.data.polygons import Polygon, class_of, fill_polygons
from deresunet.data.prepare import prepare_sunrgbd
from deresunet.data.splits import sequences
from deresunet.data.sunrgbd import SunRgbdReader
from deresunet.data.toolbox import SegLabels, read_boxes, read_names, read_order
from train.rooms.capture import Capture
from train.rooms.export import frame_name, part_of
from train.rooms.outlines import trace
from train.rooms.scene import Credit
from train.rooms.sunrgbd import FRAMES_FOLDER, SunRgbdLayout, annotated_name, rotated
from train.rooms.upright import gravity_alignment, upright_box


@pytest.fixture(scope="module")
def captures() -> list[Capture]:
    return one_of_each_part()


@pytest.fixture(scope="module")
def sunrgbd(captures: list[Capture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sunrgbd")
    layout = SunRgbdLayout(root)
    assert layout.open() == frozenset()
    for capture in captures:
        layout.write(capture)
    layout.finish()
    return root


def name_of(capture: Capture) -> str:
    return f"{capture.camera.sensor}/rooms/{capture.scene.seed:04d}_room"


def corner_set(box: OrientedBox) -> np.ndarray:
    """float64 (8, 3): a box's corners in an order that no naming of its axes changes."""
    corners = box.corners().round(3)
    return corners[np.lexsort(corners.T)]


def assert_same_boxes(found: tuple[OrientedBox, ...] | None, expected: list[OrientedBox]) -> None:
    assert found is not None
    assert [box.label for box in found] == [box.label for box in expected]
    for one, other in zip(found, expected, strict=True):
        assert corner_set(one) == pytest.approx(corner_set(other), abs=2e-3)


def own_boxes(capture: Capture) -> list[OrientedBox]:
    """What the annotations must say: boxes of what is seen, without the room itself, in the camera's frame."""
    visible = np.bincount(capture.instance.ravel(), minlength=len(capture.scene.objects) + 1)
    turn, position = capture.camera.pose[:3, :3], capture.camera.pose[:3, 3]
    boxes = []
    for thing in capture.scene.objects:
        if visible[thing.id] >= 50 and thing.label not in (1, 2, 22):
            centroid, basis, half = thing.box
            boxes.append(OrientedBox(thing.label, thing.name, (centroid - position) @ turn, basis @ turn, half))
    return boxes


@pytest.mark.parametrize("source", ["seglabel", "polygons"])
@pytest.mark.parametrize("prepared", [False, True])
def test_sunrgbd_is_read_back(
    captures: list[Capture], sunrgbd: Path, tmp_path: Path, source: str, prepared: bool
) -> None:
    root = sunrgbd
    if prepared:
        summary = prepare_sunrgbd(sunrgbd, sunrgbd / "SUNRGBDtoolbox", tmp_path, on_error="stop")
        assert (summary.frames, summary.train, summary.test) == (4, 3 - (part_of(SEEDS[3]) == "test"), 1)
        assert summary.seglabel == summary.polygons == summary.boxes == 4
        assert summary.agreement["pixels"] > 98
        assert set(summary.unknown_names) <= {"bin", "outside"}
        root = tmp_path
    reader = SunRgbdReader(root, "all", label_source=source)  # type: ignore[arg-type]
    assert sorted(reader.names) == sorted(map(name_of, captures))
    for capture in captures:
        frame = reader.read(name_of(capture))
        assert frame.label is not None
        assert frame.depth is not None
        assert frame.measured is not None
        if source == "seglabel":
            assert (frame.label == capture.label).all()
        else:
            assert (frame.label == capture.label).mean() >= 0.98
        assert np.abs(frame.depth * 1000 - capture.depth_bfx).max() < 0.5
        assert (frame.measured == (capture.depth > 0)).all()
        assert (frame.sensor, frame.scene) == (capture.camera.sensor, "bedroom")
        assert frame.intrinsics == pytest.approx(capture.camera.intrinsics)
        assert_same_boxes(frame.boxes, own_boxes(capture))


def test_official_split(captures: list[Capture], sunrgbd: Path) -> None:
    test = SunRgbdReader(sunrgbd, "test").names
    assert test == (name_of(captures[2]),)
    training = {name_of(capture) for capture in captures} - set(test)
    assert set(SunRgbdReader(sunrgbd, "trainval").names) == training
    # Each room is a recording of its own, so that a validation split can be carved out.
    names = {f"kv1/rooms/{seed:04d}_room": "train" for seed in range(20)}
    assert len(set(sequences(names).values())) == 20


def test_both_annotations_of_boxes_agree(captures: list[Capture], sunrgbd: Path) -> None:
    toolbox = read_boxes(sunrgbd / "SUNRGBDtoolbox" / "Metadata" / "SUNRGBDMeta3DBB_v2.mat")
    reader = SunRgbdReader(sunrgbd, "all")
    for capture in captures:
        assert_same_boxes(toolbox[name_of(capture)], own_boxes(capture))
        assert_same_boxes(reader.read(name_of(capture)).boxes, own_boxes(capture))


def test_all_things_have_their_names_void_ones_too(captures: list[Capture], sunrgbd: Path) -> None:
    metadata = sunrgbd / "SUNRGBDtoolbox" / "Metadata"
    names = read_names(metadata / "seglistall.mat")
    assert len(set(names)) == len(names)
    order = read_order(metadata / "SUNRGBDMeta.mat")
    with SegLabels(metadata / "SUNRGBD2Dseg.mat") as labels:
        for capture in captures:
            numbers = labels.read_all(order.index(name_of(capture)))
            assert (class_numbers(names)[numbers] == capture.label).all()
            for thing in capture.scene.objects:
                shown = numbers[capture.instance == thing.id]
                assert {names[number - 1] for number in np.unique(shown)} <= {thing.name}
            assert (numbers[capture.instance == 0] == 0).all()
            # The frame's own file says the same, in its own numbers.
            own = scipy.io.loadmat(sunrgbd / FRAMES_FOLDER / name_of(capture) / "seg.mat", squeeze_me=True)
            given = np.array(["", *own["names"]])
            assert (given[own["seglabel"]] == np.array(["", *names])[numbers]).all()
    assert "bin" in names


def class_numbers(names: tuple[str, ...]) -> np.ndarray:
    """The class of each name's number, void of 0."""
    return np.array([0, *map(class_of, names)])


def test_a_frame_without_names_of_things_has_none(captures: list[Capture], tmp_path: Path) -> None:
    layout = SunRgbdLayout(tmp_path)
    layout.open()
    layout.write(captures[0])
    (tmp_path / FRAMES_FOLDER / name_of(captures[0]) / "seg.mat").unlink()
    layout.finish()
    metadata = tmp_path / "SUNRGBDtoolbox" / "Metadata"
    assert read_names(metadata / "seglistall.mat") == ()
    with SegLabels(metadata / "SUNRGBD2Dseg.mat") as labels:
        assert not labels.read_all(0).any()
        assert (labels.read(0) == captures[0].label).all()


def test_depth_is_rotated_and_is_detected_so(captures: list[Capture], sunrgbd: Path) -> None:
    for capture in captures:
        for kind, expected in (("depth", capture.depth), ("depth_bfx", capture.depth_bfx)):
            (path,) = (sunrgbd / FRAMES_FOLDER / name_of(capture) / kind).iterdir()
            reading = read_depth(path)
            assert (reading.encoding, reading.detected) == ("sunrgbd", True)
            assert np.abs(reading.metres * 1000 - expected).max() < 0.5
    far = np.array([[9000, 65535, 8191]], np.uint16)  # above 13 bits the high ones come round
    assert decode_depth(rotated(far), "sunrgbd").metres == pytest.approx(np.full((1, 3), 8.0))
    assert rotated(far).tolist() == [[9000 * 8 % 65536 + 1, 65535, 8191 * 8]]


def test_layout_annotation_is_the_room(captures: list[Capture], sunrgbd: Path) -> None:
    capture = captures[0]
    path = sunrgbd / FRAMES_FOLDER / name_of(capture) / "annotation3Dlayout" / "index.json"
    (room,) = json.loads(path.read_text())["objects"]
    (outline,) = room["polygon"]
    assert outline["Ymax"] - outline["Ymin"] == pytest.approx(2.6)
    assert outline["Ymax"] == pytest.approx(1.4)  # the floor, as far below as the camera is high
    ground = np.stack([outline["X"], outline["Z"]], -1)
    sides = np.linalg.norm(np.roll(ground, -1, 0) - ground, axis=1)
    assert sides.tolist() == pytest.approx([4, 5, 4, 5])
    # The camera stands in it, 0.4 m from one wall and 1.9 m from another.
    from_walls = [abs(np.linalg.det(ground[[k, (k + 1) % 4]])) / sides[k] for k in range(4)]
    assert sorted(from_walls)[:2] == pytest.approx([0.4, 1.9])


def test_an_interrupted_frame_is_not_there(
    captures: list[Capture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = SunRgbdLayout(tmp_path)
    layout.open()
    layout.write(captures[0])
    real, calls = Path.write_bytes, []

    def cut(self: Path, content: bytes) -> int:
        calls.append(self)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(self, content)

    monkeypatch.setattr(Path, "write_bytes", cut)
    with pytest.raises(KeyboardInterrupt):
        layout.write(captures[1])
    monkeypatch.undo()
    assert SunRgbdReader(tmp_path, "all", "polygons").names == (name_of(captures[0]),)
    (tmp_path / ".partial" / "0007" / "image").mkdir(parents=True)
    assert layout.open() == frozenset([frame_name(captures[0].scene.seed)])
    assert not list((tmp_path / ".partial").iterdir())


def filled(instance: np.ndarray) -> np.ndarray:
    """The picture that the outlines of `instance` give: labels are the ids themselves."""
    polygons = [Polygon(CLASSES[item.id - 1] if item.id else "outside", item.points) for item in trace(instance)]
    return fill_polygons(polygons, instance.shape).label


def rings() -> np.ndarray:
    """A ring around a ring around a disc, cut in two by a bar; nothing at the left edge."""
    v, u = np.mgrid[:120, :160]
    radius = np.hypot(v - 60, u - 80)
    instance = np.where(radius < 12, 3, np.where(radius < 25, 0, np.where(radius < 40, 5, 1)))
    instance[55:60, 30:150] = 7
    instance[:, :9] = 0
    return instance.astype(np.uint16)


def blocks() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 12, (12, 16)).repeat(10, 0).repeat(10, 1).astype(np.uint16)


@pytest.mark.parametrize("make", [rings, blocks, lambda: captured(0).instance])
def test_outlines_filled_again(make: Callable[[], np.ndarray]) -> None:
    instance = make()
    assert (filled(instance) == instance).mean() > 0.995
    assert {item.id for item in trace(instance)} == set(np.unique(instance).tolist())


def test_one_pixel_is_outlined() -> None:
    instance = np.ones((40, 50), np.uint16)
    instance[7, 9] = 2
    instance[39, 49] = 3
    assert (filled(instance) == instance).all()


@pytest.mark.parametrize("tilt", [-0.4, 0.0, 0.7])
def test_gravity_alignment(tilt: float) -> None:
    pose = standing_camera(tilt=tilt).pose
    rotation = gravity_alignment(pose)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert rotation @ (pose[:3, :3].T @ [0, 0, -1.0]) == pytest.approx([0, 1, 0], abs=1e-9)
    assert (rotation @ [0, 0, 1.0])[0] == pytest.approx(0, abs=1e-9)  # still looks ahead
    assert (rotation @ [0, 0, 1.0])[2] > 0


def test_a_leaning_box_gets_an_upright_one_around_it() -> None:
    turn = np.radians(30)
    basis = np.array([[1, 0, 0], [0, np.cos(turn), np.sin(turn)], [0, -np.sin(turn), np.cos(turn)]])
    pose = standing_camera(tilt=0.0).pose
    box = upright_box(np.array([2.0, 3.0, 1.0]), basis, np.array([0.3, 0.05, 0.4]), pose)
    assert box is not None
    assert box.high - box.low == pytest.approx(2 * (0.05 * np.sin(turn) + 0.4 * np.cos(turn)))
    sides = sorted(np.linalg.norm(box.ground[[1, 2]] - box.ground[[0, 1]], axis=1))
    assert sides == pytest.approx(sorted([0.6, 2 * (0.05 * np.cos(turn) + 0.4 * np.sin(turn))]))
    assert box.high == pytest.approx(1.4 - 1.0 + (box.high - box.low) / 2)


@pytest.mark.parametrize(
    ("name", "label", "expected"),
    [
        ("office chair", 5, "office chair"),
        ("swivelling thing", 5, "chair"),
        ("bedside unit", 32, "night stand"),
        ("monitor", 0, "monitor"),
        ("table", 0, "other table"),
    ],
)
def test_names_mean_their_class(name: str, label: int, expected: str) -> None:
    assert annotated_name(name, label) == expected
    assert class_of(annotated_name(name, label)) == label


def test_a_void_thing_covers_what_is_behind_it(tmp_path: Path) -> None:
    """A void object is outlined, too: what it hides is not the wall."""
    scene = furnished()
    things = (*scene.objects, placed(15, "table", 0, (0.6, 0.3, 1.6), (2.0, 2.0, 0), credit=Credit("x", "CC0-1.0")))
    capture = captured(0, scene=replace(scene, objects=things))
    layout = SunRgbdLayout(tmp_path)
    layout.open()
    layout.write(capture)
    label = SunRgbdReader(tmp_path, "all", "polygons").read(name_of(capture)).label
    assert label is not None
    assert (capture.instance == 15).sum() > 1000
    assert (label[capture.instance == 15] == 0).mean() > 0.98
