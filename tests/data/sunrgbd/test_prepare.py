"""From generated archives in SUN RGB-D's layout to an index, and on to an evaluation worked out by hand."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recordings import recordings_cut
from sunrgbd_archives import (
    INTRINSICS,
    Made,
    RedReader,
    frame_files,
    frame_names,
    halves,
    make_archives,
    picture,
    write_toolbox,
)
from typer.testing import CliRunner

import deresunet.cli.evaluate as evaluate_command
from deresunet.atomic import HOST
from deresunet.cli import app
from deresunet.data.sunrgbd import prepare as prepare_module
from deresunet.data.sunrgbd.prepare import prepare_sunrgbd
from deresunet.data.sunrgbd.reader import SunRgbdReader
from deresunet.errors import InputError

SIZE = (48, 64)
HALF = 48 * 32
WALL, CHAIR, SOFA = 1, 5, 6
BROKEN = ("trailing comma", "corrupt png", "no image", "no depth", "no intrinsics", "no extrinsics")


def predicted_picture(name: str) -> np.ndarray:
    """What the stand-in for a network will see in a frame, by camera; the truth is wall and chair in all."""
    sensor = name.split("/", maxsplit=1)[0]
    if sensor == "kv2":
        return picture(WALL, CHAIR, SIZE, right_bottom=SOFA)  # a third of the chair is taken for a sofa
    if sensor == "realsense":
        return picture(WALL, WALL, SIZE)  # all of the chair is taken for wall
    return picture(WALL, CHAIR, SIZE)


def archives(root: Path, count: int = 40, zipped: bool = True, broken: dict[str, str] | None = None) -> Made:
    names = frame_names(count)
    frames = {name: frame_files(name, predicted_picture(name), broken=(broken or {}).get(name, "")) for name in names}
    labels = {name: halves(WALL, CHAIR, SIZE) for name in names}
    return make_archives(root, frames, names[::2], labels, zipped)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return archives(tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="module")
def prepared(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    prepare_sunrgbd(made.archive, made.toolbox, out)
    return out


def test_counts_and_files(made: Made, prepared: Path) -> None:
    summary = json.loads((prepared / "summary.json").read_text())
    assert (summary["frames"], summary["train"], summary["test"]) == (40, 20, 20)
    assert (summary["seglabel"], summary["polygons"], summary["boxes"]) == (40, 40, 40)
    assert summary["failed"] == []
    assert summary["absent"] == []
    assert summary["complete"] is False  # 40 are not 10,335
    assert summary["agreement"] == {"frames": 40, "pixels": 100.0, "miou": 100.0}
    assert len((prepared / "index.jsonl").read_text().splitlines()) == 41
    name = made.test[0]
    assert np.array_equal(np.asarray(Image.open(prepared / f"seglabel/{name}.png")), halves(WALL, CHAIR, SIZE))
    # Neither what is not read nor what was needed on the way stays behind.
    assert not list((prepared / "SUNRGBD").rglob("fullres"))
    assert sorted(path.name for path in prepared.iterdir()) == [
        *("SUNRGBD", "index.jsonl", "polygons", "seglabel", "summary.json", "val.txt"),
    ]


def test_splits_are_official_and_validation_is_whole_recordings_of_training(made: Made, prepared: Path) -> None:
    names = {split: SunRgbdReader(prepared, split).names for split in ("train", "val", "trainval", "test", "all")}
    assert names["test"] == made.test
    assert names["trainval"] == made.train
    assert set(names["train"]) | set(names["val"]) == set(made.train)
    assert not set(names["train"]) & set(names["val"])
    assert 1 <= len(names["val"]) <= 6
    assert len(names["all"]) == 40
    reader = SunRgbdReader(prepared, "trainval")
    assert recordings_cut({name: reader.read(name).sequence for name in reader.names}, names["val"]) == []


def test_validation_split_is_written_once(made: Made, tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text(f"{made.train[3]}\n")
    prepare_sunrgbd(made.archive, made.toolbox, tmp_path)
    assert SunRgbdReader(tmp_path, "val").names == (made.train[3],)


def test_frame_of_the_index_equals_the_frame_of_the_layout(tmp_path: Path, prepared: Path) -> None:
    unpacked = archives(tmp_path, zipped=False)
    straight, indexed = SunRgbdReader(unpacked.archive, "test"), SunRgbdReader(prepared, "test")
    assert straight.names == indexed.names
    for name in straight.names[:4]:
        one, other = straight.read(name), indexed.read(name)
        for key in ("rgb", "depth", "label", "intrinsics", "measured"):
            assert np.array_equal(getattr(one, key), getattr(other, key)), key
        for key in ("sensor", "scene", "sequence", "name", "source"):
            assert getattr(one, key) == getattr(other, key), key
        assert np.allclose(one.intrinsics, INTRINSICS)
        # The layout has its boxes from annotation3Dfinal, the index from the toolbox: the same box, in other axes.
        corners = [np.array(sorted(frame.boxes[0].corners().round(4).tolist())) for frame in (one, other)]
        assert np.allclose(*corners, atol=1e-3)
        assert one.boxes[0].label == other.boxes[0].label == CHAIR


def test_folders_instead_of_archives(tmp_path: Path) -> None:
    unpacked = archives(tmp_path / "in", count=8, zipped=False)
    summary = prepare_sunrgbd(unpacked.archive.parent, unpacked.toolbox.parent, tmp_path / "out")
    assert summary.frames == 8
    assert not (tmp_path / "out" / "SUNRGBD").exists()
    assert SunRgbdReader(tmp_path / "out", "test").read(unpacked.test[0]).label is not None


def test_end_to_end_with_iou_worked_out_by_hand(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives -> prepare -> evaluate -> report on 40 frames, of which 20 are for testing.

    With a = 48 * 32 pixels in each half of a frame, and n frames of each camera among the 20: kv1 and xtion are right;
    of kv2's chair a third is taken for a sofa; realsense's chair is taken for wall.
    """
    runner = CliRunner()
    out, report = tmp_path / "data", tmp_path / "report"
    options = ["--archive", str(made.archive), "--toolbox", str(made.toolbox), "--out", str(out)]
    done = runner.invoke(app, ["prepare", "sunrgbd", *options])
    assert done.exit_code == 1, done.output  # not the whole data set
    assert "expected 10,335 frames" in done.output
    done = runner.invoke(app, ["prepare", "sunrgbd", *options, "--partial"])
    assert done.exit_code == 0, done.output
    assert "40 frames (20 training" in done.output

    monkeypatch.setattr(evaluate_command, "load", lambda *_: RedReader())
    command = ["evaluate", "--dataset", "sunrgbd", "--root", str(out), "--json", str(tmp_path / "out.json")]
    done = runner.invoke(app, [*command, "--report", str(report)])
    assert done.exit_code == 0, done.output

    result = json.loads((tmp_path / "out.json").read_text())
    assert result == json.loads((report / "result.json").read_text())
    n = {sensor: sum(name.startswith(sensor) for name in made.test) for sensor in ("kv1", "kv2", "realsense", "xtion")}
    assert sum(n.values()) == result["frames"] == 20
    walls = chairs = 20 * HALF
    wall_iou = walls / (walls + n["realsense"] * HALF)
    right_chairs = chairs - n["kv2"] * HALF / 3 - n["realsense"] * HALF
    expected = {WALL: wall_iou, CHAIR: right_chairs / chairs, SOFA: 0.0}
    for label, iou in enumerate(result["iou"], 1):
        assert iou == (pytest.approx(100 * expected[label], abs=1e-3) if label in expected else None)
    assert result["miou"] == pytest.approx(100 * (wall_iou + right_chairs / chairs) / 2, abs=1e-3)
    assert result["pixel_acc"] == pytest.approx(100 * (walls + right_chairs) / (walls + chairs), abs=1e-3)
    assert result["mean_acc"] == pytest.approx(100 * (1 + right_chairs / chairs) / 2, abs=1e-3)
    assert result["fw_iou"] == result["miou"]  # as many pixels of the one as of the other
    by_sensor = {name: group["miou"] for name, group in result["sensors"].items()}
    assert by_sensor["kv1"] == by_sensor["xtion"] == 100.0
    assert by_sensor["kv2"] == pytest.approx(100 * (1 + 2 / 3) / 2, abs=1e-3)
    assert by_sensor["realsense"] == pytest.approx(25.0)  # wall 1/2, chair 0
    assert {name: group["frames"] for name, group in result["scenes"].items()} == {
        "bedroom": n["kv2"],
        "kitchen": n["realsense"] + n["xtion"],
        "office": n["kv1"],
    }
    assert "480x640" in result["protocol"]
    assert result["sources"] == {"SUN RGB-D, label seglabel, depth_bfx": 20}
    # Depth is 5 m above and 2 m below; the sofa is below.
    depth = result["regions"]["depth"]
    assert depth["4 to 6 m"]["pixels"] == depth["2 to 3 m"]["pixels"] == 20 * HALF
    assert depth["0 to 1 m"]["miou"] is None
    assert depth["4 to 6 m"]["accuracy"][CHAIR - 1] == pytest.approx(100 * (1 - n["realsense"] / 20), abs=1e-3)
    # The sensor did not measure the left quarter.
    assert result["regions"]["measured"]["not measured"]["pixels"] == 20 * HALF // 2
    # 5 columns on both sides of the edge between the halves.
    assert result["regions"]["place"]["boundary"]["pixels"] == 20 * 10 * 48

    confusion = list(csv.reader((report / "confusion.csv").open()))
    assert int(confusion[CHAIR][SOFA]) == n["kv2"] * HALF // 3
    assert int(confusion[CHAIR][WALL]) == n["realsense"] * HALF
    page = (report / "report.html").read_text()
    assert re.findall(r"<li>(\w+ → \w+): ", page) == ["chair → wall", "chair → sofa"]
    frames = list(csv.DictReader((report / "frames.csv").open()))
    assert [frame["name"] for frame in frames] == list(made.test)
    assert float(next(frame for frame in frames if frame["sensor"] == "realsense")["miou"]) == 25.0
    pictures = sorted(path.name for path in (report / "frames").iterdir())
    assert len(pictures) == 40  # 20 worst and 20 best of 20
    assert "realsense" in next(name for name in pictures if name.startswith("worst_01"))
    # Five panels with gaps of 4 px between them.
    assert Image.open(report / "frames" / pictures[0]).size == (5 * 64 + 4 * 4, 48)
    assert Image.open(report / "confusion.png").size[0] > 500
    assert "<td>kv2</td><td>5</td>" in page
    assert not (report / "resume.jsonl").exists()


