"""SUNRGBDtoolbox's files over rendered frames: the split, the frames' order and cameras, their boxes and labels."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import scipy.io

from deresunet.atomic import write_whole
from deresunet.classes import CLASSES
from deresunet.data.boxes import CAMERA_TO_DEPTH
from deresunet.data.toolbox import BOXES_FILE, LABELS_FILE, META_FILE, NAMES_FILE, SPLIT_FILE
from train.rooms.upright import gravity_alignment, upright_box

_PREFIX = "/n/fs/sun3d/data/SUNRGBD/"
_USER_BLOCK = 512
_HEADER = b"MATLAB 5.0 MAT-file, Platform: GLNXA64, Created on: Thu Jan  1 00:00:00 2015"


@dataclass(frozen=True, eq=False)
class FrameEntry:
    """What the toolbox's files need of a frame.

    Attributes:
        name: path of its folder below SUNRGBD/.
        label: its label image, uint8, 0..37.
        names: its seg.mat, as `encode_names` makes it; where there is none, no pixel has a name.
        test: whether it is in the official test part.
        described: its room.json; `objects` are those that get a box.
    """

    name: str
    label: Path
    names: Path
    test: bool
    described: dict[str, Any]


def write_toolbox(root: Path, entries: Sequence[FrameEntry]) -> None:
    """Write allsplit.mat, SUNRGBDMeta.mat, SUNRGBDMeta3DBB_v2.mat, SUNRGBD2Dseg.mat and seglistall.mat below `root`.

    `seglabelall` counts from 1 in `seglistall`, the names of all frames' objects; 0 is a pixel without one.
    """
    for file in (SPLIT_FILE, META_FILE):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
    split = {
        "alltrain": _cells([_PREFIX + entry.name for entry in entries if not entry.test]),
        "alltest": _cells([_PREFIX + entry.name for entry in entries if entry.test]),
    }
    _save(root / SPLIT_FILE, split)
    meta = {"SUNRGBDMeta": _structs([_meta(entry) for entry in entries])}
    for file in (META_FILE, BOXES_FILE):
        _save(root / file, meta)
    names: dict[str, int] = {}
    write_whole(root / LABELS_FILE, lambda beside: _write_labels(beside, entries, names))
    _save(root / NAMES_FILE, {"seglistall": _cells(list(names))})


def encode_names(label: np.ndarray, names: Sequence[str]) -> bytes:
    """SUN RGB-D's seg.mat of a frame: `seglabel` uint16 (H, W), 0 or the place from 1 on in its own `names`."""
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"names": _cells(names), "seglabel": label.astype(np.uint16)}, do_compression=True)
    # A frame is the same whenever it is made; the header would have the time.
    return _HEADER.ljust(116) + buffer.getvalue()[116:]


def _meta(entry: FrameEntry) -> dict[str, Any]:
    described, stem = entry.described, entry.name.rsplit("/", 1)[-1].partition("_")[0]
    pose = np.array(described["camera_to_world"])
    tilt = gravity_alignment(pose)
    boxes = [box for item in described["objects"] if (box := _box(entry.name, item, pose)) is not None]
    return {
        "sequenceName": f"SUNRGBD/{entry.name}",
        "groundtruth3DBB": _structs(boxes),
        "rgbpath": f"{_PREFIX}{entry.name}/image/{stem}.jpg",
        "depthpath": f"{_PREFIX}{entry.name}/depth_bfx/{stem}.png",
        "Rtilt": CAMERA_TO_DEPTH @ tilt @ CAMERA_TO_DEPTH.T,
        "K": np.array(described["intrinsics"]),
        "anno_extrinsics": tilt,
        "depthname": f"{stem}.png",
        "rgbname": f"{stem}.jpg",
        "sensorType": entry.name.split("/", maxsplit=1)[0],
        "valid": 1,
    }


