"""Results that are whole or not there."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deresunet.errors import InputError


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> None:
    """Have `write` fill a file beside `path`, then rename it to `path`.

    Raises:
        InputError: the folder is not there, or cannot be written to.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}). Give a place that can.") from error
    os.close(handle)
    beside = Path(name)
    try:
        write(beside)
        beside.chmod(0o644)  # mkstemp's own mode would hide the result from others
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}). Give a place that can.") from error
    finally:
        beside.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write bytes as they are. Raises as `write_whole`."""
    write_whole(path, lambda beside: beside.write_bytes(content))


def write_png(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write an array uint8 (H, W) or (H, W, 3) as PNG. Raises as `write_whole`."""
    write_whole(path, lambda beside: Image.fromarray(image).save(beside, format="PNG"))


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write plain types as JSON; NaN is refused, since JSON does not have it. Raises as `write_whole`."""
    write_whole(path, lambda beside: beside.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n"))


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write text as UTF-8. Raises as `write_whole`."""
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def write_csv(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table; None becomes an empty cell. Raises as `write_whole`."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, table.getvalue())
