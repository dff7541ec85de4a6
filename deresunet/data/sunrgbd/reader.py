"""SUN RGB-D: a reader of the published layout, as unpacked."""

from __future__ import annotations

import copy
import os
from collections.abc import Collection, Mapping
from itertools import product
from pathlib import Path

import numpy as np

from deresunet.classes import SUNRGBD37, ClassSet
from deresunet.data.frame import Frame, FrameInfo, Problem
from deresunet.data.images import image_size, read_rgb
from deresunet.data.labels import LabelFormat
from deresunet.data.source import DEPTH_SOURCES, LABEL_SOURCES, DepthSource, LabelSource
from deresunet.data.sunrgbd.layout import (
    DEPTH_TITLES,
    PARTS,
    SENSORS,
    FrameRecord,
    describe,
    find_frames,
    read_pixels,
    read_polygons,
    read_scene,
)
from deresunet.data.sunrgbd.polygons import fill_polygons
from deresunet.data.sunrgbd.splits import carve_validation, sequences
from deresunet.data.sunrgbd.toolbox import LABELS_FILE, META_FILE, SPLIT_FILE, SegLabels, read_order, read_split
from deresunet.data.text_files import left_behind
from deresunet.errors import InputError

SPLITS = ("train", "val", "trainval", "test", "all")
# Frames, evenly taken, that tell what a data set has two of.
_PROBES = 16


