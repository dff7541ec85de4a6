"""Sequences whose RGB and depth have time stamps of their own, as TUM RGB-D: paired by associations, or the nearest."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deresunet.data.files import DEPTH_SUFFIXES, LABEL_SUFFIXES, RGB_SUFFIXES
from deresunet.data.layouts import Layout
from deresunet.data.patterns import Tree, match, natural
from deresunet.data.text_files import read_list

# TUM's associate.py: time stamps of one frame differ by at most this [s].
MAX_STAMP_DIFFERENCE = 0.02


def files_by_stamps(
    tree: Tree, folder: str, row: Layout, notices: list[str]
) -> dict[str, tuple[str | None, str | None, str | None]]:
    """RGB and depth of a sequence, paired by its associations or by the nearest time stamps."""
    prefix = f"{folder}/" if folder else ""
    rgb = {path: key for pattern in row.rgb for key, path in match(tree, pattern, RGB_SUFFIXES, folder).items()}
    depth = {path: key for pattern in row.depth for key, path in match(tree, pattern, DEPTH_SUFFIXES, folder).items()}
    label = {key: path for pattern in row.label for key, path in match(tree, pattern, LABEL_SUFFIXES, folder).items()}
    names = {name.lower(): name for name in tree.files(folder)}
    associations = next((names[name] for name in row.marks[:-1] if name in names), None)
    pairs: list[tuple[str, str]] = []
    if associations is not None:
        for line in read_list(tree.root / prefix / associations):
            paths = [prefix + word for word in line.split() if not line.startswith("#")]
            pairs += [(a, b) for a in paths if a in rgb for b in paths if b in depth]
        how = f"by {associations}"
    else:
        stamps = [
            _stamps(tree, prefix, names.get(name), files) for name, files in (("rgb.txt", rgb), ("depth.txt", depth))
        ]
        pairs = _nearest_stamps(*stamps)
        how = f"within {MAX_STAMP_DIFFERENCE} s"
    pairs.sort(key=lambda pair: natural(rgb[pair[0]]))
    if len(pairs) < len(rgb):
        left = next(path for path in rgb if path not in dict(pairs))
        notices.append(
            f"{len(rgb) - len(pairs)} of {len(rgb)} RGB images{f' of {folder}' if folder else ''} are left out, such "
            f"as {left}: no depth is paired with them {how}."
        )
    return {rgb[one]: (one, other, label.get(rgb[one])) for one, other in pairs}


def _stamps(tree: Tree, prefix: str, name: str | None, files: Mapping[str, str]) -> dict[str, float]:
    """Time stamps [s] of files, by a list of them or by their names."""
    found = {}
    rows = [] if name is None else [line.split()[:2] for line in read_list(tree.root / prefix / name)]
    rows = rows or [[key, path.removeprefix(prefix)] for path, key in files.items()]
    for row in rows:
        try:
            if len(row) == 2 and prefix + row[1] in files:
                found[prefix + row[1]] = float(row[0])
        except ValueError:
            continue
    return found


def _nearest_stamps(rgb: Mapping[str, float], depth: Mapping[str, float]) -> list[tuple[str, str]]:
    """Pairs of files, the nearest stamps first, each file once, as TUM's associate.py does."""
    stamps = np.array(sorted(depth.values()))
    by_stamp = {stamp: path for path, stamp in depth.items()}
    near = []
    for path, stamp in rgb.items():
        low, high = np.searchsorted(stamps, (stamp - MAX_STAMP_DIFFERENCE - 1e-9, stamp + MAX_STAMP_DIFFERENCE + 1e-9))
        near += [(abs(float(other) - stamp), path, by_stamp[float(other)]) for other in stamps[low:high]]
    pairs: dict[str, str] = {}
    used: set[str] = set()
    for _, one, other in sorted(near):
        if one not in pairs and other not in used:
            pairs[one] = other
            used.add(other)
    return list(pairs.items())
