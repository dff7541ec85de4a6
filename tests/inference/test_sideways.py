"""Frames stored sideways: the network is given them upright, and what looks turned is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sunrgbd_archives import RedReader

from deresunet.data.frame import Frame, turn
from deresunet.data.readers import open_reader
from deresunet.inference.postprocessing import PixelScores
from deresunet.inference.sideways import FRAMES, notice_if_sideways


def light_above(height: int = 48, width: int = 64) -> np.ndarray:
    """RGB uint8 (H, W, 3) of a room that is bright at its ceiling and dark at its floor, and brighter to the left."""
    rows = np.linspace(200, 60, height)[:, None] + np.linspace(20, 0, width)
    return np.repeat(rows.astype(np.uint8)[..., None], 3, axis=2)


class Upright:
    """Stands for a network that is confident of upright rooms alone; keeps the pictures it was given."""

    def __init__(self) -> None:
        self.given: list[np.ndarray] = []

    def __call__(self, segment: Callable) -> Callable:
        def run(images: Sequence, modality: str, inference: object, top_k: int) -> tuple:
            found, latency, provenance = segment(images, modality, inference, top_k or 1)
            sure = []
            for (rgb, depth), one in zip(images, found, strict=True):
                assert depth is None or depth.shape == rgb.shape[:2]
                self.given.append(rgb)
                upright = rgb[0].mean() > rgb[-1].mean() + 30
                sure.append(
                    PixelScores(one.labels, np.full_like(one.probabilities, 0.8 if upright else 0.5), one.entropy)
                )
            return (sure if top_k else [one.labels[0] for one in sure]), latency, provenance

        return run


@pytest.mark.parametrize("turns", range(4))
def test_the_network_sees_it_upright_and_the_result_lies_as_the_frame(turns: int) -> None:
    network = Upright()
    predictor = RedReader().run_by(network)
    upright = light_above()
    plain = predictor(Frame(upright, np.full((48, 64), 2.0)))
    stored = Frame(turn(upright, -turns), np.full(turn(upright, -turns).shape[:2], 2.0), turns=turns)
    found = predictor(stored)
    assert np.array_equal(network.given[-1], upright)
    for key in ("label", "confidence", "classes", "entropy"):
        assert np.array_equal(getattr(found, key), turn(getattr(plain, key), -turns)), key
    assert found.label.shape == stored.size
    both = [stored, stored] if turns % 2 else [stored, Frame(upright)]
    assert all(
        np.array_equal(label, turn(plain.label, -frame.turns))
        for label, frame in zip(predictor.labels(both), both, strict=True)
    )


def test_intrinsics_and_maps_are_turned_alike() -> None:
    camera = np.array([[50.0, 0, 40], [0, 60, 20], [0, 0, 1]])
    label = np.zeros((48, 64), np.uint8)
    label[20, 40] = 5  # at the principal point
    frame = Frame(light_above(), np.full((48, 64), 2.0), label, camera, turns=1).upright()
    assert frame.size == (64, 48)
    assert (frame.turns, frame.intrinsics[0, 0], frame.intrinsics[1, 1]) == (0, 60, 50)
    column, row = frame.intrinsics[:2, 2].astype(int)
    assert frame.label[row, column] == 5


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[int, int], Path]:
    def made(count: int, turns: int) -> Path:
        (tmp_path / "rgb").mkdir()
        for k in range(count):
            Image.fromarray(turn(light_above(), -turns)).save(tmp_path / "rgb" / f"{k}.png")
        return tmp_path

    return made


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_turn_that_is_told_is_the_one_that_helps(folder: Callable[[int, int], Path], turns: int) -> None:
    network = Upright()
    predictor = RedReader().run_by(network)
    root = folder(2 * FRAMES, turns)
    (notice,) = notice_if_sideways(predictor, open_reader(root=root))
    assert len(network.given) == 4 * FRAMES
    assert f"over {FRAMES} of them the network's mean confidence is 0.50 as they are, and 0.80 turned" in notice
    told = notice.split("--rotate ")[1].rstrip(".")
    right = open_reader(root=root, rotate=told)
    assert right.read("0").turns == turns
    assert notice_if_sideways(predictor, right) == ()
    (notice,) = notice_if_sideways(predictor, open_reader(root=root, rotate=str(90 * (turns % 3 + 1))))
    assert notice.endswith(f"--rotate {told}."), "from a wrong turn, too"


def test_upright_frames_and_a_few_are_left_in_peace(folder: Callable[[int, int], Path]) -> None:
    network = Upright()
    reader = open_reader(root=folder(FRAMES, 0))
    assert notice_if_sideways(RedReader().run_by(network), reader) == ()
    assert len(network.given) == 4 * 4, "the first frames are enough"
    for k in range(2, FRAMES):
        (reader.root / "rgb" / f"{k}.png").unlink()
    assert notice_if_sideways(RedReader().run_by(network), open_reader(root=reader.root)) == ()


def test_a_meta_file_turns_its_frame_alone(folder: Callable[[int, int], Path]) -> None:
    root = folder(2, 1)
    (root / "meta").mkdir()
    (root / "meta" / "0.json").write_text('{"rotate": 90}')
    reader = open_reader(root=root)
    assert [reader.read(name).turns for name in reader.names] == [1, 0]
