"""The reader straight over SUN RGB-D as it is published, on generated frames and on a real one where it is there."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from recordings import recordings_cut
from sunrgbd_archives import (
    INTRINSICS,
    frame_files,
    frame_names,
    halves,
    make_archives,
    picture,
    write_layout,
    write_toolbox,
)

from deresunet.classes import SUNRGBD37
from deresunet.data.readers import open_reader, without_depth
from deresunet.data.sunrgbd.boxes import project
from deresunet.data.sunrgbd.layout import PARTS
from deresunet.data.sunrgbd.reader import SunRgbdReader
from deresunet.data.sunrgbd.toolbox import LABELS_FILE, META_FILE, SegLabels, frame_name, read_order, read_split
from deresunet.errors import InputError
from deresunet.visualization.boxes import draw_boxes

SHARED = ROOT.parent / "shared" / "data" / "sunrgbd"
REAL = SHARED / "SUNRGBD"
REAL_NAME = "kv1/b3dodata/img_0063"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real frames are not there")
NAMES = frame_names(8)
WALL, CHAIR, SOFA = 1, 5, 6


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight frames and their toolbox; in seglabel the chair is a sofa, and one frame has no polygons."""
    root = tmp_path_factory.mktemp("unpacked")
    frames = {
        name: frame_files(name, picture(WALL, CHAIR), broken="no annotation" if name == NAMES[1] else "")
        for name in NAMES
    }
    write_layout(root, frames)
    write_toolbox(root, NAMES, NAMES[::2], {name: halves(WALL, SOFA) for name in NAMES})
    return root


def test_a_frame_has_all_that_is_published(unpacked: Path) -> None:
    frame = SunRgbdReader(unpacked / "SUNRGBD", "all", "polygons").read(NAMES[0])
    assert frame.name == NAMES[0]
    assert (frame.sensor, frame.scene) == ("kv1", "office")
    assert frame.sequence
    assert np.array_equal(frame.label, halves(WALL, CHAIR))
    assert np.allclose(frame.intrinsics, INTRINSICS)
    assert frame.depth.dtype == np.float32
    assert np.unique(frame.depth).tolist() == [2.0, 5.0]
    assert not frame.measured[:, :16].any()
    assert frame.measured[:, 16:].all()
    assert [(box.name, box.label) for box in frame.boxes] == [("chair", CHAIR)]


def test_raw_depth_by_choice(unpacked: Path) -> None:
    frame = SunRgbdReader(unpacked, "all", depth_source="depth").read(NAMES[0])
    assert (frame.depth[:, :16] == 0).all()
    assert frame.measured is None
    assert np.unique(frame.depth[:, 16:]).tolist() == [2.0, 5.0]


@pytest.mark.parametrize(
    ("source", "right", "of_the_frame_without_polygons"),
    [("seglabel", SOFA, SOFA), ("polygons", CHAIR, None), ("auto", SOFA, SOFA)],
)
def test_both_ground_truths(unpacked: Path, source: str, right: int, of_the_frame_without_polygons: int | None) -> None:
    reader = open_reader("sunrgbd", unpacked, "all", label_source=source)
    assert np.array_equal(reader.read(NAMES[0]).label, halves(WALL, right))
    label = reader.read(NAMES[1]).label
    if of_the_frame_without_polygons is None:
        assert label is None
    else:
        assert np.array_equal(label, halves(WALL, of_the_frame_without_polygons))


def test_auto_falls_back_to_polygons(unpacked: Path, tmp_path: Path) -> None:
    write_layout(tmp_path, {NAMES[0]: frame_files(NAMES[0], picture(WALL, CHAIR))})
    frame = SunRgbdReader(tmp_path, "all").read(NAMES[0])
    assert np.array_equal(frame.label, halves(WALL, CHAIR))
    assert "polygons" in frame.source
    with pytest.raises(InputError, match="--label-source polygons"):
        SunRgbdReader(tmp_path, "all", "seglabel")
    with pytest.raises(InputError, match="--split all"):
        SunRgbdReader(tmp_path, "test")
    # The toolbox may lie elsewhere.
    frame = SunRgbdReader(tmp_path, "test", "seglabel", toolbox=unpacked / "SUNRGBDtoolbox").read(NAMES[0])
    assert np.array_equal(frame.label, halves(WALL, SOFA))


