"""Frames by patterns that a user gives, in place of a layout's or beside it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from deresunet.data.files import DEPTH_SUFFIXES, LABEL_SUFFIXES, RGB_SUFFIXES
from deresunet.data.frame_files import Found, FrameFiles
from deresunet.data.layout_advice import is_recording, recording_advice
from deresunet.data.layout_search import recognise_row
from deresunet.data.layouts import OWN_PATTERNS, ROWS
from deresunet.data.patterns import Tree, match, not_taken, split_pattern
from deresunet.data.source import Source
from deresunet.data.split_lists import add_lists, add_splits
from deresunet.data.text_files import readable
from deresunet.errors import InputError


def find_patterns(source: Source) -> Found:
    """Find frames by the patterns of a source.

    Raises:
        InputError: a pattern names no file, or nothing pairs.
    """
    root = source.root or Path()
    columns: dict[str, dict[str, Path]] = {}
    notices: list[str] = []
    for modality, suffixes in (("rgb", RGB_SUFFIXES), ("depth", DEPTH_SUFFIXES), ("label", LABEL_SUFFIXES)):
        pattern = getattr(source, modality)
        if pattern is not None:
            columns[modality] = files_of_pattern(root, pattern, f"--{modality}", suffixes, notices)
    first = next(iter(columns))
    others = {path for column in list(columns)[1:] for path in columns[column].values()}
    keys = [key for key, path in columns[first].items() if path not in others or first != "rgb"]
    if list(map(len, columns.values())) == [1] * len(columns):
        # One file each: a frame, whatever they are called.
        only = next(iter(columns[first]))
        columns = {column: dict.fromkeys([only], next(iter(files.values()))) for column, files in columns.items()}
        keys = [only]
    for column in list(columns)[1:]:
        one = getattr(source, column)
        if len(keys) > 1 and (root / one).is_file():
            raise InputError(
                f"--{column} {one} is one file, and --{first} names {len(keys)}. Give two folders or patterns, or two "
                "files."
            )
        if not any(key in columns[column] for key in keys):
            raise InputError(
                f"--{first} {getattr(source, first)!r} and --{column} {getattr(source, column)!r} share no frame: the "
                f"stars stand for {keys[0] if keys else 'nothing'!r} in one and {next(iter(columns[column]))!r} in the "
                f"other. Files are paired by what the stars stand for."
                f"{_sequence_advice(columns[first], columns[column])}"
            )
    frames = {
        key: FrameFiles(
            key or readable(columns[first][key].stem),
            columns.get("rgb", {}).get(key),
            columns.get("depth", {}).get(key),
            columns.get("label", {}).get(key),
            scene=key.rpartition("/")[0],
        )
        for key in keys
    }
    named = {frame.name: frame for frame in frames.values()}
    found = Found(root, OWN_PATTERNS, named, notices=notices)
    used = {path for frame in named.values() for path in (frame.depth, frame.label)}
    for column in list(columns)[1:]:
        unused = [key for key, path in columns[column].items() if path not in used]
        if unused:
            found.notices.append(
                f"{len(unused)} files of --{column} belong to no frame of --{first}, such as {unused[0]}. Files are "
                "paired by what the stars stand for."
            )
    add_splits(found)
    if source.root is not None:
        add_lists(found, Tree(root))
    return found


def _sequence_advice(*columns: dict[str, Path]) -> str:
    """Sentence for files of a sequence that its time stamps pair; "" for others."""
    above = Path(os.path.commonpath([next(iter(column.values())).parent for column in columns]))
    found = recognise_row(Tree(above))
    if found is None or ROWS[found[0]].pairing != "stamps":
        return ""
    return f" Time stamps pair these: give --data {above} instead."


def files_of_pattern(
    root: Path, pattern: str, option: str, suffixes: tuple[str, ...], notices: list[str]
) -> dict[str, Path]:
    """Files that a pattern names, a folder or a file by itself included, by what its stars stand for.

    Args:
        root: folder that it starts from.
        pattern: the pattern.
        option: its name, for messages.
        suffixes: of files that are taken, where the pattern says none.
        notices: receives what is said of files that are not taken.

    Raises:
        InputError: there is none.
    """
    whole = root / pattern
    if whole.is_dir():
        pattern = pattern.rstrip("/\\") + "/**"
    elif whole.is_file():
        if is_recording(whole):
            raise InputError(recording_advice(whole, whole.parent / "depth"))
        return {readable(whole.stem): whole}
    folder, inner = split_pattern(pattern)
    base = root / folder
    if not base.is_dir():
        raise InputError(f"{option} {pattern!r}: there is no folder {base}.")
    tree = Tree(base)
    found = {key: base / path for key, path in match(tree, inner, suffixes).items()}
    if not found:
        there = [*(f"{name}/" for name in tree.folders()), *tree.files()][:6]
        raise InputError(
            f"{option} {pattern!r} names no file. In {base} there are {', '.join(map(readable, there)) or 'none'}; "
            f"expected {', '.join(suffixes)}."
        )
    notices += not_taken(tree, inner, suffixes)
    return found


def replace_modality(found: Found, root: Path, modality: str, pattern: str, suffixes: tuple[str, ...]) -> None:
    """Take the depth or label files of a pattern in place of those found by a row.

    Raises:
        InputError: the pattern names no file, or none of a frame.
    """
    files = files_of_pattern(root, pattern, f"--{modality}", suffixes, found.notices)
    taken = {}
    for name, frame in found.frames.items():
        path = files.get(name, files.get(f"{frame.split}/{name}"))
        taken[name] = replace(frame, depth=path) if modality == "depth" else replace(frame, label=path)
    if not any(getattr(frame, modality) for frame in taken.values()):
        raise InputError(
            f"--{modality} {pattern!r} has no file of a frame: its stars stand for {next(iter(files))!r}, frames are "
            f"called {next(iter(found.frames))!r}. Give --rgb, too; files are paired by what the stars stand for."
        )
    found.frames = taken
    if modality == "label":
        found.label_set = None
