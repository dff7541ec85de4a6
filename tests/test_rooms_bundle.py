"""The rule that the sample rooms are chosen by, and how they are put in place."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from train.rooms.bundle import choose, put_in_place

KINDS = [f"kind {k}" for k in range(17)]
SENSORS = ["kv1", "kv2", "realsense", "xtion"]


def drawn(seed: int) -> tuple[str, str]:
    """Types of room of which some come a hundred times as often as others."""
    rng = np.random.default_rng(seed)
    weights = np.geomspace(1, 0.01, len(KINDS))
    return KINDS[rng.choice(len(KINDS), p=weights / weights.sum())], SENSORS[rng.integers(4)]


def test_all_types_and_sensors_are_shown() -> None:
    seeds = choose(drawn, KINDS, SENSORS, 24)
    kinds, sensors = Counter(drawn(seed)[0] for seed in seeds), Counter(drawn(seed)[1] for seed in seeds)
    assert len(set(seeds)) == 24
    assert set(kinds) == set(KINDS)
    assert max(kinds.values()) == 2
    assert set(sensors) == set(SENSORS)
    assert max(sensors.values()) <= 8
    assert seeds == sorted(seeds) == choose(drawn, KINDS, SENSORS, 24)


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    folder = tmp_path / "rooms"
    for kind in ("rgb", "depth", "label", "meta"):
        (folder / kind).mkdir(parents=True)
    for seed, sensor in ((3, "xtion"), (12, "kv1"), (7, "kv1")):
        rng = np.random.default_rng(seed)
        (folder / f"rgb/{seed:04d}.jpg").write_bytes(b"jpeg %d" % seed)
        cv2.imwrite(str(folder / f"depth/{seed:04d}.png"), rng.integers(0, 9000, (40, 50)).astype(np.uint16))
        cv2.imwrite(str(folder / f"label/{seed:04d}.png"), np.full((40, 50), seed, np.uint8))
        (folder / f"meta/{seed:04d}.json").write_text(json.dumps({"seed": seed, "sensor": sensor}))
    (folder / "CREDITS.txt").write_text("by nobody\n")
    return folder


def test_they_are_numbered_by_sensor_and_nothing_is_lost(rooms: Path, tmp_path: Path) -> None:
    out = tmp_path / "samples"
    (out / "rgb").mkdir(parents=True)
    (out / "rgb/0099.jpg").touch()
    put_in_place(rooms, out)
    assert [path.name for path in sorted((out / "rgb").iterdir())] == ["0000.jpg", "0001.jpg", "0002.jpg"]
    assert (out / "test.txt").read_text() == "0000\n0001\n0002\n"
    assert (out / "CREDITS.txt").read_text() == "by nobody\n"
    for number, seed in enumerate((7, 12, 3)):
        assert json.loads((out / f"meta/{number:04d}.json").read_text())["seed"] == seed
        assert (out / f"rgb/{number:04d}.jpg").read_bytes() == b"jpeg %d" % seed
        for kind in ("depth", "label"):
            there, made = (
                cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
                for path in (out / f"{kind}/{number:04d}.png", rooms / f"{kind}/{seed:04d}.png")
            )
            assert np.array_equal(there, made)
            assert there.dtype == made.dtype
