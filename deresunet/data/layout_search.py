"""Frames of a folder, found by the rows of `layouts`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from deresunet.data.files import DEPTH_SUFFIXES, LABEL_SUFFIXES, RGB_SUFFIXES
from deresunet.data.frame_files import Found, FrameFiles
from deresunet.data.layout_advice import not_recognised, notes_on_others
from deresunet.data.layouts import INTRINSICS_FILES, ROWS, SPLIT_FOLDERS, Layout
from deresunet.data.patterns import Tree, match, matches
from deresunet.data.split_lists import add_lists, add_splits
from deresunet.data.text_files import readable
from deresunet.data.time_stamps import files_by_stamps
from deresunet.errors import InputError

# Levels below the folder given at which frames are looked for.
LEVELS = 3
# Folders looked into for frames before a large tree of something else is given up.
MAX_FOLDERS = 20_000
# What names of RGB, depth and label files of one frame differ in.
_MODALITY = re.compile(
    r"(?:^|[._-])(?:rgb|colou?r|image|img|(?:sync_)?depth(?:_meters)?|labels?|semantics?|seg|gt|domain)(?=$|[._-])",
    re.I,
)


def recognise_row(tree: Tree) -> tuple[str, tuple[str, ...]] | None:
    """Name of the row that a folder, or most folders in it, are in, and those folders; None if there is none.

    The nearest level with frames is taken; `("",)` is the folder itself.
    """
    for level in islice(tree.levels(MAX_FOLDERS), LEVELS + 1):
        fitting: dict[str, list[str]] = {}
        for folder in level:
            name = next((name for name, row in ROWS.items() if _fits(tree, folder, row)), None)
            if name is not None:
                fitting.setdefault(name, []).append(folder)
        if fitting:
            name = max(fitting, key=lambda name: len(fitting[name]))
            return name, tuple(fitting[name])
    return None


def unknown_layout(root: Path, others: Sequence[str] = ()) -> InputError:
    """Error of a folder that no row fits; `others` are what is looked for besides."""
    above = root.resolve().parent
    if root.is_dir() and any(_fits(Tree(above), "", row) for row in ROWS.values()):
        return InputError(f"{root} is a part of the data set in the folder above. Give --data {above}.")
    return not_recognised(root, [*others, *dict.fromkeys(row.title for row in ROWS.values())])


def find_row(root: Path, name: str | None = None) -> Found | None:
    """Find the frames of a folder by the table.

    Args:
        root: the folder.
        name: row of the table; None takes the first that fits.

    Returns:
        None if no row fits.

    Raises:
        InputError: a folder cannot be read.
    """
    tree = Tree(root)
    if name is None:
        recognised = recognise_row(tree)
        if recognised is None:
            return None
        name, folders = recognised
    else:
        folders = _folders_of(tree, ROWS[name])
        if not folders:
            return None
    if len(folders) == 1 and folders[0] and folders[0].rsplit("/", 1)[-1].lower() not in SPLIT_FOLDERS:
        tree, folders = Tree(root / folders[0]), ("",)
    return _collect(tree, ROWS[name], folders, root)


def _fits(tree: Tree, folder: str, row: Layout) -> bool:
    """Whether a folder of the tree is in a row's layout, by its files' names."""
    if row.marks and not {name.lower() for name in tree.files(folder)} & set(row.marks):
        return False
    if row.alone:
        return any(matches(tree, pattern, RGB_SUFFIXES, folder) for pattern in row.rgb)
    return bool(_files_of_row(tree, folder, row)[0])


def _folders_of(tree: Tree, row: Layout) -> tuple[str, ...]:
    """Folders in a row's layout at the nearest level that has some."""
    levels = islice(tree.levels(MAX_FOLDERS), LEVELS + 1)
    fitting = (tuple(folder for folder in level if _fits(tree, folder, row)) for level in levels)
    return next(filter(None, fitting), ())


_Files = dict[str, tuple[str | None, str | None, str | None]]


