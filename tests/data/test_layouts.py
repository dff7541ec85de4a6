"""Each row of the layout table: a data set made in that layout opens by looking alone, and the same everywhere."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from sunrgbd_archives import RedReader, halves, picture
from training_helpers import SMALL_SIZE, small_module, trainer
from typer.testing import CliRunner

import deresunet.cli.evaluate as evaluate_command
import deresunet.cli.predict as predict_command
from demo.data_sets import open_sources
from demo.dataset.evaluations import Evaluations
from demo.dataset.progress import Run
from demo.dataset.sections import Sections
from demo.inspector import DatasetFrame, Inspector
from demo.networks import Checkpoints
from deresunet import InputError
from deresunet.cli import app
from deresunet.data.folder_depth import planar_depth
from deresunet.data.layouts import ROWS
from deresunet.data.readers import open_reader, recognise
from deresunet.data.source import Source
from train.data.module import RGBDDataModule

WALL, CHAIR = 1, 5
SIZE = (48, 64)
METRES = 2.5


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def rgb(path: Path) -> None:
    save(path, picture(WALL, CHAIR))


def depth(path: Path, per_metre: float = 1000) -> None:
    values = np.linspace(0.8, 1.2, SIZE[0] * SIZE[1]).reshape(SIZE) * METRES * per_metre
    save(path, values.astype(np.uint16))


def label(path: Path, values: tuple[int, int] = (WALL, CHAIR), dtype: type = np.uint8) -> None:
    save(path, np.where(halves(0, 1, SIZE) == 0, values[0], values[1]).astype(dtype))


def dformer(root: Path) -> None:
    for name in ("2", "10", "1"):
        rgb(root / "RGB" / f"{name}.png")
        depth(root / "Depth" / f"{name}.png")
        label(root / "Label" / f"{name}.png")
    (root / "train.txt").write_text("RGB/1.png Label/1.png\n")
    (root / "test.txt").write_text("RGB/2.png Label/2.png\nRGB/10.png\tLabel/10.png\n")


def esanet(root: Path, labels: str = "labels_40") -> None:
    for split, names in (("train", "01"), ("test", "23")):
        for name in names:
            rgb(root / split / "rgb" / f"000{name}.png")
            depth(root / split / "depth" / f"000{name}.png")
            label(root / split / labels / f"000{name}.png")
        (root / f"{split}.txt").write_text("".join(f"000{name}\n" for name in names))


def scenes(root: Path) -> None:
    for scene in ("kitchen", "hall"):
        rgb(root / "rgb" / scene / "000000.png")
        depth(root / "depth" / scene / "000000.png")
        label(root / "label" / scene / "000000.png")


def scannet(root: Path) -> None:
    for scene in ("scene0000_00", "scene0000_01"):
        rgb(root / scene / "color" / "000100.png")
        depth(root / scene / "depth" / "000100.png")
        label(root / scene / "label" / "000100.png")
        (root / scene / "intrinsics_color.txt").write_text("50 0 32 0\n0 50 24 0\n0 0 1 0\n0 0 0 1\n")


def scannet_ids(root: Path) -> None:
    for scene in ("scene0000_00", "scene0001_00"):
        rgb(root / "scans" / scene / "color" / "0.png")
        depth(root / "scans" / scene / "depth" / "0.png")
        label(root / "scans" / scene / "label-filt" / "0.png", (1, 1163), np.uint16)
    table = "id\traw_category\tnyu40id\n1\twall\t1\n1163\tobject\t5\n"
    (root / "scannetv2-labels.combined.tsv").write_text(table)


def tum(root: Path) -> None:
    stamps = [1305031102.175304, 1305031102.208637, 1305031102.3]
    for stamp in stamps:
        rgb(root / "rgb" / f"{stamp:.6f}.png")
    for stamp in stamps[:2]:
        depth(root / "depth" / f"{stamp - 0.013:.6f}.png", 5000)
    for kind in ("rgb", "depth"):
        files = sorted((root / kind).iterdir())
        lines = "".join(f"{path.stem} {kind}/{path.name}\n" for path in files)
        (root / f"{kind}.txt").write_text(f"# {kind} images\n# timestamp filename\n{lines}")


def icl(root: Path) -> None:
    for name in "01":
        rgb(root / "rgb" / f"{name}.png")
        depth(root / "depth" / f"{name}.png", 5000)
    (root / "associations.txt").write_text("0 depth/0.png 0 rgb/0.png\n1 depth/1.png 1 rgb/1.png\n")


def open3d(root: Path) -> None:
    rgb(root / "color" / "000000.png")
    depth(root / "depth" / "000000.png")
    matrix = [50, 0, 0, 0, 50, 0, 32, 24, 1]
    (root / "camera_intrinsic.json").write_text(json.dumps({"width": 64, "height": 48, "intrinsic_matrix": matrix}))


def seven_scenes(root: Path) -> None:
    for sequence in ("seq-01", "seq-02"):
        rgb(root / sequence / "frame-000000.color.png")
        depth(root / sequence / "frame-000000.depth.png")
        (root / sequence / "frame-000000.pose.txt").write_text("1 0 0 0\n")


def bts(root: Path) -> None:
    for room in ("bathroom", "study"):
        rgb(root / room / "rgb_00045.png")
        depth(root / room / "sync_depth_00045.png")
    (root / "test.txt").write_text("/bathroom/rgb_00045.png /bathroom/sync_depth_00045.png 518.8579\n")


def replica(root: Path) -> None:
    rgb(root / "room0" / "results" / "frame000000.png")
    depth(root / "room0" / "results" / "depth000000.png", 6553.5)
    rgb(root / "room1" / "results" / "frame000000.png")
    depth(root / "room1" / "results" / "depth000000.png", 6553.5)
    camera = {"w": 64, "h": 48, "fx": 50.0, "fy": 50.0, "cx": 31.5, "cy": 23.5, "scale": 6553.5}
    (root / "cam_params.json").write_text(json.dumps({"camera": camera}))


def hypersim(root: Path) -> None:
    images = root / "ai_001_001" / "images"
    rgb(images / "scene_cam_00_final_preview" / "frame.0000.tonemap.png")
    folder = images / "scene_cam_00_geometry_hdf5"
    folder.mkdir(parents=True)
    with h5py.File(folder / "frame.0000.depth_meters.hdf5", "w") as file:
        # A wall before the camera: distances along the rays grow to its corners.
        focal = 886.81 * SIZE[1] / 1024
        x, y = np.arange(SIZE[1]) - (SIZE[1] - 1) / 2, np.arange(SIZE[0]) - (SIZE[0] - 1) / 2
        file["dataset"] = METRES * np.sqrt(1 + (x[None] / focal) ** 2 + (y[:, None] / focal) ** 2)
    with h5py.File(folder / "frame.0000.semantic.hdf5", "w") as file:
        values = np.where(halves(0, 1, SIZE) == 0, -1, CHAIR).astype(np.int16)
        values[:9, -9:] = WALL
        file["dataset"] = values


def stray(root: Path) -> None:
    rgb(root / "rgb" / "000000.png")
    depth(root / "depth" / "000000.png")
    save(root / "confidence" / "000000.png", np.full(SIZE, 2, np.uint8))
    (root / "camera_matrix.csv").write_text("50.0, 0.0, 32.0\n0.0, 50.0, 24.0\n0.0, 0.0, 1.0\n")
    (root / "odometry.csv").write_text("timestamp, frame\n")


def record3d(root: Path) -> None:
    rgb(root / "EXR_RGBD" / "rgb" / "0.png")
    (root / "EXR_RGBD" / "depth").mkdir()
    np.save(root / "EXR_RGBD" / "depth" / "0.npy", np.full(SIZE, METRES, np.float32))
    (root / "EXR_RGBD" / "metadata.json").write_text(json.dumps({"K": [50.0, 0, 0, 0, 50.0, 0, 32, 24, 1]}))


def voc(root: Path) -> None:
    rgb(root / "JPEGImages" / "a.png")
    label(root / "SegmentationClass" / "a.png")
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation" / "val.txt").write_text("a\n")


def mmseg(root: Path) -> None:
    for split in ("train", "val"):
        rgb(root / "img_dir" / split / f"{split}1.png")
        label(root / "ann_dir" / split / f"{split}1.png")


def cityscapes(root: Path) -> None:
    for split in ("train", "val"):
        name = f"{split}/aachen/aachen_000000_000019"
        rgb(root / "leftImg8bit" / f"{name}_leftImg8bit.png")
        label(root / "gtFine" / f"{name}_gtFine_labelIds.png")


def ade20k(root: Path) -> None:
    (root / "objectInfo150.txt").parent.mkdir(parents=True, exist_ok=True)
    (root / "objectInfo150.txt").write_text("Idx\n")
    for split in ("training", "validation"):
        rgb(root / "images" / split / f"ADE_{split}_00000001.png")
        label(root / "annotations" / split / f"ADE_{split}_00000001.png", (1, 4))


def images(root: Path) -> None:
    rgb(root / "images" / "7.png")
    depth(root / "depth_maps" / "7.png")
    label(root / "masks" / "7.png")


def suffixes(root: Path) -> None:
    """Washington's RGB-D data: RGB has no suffix of its own."""
    rgb(root / "scene_1.png")
    depth(root / "scene_1_depth.png")
    label(root / "scene_1_label.png")


