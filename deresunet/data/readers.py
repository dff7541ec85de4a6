"""Data sets by name and by looking: the one place where a layout is registered."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from deresunet.classes import LabelSet
from deresunet.data.depth_units import Unit
from deresunet.data.folder import FolderReader, real_samples, sample_rooms
from deresunet.data.frame import Frame, FrameInfo
from deresunet.data.nyuv2 import LABELED_FILE, SPLITS_FILE, NyuV2FolderReader, NyuV2Reader
from deresunet.data.sunrgbd.index import INDEX_FILE
from deresunet.data.sunrgbd.layout import SENSORS, DepthSource
from deresunet.data.sunrgbd.reader import LabelSource, SunRgbdReader
from deresunet.errors import InputError, refuse


class Frames(Protocol):
    """Frames by name, which is all that an evaluation needs."""

    @property
    def names(self) -> tuple[str, ...]:
        """The frames, in order."""
        ...

    def read(self, name: str) -> Frame:
        """Read the frame called `name`.

        Raises:
            InputError: there is none, or one of its files cannot be used.
        """
        ...


class StoredFrames(Frames, Protocol):
    """Frames by name that are read from files."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices about the frames as a whole, such as files that are not taken."""
        ...

    def files(self, name: str) -> tuple[Path, ...]:
        """Paths of the files that a frame is read from."""
        ...


class Reader(StoredFrames, Protocol):
    """A data set's split: frames by name, and what is known of them without reading their pixels."""

    def describe(self, name: str) -> FrameInfo:
        """Describe a frame without reading its pixels. Raises `InputError` if there is none."""
        ...

    def read_rgb(self, name: str) -> np.ndarray:
        """Read a frame's colours alone, uint8 (H, W, 3), for thumbnails. Raises `InputError` as `read`."""
        ...

    def check(self) -> None:
        """Check the split's labels for sense, before they are scored with.

        Raises:
            InputError: they make none; the message has the reason and the option to give.
        """
        ...


Root = str | os.PathLike[str]


@dataclass(frozen=True)
class Source:
    """Where a data set's split lies and how its files are to be read.

    Attributes:
        root: its folder or file; bundled samples need none.
        split: name of the split; None takes the test split if there is one, and otherwise all frames.
        label_set: names the classes that the values of label files count.
        depth_unit: unit of depth files.
        label_source: SUN RGB-D's ground truth: "seglabel", "polygons", or "auto".
        depth_source: "depth_bfx" (in-painted) or "depth" (as measured), where a data set has both.
        toolbox: SUN RGB-D's toolbox as unpacked, if it does not lie beside the frames.
        label_offset: 1 for labels that count from 0.
        void: value of unlabelled pixels in label files.
        intrinsics: of frames that have none of their own, in any form that `parse_intrinsics` takes.
        depth_key: name of depth's array in NPZ files, or of its channel in EXR files.
    """

    root: Root | None = None
    split: str | None = None
    label_set: LabelSet = "nyu40"
    depth_unit: Unit = "auto"
    label_source: LabelSource = "auto"
    depth_source: DepthSource = "depth_bfx"
    toolbox: Root | None = None
    label_offset: int | None = None
    void: int | None = None
    intrinsics: Any = None
    depth_key: str | None = None

    def folder(self, need: str) -> Path:
        """The data set's folder or file.

        Raises:
            InputError: there is none; the message says that `need` has to be given.
        """
        if self.root is None:
            raise InputError(f"This layout needs --root: {need}.")
        return Path(self.root)


@dataclass(frozen=True)
class Layout:
    """A layout of data sets on disk.

    Attributes:
        title: what it is, for people.
        found_by: what is looked for.
        is_here: whether a folder or file is in this layout.
        open: makes the reader of a source.
        takes: fields of `Source` that have an effect on it.
    """

    title: str
    found_by: str
    is_here: Callable[[Path], bool]
    open: Callable[[Source], Reader]
    takes: frozenset[str]


def _open_folder(source: Source) -> Reader:
    root = source.folder("the folder that holds rgb/, depth/ and label/")
    return FolderReader(
        root,
        source.split,
        source.label_set,
        source.depth_unit,
        label_offset=source.label_offset,
        void=source.void,
        intrinsics=source.intrinsics,
        depth_key=source.depth_key,
    )


def _open_sunrgbd(source: Source) -> Reader:
    root = source.folder("the folder that `prepare` wrote, or SUNRGBD/ as unpacked")
    return SunRgbdReader(root, source.split, source.label_source, source.depth_source, source.toolbox)


def _open_nyuv2(source: Source) -> Reader:
    root = source.folder(f"the folder of {LABELED_FILE}, or one with rgb/, depth/, label/")
    unpacked = (root / "rgb").is_dir()
    refuse_unused(source, [LAYOUTS["nyuv2"]], but={"depth_source"} if unpacked else {"depth_unit"})
    if unpacked:
        return NyuV2FolderReader(root, source.split, source.depth_unit)
    split = source.split
    if split is None:
        beside = (root if root.is_dir() else root.parent) / SPLITS_FILE
        split = "test" if beside.is_file() else "all"
    return NyuV2Reader(root, split, source.depth_source)


def _has_sensors(path: Path) -> bool:
    return any((at / sensor).is_dir() for at in (path, path / "SUNRGBD") for sensor in SENSORS)


