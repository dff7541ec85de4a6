"""Exports of label tools: masks in colours or in numbers of their own, with a file that names them; labelme's JSON.

All of them are brought to one class set by name, so that numbers of one tool are never taken for those of another:

- CVAT, "Segmentation mask 1.1": labelmap.txt, lines of `name:r,g,b:parts:actions` (docs.cvat.ai, format-smask).
- Roboflow, "Semantic Segmentation Masks": _classes.csv, lines of `Pixel Value, Class`.
- Supervisely, "Export as masks": obj_class_to_machine_color.json, `{"name": [r, g, b]}`, for masks_machine/.
- Segments.ai: the release's JSON, whose task_attributes.categories have id and name, for `export_format="semantic"`.
- labelme: class_names.txt of labelme2voc; label_names.txt of labelme_export_json, an own one for each image; and its
  JSON of polygons.
"""

from __future__ import annotations

import base64
import csv
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from deresunet.class_tables import key as same_name
from deresunet.classes import BUILT_IN, SUNRGBD37, ClassSet, label_map
from deresunet.data.arrays import check_pixels, reading
from deresunet.data.images import GREY_FORMATS, open_image
from deresunet.data.labels import LabelFormat, read_stored_label
from deresunet.data.text_files import read_json, read_text
from deresunet.errors import InputError

# Names that tools give to what nobody annotated.
_BACKGROUND = {
    same_name(name) for name in ("background", "_background_", "__ignore__", "unlabeled", "unlabelled", "void")
}
_LABELME = "labelme"
# Folders above a label file that are looked into for the file that names its classes.
_LEVELS = 4
_MOST_UNKNOWN = 0.0005  # share of pixels of a colour that is nobody's, as antialiased edges leave them


@dataclass(frozen=True)
class _Key:
    """Names of the values, and of the colours 0xrrggbb, of the label files in a folder."""

    title: str
    numbers: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class NamedLabels:
    """Label files whose classes have names of their own; read as numbers of one class set.

    Attributes:
        title: the tool that wrote them.
        class_set: their names, without those of unlabelled pixels, in the order in which they were found.
        keys: what names values or colours, by folder.
    """

    title: str
    class_set: ClassSet
    keys: Mapping[Path, _Key] = field(default_factory=dict)

    @property
    def scored(self) -> ClassSet:
        """Classes to score over: SUN RGB-D's 37 where all names are of NYU's 40, otherwise the files' own."""
        others = set(map(same_name, label_map(self.class_set, SUNRGBD37).missing))
        return SUNRGBD37 if others <= set(map(same_name, BUILT_IN["nyu40"].names)) else self.class_set

    @property
    def notice(self) -> str:
        """Sentence on how the labels were understood."""
        names = ", ".join(self.class_set.names[:5])
        more = f", ... ({len(self.class_set)} classes)" if len(self.class_set) > 5 else ""
        return f"The label files are read by the names that {self.title} gives: {names}{more}."

    def read(self, path: Path) -> np.ndarray:
        """Label of a file, uint8 (H, W): 0 = void, 1..N of `class_set`.

        Raises:
            InputError: the file cannot be read, or has a value or colour without a name.
        """
        if path.suffix.lower() == ".json":
            return self._labels(_polygons(read_json(path), path))
        key = next((self.keys[folder] for folder in _above(path) if folder in self.keys), None)
        numbers = _numbers_of_image(path)
        if numbers is not None:
            return self._labels((read_stored_label(path), numbers))
        assert key is not None
        if key.colours:
            return self._by_colour(path, key)
        return self._labels((read_stored_label(path), key.numbers), path.name)

    def _labels(self, found: tuple[np.ndarray, Mapping[int, str]], name: str = "") -> np.ndarray:
        values, names = found
        present = np.unique(values)
        unnamed = [int(value) for value in present if int(value) not in names and value != 0]
        if unnamed:
            known = ", ".join(f"{number} {names[number]}" for number in list(names)[:4])
            raise InputError(f"{name}: the value {unnamed[-1]} has no name; {self.title} names {known}, ...")
        label = np.zeros(values.shape, np.uint8)
        for value in present:
            label[values == value] = self._label(names.get(int(value), ""))
        return label

    def _by_colour(self, path: Path, key: _Key) -> np.ndarray:
        with open_image(path, GREY_FORMATS, f"a mask as {key.title} writes it") as image:
            if image.mode in ("L", "LA", "I;16", "I"):  # the number of the line instead of its colour
                return self._labels((np.asarray(image.convert("L")), dict(enumerate(key.colours.values()))), path.name)
            rgb = np.asarray(image.convert("RGB")).astype(np.int64)
        codes = rgb @ np.array([65536, 256, 1])
        present, where, counts = np.unique(codes, return_inverse=True, return_counts=True)
        others = [k for k, code in enumerate(present.tolist()) if code not in key.colours and code != 0]
        if counts[others].sum() > _MOST_UNKNOWN * codes.size:
            worst = int(present[max(others, key=lambda k: int(counts[k]))])
            raise InputError(
                f"{path.name}: the colour {worst >> 16},{worst >> 8 & 255},{worst & 255} is in no line of {key.title}. "
                "Add it there as name:r,g,b::, or export the masks again."
            )
        table = np.array([self._label(key.colours.get(code, "")) for code in present.tolist()], np.uint8)
        return table[where.reshape(codes.shape)]

    def _label(self, name: str) -> int:
        return 0 if same_name(name) in _BACKGROUND else self.class_set.label_of(name) or 0


