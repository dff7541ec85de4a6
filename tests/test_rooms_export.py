"""Rooms written in both layouts and read back by the project's own readers; the command that makes them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rooms_scenes import furnished, painted, placed, seen, standing_camera

from deresunet.classes import CLASSES
from deresunet.data.depth import decode_depth
from deresunet.data.files import read_depth
from deresunet.data.folder import FolderReader
from deresunet.data.frame import Frame, OrientedBox
from deresunet.data.polygons import Polygon, class_of, fill_polygons
from deresunet.data.prepare import prepare_sunrgbd
from deresunet.data.splits import sequences
from deresunet.data.sunrgbd import SunRgbdReader
from deresunet.data.toolbox import read_boxes
from deresunet.errors import InputError
from train.rooms.capture import Capture, take
from train.rooms.export import FolderLayout, part_of
from train.rooms.make import OPTIONS_FILE, REPORT_FILE, make_rooms, prepare_folder
from train.rooms.maker import Made, Options, open_layout
from train.rooms.outlines import trace
from train.rooms.scene import Credit, Scene, Sensor
from train.rooms.sunrgbd import FRAMES_FOLDER, SunRgbdLayout, annotated_name, rotated
from train.rooms.upright import gravity_alignment, upright_box

SENSORS: tuple[Sensor, ...] = ("kv1", "kv2", "realsense", "xtion")
ROOT = Path(__file__).parents[1]


def captured(seed: int, sensor: Sensor = "kv1", scene: Scene | None = None, tilt: float = 0.25) -> Capture:
    scene = scene or furnished(seed)
    camera = standing_camera(sensor, 0.5, tilt)
    view = seen(scene, camera)
    return take(scene, camera, view, painted(scene, view), np.random.default_rng(seed))


def first_of(part: str) -> int:
    return next(seed for seed in range(1000) if part_of(seed) == part)


# One room of each part, and as many sensors as there are.
SEEDS = (first_of("train"), first_of("val"), first_of("test"), first_of("train") + 1000)


@pytest.fixture(scope="module")
def captures() -> list[Capture]:
    return [captured(seed, sensor) for seed, sensor in zip(SEEDS, SENSORS, strict=True)]


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


# ---------------------------------------------------------------- folder


def test_folder_is_read_back(captures: list[Capture], tmp_path: Path) -> None:
    layout = FolderLayout(tmp_path, exact_depth=True)
    layout.open()
    for capture in captures:
        layout.write(capture)
    layout.finish()
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    for capture, part in zip(captures, ("train", "val", "test", part_of(SEEDS[3])), strict=True):
        name = f"{capture.scene.seed:04d}"
        reader = FolderReader(tmp_path, part, "sunrgbd37", "mm")
        assert name in reader.names
        frame = reader.read(name)
        assert frame.rgb is not None
        assert frame.depth is not None
        assert (frame.label == capture.label).all()
        assert (frame.depth * 1000).round().astype(int).tolist() == capture.depth.tolist()
        assert np.abs(frame.rgb.astype(int) - capture.rgb).mean() < 6
        assert frame.intrinsics == pytest.approx(capture.camera.intrinsics)
        exact = read_depth(tmp_path / "depth_gt" / f"{name}.png").metres
        assert np.abs(exact * 1000 - capture.exact).max() < 0.5
        assert_boxes_contain_their_points(frame, capture)
    every = [name for part in ("train", "val", "test") for name in FolderReader(tmp_path, part).names]
    assert sorted(every) == sorted(FolderReader(tmp_path, "all").names)


def assert_boxes_contain_their_points(frame: Frame, capture: Capture) -> None:
    height, width = capture.instance.shape
    v, u = np.mgrid[:height, :width]
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(capture.camera.intrinsics).T
    points = rays * (capture.exact / 1000.0)[..., None]
    ids = [thing.id for thing in capture.scene.objects if (capture.instance == thing.id).any()]
    assert frame.boxes is not None
    assert len(frame.boxes) == len(ids)
    for box, number in zip(frame.boxes, ids, strict=True):
        own = points[capture.instance == number]
        local = (own - box.centroid) @ box.basis.T
        assert (np.abs(local) <= box.half + 2e-3).all()
        assert box.label == capture.scene.objects[number - 1].label


def test_credits_name_every_maker(captures: list[Capture], tmp_path: Path) -> None:
    layout = FolderLayout(tmp_path)
    layout.open()
    for capture in captures[:2]:
        layout.write(capture)
    layout.finish()
    text = (tmp_path / "CREDITS.txt").read_text()
    assert "CC-BY-3.0: couch, by A. Maker, from a library (2 frames)" in text
    assert "MIT: box (2 frames)" in text


def test_split_is_fixed() -> None:
    """Part of what a seed means: a change would mix training and test frames of sets that are made later."""
    parts = [part_of(seed) for seed in range(3000)]
    assert parts.count("train") / 3000 == pytest.approx(0.8, abs=0.03)
    assert parts.count("test") / 3000 == pytest.approx(0.1, abs=0.02)
    assert "".join(part[1] for part in parts[:16]) == "rrrereerarrrrrrr"


def test_a_frame_that_cannot_be_written_is_not_there(
    captures: list[Capture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = FolderLayout(tmp_path)
    layout.open()
    real, calls = Path.replace, []

    def full(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 3:
            raise OSError("no space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        layout.write(captures[0])
    assert len(calls) == 3
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_leftovers_of_a_killed_process_are_taken_away(captures: list[Capture], tmp_path: Path) -> None:
    layout = FolderLayout(tmp_path)
    layout.open()
    layout.write(captures[0])
    layout.write(captures[1])
    killed = f"{captures[1].scene.seed:04d}"
    (tmp_path / "meta" / f"{killed}.json").unlink()  # it comes last
    (tmp_path / "rgb" / ".0009.jpg.part").write_bytes(b"half")
    assert layout.open() == frozenset([captures[0].scene.seed])
    assert not list(tmp_path.rglob(f"*{killed}*"))
    assert not list(tmp_path.rglob(".*.part"))
    assert FolderReader(tmp_path, "all").names == (f"{captures[0].scene.seed:04d}",)


# ---------------------------------------------------------------- SUN RGB-D


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
    assert layout.open() == frozenset([captures[0].scene.seed])
    assert not list((tmp_path / ".partial").iterdir())


# ---------------------------------------------------------------- outlines and boxes


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


# ---------------------------------------------------------------- the command


def synthetic_maker(root: Path, options: Options) -> Callable[[int], Made]:
    """Stands for the real one, without furniture and GL; seed 13 fails, seed 66 takes its process with it."""
    layout = open_layout(root, options)

    def make(seed: int) -> Made:
        if seed == 13:
            raise ValueError("no room is numbered thirteen")
        if seed == 66:
            os._exit(7)
        layout.write(captured(seed, "kv1" if options.sensor == "any" else options.sensor))
        return Made({"all": 0.0})

    return make


def unfit_maker(root: Path, options: Options) -> Callable[[int], Made]:
    raise InputError("there is no furniture. Install it.")


def test_resume_skips_and_changed_options_are_refused(tmp_path: Path) -> None:
    options = Options(quality="fast")
    log = io.StringIO()
    assert make_rooms(tmp_path / "out", range(3), options, 2, log, prepare=synthetic_maker) == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("rgb/*")}
    assert len(before) == 3
    assert "3/3 rooms" in log.getvalue()
    log = io.StringIO()
    assert make_rooms(tmp_path / "out", range(2, 5), options, 1, log, prepare=synthetic_maker) == 0
    assert "1 of 3 rooms are there already" in log.getvalue()
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    assert FolderReader(tmp_path / "out", "all").names == ("0000", "0001", "0002", "0003", "0004")
    listed = [
        name for part in ("train", "val", "test") for name in (tmp_path / "out" / f"{part}.txt").read_text().split()
    ]
    assert sorted(listed) == ["0000", "0001", "0002", "0003", "0004"]
    report = (tmp_path / "out" / REPORT_FILE).read_text()
    assert "# 5 rooms" in report
    assert "| kv1 | 5 |" in report
    assert "| television | 0.00 | 0.0 |" in report
    with pytest.raises(InputError, match=r"quality 'fast' \(now 'photo'\)"):
        make_rooms(tmp_path / "out", range(3), replace(options, quality="photo"), 1, log, prepare=synthetic_maker)
    with pytest.raises(InputError, match="sensor 'any'"):
        prepare_folder(tmp_path / "out", replace(options, sensor="kv2"))


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(InputError, match=f"no {OPTIONS_FILE}"):
        make_rooms(tmp_path, range(3), Options(), 1, io.StringIO(), prepare=synthetic_maker)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_failures_are_named_and_the_rest_is_made(tmp_path: Path) -> None:
    """One room that fails, and one that takes its process with it: the others come all the same."""
    log = io.StringIO()
    seeds = [12, 13, 14, 66, 67]
    assert make_rooms(tmp_path, seeds, Options(layout="sunrgbd"), 1, log, prepare=synthetic_maker) == 1
    text = log.getvalue()
    assert "room 13 failed: ValueError: no room is numbered thirteen" in text
    assert "room 66 failed: the process ended (exit code 7)" in text
    assert "2 of 5 rooms failed: seeds 13, 66" in text
    names = SunRgbdReader(tmp_path, "all").names
    assert names == ("kv1/rooms/0012_room", "kv1/rooms/0014_room", "kv1/rooms/0067_room")


def test_what_a_worker_lacks_ends_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no furniture"):
        make_rooms(tmp_path, range(3), Options(), 2, io.StringIO(), prepare=unfit_maker)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals as POSIX has them")
def test_ctrl_c_ends_cleanly(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        import test_rooms_export as rooms
        if __name__ == "__main__":
            out = Path({str(tmp_path / "out")!r})
            sys.exit(rooms.make_rooms(out, range(100000), rooms.Options(), 2, prepare=rooms.synthetic_maker))
        """
    )
    (tmp_path / "program.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(list((tmp_path / "out").glob("meta/*.json"))) < 3:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, text = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted. The same command goes on from here." in text
    assert "Traceback" not in text
    frames = FolderReader(tmp_path / "out", "all")
    assert len(frames.names) >= 3
    assert all(frames.read(name).boxes for name in frames.names)
    assert not list((tmp_path / "out").rglob(".*.part"))


# ---------------------------------------------------------------- the real thing


def test_real_rooms_twice_are_equal(tmp_path: Path) -> None:
    pytest.importorskip("moderngl")
    library = pytest.importorskip("train.rooms.library")
    pytest.importorskip("train.rooms.raster")
    try:
        library.Library()
    except InputError as error:
        pytest.skip(str(error))
    options = Options(quality="fast")
    contents = []
    for folder, workers in (("one", 2), ("two", 1)):
        assert make_rooms(tmp_path / folder, range(2), options, workers, io.StringIO()) == 0
        files = sorted(path for path in (tmp_path / folder).rglob("*") if path.is_file())
        contents.append({path.relative_to(tmp_path / folder).as_posix(): path.read_bytes() for path in files})
    assert contents[0].keys() == contents[1].keys()
    assert [name for name in contents[0] if contents[0][name] != contents[1][name]] == []
    reader = FolderReader(tmp_path / "one", "all", "sunrgbd37", "mm")
    assert reader.names == ("0000", "0001")
    for name in reader.names:
        frame = reader.read(name)
        assert frame.label is not None
        assert len(np.unique(frame.label)) >= 5
        assert frame.depth is not None
        assert 0.3 < (frame.depth > 0).mean() < 1
