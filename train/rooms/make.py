"""python -m train.rooms: rooms from seeds, on all cores, that can be interrupted and gone on with."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from deresunet.atomic import write_json, write_text
from deresunet.errors import InputError
from train.rooms.assets import Assets, find_assets
from train.rooms.crew import Failure, run
from train.rooms.export import frame_name
from train.rooms.maker import Layout, Made, Options, maker, open_layout
from train.rooms.report import report
from train.rooms.sensor import SENSORS
from train.rooms.statistics import reference_pixels

OPTIONS_FILE = "rooms.json"
REPORT_FILE = "report.md"
_VERSION = 1
_LINE_SECONDS = 10.0
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status: 0, 1 if a room failed, 2 for wrong options, 130 after Ctrl-C."""
    given = _parser().parse_args(arguments)
    options = Options(
        quality=given.quality,
        layout=given.layout,
        sensor=given.sensor,
        licences=tuple(given.licences),
        samples=given.samples,
        exact_depth=given.exact_depth,
        built_here=given.built_here,
        lift=not given.no_lift,
        views=given.views,
    )
    try:
        reference = None if given.reference is None else reference_pixels(given.reference)
        seeds = range(given.seed, given.seed + given.count)
        assets = Assets() if given.built_here else find_assets(given.furniture)
        return make_rooms(given.out, seeds, options, given.workers, assets, reference=reference)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def make_rooms(
    out: Path,
    seeds: Sequence[int],
    options: Options,
    workers: int,
    assets: Assets,
    log: TextIO | None = None,
    reference: np.ndarray | None = None,
    prepare: Callable[[Path, Options, Assets, int], Callable[[int], Made]] = maker,
) -> int:
    """Make the frames of `seeds` that are not in `out` yet; returns the exit status.

    Args:
        out: the folder; made if it is not there.
        seeds: one a room.
        options: how; the same as those of the frames that are there.
        workers: processes.
        assets: where furniture and textures lie.
        log: where progress goes; standard error, if not given.
        reference: int64 (38,): pixels by label of real frames that the report compares with, void first.
        prepare: called in each process; what it returns makes the frame of a seed.

    Raises:
        InputError: the folder holds frames of other options, or a worker cannot start.
    """
    log = log or sys.stderr
    layout = prepare_folder(out, options)
    there = layout.open()
    # A room is made whole: its views share furniture and light, and what of them is there comes out the same.
    left = [seed for seed in seeds if not there.issuperset(frame_name(seed, view) for view in range(options.views))]
    progress = _Progress(len(seeds), len(seeds) - len(left), options.views, log)
    seconds: Counter[str] = Counter()
    interrupted = False
    threads = max(1, cores() // max(1, min(workers, len(left))))
    tasks = run(left, workers, prepare, (out, options, assets, threads))
    try:
        for seed, result in tasks:
            if isinstance(result, Made):
                seconds.update(result.seconds)
            progress.add(seed, result if isinstance(result, Failure) else None)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        tasks.close()  # ends the workers
        progress.end()
    if interrupted:
        layout.open()  # what was being written goes
        log.write("Interrupted. The same command goes on from here.\n")
        return INTERRUPTED
    finish(layout, log, reference)
    if progress.made:
        frames = progress.made * options.views
        parts = ", ".join(f"{stage} {total / frames * 1000:.0f} ms" for stage, total in seconds.items())
        log.write(f"Mean time of a frame in one process: {parts}.\n")
    if progress.failed:
        log.write(f"{len(progress.failed)} of {len(seeds)} rooms failed: seeds {_listed(progress.failed)}.\n")
    return 1 if progress.failed else 0


def prepare_folder(out: Path, options: Options) -> Layout:
    """The layout at `out`, once the options of the frames that are there were compared.

    Raises:
        InputError: they differ, or the folder cannot be written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be made a folder ({error.strerror}). Give another --out.") from error
    path = out / OPTIONS_FILE
    wanted: dict[str, Any] = {"version": _VERSION, **asdict(options), "licences": list(options.licences)}
    if path.is_file():
        try:
            stored = json.loads(path.read_text())
        except ValueError as error:
            raise InputError(f"{path} is not JSON ({error}). Give another --out, or delete the folder.") from error
        names = ["version", *(field.name for field in fields(Options))]
        changed = [name for name in names if stored.get(name) != wanted[name]]
        if changed:
            was = ", ".join(f"{name} {stored.get(name)!r} (now {wanted[name]!r})" for name in changed)
            raise InputError(f"{out} holds rooms made with {was}. Give those options again, or another --out.")
    elif any(path for path in out.iterdir() if not path.name.startswith(".")):
        raise InputError(f"{out} is not empty and has no {OPTIONS_FILE}. Give a folder of its own.")
    else:
        write_json(path, wanted)
    return open_layout(out, options)


def finish(layout: Layout, log: TextIO, reference: np.ndarray | None = None) -> None:
    """Write what is over all frames: lists, credits, the toolbox's files, the report of pixel shares."""
    layout.finish()
    paths = layout.label_paths()
    if paths:
        write_text(layout.root / REPORT_FILE, report(paths, layout.described(), reference))
    log.write(f"{len(paths)} frames in {layout.root}.\n")


class _Progress:
    """A line that is written over where it can be, or else one now and then."""

    def __init__(self, total: int, before: int, views: int, log: TextIO) -> None:
        self.failed: list[int] = []
        self.made = 0
        self._total, self._before, self._views, self._log = total, before, views, log
        self._live = log.isatty()
        self._said = 0  # frames done when the last line was written
        self._start = self._last = time.monotonic()
        if before:
            log.write(f"{before} of {total} rooms are there already.\n")

    def add(self, seed: int, failure: Failure | None) -> None:
        now = time.monotonic()
        if failure is None:
            self.made += 1
        else:
            self.failed.append(seed)
            self._log.write(f"{self._clear()}room {seed} failed: {failure.reason}\n{failure.details}")
        if self._live or now - self._last >= _LINE_SECONDS:
            self._last, self._said = now, self.made + len(self.failed)
            self._log.write(f"{self._clear()}{self._line(now)}{'' if self._live else chr(10)}")
            self._log.flush()

    def end(self) -> None:
        done = self.made + len(self.failed)
        if done and (self._live or self._said < done):
            self._log.write(f"{self._clear()}{self._line(time.monotonic())}\n")
            self._log.flush()

    def _line(self, now: float) -> str:
        done = self.made + len(self.failed)
        seconds = max(now - self._start, 1e-6)
        left = (self._total - self._before - done) * seconds / max(done, 1)
        failed = f", {len(self.failed)} failed" if self.failed else ""
        rate = f"{done * self._views / seconds:.2f} frames a second"
        return f"{self._before + done}/{self._total} rooms, {rate}, {_span(left)} left{failed}"

    def _clear(self) -> str:
        return "\r\x1b[K" if self._live else ""


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _listed(numbers: Sequence[int], most: int = 20) -> str:
    shown = ", ".join(map(str, sorted(numbers)[:most]))
    return shown + (f" and {len(numbers) - most} more" if len(numbers) > most else "")


def _parser() -> argparse.ArgumentParser:
    default = Options()
    parser = argparse.ArgumentParser(
        prog="python -m train.rooms",
        description="Make labelled RGB-D frames of furnished rooms. A seed always gives the same room.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--count", type=_at_least(1), default=20, help="rooms to make")
    parser.add_argument("--seed", type=_at_least(0), default=0, help="of the first room; the others follow")
    parser.add_argument("--views", type=_at_least(1), default=default.views, help="frames of each room")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to; interrupted work is gone on with")
    parser.add_argument("--quality", choices=("photo", "fast"), default=default.quality, help="Cycles or a rasteriser")
    parser.add_argument(
        "--layout", choices=("folder", "sunrgbd"), default=default.layout, help="how files are laid out"
    )
    parser.add_argument("--sensor", choices=("any", *SENSORS), default=default.sensor, help="the camera")
    parser.add_argument(
        "--licences",
        nargs="+",
        default=default.licences,
        metavar="SPDX",
        help="of the models; CC-BY-3.0 on request, with attribution in CREDITS.txt",
    )
    parser.add_argument("--samples", type=_at_least(1), default=default.samples, help="a pixel, for photo quality")
    parser.add_argument("--exact-depth", action="store_true", help="write the true depth too (folder layout)")
    parser.add_argument(
        "--furniture", type=Path, metavar="DIR", help="folder of .sh3f files, if not where Debian has it"
    )
    parser.add_argument("--built-here", action="store_true", help="do without furniture libraries and textures")
    parser.add_argument("--no-lift", action="store_true", help="do not ask for rare classes")
    parser.add_argument(
        "--reference", type=Path, metavar="JSON", help="classes40 and train_pixels40 of NYU Depth v2, for the report"
    )
    parser.add_argument("--workers", type=_at_least(1), default=cores(), help="processes")
    return parser


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _at_least(least: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"expected {least} or more, got {value}")
        return value

    return number
