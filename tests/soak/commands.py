"""Commands of the project in processes that are forked from one that has imported everything: a run takes a second."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import warnings
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import torch
import typer.main

import deresunet
import deresunet.cli.audit
import deresunet.cli.evaluate
import deresunet.cli.export
import deresunet.cli.predict
import deresunet.cli.stats
import train.cli
from demo.dataset.evaluations import Evaluations
from demo.dataset.progress import Run
from demo.networks import Checkpoints
from deresunet.data.readers import open_reader


def command(arguments: list[str], said: Path) -> None:
    """`python -m deresunet ...`, or `python -m train ...`; what it prints on both outputs goes to files."""
    _to_files(said)
    if arguments[0] == "train":
        train.cli.main(arguments[1:])
    else:
        typer.main.get_command(deresunet.cli.app)(arguments)


def page_evaluation(data: Path, weights: Path, folder: Path, said: Path) -> None:
    """An evaluation as the page runs it, in the folder that the server keeps it in."""
    _to_files(said)
    predictor = deresunet.load(weights, "cpu", "eager")
    evaluations = Evaluations(
        Checkpoints(predictor), {"rooms": open_reader(root=data, split="all", label_set="sunrgbd37")}, folder
    )
    run, visitor = Run("rooms"), "ann"
    evaluations.start(run, visitor)
    while (progress := evaluations.progress(run, visitor)).state in ("waiting", "running"):
        time.sleep(0.005)
    if progress.state != "done":
        sys.exit(f"Error: {progress.failure}")
    print(evaluations.result(run).evaluation.matrix.tolist())


class Forks:
    """A process that has imported what this module imports, and forks others that have, too."""

    def __init__(self) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["soak.commands"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
            self.start(_nothing).join()  # the imports take seconds

    def start(self, work: object, *arguments: object) -> multiprocessing.Process:
        """Begin to run a function of this module."""
        process = self._context.Process(target=work, args=arguments)
        process.start()
        return process


def _nothing() -> None:
    """Prove that the imports are done."""


def _to_files(said: Path) -> None:
    """Standard output and error as files, which a killed process's readers need not wait for."""
    for number, suffix in ((1, "out"), (2, "err")):
        os.dup2(os.open(said.with_suffix(f".{suffix}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
