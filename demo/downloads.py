"""Files that the page hands out: under Gradio's cache, each in a folder of its own, gone after an hour."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gradio.utils import get_upload_folder

from deresunet.classes import ClassSet

# Visitors' results and files are dropped after this long.
KEEP_SECONDS = 3600
# Of these files, in Gradio's cache.
FOLDER = "deresunet"
_KEY = secrets.token_bytes(32)


def download_name(frame: str, layer: str, suffix: str, classes: ClassSet, size: tuple[int, int] | None = None) -> str:
    """Name of a file to hand out: frame, layer and, where the layer is about classes, the class set.

    Args:
        frame: `Inspection.file_name`.
        layer: such as "prediction".
        suffix: such as "png".
        classes: the class set.
        size: height and width of a picture that is smaller than the frame; the name says them.
    """
    parts = [frame, layer]
    if layer not in ("rgb", "depth"):
        parts.append(re.sub(r"[^\w.-]+", "-", classes.name).strip("-."))
    if size is not None:
        parts.append(f"{size[1]}x{size[0]}")
    return f"{'_'.join(parts)}.{suffix}"


def handed_out(name: str, content: bytes) -> str:
    """Write a file to hand out and return its path, which nobody can guess who does not have the file.

    The same file has the same path, so that a browser loads it once.
    """
    return handed_out_as(name, content, lambda: content)


def handed_out_as(name: str, identity: bytes, make: Callable[[], bytes]) -> str:
    """As `handed_out`, for a file that `make` makes of `identity`; it is made only where it is not there yet."""
    folder = Path(get_upload_folder()) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        with suppress(OSError):  # another request, or Gradio's own cleaning, deletes the same folders
            if time.time() - old.stat().st_mtime > KEEP_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    own = folder / hashlib.blake2b(identity, digest_size=16, key=_KEY).hexdigest()
    kept(own)
    if not kept(own / name):
        write_once(own / name, make())
    return str(own / name)


def write_once(path: Path, content: bytes) -> None:
    """Write a file of the cache unless it is there: whole, also for another request that finds it.

    Raises:
        OSError: it cannot be written; nothing of it is left.
    """
    if kept(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{uuid.uuid4().hex}"
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def kept(path: Path) -> bool:
    """Whether a file or folder of the cache is there still; if so, it stays for another hour."""
    try:
        os.utime(path)  # unlike `touch`, makes no empty file where another request has just deleted it
    except OSError:
        return False
    return True