def _files_of_row(tree: Tree, folder: str, row: Layout) -> tuple[_Files, tuple[str, str]]:
    """Files of RGB, depth and label of a folder by a row, by key, and the patterns of depth and label that were taken.

    None where a row that needs depth or label beside RGB finds none.
    """
    depths = {pattern: match(tree, pattern, DEPTH_SUFFIXES, folder) for pattern in row.depth}
    labels = {pattern: match(tree, pattern, LABEL_SUFFIXES, folder) for pattern in row.label}
    other = {path for files in (*depths.values(), *labels.values()) for path in files.values()}
    for pattern in row.rgb:
        rgb = {key: path for key, path in match(tree, pattern, RGB_SUFFIXES, folder).items() if path not in other}
        if not rgb:
            continue
        depth_pattern, depth = _paired(rgb, depths)
        label_pattern, label = _paired(rgb, labels)
        if row.alone or depth or label:
            return {key: (rgb[key], depth.get(key), label.get(key)) for key in rgb}, (depth_pattern, label_pattern)
    return {}, ("", "")


def _paired(rgb: Mapping[str, str], tried: Mapping[str, Mapping[str, str]]) -> tuple[str, dict[str, str]]:
    """The first pattern that pairs with RGB, and its files by RGB's keys; else the first that has files, and none.

    Keys that differ in the name of the modality alone, as 0001_rgb and 0001_depth, are the same.
    """
    for pattern, files in tried.items():
        paired = {key: files[key] for key in rgb if key in files}
        if not paired and files:
            by_bare = {_bare(key): path for key, path in files.items()}
            bare = [_bare(key) for key in rgb]
            if len(by_bare) == len(files) and len(set(bare)) == len(bare):
                paired = {key: by_bare[one] for key, one in zip(rgb, bare, strict=True) if one in by_bare}
        if paired:
            return pattern, paired
    return next((pattern for pattern, files in tried.items() if files), ""), {}


def _bare(key: str) -> str:
    folder, slash, name = key.rpartition("/")
    return folder + slash + _MODALITY.sub("", name).strip("._-")


def _collect(tree: Tree, row: Layout, folders: Sequence[str], given: Path) -> Found:
    """Frames of folders in one row's layout; `given` is the folder that patterns in messages start from."""
    found = Found(tree.root, row, {})
    label_sets: dict[str | None, None] = {}
    # Folders above all of the scenes say nothing about one of them.
    common = _common_folder(folders)
    for folder in folders:
        if row.pairing == "stamps":
            files, taken = files_by_stamps(tree, folder, row, found.notices), ("depth/**", "")
        else:
            files, taken = _files_of_row(tree, folder, row)
        if taken[1] in row.label:
            label_sets[row.label[taken[1]]] = None
        inner = folder[len(common) :].lstrip("/")
        intrinsics = next(iter(_intrinsics_files(tree, folder)), None)
        for key, (rgb, depth, label) in files.items():
            name = f"{readable(inner)}/{key}" if inner else key
            at = [None if path is None else tree.root / path for path in (rgb, depth, label)]
            scene = name.rpartition("/")[0]
            found.frames[name] = FrameFiles(name, at[0], at[1], at[2], scene=scene, intrinsics=intrinsics)
        above = tree.root.relative_to(given).as_posix().strip(".")
        start = "/".join(filter(None, (above, common, *("*" for _ in filter(None, inner.split("/"))))))
        found.notices += notes_on_others(tree, folder, row, files, taken, start)
    if len(label_sets) > 1:
        raise InputError(
            f"{tree.root}: its folders have labels of several sets, {', '.join(map(str, label_sets))}. Give one of "
            "them with --label and its pattern."
        )
    found.label_set = next(iter(label_sets), None)
    found.notices = list(dict.fromkeys(found.notices))
    add_splits(found)
    if row.pairing == "name":  # texts of a sequence list time stamps
        add_lists(found, tree)
    return found


def _common_folder(folders: Sequence[str]) -> str:
    """Folder that all of several lie in, below one another or side by side; "" for a single one."""
    parts = [folder.split("/")[:-1] for folder in folders]
    common = []
    for together in zip(*parts, strict=False):
        if len(set(together)) > 1:
            break
        common.append(together[0])
    return "/".join(common)


def _intrinsics_files(tree: Tree, folder: str) -> Iterator[Path]:
    """Files with intrinsics in a folder of frames, or above it up to the tree's root."""
    places = [folder]
    while places[-1]:
        places.append(places[-1].rpartition("/")[0])
    for place in places:
        there = {name.lower(): name for name in tree.files(place)}
        for name in INTRINSICS_FILES:
            if name in there:
                yield tree.root / place / there[name]
            elif "/" in name and (tree.root / place / name).is_file():
                yield tree.root / place / name
