"""Runs of evaluations on the server's disk: results and predicted labels, in a folder of bounded size."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deresunet.atomic import sweep, write_text, write_whole
from deresunet.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows, where two servers must not share a folder
    fcntl = None  # type: ignore[assignment]

# A label of 640x480 takes about 8 kB, so this holds some ten runs over SUN RGB-D's 5,050 test frames.
LIMIT_BYTES = 1 << 30


class RunFolder:
    """Folder of one run.

    Args:
        folder: path of the folder; made when first needed.
        subject: settings that tell this run from another, as plain JSON types.

    Attributes:
        resume: file of the results of the frames done.
    """

    def __init__(self, folder: Path, subject: dict[str, Any]) -> None:
        self.folder = folder
        self.subject = subject
        self.resume = folder / "resume.jsonl"
        self._finished = folder / "finished"

    @property
    def finished(self) -> bool:
        """Whether all frames are done."""
        return self._finished.is_file() and self.resume.is_file()

    @property
    def finished_at(self) -> float:
        """Time of the end of the run [s since 1970]; 0.0 before. Tells a run from a later one of the same settings."""
        try:
            return self._finished.stat().st_mtime
        except OSError:
            return 0.0

    def frames_done(self) -> int:
        """Number of frames in the resume file, whose first line holds the subject."""
        if not self.resume.is_file():
            return 0
        with self.resume.open("rb") as lines:
            return max(sum(line.endswith(b"\n") for line in lines) - 1, 0)

    def label(self, name: str) -> np.ndarray | None:
        """Predicted label that is kept for a frame, uint8 (H, W), in the classes of `joined`; or None."""
        try:
            with Image.open(self._label_path(name)) as image:
                return np.asarray(image)
        except OSError:
            return None

    def keep_label(self, name: str, label: np.ndarray) -> None:
        """Keep the predicted label of a frame, uint8 (H, W).

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
                f"The folder for evaluations cannot be written ({error.strerror}). Start the server with another "
                "--cache-dir."
            ) from error

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices of the finished run about its frames as a whole."""
        try:
            return tuple(map(str, json.loads(self._finished.read_text()).get("notices", ())))
        except (OSError, ValueError, AttributeError):
            return ()

    def finish(self, settings: dict[str, str], notices: Sequence[str] = ()) -> None:
        """Note that all frames are done, the settings by which the page offers the run, and what was noticed."""
        write_text(self._finished, json.dumps({**settings, "notices": list(notices)}))

    def clear(self) -> None:
        """Delete the results and labels."""
        self._finished.unlink(missing_ok=True)
        self.resume.unlink(missing_ok=True)
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
                        "Another server on this machine evaluates the same frames into the same folder. Wait for it, "
                        "or start this one with a --cache-dir of its own."
                    ) from error
            yield

    def _label_path(self, name: str) -> Path:
        # Names may hold slashes, or be longer than a file's name may be.
        return self.folder / "labels" / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.png"


class EvaluationStore:
    """Folders of runs by their settings; what a killed server left half-written in them is removed.

    Args:
        folder: parent of the folders; made when first needed.
        limit_bytes: size of all together; beyond it those used longest ago are deleted.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        sweep(folder)

    def run_folder(self, subject: dict[str, Any]) -> RunFolder:
        """Folder of the run with the settings `subject`, which may not be there yet."""
        key = hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()
        return RunFolder(self.folder / key[:32], subject)

    def finished(self, data: str) -> list[dict[str, str]]:
        """Settings of the finished runs over the data set with the fingerprint `data`, the latest first."""
        found = []
        for marker in self.folder.glob("*/finished"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                with (marker.parent / "resume.jsonl").open(encoding="utf-8") as lines:
                    subject = json.loads(next(lines, ""))["subject"]
                if subject["data"] == data:
                    settings = {str(key): str(value) for key, value in json.loads(marker.read_text()).items()}
                    found.append((marker.stat().st_mtime, marker.parent.name, settings))
        return [settings for *_, settings in sorted(found, key=lambda one: one[:2], reverse=True)]

    def make_room(self, kept: RunFolder) -> None:
        """Delete the folders used longest ago until the limit holds; `kept` stays, and counts as used now."""
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
