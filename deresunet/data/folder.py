"""The `folder` layout: rgb/, depth/, label/ and meta/ beside lists of names, one list a split."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deresunet.classes import CLASSES, LabelSet
from deresunet.data.depth import Kind, UnitChoice, choose_units
from deresunet.data.depth_checks import measured_mask
from deresunet.data.depth_units import Unit, parse_unit
from deresunet.data.files import (
    DEPTH_SUFFIXES,
    LABEL_SUFFIXES,
    RGB_SUFFIXES,
    FileOptions,
    frame_of_files,
    read_stored_depth,
)
from deresunet.data.frame import Frame, FrameInfo, OrientedBox
from deresunet.data.images import read_rgb
from deresunet.data.intrinsics import parse_intrinsics
from deresunet.data.label_checks import check_labels
from deresunet.data.labels import LabelFormat
from deresunet.data.text_files import left_behind, read_json, read_list, readable
from deresunet.errors import InputError

SAMPLES_DIR = Path(__file__).parents[1] / "samples"
REAL_SAMPLES_DIR = SAMPLES_DIR / "real"
# Frames, evenly taken from a split, whose depth decides on the folder's unit.
UNIT_FRAMES = 12
_META_FORM = (
    'Expected an object such as {"sensor": "kinect", "scene": "office", "intrinsics": [fx, fy, cx, cy]}; see '
    "docs/data.md"
)


class FolderReader:
    """Frames of a folder by name.

    `rgb/NAME.jpg` is required; `depth/NAME.png`, `label/NAME.png` and `meta/NAME.json` (sensor, scene, intrinsics,
    depth unit, 3D boxes) are read where they are. Suffixes are taken in any case. `SPLIT.txt` lists a split's names,
    one a line; the split "all" takes every file in rgb/. With the depth unit "auto", the unit is recognised over
    frames of the whole split and not one by one.

    Args:
        root: the folder.
        split: name of a list, or "all"; None takes "test" if there is such a list, and otherwise "all".
        label_set: names the classes that the values in label/ count.
        depth_unit: unit of depth/.
        label_offset: 1 for labels that count from 0.
        void: value of unlabelled pixels, 0 or 255.
        intrinsics: of all frames whose meta file has none, in any form that `parse_intrinsics` takes.
        depth_key: name of depth's array in NPZ files, or of its channel in EXR files.

    Attributes:
        names: the split's frames, in order.
        notices: what looks wrong about the folder, such as files that are not taken.

    Raises:
        InputError: the folder, the list or a frame in it is not there.

    Example:
        >>> reader = FolderReader(SAMPLES_DIR, "test", "sunrgbd37")
        >>> reader.describe(reader.names[1])
        FrameInfo(name='0001', sensor='kv1', scene='dorm_room', sequence='', has_depth=True, has_label=True)
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str | None = "test",
        label_set: LabelSet = "nyu40",
        depth_unit: Unit = "auto",
        *,
        label_offset: int | None = None,
        void: int | None = None,
        intrinsics: Any = None,
        depth_key: str | None = None,
    ) -> None:
        self.root = Path(root)
        self.labels = LabelFormat(label_set, label_offset, void)
        self.depth_unit = parse_unit(depth_unit)[0]
        self.depth_key = depth_key
        self.intrinsics = None if intrinsics is None else parse_intrinsics(intrinsics)
        if not (self.root / "rgb").is_dir():
            raise InputError(
                f"{self.root}: no folder rgb/ in it. Expected rgb/, and beside it depth/, label/, test.txt."
            )
        # Looked up once; names come from this list alone, so none leads out of the folder.
        self._rgb, _ = _files(self.root / "rgb", RGB_SUFFIXES)
        self._depth, other_depth = _files(self.root / "depth", DEPTH_SUFFIXES)
        self._label, other_labels = _files(self.root / "label", LABEL_SUFFIXES)
        self._meta, _ = _files(self.root / "meta", (".json",))
        lists = sorted(file.stem for file in self.root.glob("*.txt") if not left_behind(file.name))
        self.split = split if split is not None else ("test" if "test" in lists else "all")
        self.names = tuple(self._rgb) if self.split == "all" else self._listed(self.split, lists)
        self.notices = tuple(self._notices(other_depth, other_labels))
        self._lock = threading.Lock()
        self._choices: Mapping[Kind, UnitChoice] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def read(self, name: str) -> Frame:
        """Read the frame called `name`.

        Raises:
            InputError: there is none, or one of its files cannot be used.
        """
        rgb = self.rgb_path(name)
        depth, label = self._depth.get(name), self._label.get(name)
        meta, where = self._described(name)
        unit = meta.get("depth_unit", self.depth_unit)
        options = FileOptions(
            depth_unit=unit if self.depth_unit == "auto" else self.depth_unit,
            depth_key=meta.get("depth_key", self.depth_key),
            labels=self.labels,
            choices=self._folder_choices() if depth is not None and unit == self.depth_unit == "auto" else None,
        )
        given = meta.get("intrinsics", meta if {"fx", "cx"} <= set(meta) or {"fx", "ppx"} <= set(meta) else None)
        intrinsics = self.intrinsics if given is None else parse_intrinsics(given, where)
        boxes = _boxes(meta, where) if meta.get("objects") is not None else None
        info = self.describe(name)
        return frame_of_files(
            rgb,
            depth,
            label,
            options,
            intrinsics=intrinsics,
            boxes=boxes,
            name=name,
            source=self.root.name,
            sensor=info.sensor,
            scene=info.scene,
            sequence=info.sequence,
        )

    def describe(self, name: str) -> FrameInfo:
        """Describe a frame without reading its pixels; a damaged meta file leaves sensor and scene empty here.

        Raises:
            InputError: there is no such frame.
        """
        self.rgb_path(name)
        try:
            meta, _ = self._described(name)
        except InputError:
            meta = {}
        scene = meta.get("scene", meta.get("room_type", ""))
        words = (meta.get("sensor", ""), scene, meta.get("sequence", ""))
        # JSON can hold halves of characters, which no terminal or file takes.
        sensor, scene, sequence = (str(word).encode(errors="replace").decode() for word in words)
        return FrameInfo(name, sensor, scene, sequence, has_depth=name in self._depth, has_label=name in self._label)

    def rgb_path(self, name: str) -> Path:
        """Path of the frame's RGB image.

        Raises:
            InputError: there is no such frame.
        """
        if name not in self._rgb:
            raise InputError(
                f"{self.root.name} has no frame {name!r}; "
                f"it has {len(self._rgb)}, such as {next(iter(self._rgb), None)!r}."
            )
        return self._rgb[name]

    def read_rgb(self, name: str) -> np.ndarray:
        """Read a frame's colours alone, uint8 (H, W, 3), upright. Raises `InputError` if they cannot be."""
        return read_rgb(self.rgb_path(name))

    def files(self, name: str) -> tuple[Path, ...]:
        """Paths of all files of a frame."""
        return tuple(found[name] for found in (self._rgb, self._depth, self._label, self._meta) if name in found)

    def check(self) -> None:
        """Check the split's labels for sense over the folder. Raises `InputError` with the option to give."""
        check_labels([self._label[name] for name in self.names if name in self._label], self.labels)

    def _described(self, name: str) -> tuple[dict[str, Any], str]:
        """Content of the frame's meta file, and its path for messages."""
        path = self._meta.get(name)
        if path is None:
            return {}, ""
        described = read_json(path)
        if not isinstance(described, dict):
            raise InputError(f"{path} holds a {type(described).__name__}. {_META_FORM}.")
        return described, str(path)

    def _folder_choices(self) -> Mapping[Kind, UnitChoice]:
        """Units recognised over frames of the whole split, by how they are stored."""
        with self._lock:
            if self._choices is None:
                depth = [self._depth[name] for name in self.names if name in self._depth]
                self._choices = recognise_units(depth, self.depth_key)
            return self._choices

    def _listed(self, split: str, lists: list[str]) -> tuple[str, ...]:
        path = self.root / f"{split}.txt"
        if split not in lists:
            raise InputError(f"{path}: no such list. Splits here: {', '.join(['all', *lists])}.")
        # People list files as well as names.
        names = tuple(
            name if name in self._rgb else Path(name.replace("\\", "/")).stem if Path(name).suffix else name
            for name in read_list(path)
        )
        absent = [name for name in names if name not in self._rgb]
        if absent:
            raise InputError(f"{path.name} lists {len(absent)} frames that are not in rgb/, such as {absent[0]!r}.")
        return tuple(dict.fromkeys(names))

    def _notices(self, other_depth: list[str], other_labels: list[str]) -> list[str]:
        """Lines on files that are not taken, and on frames without depth or label among others that have them."""
        notices = []
        for folder, others, suffixes in (
            ("depth", other_depth, DEPTH_SUFFIXES),
            ("label", other_labels, LABEL_SUFFIXES),
        ):
            if others:
                notices.append(
                    f"{len(others)} files in {folder}/ are not taken, such as {others[0]}. "
                    f"Expected {', '.join(suffixes)}."
                )
        for what, found in (("depth", self._depth), ("label", self._label)):
            lacking = [name for name in self.names if name not in found]
            unused = [path.name for name, path in found.items() if name not in self._rgb]
            if lacking and (len(lacking) < len(self.names) or unused):
                more = f"; {what}/ holds files of other names, such as {unused[0]}" if unused else ""
                notices.append(
                    f"{len(lacking)} of {len(self.names)} frames have no {what}, such as {lacking[0]}{more}. "
                    f"Name {what} files as their RGB images."
                )
        return notices


