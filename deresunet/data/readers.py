"""Data sets by name: the one place where a layout is added."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from deresunet.classes import LabelSet
from deresunet.data.depth import DepthEncoding
from deresunet.data.folder import FolderReader, sample_rooms
from deresunet.data.frame import Frame
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


def _folder(root: Root | None, split: str, label_set: LabelSet, depth_encoding: DepthEncoding) -> Reader:
    if root is None:
        raise InputError("the folder layout needs --root, the folder that holds rgb/, depth/ and label/.")
    return FolderReader(root, split, label_set, depth_encoding)


def _rooms(root: Root | None, split: str, label_set: LabelSet, depth_encoding: DepthEncoding) -> Reader:
    return sample_rooms()


READERS: dict[str, Callable[[Root | None, str, LabelSet, DepthEncoding], Reader]] = {
    "folder": _folder,
    "rooms": _rooms,
}


def open_reader(
    dataset: str,
    root: Root | None = None,
    split: str = "test",
    label_set: LabelSet = "nyu40",
    depth_encoding: DepthEncoding = "auto",
) -> Reader:
    """The split of a data set.

    Args:
        dataset: a name of `READERS`.
        root: where it lies; the bundled rooms need none.
        split: name of the split.
        label_set: what the values of label files mean.
        depth_encoding: how depth files are stored.

    Raises:
        InputError: there is no such layout, or the folder is not in it.
    """
    if dataset not in READERS:
        raise InputError(f"no layout is called {dataset!r}; there are {', '.join(READERS)}.")
    return READERS[dataset](root, split, label_set, depth_encoding)
