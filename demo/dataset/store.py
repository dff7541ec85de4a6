"""Evaluations on the server's disk: journals and predictions, in a folder of bounded size."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deresunet.atomic import write_text, write_whole
from deresunet.data.readers import Reader
from deresunet.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows, where two servers must not share a folder
    fcntl = None  # type: ignore[assignment]

# A label of 640x480 takes about 8 kB, so this holds some ten runs over SUN RGB-D's 5,050 test frames.
LIMIT_BYTES = 1 << 30


class Place:
    """Where one evaluation lies.

    Args:
        folder: of its own.
        subject: what tells it from another evaluation, as plain JSON types.

    Attributes:
        journal: the file of its journal.
    """

    def __init__(self, folder: Path, subject: dict[str, Any]) -> None:
        self.folder = folder
        self.subject = subject
        self.journal = folder / "journal.jsonl"
        self._finished = folder / "finished"

    @property
    def finished(self) -> bool:
        """Whether all frames are done."""
        return self._finished.is_file() and self.journal.is_file()

    @property
    def finished_at(self) -> float:
        """When it was finished [s since 1970]; 0.0 while it is not. Tells one evaluation from another run of it."""
        try:
            return self._finished.stat().st_mtime
        except OSError:
            return 0.0

    def frames_done(self) -> int:
        """Frames in the journal; its first line tells the subject."""
        if not self.journal.is_file():
            return 0
        with self.journal.open("rb") as lines:
            return max(sum(line.endswith(b"\n") for line in lines) - 1, 0)

    def label(self, name: str) -> np.ndarray | None:
        """The prediction kept for a frame, uint8 (H, W), 1..37; or None."""
        try:
            with Image.open(self._label_path(name)) as image:
                return np.asarray(image)
        except OSError:
            return None

    def keep_label(self, name: str, label: np.ndarray) -> None:
        """Keep the prediction of a frame, uint8 (H, W).

        Raises:
            InputError: it cannot be written.
        """
        self.make()
        write_whole(
            self._label_path(name),
            lambda beside: Image.fromarray(label).save(beside, format="PNG", compress_level=2),
        )

    def make(self) -> None:
        """Make the folder.

        Raises:
            InputError: it cannot be made.
        """
        try:
            (self.folder / "labels").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the folder for evaluations cannot be written ({error.strerror}). Start the server with another "
                "--cache-dir."
            ) from error

    def finish(self) -> None:
        """Note that all frames are done."""
        write_text(self._finished, "")

    def clear(self) -> None:
        """Forget all of it."""
        self._finished.unlink(missing_ok=True)
        self.journal.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "labels", ignore_errors=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other servers on this machine from writing here meanwhile.

        Raises:
            InputError: another one does.
        """
        self.make()
        with (self.folder / "lock").open("a") as file:
            if fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    raise InputError(
                        "another server on this machine evaluates the same frames into the same folder. Wait for it, "
                        "or start this one with a --cache-dir of its own."
                    ) from error
            yield

    def _label_path(self, name: str) -> Path:
        # Names may hold slashes, or be longer than a file's name may be.
        return self.folder / "labels" / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.png"


class EvaluationStore:
    """Places of evaluations by what they are of.

    Args:
        folder: that holds them; made when first needed.
        limit_bytes: those used longest ago go when all together take more.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

    def place(self, subject: dict[str, Any]) -> Place:
        """Where the evaluation of `subject` lies or would lie."""
        key = hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()
        return Place(self.folder / key[:32], subject)

    def make_room(self, kept: Place) -> None:
        """Delete what was used longest ago until the limit holds; `kept` stays, and counts as used now."""
        kept.make()
        (kept.folder / "used").write_text(str(time.time()))
        used = []
        for folder in self.folder.iterdir():
            with suppress(OSError):
                last = (folder / "used").stat().st_mtime
                used.append((last, folder, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())))
        total = sum(size for *_, size in used)
        for _, folder, size in sorted(used):
            if total <= self.limit_bytes:
                return
            if folder != kept.folder:
                shutil.rmtree(folder, ignore_errors=True)
                total -= size


def fingerprint(reader: Reader) -> str:
    """What tells a data set's split from another, in hex: layout, place, options and the frames' names.

    Files that change in place under the same names are not noticed.
    """
    told = sorted(
        (key, str(value.resolve() if isinstance(value, Path) else value))
        for key, value in vars(reader).items()
        if not key.startswith("_") and isinstance(value, str | Path)
    )
    described = json.dumps([type(reader).__name__, told, list(reader.names)])
    # Hashed, since what lies in Gradio's cache may be fetched, and paths on the server are nobody's business.
    return hashlib.sha256(described.encode()).hexdigest()
