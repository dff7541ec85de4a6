"""HDF5: MATLAB's v7.3 files, opened where they are read, and files of one array."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from deresunet.data.arrays import check_pixels, reading, squeeze
from deresunet.errors import InputError


class MatlabFile:
    """A v7.3 file that threads and processes can share.

    HDF5 handles belong to the process that opened them, and survive neither fork nor pickling; so each process opens
    the file when it first reads from it. Threads of a process take turns.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: Any = None
        self._process = -1

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Open the file as h5py has it, for the time of a `with`.

        Raises:
            OSError: it is missing or not HDF5.
        """
        with self._lock:
            if self._file is None or self._process != os.getpid():
                self._file, self._process = h5py.File(self.path, "r"), os.getpid()
            yield self._file

    def close(self) -> None:
        """Close the file; reading opens it again."""
        with self._lock:
            if self._file is not None and self._process == os.getpid():
                self._file.close()
            self._file = None


def read_hdf5(path: str | os.PathLike[str], key: str | None = None) -> np.ndarray:
    """Array (H, W) of an HDF5 file: the one called `key`, or the only one.

    Raises:
        InputError: the file is missing, damaged or too large, refers to other files, or which array is meant cannot be
            told.
    """
    path = Path(path)
    with reading(path, "an HDF5 file with one array of numbers (H, W)"), h5py.File(path, "r") as file:
        chosen = key if key is not None else (next(iter(file)) if len(file) == 1 else "")
        if chosen not in file:
            held = ", ".join(sorted(file)[:10])
            raise InputError(f"{path.name} holds {held or 'nothing'}; give the array's name with --depth-key NAME.")
        array = file[chosen]
        if not isinstance(file.get(chosen, getlink=True), h5py.HardLink) or not isinstance(array, h5py.Dataset):
            raise InputError(f"{path.name}: {chosen} is no array. Give its name with --depth-key NAME.")
        if array.external or array.is_virtual or array.dtype.kind not in "iuf" or array.ndim not in (2, 3):
            raise InputError(f"{path.name}: {chosen} is {array.dtype} {array.shape}; expected numbers (H, W).")
        large = [side for side in array.shape if side != 1]
        if len(large) != 2:
            raise InputError(f"{path.name}: {chosen} has the shape {array.shape}; expected (H, W).")
        check_pixels(path.name, large[1], large[0])
        return squeeze(array[()])
