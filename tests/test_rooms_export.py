"""Rooms in the `folder` layout, read back by the reader of that layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rooms_scenes import SEEDS, one_of_each_part

from deresunet.data.files import read_depth
from deresunet.data.folder import FolderReader
from deresunet.data.frame import Frame
from train.rooms.capture import Capture
from train.rooms.export import FolderLayout, credits, frame_name, part_of


@pytest.fixture(scope="module")
def captures() -> list[Capture]:
    return one_of_each_part()


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


def test_credits_name_textures_that_were_not_drawn_here() -> None:
    told = [{"objects": [], "textures": ["miniworld-drywall_1"]}, {"objects": [], "textures": []}]
    assert "Apache-2.0: texture miniworld-drywall_1, by Maxime Chevalier-Boisvert and others" in credits(told)
    assert credits(told).endswith("(1 frame)\n")


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
    assert layout.open() == frozenset([frame_name(captures[0].scene.seed)])
    assert not list(tmp_path.rglob(f"*{killed}*"))
    assert not list(tmp_path.rglob(".*.part"))
    assert FolderReader(tmp_path, "all").names == (f"{captures[0].scene.seed:04d}",)
