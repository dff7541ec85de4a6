"""Files that the page hands out: under Gradio's cache, each in a folder of its own, gone after an hour."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from gradio.utils import get_upload_folder

# Visitors' results and files are dropped after this long.
KEEP_SECONDS = 3600
# The classes of all that is downloaded, as `LABEL_SETS` calls them.
CLASS_SET = "sunrgbd37"


def download_name(frame: str, layer: str, suffix: str) -> str:
    """Name of a file to hand out: frame, layer and, where the layer is about classes, the class set.

    Args:
        frame: `Inspection.file_name`.
        layer: such as "prediction".
        suffix: such as "png".
    """
    return f"{frame}_{layer}{'' if layer in ('rgb', 'depth') else f'_{CLASS_SET}'}.{suffix}"


def handed_out(name: str, content: bytes) -> str:
    """Write a file for one visitor and return its path; nobody can guess it."""
    folder = Path(get_upload_folder()) / "deresunet"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        with suppress(OSError):  # another request, or Gradio's own cleaning, deletes the same folders
            if time.time() - old.stat().st_mtime > KEEP_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    own = folder / uuid.uuid4().hex
    own.mkdir()
    path = own / name
    path.write_bytes(content)
    return str(path)


def kept(path: Path) -> bool:
    """Whether a file of the cache is there still; if so, it stays for another hour."""
    try:
        os.utime(path)  # unlike `touch`, makes no empty file where another request has just deleted it
    except OSError:
        return False
    return True
