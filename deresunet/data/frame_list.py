"""Frame lists: frames.csv with a line a frame, its files and what is known of it."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from deresunet.atomic import csv_text, write_text
from deresunet.data.frame_files import Found, FrameFiles
from deresunet.data.layouts import FRAME_LIST
from deresunet.data.text_files import read_text
from deresunet.errors import InputError

FRAME_LIST_FILE = "frames.csv"
COLUMNS = ("name", "rgb", "depth", "label", "intrinsics", "split", "scene", "depth_unit", "label_set")
_SHARED = ("depth_unit", "label_set")


def read_frame_list(path: Path) -> Found:
    """Read a frame list.

    Its columns are those of `COLUMNS`, each of which may be left out, but for one of rgb and depth. Paths start from
    its folder. `intrinsics` is fx fy cx cy [px] or a file that holds them; frames of one `scene` stay together when
    validation is carved out; `depth_unit` and `label_set` are those of all frames.

    Raises:
        InputError: it cannot be read or is no frame list.
    """
    text = read_text(path)
    first = next(iter(text.splitlines()), "")
    delimiter = max(",;\t", key=first.count)
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(line)]
    except csv.Error as error:
        raise InputError(f"{path} is no CSV file ({error}). Expected a header and a line a frame.") from error
    header = [column.strip().lower() for column in (lines[0] if lines else [])]
    if not {"rgb", "depth"} & set(header) or len(set(header)) < len(header):
        raise InputError(
            f"{path} has the columns {', '.join(header)[:200] or 'of nothing'}; expected {', '.join(COLUMNS)} (rgb or "
            "depth at least), and a line a frame."
        )
    frames: dict[str, FrameFiles] = {}
    shared: dict[str, set[str]] = {column: set() for column in _SHARED}
    for number, line in enumerate(lines[1:], 2):
        # Spreadsheets' formulas have an apostrophe before them, see `csv_text`.
        cells = (re.sub(r"^'(?=[=+@\t\r-])", "", value.strip()) for value in line)
        row = dict(zip(header, cells, strict=False))
        files = {
            column: path.parent / row[column].replace("\\", "/")
            for column in ("rgb", "depth", "label")
            if row.get(column)
        }
        if not {"rgb", "depth"} & set(files):
            raise InputError(f"{path}, line {number}: neither rgb nor depth is given.")
        name = row.get("name") or _name_of(row.get("rgb") or row["depth"])
        if name in frames or not name:
            raise InputError(f"{path}, line {number}: the name {name!r} comes twice. Give each frame one in `name`.")
        intrinsics: Path | str | None = row.get("intrinsics") or None
        if intrinsics and (path.parent / intrinsics).is_file():
            intrinsics = path.parent / intrinsics
        frames[name] = FrameFiles(
            name, split=row.get("split", ""), scene=row.get("scene", ""), intrinsics=intrinsics, **files
        )
        for column in _SHARED:
            shared[column].add(row.get(column, ""))
    for column, values in shared.items():
        if len(values) > 1:
            raise InputError(
                f"{path}: {column} differs between lines ({', '.join(sorted(values))[:100]}); a frame list has one."
            )
    splits: dict[str, list[str]] = {}
    for frame in frames.values():
        splits.setdefault(frame.split, []).append(frame.name)
    splits.pop("", None)
    unit, label_set = (next(iter(shared[column]), "") for column in _SHARED)
    return Found(
        path.parent,
        replace(FRAME_LIST, depth_unit=unit or "auto"),
        frames,
        {split: tuple(names) for split, names in splits.items()},
        label_set or None,
    )


def write_frame_list(
    path: Path, frames: Iterable[FrameFiles], depth_unit: str = "auto", label_set: str | None = None
) -> None:
    """Write a frame list, whole or not at all, with paths from its folder, to be edited by hand.

    Raises:
        InputError: it cannot be written.
    """

    def relative(file: Path | str | None) -> str:
        return Path(os.path.relpath(file, path.parent)).as_posix() if isinstance(file, Path) else file or ""

    rows = [
        (
            *(frame.name, *(relative(file) for file in (frame.rgb, frame.depth, frame.label, frame.intrinsics))),
            *(frame.split, frame.scene, "" if depth_unit == "auto" else depth_unit, label_set or ""),
        )
        for frame in frames
    ]
    write_text(path, csv_text(COLUMNS, rows))


def _name_of(path: str) -> str:
    """Name of a frame: the path of its file without suffix and without ways upwards."""
    parts = PurePosixPath(path.replace("\\", "/")).with_suffix("").parts
    return "/".join(part for part in parts if part not in ("..", ".", "/") and not part.endswith(":"))
