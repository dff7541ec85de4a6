"""NYU Depth v2 from a generated nyu_depth_v2_labeled.mat, and the real frames where they are."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from conftest import ROOT

from deresunet.data.folder import FolderReader
from deresunet.data.nyuv2 import INTRINSICS, NyuV2Reader
from deresunet.data.readers import open_reader, without_depth
from deresunet.errors import InputError

SHARED = ROOT.parent / "shared" / "data"
HEIGHT, WIDTH, COUNT = 48, 64, 5
SCENES = ["kitchen_0001", "kitchen_0001", "office_0002", "office_0002", "office_0003"]
TYPES = ["kitchen", "kitchen", "office", "office", "office"]
# Of 6 names: chair, other structure, wall, other furniture, bag, other prop.
TO_40 = [5, 38, 1, 39, 37, 40]


def content(index: int) -> dict[str, np.ndarray]:
    """A frame as people think of it, rows first."""
    rng = np.random.default_rng(index)
    depth = rng.uniform(0.8, 6, (HEIGHT, WIDTH)).astype(np.float32)
    raw = depth.copy()
    raw[: 4 + index] = 0
    return {
        "images": rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8),
        "depths": depth,
        "rawDepths": raw,
        "labels": rng.integers(0, 7, (HEIGHT, WIDTH)).astype(np.uint16),
    }


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The three files as published, of five frames: arrays with their axes reversed, words as columns of codes."""
    frames = [content(index) for index in range(COUNT)]
    with h5py.File(tmp_path / "nyu_depth_v2_labeled.mat", "w", userblock_size=512) as file:
        for key in ("depths", "rawDepths", "labels"):
            file[key] = np.stack([frame[key].T for frame in frames])
        file["images"] = np.stack([frame["images"].transpose(2, 1, 0) for frame in frames])
        for key, words in (("scenes", SCENES), ("sceneTypes", TYPES)):
            cells = file.create_dataset(key, (1, COUNT), dtype=h5py.ref_dtype)
            for index, word in enumerate(words):
                codes = np.array([[ord(letter)] for letter in word], np.uint16)
                cells[0, index] = file.create_dataset(f"#refs#/{key}{index}", data=codes).ref
    indices = {"trainNdxs": np.array([[2], [5]], np.uint16), "testNdxs": np.array([[1], [3], [4]], np.uint16)}
    scipy.io.savemat(tmp_path / "splits.mat", indices)
    scipy.io.savemat(tmp_path / "classMapping40.mat", {"mapClass": np.array([TO_40], np.uint8)})
    return tmp_path


def test_splits(published: Path) -> None:
    assert NyuV2Reader(published).names == ("0001", "0003", "0004")
    assert NyuV2Reader(published, "train").names == ("0002", "0005")
    assert NyuV2Reader(published / "nyu_depth_v2_labeled.mat", "all").names == ("0001", "0002", "0003", "0004", "0005")


@pytest.mark.parametrize("index", range(COUNT))
def test_a_frame(published: Path, index: int) -> None:
    frame = open_reader("nyuv2", published, "all").read(f"{index + 1:04d}")
    expected = content(index)
    assert np.array_equal(frame.rgb, expected["images"])
    assert np.array_equal(frame.depth, expected["depths"])
    assert np.array_equal(frame.measured, expected["rawDepths"] > 0)
    # Labels 38..40 of NYU40 are void.
    of_37 = np.array([0, 5, 0, 1, 0, 37, 0], np.uint8)
    assert np.array_equal(frame.label, of_37[expected["labels"]])
    assert frame.label.dtype == np.uint8
    assert (frame.scene, frame.sequence, frame.sensor) == (TYPES[index], SCENES[index], "kv1")
    assert np.array_equal(frame.intrinsics, INTRINSICS)


