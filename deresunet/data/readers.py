"""Data sets by name: the one place where a layout is added."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deresunet.classes import LabelSet
from deresunet.data.depth import DepthEncoding
from deresunet.data.folder import FolderReader, sample_rooms
from deresunet.data.frame import Frame
from deresunet.data.nyuv2 import LABELED_FILE, NyuV2FolderReader, NyuV2Reader
from deresunet.data.sunrgbd.layout import DepthSource
from deresunet.data.sunrgbd.reader import LabelSource, SunRgbdReader
from deresunet.errors import InputError


class Reader(Protocol):
    """A data set's split: names, and a frame by name."""

    @property
    def names(self) -> tuple[str, ...]:
        """The frames, in order."""
        ...

    def read(self, name: str) -> Frame:
        """The frame called `name`.

        Raises:
            InputError: there is none, or one of its files cannot be used.
        """
        ...


Root = str | os.PathLike[str]


@dataclass(frozen=True)
class Source:
    """Where a data set's split lies and how its files are to be read.

    Attributes:
        root: its folder or file; the bundled rooms need none.
        split: name of the split.
        label_set: what the values of label files mean.
        depth_encoding: how depth files are stored.
        label_source: SUN RGB-D's ground truth: "seglabel", "polygons", or "auto".
        depth_source: "depth_bfx" (in-painted) or "depth" (as measured), where a data set has both.
        toolbox: SUN RGB-D's toolbox as unpacked, if it does not lie beside the frames.
    """

    root: Root | None = None
    split: str = "test"
    label_set: LabelSet = "nyu40"
    depth_encoding: DepthEncoding = "auto"
    label_source: LabelSource = "auto"
    depth_source: DepthSource = "depth_bfx"
    toolbox: Root | None = None


def _folder(source: Source) -> Reader:
    if source.root is None:
        raise InputError("the folder layout needs --root, the folder that holds rgb/, depth/ and label/.")
    return FolderReader(source.root, source.split, source.label_set, source.depth_encoding)


def _rooms(source: Source) -> Reader:
    return sample_rooms()


def _sunrgbd(source: Source) -> Reader:
    if source.root is None:
        raise InputError("SUN RGB-D needs --root: the folder that `prepare` wrote, or SUNRGBD/ as unpacked.")
    return SunRgbdReader(source.root, source.split, source.label_source, source.depth_source, source.toolbox)


def _nyuv2(source: Source) -> Reader:
    if source.root is None:
        raise InputError(f"NYU Depth v2 needs --root: the folder of {LABELED_FILE}, or one with rgb/, depth/, label/.")
    if (Path(source.root) / "rgb").is_dir():
        return NyuV2FolderReader(source.root, source.split, source.depth_encoding)
    return NyuV2Reader(source.root, source.split, source.depth_source)


READERS: dict[str, Callable[[Source], Reader]] = {
    "folder": _folder,
    "rooms": _rooms,
    "sunrgbd": _sunrgbd,
    "nyuv2": _nyuv2,
}


def open_reader(
    dataset: str,
    root: Root | None = None,
    split: str = "test",
    label_set: LabelSet = "nyu40",
    depth_encoding: DepthEncoding = "auto",
    label_source: LabelSource = "auto",
    depth_source: DepthSource = "depth_bfx",
    toolbox: Root | None = None,
) -> Reader:
    """The split of a data set.

    Args:
        dataset: a name of `READERS`.
        root: see `Source`, as are the others.
        split: name of the split.
        label_set: what the values of label files mean.
        depth_encoding: how depth files are stored.
        label_source: which of SUN RGB-D's ground truths.
        depth_source: which of two depths.
        toolbox: SUN RGB-D's toolbox.

    Raises:
        InputError: there is no such layout, or the folder is not in it.
    """
    if dataset not in READERS:
        raise InputError(f"no layout is called {dataset!r}; there are {', '.join(READERS)}.")
    return READERS[dataset](Source(root, split, label_set, depth_encoding, label_source, depth_source, toolbox))