def test_official_split(unpacked: Path) -> None:
    assert SunRgbdReader(unpacked, "test").names == tuple(NAMES[::2])
    assert SunRgbdReader(unpacked, "trainval").names == tuple(NAMES[1::2])
    assert SunRgbdReader(unpacked, "all").names == tuple(NAMES)
    assert SunRgbdReader(unpacked, "test").notices == ()


def test_validation_is_whole_recordings_of_training(tmp_path: Path) -> None:
    names = frame_names(40)
    frames = {key: {"scene.txt": b"office"} for key in names}
    root = make_archives(tmp_path, frames, names[::2], dict.fromkeys(names, halves(WALL, CHAIR)))
    train, val, trainval = (SunRgbdReader(root, split) for split in ("train", "val", "trainval"))
    assert set(train.names) | set(val.names) == set(trainval.names) == set(names[1::2])
    assert not set(train.names) & set(val.names)
    assert 1 <= len(val.names) <= 6
    sequences = {name: trainval.describe(name).sequence for name in trainval.names}
    assert recordings_cut(sequences, val.names) == []


def test_frames_of_the_split_that_are_not_unpacked_are_counted(tmp_path: Path) -> None:
    labels = dict.fromkeys(NAMES, halves(WALL, CHAIR))
    root = make_archives(tmp_path, {key: {"scene.txt": b"office"} for key in NAMES[:5]}, NAMES[::2], labels)
    notices = {split: SunRgbdReader(root, split).notices for split in ("test", "trainval", "all")}
    assert notices == {
        "test": ("1 of the 4 frames of the official test part are not here.",),
        "trainval": ("2 of the 4 frames of the official training part are not here.",),
        "all": ("3 of the 8 frames of SUN RGB-D are not here.",),
    }


def test_labels_of_another_count_or_size_than_the_frames_are_refused(tmp_path: Path) -> None:
    labels = {NAMES[0]: halves(WALL, CHAIR), NAMES[1]: halves(WALL, CHAIR, (64, 48))}
    frames = {name: frame_files(name, picture(WALL, CHAIR)) for name in labels}
    root = make_archives(tmp_path, frames, [], labels)
    with pytest.raises(InputError, match="48x64"):
        SunRgbdReader(root, "all").read(NAMES[1])
    shorter = write_toolbox(tmp_path / "shorter", NAMES[:1], [], labels)
    shutil.copyfile(tmp_path / "SUNRGBDtoolbox" / META_FILE, shorter / META_FILE)
    with pytest.raises(InputError, match=r"describes 2 frames and .* of 1"):
        SunRgbdReader(root, "all", toolbox=shorter)


def test_files_of_a_frame_are_those_that_are_read(unpacked: Path) -> None:
    files = SunRgbdReader(unpacked, "all").files(NAMES[0])
    folder = unpacked / "SUNRGBD" / NAMES[0]
    read = [path for path in folder.rglob("*") if path.is_file()]
    wanted = {path for path in read if path.relative_to(folder).parts[0] in PARTS}
    assert wanted < set(read)
    assert set(files) == {*wanted, unpacked / "SUNRGBDtoolbox" / LABELS_FILE}


@pytest.mark.parametrize("path", ["SUNRGBD.zip", "SUNRGBDtoolbox.zip"])
def test_an_archive_is_to_be_unpacked(tmp_path: Path, path: str) -> None:
    (tmp_path / path).write_bytes(b"PK")
    for dataset in ("auto", "sunrgbd"):
        with pytest.raises(InputError, match="npack"):
            open_reader(dataset, tmp_path / path)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("corrupt png", "depth_bfx"),
        ("no image", "image"),
        ("no depth", "depth"),
    ],
)
def test_broken_frames_are_refused_by_path(tmp_path: Path, kind: str, file: str) -> None:
    root = write_layout(tmp_path, {NAMES[0]: frame_files(NAMES[0], picture(WALL, CHAIR), broken=kind)})
    reader = SunRgbdReader(root, "all")
    assert reader.names == (NAMES[0],)  # broken, but not lost
    with pytest.raises(InputError) as refused:
        reader.read(NAMES[0])
    assert str(root / NAMES[0]) in str(refused.value)
    assert file in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "file", "problem"),
    [
        ("trailing comma", "annotation2Dfinal/index.json", "polygons unreadable"),
        ("no intrinsics", "intrinsics.txt", "intrinsics unreadable"),
        ("no extrinsics", "extrinsics", "3D boxes unreadable"),
    ],
)
def test_a_broken_side_file_costs_what_it_holds_alone(tmp_path: Path, kind: str, file: str, problem: str) -> None:
    root = write_layout(tmp_path, {NAMES[0]: frame_files(NAMES[0], picture(WALL, CHAIR), broken=kind)})
    frame = SunRgbdReader(root, "all").read(NAMES[0])
    assert frame.rgb is not None
    assert frame.depth is not None
    assert [found.kind for found in frame.problems] == [problem]
    assert file in frame.warnings[0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace('"wall"', '"wall\\"'),
        lambda text: text.replace('"chair"', '"cha\\ir"'),
        lambda text: "\ufeff" + text,
    ],
)
def test_stray_backslashes_of_official_annotations_are_mended(tmp_path: Path, damage) -> None:
    files = frame_files(NAMES[0], picture(WALL, CHAIR))
    path = next(path for path in files if path.startswith("annotation2Dfinal"))
    whole = SunRgbdReader(write_layout(tmp_path / "whole", {NAMES[0]: dict(files)}), "all").read(NAMES[0])
    files[path] = damage(files[path].decode()).encode()
    frame = SunRgbdReader(write_layout(tmp_path / "damaged", {NAMES[0]: files}), "all").read(NAMES[0])
    assert frame.problems == ()
    assert np.array_equal(frame.label, whole.label)


