"""Class sets: names, colours and void of the classes that labels count, and the way from one set to another.

In arrays and on disk 0 is void and 1..N are the classes; network index k is class k + 1.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from deresunet import class_files, class_tables
from deresunet.errors import InputError

VOID = 0
MAX_CLASSES = 255  # so that a label fits into uint8
_MAX_NAME = 100
_MAX_ALIASES = 10_000
_MARKUP = re.compile('[<>"]').search


@dataclass(frozen=True)
class ClassSet:
    """Names, colours and void value of 2 to 255 classes.

    Attributes:
        name: what the set is called on the command line and in results.
        names: as the data set spells them, class 1 first.
        display_names: as the page and reports write them; made of `names` where left out.
        colours: as '#rrggbb'; those left out ("" or all of them) are the farthest in OKLab from those before, but for
            names that SUN RGB-D has, which keep its colours.
        void: value in label files of unlabelled pixels, besides 0; 0 if there is none.
        aliases: pairs of another set's name and the name here that it is brought to, "void" for none, where the names
            themselves do not say it.

    Raises:
        InputError: there are fewer than 2 or more than 255 names, or a field is not what it should be.

    Example:
        >>> kitchen = ClassSet("kitchen", ("cup", "plate", "floor"))
        >>> kitchen.colours[2], kitchen.palette.shape, kitchen.display_name(1)
        ('#b08054', (4, 3), 'cup')
    """

    name: str
    names: tuple[str, ...]
    display_names: tuple[str, ...] = ()
    colours: tuple[str, ...] = field(default=(), repr=False)
    void: int = VOID
    aliases: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        names = tuple(self.names)
        object.__setattr__(self, "names", names)
        _check_names(self.name, names)
        shown = tuple(self.display_names) or (("",) * len(names))
        colours = tuple(self.colours) or (("",) * len(names))
        for what, values in (("display names", shown), ("colours", colours)):
            if len(values) != len(names) or not all(isinstance(value, str) for value in values):
                raise InputError(f"The class set {self.name} has {len(names)} names and {len(values)} {what}.")
        shown = tuple(one or _display_name(name) for one, name in zip(shown, names, strict=True))
        if len(set(shown)) < len(shown) or max(map(len, shown)) > _MAX_NAME or any(map(_MARKUP, shown)):
            raise InputError(
                f"The class set {self.name}: display names are unique, short, and without <, > and quotes."
            )
        for colour in colours:
            if colour and not re.fullmatch("#[0-9a-fA-F]{6}", colour):
                raise InputError(f"The class set {self.name}: the colour {colour[:20]!r} is not one like #8ea8c4.")
        if isinstance(self.void, bool) or not isinstance(self.void, int) or not 0 <= self.void <= 65535:
            raise InputError(f"The class set {self.name}: void is {self.void!r}; expected a value 0..65535.")
        if 1 <= self.void <= len(names):
            raise InputError(
                f"The class set {self.name}: void is {self.void}, which is {names[self.void - 1]!r}; classes count "
                "from 1 in the order of their names."
            )
        object.__setattr__(self, "aliases", tuple((str(one), str(to)) for one, to in self.aliases))
        for one, to in self.aliases:
            if not class_files.is_void(to) and class_tables.key(to) not in map(class_tables.key, names):
                near = difflib.get_close_matches(to, names, 1)
                raise InputError(
                    f"The label map brings {one[:50]!r} to {to[:50]!r}, which is no class of {self.name}"
                    f"{f'; did you mean {near[0]!r}?' if near else '.'}"
                )
        object.__setattr__(self, "display_names", shown)
        object.__setattr__(self, "colours", class_tables.choose_colours(names, colours))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def palette(self) -> np.ndarray:
        """uint8 (N + 1, 3): colour of each label, black for void first."""
        palette = np.array([[0, 0, 0], *(list(bytes.fromhex(colour[1:])) for colour in self.colours)], dtype=np.uint8)
        palette.setflags(write=False)
        return palette

    @property
    def title(self) -> str:
        """Name of the protocol that scores over the set, such as "NYU Depth v2, 40 classes"."""
        built_in = BUILT_IN.get(self.name)
        if built_in is not None and built_in.names == self.names:
            return class_tables.TITLES[self.name]
        return f"{self.name}, {len(self)} classes"

    def display_name(self, label: int) -> str:
        """Display name of a class; `label` is 0 (void) or 1..N."""
        return "void" if label == VOID else self.display_names[label - 1]

    def label_of(self, name: str) -> int | None:
        """Label 1..N of a name or an alias, whatever its case and separators; 0 for an alias of void, or None."""
        return self._labels.get(class_tables.key(name))

    @cached_property
    def _labels(self) -> dict[str, int]:
        labels = {class_tables.key(name): label for label, name in enumerate(self.names, 1)}
        return labels | {class_tables.key(one): labels.get(class_tables.key(to), VOID) for one, to in self.aliases}

    def with_aliases(self, mapping: Mapping[str, str | None]) -> ClassSet:
        """Copy with further aliases, as `class_files.read_label_map` reads them; None stands for void.

        Raises:
            InputError: one is brought to a name that is none of the set's.
        """
        further = ((one, to or "void") for one, to in mapping.items())
        return dataclasses.replace(self, aliases=(*self.aliases, *further))

    @classmethod
    def of(cls, chosen: str | os.PathLike[str] | ClassSet) -> ClassSet:
        """Take a set as it is, by its built-in name, or from a classes.txt or classes.yaml (or the folder with one).

        `deresunet.class_files.read_classes` tells how these are written.

        Raises:
            InputError: there is no such set or file, or it is no list of classes.
        """
        if isinstance(chosen, ClassSet):
            return chosen
        if isinstance(chosen, str) and chosen in BUILT_IN:
            return BUILT_IN[chosen]
        path = Path(chosen)
        if path.is_dir():
            found = cls.find(path)
            if found is None:
                names = ", ".join(class_files.CLASS_FILES)
                raise InputError(f"{path} has none of {names}. Write one name a line to classes.txt.")
            return found
        if not path.is_file():
            near = difflib.get_close_matches(str(chosen), BUILT_IN, 1)
            raise InputError(
                f"{chosen}: no such class set{f'; did you mean {near[0]}?' if near else '.'} Expected one of "
                f"{', '.join(BUILT_IN)}, or a file with one name a line."
            )
        described = class_files.read_classes(path)
        try:
            made = cls.from_dict(described)
            built_in = BUILT_IN.get(made.name)
            if built_in is None or built_in.names == made.names:
                return made
            # A result that says nyu40 is scored over NYU's 40 classes.
            return dataclasses.replace(made, name=f"{made.name} ({path.name})")
        except InputError as error:
            raise InputError(f"{path.name}: {error}") from error

    @classmethod
    def find(cls, folder: str | os.PathLike[str]) -> ClassSet | None:
        """The set that a data folder's classes.yaml or classes.txt names, or None.

        Raises:
            InputError: it has several of them, or one that cannot be read.
        """
        path = class_files.class_file(folder)
        return None if path is None else cls.of(path)

    def to_dict(self) -> dict[str, Any]:
        """JSON object of all fields; `from_dict` reads it."""
        return {
            "name": self.name,
            "names": list(self.names),
            "display_names": list(self.display_names),
            "colours": list(self.colours),
            "void": self.void,
            "aliases": dict(self.aliases),
        }

    @classmethod
    def from_dict(cls, described: object) -> ClassSet:
        """Read what `to_dict` wrote; fields but the names may be left out.

        Raises:
            InputError: it is no description of a class set.
        """
        if not isinstance(described, Mapping):
            raise InputError(f"A class set is a {type(described).__name__}; expected an object of its fields.")
        known = ("name", "names", "display_names", "colours", "void", "aliases")
        unknown = [str(key)[:50] for key in described if key not in known]
        if unknown:
            raise InputError(f"A class set has no {', '.join(unknown[:5])}; its fields are {', '.join(known)}.")
        lists = [described.get(key, ()) for key in ("names", "display_names", "colours")]
        if not all(isinstance(one, (list, tuple)) and len(one) <= MAX_CLASSES for one in lists):
            raise InputError(f"A class set's names, display_names and colours are lists of at most {MAX_CLASSES}.")
        aliases = described.get("aliases", {})
        if not isinstance(aliases, Mapping) or len(aliases) > _MAX_ALIASES:
            raise InputError(f"A class set's aliases are an object of at most {_MAX_ALIASES} names.")
        names, shown, colours = map(tuple, lists)
        name, void = described.get("name", f"{len(names)} classes"), described.get("void", VOID)
        return cls(name, names, shown, colours, void, tuple(aliases.items()))


@dataclass(frozen=True)
class LabelMap:
    """The way from the labels of one class set to those of another.

    Attributes:
        source: the set that labels come in.
        target: the set that they are brought to.
        table: uint8 (len(source) + 1,): target label of each source label, 0 = none; void stays 0.
    """

    source: ClassSet
    target: ClassSet
    table: np.ndarray

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the source without counterpart."""
        return tuple(name for name, label in zip(self.source.names, self.table[1:], strict=True) if not label)

    @property
    def unreachable(self) -> tuple[str, ...]:
        """Names of the target that no class of the source gives."""
        reached = set(self.table.tolist())
        return tuple(name for label, name in enumerate(self.target.names, 1) if label not in reached)

    @property
    def identity(self) -> bool:
        """Whether labels stay as they are."""
        return len(self.source) == len(self.target) and bool((self.table == np.arange(len(self.table))).all())