def test_raw_depth(published: Path) -> None:
    frame = NyuV2Reader(published, "all", "depth").read("0003")
    assert np.array_equal(frame.depth, content(2)["rawDepths"])
    assert (frame.depth[:6] == 0).all()


@pytest.mark.parametrize("source", ["depth", "depth_bfx"])
def test_depth_may_be_left_unopened(published: Path, source: str) -> None:
    whole = NyuV2Reader(published, "all", source)
    reader = without_depth(whole)
    assert reader.read("0003").depth is None
    assert np.array_equal(reader.read("0003").rgb, content(2)["images"])
    assert "Depth is not opened" in reader.notices[-1]
    assert whole.read("0003").depth is not None


def test_reader_goes_to_other_processes(published: Path) -> None:
    reader = NyuV2Reader(published, "all")
    reader.read("0001")
    assert np.array_equal(pickle.loads(pickle.dumps(reader)).read("0001").rgb, content(0)["images"])


@pytest.mark.parametrize(("name", "words"), [("splits.mat", "no such file"), ("classMapping40.mat", "no such file")])
def test_files_beside_it_are_needed(published: Path, name: str, words: str) -> None:
    (published / name).unlink()
    with pytest.raises(InputError, match=words) as refused:
        NyuV2Reader(published)
    assert name in str(refused.value)


@pytest.mark.parametrize("name", ["nyu_depth_v2_labeled.mat", "splits.mat", "classMapping40.mat"])
def test_damaged_files_are_refused_by_path(published: Path, name: str) -> None:
    (published / name).write_bytes(b"<html>404</html>" * 100)
    with pytest.raises(InputError, match=r"damaged") as refused:
        NyuV2Reader(published)
    assert str(published / name) in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"split": "val"}, "train, test, all"), ({"depth_source": "raw"}, "depth_bfx, depth")],
)
def test_options_are_checked(published: Path, options: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        NyuV2Reader(published, **options)


@pytest.mark.parametrize("name", ["0000", "0006", "-1", "one", "../1"])
def test_unknown_frames(published: Path, name: str) -> None:
    with pytest.raises(InputError, match="0001 to 0005"):
        NyuV2Reader(published).read(name)


def test_label_without_mapping_is_refused(published: Path) -> None:
    scipy.io.savemat(published / "classMapping40.mat", {"mapClass": np.array([TO_40[:3]], np.uint8)})
    with pytest.raises(InputError, match=r"has the label 6; classMapping40\.mat knows 3"):
        NyuV2Reader(published).read("0001")


def test_no_root() -> None:
    with pytest.raises(InputError, match="needs --data"):
        open_reader("nyuv2")


@pytest.mark.skipif(not (SHARED / "nyuv2" / "rgb").is_dir(), reason="the real frames are not there")
def test_real_folder() -> None:
    reader = open_reader("nyuv2", SHARED / "nyuv2", "test")
    assert isinstance(reader, FolderReader)
    assert len(reader) == 109
    frame = reader.read("0001")
    assert (frame.size, frame.sensor) == ((480, 640), "kv1")
    assert 1 <= frame.label.max() <= 37


@pytest.mark.skipif(not (SHARED / "sunrgbd" / "meta").is_dir(), reason="the real mapping is not there")
def test_real_mapping_and_splits(published: Path) -> None:
    """The published mapping has 894 names; the published split is of 795 and 654 frames, one numbering."""
    for name in ("splits.mat", "classMapping40.mat"):
        (published / name).write_bytes((SHARED / "sunrgbd" / "meta" / name).read_bytes())
    with pytest.raises(InputError, match=r"names frames beyond the 5"):
        NyuV2Reader(published, "train")
    reader = NyuV2Reader(published, "all")
    assert reader._to_40.shape == (895,)
    assert reader._to_40.max() == 40
    # Of the file's names, 5 is the chair, 21 the wall and 11 the floor.
    assert [int(reader._to_40[label]) for label in (5, 21, 11)] == [5, 1, 2]
