"""The command that makes rooms: resumed, refused, failing, interrupted; and with all real parts."""

from __future__ import annotations

import io
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
from rooms_scenes import captured

from deresunet.data.files import read_depth
from deresunet.data.folder import FolderReader
from deresunet.data.sunrgbd import SunRgbdReader
from deresunet.data.toolbox import read_boxes
from deresunet.errors import InputError
from train.rooms import crew
from train.rooms.assets import Assets, find_assets
from train.rooms.make import OPTIONS_FILE, REPORT_FILE, make_rooms, prepare_folder
from train.rooms.maker import Made, Options, open_layout

ROOT = Path(__file__).parents[1]


def synthetic_maker(root: Path, options: Options, assets: Assets, threads: int) -> Callable[[int], Made]:
    """Stands for the real one, without furniture and GL; seed 13 fails, seed 66 takes its process with it."""
    layout = open_layout(root, options)

    def make(seed: int) -> Made:
        if seed == 13:
            raise ValueError("no room is numbered thirteen")
        if seed == 66:
            os._exit(7)
        for view in range(options.views):
            capture = captured(seed, "kv1" if options.sensor == "any" else options.sensor)
            layout.write(replace(capture, view=view))
        return Made({"all": 0.0})

    return make


def unfit_maker(root: Path, options: Options, assets: Assets, threads: int) -> Callable[[int], Made]:
    raise InputError("there is no furniture. Install it.")


def test_resume_skips_and_changed_options_are_refused(tmp_path: Path) -> None:
    options = Options(quality="fast")
    log = io.StringIO()
    assert make_rooms(tmp_path / "out", range(3), options, 2, Assets(), log, prepare=synthetic_maker) == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("rgb/*")}
    assert len(before) == 3
    assert "3/3 rooms" in log.getvalue()
    log = io.StringIO()
    assert make_rooms(tmp_path / "out", range(2, 5), options, 1, Assets(), log, prepare=synthetic_maker) == 0
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
        make_rooms(
            tmp_path / "out", range(3), replace(options, quality="photo"), 1, Assets(), log, prepare=synthetic_maker
        )
    with pytest.raises(InputError, match="sensor 'any'"):
        prepare_folder(tmp_path / "out", replace(options, sensor="kv2"))


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(InputError, match=f"no {OPTIONS_FILE}"):
        make_rooms(tmp_path, range(3), Options(), 1, Assets(), io.StringIO(), prepare=synthetic_maker)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_failures_are_named_and_the_rest_is_made(tmp_path: Path) -> None:
    """One room that fails, and one that takes its process with it: the others come all the same."""
    log = io.StringIO()
    seeds = [12, 13, 14, 66, 67]
    assert make_rooms(tmp_path, seeds, Options(layout="sunrgbd"), 1, Assets(), log, prepare=synthetic_maker) == 1
    text = log.getvalue()
    assert "room 13 failed: ValueError: no room is numbered thirteen" in text
    assert "room 66 failed: the process ended (exit code 7)" in text
    assert "2 of 5 rooms failed: seeds 13, 66" in text
    names = SunRgbdReader(tmp_path, "all").names
    assert names == ("kv1/rooms/0012_room", "kv1/rooms/0014_room", "kv1/rooms/0067_room")


def own_process(_: object) -> Callable[[int], int]:
    return lambda task: os.getpid()


def dies_once(folder: Path) -> Callable[[int], int]:
    def do(task: int) -> int:
        if task == 2 and not (folder / "died").exists():
            (folder / "died").touch()
            os._exit(11)
        return task

    return do


def test_what_a_worker_died_of_is_tried_once_more(tmp_path: Path) -> None:
    done = dict(crew.run(range(4), 2, dies_once, (tmp_path,)))
    assert done == {task: task for task in range(4)}
    assert (tmp_path / "died").exists()


def test_workers_make_way_for_fresh_ones() -> None:
    """What a renderer keeps of each scene goes with its process."""
    done = list(crew.run(range(8), 1, own_process, (None,), tasks_each=3))
    assert [task for task, _ in done] == list(range(8))
    processes = [process for _, process in done]
    assert [processes.count(process) for process in dict.fromkeys(processes)] == [3, 3, 2]