def label_map(source: ClassSet, target: ClassSet) -> LabelMap:
    """Find the target label of each source label: by the target's aliases, by a built-in table, or by name.

    Names are the same whatever their case and separators. NYU's 13 classes are reached from the 40 and the 37 by the
    official table; back from them come those alone that are a single one of the 40.

    Example:
        >>> label_map(BUILT_IN["nyu40"], BUILT_IN["sunrgbd37"]).missing
        ('otherstructure', 'otherfurniture', 'otherprop')
    """
    aliases = {class_tables.key(one) for one, _ in target.aliases}
    known = class_tables.counterparts(source.names, target.names)
    table = [VOID]
    for name in source.names:
        key = class_tables.key(name)
        table.append(target.label_of(known[key] if key in known and key not in aliases else name) or VOID)
    array = np.array(table, np.uint8)
    array.setflags(write=False)
    return LabelMap(source, target, array)


def joined(source: ClassSet, target: ClassSet) -> LabelMap:
    """The way from a network's labels to the ground truth's, with the network's further classes behind those.

    Labels above `len(target)` are classes that have no counterpart in `target`; where both together exceed 255, the
    last of them become 0.

    Example:
        >>> found = joined(BUILT_IN["nyu40"], BUILT_IN["sunrgbd37"])
        >>> len(found.target), int(found.table[40])
        (40, 40)
    """
    base = label_map(source, target)
    places = [label - 1 for label in range(1, len(source) + 1) if not base.table[label]][: MAX_CLASSES - len(target)]
    if not places:
        return base
    names = [
        source.names[k] if target.label_of(source.names[k]) is None else f"{source.names[k]} ({source.name})"
        for k in places
    ]
    shown = [source.display_names[k] if source.display_names[k] not in target.display_names else "" for k in places]
    colours = [source.colours[k] if source.colours[k] not in target.colours else "" for k in places]
    both = ClassSet(
        f"{target.name} and {source.name}"[: 2 * _MAX_NAME],
        (*target.names, *names),
        (*target.display_names, *shown),
        (*target.colours, *colours),
    )
    table = base.table.copy()
    table[np.array(places) + 1] = np.arange(len(target) + 1, len(both) + 1)
    table.setflags(write=False)
    return LabelMap(source, both, table)


