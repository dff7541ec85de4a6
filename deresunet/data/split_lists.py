"""Splits of a data set: folders called train, val and test, and text files that list frames."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from deresunet.data.frame_files import Found
from deresunet.data.layouts import LISTS, SPLIT_FOLDERS
from deresunet.data.patterns import Tree, match, natural
from deresunet.data.text_files import read_list, readable
from deresunet.errors import InputError

# Lines of a text file by which it is known whether it lists frames.
LIST_LINES = 50


def add_splits(found: Found) -> None:
    """Take folders that are called train, val or test for splits, where all frames lie in such."""
    firsts = {name.split("/")[0] for name in found.frames}
    if not firsts or not all("/" in name for name in found.frames):
        return
    if not all(first.lower() in SPLIT_FOLDERS for first in firsts):
        return
    inner = [name.partition("/")[2] for name in found.frames]
    keep = len(set(inner)) < len(inner)  # two splits with frames of one name
    frames = {}
    for name, frame in found.frames.items():
        first, _, rest = name.partition("/")
        new = name if keep else rest
        frames[new] = replace(frame, name=new, split=first, scene=rest.rpartition("/")[0])
    found.frames = {name: frames[name] for name in sorted(frames, key=natural)}
    for first in firsts:
        found.splits[first] = tuple(name for name, frame in found.frames.items() if frame.split == first)


def add_lists(found: Found, tree: Tree) -> None:
    """Take the text files that list frames for splits."""
    resolve = _resolver(found)
    for pattern in LISTS:
        for key, path in match(tree, pattern, (".txt",)).items():
            try:
                lines = [line for line in read_list(tree.root / path) if not line.startswith("#")]
            except InputError:
                continue
            names = [resolve(line) for line in lines]
            if not any(names[:LIST_LINES]) and key.lower() not in SPLIT_FOLDERS:
                continue  # a text about something else
            absent = [line for line, resolved in zip(lines, names, strict=True) if not resolved]
            if absent:
                found.broken[key] = (
                    f"{readable(path)} lists {len(absent)} frames that are not in rgb/, such as {absent[0]!r}."
                )
            found.splits[key] = tuple(dict.fromkeys(name for resolved in names for name in resolved))


def _resolver(found: Found) -> Callable[[str], tuple[str, ...]]:
    """Function from a line of a list to the frames it names: by name, by path of RGB, or all of a scene."""
    by_path: dict[str, str] = {}
    scenes: dict[str, list[str]] = {}
    flat = not any("/" in name for name in found.frames)
    for name, frame in found.frames.items():
        if frame.rgb is not None and frame.rgb.is_relative_to(found.root):
            inner = readable(frame.rgb.relative_to(found.root).with_suffix("").as_posix())
            by_path[inner.lower()] = name
        scenes.setdefault(frame.scene, []).append(name)

    def resolve(line: str) -> tuple[str, ...]:
        for written in (line, re.split(r"[\s,;]+", line)[0]):
            token = written.strip("\"'").replace("\\", "/").removeprefix("./").lstrip("/")
            for one in (token, re.sub(r"\.[A-Za-z0-9]{2,5}$", "", token)):
                if one in found.frames:
                    return (one,)
                # Paths of another machine end as those here do.
                parts = one.lower().split("/")
                for start in range(len(parts)):
                    path = "/".join(parts[start:])
                    if path in by_path:
                        return (by_path[path],)
                if flat and parts[-1] and one.rpartition("/")[2] in found.frames:
                    return (one.rpartition("/")[2],)
                if one and one in scenes:
                    return tuple(scenes[one])
        return ()

    return resolve
