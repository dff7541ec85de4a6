"""How fast a training step is, and where its time goes: eager and compiled, in one run."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from deresunet.errors import InputError
from deresunet.inference.devices import describe_device
from train.data.dataset import Batch
from train.ema import Average
from train.module import SegmentationModule
from train.optimisation import build_optimiser

PARTS = ("data", "transfer", "teacher", "forward", "backward", "optimiser", "average")
# Large enough to reach the device's rate, small enough to take a second.
MATRIX_SIDE = {"cuda": 8192, "cpu": 1536}


@dataclass(frozen=True)
class Timing:
    """What was measured of one way to run the step.

    Attributes:
        name: "eager" or "compiled".
        step_ms: time of a whole step, parts overlapping as in training [ms].
        waiting_ms: of it, time in which the step had no data [ms].
        parts_ms: time of each part when the device is waited for after it [ms].
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
        description="Time a training step, eager and compiled. Takes every option of `fit` too, such as --config FILE.",
    )
    parser.add_argument("--steps", type=int, default=20, help="steps that are measured, after as many parts")
    parser.add_argument("--warmup", type=int, default=5, help="steps before, which compilation falls into")
    parser.add_argument("--no-compiled", action="store_true", help="leave the compiled step out")
    options, given = parser.parse_known_args(arguments)
    cli = build(given, False)
    if not isinstance(cli.model, SegmentationModule):
        raise InputError(f"bench times the network's own training, and the config is of {type(cli.model).__name__}.")
    stepper = Stepper(cli.model, cli.datamodule, cli.trainer)
    rate = matrix_rate(stepper.device, stepper.dtype)
    flop = stepper.flop()
    print(
        f"{describe_device(stepper.device)}, {cli.trainer.precision}, {cli.datamodule.batch_size} frames a step, "
        f"{flop / 1e9:.1f} GFLOP a step, matrix rate {rate / 1e12:.2f} TFLOP/s"
    )
    modes = [("eager", "none")]
    if not options.no_compiled:
        mode = cli.model.compile_mode
        modes.append(("compiled", "default" if mode == "none" else mode))
    timings = []
    for name, mode in modes:
        cli.model.set_compiled(mode)
        timings.append(stepper.measure(name, options.steps, options.warmup, flop, rate))
    print(table(timings))


class Stepper:
    """Training steps outside the Trainer, so that each part can be timed: the same functions that `fit` calls.

    Args:
        module: what is trained.
        data: its frames.
        trainer: says device and precision.
    """

    def __init__(self, module: SegmentationModule, data: Any, trainer: Any) -> None:
        self.module, self.data = module, data
        self.device = trainer.strategy.root_device
        self.autocast = trainer.precision_plugin.forward_context
        self.dtype = {"bf16": torch.bfloat16, "16": torch.float16}.get(trainer.precision.split("-")[0], torch.float32)
        data.setup("fit")
        module.prepare(data, training=True)
        module.to(self.device).train()
        if module.teacher is not None:
            module.teacher.to(self.device)
        self.optimiser = build_optimiser(module.optimisation, module, module.pretrained)
        self.average = None if module.ema is None else Average(module.model, module.ema, module.ema_decay or 0.0)
        self.batches = self._endless()

    def flop(self) -> float:
        """Floating-point operations of a step, two per multiply-add, teacher and backward included."""
        with FlopCounterMode(display=False) as counter:
            for _ in self.step():
                pass
        return float(counter.get_total_flops())

    def step(self) -> Iterator[str]:
        """One step; after each part, its name."""
        module = self.module
        batch: Batch = next(self.batches)
        yield "data"
        batch = Batch(*(_to(part, self.device) for part in batch))
        inputs = module.inputs(batch)
        yield "transfer"
        teacher = module.teach(inputs)
        yield "teacher"
        with self.autocast():
            terms, prediction = module.terms(inputs.rgb, inputs.depth, batch.label, teacher)
            loss = module.total(terms)
        module.training_confusion.update(batch.label[:, ::4, ::4], prediction, loss)
        yield "forward"
        loss.backward()
        yield "backward"
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        yield "optimiser"
        if self.average is not None:
            self.average.update(1000)
        yield "average"

    def measure(self, name: str, steps: int, warmup: int, flop: float, rate: float) -> Timing:
        """Time `steps` steps part by part, then as many as they run in training."""
        for _ in range(warmup):
            for _part in self.step():
                pass
        parts = dict.fromkeys(PARTS, 0.0)
        for _ in range(steps):
            self._wait()
            start = time.perf_counter()
            for part in self.step():
                self._wait()
                now = time.perf_counter()
                parts[part] += now - start
                start = now
        whole, waiting = self._unbroken(steps)
        return Timing(
            name=name,
            step_ms=1e3 * whole / steps,
            waiting_ms=1e3 * waiting / steps,
            parts_ms={part: 1e3 * seconds / steps for part, seconds in parts.items()},
            frames_per_second=self.data.batch_size * steps / whole,
            busy=self._busy(min(steps, 10)),
            matrix_share=flop * steps / whole / rate,
        )

    def _unbroken(self, steps: int) -> tuple[float, float]:
        """Seconds of `steps` steps without waiting between, and seconds of them spent on waiting for data."""
        self._wait()
        start = time.perf_counter()
        waiting = 0.0
        for _ in range(steps):
            asked = time.perf_counter()
            for part in self.step():
                if part == "data":
                    waiting += time.perf_counter() - asked
        self._wait()
        return time.perf_counter() - start, waiting

    def _busy(self, steps: int) -> float | None:
        if self.device.type != "cuda":
            return None
        activities = [torch.profiler.ProfilerActivity.CUDA]
        self._wait()
        with torch.profiler.profile(activities=activities) as profile:
            seconds, _ = self._unbroken(steps)
        spans = sorted(
            (event.time_range.start, event.time_range.end)
            for event in profile.events()
            if event.device_type == torch.autograd.DeviceType.CUDA
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


def matrix_rate(device: torch.device, dtype: torch.dtype, repeats: int = 5) -> float:
    """Operations a second of a large matrix product, the best of a few: what the device can do at most."""
    side = MATRIX_SIDE.get(device.type, 4096)
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(repeats + 1):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        left @ right
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2.0 * side**3 / best


def table(timings: list[Timing]) -> str:
    """The timings beside each other, for people."""
    rows: list[tuple[str, list[str]]] = [
        ("frames a second", [f"{timing.frames_per_second:.2f}" for timing in timings]),
        ("whole step [ms]", [f"{timing.step_ms:.1f}" for timing in timings]),
        ("  waiting for data [ms]", [f"{timing.waiting_ms:.1f}" for timing in timings]),
        ("device busy", ["n/a" if timing.busy is None else f"{timing.busy:.1%}" for timing in timings]),
        ("share of matrix rate", [f"{timing.matrix_share:.1%}" for timing in timings]),
        ("parts, each waited for:", ["" for _ in timings]),
        *((f"  {part} [ms]", [f"{timing.parts_ms[part]:.1f}" for timing in timings]) for part in PARTS),
    ]
    head = f"{'':26}" + "".join(f"{timing.name:>12}" for timing in timings)
    return "\n".join([head, *(f"{name:26}" + "".join(f"{value:>12}" for value in values) for name, values in rows)])


def _to(part: Any, device: torch.device) -> Any:
    return part.to(device, non_blocking=True) if isinstance(part, torch.Tensor) else part


def _covered(spans: list[tuple[float, float]]) -> float:
    """Length of the union of intervals, sorted by their start."""
    total, end = 0.0, float("-inf")
    for first, last in spans:
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total
