"""Frames of RGB, depth and label files, in any layout of the table, by patterns, or of a frame list."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deresunet.classes import BUILT_IN, ClassSet
from deresunet.data.depth_unit_choice import Kind, UnitChoice
from deresunet.data.depth_units import parse_unit
from deresunet.data.files import DEPTH_SUFFIXES, LABEL_SUFFIXES, FileOptions, frame_of_files
from deresunet.data.folder_depth import planar_depth, recognise_units
from deresunet.data.frame import Frame, FrameInfo, Problem
from deresunet.data.frame_files import Found, FrameFiles
from deresunet.data.frame_list import FRAME_LIST_FILE, read_frame_list, write_frame_list
from deresunet.data.images import read_rgb
from deresunet.data.intrinsics import parse_intrinsics, read_intrinsics, scaled
from deresunet.data.label_checks import check_labels
from deresunet.data.label_exports import refuse_other_exports
from deresunet.data.label_tools import named_format
from deresunet.data.labels import LabelFormat
from deresunet.data.layout_search import find_row, unknown_layout
from deresunet.data.layouts import OWN_LABELS, SCANNET_IDS, SPLIT_FOLDERS
from deresunet.data.meta_files import boxes_of, read_meta, turns_of
from deresunet.data.pattern_search import find_patterns, replace_modality
from deresunet.data.patterns import Tree, match
from deresunet.data.scannet import ScanNetFormat, format_of_ids, holds_ids
from deresunet.data.source import Source
from deresunet.errors import InputError

SAMPLES_DIR = Path(__file__).parents[1] / "samples"
REAL_SAMPLES_DIR = SAMPLES_DIR / "real"


class FolderReader:
    """Frames of RGB, depth and label files by name, in any layout of `deresunet.data.layouts`.

    `meta/NAME.json` beside them may hold a frame's sensor, scene, intrinsics, depth unit, rotation and 3D boxes. With
    the depth unit "auto", the unit is recognised over frames of the whole split and not one by one.

    Args:
        source: where the frames lie and how they are read.
        row: row of the table; None takes source's patterns, or recognises the row.
        sensor: camera of frames whose meta file says none.

    Attributes:
        names: the split's frames, in order.
        notices: what looks wrong about the folder, such as files that are not taken.
        layout: row of the table.

    Raises:
        InputError: the folder is in no layout that is known, or the list is not there.

    Example:
        >>> reader = FolderReader(Source(root=SAMPLES_DIR, split="test", label_set="sunrgbd37"))
        >>> reader.describe(reader.names[1])
        FrameInfo(name='0001', sensor='kv1', scene='dorm_room', sequence='', has_depth=True, has_label=True)
    """

    opens_depth = True  # see `deresunet.data.readers.without_depth`

    def __init__(self, source: Source, row: str | None = None, sensor: str = "") -> None:
        found = _find(source, row)
        self.sensor = sensor
        self.root = found.root
        self.layout = found.layout
        self.labels = _label_format(source, found)
        self.depth_unit = parse_unit(source.depth_unit)[0]
        self.depth_key = source.depth_key
        self.turns = source.turns
        self.intrinsics = None if source.intrinsics is None else parse_intrinsics(source.intrinsics)
        self.splits = found.splits
        # Names come from this list alone, so none leads out of the folder.
        self._frames = found.frames
        self._meta = {
            key: self.root / path
            for key, path in match(Tree(self.root), "meta/**", (".json",)).items()
            if key in self._frames
        }
        self.split = self._chosen_split(source.split)
        self.names = tuple(self._frames) if self.split == "all" else self._listed(found)
        self.notices = (*found.notices, *self._notices())
        self._lock = threading.Lock()
        self._choices: Mapping[Kind, UnitChoice] | None = None
        self._cameras: dict[Path | str, tuple[np.ndarray | None, tuple[Problem, ...]]] = {}

    def __len__(self) -> int:
        return len(self.names)

    @property
    def class_set(self) -> ClassSet:
        """Classes of the ground truth."""
        return self.labels.class_set

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
        files = self.frame_files(name)
        if not self.opens_depth:
            files = replace(files, depth=None)
        meta = read_meta(self._meta.get(name))
        where = str(self._meta.get(name))
        unit = meta.get("depth_unit", self.depth_unit)
        options = FileOptions(
            depth_unit=unit if self.depth_unit == "auto" else self.depth_unit,
            depth_key=meta.get("depth_key", self.depth_key),
            labels=self.labels,
            choices=self._folder_choices() if files.depth and unit == self.depth_unit == "auto" else None,
        )
        given = meta.get("intrinsics", meta if {"fx", "cx"} <= set(meta) or {"fx", "ppx"} <= set(meta) else None)
        intrinsics, problems = self._camera(files) if given is None else (parse_intrinsics(given, where), ())
        boxes = boxes_of(meta, where, self.labels) if meta.get("objects") is not None else None
        info = self.describe(name)
        frame = frame_of_files(
            *(files.rgb, files.depth, files.label, options),
            intrinsics=intrinsics,
            boxes=boxes,
            problems=problems,
            name=name,
            source=self.root.name,
            sensor=info.sensor,
            scene=info.scene,
            sequence=info.sequence,
        )
        frame = replace(frame, turns=turns_of(meta, where, self.turns))
        if frame.intrinsics is None and self.layout.intrinsics:
            frame = replace(frame, intrinsics=scaled(self.layout.intrinsics, frame.size[1]))
        if self.layout.ray and frame.depth is not None and frame.intrinsics is not None:
            frame = replace(frame, depth=planar_depth(frame.depth, frame.intrinsics))
        return frame

    def describe(self, name: str) -> FrameInfo:
        """Describe a frame without reading its pixels; a damaged meta file leaves sensor and scene empty here.

        Raises:
            InputError: there is no such frame.
        """
        files = self.frame_files(name)
        try:
            meta = read_meta(self._meta.get(name))
        except InputError:
            meta = {}
        sequence = meta.get("sequence", re.sub(r"^(.*scene\d{4})_\d\d$", r"\1", files.scene))
        words = (meta.get("sensor", self.sensor), meta.get("scene", meta.get("room_type", "")), sequence)
        # JSON can hold halves of characters, which no terminal or file takes.
        sensor, scene, sequence = (str(word).encode(errors="replace").decode() for word in words)
        return FrameInfo(
            name, sensor, scene, sequence, has_depth=files.depth is not None, has_label=files.label is not None
        )

    def frame_files(self, name: str) -> FrameFiles:
        """Files of the frame called `name`.

        Raises:
            InputError: there is no such frame.
        """
        if name not in self._frames:
            raise InputError(
                f"{self.root.name} has no frame {name!r}; "
                f"it has {len(self._frames)}, such as {next(iter(self._frames), None)!r}."
            )
        return self._frames[name]

    def read_rgb(self, name: str) -> np.ndarray:
        """Read a frame's colours alone, uint8 (H, W, 3), upright. Raises `InputError` if they cannot be."""
        rgb = self.frame_files(name).rgb
        if rgb is None:
            raise InputError(f"{name} has no RGB.")
        return read_rgb(rgb)

    def files(self, name: str) -> tuple[Path, ...]:
        """Paths of all files of a frame."""
        frame = self.frame_files(name)
        intrinsics = frame.intrinsics if isinstance(frame.intrinsics, Path) else None
        found = (frame.rgb, frame.depth, frame.label, self._meta.get(name), intrinsics)
        return tuple(path for path in found if path is not None)

    def check(self) -> None:
        """Check the split's labels for sense over the folder. Raises `InputError` with the option to give."""
        labels = (self._frames[name].label for name in self.names)
        check_labels([path for path in labels if path is not None], self.labels)

    def write_frame_list(self, path: Path) -> None:
        """Write the split's frames as a frame list, which opens as they do.

        Raises:
            InputError: a frame list cannot say how they are read, or it cannot be written.
        """
        if self.layout.ray or isinstance(self.labels, ScanNetFormat):
            raise InputError(f"A frame list cannot say how files of {self.layout.title} are read. Give the folder.")
        split_of = {name: split for split, names in self.splits.items() for name in names}
        frames = [
            replace(frame, split=frame.split or split_of.get(name, ""))
            for name, frame in ((name, self._frames[name]) for name in self.names)
        ]
        unit = self.layout.depth_unit if self.depth_unit == "auto" else self.depth_unit
        classes = self.labels.values
        write_frame_list(path, frames, unit, classes.name if classes == BUILT_IN.get(classes.name) else None)

    def _camera(self, files: FrameFiles) -> tuple[np.ndarray | None, tuple[Problem, ...]]:
        """Intrinsics of a frame without any in its meta file, and what is wrong with the file that holds them."""
        given = files.intrinsics
        if given is None:
            return self.intrinsics, ()
        if given not in self._cameras:
            try:
                self._cameras[given] = read_intrinsics(given), ()
            except InputError as error:
                # A file called metadata may be about anything.
                about = isinstance(given, str) or not given.name.startswith("metadata")
                self._cameras[given] = None, (Problem("intrinsics unreadable", str(error)),) if about else ()
        return self._cameras[given]

    def _folder_choices(self) -> Mapping[Kind, UnitChoice]:
        """Units recognised over frames of the whole split, by how they are stored."""
        with self._lock:
            if self._choices is None:
                depth = [path for name in self.names if (path := self._frames[name].depth) is not None]
                self._choices = recognise_units(depth, self.depth_key, self.layout)
            return self._choices

    def _chosen_split(self, split: str | None) -> str:
        """Name of the split as its list or folder has it."""
        by_kind = {SPLIT_FOLDERS.get(name.lower(), name): name for name in reversed(self.splits)}
        wanted = split or ("test" if "test" in by_kind else "all")
        if wanted == "all" or wanted in self.splits:
            return wanted
        known = by_kind.get(SPLIT_FOLDERS.get(wanted.lower(), wanted))
        if known is None:
            raise InputError(
                f"{self.root / wanted}.txt: no such list, and no folder or frame list says {wanted!r}. Splits here: "
                f"{', '.join(['all', *sorted(self.splits)])}."
            )
        return known

    def _listed(self, found: Found) -> tuple[str, ...]:
        if self.split in found.broken:
            raise InputError(found.broken[self.split])
        return self.splits[self.split]

    def _notices(self) -> list[str]:
        """Lines on frames without depth or label among others that have them."""
        notices = []
        for what in ("depth", "label"):
            lacking = [name for name in self.names if getattr(self._frames[name], what) is None]
            if lacking and len(lacking) < len(self.names):
                notices.append(
                    f"{len(lacking)} of {len(self.names)} frames have no {what}, such as {lacking[0]}. "
                    f"Name {what} files as their RGB images."
                )
        return notices