@pytest.mark.parametrize("layout", ["folder", "sunrgbd"])
def test_views_of_a_room_are_frames_of_one_split(tmp_path: Path, layout: str) -> None:
    options, log = Options(quality="fast", views=3, layout=layout), io.StringIO()
    assert make_rooms(tmp_path, range(2), options, 1, Assets(), log, prepare=synthetic_maker) == 0
    assert "6 frames in" in log.getvalue()
    there = open_layout(tmp_path, options)
    names = sorted(there.open())
    assert names == ["0000", "0000_1", "0000_2", "0001", "0001_1", "0001_2"]
    assert [(told["seed"], told["view"]) for told in there.described()] == [
        (k, view) for k in range(2) for view in range(3)
    ]
    if layout == "sunrgbd":
        assert len(SunRgbdReader(tmp_path, "all").names) == 6
        return
    for part in ("train", "val", "test"):
        listed = (tmp_path / f"{part}.txt").read_text().split()
        assert len(listed) == 3 * len({name.split("_")[0] for name in listed})
    # A view that is missing brings its room back, and no other.
    for path in tmp_path.glob("*/0001_2.*"):
        path.unlink()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("meta/0000*")}
    assert make_rooms(tmp_path, range(2), options, 1, Assets(), log, prepare=synthetic_maker) == 0
    assert sorted(there.open()) == names
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("meta/0000*")} == before


def test_missing_furniture_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"apt-get install sweethome3d-furniture.*--built-here"):
        find_assets(tmp_path)


def test_what_a_worker_lacks_ends_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no furniture"):
        make_rooms(tmp_path, range(3), Options(), 2, Assets(), io.StringIO(), prepare=unfit_maker)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals as POSIX has them")
def test_ctrl_c_ends_cleanly(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        import test_rooms_make as rooms
        if __name__ == "__main__":
            out = Path({str(tmp_path / "out")!r})
            options, assets, make = rooms.Options(), rooms.Assets(), rooms.synthetic_maker
            sys.exit(rooms.make_rooms(out, range(100000), options, 2, assets, prepare=make))
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


def installed() -> Assets:
    """What is needed of the real parts, or a skip where it is not there."""
    pytest.importorskip("moderngl")
    try:
        return find_assets()
    except InputError as error:
        pytest.skip(str(error))


def test_real_rooms_twice_are_equal(tmp_path: Path) -> None:
    """Both rooms, whichever process makes them and whatever it made before."""
    assets = installed()
    options = Options(quality="fast", exact_depth=True)
    contents = []
    for folder, workers in (("one", 2), ("two", 1)):
        assert make_rooms(tmp_path / folder, range(2), options, workers, assets, io.StringIO()) == 0
        files = sorted(path for path in (tmp_path / folder).rglob("*") if path.is_file())
        contents.append({path.relative_to(tmp_path / folder).as_posix(): path.read_bytes() for path in files})
    assert contents[0].keys() == contents[1].keys()
    assert [name for name in contents[0] if contents[0][name] != contents[1][name]] == []
    reader = FolderReader(tmp_path / "one", "all", "sunrgbd37", "mm")
    assert reader.names == ("0000", "0001")
    for name in reader.names:
        frame = reader.read(name)
        assert frame.label is not None
        assert frame.depth is not None
        assert frame.boxes is not None
        assert frame.intrinsics is not None
        assert len(np.unique(frame.label)) >= 5
        assert 0.3 < (frame.depth > 0).mean() < 1
        # Every labelled pixel's point lies in a box of its class.
        exact = read_depth(tmp_path / "one" / "depth_gt" / f"{name}.png", "mm").metres
        v, u = np.mgrid[: frame.size[0] : 5, : frame.size[1] : 5]
        points = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(frame.intrinsics).T * exact[v, u][..., None]
        inside = np.zeros(u.shape, bool)
        for box in frame.boxes:
            local = np.abs((points - box.centroid) @ box.basis.T)
            inside |= (local <= box.half + 3e-3).all(-1) & (frame.label[v, u] == box.label)
        assert inside[exact[v, u] > 0].mean() > 0.999


def test_real_rooms_in_sunrgbd_layout(tmp_path: Path) -> None:
    assets = installed()
    options = Options(quality="fast", layout="sunrgbd", sensor="kv1")
    assert make_rooms(tmp_path, range(3, 5), options, 2, assets, io.StringIO()) == 0
    filled, drawn = (SunRgbdReader(tmp_path, "all", source) for source in ("seglabel", "polygons"))
    assert filled.names == ("kv1/rooms/0003_room", "kv1/rooms/0004_room")
    toolbox = read_boxes(tmp_path / "SUNRGBDtoolbox" / "Metadata" / "SUNRGBDMeta3DBB_v2.mat")
    for name in filled.names:
        one, other = filled.read(name), drawn.read(name)
        assert one.label is not None
        assert other.label is not None
        assert (one.label == other.label).mean() > 0.98
        assert one.boxes
        assert [box.label for box in one.boxes] == [box.label for box in toolbox[name]]
        for box, same in zip(one.boxes, toolbox[name], strict=True):
            assert box.centroid == pytest.approx(same.centroid, abs=1e-3)
