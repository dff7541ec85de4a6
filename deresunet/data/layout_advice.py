"""Messages about files that were not taken: other folders of a data set, and folders in no layout that is known."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from PIL import Image

from deresunet.data.files import DEPTH_SUFFIXES, LABEL_SUFFIXES, RGB_SUFFIXES
from deresunet.data.layouts import Layout
from deresunet.data.patterns import Tree, match, not_taken
from deresunet.data.text_files import readable
from deresunet.errors import InputError

Modality = Literal["rgb", "depth", "label"]
# Folders looked into for a proposal.
MAX_FOLDERS = 2000
_FLOATS = (".npy", ".npz", ".exr", ".pfm", ".pgm", ".h5", ".hdf5")
_NO_DEPTH = re.compile(r"hha|conf|colou?r|vis|normal|pose|pretty|preview|mask", re.IGNORECASE)
# Recordings that are not read, and the way out of them.
_RECORDINGS = {
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".m4v", ".webm"), ""),
    ".sens": "Export it with ScanNet's SensReader (reader.py --export_color_images --export_depth_images)",
    ".bag": "Export its frames, such as with Open3D's or librealsense's rs-convert -p",
    ".r3d": "Export it from Record3D as EXR + JPG",
    ".svo": "Export it with ZED's ZED_SVO_Export",
    ".oni": "Export its frames with OpenNI's tools",
}


def kind_of_file(path: Path) -> Modality | None:
    """Guess what a file holds, by its form alone: one channel of 16 bits or floats, one of 8 bits, or colours."""
    if path.suffix.lower() in _FLOATS:
        return "depth"
    try:
        with Image.open(path) as image:
            mode, kind = image.mode, image.format
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    if mode.startswith(("I", "F")):
        return "depth"
    return "label" if mode in ("P", "L", "1") and kind != "JPEG" else "rgb"


def notes_on_others(
    tree: Tree,
    folder: str,
    row: Layout,
    files: Mapping[str, tuple[str | None, str | None, str | None]],
    taken: tuple[str, str],
    start: str,
) -> Iterator[str]:
    """Notices on files of a folder that were not taken, though they have the frames' names.

    Args:
        tree: tree of the data set.
        folder: folder in the layout.
        row: its layout.
        files: RGB, depth and label file of each frame there.
        taken: patterns of depth and label that were taken, or "".
        start: what patterns in messages begin with.
    """
    prefix = f"{folder}/" if folder else ""
    for modality, patterns, suffixes in (
        ("depth", row.depth, DEPTH_SUFFIXES),
        ("label", tuple(row.label), LABEL_SUFFIXES),
    ):
        for pattern in patterns:
            if not pattern.endswith("/**"):
                continue
            if taken[modality == "label"] in ("", pattern):
                yield from not_taken(tree, pattern, suffixes, folder)
    used = {path.removeprefix(prefix).split("/")[0] for paths in files.values() for path in paths if path}
    for name in tree.folders(folder):
        if name in used or name.lower() == "meta":
            continue
        held = match(tree, f"{name}/**", (*DEPTH_SUFFIXES, *LABEL_SUFFIXES, ".jpg", ".jpeg"), folder)
        shared = [key for key in files if key in held]
        if 2 * len(shared) < len(files) or not shared:
            continue
        kind = kind_of_file(tree.root / held[shared[0]])
        pattern = "/".join(filter(None, (start, name, "**")))
        if "hha" in name.lower():
            if not taken[0]:
                yield f"{readable(name)}/ is not read: HHA encodes depth in colours, from which metres cannot be had."
        elif kind == "depth" and not _NO_DEPTH.search(name):
            said = "is not read, since another folder of depth is" if taken[0] else "is not read, and no depth is"
            yield f"{readable(name)}/ {said}. Where it holds depth, pass --depth '{pattern}'."
        elif kind == "label" and not taken[1] and "conf" not in name.lower():
            said = "is not read, and no ground truth is"
            yield f"{readable(name)}/ {said}. Where it holds labels, pass --label '{pattern}'."


def not_recognised(root: Path, rows: Sequence[str]) -> InputError:
    """Error of a folder in no layout: what lies there, and the patterns that would open it.

    Args:
        root: the folder or file.
        rows: descriptions of what is looked for.
    """
    if not root.exists():
        return InputError(f"{root}: no such folder.")
    if not root.is_dir():
        return InputError(
            f"{root} is a file; expected the folder of a data set (unpack an archive), or a frame list (frames.csv)."
        )
    tree = Tree(root)
    groups = list(_groups(tree))
    said = f"{root} is no data set that is known. There: {_described(tree)}."
    recordings = [name for name in tree.files() if Path(name).suffix.lower() in _RECORDINGS]
    if recordings:
        return InputError(f"{said} {recording_advice(root / recordings[0], root / 'depth')}")
    patterns = _proposal(tree, groups)
    if not patterns:
        return InputError(
            f"{said} Looked for: {'; '.join(rows)}, here and up to three folders below. Give the folder that holds "
            "them, or patterns such as --rgb 'color/*.jpg' --depth 'depth/*.png'; docs/data.md shows what opens."
        )
    options = " ".join(f"--{modality} '{pattern}'" for modality, pattern in patterns.items())
    nearest = ", ".join(f"{modality}/" for modality in patterns)
    return InputError(f"{said} The nearest layout is a folder with {nearest}: rename them, or pass {options}.")


def recording_advice(path: Path, depth: Path) -> str:
    """Advise on a video or another recording that is not read; `depth` is the folder of its depth, if any."""
    advice = _RECORDINGS.get(path.suffix.lower(), "")
    if advice:
        return f"{path.name} is a recording, which is not read. {advice}, and give the folder of its frames."
    stems = [Path(name).stem for name in Tree(depth).files()] if depth.is_dir() else []
    first = next((stem for stem in stems if stem.isdecimal()), "")
    digits = f"%0{len(first)}d" if len(first) > 1 else "%d" if first else "%06d"
    # A folder's first number is rarely any but 0 or 1.
    start = int(first) if first else 0
    folder = path.with_name("rgb")
    return (
        f"{path.name} is a video, which is not read. Write its frames as images, and give the folder that holds them: "
        f"mkdir {folder} && ffmpeg -i {path} -start_number {start} -q:v 2 {folder}/{digits}.jpg"
    )


def is_recording(path: Path) -> bool:
    """Whether a file is a video or another recording, by its suffix."""
    return path.suffix.lower() in _RECORDINGS


def _described(tree: Tree) -> str:
    """Folders and files of a folder, with numbers of files by suffix."""
    parts = []
    for name in tree.folders()[:6]:
        inner = Counter(Path(file).suffix.lower() for file in match(tree, f"{name}/**", ()).values())
        counted = ", ".join(f"{count} {suffix or 'files'}" for suffix, count in inner.most_common(3))
        parts.append(f"{readable(name)}/ ({counted or 'empty'})")
    files = Counter(Path(file).suffix.lower() for file in tree.files())
    parts += [f"{count} {suffix or 'files'}" for suffix, count in files.most_common(4)]
    more = len(tree.folders()) - 6
    return (", ".join(parts) or "nothing") + (f", and {more} folders more" if more > 0 else "")


def _groups(tree: Tree) -> Iterator[tuple[str, str]]:
    """Patterns of files that lie together, each with a file of it, in order."""
    seen: set[str] = set()
    for level in tree.levels(MAX_FOLDERS):
        for folder in level:
            prefix = f"{folder}/" if folder else ""
            forms: dict[str, list[str]] = {}
            for name in tree.files(folder):
                stem, suffix = Path(name).stem, Path(name).suffix
                forms.setdefault(re.sub(r"[0-9]+", "*", stem, count=1) + suffix, []).append(name)
            # Names that differ in more than a number are taken together, by suffix.
            if len(forms) > 4 or not any("*" in form for form in forms):
                forms = {}
                for name in tree.files(folder):
                    forms.setdefault("*" + Path(name).suffix, []).append(name)
            for form, names in forms.items():
                if "*" in form and prefix + form not in seen:
                    seen.add(prefix + form)
                    yield prefix + form, prefix + names[0]


def _proposal(tree: Tree, groups: Sequence[tuple[str, str]]) -> dict[Modality, str]:
    """Patterns by which a folder's files pair, by their form alone; nothing without RGB."""
    kinds: dict[Modality, dict[str, set[str]]] = {"rgb": {}, "depth": {}, "label": {}}
    # Folders of one name beside one another are scenes or splits.
    tails = Counter(pattern.partition("/")[2] for pattern, _ in groups if pattern.count("/") > 1)
    for pattern, example in groups:
        tail = pattern.partition("/")[2]
        general = f"*/{tail}" if tails.get(tail, 0) > 1 else pattern
        kind = kind_of_file(tree.root / example)
        if kind is not None and general not in kinds[kind]:
            kinds[kind][general] = set(match(tree, general, (*RGB_SUFFIXES, *DEPTH_SUFFIXES)))
    if not kinds["rgb"]:
        return {}
    others: tuple[Modality, Modality] = ("depth", "label")
    paired: dict[str, dict[Modality, str]] = {
        rgb: {
            modality: max(kinds[modality], key=lambda one: len(kinds[modality][one] & keys))
            for modality in others
            if any(keys & held for held in kinds[modality].values())
        }
        for rgb, keys in kinds["rgb"].items()
    }
    rgb = max(paired, key=lambda one: (len(paired[one]), len(kinds["rgb"][one])))
    return {"rgb": rgb, **paired[rgb]}