def recognise_units(files: Sequence[Path], key: str | None = None) -> Mapping[Kind, UnitChoice]:
    """Recognise the unit of many depth files together, over `UNIT_FRAMES` evenly taken; see `choose_units`.

    Args:
        files: depth files of one data set; those that cannot be read are left out, and said when their frame is read.
        key: name of the array in NPZ files, or of the channel in EXR files.
    """
    looked_at = []
    for path in files[:: max(-(-len(files) // UNIT_FRAMES), 1)]:
        try:
            stored = read_stored_depth(path, key)
        except InputError:
            continue
        if stored.ndim == 2 and stored.dtype.kind in "iuf" and stored.dtype.itemsize > 1:
            mask, _ = measured_mask(stored)
            looked_at.append(stored[mask])
    return choose_units(looked_at)


def real_samples(split: str = "test") -> FolderReader:
    """Return a reader of the seven real frames that come with the package (see `samples/real/CREDITS.md`).

    A page or a list that shows samples begins with these. Seven frames measure nothing.
    """
    return FolderReader(REAL_SAMPLES_DIR, split, "sunrgbd37", "mm")


def sample_rooms(split: str = "test") -> FolderReader:
    """Return a reader of the rendered rooms that come with the package (see `samples/CREDITS.txt`)."""
    return FolderReader(SAMPLES_DIR, split, "sunrgbd37", "mm")


def _files(folder: Path, suffixes: tuple[str, ...]) -> tuple[dict[str, Path], list[str]]:
    """Files of a folder by name, in order, and the names of those that are not taken for their suffix."""
    if not folder.is_dir():
        return {}, []
    found: dict[str, Path] = {}
    others = []
    try:
        entries = sorted(entry.name for entry in os.scandir(folder) if not entry.is_dir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}).") from error
    for name in entries:
        if left_behind(name):
            continue
        stem, suffix = os.path.splitext(readable(name))  # noqa: PTH122 - ten thousand times; Path takes seconds
        if suffix.lower() not in suffixes:
            others.append(readable(name))
        elif stem not in found or _rank(suffix, suffixes) < _rank(found[stem].suffix, suffixes):
            found[stem] = folder / name
    return found, others


def _rank(suffix: str, suffixes: tuple[str, ...]) -> int:
    return suffixes.index(suffix.lower())


def _boxes(meta: dict[str, Any], where: str) -> tuple[OrientedBox, ...]:
    """3D boxes of a meta file, brought from the world into the camera's frame."""
    try:
        camera_to_world = np.array(meta.get("camera_to_world", np.eye(4)), np.float64)
        rotation, position = camera_to_world[:3, :3], camera_to_world[:3, 3]
        boxes = []
        for item in meta["objects"]:
            box, class_name = item["box"], str(item.get("cls", item.get("name", "")))
            centroid = np.array(box["centroid"], np.float64).reshape(3)
            boxes.append(
                OrientedBox(
                    label=CLASSES.index(class_name) + 1 if class_name in CLASSES else 0,
                    name=str(item.get("name", class_name)),
                    centroid=(centroid - position) @ rotation,
                    basis=np.array(box["basis"], np.float64).reshape(3, 3) @ rotation,
                    half=np.array(box["half"], np.float64).reshape(3),
                )
            )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{where}: its objects are no 3D boxes ({type(error).__name__}: {error}). Expected objects with cls, name "
            "and box (centroid, basis, half), and camera_to_world; see docs/data.md."
        ) from error
    return tuple(boxes)
