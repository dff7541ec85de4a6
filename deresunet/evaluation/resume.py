"""Results of an unfinished evaluation on disk, so that an interrupted run resumes."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from deresunet.errors import InputError
from deresunet.evaluation.stratified import FrameResult


class ResumeFile:
    """A file of one JSON line a frame, after a first line that says what is evaluated.

    Args:
        path: the file; made if it is not there.
        subject: plain JSON types that tell this evaluation from another: weights, data, protocol, metrics. A file of
            another subject is begun anew, and `notice` says so.

    Attributes:
        results: results of the frames done, by name, in order.
        unlabelled: names of the frames without ground truth, as keys.
        resumed: number of frames that were done when the file was opened.
        notice: why results that lay there are not resumed, or "".

    Raises:
        InputError: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], subject: dict[str, Any]) -> None:
        self.path = Path(path)
        self.results: dict[str, FrameResult] = {}
        self.unlabelled: dict[str, None] = {}
        self.notice = ""
        head = json.dumps({"subject": subject}, sort_keys=True)
        good = self._read(head, subject)
        self.resumed = len(self.results) + len(self.unlabelled)
        try:
            with self.path.open("r+b" if self.path.is_file() else "wb") as stored:
                stored.truncate(good)  # a line cut short by the interruption goes
            self._file: TextIO = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error
        if good == 0:
            self._write(head)

    def _other(self, line: str, subject: dict[str, Any]) -> str:
        """Sentence on results of another subject, by their first line."""
        try:
            before = json.loads(line)["subject"]
            differing = sorted(key for key in before.keys() | subject if before.get(key) != subject.get(key))
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"{self.path.name} could not be read and is begun anew."
        return (
            f"{self.path.name} has results of another evaluation or an earlier version (other {', '.join(differing)}); "
            "it is begun anew."
        )

    def __enter__(self) -> ResumeFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __contains__(self, name: object) -> bool:
        return name in self.results or name in self.unlabelled

    def add(self, result: FrameResult) -> None:
        """Store the result of a frame. Raises `InputError` if the file cannot be written."""
        self.results[result.name] = result
        self._write(json.dumps({"result": result.as_json()}))

    def add_unlabelled(self, name: str) -> None:
        """Store that a frame has no ground truth. Raises `InputError` if the file cannot be written."""
        self.unlabelled[name] = None
        self._write(json.dumps({"unlabelled": name}))

    def remove(self) -> None:
        """Delete the file, as the evaluation is finished."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as error:
            with contextlib.suppress(OSError):  # which tries to write the line once more
                self._file.close()
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"{self.path} cannot be written ({error.strerror}). Free some space and give the command again, which "
            "resumes, or choose another folder."
        )

    def _read(self, head: str, subject: dict[str, Any]) -> int:
        """Load the lines that are whole; return their length in bytes."""
        if not self.path.is_file():
            return 0
        good = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines):
                text = line.decode(errors="replace")
                if number == 0 and text.rstrip("\n") != head:
                    self.notice = self._other(text, subject)
                    break
                if not text.endswith("\n"):
                    break
                try:
                    stored = json.loads(text)
                    if "result" in stored:
                        result = FrameResult.from_json(stored["result"])
                        self.results[result.name] = result
                    elif "unlabelled" in stored:
                        self.unlabelled[stored["unlabelled"]] = None
                except (ValueError, KeyError, TypeError):
                    break
                good += len(line)
        return good