def find_named_labels(paths: Sequence[Path], root: Path) -> NamedLabels | None:
    """Find what names the classes of a data set's label files, or None where nothing does.

    Args:
        paths: the label files.
        root: the data set's folder, above which nothing is looked for.

    Raises:
        InputError: a file that names classes cannot be read, or names fewer than two of them.
    """
    keys: dict[Path, _Key] = {}
    looked: set[Path] = set()
    for path in paths:
        for folder in _above(path):
            if folder not in looked:
                looked.add(folder)
                key = _key_of_folder(folder)
                if key is not None:
                    keys[folder] = key
            if folder in keys or folder == root:
                break
    names = [name for key in keys.values() for name in (key.colours or key.numbers).values()]
    title = next((key.title for key in keys.values()), "")
    by_image = False
    for path in paths:
        found = _polygons(read_json(path), path)[1] if path.suffix.lower() == ".json" else _numbers_of_image(path)
        if found is not None:
            by_image, title = True, title or f"{_LABELME}'s files"
            names += found.values()
    if not keys and not by_image:
        return None
    own = dict.fromkeys(name for name in names if same_name(name) not in _BACKGROUND)
    return NamedLabels(title, ClassSet(root.resolve().name or "labels", tuple(_once(own))), keys)


def named_format(
    paths: Sequence[Path],
    root: Path,
    classes: ClassSet | str | os.PathLike[str] | None = None,
    aliases: str | os.PathLike[str] | None = None,
) -> LabelFormat | None:
    """Format of label files whose classes a tool's file names, or None where none does.

    Args:
        paths: the label files.
        root: the data set's folder.
        classes: what is to be scored over, if it was said; otherwise the folder's class file, or `NamedLabels.scored`.
        aliases: file of other names of its classes, see `deresunet.class_files.read_label_map`.

    Raises:
        InputError: see `find_named_labels`.
    """
    named = find_named_labels(paths, root)
    if named is None:
        return None
    wanted = classes or ClassSet.find(root) or named.scored
    return replace(LabelFormat.choose(named.class_set, classes=wanted, aliases=aliases), tool=named)


def _above(path: Path) -> Iterable[Path]:
    return list(path.parents)[:_LEVELS]


def _once(names: Iterable[str]) -> Iterable[str]:
    seen: set[str] = set()
    for name in names:
        if same_name(name) not in seen:
            seen.add(same_name(name))
            yield name


def _key_of_folder(folder: Path) -> _Key | None:
    if (folder / "labelmap.txt").is_file():
        return _cvat(folder / "labelmap.txt")
    if (folder / "_classes.csv").is_file():
        return _roboflow(folder / "_classes.csv")
    if (folder / "obj_class_to_machine_color.json").is_file():
        return _supervisely(folder / "obj_class_to_machine_color.json")
    if (folder / "class_names.txt").is_file():
        return _Key("class_names.txt (labelme)", dict(enumerate(_lines(folder / "class_names.txt"))))
    for path in sorted(folder.glob("*.json"))[:3] if any(folder.glob("*_label_*_semantic.png")) else ():
        found = _segments_ai(path)
        if found is not None:
            return found
    return None


def _cvat(path: Path) -> _Key:
    colours = {}
    for line in read_text(path).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"\s*(.+?)\s*:\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*(?::.*)?", line)
        if match is None or max(int(match[k]) for k in (2, 3, 4)) > 255:
            raise InputError(f"{path}: {line[:60]!r} is no line of a label map. Expected name:r,g,b:: a line.")
        colours[int(match[2]) << 16 | int(match[3]) << 8 | int(match[4])] = match[1]
    return _Key("labelmap.txt (CVAT)", colours=colours)


