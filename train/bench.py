"""Time of a training step, and of its parts: eager, compiled, and as a CUDA graph, in one run."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from deresunet.benchmark.machine import matrix_rate
from deresunet.errors import InputError, first_line
from deresunet.inference.devices import describe_device
from train.data.dataset import Batch
from train.ema import Average
from train.module import SegmentationModule
from train.optimisation import build_optimiser
from train.step import WARM_UP_STEPS, StepResult, WholeStep

PARTS = ("data", "transfer", "teacher", "forward", "backward", "optimiser", "average")


@dataclass(frozen=True)
class StepTiming:
    """Time of one way to run the step.

    Attributes:
        name: "eager", "compiled" or "graph".
        step_ms: time of a whole step, parts overlapping as in training [ms].
        waiting_ms: of it, time in which the step had no data [ms].
        parts_ms: time of each part when the device is waited for after it [ms]; a graph has no parts.
        frames_per_second: frames trained on a second of whole steps.
        busy: share of the wall time in which the device computed, 0..1; None on a CPU, which cannot tell.
        matrix_share: share of the device's measured matrix rate that the step's arithmetic reached, 0..1.
    """

    name: str
    step_ms: float
    waiting_ms: float
    parts_ms: dict[str, float]
    frames_per_second: float
    busy: float | None
    matrix_share: float


def main(arguments: list[str], build: Callable[[list[str], bool], Any]) -> None:
    """Measure the recipe that the arguments configure, and print a table.

    Args:
        arguments: those of `fit`, and the bench's own.
        build: parses a command line into module, data and trainer.

    Raises:
        InputError: the config is not that of the network's own training.
    """
    parser = argparse.ArgumentParser(
        prog="python -m train bench",
        description="Time a training step: eager, compiled, and as a CUDA graph. Takes every option of `fit` too, "
        "such as --config FILE.",
    )
    parser.add_argument("--steps", type=int, default=20, help="steps that are measured, after as many parts")
    parser.add_argument("--warmup", type=int, default=5, help="steps before, which compilation falls into")
    parser.add_argument("--no-compiled", action="store_true", help="leave the compiled step out")
    options, given = parser.parse_known_args(arguments)
    cli = build(given, False)
    if not isinstance(cli.model, SegmentationModule):
        raise InputError(f"bench times the network's own training, and the config is of {type(cli.model).__name__}.")
    stepper = Stepper(cli.model, cli.datamodule, cli.trainer)
    rate = 1e9 * matrix_rate(stepper.device, stepper.dtype)
    flop = stepper.flop()
    print(
        f"{describe_device(stepper.device)}, {cli.trainer.precision}, {cli.datamodule.batch_size} frames a step, "
        f"{flop / 1e9:.1f} GFLOP a step, matrix rate {rate / 1e12:.2f} TFLOP/s"
    )
    timings = [stepper.measure("eager", options.steps, options.warmup, flop, rate)]
    if not options.no_compiled:
        mode = cli.model.compile_mode
        cli.model.set_compiled("default" if mode == "none" else mode)
        try:
            timings.append(stepper.measure("compiled", options.steps, options.warmup, flop, rate))
        except Exception as error:
            print(f"compiled: not measured ({first_line(error)})")
        cli.model.set_compiled("none")
    if stepper.device.type == "cuda":
        timings.append(stepper.measure("graph", options.steps, max(options.warmup, WARM_UP_STEPS + 1), flop, rate))
    else:
        print(f"graph: not measured (CUDA graphs need an NVIDIA GPU, this is {stepper.device.type})")
    print(table(timings))


class Stepper:
    """Training steps outside the Trainer, so that each part can be timed: the same functions that `fit` calls.

    Args:
        module: the module that is trained.
        data: its frames.
        trainer: says device and precision.
    """

    def __init__(self, module: SegmentationModule, data: Any, trainer: Any) -> None:
        self.module, self.data = module, data
        self.device = trainer.strategy.root_device
        self.autocast = trainer.precision_plugin.forward_context
        self.dtype = {"bf16": torch.bfloat16, "16": torch.float16}.get(trainer.precision.split("-")[0], torch.float32)
        data.device = self.device
        data.setup("fit")
        module.prepare(data, training=True)
        module.to(self.device).train()
        module.bring_teacher(self.device)
        self.optimiser = build_optimiser(module.optimisation, module, module.pretrained)
        self.average = None if module.ema is None else Average(module.model, module.ema, module.ema_decay or 0.0)
        self.clip_norm = module.optimisation.clip_norm
        self.whole = WholeStep(self._losses, self.optimiser, self.average, self.clip_norm)
        self.batches = self._endless()

    def flop(self) -> float:
        """Floating-point operations of a step, two per multiply-add, teacher and backward included."""
        with FlopCounterMode(display=False) as counter:
            for _ in self.parts():
                pass
        return float(counter.get_total_flops())

    def parts(self) -> Iterator[str]:
        """One eager step; after each part, its name."""
        module = self.module
        batch: Batch = next(self.batches)
        yield "data"
        batch = self._transferred(batch)
        yield "transfer"
        taught = module.taught(batch)
        yield "teacher"
        with self.autocast():
            result = module.learn(*taught)
        self._count(result)
        yield "forward"
        torch.autograd.backward(result.loss)
        yield "backward"
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.whole.parameters, self.clip_norm)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        yield "optimiser"
        if self.average is not None:
            self.average.begin(1000)
            self.average.update()
        yield "average"

    def graph(self) -> Iterator[str]:
        """One step as a CUDA graph, from the fourth on; after the data, and at the end, a name."""
        batch: Batch = next(self.batches)
        yield "data"
        self._count(self.whole(self._transferred(batch), 1000))
        yield "graph"

    def measure(self, name: str, steps: int, warmup: int, flop: float, rate: float) -> StepTiming:
        """Time `steps` steps part by part, then as many as they run in training."""
        run = self.graph if name == "graph" else self.parts
        for _ in range(warmup):
            for _part in run():
                pass
        parts = dict.fromkeys(("data", "graph") if name == "graph" else PARTS, 0.0)
        for _ in range(steps):
            self._wait()
            start = time.perf_counter()
            for part in run():
                self._wait()
                now = time.perf_counter()
                parts[part] += now - start
                start = now
        whole, waiting = self._unbroken(run, steps)
        return StepTiming(
            name=name,
            step_ms=1e3 * whole / steps,
            waiting_ms=1e3 * waiting / steps,
            parts_ms={part: 1e3 * seconds / steps for part, seconds in parts.items()},
            frames_per_second=self.data.batch_size * steps / whole,
            busy=self._busy(run, min(steps, 10)),
            matrix_share=flop * steps / whole / rate,
        )

    def _losses(self, batch: Batch) -> StepResult:
        with self.autocast():
            return self.module.step(batch)

    def _count(self, result: StepResult) -> None:
        if result.label is not None and result.prediction is not None:
            self.module.training_confusion.update(result.label, result.prediction, result.loss)

    def _transferred(self, batch: Batch) -> Batch:
        return Batch._make(
            part.to(self.device, non_blocking=True) if isinstance(part, Tensor) else part for part in batch
        )

    def _unbroken(self, run: Callable[[], Iterator[str]], steps: int) -> tuple[float, float]:
        """Seconds of `steps` steps without waiting between, and seconds of them spent on waiting for data."""
        self._wait()
        start = time.perf_counter()
        waiting = 0.0
        for _ in range(steps):
            asked = time.perf_counter()
            for part in run():
                if part == "data":
                    waiting += time.perf_counter() - asked
        self._wait()
        return time.perf_counter() - start, waiting

    def _busy(self, run: Callable[[], Iterator[str]], steps: int) -> float | None:
        if self.device.type != "cuda":
            return None
        self._wait()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            seconds, _ = self._unbroken(run, steps)
        spans = sorted(
            (event.time_range.start, event.time_range.end)
            for event in profile.events()
            if event.device_type.name == "CUDA"
        )
        return _covered(spans) / 1e6 / seconds

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _endless(self) -> Iterator[Batch]:
        loader = self.data.train_dataloader()
        for epoch in itertools.count():
            loader.sampler.set_epoch(epoch)
            yield from loader


def table(timings: list[StepTiming]) -> str:
    """The timings beside each other, for people."""
    names = [*PARTS, *(["graph"] if any("graph" in timing.parts_ms for timing in timings) else [])]

    def part(timing: StepTiming, name: str) -> str:
        return f"{timing.parts_ms[name]:.1f}" if name in timing.parts_ms else "-"

    rows: list[tuple[str, list[str]]] = [
        ("frames a second", [f"{timing.frames_per_second:.2f}" for timing in timings]),
        ("whole step [ms]", [f"{timing.step_ms:.1f}" for timing in timings]),
        ("  waiting for data [ms]", [f"{timing.waiting_ms:.1f}" for timing in timings]),
        ("device busy", ["n/a" if timing.busy is None else f"{timing.busy:.1%}" for timing in timings]),
        ("share of matrix rate", [f"{timing.matrix_share:.1%}" for timing in timings]),
        ("parts, each waited for:", ["" for _ in timings]),
        *((f"  {name} [ms]", [part(timing, name) for timing in timings]) for name in names),
    ]
    head = f"{'':26}" + "".join(f"{timing.name:>12}" for timing in timings)
    return "\n".join([head, *(f"{name:26}" + "".join(f"{value:>12}" for value in values) for name, values in rows)])


def _covered(spans: list[tuple[float, float]]) -> float:
    """Length of the union of intervals, sorted by their start."""
    total, end = 0.0, float("-inf")
    for first, last in spans:
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total