def test_depth_of_another_view_is_refused(tmp_path: Path) -> None:
    files = frame_files(NAMES[0], picture(WALL, CHAIR))
    files[next(path for path in files if path.startswith("depth_bfx"))] = frame_files(
        NAMES[0], picture(WALL, CHAIR, (48, 48))
    )[next(path for path in files if path.startswith("depth_bfx"))]
    root = write_layout(tmp_path, {NAMES[0]: files})
    with pytest.raises(InputError, match="aspect ratio"):
        SunRgbdReader(root, "all").read(NAMES[0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "validation"}, "train, val, trainval, test, all"),
        ({"label_source": "masks"}, "seglabel"),
        ({"depth_source": "raw"}, "depth_bfx"),
    ],
)
def test_options_are_checked(unpacked: Path, options: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SunRgbdReader(unpacked, **options)


def test_depth_may_be_left_unopened(unpacked: Path, tmp_path: Path) -> None:
    shutil.copytree(unpacked, tmp_path / "data")
    for path in (tmp_path / "data").rglob("depth*/*.png"):
        path.write_bytes(b"broken")
    reader = SunRgbdReader(tmp_path / "data", "all")
    with pytest.raises(InputError, match="depth"):
        reader.read(NAMES[0])
    frame = without_depth(reader).read(NAMES[0])
    assert frame.depth is None
    assert frame.source.endswith("no depth")
    assert np.array_equal(frame.rgb, SunRgbdReader(unpacked, "all").read(NAMES[0]).rgb)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of kv1, kv2, realsense, xtion"):
        SunRgbdReader(tmp_path, "all")
    with pytest.raises(InputError, match="needs --data"):
        open_reader("sunrgbd")
    (tmp_path / "kv1").mkdir()
    with pytest.raises(InputError, match="no frame of SUN RGB-D"):
        SunRgbdReader(tmp_path, "all")


def test_unknown_frame(unpacked: Path) -> None:
    with pytest.raises(InputError, match="has no frame"):
        SunRgbdReader(unpacked, "all").read("../../etc")


def test_toolbox_files(unpacked: Path) -> None:
    toolbox = unpacked / "SUNRGBDtoolbox"
    parts = read_split(toolbox / "traintestSUNRGBD" / "allsplit.mat")
    assert parts == {name: "test" if k % 2 == 0 else "train" for k, name in enumerate(NAMES)}
    assert read_order(toolbox / "Metadata" / "SUNRGBDMeta.mat") == NAMES
    with SegLabels(toolbox / "Metadata" / "SUNRGBD2Dseg.mat") as labels:
        assert len(labels) == 8
        assert labels.read(3).shape == (48, 64)
        with pytest.raises(InputError, match="frame 10"):
            labels.read(9)
    readers = {
        "allsplit.mat": read_split,
        "SUNRGBDMeta.mat": read_order,
        "SUNRGBD2Dseg.mat": SegLabels,
    }
    for name, read in readers.items():
        with pytest.raises(InputError, match=name):
            read(toolbox / name)


def test_seglabel_beyond_the_37_classes_is_refused(tmp_path: Path) -> None:
    toolbox = write_toolbox(tmp_path, NAMES[:1], [], {NAMES[0]: halves(WALL, 38)})
    with SegLabels(toolbox / "Metadata" / "SUNRGBD2Dseg.mat") as labels, pytest.raises(InputError, match=r"0\.\.37"):
        labels.read(0)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/n/fs/sun3d/data/SUNRGBD/kv1/NYUdata/NYU0001", "kv1/NYUdata/NYU0001"),
        (
            "/data1/SUNRGBD/realsense/shr/2014_12_18-16_29_39-13/",
            "realsense/shr/2014_12_18-16_29_39-13",
        ),
        ("SUNRGBD/kv2//align_kv2/x", "kv2/align_kv2/x"),
    ],
)
def test_frame_names_of_all_machines(path: str, name: str) -> None:
    assert frame_name(path) == name


