"""Frames of a folder, found by the rows of `layouts`, by patterns, or in a frame list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from deresunet.data.files import DEPTH_SUFFIXES, LABEL_SUFFIXES, RGB_SUFFIXES
from deresunet.data.layout_advice import is_recording, not_recognised, notes_on_others, recording_advice
from deresunet.data.layouts import INTRINSICS_FILES, LISTS, OWN_PATTERNS, ROWS, SPLIT_FOLDERS, Layout
from deresunet.data.patterns import Tree, match, matches, natural, split_pattern
from deresunet.data.source import Source
from deresunet.data.text_files import read_list, readable
from deresunet.errors import InputError

# Levels below the folder given at which frames are looked for.
LEVELS = 3
# Folders looked into for frames before a large tree of something else is given up.
MAX_FOLDERS = 20_000
# TUM's associate.py: time stamps of one frame differ by at most this [s].
MAX_STAMP_DIFFERENCE = 0.02
# Lines of a text file by which it is known whether it lists frames.
LIST_LINES = 50
# What names of RGB, depth and label files of one frame differ in.
_MODALITY = re.compile(
    r"(?:^|[._-])(?:rgb|colou?r|image|img|(?:sync_)?depth(?:_meters)?|labels?|semantics?|seg|gt|domain)(?=$|[._-])",
    re.I,
)


@dataclass(frozen=True)
class FrameFiles:
    """Files of a frame.

    Attributes:
        name: what to call the frame.
        rgb: RGB image, or None.
        depth: depth file, or None.
        label: label file, or None.
        split: split that its folder or its frame list says, or "".
        scene: recording that its folder or its frame list says, or "".
        intrinsics: file or text with its intrinsics, or None.
    """

    name: str
    rgb: Path | None = None
    depth: Path | None = None
    label: Path | None = None
    split: str = ""
    scene: str = ""
    intrinsics: Path | str | None = None


@dataclass
class Found:
    """Frames of a data set as found on disk.

    Attributes:
        root: folder that the frames lie in.
        layout: row of the table.
        frames: frames by name, in natural order.
        splits: names of the frames of each list and of each folder of a split.
        label_set: label set of the label files that were taken, as `Layout.label` says.
        notices: what was left out, and why.
        broken: what is wrong with a list, for those that ask for its split.
    """

    root: Path
    layout: Layout
    frames: dict[str, FrameFiles]
    splits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    label_set: str | None = None
    notices: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)


def recognise_row(tree: Tree) -> tuple[str, tuple[str, ...]] | None:
    """Name of the row that a folder, or most folders in it, are in, and those folders; None if there is none.

    The nearest level with frames is taken; `("",)` is the folder itself.
    """
    level = [""]
    looked = 0
    for _ in range(LEVELS + 1):
        fitting: dict[str, list[str]] = {}
        for folder in level:
            looked += 1
            name = next((name for name, row in ROWS.items() if _fits(tree, folder, row)), None)
            if name is not None:
                fitting.setdefault(name, []).append(folder)
        if fitting:
            name = max(fitting, key=lambda name: len(fitting[name]))
            return name, tuple(fitting[name])
        level = [f"{folder}/{inner}" if folder else inner for folder in level for inner in tree.folders(folder)]
        if not level or looked + len(level) > MAX_FOLDERS:
            break
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
                "other. Files are paired by what the stars stand for."
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
    _add_splits(found)
    if source.root is not None:
        _add_lists(found, Tree(root))
    return found


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
            raise InputError(recording_advice(whole, root / "depth"))
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
    others = set(match(tree, inner, ()).values()) - {path.relative_to(base).as_posix() for path in found.values()}
    others = {path for path in others if not path.lower().endswith(suffixes)}
    if others:
        notices.append(
            f"{len(others)} files in {folder or root} are not taken, such as {readable(min(others))}. Expected "
            f"{', '.join(suffixes)}."
        )
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


def _fits(tree: Tree, folder: str, row: Layout) -> bool:
    """Whether a folder of the tree is in a row's layout, by its files' names."""
    if row.marks and not {name.lower() for name in tree.files(folder)} & set(row.marks):
        return False
    if row.alone:
        return any(matches(tree, pattern, RGB_SUFFIXES, folder) for pattern in row.rgb)
    return bool(_files_of_row(tree, folder, row)[0])


def _folders_of(tree: Tree, row: Layout) -> tuple[str, ...]:
    """Folders in a row's layout at the nearest level that has some."""
    level = [""]
    for _ in range(LEVELS + 1):
        fitting = tuple(folder for folder in level if _fits(tree, folder, row))
        if fitting:
            return fitting
        level = [f"{folder}/{inner}" if folder else inner for folder in level for inner in tree.folders(folder)]
        if len(level) > MAX_FOLDERS:
            break
    return ()


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
            files, taken = _files_by_stamps(tree, folder, row, found.notices), ("depth/**", "")
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
    _add_splits(found)
    _add_lists(found, tree)
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


def _add_splits(found: Found) -> None:
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


def _add_lists(found: Found, tree: Tree) -> None:
    """Take the text files that list frames for splits."""
    resolve = _resolver(found)
    for pattern in LISTS:
        for key, path in match(tree, pattern, (".txt",)).items():
            try:
                lines = read_list(tree.root / path)
            except InputError:
                continue
            names = [resolve(line) for line in lines if not line.startswith("#")]
            if not any(names[:LIST_LINES]) and key.lower() not in SPLIT_FOLDERS:
                continue  # a text about something else
            absent = [line for line, resolved in zip(lines, names, strict=False) if not resolved]
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


def _files_by_stamps(tree: Tree, folder: str, row: Layout, notices: list[str]) -> _Files:
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