# In the order in which they are looked for; the last two are never found by looking.
LAYOUTS: dict[str, Layout] = {
    "sunrgbd": Layout(
        "SUN RGB-D",
        f"{INDEX_FILE} (what `prepare` wrote), or kv1/, kv2/, realsense/, xtion/ in it or in SUNRGBD/",
        lambda path: (path / INDEX_FILE).is_file() or _has_sensors(path),
        _open_sunrgbd,
        frozenset({"root", "split", "label_source", "depth_source", "toolbox"}),
    ),
    "nyuv2": Layout(
        "NYU Depth v2",
        LABELED_FILE,
        lambda path: path.name == LABELED_FILE or (path / LABELED_FILE).is_file(),
        _open_nyuv2,
        frozenset({"root", "split", "depth_unit", "depth_source"}),
    ),
    "folder": Layout(
        "the folder layout",
        "rgb/",
        lambda path: (path / "rgb").is_dir(),
        _open_folder,
        frozenset({"root", "split", "label_set", "label_offset", "void", "depth_unit", "depth_key", "intrinsics"}),
    ),
    "rooms": Layout(
        "the sample rooms",
        "nothing",
        lambda path: False,
        lambda source: sample_rooms(source.split or "test"),
        frozenset({"split"}),
    ),
    "real": Layout(
        "the real samples",
        "nothing",
        lambda path: False,
        lambda source: real_samples(source.split or "test"),
        frozenset({"split"}),
    ),
}


def refuse_unused(source: Source, layouts: Collection[Layout], but: Collection[str] = ()) -> None:
    """Refuse a source with a field that was given and has no effect on any of the layouts.

    Args:
        source: where the data sets lie and how they are to be read.
        layouts: the data sets' layouts.
        but: fields that have no effect though a layout takes them.

    Raises:
        InputError: the message names the options.
    """
    taken = {name for layout in layouts for name in layout.takes} - set(but)
    unused = [
        "--" + field.name.replace("_", "-")
        for field in fields(source)
        if field.name not in taken and not np.array_equal(getattr(source, field.name), getattr(Source, field.name))
    ]
    refuse(unused, f"on {' or '.join(dict.fromkeys(layout.title for layout in layouts)) or 'the bundled samples'}")


def recognise(root: Root) -> str:
    """Name the layout of a folder or file, a key of `LAYOUTS`, by looking at what lies in it.

    >>> from deresunet.data.folder import SAMPLES_DIR
    >>> recognise(SAMPLES_DIR)
    'folder'

    Raises:
        InputError: it is in none of them; the message says what was looked for and what is there.
    """
    path = Path(root)
    try:
        for name, layout in LAYOUTS.items():
            if layout.is_here(path):
                return name
        if not path.exists():
            raise InputError(f"{path}: no such folder.")
        there = sorted(entry.name for entry in path.iterdir())[:6] if path.is_dir() else [path.name]
    except OSError as error:
        raise InputError(f"{path} cannot be looked into ({error.strerror}).") from error
    wanted = "; ".join(
        f"{layout.found_by} ({name})" for name, layout in LAYOUTS.items() if layout.found_by != "nothing"
    )
    raise InputError(
        f"{path} is no data set that is known. Looked for: {wanted}. There: {', '.join(there) or 'nothing'}. Give the "
        "folder above or below, or lay the files out as docs/data.md says."
    )


def open_reader(
    dataset: str = "auto",
    root: Root | None = None,
    split: str | None = None,
    label_set: LabelSet = "nyu40",
    depth_unit: Unit = "auto",
    label_source: LabelSource = "auto",
    depth_source: DepthSource = "depth_bfx",
    toolbox: Root | None = None,
    *,
    label_offset: int | None = None,
    void: int | None = None,
    intrinsics: Any = None,
    depth_key: str | None = None,
) -> Reader:
    """Open the split of a data set.

    Args:
        dataset: a name of `LAYOUTS`, or "auto", which looks at what lies in `root`.
        root: see `Source`, as are the others.
        split: name of the split; None takes the test split if there is one, and otherwise all frames.
        label_set: names the classes that the values of label files count.
        depth_unit: unit of depth files.
        label_source: which of SUN RGB-D's ground truths.
        depth_source: which of two depths.
        toolbox: SUN RGB-D's toolbox.
        label_offset: 1 for labels that count from 0.
        void: value of unlabelled pixels in label files.
        intrinsics: of frames that have none of their own.
        depth_key: name of depth's array in NPZ files, or of its channel in EXR files.

    Raises:
        InputError: there is no such layout, the folder is not in it, or an option has no effect on it.

    Example:
        >>> from deresunet.data.folder import SAMPLES_DIR
        >>> reader = open_reader(root=SAMPLES_DIR)
        >>> len(reader.names), reader.describe("0002").scene
        (24, 'playroom')
    """
    if dataset not in ("auto", *LAYOUTS):
        raise InputError(f"No layout is called {dataset!r}; there are auto, {', '.join(LAYOUTS)}.")
    if dataset == "auto":
        if root is None:
            raise InputError("Give --root, the folder of a data set, or --dataset rooms for the bundled samples.")
        dataset = recognise(root)
    source = Source(
        root,
        split,
        label_set,
        depth_unit,
        label_source,
        depth_source,
        toolbox,
        label_offset,
        void,
        intrinsics,
        depth_key,
    )
    refuse_unused(source, [LAYOUTS[dataset]])
    return LAYOUTS[dataset].open(source)
