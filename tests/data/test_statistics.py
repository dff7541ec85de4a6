"""Statistics worked out by hand, and their files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from deresunet.cli import app
from deresunet.data.frame import Frame
from deresunet.data.statistics import Statistics, gather, write_statistics
from deresunet.errors import InputError


class Frames:
    """A reader of frames in memory; None stands for one that cannot be read."""

    def __init__(self, **frames: Frame | None) -> None:
        self.frames = frames

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.frames)

    def read(self, name: str) -> Frame:
        frame = self.frames[name]
        if frame is None:
            raise InputError(f"/data/{name}: damaged")
        return frame


def flat(value: int, depth: float, label: int | None, **more: str) -> Frame:
    """64 x 32 pixels, of which the upper half has no depth and the left half of the label is void."""
    metres = np.full((64, 32), depth, np.float32)
    metres[:32] = 0
    labels = None
    if label is not None:
        labels = np.full((64, 32), label, np.uint8)
        labels[:, :16] = 0
    rgb = np.full((64, 32, 3), (value, 0, 255), np.uint8)
    return Frame(rgb=rgb, depth=metres if depth else None, label=labels, **more)


READER = Frames(
    a=flat(51, 2.0, 1, sensor="kv1", scene="office", sequence="x"),
    b=flat(153, 4.0, 5, sensor="kv1", scene="bedroom", sequence="x"),
    c=flat(153, 0.0, None, sensor="xtion", scene="office", sequence="y"),
)


def test_by_hand() -> None:
    told = gather(READER).as_dict()
    assert (told["frames"], told["labelled"], told["sequences"]) == (3, 2, 2)
    assert told["void_share"] == 0.5
    assert told["classes"]["wall"] == {"pixels": 1024, "share": 0.5, "frames": 1}
    assert told["classes"]["chair"] == {"pixels": 1024, "share": 0.5, "frames": 1}
    assert told["classes"]["bag"] == {"pixels": 0, "share": 0.0, "frames": 0}
    # 0.2, 0.6, 0.6 in red: a mean of 1.4 / 3 and a variance of 0.76 / 3 - mean^2.
    assert told["rgb_mean"] == pytest.approx([1.4 / 3, 0.0, 1.0])
    assert told["rgb_std"] == pytest.approx([np.std([0.2, 0.6, 0.6]), 0.0, 0.0], abs=1e-7)
    assert told["depth_mean_m"] == pytest.approx(3.0)
    assert told["depth_std_m"] == pytest.approx(1.0)
    assert told["depth_missing"] == 0.5
    assert told["sensors"] == {"kv1": 2, "xtion": 1}
    assert told["scenes"] == {"office": 2, "bedroom": 1}
    assert told["sizes"] == {"64x32": 3}
    pixels = told["depth_histogram"]["pixels"]
    assert (pixels[20], pixels[40], sum(pixels)) == (1024, 1024, 2048)


def test_against_numpy() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (50, 40, 3), dtype=np.uint8)
    depth = rng.uniform(0.5, 9, (50, 40)).astype(np.float32)
    label = rng.integers(0, 38, (50, 40), dtype=np.uint8)
    told = gather(Frames(a=Frame(rgb, depth, label))).as_dict()
    assert told["rgb_mean"] == pytest.approx((rgb / 255).mean((0, 1)).tolist())
    assert told["rgb_std"] == pytest.approx((rgb / 255).std((0, 1)).tolist())
    assert told["depth_mean_m"] == pytest.approx(float(depth.astype(np.float64).mean()))
    assert told["depth_std_m"] == pytest.approx(float(depth.astype(np.float64).std()))
    shares = [item["share"] for item in told["classes"].values()]
    assert sum(shares) == pytest.approx(1.0)


def test_limit_and_broken_frames() -> None:
    assert gather(READER, limit=1).frames == 1
    broken = Frames(**READER.frames, d=None)
    with pytest.raises(InputError, match="/data/d"):
        gather(broken)
    statistics = gather(broken, on_error="skip")
    assert (statistics.frames, statistics.failed) == (3, [("d", "/data/d: damaged")])


def test_files(tmp_path: Path) -> None:
    write_statistics(tmp_path, gather(READER))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("classes.png", "depth.png", "groups.png", "statistics.json"),
    ]
    assert json.loads((tmp_path / "statistics.json").read_text())["frames"] == 3
    for path in tmp_path.glob("*.png"):
        pixels = np.asarray(Image.open(path))
        assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 20, f"{path.name} is empty"


def test_nothing_at_all(tmp_path: Path) -> None:
    told = Statistics().as_dict()
    assert told["depth_mean_m"] is None
    assert told["rgb_mean"] == [None, None, None]
    write_statistics(tmp_path, Statistics())  # JSON without NaN, pictures without bars
    assert (tmp_path / "classes.png").is_file()


def test_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["stats", "--dataset", "rooms", "--limit", "3", "--out", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "new" / "statistics.json").read_text())
    assert (told["frames"], told["labelled"]) == (3, 3)
    assert "3 frames, 3 with ground truth" in done.output
    largest = max(told["classes"], key=lambda name: told["classes"][name]["pixels"])
    assert done.output.splitlines()[-1].startswith("written to")
    assert any(line.startswith(largest) for line in done.output.splitlines())
