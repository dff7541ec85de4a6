"""Files by pattern: `color/*.jpg` and `*/depth/*.png` pair by what their stars stand for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from deresunet.data.text_files import left_behind, readable
from deresunet.errors import InputError

# Folders below one another; a link that leads upwards ends here.
MAX_DEPTH = 10


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sorting key by which numbers in names come as numbers.

    >>> sorted(["10", "9", "1", "a/2", "a/10"], key=natural)
    ['1', '9', '10', 'a/2', 'a/10']
    """
    pieces = re.split(r"([0-9]+)", name)
    return [(0, int(piece), piece) if place % 2 else (1, 0, piece) for place, piece in enumerate(pieces) if piece]


@dataclass
class Tree:
    """Folders and files below a root, each folder listed once, what operating systems leave behind excepted.

    Attributes:
        root: the folder.
    """

    root: Path
    _listed: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)

    def folders(self, below: str = "") -> list[str]:
        """Names of the folders in a folder, in natural order."""
        return self._listing(below)[0]

    def files(self, below: str = "") -> list[str]:
        """Names of the files in a folder, in natural order."""
        return self._listing(below)[1]

    def levels(self, most: int) -> Iterator[list[str]]:
        """Folders level by level, the root as "" first, `most` at most."""
        level = [""]
        while level and most > 0:
            yield level[:most]
            most -= len(level)
            level = [f"{folder}/{inner}" if folder else inner for folder in level for inner in self.folders(folder)]

    def _listing(self, below: str) -> tuple[list[str], list[str]]:
        if below not in self._listed:
            folders: list[str] = []
            files: list[str] = []
            try:
                with os.scandir(self.root / below) as entries:
                    for entry in entries:
                        if not left_behind(entry.name):
                            (folders if entry.is_dir() else files).append(entry.name)
            except OSError as error:
                raise InputError(f"{self.root / below} cannot be read ({error.strerror}).") from error
            self._listed[below] = sorted(folders, key=natural), sorted(files, key=natural)
        return self._listed[below]


def match(tree: Tree, pattern: str, suffixes: tuple[str, ...], below: str = "") -> dict[str, str]:
    """Files that a pattern names, by what its stars stand for (joined by slashes), in natural order.

    Args:
        tree: where to look.
        pattern: path with slashes in any case of letters. `*` is any part of a name, `**` any folders, in between or
            at the end. One that ends in none of `suffixes` takes all of them; of two files that differ in
            theirs alone, that of the earlier one.
        suffixes: of files, in small letters; none for any.
        below: folder of the tree that the pattern starts from.

    Returns:
        Paths below the tree's root.
    """
    parts = pattern.split("/")
    if parts[-1] == "**":
        parts.append("*")
    found: dict[str, str] = {}
    for captured, path in _walk(tree, below, tuple(parts), suffixes, 0):
        key = readable("/".join(captured))
        if key not in found or _rank(path, suffixes) < _rank(found[key], suffixes):
            found[key] = path
    return {key: found[key] for key in sorted(found, key=natural)}


def matches(tree: Tree, pattern: str, suffixes: tuple[str, ...], below: str = "") -> bool:
    """Whether a pattern names a file; see `match`."""
    parts = pattern.split("/")
    if parts[-1] == "**":
        parts.append("*")
    return next(_walk(tree, below, tuple(parts), suffixes, 0), None) is not None


def not_taken(tree: Tree, pattern: str, suffixes: tuple[str, ...], below: str = "") -> list[str]:
    """Notice of files that a pattern names and whose suffix is none of `suffixes`; nothing where there are none."""
    others = sorted(path for path in match(tree, pattern, (), below).values() if not path.lower().endswith(suffixes))
    if not others:
        return []
    folder, _, name = others[0].rpartition("/")
    return [
        f"{len(others)} files in {readable(folder or tree.root.name)}/ are not taken, such as {readable(name)}. "
        f"Expected {', '.join(suffixes)}."
    ]


def files_below(folder: str | os.PathLike[str], suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files of a folder and the folders below it, by path without suffix. Raises `InputError` if it cannot be read."""
    tree = Tree(Path(folder))
    return {key: tree.root / path for key, path in match(tree, "**", suffixes).items()}


def split_pattern(pattern: str) -> tuple[str, str]:
    """Folder that a pattern starts from, and the pattern below it.

    >>> split_pattern("../scans/*/color/*.jpg"), split_pattern("*.png")
    (('../scans', '*/color/*.jpg'), ('', '*.png'))
    """
    parts = pattern.replace("\\", "/").split("/")
    fixed = next((place for place, part in enumerate(parts) if "*" in part or "?" in part), len(parts) - 1)
    return "/".join(parts[:fixed]) or ("/" if fixed else ""), "/".join(parts[fixed:])


def _walk(
    tree: Tree, below: str, parts: tuple[str, ...], suffixes: tuple[str, ...], depth: int
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What the stars stand for, and the path, of each file that `parts` name."""
    part, rest = parts[0], parts[1:]
    prefix = f"{below}/" if below else ""
    if part == "**":
        yield from _walk(tree, below, rest, suffixes, depth)
        if depth < MAX_DEPTH:
            for folder in tree.folders(below):
                for captured, path in _walk(tree, prefix + folder, parts, suffixes, depth + 1):
                    yield (folder, *captured), path
        return
    if rest:
        for folder in _chosen(tree.folders(below), part):
            found = _component(part).fullmatch(folder)
            assert found is not None
            for captured, path in _walk(tree, prefix + folder, rest, suffixes, depth + 1):
                yield (*found.groups(), *captured), path
        return
    ending = os.path.splitext(part)[1].lower()  # noqa: PTH122
    whole = ending in suffixes or (bool(ending) and not suffixes)
    for name in tree.files(below):
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a hundred thousand times; Path takes seconds
        if whole:
            found = _component(part).fullmatch(name)
        else:
            found = _component(part).fullmatch(stem) if not suffixes or suffix.lower() in suffixes else None
        if found is not None:
            # A last star that runs to the end stands for a name without its suffix.
            yield found.groups(), prefix + name


def _chosen(folders: list[str], part: str) -> list[str]:
    """Folders of a pattern's part; of two that differ in case alone, that in the pattern's own."""
    matching = [folder for folder in folders if _component(part).fullmatch(folder)]
    return [part] if part in matching else matching


@lru_cache(1024)
def _component(part: str) -> re.Pattern[str]:
    return re.compile(re.escape(part).replace(r"\*", "(.*)").replace(r"\?", "."), re.IGNORECASE | re.DOTALL)


def _rank(path: str, suffixes: tuple[str, ...]) -> int:
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    return suffixes.index(suffix) if suffix in suffixes else len(suffixes)