def test_boxes_are_drawn_where_they_are(unpacked: Path) -> None:
    frame = SunRgbdReader(unpacked, "all").read(NAMES[0])
    blank = np.zeros_like(frame.rgb)
    nameless = [replace(box, name="") for box in frame.boxes]
    drawn = draw_boxes(blank, nameless, frame.intrinsics, SUNRGBD37.palette, width=1).any(-1)
    rows, columns = np.nonzero(drawn)
    corners = project(frame.boxes[0].corners(), frame.intrinsics)
    assert columns.min() == pytest.approx(corners[:, 0].min(), abs=2)
    assert columns.max() == pytest.approx(corners[:, 0].max(), abs=2)
    assert rows.max() == pytest.approx(corners[:, 1].max(), abs=2)
    named = draw_boxes(blank, frame.boxes, frame.intrinsics, SUNRGBD37.palette, width=1).any(-1)
    assert named.sum() > drawn.sum()


def test_reader_goes_to_other_processes(unpacked: Path) -> None:
    reader = SunRgbdReader(unpacked, "all", "seglabel")
    reader.read(NAMES[0])
    copy = pickle.loads(pickle.dumps(reader))
    assert np.array_equal(copy.read(NAMES[0]).label, halves(WALL, SOFA))


@needs_real
def test_real_frame() -> None:
    reader = open_reader("sunrgbd", REAL, "all", label_source="polygons")
    assert reader.names[0] == REAL_NAME
    frame = reader.read(REAL_NAME)
    assert frame.size == (427, 561)
    assert (frame.sensor, frame.scene) == ("kv1", "office")
    # shelf, wall, floor, chair, books, box and void.
    assert set(np.unique(frame.label)) == {0, 15, 1, 2, 5, 23, 29}
    assert frame.label[200, 340] == 15
    assert frame.label[60, 540] == 1
    assert frame.label[120, 20] == 29
    assert 1.0 < frame.depth[frame.depth > 0].min() < frame.depth.max() < 4.0
    assert frame.intrinsics[0].tolist() == [520.532, 0.0, 277.9258]
    assert [box.name for box in frame.boxes] == [
        *("bookshelf", "bookshelf", "chair", "projector", "books", "books", "switch"),
    ]


@needs_real
@pytest.mark.parametrize(
    ("index", "classes", "depth_m"),
    [(0, {15}, 2.1), (4, {23, 15}, 2.1), (5, {23, 15}, 1.9)],
)
def test_real_boxes_lie_on_their_objects(index: int, classes: set[int], depth_m: float) -> None:
    """Where a box's centre is projected to, the label is its object's, and the measured depth is the box's."""
    frame = SunRgbdReader(REAL, "all", "polygons").read(REAL_NAME)
    box = frame.boxes[index]
    column, row = project(box.centroid, frame.intrinsics).round().astype(int)
    assert frame.label[row, column] in classes
    assert box.centroid[2] == pytest.approx(depth_m, abs=0.15)
    assert frame.depth[row, column] == pytest.approx(box.centroid[2], abs=0.45)


@needs_real
def test_real_split_and_its_validation() -> None:
    from deresunet.data.sunrgbd.splits import carve_validation, sequences  # noqa: PLC0415

    parts = read_split(SHARED / "meta" / "allsplit.mat")
    assert list(parts.values()).count("train") == 5285
    assert list(parts.values()).count("test") == 5050
    training = {name: sequence for name, sequence in sequences(parts).items() if parts[name] == "train"}
    validation = carve_validation(training)
    assert 0.09 < len(validation) / 5285 < 0.11
    assert recordings_cut(training, validation) == []
    assert {name.split("/")[0] for name in validation} == {"kv1", "kv2", "realsense", "xtion"}
