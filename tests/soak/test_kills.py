"""Commands that are killed at a random moment and given again: the same results, none torn, and nothing left over."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from soak.commands import command, page_evaluation
from training_helpers import SMALL_OPTIONS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills processes")
JOBS = ("evaluate", "train", "page evaluation")
# What a run's time is in, which no two runs have alike.
TIMES = ("seconds", "seconds_per_frame", "date")


@dataclass(frozen=True)
class Job:
    """A command.

    Attributes:
        start: begins it, given the folder that it writes to.
        results: what must come out equal, by name, read from that folder; raises an error if a file is torn.
        growing: a file that is written line by line, and whole in the end alone.
    """

    start: Callable[[Path], object]
    results: Callable[[Path], dict[str, object]]
    growing: str = "resume.jsonl"


def files(folder: Path) -> dict[str, object]:
    """Files of a folder by name, JSON without times, all else as bytes; hidden ones apart."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or path.name == "used" or any(part.startswith(".") for part in Path(name).parts):
            continue
        if path.suffix == ".json":
            found[name] = _timeless(json.loads(path.read_text()))
        elif path.suffix == ".jsonl":
            lines = path.read_text().splitlines(keepends=True)  # the last of which a kill may have cut short
            found[name] = [_timeless(json.loads(line)) for line in lines if line.endswith("\n")]
        elif path.suffix == ".csv":
            rows = csv.DictReader(path.read_text().splitlines())
            found[name] = [_timeless(row) for row in rows]
        elif path.suffix == ".html":
            found[name] = re.sub(r"[\d.]+ s\b", "", path.read_text())
        else:
            found[name] = path.read_bytes()
    return found


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in TIMES}
    return value


def checkpoints(folder: Path) -> dict[str, object]:
    """The weights and state of optimisation that a run of training ended with; all checkpoints of it are whole."""
    found: dict[str, object] = {}
    for path in _by_time(folder, "*.ckpt"):
        content = torch.load(path, weights_only=True)
        if path.name == "last.ckpt":
            found = {name: tensor.numpy().tobytes() for name, tensor in content["state_dict"].items()}
            found |= {"step": content["global_step"]}
            for number, state in content["optimizer_states"][0]["state"].items():
                found |= {f"{number}.{name}": np.asarray(value).tobytes() for name, value in state.items()}
    return found


def _by_time(folder: Path, pattern: str) -> list[Path]:
    """Files of a run under their final names, the latest last."""
    found = (path for path in folder.rglob(pattern) if not path.parent.name.startswith("."))
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def jobs(forks, rooms_of, weights, tmp_path_factory) -> dict[str, Job]:
    root = tmp_path_factory.mktemp("jobs")

    def start(*arguments: object) -> object:
        return forks.start(command, [str(argument) for argument in arguments], root / "said")

    def train_on(folder: Path) -> object:
        left = _by_time(folder, "last.ckpt")
        options = ("--run.folder", folder, "--run.name", "run", "--run.best", 1, "--trainer.max_epochs", 3)
        more = ("--data.workers", 0, "--data.limit", 8)
        resumed = ("--ckpt_path", left[-1]) if left else ()
        return start("train", "fit", *SMALL_OPTIONS, *options, *more, *resumed)

    evaluation = ("evaluate", "--root", rooms_of, "--split", "all", "--label-set", "sunrgbd37", "--device", "cpu")
    return {
        "evaluate": Job(
            lambda out: start(
                *evaluation, "--checkpoint", weights, "--backend", "eager", "--report", out, "--workers", 1
            ),
            files,
        ),
        "train": Job(train_on, checkpoints),
        "page evaluation": Job(
            lambda out: forks.start(page_evaluation, rooms_of, weights, out, root / "said"),
            files,
        ),
    }


# Shorter forms of the other two are in tests/evaluation/test_report.py and tests/train/test_checkpoints.py.
@pytest.mark.parametrize(
    ("name", "times"),
    [
        *[pytest.param(name, 1, id=f"{name}-short") for name in ("page evaluation",)],
        *[pytest.param(name, 100, id=f"{name}-long", marks=pytest.mark.soak) for name in JOBS],
    ],
    indirect=["times"],
)
def test_killed_and_given_again(name, times, jobs, tmp_path, tell):
    job, rng = jobs[name], random.Random(name)

    def run(folder: Path) -> float:
        began, process = time.monotonic(), job.start(folder)
        process.join()
        assert process.exitcode == 0, name
        return time.monotonic() - began

    lasts = min(run(tmp_path / f"unbroken {number}") for number in range(2))
    expected = job.results(tmp_path / "unbroken 0")
    again = job.results(tmp_path / "unbroken 1")
    assert expected
    assert expected.keys() == again.keys()
    assert [key for key in expected if expected[key] != again[key]] == []
    kills, partial, unequal, left = 0, 0, [], []
    for number in range(2 * times + 3):
        folder = tmp_path / f"killed {number}"
        process = job.start(folder)
        process.join(rng.uniform(0, lasts))
        process.kill()
        process.join()
        if process.exitcode == 0:
            continue  # it was done before
        kills += 1
        there = job.results(folder) if folder.is_dir() else {}
        partial += bool(there)
        final = {key: value for key, value in there.items() if not key.endswith(job.growing)}
        if name != "train" and any(expected.get(key) != value for key, value in final.items()):
            unequal.append((number, "torn"))
        run(folder)
        if job.results(folder) != expected:
            unequal.append((number, "other results"))
        left += [path for path in folder.rglob("*") if path.name.startswith(".") or path.suffix == ".tmp"]
        shutil.rmtree(folder)
        if kills == times:
            break
    tell(
        f"{name} killed",
        f"{kills} times within {lasts:.1f} s ({partial} with results there already), {kills - len(unequal)} equal, "
        f"{len(left)} leftovers",
    )
    assert not unequal, unequal[:5]
    assert not left, left[:5]
    assert kills > times // 2
