"""MATLAB's v7.3 files, which are HDF5, opened where they are read."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py


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