def _find(source: Source, row: str | None) -> Found:
    """Frames of a source: by its patterns, its frame list, or the table."""
    if source.rgb is not None or (source.depth is not None and source.root is None):
        return find_patterns(source)
    root = source.folder("the folder that holds the frames")
    listed = root if root.suffix.lower() == ".csv" else root / FRAME_LIST_FILE
    found: Found | None = None
    if listed.is_file() and row in (None, "frames"):
        found = read_frame_list(listed)
    elif root.is_dir() and row != "frames":
        found = find_row(root, row)
    if found is None:
        raise unknown_layout(root)
    for modality, suffixes in (("depth", DEPTH_SUFFIXES), ("label", LABEL_SUFFIXES)):
        pattern = getattr(source, modality)
        if pattern is not None:
            replace_modality(found, root, modality, pattern, suffixes)
    return found


def _label_format(source: Source, found: Found) -> LabelFormat:
    """Meaning of the label files; those that nobody knows the meaning of are taken from the frames, with a notice."""
    labels = [frame.label for frame in found.frames.values() if frame.label is not None]
    brush = None if labels else next(found.root.glob("*/task-*-annotation-*-tag-*"), None)
    if brush is not None:  # named by the tool's own numbers, so that no frame has any
        try:
            refuse_other_exports(brush)
        except InputError as error:
            found.notices.append(str(error))
    if source.label_set is None and source.label_offset is None and labels:
        format = named_format(labels, Path(source.root or found.root), source.classes, source.label_map)
        if format is not None and format.tool is not None:
            found.notices.append(format.tool.notice)
            return format
    void = found.layout.void if source.void is None and source.label_offset is None else source.void
    special = found.label_set in (OWN_LABELS, SCANNET_IDS)
    format = LabelFormat.choose(
        *(source.label_set, source.label_offset, void, source.classes, source.label_map, found.root),
        usual="nyu40" if found.label_set is None or special else found.label_set,
    )
    if source.label_set is not None or not special or ClassSet.find(found.root) is not None:
        return format
    if found.label_set == SCANNET_IDS:
        try:
            return format_of_ids(format, found.root) if holds_ids(labels) else format
        except InputError as error:
            reason = str(error)
    elif source.classes is not None or not labels:
        return format
    else:
        reason = (
            f"Those of {found.layout.title} count the data set's own classes. Pass --label-set, or put classes.txt "
            "with one name a line beside them."
        )
    found.frames = {name: replace(frame, label=None) for name, frame in found.frames.items()}
    found.notices.append(f"The label files are not read. {reason}")
    return format


def real_samples(split: str = "test", classes: str | None = None, label_map: Path | None = None) -> FolderReader:
    """Return a reader of the seven real frames that come with the package (see `samples/real/CREDITS.md`).

    A page or a list that shows samples begins with these. Seven frames measure nothing.
    """
    return _samples(REAL_SAMPLES_DIR, split, classes, label_map)


def sample_rooms(split: str = "test", classes: str | None = None, label_map: Path | None = None) -> FolderReader:
    """Return a reader of the rendered rooms that come with the package (see `samples/CREDITS.txt`)."""
    return _samples(SAMPLES_DIR, split, classes, label_map)


def _samples(root: Path, split: str, classes: str | None, label_map: Path | None) -> FolderReader:
    source = Source(
        root=root, split=split, label_set="sunrgbd37", classes=classes, label_map=label_map, depth_unit="mm"
    )
    return FolderReader(source, "folder")