def _box(frame: str, item: dict[str, Any], pose: np.ndarray) -> dict[str, Any] | None:
    """An entry of groundtruth3DBB; its frame is x right, y forward, z up."""
    box = upright_box(*(np.array(item["box"][key]) for key in ("centroid", "basis", "half")), pose)
    if box is None:
        return None
    sides = np.stack([box.ground[1] - box.ground[0], box.ground[3] - box.ground[0]])
    lengths = np.linalg.norm(sides, axis=1)
    along = sides[0] / lengths[0] if lengths[0] > 0 else np.array([sides[1, 1], -sides[1, 0]]) / lengths[1]
    centre = box.ground.mean(0)
    void = item["cls"] == "void"
    return {
        "basis": np.array([[along[0], along[1], 0], [-along[1], along[0], 0], [0, 0, 1.0]]),
        "coeffs": np.array([[lengths[0] / 2, lengths[1] / 2, (box.high - box.low) / 2]]),
        "centroid": np.array([[centre[0], centre[1], -(box.low + box.high) / 2]]),
        "classname": f"other_{item['name'].replace(' ', '_')}" if void else item["cls"],
        "label": 0 if void else CLASSES.index(item["cls"]) + 1,
        "sequenceName": f"SUNRGBD/{frame}",
        "orientation": np.array([[along[1], -along[0], 0.0]]),  # a model's front is at its lower y
    }


def _write_labels(path: Path, entries: Sequence[FrameEntry], all_names: dict[str, int]) -> None:
    """SUNRGBD2Dseg.mat as MATLAB writes -v7.3: a header of 512 bytes, then HDF5 with columns of references.

    Args:
        path: file to write.
        entries: the frames, in order.
        all_names: gets the names that come in `seglabelall`, in the order of their numbers.
    """
    with h5py.File(path, "w", userblock_size=_USER_BLOCK) as file:
        kept = file.create_group("#refs#")
        struct = file.create_group("SUNRGBD2Dseg")
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        columns = {
            field: struct.create_dataset(field, (len(entries), 1), dtype=h5py.ref_dtype)
            for field in ("seglabel", "seglabelall")
        }
        for index, entry in enumerate(entries):
            label = cv2.imread(str(entry.label), cv2.IMREAD_UNCHANGED)
            stored = {"seglabel": label, "seglabelall": _named(entry.names, label.shape, all_names)}
            for field, image in stored.items():
                data = kept.create_dataset(f"{field}{index}", data=image.T, compression="gzip", compression_opts=1)
                data.attrs["MATLAB_class"] = np.bytes_(str(image.dtype))
                columns[field][index, 0] = data.ref
        for cell, names in (("seg37list", CLASSES), ("seglistall", list(all_names))):
            references = file.create_dataset(cell, (len(names), 1), dtype=h5py.ref_dtype)
            references.attrs["MATLAB_class"] = np.bytes_("cell")
            for index, name in enumerate(names):
                letters = np.array([[ord(letter)] for letter in name], np.uint16)
                codes = kept.create_dataset(f"{cell}{index}", data=letters)
                codes.attrs["MATLAB_class"] = np.bytes_("char")
                references[index, 0] = codes.ref
    with path.open("r+b") as raw:
        text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Thu Jan  1 00:00:00 2015 HDF5 schema 1.00 ."
        raw.write(text.ljust(116) + bytes(8) + b"\x00\x02IM")


def _named(path: Path, size: tuple[int, ...], all_names: dict[str, int]) -> np.ndarray:
    """A frame's `seglabelall`, uint16 of its label's size; names that are new go into `all_names`."""
    if not path.is_file():
        return np.zeros(size, np.uint16)
    stored = scipy.io.loadmat(path)
    own = [str(name.item()) for name in stored["names"].ravel()]
    table = [0, *(all_names.setdefault(name, len(all_names) + 1) for name in own)]
    return np.array(table, np.uint16)[stored["seglabel"]]


def _save(path: Path, variables: dict[str, Any]) -> None:
    write: Callable[[Path], Any] = lambda beside: scipy.io.savemat(  # noqa: E731
        beside, variables, do_compression=True, appendmat=False
    )
    write_whole(path, write)


def _cells(texts: Sequence[str]) -> np.ndarray:
    cells = np.empty((1, len(texts)), object)
    cells[0] = texts
    return cells


def _structs(items: Sequence[dict[str, Any]]) -> np.ndarray:
    if not items:
        return np.empty((0, 0))
    structs = np.empty((1, len(items)), [(key, object) for key in items[0]])
    for index, item in enumerate(items):
        structs[0, index] = tuple(item.values())
    return structs
