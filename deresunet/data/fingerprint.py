"""Fingerprints of data sets and frames by the contents that results depend on: names, sizes and times of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from deresunet.data.readers import Reader, StoredFrames


def frame_fingerprint(reader: StoredFrames, name: str) -> str:
    """Fingerprint of one frame's files, in hex: RGB, depth, label and side files, by name, size and time.

    Raises:
        InputError: there is no such frame.
    """
    return digest([name, stamps(reader.files(name))])


def contents_fingerprint(reader: Reader, names: Iterable[str] | None = None) -> str:
    """Fingerprint of a data set's split, in hex: its layout and options, its frames' names, and their files.

    Files that are written anew give another one, also under the same names, so that results of the old ones are not
    taken for those of the new.

    Args:
        reader: the data set.
        names: frames to take; None takes all of the split.
    """
    options = sorted(
        (key, str(value.resolve() if isinstance(value, Path) else value))
        for key, value in vars(reader).items()
        if not key.startswith("_") and isinstance(value, str | Path)
    )
    labels = repr((getattr(reader, "labels", ""), getattr(reader, "turns", 0)))
    seen: dict[Path, list[object]] = {}  # an index or a .mat file belongs to all frames
    frames = [(name, stamps(reader.files(name), seen)) for name in (reader.names if names is None else names)]
    # Hashed, since files in Gradio's cache may be fetched, and paths on the server are nobody's business.
    return digest([type(reader).__name__, options, labels, frames])


def stamps(paths: Iterable[Path], seen: dict[Path, list[object]] | None = None) -> list[list[object]]:
    """Name, size and time of each file; files in `seen` are not looked at again, others join it."""
    found = []
    for path in paths:
        stamp = None if seen is None else seen.get(path)
        if stamp is None:
            try:
                stat = path.stat()
                stamp = [path.parent.name + "/" + path.name, stat.st_size, stat.st_mtime_ns]
            except OSError:
                stamp = [path.parent.name + "/" + path.name, -1, 0]
            if seen is not None:
                seen[path] = stamp
        found.append(stamp)
    return found


def digest(described: object) -> str:
    """SHA-256 of what JSON can hold, in hex."""
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()
