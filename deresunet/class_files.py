"""Files that name classes (classes.txt, classes.yaml) and label maps, read into plain descriptions."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from deresunet.class_tables import key
from deresunet.errors import InputError

# Files that name a data folder's classes.
CLASS_FILES = ("classes.yaml", "classes.yml", "classes.txt")
_VOID_NAMES = {key(name) for name in ("void", "unlabelled", "unlabeled", "__ignore__", "none", "null", "")}
_MAX_BYTES = 1 << 20


def is_void(name: str) -> bool:
    """Whether a name stands for unlabelled pixels instead of a class."""
    return key(name) in _VOID_NAMES


def class_file(folder: str | os.PathLike[str]) -> Path | None:
    """The file that names a data folder's classes, or None.

    Raises:
        InputError: there are several.
    """
    found = [Path(folder) / name for name in CLASS_FILES if (Path(folder) / name).is_file()]
    if len(found) > 1:
        raise InputError(f"{folder} has {' and '.join(path.name for path in found)}. Keep one of them.")
    return found[0] if found else None


def read_classes(path: Path) -> dict[str, Any]:
    """Fields of the `ClassSet` that a file names: name, names, display_names, colours, void.

    A text file has one name a line, class 1 first, with a colour as '#rrggbb' after it or none. A YAML file has
    `classes`, a list of names or of mappings of name, colour and display_name, and may have `name` and `void`. A first
    entry called void or unlabelled stands for 0.

    Raises:
        InputError: it cannot be read, or is no list of classes.
    """
    stem = path.parent.resolve().name if path.stem == "classes" else path.stem
    name = stem or "classes"
    if path.suffix.lower() in (".yaml", ".yml"):
        return _from_yaml(path, name)
    names, colours = [], []
    lines = [line for line in _read_text(path).rstrip().splitlines() if not line.startswith("#")]
    for number, line in enumerate(lines, 1):
        match = re.fullmatch(r"\s*(.*?)(?:[\s,;]+(#[0-9a-fA-F]{6}))?\s*", line)
        assert match is not None
        if not match[1]:
            raise InputError(f"{path.name}: line {number} is empty; expected one name a line, class 1 first.")
        names.append(match[1])
        colours.append(match[2] or "")
    return _fields(name, names, [""] * len(names), colours, 0)


def _from_yaml(path: Path, name: str) -> dict[str, Any]:
    content = _load_yaml(path)
    described = content if isinstance(content, dict) else {"classes": content}
    unknown = [str(key)[:50] for key in described if key not in ("name", "void", "classes", "names")]
    entries = described.get("classes", described.get("names"))
    if unknown or entries is None:
        found = f"it has {', '.join(unknown[:5])}" if unknown else "it has no classes"
        raise InputError(f"{path.name}: {found}; expected `classes`, a list of names, and perhaps `name` and `void`.")
    if isinstance(entries, dict):
        numbers = list(entries)
        first = 0 if numbers and numbers[0] == 0 else 1
        if numbers != list(range(first, len(numbers) + first)):
            raise InputError(f"{path.name}: its classes are numbered {str(numbers)[:80]}; expected 1, 2, 3, ...")
        entries = list(entries.values())
        if first == 0 and not (entries and is_void(str(entries[0]))):
            raise InputError(
                f"{path.name}: its classes count from 0, which is void here. Number them from 1, and pass "
                "--label-offset 1 with label files that count from 0."
            )
    if not isinstance(entries, list):
        raise InputError(f"{path.name}: `classes` is {str(entries)[:80]!r}; expected a list of names.")
    names: list[str] = []
    shown: list[str] = []
    colours: list[str] = []
    for entry in entries:
        fields = entry if isinstance(entry, dict) else {"name": entry}
        wrong = [str(key)[:50] for key in fields if key not in ("name", "display_name", "colour", "color")]
        values = [fields.get("name"), fields.get("display_name", ""), fields.get("colour", fields.get("color", ""))]
        if wrong or not all(isinstance(value, str) for value in values):
            raise InputError(
                f"{path.name}: {str(entry)[:80]!r} is no class; expected a name, or name, colour and display_name. "
                "Write names that YAML takes for numbers or truth values in quotes."
            )
        for kept, value in zip((names, shown, colours), values, strict=True):
            kept.append(value)
    called = described.get("name", name)
    return _fields(called, names, shown, colours, described.get("void", 0))


def _fields(name: Any, names: list[str], shown: list[str], colours: list[str], void: Any) -> dict[str, Any]:
    start = 1 if names and is_void(names[0]) else 0
    lists = {"names": names[start:], "display_names": shown[start:], "colours": colours[start:]}
    return {"name": name, **lists, "void": void}


def read_label_map(path: str | os.PathLike[str]) -> dict[str, str | None]:
    """Read a YAML file of lines like "couch: sofa", source's name first; void or nothing for no counterpart.

    Raises:
        InputError: the file is missing or no mapping of names.
    """
    path = Path(path)
    content = _load_yaml(path)
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path.name}: expected a line 'name: name' a class, such as 'couch: sofa'.")
    mapping: dict[str, str | None] = {}
    for name, to in content.items():
        if not isinstance(name, str) or not (to is None or isinstance(to, str)):
            raise InputError(f"{path.name}: {str(name)[:50]!r}: {str(to)[:50]!r} is no pair of class names.")
        mapping[name] = to
    return mapping


def _load_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(_read_text(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{path.name} is no YAML: {str(error).splitlines()[0]}.") from error


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path.name} has more than {_MAX_BYTES:,} bytes; expected class names.")
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no text in UTF-8; expected one name a line.") from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.") from error
