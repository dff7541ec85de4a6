"""Files that are whole or not there: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import csv
import glob
import io
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deresunet.errors import FULL_DISK, InputError

# Of a file or folder under work: .NAME.HOST-PID-RANDOM.tmp beside NAME.
_STAGED = re.compile(r"\..+\.(?P<host>[^/]*)-(?P<pid>\d+)-[^-/]*\.tmp")
# Beginnings of cells that spreadsheets compute.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
HOST = re.sub(r"[^A-Za-z0-9.]", "_", platform.node())


@contextlib.contextmanager
def staging_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a folder beside `path` to prepare results in, on the same file system, and remove it in the end.

    Whatever the work raises because the disk is full or the place cannot be written becomes an InputError, also where
    a library hides the cause behind an error of its own. Folders and files that killed processes left beside `path` are
    removed first.

    Raises:
        InputError: the folder of `path` is not there, cannot be written to, or the disk is full.
    """
    path = Path(path)
    sweep(path.parent, f".{glob.escape(path.name)}.*.tmp")
    try:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.{HOST}-{os.getpid()}-", suffix=".tmp"))
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield folder
    except InputError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from error
    except Exception as error:
        cause = _named_cause(error) or _why_unwritable(folder)
        if cause is None:
            raise
        raise _unwritable(path, cause) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> None:
    """Have `write` fill a file beside `path`, then rename it to `path`.

    Raises:
        InputError: the folder is not there, it cannot be written to, or the disk is full; `path` is as it was.
    """
    path = Path(path)
    with staging_folder(path) as folder:
        beside = folder / path.name
        beside.touch()
        write(beside)
        beside.chmod(0o644)  # for others to read, whatever the umask
        beside.replace(path)


def sweep(folder: str | os.PathLike[str], pattern: str = "**/.*.tmp") -> None:
    """Remove files and folders that processes of this machine left in `folder` when they were killed."""
    with contextlib.suppress(OSError):
        for left in list(Path(folder).glob(pattern)):
            found = _STAGED.fullmatch(left.name)
            if found is None or found["host"] != HOST or _is_running(int(found["pid"])):
                continue
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    if os.name == "nt":
        return True  # signal 0 would end it there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _named_cause(error: Exception) -> OSError | None:
    """The full disk that a library's error names in its text, as those written in Rust do."""
    return next((OSError(code, os.strerror(code)) for code in FULL_DISK if os.strerror(code) in str(error)), None)


def _why_unwritable(folder: Path) -> OSError | None:
    """The error of writing a megabyte into `folder`; None where that works."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**20))
            file.flush()
    except OSError as error:
        return error
    return None


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written ({error.strerror or error}). Free some space or give another place.")


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write bytes as they are. Raises as `write_whole`."""
    write_whole(path, lambda beside: beside.write_bytes(content))


def write_png(path: str | os.PathLike[str], image: np.ndarray, **texts: str) -> None:
    """Write an array uint8 (H, W) or (H, W, 3) as PNG, with `texts` by their keywords. Raises as `write_whole`."""
    described = PngInfo()
    for keyword, text in texts.items():
        described.add_text(keyword, text)
    write_whole(path, lambda beside: Image.fromarray(image).save(beside, format="PNG", pnginfo=described))


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write plain types as JSON; NaN is refused, since JSON does not have it. Raises as `write_whole`."""
    write_whole(path, lambda beside: beside.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n"))


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write text as UTF-8. Raises as `write_whole`."""
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def write_csv(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write the table of `csv_text`. Raises as `write_whole`."""
    write_text(path, csv_text(header, rows))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV; None becomes an empty cell.

    Text that a spreadsheet would take for a formula, such as a frame called "=1+1", gets an apostrophe before it.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    for row in (header, *rows):
        writer.writerow([f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row])
    return table.getvalue()