def test_agreement_of_both_ground_truths(tmp_path: Path) -> None:
    """Half of the chair's polygon is covered by one of another class, a quarter of it by one of no class."""
    name = frame_names(1)[0]
    covers = [
        {"name": "sofa", "x": [32, 64, 64, 32], "y": [0, 0, 24, 24]},
        {"name": "garbage bin", "x": [32, 64, 64, 32], "y": [24, 24, 36, 36]},
    ]
    frames = {name: frame_files(name, picture(WALL, CHAIR, SIZE), extra=covers)}
    made = make_archives(tmp_path, frames, [name], {name: halves(WALL, CHAIR, SIZE)})
    summary = prepare_sunrgbd(made.archive, made.toolbox, tmp_path / "out")
    # Pixels that both label: wall 48 * 32, chair 48 * 32 - 12 * 32, of which 24 * 32 are sofa in the polygons.
    assert summary.agreement["pixels"] == pytest.approx(100 * (48 + 12) / (48 + 36), abs=1e-3)
    assert summary.agreement["miou"] == pytest.approx(100 * (1 + 12 / 36) / 2, abs=1e-3)
    assert summary.unknown_names == {"garbage bin": 1}


# Of a frame that is broken in its pixels nothing can be used; a side file costs what it holds.
IN_PIXELS = ("corrupt png", "no image", "no depth")
IN_SIDE_FILES = tuple(kind for kind in BROKEN if kind not in IN_PIXELS)