def _check_names(name: object, names: Sequence[object]) -> None:
    if not isinstance(name, str) or not 1 <= len(name) <= 2 * _MAX_NAME or not name.isprintable():
        raise InputError(f"A class set is called {str(name)[:50]!r}; expected a short name.")
    if len(names) == 1:
        raise InputError(
            f"The class set {name} has one class, {str(names[0])[:50]!r}, which every pixel would be of. Name what is "
            "none of it as a class of its own."
        )
    if not 2 <= len(names) <= MAX_CLASSES:
        raise InputError(f"The class set {name} has {len(names)} classes; expected 2 to {MAX_CLASSES}.")
    seen: dict[str, str] = {}
    for one in names:
        if not isinstance(one, str) or not one.strip() or len(one) > _MAX_NAME or not one.isprintable() or _MARKUP(one):
            raise InputError(
                f"The class set {name}: {str(one)[:50]!r} is no class's name; expected a short text without <, > and "
                "double quotes."
            )
        if class_tables.key(one) in seen:
            raise InputError(
                f"The class set {name} has both {seen[class_tables.key(one)]!r} and {one!r}; names have to be unique."
            )
        seen[class_tables.key(one)] = one


def _display_name(name: str) -> str:
    return name.replace("_", " ").strip().replace("refridgerator", "refrigerator")


BUILT_IN: dict[str, ClassSet] = {
    name: ClassSet(name, names)
    for name, names in (
        ("sunrgbd37", tuple(class_tables.SUNRGBD37)),
        ("nyu40", class_tables.NYU40),
        ("nyu13", class_tables.NYU13),
        ("scannet20", class_tables.SCANNET20),
        ("ade20k150", class_tables.ADE20K150),
    )
}
SUNRGBD37 = BUILT_IN["sunrgbd37"]
