"""Trainings that follow one another, each a `fit` of its own: not repeated when done, taken up when it was stopped."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from deresunet.errors import InputError

CONFIGS = Path(__file__).parents[1] / "configs"
# What marks the folder of a run that came to its end.
DONE = "done"


def fit_command(config: Path, out: Path, stage: str, arguments: Sequence[str]) -> list[str]:
    """The `fit` of a stage, in `out`/`stage`; it goes on where that stage was stopped."""
    unfinished = _newest(out / stage, "interrupted.ckpt", "last.ckpt")
    return [
        *(sys.executable, "-m", "train", "fit", "--config", str(config)),
        *(f"--run.folder={out}", f"--run.name={stage}"),
        *arguments,
        *([f"--ckpt_path={unfinished}"] if unfinished else []),
    ]


def run_to_the_end(command: list[str], out: Path, stage: str, done: bool = True) -> Path:
    """Run a stage, and mark it as done unless it is to go on later.

    Returns:
        Its last checkpoint.

    Raises:
        SystemExit: it failed or was stopped; its status is passed on.
        InputError: it left no checkpoint.
    """
    print(f"{stage}: {' '.join(command[1:])}", flush=True)
    _run(command)
    last = _newest(out / stage, "last.ckpt")
    if last is None:
        raise InputError(f"{stage}: ended without a checkpoint in {out / stage}. Let it save one.")
    if done:
        (last.parents[1] / DONE).touch()
    return last


def finished(out: Path, stage: str) -> Path | None:
    """The last checkpoint of a stage that ran to its end, or None."""
    last = _newest(out / stage, "last.ckpt")
    return last if last is not None and (last.parents[1] / DONE).is_file() else None


def _newest(folder: Path, *names: str) -> Path | None:
    found = [path for name in names for path in folder.glob(f"version_*/checkpoints/{name}")]
    found.sort(key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


@contextlib.contextmanager
def passing_on_signals() -> Iterator[None]:
    """Hand signals to stop to every stage that runs, so that each ends after a whole step. For the main thread."""

    def pass_on(received: int, _frame: object) -> None:
        _stopping.set()
        for process in list(_running):
            process.send_signal(received)

    previous = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGUSR1)}
    _stopping.clear()
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


# Processes of the stages that run now, and whether a signal to stop has come.
_running: set[subprocess.Popen[bytes]] = set()
_stopping = threading.Event()


def _run(command: list[str]) -> None:
    if _stopping.is_set():
        raise SystemExit(128 + signal.SIGTERM)
    process = subprocess.Popen(command)
    _running.add(process)
    try:
        status = process.wait()
    finally:
        _running.discard(process)
    if status:
        raise SystemExit(status if status > 0 else 128 - status)
