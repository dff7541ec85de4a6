"""SUNRGBDtoolbox: the official split, the order of the frames and their labels, from its .mat files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.io

from deresunet.classes import SUNRGBD37
from deresunet.data.hdf5 import MatlabFile
from deresunet.errors import InputError

Part = Literal["train", "test"]
SPLIT_FILE = "traintestSUNRGBD/allsplit.mat"
META_FILE = "Metadata/SUNRGBDMeta.mat"
LABELS_FILE = "Metadata/SUNRGBD2Dseg.mat"


def frame_name(path: str) -> str:
    """A frame's name from any path of the toolbox: what follows SUNRGBD/, without slashes at its ends.

    The toolbox was written on several machines, so its paths start in /n/fs/sun3d/data/SUNRGBD/, /data1/SUNRGBD/ or
    SUNRGBD/, and some end in a slash.
    """
    _, _, below = path.replace("\\", "/").rpartition("SUNRGBD/")
    return "/".join(part for part in below.split("/") if part)


def read_split(path: str | os.PathLike[str]) -> dict[str, Part]:
    """Each frame's part in the official split, from allsplit.mat (`alltrain`: 5,285 frames, `alltest`: 5,050).

    Raises:
        InputError: the file is missing, damaged, or another one.
    """
    stored = _load(path, ["alltrain", "alltest"])
    parts: dict[str, Part] = {frame_name(str(item)): "train" for item in np.ravel(stored["alltrain"])}
    parts.update({frame_name(str(item)): "test" for item in np.ravel(stored["alltest"])})
    return parts


def read_order(path: str | os.PathLike[str]) -> list[str]:
    """The frames' names in the order of SUNRGBDMeta.mat, which the labels of SUNRGBD2Dseg.mat share.

    Raises:
        InputError: the file is missing, damaged, or another one.
    """
    stored = _load(path, ["SUNRGBDMeta"])
    # rgbpath ends in image/FILE.
    return [frame_name(str(item.rgbpath)).rsplit("/", 2)[0] for item in np.atleast_1d(stored["SUNRGBDMeta"])]


class SegLabels:
    """The 37-class labels (`seglabel`) of SUNRGBD2Dseg.mat, read one frame at a time.

    The file is MATLAB's v7.3, which is HDF5: the struct's field is a column of references, each to a transposed map.
    Calls from several threads take turns.

    Args:
        path: of SUNRGBD2Dseg.mat.

    Raises:
        InputError: the file is missing, damaged, or another one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = MatlabFile(self.path)
        try:
            with self._file.opened() as file:
                self._count = int(file["SUNRGBD2Dseg"]["seglabel"].size)
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: no such file. Expected SUNRGBD2Dseg.mat of SUNRGBDtoolbox.") from error
        except (OSError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self.path} is not SUNRGBD2Dseg.mat or is damaged ({error}). Unpack SUNRGBDtoolbox.zip again."
            ) from error

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> SegLabels:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, index: int) -> np.ndarray:
        """The label of frame `index`: uint8 (H, W), 0 = void, 1..37.

        Raises:
            InputError: it cannot be read, or has other values.
        """
        where = f"{self.path}: frame {index + 1}"
        try:
            with self._file.opened() as file:
                column = file["SUNRGBD2Dseg"]["seglabel"]
                # (10335, 1) as MATLAB turns its 1x10335 struct; references do not outlive the file they came from.
                reference = column[index, 0] if column.shape[0] == self._count else column[0, index]
                stored = file[reference][()]
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise InputError(f"{where} cannot be read ({error}). Unpack SUNRGBDtoolbox.zip again.") from error
        if stored.ndim != 2 or not stored.size or stored.min() < 0 or stored.max() > len(SUNRGBD37):
            found = f"{stored.dtype} {stored.shape}"
            raise InputError(f"{where} is no label: {found}. Expected a map of 0..{len(SUNRGBD37)}.")
        return np.ascontiguousarray(stored.T.astype(np.uint8))


def _load(path: str | os.PathLike[str], names: list[str]) -> dict[str, Any]:
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Expected {path.name} of SUNRGBDtoolbox; unpack SUNRGBDtoolbox.zip.")
    try:
        stored = scipy.io.loadmat(path, variable_names=names, squeeze_me=True, struct_as_record=False)
    except (OSError, ValueError, TypeError, NotImplementedError, EOFError, scipy.io.matlab.MatReadError) as error:
        raise InputError(f"{path} is not a MATLAB file of version 5 to 7 or is damaged ({error}).") from error
    absent = [name for name in names if name not in stored]
    if absent:
        raise InputError(f"{path} has no {', '.join(absent)}. Expected {path.name} of SUNRGBDtoolbox.")
    return dict(stored)
