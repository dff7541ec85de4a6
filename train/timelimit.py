"""A run that fits a time: its steps are planned from measured ones, so that the schedule ends with the time."""

from __future__ import annotations

import math
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_info

from deresunet.errors import InputError
from train.stage_module import StageModule, data_of

# Steps before the first measurement: compilation and recording fall into them.
SETTLING_STEPS = 8
# Steps that are measured before the first plan; the plan is made anew each time that as many were made again, twofold,
# and after the first validation, whose time was guessed until then.
MEASURED_STEPS = 16
# Steps between two validations of a run with a time limit.
VALIDATION_INTERVAL = 1000
# Time kept for the last checkpoint [s].
SAVING_S = 5.0


class TimeLimit(Callback):
    """Plans the optimiser steps that fit into a time, last validation included, and stops after them.

    A resumed run goes on with the plan of its checkpoint until its own steps have been timed.

    Args:
        minutes: time from now to the last checkpoint.
        finish: bring a "stable" rate down to 0 with the time. Without, the rate stays, and the run can go on later.
    """

    def __init__(self, minutes: float, finish: bool = False) -> None:
        self.deadline = time.monotonic() + 60.0 * minutes
        self.finish = finish
        self._settled: tuple[int, float] | None = None
        self._next_plan = SETTLING_STEPS + MEASURED_STEPS
        self._validating_since = self._validation_s = self._validated_s = 0.0
        self._steps = 0
        self._timed = False  # by a validation that the plan does not know of yet
        self._planned = False  # by this callback, not by the run that this one goes on from

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Begin to end, if that is what the time is for."""
        plan, schedule = pl_module.plan, pl_module.optimisation.schedule
        if self.finish and schedule != "stable":
            raise InputError(
                f"run.finish ends a run of the schedule stable, and this one's is {schedule}. Give run.minutes instead."
            )
        if self.finish and plan.decay_from is None:
            plan.decay_from = trainer.global_step
            plan.steps = None  # until steps have been timed the rate stays

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Measure, plan, and stop where the plan ends or the time does."""
        self._steps += 1
        if self._steps == SETTLING_STEPS:
            self._settled = trainer.global_step, time.monotonic() - self._validated_s
        elif self._steps >= self._next_plan and self._settled is not None:
            self._next_plan *= 2
            self._plan(trainer, pl_module)
        elif self._planned and self._timed:  # what validation takes was guessed
            self._plan(trainer, pl_module)
        over = time.monotonic() > self.deadline - self._reserve(trainer)
        planned = self._planned and trainer.global_step >= (pl_module.plan.steps or math.inf)
        if over or planned:
            trainer.should_stop = True

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of a validation."""
        self._validating_since = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep how long validation takes."""
        if not trainer.sanity_checking:
            self._timed = self._timed or not self._validation_s
            self._validation_s = time.monotonic() - self._validating_since
            self._validated_s += self._validation_s

    def _plan(self, trainer: pl.Trainer, module: StageModule) -> None:
        assert self._settled is not None
        steps, since = self._settled
        each = (time.monotonic() - self._validated_s - since) / max(trainer.global_step - steps, 1)
        left = self.deadline - time.monotonic() - self._reserve(trainer, each)
        each += self._validation_s / VALIDATION_INTERVAL
        module.plan.steps = trainer.global_step + max(1, int(left / each))
        self._planned, self._timed = True, False
        rank_zero_info(f"{each * 1e3:.0f} ms a step: {module.plan.steps} steps until the time is over.")

    def _reserve(self, trainer: pl.Trainer, step_s: float = 0.0) -> float:
        """Time for the last validation and the checkpoint [s]; before the first validation, an estimate."""
        data = data_of(trainer)
        guessed = step_s * data.count("validation") / max(data.batch_size, 1)
        return (self._validation_s or guessed) + SAVING_S
