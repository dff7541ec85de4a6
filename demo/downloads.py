"""Files that the page hands out: under Gradio's cache, each in a folder of its own, gone after an hour."""

from __future__ import annotations

import shutil
import time
import uuid
from pathlib import Path

from gradio.utils import get_upload_folder

# Visitors' results and files are dropped after this long.
KEEP_SECONDS = 3600


def handed_out(name: str, content: bytes) -> str:
    """Write a file for one visitor and return its path; nobody can guess it."""
    folder = Path(get_upload_folder()) / "deresunet"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if time.time() - old.stat().st_mtime > KEEP_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    own = folder / uuid.uuid4().hex
    own.mkdir()
    path = own / name
    path.write_bytes(content)
    return str(path)