def prefixes(root: Path) -> None:
    rgb(root / "color_001.png")
    depth(root / "depth_001.png")


def frame_list(root: Path) -> None:
    rgb(root / "a" / "left.png")
    depth(root / "b" / "1.png", 5000)
    label(root / "c" / "x.png")
    rows = [
        ("rgb", "depth", "label", "intrinsics", "split", "scene", "depth_unit"),
        ("a/left.png", "b/1.png", "c/x.png", "50 50 32 24", "test", "hall", "tum"),
    ]
    with (root / "frames.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


# Function that makes the data set; row; split and names of its frames; whether depth, label and intrinsics are read.
CASES: dict[str, tuple[Callable[[Path], None], str, str, tuple[str, ...], str]] = {
    "DFormer, CMX, SA-Gate": (dformer, "folder", "test", ("2", "10"), "depth label"),
    "ESANet": (esanet, "folder", "test", ("0002", "0003"), "depth label"),
    "EMSANet": (lambda root: esanet(root, "semantic_40"), "folder", "test", ("0002", "0003"), "depth label"),
    "scenes": (scenes, "folder", "all", ("hall/000000", "kitchen/000000"), "depth label"),
    "ScanNet 25k": (scannet, "scannet", "all", ("scene0000_00/000100", "scene0000_01/000100"), "depth label K"),
    "ScanNet export": (scannet_ids, "scannet", "all", ("scene0000_00/0", "scene0001_00/0"), "depth label"),
    "TUM": (tum, "tum", "all", ("1305031102.175304", "1305031102.208637"), "depth"),
    "ICL-NUIM": (icl, "tum", "all", ("0", "1"), "depth"),
    "Open3D's recorder": (open3d, "scannet", "all", ("000000",), "depth K"),
    "7-Scenes": (seven_scenes, "7scenes", "all", ("seq-01/frame-000000", "seq-02/frame-000000"), "depth"),
    "BTS": (bts, "bts", "test", ("bathroom/00045",), "depth"),
    "Replica": (replica, "replica", "all", ("room0/000000", "room1/000000"), "depth K"),
    "Hypersim": (hypersim, "hypersim", "all", ("00/0000",), "depth label K"),
    "Stray Scanner": (stray, "folder", "all", ("000000",), "depth K"),
    "Record3D": (record3d, "folder", "all", ("0",), "depth K"),
    "VOC": (voc, "voc", "all", ("a",), ""),
    "mmsegmentation": (mmseg, "mmseg", "all", ("train1", "val1"), ""),
    # Two frames of one name in two splits keep the split in theirs.
    "Cityscapes": (
        *(cityscapes, "cityscapes", "all"),
        tuple(f"{split}/aachen/aachen_000000_000019" for split in ("train", "val")),
        "",
    ),
    "ADE20K": (ade20k, "ade20k", "all", ("ADE_training_00000001", "ADE_validation_00000001"), "label"),
    "images/": (images, "images", "all", ("7",), "depth label"),
    "side by side, suffix": (suffixes, "suffix", "all", ("scene_1",), "depth label"),
    "side by side, prefix": (prefixes, "prefix", "all", ("001",), "depth"),
    "frames.csv": (frame_list, "frames", "test", ("a/left",), "depth label K"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_layout_opens_by_looking_alone(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In `open_reader`, on the page, in `predict`, `evaluate` and training's data module."""
    make, row, split, names, held = CASES[case]
    root = tmp_path / "data"
    make(root)
    assert recognise(root) == row
    reader = open_reader(root=root)
    assert (reader.split, reader.names) == (split, names)
    frame = reader.read(names[0])
    assert (frame.depth is not None, frame.label is not None) == ("depth" in held, "label" in held)
    assert (frame.intrinsics is not None) == ("K" in held)
    if frame.depth is not None:
        assert np.median(frame.depth) == pytest.approx(METRES, rel=0.01), frame.depth_reading
        assert not frame.warnings
        assert case != "Hypersim" or np.ptp(frame.depth) < 0.01
    if frame.label is not None and case != "ADE20K":
        assert set(np.unique(frame.label)) <= {0, WALL, CHAIR}
        assert (frame.label == CHAIR).any()

    (source, opened), *_ = open_sources([str(root)], Source()).items()
    inspector = Inspector(RedReader(), {source: opened})
    assert inspector.names(source) == names
    assert inspector.read(DatasetFrame(source, names[0])).size == frame.size

    for module in (evaluate_command, predict_command):
        monkeypatch.setattr(module, "load", lambda *_: RedReader())
    runner = CliRunner()
    done = runner.invoke(app, ["predict", "--data", str(root), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert all((tmp_path / "out" / f"{name}.png").is_file() for name in names)
    if "label" in held and case != "ADE20K":
        out = tmp_path / "out.json"
        done = runner.invoke(app, ["evaluate", "--data", str(root), "--json", str(out)])
        assert done.exit_code == 0, done.output
        told = json.loads(out.read_text())
        assert told["frames"] == len(names)
        assert told["modalities"] == {"rgbd" if "depth" in held else "rgb": len(names)}


@pytest.mark.parametrize("case", [case for case, (*_, held) in CASES.items() if "label" in held])
def test_a_layout_is_trained_on_by_looking_alone(case: str, tmp_path: Path) -> None:
    make, _, split, names, _ = CASES[case]
    make(tmp_path)
    module = RGBDDataModule(
        root=str(tmp_path), validation_split=split, rotate="90", preprocessing=SMALL_SIZE, batch_size=1, workers=0
    )
    if case == "frames.csv":
        with pytest.raises(InputError, match="all frames are in lists that are not for training"):
            module.setup("fit")
        return
    module.setup("fit")
    assert module.count("validation") == len(names)
    assert module.count("training") >= 1
    assert module.frame("training", 0).size == SIZE[::-1], "upright"
    fit = trainer(tmp_path, max_epochs=1, limit_train_batches=1, limit_val_batches=1)
    fit.fit(small_module(), module)
    assert fit.global_step == 1
    assert "val/miou" in fit.callback_metrics


def test_every_row_has_a_case() -> None:
    assert {row for _, row, *_ in CASES.values()} >= set(ROWS)


@pytest.mark.parametrize("case", ["ESANet", "TUM", "scenes", "7-Scenes"])
def test_a_written_frame_list_opens_as_the_data_set(case: str, tmp_path: Path) -> None:
    """`stats --write-frames`, with paths from the list's own folder; a line can be edited by hand."""
    root, out = tmp_path / "data", tmp_path / "lists" / "of frames"
    CASES[case][0](root)
    done = CliRunner().invoke(
        app, ["stats", "--data", str(root), "--split", "all", "--out", str(out), "--write-frames"]
    )
    assert done.exit_code == 0, done.output
    reader, listed = open_reader(root=root, split="all"), open_reader(root=out / "frames.csv", split="all")
    assert recognise(out) == "frames"
    assert listed.names == reader.names
    for name in reader.names:
        one, other = reader.read(name), listed.read(name)
        assert (one.sequence, one.depth_reading.unit) == (other.sequence, other.depth_reading.unit)
        for key in ("rgb", "depth", "label"):
            assert np.array_equal(getattr(one, key), getattr(other, key)), key
    if case == "ESANet":
        assert open_reader(root=out, split="train").names == ("0000", "0001")
        text = (out / "frames.csv").read_text().replace(",train,", ",mine,", 1)
        (out / "frames.csv").write_text(text)
        assert open_reader(root=out, split="mine").names == ("0000",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has the columns of nothing"),
        ("left,right\na,b\n", "has the columns left, right; expected name, rgb, depth"),
        ("rgb,depth\n,\n,x\na.png,b.png\na.png,c.png\n", "the name 'a' comes twice"),
        ("rgb,label\n,a.png\n", "line 2: neither rgb nor depth"),
        ("rgb,depth_unit\na.png,mm\nb.png,tum\n", "depth_unit differs between lines"),
        ("rgb\na.png\n", "a.png: no such file"),
    ],
)
def test_a_frame_list_that_cannot_be_used(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "frames.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        open_reader(root=tmp_path).read("a")


def unknown(root: Path) -> None:
    for name in ("07", "8"):
        rgb(root / "left" / f"shot{name}.png")
        depth(root / "range" / f"shot{name}.png")
        label(root / "truth" / f"shot{name}.png")


def unknown_scenes(root: Path) -> None:
    for scene in ("a", "b"):
        rgb(root / scene / "cam" / "1.png")
        depth(root / scene / "tof" / "1.png")


def unknown_suffixes(root: Path) -> None:
    for name in ("1", "2"):
        rgb(root / f"{name}_L.png")
        depth(root / f"{name}_D.png")


@pytest.mark.parametrize("make", [unknown, unknown_scenes, unknown_suffixes])
def test_the_patterns_that_a_message_proposes_open_the_folder(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(InputError, match="The nearest layout is a folder with rgb/, depth/") as told:
        open_reader(root=tmp_path)
    options = dict(re.findall(r"--(\w+) '([^']+)'", str(told.value)))
    reader = open_reader(root=tmp_path, **options)
    assert len(reader.names) == 2
    frame = reader.read(reader.names[0])
    assert np.median(frame.depth) == pytest.approx(METRES, rel=0.01)
    assert (frame.label is not None) == ("label" in options) == (make is unknown)
    assert not reader.notices


def test_patterns_name_files_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    reader = open_reader(rgb="data/rgb/*/*.png", depth=str(tmp_path / "data" / "depth" / "*" / "*.png"))
    assert reader.names == ("hall/000000", "kitchen/000000")
    assert reader.read("hall/000000").sequence == "hall"
    (tmp_path / "data" / "depth" / "hall" / "000000.png").unlink()
    assert any(
        "1 of 2 frames have no depth" in notice for notice in open_reader(rgb="data/rgb", depth="data/depth").notices
    )
    for depths, message in (
        ("data/tof/*.png", "there is no folder"),
        ("data/depth/*.exr", "names no file"),
        ("data/label/*/*0.png", "share no frame: the stars stand for 'hall/000000'"),
    ):
        with pytest.raises(InputError, match=message):
            open_reader(rgb="data/rgb/*/*.png", depth=depths)
    with pytest.raises(InputError, match="--label-source has no effect on patterns"):
        open_reader(rgb="data/rgb", label_source="polygons")


@pytest.mark.parametrize(
    ("folder", "make", "message"),
    [
        ("tof", depth, "Where it holds depth, pass --depth 'tof/\\*\\*'"),
        ("annotated", label, "Where it holds labels, pass --label 'annotated/\\*\\*'"),
        ("HHA", rgb, "HHA encodes depth in colours"),
    ],
)
def test_what_lies_beside_under_another_name_is_said(
    folder: str, make: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    """And the pattern that the notice names takes it."""
    rgb(tmp_path / "rgb" / "1.png")
    make(tmp_path / folder / "1.png")
    reader = open_reader(root=tmp_path)
    (notice,) = (notice for notice in reader.notices if folder in notice)
    assert re.search(message, notice)
    evaluations = Evaluations(Checkpoints(RedReader()), {"mine": reader}, tmp_path / "kept")
    request = Run("mine")
    shown, *_ = Sections(evaluations).run(request, evaluations.progress(request, "visitor"))
    assert html.escape(notice) in shown, "on the page, before anything is evaluated"
    for option, pattern in re.findall(r"--(\w+) '([^']+)'", notice):
        frame = open_reader(root=tmp_path, **{option: pattern}).read("1")
        assert getattr(frame, option) is not None


def test_time_stamps_pair_the_nearest_and_say_what_is_left(tmp_path: Path) -> None:
    tum(tmp_path)
    reader = open_reader(root=tmp_path)
    assert [path.parent.name for path in reader.files(reader.names[0])] == ["rgb", "depth"]
    assert any("1 of 3 RGB images are left out, such as rgb/1305031102.300000.png" in one for one in reader.notices)
    assert reader.read(reader.names[0]).depth_reading.unit == "tum"
    assert open_reader(root=tmp_path, depth_unit="mm").read(reader.names[0]).depth_reading.unit == "mm"


def test_folders_of_a_sequence_point_to_the_whole(tmp_path: Path) -> None:
    tum(tmp_path)
    with pytest.raises(InputError, match="Time stamps pair these: give --data ") as raised:
        open_reader(rgb=str(tmp_path / "rgb"), depth=str(tmp_path / "depth"))
    root = re.search(r"--data (\S+) instead", str(raised.value))[1]
    assert open_reader(root=root).read("1305031102.175304").depth is not None


def test_ids_without_their_table_are_no_labels(tmp_path: Path) -> None:
    scannet_ids(tmp_path)
    table = tmp_path / "scannetv2-labels.combined.tsv"
    text = table.read_text()
    table.unlink()
    reader = open_reader(root=tmp_path)
    assert any("Put scannetv2-labels.combined.tsv" in notice for notice in reader.notices)
    frame = reader.read(reader.names[0])
    assert (frame.label, frame.sequence) == (None, "scene0000")
    table.write_text(text.replace("1163", "1162"))
    with pytest.raises(InputError, match=r"has the id 1163; scannetv2-labels\.combined\.tsv knows up to 1162"):
        open_reader(root=tmp_path).read(reader.names[0])


@pytest.mark.parametrize(("number", "classes"), [("13", 13), ("37", 37), ("40", 37)])
def test_label_folders_say_their_label_set(number: str, classes: int, tmp_path: Path) -> None:
    esanet(tmp_path, f"labels_{number}")
    assert len(open_reader(root=tmp_path).class_set) == classes


def test_a_list_of_scenes_takes_all_of_their_frames(tmp_path: Path) -> None:
    scannet(tmp_path)
    (tmp_path / "scannetv2_val.txt").write_text("scene0000_01\n")
    assert open_reader(root=tmp_path, split="scannetv2_val").names == ("scene0000_01/000100",)


def test_a_list_may_have_comments_and_says_what_is_absent(tmp_path: Path) -> None:
    scenes(tmp_path)
    (tmp_path / "test.txt").write_text("# two of them\nhall/000000\nattic/000000\n")
    with pytest.raises(InputError, match=r"test\.txt lists 1 frames .*, such as 'attic/000000'"):
        open_reader(root=tmp_path)
    (tmp_path / "test.txt").write_text("# one of them\nhall/000000\n")
    assert open_reader(root=tmp_path).names == ("hall/000000",)


def test_a_part_of_a_data_set_points_to_the_whole(tmp_path: Path) -> None:
    scenes(tmp_path / "data")
    with pytest.raises(InputError, match="Give --data ") as told:
        open_reader(root=tmp_path / "data" / "rgb")
    assert open_reader(root=str(told.value).split("--data ")[1].rstrip(".")).names


def test_a_video_is_answered_with_the_command_that_writes_its_frames(tmp_path: Path) -> None:
    depth(tmp_path / "depth" / "000001.png")
    (tmp_path / "rgb.mp4").write_bytes(b"ftyp")
    for options in ({"root": tmp_path}, {"rgb": str(tmp_path / "rgb.mp4"), "depth": str(tmp_path / "depth")}):
        with pytest.raises(InputError, match=r"ffmpeg -i \S+rgb\.mp4 -start_number 1 -q:v 2 \S+rgb/%06d\.jpg"):
            open_reader(**options)
    rgb(tmp_path / "rgb" / "000001.png")  # what the command writes
    assert open_reader(root=tmp_path).read("000001").depth is not None


def test_planar_depth_of_a_wall() -> None:
    camera = np.array([[3.0, 0, 4.0], [0, 3.0, 0], [0, 0, 1]])
    assert planar_depth(np.full((1, 9), 5.0), camera)[0, [0, 4, 8]] == pytest.approx([3.0, 5.0, 3.0])


@pytest.mark.parametrize("scale", [2, 0.5])
def test_labels_of_another_size_are_scored_at_their_own(
    scale: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ScanNet's labels of 1296x968 beside RGB of 640x480; of another shape they are refused."""
    height, width = (round(side * scale) for side in SIZE)
    for name in ("0", "1"):
        rgb(tmp_path / "color" / f"{name}.png")
        depth(tmp_path / "depth" / f"{name}.png")
        truth = halves(WALL, CHAIR, (height, width))
        truth[0, 0] = CHAIR  # a pixel that counts at the label's size alone
        save(tmp_path / "label" / f"{name}.png", truth)
    frame = open_reader(root=tmp_path).read("0")
    assert (frame.size, frame.label.shape, frame.aligned_label.shape) == (SIZE, (height, width), SIZE)
    monkeypatch.setattr(evaluate_command, "load", lambda *_: RedReader())
    out = tmp_path / "out.json"
    report = ("--report", str(tmp_path / "report"))
    done = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path), "--json", str(out), *report])
    assert done.exit_code == 0, done.output
    told = json.loads(out.read_text())
    assert sum(part["pixels"] for part in told["regions"]["depth"].values()) == 2 * height * width
    assert told["pixel_acc"] == pytest.approx(100 * (1 - 1 / (height * width)), abs=0.001)
    inspector = Inspector(RedReader(), {"mine": open_reader(root=tmp_path)})
    assert inspector.open(DatasetFrame("mine", "0")).truth.shape == SIZE
    save(tmp_path / "label" / "0.png", halves(WALL, CHAIR, (48, 72)))
    with pytest.raises(InputError, match="72x48, the frame 64x48; their aspect ratios differ"):
        open_reader(root=tmp_path).read("0")
