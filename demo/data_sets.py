"""Data sets of the page, opened by looking at their folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from demo.networks import distinct_names
from deresunet.data.nyuv2 import NyuV2Reader
from deresunet.data.readers import Reader, kind_of_source, refuse_unused
from deresunet.data.source import Source
from deresunet.data.sunrgbd.reader import SunRgbdReader
from deresunet.errors import InputError


def open_sources(folders: Iterable[str], source: Source) -> dict[str, Reader]:
    """Open data sets by the names that the page shows: their folder's, with the split.

    Args:
        folders: folders or files of data sets.
        source: how all of them are read; its root is not used.

    Raises:
        InputError: a folder is in no layout that is known, or lacks the split.
    """
    found: dict[str, Reader] = {}
    names = distinct_names(str(Path(folder).resolve()) for folder in folders)
    kinds = [kind_of_source(replace(source, root=Path(folder))) for folder in names]
    refuse_unused(source, kinds, () if names else ("dataset", "split"))
    for folder, kind in zip(names, kinds, strict=True):
        name = names[folder]
        reader = kind.open(replace(source, root=Path(folder)))
        if not reader.names:
            raise InputError(f"{folder}: the split has no frames. Give another --split, such as all.")
        split = getattr(reader, "split", source.split)
        found[f"{name} ({split})" if split else name] = reader
    return found


def variants(readers: Mapping[str, Reader]) -> dict[str, dict[str, tuple[str, Reader]]]:
    """Data sets with what they have two of: the same frames with another ground truth or another depth.

    Returns:
        Name of a data set -> what tells its variants apart -> name on the page and reader, itself first.
    """
    found: dict[str, dict[str, tuple[str, Reader]]] = {}
    for name, reader in readers.items():
        several = reader.variants() if isinstance(reader, SunRgbdReader | NyuV2Reader) else {"": reader}
        own = next(iter(several))
        found[name] = {
            title: (name, reader) if title == own else (f"{name}, {title}", other) for title, other in several.items()
        }
    return found
