"""Ground truth: label files to classes 0..N, by label set, offset and void value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from deresunet.class_files import read_label_map
from deresunet.classes import BUILT_IN, MAX_CLASSES, SUNRGBD37, VOID, ClassSet, LabelMap, label_map
from deresunet.data.arrays import read_npy, read_npz, squeeze
from deresunet.data.hdf5 import read_hdf5
from deresunet.data.images import GREY_FORMATS, open_image
from deresunet.data.label_exports import refuse_binary, refuse_other_exports
from deresunet.errors import InputError

if TYPE_CHECKING:
    from deresunet.data.label_tools import NamedLabels

# Colours of a palette that are this near to a class's, per channel, are taken for it (JPEG and quantisation move them).
_COLOUR_TOLERANCE = 6


# Label sets that are scored over the 37 classes unless another set is asked for.
_AS_37 = ("nyu40", "sunrgbd37", "scannet20")


@dataclass(frozen=True)
class LabelFormat:
    """Meaning of the values of label files, and the classes that they are brought to.

    Attributes:
        label_set: names the classes that the values count; also a built-in set's name, or a file of names.
        offset: what is added to a value to give its number in the label set, counted from 1; 1 for files that count
            from 0. None: 0, and the values are checked for sense over a folder.
        void: value for unlabelled pixels; None: the label set's, which is 0, or 255 for files that count from 0.
        class_set: classes of the ground truth; those of the label set without counterpart there become void.
        tool: reads the files instead, where a label tool's file names their classes.

    Raises:
        InputError: there is no such label set, or a value is not one of a label file.

    Example:
        >>> LabelFormat("nyu40", offset=1).decode(np.array([[0, 36, 37, 255]], np.uint8), "label.png")
        array([[ 1, 37,  0,  0]], dtype=uint8)
    """

    label_set: ClassSet | str | os.PathLike[str] = BUILT_IN["nyu40"]
    offset: int | None = None
    void: int | None = None
    class_set: ClassSet = SUNRGBD37
    tool: NamedLabels | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "label_set", ClassSet.of(self.label_set))
        if self.offset is not None and not -255 <= self.offset <= 255:
            raise InputError(f"The label offset is {self.offset}; expected 0, or 1 for labels that count from 0.")
        if self.void is not None and not -1 <= self.void <= 65535:
            raise InputError(f"The void value is {self.void}; expected 0 or 255.")

    @classmethod
    def choose(
        cls,
        label_set: ClassSet | str | os.PathLike[str] | None = None,
        offset: int | None = None,
        void: int | None = None,
        classes: ClassSet | str | os.PathLike[str] | None = None,
        aliases: str | os.PathLike[str] | None = None,
        folder: str | os.PathLike[str] | None = None,
        usual: ClassSet | str = "nyu40",
    ) -> LabelFormat:
        """Decide on the format of a data set's label files from what was said and what lies there.

        The label set is the one given, or else the folder's class file, or else the layout's usual one. What is scored
        over is the set given as `classes`, or else the label set itself; SUN RGB-D's 37 for NYU's 40 and ScanNet's 20.

        Args:
            label_set: what the files' values count, if it was said.
            offset: see `LabelFormat`.
            void: see `LabelFormat`.
            classes: what is to be scored over: a set, its name, or its file.
            aliases: file of other names of its classes, see `deresunet.class_files.read_label_map`.
            folder: where a classes.txt or classes.yaml may lie.
            usual: label set that files have in this layout where nothing says otherwise.

        Raises:
            InputError: a set or a file cannot be used.
        """
        own = None if folder is None else ClassSet.find(folder)
        wanted = None if classes is None else ClassSet.of(classes)
        stored = ClassSet.of(usual) if label_set is None else ClassSet.of(label_set)
        if label_set is None and own is not None:
            stored = own
        elif label_set is None and wanted is not None and wanted.name not in (*_AS_37, "nyu13"):
            stored = wanted  # the 13, too, are merged from NYU's 40
        scored = wanted or (SUNRGBD37 if stored in (BUILT_IN[name] for name in _AS_37) else stored)
        if aliases is not None:
            scored = scored.with_aliases(read_label_map(aliases))
        return cls(stored, offset, void, scored)

    @cached_property
    def way(self) -> LabelMap:
        """The way from the label set to the class set."""
        assert isinstance(self.label_set, ClassSet)
        return label_map(self.label_set, self.class_set)

    @property
    def values(self) -> ClassSet:
        """The label set, found."""
        return self.way.source

    @property
    def void_value(self) -> int:
        """Value of unlabelled pixels."""
        if self.void is not None:
            return self.void
        return self.values.void or (255 if (self.offset or 0) > 0 else 0)

    def stored(self, path: str | os.PathLike[str]) -> np.ndarray:
        """Values of a label file that `decode` takes, integers (H, W). Raises as `read_stored_label`."""
        return read_stored_label(path, self.values) if self.tool is None else self.tool.read(Path(path))

    def decode(self, stored: np.ndarray, name: str) -> np.ndarray:
        """Labels uint8 (H, W), 0 = void and 1..N, of stored integers (H, W).

        Raises:
            InputError: a value is neither void nor a class of the label set; the message says which option may help.
        """
        table = self.way.table
        values = stored.astype(np.int64)
        void = values == self.void_value
        if self.void_value == 255 and self.void is None:
            void |= values == -1
        numbers = np.where(void, 0, values + (self.offset or 0))
        wrong = ~void & ((numbers < 0) | (numbers >= len(table)))
        if wrong.any():
            raise InputError(self._out_of_range(values, wrong, name))
        return table[numbers]

    def _out_of_range(self, values: np.ndarray, wrong: np.ndarray, name: str) -> str:
        classes = self.values
        highest = len(classes) - (self.offset or 0)
        lowest = 1 - (self.offset or 0)
        found = np.unique(values[wrong])
        said = (
            f"{name}: the ground truth has the value {found[0] if found[0] < 0 else found[-1]}; expected "
            f"{self.void_value} for void and {lowest}..{highest} ({classes.name})."
        )
        if self.void is None:
            refuse_binary(values, name)
        rest = np.unique(values[~np.isin(values, (255, 65535, -1))])
        if self.void is None and set(found.tolist()) <= {255, 65535, -1} and rest.size:
            void = int(found[0])
            zero_based = " --label-offset 1" if self.offset is None else ""
            said += f" If {void} is void, pass --void {void}{zero_based}"
            if zero_based:
                said += f" where 0 is {classes.display_name(1)}, or --void {void} alone where 1 is"
            return said + "."
        if classes not in BUILT_IN.values():
            return f"{said} Name the further classes in the file of {classes.name}, too, in the order of their values."
        fitting = [one for one, names in BUILT_IN.items() if values.max() + (self.offset or 0) <= len(names)]
        if fitting:
            indoor = [one for one in fitting if one != "ade20k150"]
            return f"{said} The values fit --label-set {' or '.join(indoor or fitting)}."
        if found[-1] > MAX_CLASSES:
            return (
                f"{said} Values above {MAX_CLASSES} are instances, or ids of a larger set: write class numbers 1..N, "
                "and name them in a file, one a line, for --label-set FILE."
            )
        return f"{said} Name the classes in the order of their values in a file, one a line, and pass --label-set FILE."


def read_label(path: str | os.PathLike[str], format: LabelFormat | ClassSet | str = "nyu40") -> np.ndarray:
    """Read ground truth as uint8 (H, W): 0 = void, 1..N.

    Args:
        path: PNG, TIFF or NPY of one channel whose values are class numbers (of a palette image, the indices).
        format: what the values mean; a label set's name stands for its values as they are.

    Raises:
        InputError: the file is missing, damaged, too large, in colours, or has values outside the set; or its palette
            has the classes' colours at other indices.
    """
    chosen = format if isinstance(format, LabelFormat) else LabelFormat(format)
    stored = chosen.stored(path)
    return chosen.decode(stored, Path(path).name)


def read_stored_label(path: str | os.PathLike[str], classes: ClassSet = BUILT_IN["nyu40"]) -> np.ndarray:
    """Values of a label file as they lie there: integers (H, W). Raises as `read_label`, but for values.

    Args:
        path: the file.
        classes: a palette image may have their colours, at their numbers alone.
    """
    name = Path(path).name
    refuse_other_exports(Path(path))
    if Path(path).suffix.lower() in (".hdf5", ".h5"):
        stored = read_hdf5(path)
    elif Path(path).suffix.lower() == ".npy":
        stored = squeeze(read_npy(path))
    elif Path(path).suffix.lower() == ".npz":
        stored = read_npz(path)
    else:
        with open_image(path, GREY_FORMATS, "class numbers as PNG or TIFF of one channel") as image:
            if image.mode == "P":
                _check_palette(np.array(image.getpalette() or [], np.uint8), np.asarray(image), name, classes)
            stored = np.asarray(image)
    grey = stored.ndim == 3 and stored.shape[2] == 2
    if grey or (stored.ndim == 3 and stored.shape[2] in (3, 4) and (stored[..., :1] == stored[..., 1:3]).all()):
        stored = stored[..., 0]  # one channel with alpha, or written three times
    expected = f"Give one channel of class numbers, 0 for void and 1..{len(classes)}"
    if stored.ndim == 3 and stored.shape[2] in (3, 4) and stored.dtype.kind in "iu":
        raise InputError(
            f"{name}: a ground truth in colours cannot be read without their names. {expected}, or put labelmap.txt "
            "beside it, with a line name:r,g,b:: for each colour, as CVAT writes it."
        )
    if stored.ndim != 2 or stored.dtype.kind not in "iufb":
        raise InputError(f"{name} holds {stored.dtype} of the shape {stored.shape}. {expected}.")
    if stored.dtype.kind == "b":
        refuse_binary(stored, name)
    if stored.dtype.kind == "f":
        whole = np.isfinite(stored) & (np.rint(stored) == stored) & (np.abs(stored) < 1 << 31)
        if not whole.all():
            raise InputError(f"{name} holds {stored[~whole][0]:g}, which is no class number. {expected}.")
        stored = stored.astype(np.int64)
    return stored


def class_set_of(reader: object) -> ClassSet:
    """Classes of a reader's ground truth: its `class_set`, and SUN RGB-D's 37 where it has none."""
    return getattr(reader, "class_set", SUNRGBD37)


def interpolated(label: np.ndarray) -> int:
    """Number of classes of a label (H, W) that occur on boundaries alone, between two others in number.

    Interpolation writes class numbers between those of two neighbours; a few are chance, many a resized label.
    """
    size = 5
    low = ndimage.minimum_filter(label, size, mode="nearest")
    high = ndimage.maximum_filter(label, size, mode="nearest")
    between = (label > low) & (label < high)
    pixels = np.bincount(label.ravel(), minlength=256)
    lying = np.bincount(label[between], minlength=256)
    present = pixels > 0
    present[VOID] = False
    return int(np.count_nonzero(present & (lying >= 0.9 * pixels)))


def interpolation_warning(label: np.ndarray) -> str:
    """Warning about a label (H, W) that was interpolated, or nothing."""
    count = interpolated(label)
    classes = np.count_nonzero(np.bincount(label.ravel(), minlength=256)[1:])
    if count < 4 or count < 0.35 * classes:
        return ""
    return (
        f"{count} of {classes} classes occur on boundaries between others alone, as if the label had been resized with "
        "interpolation. Resize labels with nearest neighbour."
    )


def _check_palette(palette: np.ndarray, indices: np.ndarray, name: str, classes: ClassSet) -> None:
    """Raise `InputError` if a palette image has the classes' colours, of this project or of VOC, at other indices."""
    colours = palette[: len(palette) // 3 * 3].reshape(-1, 3).astype(np.int64)
    used = [int(index) for index in np.unique(indices) if index < len(colours)]
    for known, kind in ((classes.palette.astype(np.int64), "the class palette"), (_voc_palette(), "the VOC palette")):
        distance = np.abs(colours[used][:, None] - known[None]).max(-1)  # (used, known)
        matched = distance.min(1) <= _COLOUR_TOLERANCE
        nearest = distance.argmin(1)
        wrong = [
            (index, int(other))
            for index, match, other, row in zip(used, matched, nearest, distance, strict=True)
            if match and (index >= len(known) or row[index] > _COLOUR_TOLERANCE)
        ]
        if len(wrong) >= 2 and matched.mean() >= 0.7 and len(wrong) >= 0.5 * len(used):
            index, other = next(((a, b) for a, b in wrong if b), wrong[0])
            means = f"{classes.display_name(other)}'s" if kind == "the class palette" else f"class {other}'s"
            raise InputError(
                f"{name}: its indices contradict its colours: index {index} has {means} colour of {kind}. It was "
                "quantised from colours, so its indices mean nothing. Save class numbers in one channel instead."
            )


def _voc_palette() -> np.ndarray:
    """int64 (256, 3): colours that PASCAL VOC and labelme give to labels, whose bits they spread over R, G and B."""
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.int64)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (labels >> (3 * bit + channel) & 1) << (7 - bit)
    return palette