def _roboflow(path: Path) -> _Key:
    numbers = {}
    for row in list(csv.reader(io.StringIO(read_text(path)), skipinitialspace=True))[1:]:
        if not row:
            continue
        if len(row) < 2 or not row[0].strip().isdigit():
            raise InputError(f"{path}: {','.join(row)[:60]!r} is no line of it. Expected a pixel value and a class.")
        numbers[int(row[0])] = row[1].strip()
    return _Key("_classes.csv (Roboflow)", numbers)


def _supervisely(path: Path) -> _Key:
    described = read_json(path)
    try:
        numbers = {int(colour[0]): str(name) for name, colour in described.items()}
        grey = all(len({*map(int, colour)}) == 1 for colour in described.values())
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise InputError(f'{path}: expected {{"name": [1, 1, 1]}} for each class.') from error
    if not grey:
        raise InputError(f"{path}: its colours are not numbers in grey, as Supervisely's machine masks have them.")
    return _Key("obj_class_to_machine_color.json (Supervisely)", numbers)


def _segments_ai(path: Path) -> _Key | None:
    described = read_json(path)
    try:
        categories = described["dataset"]["task_attributes"]["categories"]
        numbers = {int(category["id"]): str(category["name"]) for category in categories}
    except (KeyError, TypeError, ValueError):
        return None
    return _Key(f"{path.name} (Segments.ai)", numbers)


def _lines(path: Path) -> list[str]:
    names = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    # labelme2voc writes __ignore__ for -1 first where it has it.
    return names[1:] if names and names[0] == "__ignore__" else names


def _numbers_of_image(path: Path) -> dict[int, str] | None:
    """Names of one image's own numbers: label_names.txt beside label.png, or labelme's JSON of the same name."""
    if path.name == "label.png" and (path.parent / "label_names.txt").is_file():
        return dict(enumerate(_lines(path.parent / "label_names.txt")))
    beside = path.with_suffix(".json")
    if path.suffix.lower() == ".json" or not beside.is_file():
        return None
    described = read_json(beside)
    if not isinstance(described, dict) or "shapes" not in described:
        return None
    # labelme_export_json numbers the labels of an image in the order of their names.
    names = sorted({str(shape.get("label", "")) for shape in described["shapes"] if isinstance(shape, dict)})
    return {0: "_background_", **dict(enumerate((name for name in names if name != "_background_"), 1))}


def _polygons(described: Any, path: Path) -> tuple[np.ndarray, dict[int, str]]:
    """Label of labelme's JSON, int32 (H, W), and the names of its numbers; later shapes lie over earlier ones."""
    if isinstance(described, dict) and "objects" in described and "size" in described:
        raise InputError(
            f"{path.name} is Supervisely's own JSON. Export masks (the app Export as masks, machine masks), and give "
            "masks_machine/ with obj_class_to_machine_color.json beside."
        )
    with reading(path, "labelme's JSON with shapes, imageHeight and imageWidth"):
        if not isinstance(described, dict) or not isinstance(described.get("shapes"), list):
            raise InputError(f"{path.name} is no JSON of labelme: it has no shapes. Give class numbers as PNG.")
        height, width = int(described["imageHeight"]), int(described["imageWidth"])
        check_pixels(path.name, width, height)
        names = list(dict.fromkeys(str(shape["label"]) for shape in described["shapes"]))
        canvas = Image.new("I", (width, height), 0)
        for shape in described["shapes"]:
            _draw(canvas, shape, names.index(str(shape["label"])) + 1)
        return np.asarray(canvas), {0: "_background_", **dict(enumerate(names, 1))}
    raise AssertionError("unreachable")


def _draw(canvas: Image.Image, shape: Mapping[str, Any], value: int) -> None:
    points = [(float(x), float(y)) for x, y in shape["points"]]
    kind = shape.get("shape_type") or "polygon"
    draw = ImageDraw.Draw(canvas)
    if kind == "polygon" and len(points) >= 3:
        draw.polygon(points, fill=value)
    elif kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        draw.rectangle((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), fill=value)
    elif kind == "circle" and len(points) == 2:
        (x, y), (x1, y1) = points
        radius = float(np.hypot(x1 - x, y1 - y))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value)
    elif kind == "mask":
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"])), formats=("PNG",)) as mask:
            check_pixels("a mask", mask.width, mask.height)
            canvas.paste(value, (round(points[0][0]), round(points[0][1])), mask.convert("1"))
    # Lines and points cover no pixels.
