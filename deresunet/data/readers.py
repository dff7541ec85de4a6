"""Data sets by name and by looking: the one place where a reader is registered."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from deresunet.data.folder import FolderReader, real_samples, sample_rooms
from deresunet.data.frame import Frame, FrameInfo
from deresunet.data.frame_list import FRAME_LIST_FILE
from deresunet.data.labels import LabelFormat
from deresunet.data.layout_search import recognise_row, unknown_layout
from deresunet.data.layouts import ROWS, Layout
from deresunet.data.nyuv2 import LABELED_FILE, SPLITS_FILE, NyuV2Reader
from deresunet.data.patterns import Tree
from deresunet.data.source import Source
from deresunet.data.sunrgbd.layout import SENSORS
from deresunet.data.sunrgbd.reader import SunRgbdReader
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


_Reader = TypeVar("_Reader")


def without_depth(reader: _Reader) -> _Reader:
    """Leave the depth of a reader's frames unopened, so that a damaged one does no harm; with a notice of it.

    Readers of files have `opens_depth` to switch off; any other comes back as it is.
    """
    if not getattr(reader, "opens_depth", False):
        return reader
    other: Any = copy.copy(reader)
    other.opens_depth = False
    other.notices = (
        *other.notices,
        "Depth is not opened, since the modality is RGB. There are no figures by distance.",
    )
    return cast(_Reader, other)


@dataclass(frozen=True)
class DataSet:
    """A kind of data set, by the name that `--dataset` takes.

    Attributes:
        title: display name.
        open: makes the reader of a source.
        takes: fields of `Source` that have an effect on it, besides its root, its split and its layout.
        is_here: whether a folder or file is one, where a look of its own tells it.
        found_by: what is looked for, or "".
    """

    title: str
    open: Callable[[Source], Reader]
    takes: frozenset[str]
    is_here: Callable[[Path], bool] | None = None
    found_by: str = ""


_CLASSES = frozenset({"classes", "label_map"})
_OF_FILES = frozenset(
    {
        "rgb",
        "depth",
        "label",
        "label_set",
        *_CLASSES,
        "label_offset",
        "void",
        "depth_unit",
        "depth_key",
        "intrinsics",
        "rotate",
    }
)


def _open_sunrgbd(source: Source) -> Reader:
    root = source.folder("SUNRGBD/ as unpacked")
    labels = LabelFormat.choose("sunrgbd37", classes=source.classes, aliases=source.label_map)
    return SunRgbdReader(root, source.split, source.label_source, source.depth_source, source.toolbox, labels)


def _open_nyuv2(source: Source) -> Reader:
    root = source.folder(f"the folder of {LABELED_FILE}, or one with rgb/, depth/, label/")
    unpacked = root.is_dir() and not (root / LABELED_FILE).is_file() and recognise_row(Tree(root)) is not None
    refuse_unused(source, [LAYOUTS["nyuv2"]], but={"depth_source"} if unpacked else {"depth_unit"})
    if unpacked:
        return FolderReader(replace(source, label_set="nyu40"), sensor="kv1")
    split = source.split
    if split is None:
        beside = (root if root.is_dir() else root.parent) / SPLITS_FILE
        split = "test" if beside.is_file() else "all"
    labels = LabelFormat.choose("nyu40", classes=source.classes, aliases=source.label_map)
    return NyuV2Reader(root, split, source.depth_source, labels)


def _open_samples(samples: Callable[..., Reader], source: Source) -> Reader:
    return samples(source.split or "test", source.classes, source.label_map)


def _has_sensors(path: Path) -> bool:
    return any((at / sensor).is_dir() for at in (path, path / "SUNRGBD") for sensor in SENSORS)


def _row(name: str, row: Layout) -> DataSet:
    return DataSet(row.title, lambda source: FolderReader(source, name), _OF_FILES)


_PATTERNS = DataSet("patterns", FolderReader, _OF_FILES)
# Those with a look of their own come first; rows are tried in the table's order.
LAYOUTS: dict[str, DataSet] = {
    "sunrgbd": DataSet(
        "SUN RGB-D",
        _open_sunrgbd,
        frozenset({"label_source", "depth_source", "toolbox", *_CLASSES}),
        _has_sensors,
        "kv1/, kv2/, realsense/, xtion/ in it or in SUNRGBD/",
    ),
    "nyuv2": DataSet(
        "NYU Depth v2",
        _open_nyuv2,
        frozenset({"depth_unit", "depth_source", *_CLASSES}),
        lambda path: path.name == LABELED_FILE or (path / LABELED_FILE).is_file(),
        LABELED_FILE,
    ),
    "frames": DataSet(
        "a frame list",
        lambda source: FolderReader(source, "frames"),
        _OF_FILES,
        lambda path: path.suffix.lower() == ".csv" or (path / FRAME_LIST_FILE).is_file(),
        FRAME_LIST_FILE,
    ),
    **{name: _row(name, row) for name, row in ROWS.items()},
    "rooms": DataSet("the sample rooms", partial(_open_samples, sample_rooms), _CLASSES),
    "real": DataSet("the real samples", partial(_open_samples, real_samples), _CLASSES),
}


def refuse_unused(source: Source, data_sets: Collection[DataSet], but: Collection[str] = ()) -> None:
    """Refuse a source with a field that was given and has no effect on any of the data sets.

    Args:
        source: where the data sets lie and how they are to be read.
        data_sets: their kinds.
        but: fields that have no effect though a kind takes them.

    Raises:
        InputError: the message names the options.
    """
    taken = {"dataset", "root", "split", *(name for one in data_sets for name in one.takes)} - set(but)
    unused = ["--" + name.replace("_", "-") for name in source.given if name not in taken]
    refuse(unused, f"on {' or '.join(dict.fromkeys(one.title for one in data_sets)) or 'the bundled samples'}")


def recognise(root: str | os.PathLike[str]) -> str:
    """Name of the kind of a folder or file, a key of `LAYOUTS`, by looking at what lies in it.

    >>> from deresunet.data.folder import SAMPLES_DIR
    >>> recognise(SAMPLES_DIR)
    'folder'

    Raises:
        InputError: it is none of them; the message says what is there and what would open it.
    """
    path = Path(root)
    try:
        for name, one in LAYOUTS.items():
            if one.is_here is not None and one.is_here(path):
                return name
        row = recognise_row(Tree(path)) if path.is_dir() else None
    except OSError as error:
        raise InputError(f"{path} cannot be looked into ({error.strerror}).") from error
    if row is None:
        raise unknown_layout(path, [one.found_by for one in LAYOUTS.values() if one.is_here is not None])
    return row[0]


def kind_of_source(source: Source) -> DataSet:
    """Kind of data set that a source names, or that lies in its root.

    Raises:
        InputError: there is no such kind, or the folder is none that is known.
    """
    if source.dataset not in ("auto", *LAYOUTS):
        raise InputError(f"No layout is called {source.dataset!r}; there are auto, {', '.join(LAYOUTS)}.")
    if source.dataset != "auto":
        return LAYOUTS[source.dataset]
    if source.rgb is not None:
        return _PATTERNS
    if source.root is None:
        raise InputError("Give --data, the folder of a data set, or --dataset rooms for the bundled samples.")
    return LAYOUTS[recognise(source.root)]


def open_source(source: Source) -> Reader:
    """Open the split of a data set.

    Raises:
        InputError: there is no such layout, the folder is not in it, or an option has no effect on it.
    """
    kind = kind_of_source(source)
    refuse_unused(source, [kind])
    return kind.open(source)


def open_reader(
    dataset: str = "auto", root: str | os.PathLike[str] | None = None, split: str | None = None, **options: Any
) -> Reader:
    """Open the split of a data set; the arguments are the fields of `Source`.

    Raises:
        InputError: as `open_source`.

    Example:
        >>> from deresunet.data.folder import SAMPLES_DIR
        >>> reader = open_reader(root=SAMPLES_DIR)
        >>> len(reader.names), reader.describe("0002").scene
        (24, 'playroom')
    """
    return open_source(Source(dataset, None if root is None else Path(root), split, **options))