class SunRgbdReader:
    """Frames of SUN RGB-D by name, such as "kv1/b3dodata/img_0063".

    Args:
        root: SUNRGBD/ as unpacked (with kv1/, kv2/, realsense/, xtion/), or the folder above it.
        split: "test" (the official 5,050), "trainval" (the official 5,285), "train" and "val" (those two parts of
            trainval), or "all"; None takes "test" where the split is known, and otherwise "all".
        label_source: "seglabel" (the toolbox's 37-class maps, which published numbers are on), "polygons" (the outlines
            of annotation2Dfinal, filled), or "auto": polygons for a frame without the other.
        depth_source: "depth_bfx" (in-painted, what published numbers are on) or "depth".
        toolbox: SUNRGBDtoolbox/ as unpacked, for the split and seglabel; without it, it is looked for beside root.
        labels: from SUN RGB-D's 37 classes to those of the ground truth; the same if left out.

    Attributes:
        root: SUNRGBD/.
        names: the split's frames, in order.
        notices: what the data set lacks.

    Raises:
        InputError: the folder is not in that layout, the split is not known, or what it needs is missing.
    """

    opens_depth = True  # see `deresunet.data.readers.without_depth`

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str | None = "test",
        label_source: LabelSource = "auto",
        depth_source: DepthSource = "depth_bfx",
        toolbox: str | os.PathLike[str] | None = None,
        labels: LabelFormat | None = None,
    ) -> None:
        self.labels = labels or LabelFormat(SUNRGBD37)
        if split is not None:
            _one_of("split", split, SPLITS)
        _one_of("label source", label_source, LABEL_SOURCES)
        _one_of("depth source", depth_source, DEPTH_SOURCES)
        self.root = frames_root(Path(root))
        self.label_source = label_source
        self.depth_source: DepthSource = depth_source
        names = list(find_frames(self.root))
        if not names:
            raise InputError(f"{self.root}: no frame of SUN RGB-D in it. Unpack SUNRGBD.zip again.")
        beside = (self.root.parent / "SUNRGBDtoolbox", self.root / "SUNRGBDtoolbox")
        tools = Path(toolbox) if toolbox is not None else next((path for path in beside if path.is_dir()), None)
        official = read_split(tools / SPLIT_FILE) if tools is not None else {}
        self._parts = {name: str(official.get(name, "")) for name in names}
        self._sequence_of = sequences(self._parts)
        known = any(self._parts.values())
        self.split = split if split is not None else ("test" if known else "all")
        self.names = self._split_names(self.split)
        self.notices = _absent(self.split, official, self._parts)
        if split is None and not known:
            self.notices = (f"The official split is not here ({SPLIT_FILE} of SUNRGBDtoolbox): all frames are taken.",)
        self._seglabels: SegLabels | None = None
        self._place: dict[str, int] = {}
        if label_source != "polygons" and tools is not None and (tools / LABELS_FILE).is_file():
            self._seglabels, order = SegLabels(tools / LABELS_FILE), read_order(tools / META_FILE)
            if len(order) != len(self._seglabels):
                raise InputError(
                    f"{tools}: {META_FILE} describes {len(order)} frames and {LABELS_FILE} has the labels of "
                    f"{len(self._seglabels)}; expected as many. Unpack SUNRGBDtoolbox.zip again."
                )
            self._place = {name: index for index, name in enumerate(order)}
        elif label_source == "seglabel":
            raise InputError(
                f"seglabel needs {META_FILE} and {LABELS_FILE} of SUNRGBDtoolbox, which is not beside {root}. "
                "Give it with --toolbox, or take --label-source polygons."
            )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def class_set(self) -> ClassSet:
        """Classes of the ground truth."""
        return self.labels.class_set

    def read(self, name: str) -> Frame:
        """Read the frame called `name`; side files that cannot be read are among its problems.

        Raises:
            InputError: there is none, or its RGB image, depth or seglabel is missing or broken; the message has the
                path.
        """
        self._check_name(name)
        record = self._record(name)
        label, used = None, "none"
        problems: tuple[Problem, ...] = ()
        if self.label_source != "polygons" and self._seglabels is not None and name in self._place:
            label, used = self._seglabels.read(self._place[name]), "seglabel"
        if label is None and self.label_source != "seglabel":
            try:
                polygons = read_polygons(self.root, name)
                if polygons is not None:
                    label, used = fill_polygons(polygons, image_size(self.root / record.rgb)).label, "polygons"
            except InputError as error:
                problems = (Problem("polygons unreadable", str(error)),)
        source = f"SUN RGB-D, label {used}"
        depth_source = self.depth_source if self.opens_depth else None
        frame = read_pixels(self.root, record, depth_source, label, source, problems)
        return frame.brought_to(self.class_set)

    def describe(self, name: str) -> FrameInfo:
        """Describe a frame without reading its pixels. Raises `InputError` if there is none."""
        self._check_name(name)
        try:
            scene = read_scene(self.root / name)
        except InputError:
            scene = ""
        sensor, has_label = name.split("/", maxsplit=1)[0], self._has_label(name, self.label_source)
        return FrameInfo(name, sensor, scene, self._sequence_of[name], has_depth=True, has_label=has_label)

    def rgb_path(self, name: str) -> Path:
        """Path of a frame's RGB image. Raises `InputError` if there is none."""
        self._check_name(name)
        return self.root / self._record(name).rgb

    def read_rgb(self, name: str) -> np.ndarray:
        """Read a frame's colours alone, uint8 (H, W, 3). Raises `InputError` if they cannot be."""
        return read_rgb(self.rgb_path(name))

    def files(self, name: str) -> tuple[Path, ...]:
        """Paths of the files that a frame is read from; the toolbox's labels of all frames are in one."""
        self._check_name(name)
        folder = self.root / name
        found = []
        for part in PARTS:  # and not the frame's other folders, such as fullres/
            inside = sorted((folder / part).iterdir()) if (folder / part).is_dir() else [folder / part]
            found += [path for path in inside if path.is_file() and not left_behind(path.name)]
        return (*found, self._seglabels.path) if self._seglabels is not None else tuple(found)

    def check(self) -> None:
        """Check nothing: the data set's own labels are checked as they are read."""

    def variants(self) -> dict[str, SunRgbdReader]:
        """Readers of these frames with either ground truth and either depth, as far as the data set has both.

        Returns:
            What tells them apart, such as "polygons, raw depth" -> reader, this one first. A label source that was
            asked for stays.
        """
        probes = self.names[:: max(len(self.names) // _PROBES, 1)]
        kinds: tuple[LabelSource, ...] = ("seglabel", "polygons")
        labels: dict[LabelSource, str] = {self.label_source: ""}
        if self.label_source == "auto" and all(any(self._has_label(name, kind) for name in probes) for kind in kinds):
            labels = {"auto": "seglabel", "polygons": "polygons"}
        depths: dict[DepthSource, str] = {self.depth_source: ""}
        if any(map(self._has_both_depths, probes)):
            depths = {one: DEPTH_TITLES[one] for one in sorted(DEPTH_TITLES, key=lambda one: one != self.depth_source)}
        found = {}
        for (depth, measured), (label, drawn) in product(depths.items(), labels.items()):
            found[", ".join(filter(None, (drawn, measured)))] = other = copy.copy(self)
            other.label_source, other.depth_source = label, depth
        return found

    def _has_both_depths(self, name: str) -> bool:
        try:
            record = self._record(name)
        except InputError:
            return False
        return record.depth is not None and record.depth_bfx is not None

    def _record(self, name: str) -> FrameRecord:
        return describe(self.root, name, self._sequence_of[name])

    def _has_label(self, name: str, label_source: LabelSource) -> bool:
        seglabel = label_source != "polygons" and name in self._place
        drawn = label_source != "seglabel" and (self.root / name / "annotation2Dfinal" / "index.json").is_file()
        return seglabel or drawn

    def _check_name(self, name: str) -> None:
        if name not in self._parts:
            raise InputError(
                f"{self.root} has no frame {name!r}; it has {len(self._parts)}, such as {next(iter(self._parts))!r}."
            )

    def _split_names(self, split: str) -> tuple[str, ...]:
        if split == "all":
            return tuple(self._parts)
        if not any(self._parts.values()):
            raise InputError(
                f"{self.root}: the official split is in {SPLIT_FILE} of SUNRGBDtoolbox, which is not beside it. "
                "Give it with --toolbox, or take --split all."
            )
        if split == "test":
            return tuple(name for name, part in self._parts.items() if part == "test")
        training = tuple(name for name, part in self._parts.items() if part == "train")
        if split == "trainval":
            return training
        validation = carve_validation({name: self._sequence_of[name] for name in training})
        return tuple(name for name in training if (name in validation) == (split == "val"))


def _absent(split: str, official: Mapping[str, str], there: Collection[str]) -> tuple[str, ...]:
    """Say how many frames of the official split are not unpacked."""
    wanted = [name for name, part in official.items() if split == "all" or (part == "test") == (split == "test")]
    absent = sum(name not in there for name in wanted)
    of = {"all": "SUN RGB-D", "test": "the official test part"}.get(split, "the official training part")
    return (f"{absent:,} of the {len(wanted):,} frames of {of} are not here.",) if absent else ()


def frames_root(root: Path) -> Path:
    """The folder that holds kv1/, kv2/, realsense/ and xtion/: `root` or SUNRGBD/ in it.

    Raises:
        InputError: neither does.
    """
    for folder in (root, root / "SUNRGBD"):
        if any((folder / sensor).is_dir() for sensor in SENSORS):
            return folder
    raise InputError(f"{root}: none of {', '.join(SENSORS)} in it. Unpack SUNRGBD.zip and give the folder SUNRGBD/.")


def _one_of(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{what} is {value!r}; expected one of {', '.join(choices)}.")
