"""NYU Depth v2: the labelled set as published, a MATLAB v7.3 file of 1,449 frames."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from deresunet.classes import BUILT_IN, ClassSet
from deresunet.data.depth import clean_metres
from deresunet.data.frame import Frame, FrameInfo
from deresunet.data.hdf5 import MatlabFile
from deresunet.data.labels import LabelFormat
from deresunet.data.source import DEPTH_SOURCES, DepthSource
from deresunet.data.sunrgbd.layout import DEPTH_TITLES
from deresunet.errors import InputError

LABELED_FILE = "nyu_depth_v2_labeled.mat"
SPLITS_FILE = "splits.mat"
MAPPING_FILE = "classMapping40.mat"
SENSOR = "kv1"
# camera_params.m of the data set's toolbox: the colour camera that depth is projected into [px].
INTRINSICS = np.array(
    [[518.85790117450188, 0.0, 325.58244941119034], [0.0, 519.46961112127485, 253.73616633400465], [0.0, 0.0, 1.0]]
)
INTRINSICS.setflags(write=False)
SPLITS = {"train": "trainNdxs", "test": "testNdxs"}


class NyuV2Reader:
    """Frames of nyu_depth_v2_labeled.mat by number, such as "0001".

    Labels are the file's 894 names brought to NYU's 40 classes, and from there to the class set of `labels`.
    Calls from several threads take turns at the file.

    Args:
        root: the folder that holds the file, splits.mat and classMapping40.mat, or the file with those two beside it.
        split: "train" (795), "test" (654) or "all" (1,449).
        depth_source: "depth_bfx" (`depths`, in-painted) or "depth" (`rawDepths`, 0 where missing).
        labels: from NYU's 40 classes to those of the ground truth; SUN RGB-D's 37 if left out, the last three void.

    Attributes:
        names: the split's frames, in order.
        notices: nothing; the file is whole or refused.

    Raises:
        InputError: a file is missing, damaged or another one, or the split is not known.
    """

    opens_depth = True  # see `deresunet.data.readers.without_depth`

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "test",
        depth_source: DepthSource = "depth_bfx",
        labels: LabelFormat | None = None,
    ) -> None:
        self.labels = labels or LabelFormat(BUILT_IN["nyu40"])
        root = Path(root)
        self.path = root / LABELED_FILE if root.is_dir() else root
        if split not in (*SPLITS, "all"):
            raise InputError(f"split is {split!r}; expected one of {', '.join([*SPLITS, 'all'])}.")
        if depth_source not in DEPTH_SOURCES:
            raise InputError(f"depth source is {depth_source!r}; expected one of {', '.join(DEPTH_SOURCES)}.")
        self.split = split
        self.depth_source = depth_source
        self._to_40 = _read_mapping(self.path.with_name(MAPPING_FILE))
        self._file = MatlabFile(self.path)
        try:
            with self._file.opened() as file:
                count = int(file["labels"].shape[0])
                for name in ("images", "depths"):
                    if file[name].shape[0] != count:
                        raise InputError(f"{self.path}: {name} holds other frames than labels. Download it again.")
                self._scenes = _texts(file, "scenes", count)
                self._types = _texts(file, "sceneTypes", count)
                self._has_raw = "rawDepths" in file
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: no such file. Expected {LABELED_FILE} of NYU Depth v2.") from error
        except (OSError, KeyError, AttributeError) as error:
            raise InputError(
                f"{self.path} is not {LABELED_FILE} or is damaged ({error}). Download it again."
            ) from error
        indices = np.arange(1, count + 1) if split == "all" else self._split_indices(split, count)
        self.names = tuple(f"{index:04d}" for index in indices)
        self.notices: tuple[str, ...] = ()
        self._count = count

    def __len__(self) -> int:
        return len(self.names)

    @property
    def class_set(self) -> ClassSet:
        """Classes of the ground truth."""
        return self.labels.class_set

    def describe(self, name: str) -> FrameInfo:
        """Describe a frame without reading its pixels. Raises `InputError` if there is none."""
        index = self._index(name)
        return FrameInfo(name, SENSOR, self._types[index], self._scenes[index], has_depth=True, has_label=True)

    def read_rgb(self, name: str) -> np.ndarray:
        """Read a frame's colours alone, uint8 (H, W, 3). Raises `InputError` as `read`."""
        index = self._index(name)
        try:
            with self._file.opened() as file:
                rgb = file["images"][index].transpose(2, 1, 0)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{self.path}: frame {name} cannot be read ({error}). Download the file again.") from error
        return np.ascontiguousarray(rgb.astype(np.uint8))

    def files(self, name: str) -> tuple[Path, ...]:
        """Path of the file that all frames are in."""
        return (self.path,)

    def check(self) -> None:
        """Check nothing: the data set's own labels are checked as they are read."""

    def variants(self) -> dict[str, NyuV2Reader]:
        """Readers of these frames with either depth, if the file has both, by what tells them apart; this one first."""
        other = copy.copy(self)
        other.depth_source = "depth" if self.depth_source == "depth_bfx" else "depth_bfx"
        return {DEPTH_TITLES[one.depth_source]: one for one in ((self, other) if self._has_raw else (self,))}

    def _index(self, name: str) -> int:
        index = int(name) - 1 if name.isdecimal() else -1
        if not 0 <= index < self._count:
            raise InputError(f"{self.path.name} has no frame {name!r}; it has 0001 to {self._count:04d}.")
        return index

    def read(self, name: str) -> Frame:
        """Read the frame called `name`.

        Raises:
            InputError: there is none, or it cannot be read.
        """
        index = self._index(name)
        where = f"{self.path}: frame {name}"
        try:
            with self._file.opened() as file:
                # MATLAB keeps columns together, so HDF5 sees each map with its axes reversed.
                rgb = file["images"][index].transpose(2, 1, 0)
                filled = file["depths"][index].T if self.opens_depth else None
                raw = file["rawDepths"][index].T if "rawDepths" in file and self.opens_depth else None
                labels = file["labels"][index].T
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{where} cannot be read ({error}). Download the file again.") from error
        if labels.max() >= len(self._to_40):
            raise InputError(f"{where} has the label {labels.max()}; {MAPPING_FILE} knows {len(self._to_40) - 1}.")
        if self.depth_source == "depth" and raw is None and self.opens_depth:
            raise InputError(f"{self.path} has no rawDepths. Take --depth-source depth_bfx.")
        chosen = raw if self.depth_source == "depth" else filled
        return Frame(
            rgb=np.ascontiguousarray(rgb.astype(np.uint8)),
            depth=None if chosen is None else _clean(chosen),
            label=np.ascontiguousarray(self.labels.way.table[self._to_40[labels]]),
            class_set=self.class_set,
            intrinsics=INTRINSICS,
            name=name,
            source=f"NYU Depth v2, {self.depth_source}",
            sensor=SENSOR,
            scene=self._types[index],
            sequence=self._scenes[index],
            measured=None if raw is None or chosen is None else _clean(raw) > 0,
        )

    def _split_indices(self, split: str, count: int) -> np.ndarray:
        stored = _load(self.path.with_name(SPLITS_FILE), SPLITS[split])
        indices = np.ravel(stored).astype(np.int64)
        if indices.size and (indices.min() < 1 or indices.max() > count):
            raise InputError(f"{self.path.with_name(SPLITS_FILE)} names frames beyond the {count} of {self.path.name}.")
        return np.sort(indices)


def _read_mapping(path: Path) -> np.ndarray:
    """uint8 (895,): from the file's label, 0 = none, to 0..40."""
    return np.concatenate([[0], np.ravel(_load(path, "mapClass"))]).astype(np.uint8)


def _load(path: Path, key: str) -> Any:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Put {path.name} beside {LABELED_FILE}.")
    try:
        return scipy.io.loadmat(path, variable_names=[key])[key]
    except (OSError, ValueError, TypeError, NotImplementedError, KeyError, scipy.io.matlab.MatReadError) as error:
        raise InputError(f"{path} is not the {path.name} of NYU Depth v2 or is damaged ({error}).") from error


def _clean(metres: np.ndarray) -> np.ndarray:
    """float32 [m], 0 where missing."""
    return clean_metres(np.ascontiguousarray(metres))


def _texts(file: Any, key: str, count: int) -> list[str]:
    """Words of a cell array; empty ones if the file does not have it."""
    if key not in file:
        return [""] * count
    references = np.ravel(file[key][()])
    return ["".join(chr(int(code)) for code in np.ravel(file[reference][()])) for reference in references]