@pytest.mark.parametrize("kind", IN_PIXELS)
def test_a_broken_frame_stops_and_its_path_is_told(tmp_path: Path, kind: str) -> None:
    names = frame_names(6)
    made = archives(tmp_path, 6, broken={names[2]: kind})
    with pytest.raises(InputError, match=names[2]) as refused:
        prepare_sunrgbd(made.archive, made.toolbox, tmp_path / "out", on_error="stop")
    assert "--on-error skip" in str(refused.value)
    assert not (tmp_path / "out" / "index.jsonl").exists()


def test_broken_frames_are_skipped_and_counted(tmp_path: Path) -> None:
    names = frame_names(16)
    broken = dict(zip(names[1::2], IN_PIXELS, strict=False))
    beside = dict(zip(names[9:15:2], IN_SIDE_FILES, strict=True))
    made = archives(tmp_path, 16, broken={**broken, **beside})
    out = tmp_path / "out"
    done = CliRunner().invoke(
        app,
        [
            *("prepare", "sunrgbd", "--archive", str(made.archive), "--toolbox", str(made.toolbox)),
            *("--out", str(out), "--on-error", "skip", "--partial"),
        ],
    )
    assert done.exit_code == 0, done.output
    summary = json.loads((out / "summary.json").read_text())
    assert summary["frames"] == 16 - len(broken)
    assert summary["unreadable"] == {"polygons unreadable": 1, "intrinsics unreadable": 1, "3D boxes unreadable": 1}
    for kind in summary["unreadable"]:
        assert f"warning: {kind}: 1 of {summary['frames']} frames" in done.stderr
    assert {failure["name"] for failure in summary["failed"]} == set(broken)
    for failure in summary["failed"]:
        assert failure["name"] in failure["error"]
        assert failure["error"] in done.output
    reader = SunRgbdReader(out, "all")
    assert set(reader.names) == set(names) - set(broken)
    for name in beside:
        frame = reader.read(name)
        assert frame.label is not None
        assert frame.depth is not None
        (problem,) = frame.problems
        assert name in problem.message


