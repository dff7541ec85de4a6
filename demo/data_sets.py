"""Data sets of the page, opened by looking at their folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from demo.networks import distinct_names
from deresunet.data.nyuv2 import NyuV2Reader
from deresunet.data.readers import LAYOUTS, Reader, Source, recognise, refuse_unused
from deresunet.data.sunrgbd.reader import SunRgbdReader
from deresunet.errors import InputError, refuse


def open_sources(folders: Iterable[str], source: Source, dataset: str = "auto") -> dict[str, Reader]:
    """Open data sets by the names that the page shows: their folder's, with the split.

    Args:
        folders: folders or files of data sets.
        source: how all of them are read; its root is not used.
        dataset: layout of all of them, or "auto" to look at each.

    Raises:
        InputError: a folder is in no layout that is known, or lacks the split.
    """
    if dataset not in ("auto", *LAYOUTS):
        raise InputError(f"No layout is called {dataset!r}; there are auto, {', '.join(LAYOUTS)}.")
    found: dict[str, Reader] = {}
    names = distinct_names(str(Path(folder).resolve()) for folder in folders)
    layouts = {folder: LAYOUTS[recognise(folder) if dataset == "auto" else dataset] for folder in names}
    refuse_unused(source, layouts.values())
    refuse(["--dataset"] if dataset != "auto" and not layouts else [], "without --data")
    for folder, layout in layouts.items():
        name = names[folder]
        reader = layout.open(replace(source, root=folder))
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