def test_frames_of_the_split_that_the_archive_lacks_are_listed(tmp_path: Path) -> None:
    names = frame_names(8)
    labels = {name: halves(WALL, CHAIR, SIZE) for name in names}
    frames = {name: frame_files(name, picture(WALL, CHAIR, SIZE)) for name in names[:6]}
    made = make_archives(tmp_path, frames, names[::2], labels)
    summary = prepare_sunrgbd(made.archive, made.toolbox, tmp_path / "out")
    assert summary.absent == tuple(names[6:])
    assert (summary.frames, summary.complete) == (6, False)


def test_interrupted_preparation_goes_on(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(done: int, total: int) -> None:
        assert total == 40
        if done == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_sunrgbd(made.archive, made.toolbox, tmp_path, on_frame=interrupt)
    assert not (tmp_path / "index.jsonl").exists()
    partial = tmp_path / ".index.partial.jsonl"
    noted = partial.read_bytes()
    assert noted.count(b"\n") == 16
    partial.write_bytes(noted[:-20])  # as if it had been cut off in the midst of a line
    left = next((tmp_path / "SUNRGBD").rglob("intrinsics.txt")).with_name(f".intrinsics.txt.{HOST}-99999999-x.tmp")
    left.mkdir()  # as if it had been killed

    read_again: list[str] = []
    describe = prepare_module.describe

    def counting(root: Path, name: str, *rest: str) -> object:
        read_again.append(name)
        return describe(root, name, *rest)

    monkeypatch.setattr(prepare_module, "describe", counting)
    summary = prepare_sunrgbd(made.archive, made.toolbox, tmp_path)
    assert (summary.frames, summary.prepared_now) == (40, 26)
    assert len(read_again) == 26
    assert SunRgbdReader(tmp_path, "all").names == tuple(frame_names(40))
    assert not partial.exists()
    assert not left.exists()


def test_notes_on_another_archive_are_not_gone_on_with(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".index.partial.jsonl").write_text('{"root": "elsewhere"}\n{"entry": {"name": "kv1/x/y"}}\n')
    assert prepare_sunrgbd(made.archive, made.toolbox, out).frames == 40
    assert "kv1/x/y" not in (out / "index.jsonl").read_text()


def test_labels_of_another_count_than_frames_are_refused(tmp_path: Path) -> None:
    names = frame_names(4)
    frames = {name: frame_files(name, picture(WALL, CHAIR, SIZE)) for name in names}
    labels = {name: halves(WALL, CHAIR, SIZE) for name in names}
    made = make_archives(tmp_path, frames, names[:2], labels, zipped=False)
    shorter = write_toolbox(tmp_path / "shorter", names[:3], names[:1], labels)
    (shorter / "Metadata" / "SUNRGBDMeta.mat").write_bytes((made.toolbox / "Metadata" / "SUNRGBDMeta.mat").read_bytes())
    with pytest.raises(InputError, match=r"describes 4 frames and .* 3"):
        prepare_sunrgbd(made.archive, shorter, tmp_path / "out")


def test_label_of_another_size_than_its_image_is_refused(tmp_path: Path) -> None:
    names = frame_names(2)
    frames = {name: frame_files(name, picture(WALL, CHAIR, SIZE)) for name in names}
    labels = {names[0]: halves(WALL, CHAIR, SIZE), names[1]: halves(WALL, CHAIR, (64, 48))}
    made = make_archives(tmp_path, frames, names[:1], labels)
    summary = prepare_sunrgbd(made.archive, made.toolbox, tmp_path / "out", on_error="skip")
    assert [name for name, _ in summary.failed] == [names[1]]
    assert "48x64" in summary.failed[0][1]


@pytest.mark.parametrize("what", ["no zip", "empty zip", "no toolbox"])
def test_wrong_archives_are_refused(made: Made, tmp_path: Path, what: str) -> None:
    wrong = tmp_path / "wrong.zip"
    if what == "no zip":
        wrong.write_bytes(b"<html>404</html>")
    else:
        with zipfile.ZipFile(wrong, "w") as archive:
            archive.writestr("readme.txt", "nothing")
    archive, toolbox = (made.archive, wrong) if what == "no toolbox" else (wrong, made.toolbox)
    with pytest.raises(InputError, match=r"wrong\.zip"):
        prepare_sunrgbd(archive, toolbox, tmp_path / "out")


def test_archive_cannot_write_outside_its_folder(made: Made, tmp_path: Path) -> None:
    hostile = tmp_path / "SUNRGBD.zip"
    name = made.test[0]
    with zipfile.ZipFile(made.archive) as source, zipfile.ZipFile(hostile, "w") as target:
        for info in source.infolist():
            if f"/{name}/" in info.filename:
                target.writestr(info.filename, source.read(info))
        target.writestr("SUNRGBD/kv1/../../../outside/image/evil.jpg", b"evil")
        target.writestr("SUNRGBD/kv1/a/image/../../../../../evil.jpg", b"evil")
    summary = prepare_sunrgbd(hostile, made.toolbox, tmp_path / "out" / "data")
    assert summary.frames == 1
    assert not list(tmp_path.rglob("evil.jpg"))
