"""Time of a training step: its data, the step in eager mode, and as a CUDA graph where there is one."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from pytorch_lightning.utilities import move_data_to_device
from torch.profiler import ProfilerActivity, profile
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

from deresunet.inference.devices import describe_device
from train.data.dataset import Batch
from train.ema import Average
from train.optimisation import build_optimiser
from train.step import WARM_UP_STEPS, StepResult, WholeStep


def main(arguments: list[str], build: Callable[[list[str], bool], Any]) -> None:
    """Measure the recipe that the arguments configure, and print a table.

    Args:
        arguments: those of `fit`, and the bench's own.
        build: parses a command line into module, data and trainer.
    """
    parser = argparse.ArgumentParser(
        prog="python -m train bench",
        description="Time a training step, eager and as a CUDA graph. Takes every option of `fit` too, such as "
        "--config FILE.",
    )
    parser.add_argument("--steps", type=int, default=20, help="steps that are measured")
    parser.add_argument("--operators", type=int, default=0, help="print this many operators that take most of the time")
    options, given = parser.parse_known_args(arguments)
    cli = build(given, False)
    data, device, precision = cli.datamodule, cli.trainer.strategy.root_device, cli.trainer.precision
    step = whole_step(cli.model, data, cli.trainer)
    batches = _endless(data, device)
    with FlopCounterMode(display=False) as counter:
        step.eager(next(batches))
    flop = counter.get_total_flops()
    print(
        f"{describe_device(device)}, {precision}, {data.batch_size} frames a step, {flop / 1e9:.1f} GFLOP a step, "
        f"{torch.get_num_threads()} threads"
    )
    print(f"{'':16}{'ms a step':>12}{'frames a second':>18}{'TFLOP/s':>10}")
    ways: dict[str, Callable[[], object]] = {
        "data": lambda: next(batches),
        "eager step": lambda: step.eager(next(batches)),
    }
    if step.on_cuda:
        ways["CUDA graph"] = lambda: step(next(batches), 1000)
    for name, run in ways.items():
        for _ in range(WARM_UP_STEPS + 1):
            run()
        seconds = Timer("run()", globals={"run": run}, num_threads=torch.get_num_threads()).timeit(options.steps).mean
        rate = "" if name == "data" else f"{flop / seconds / 1e12:10.2f}"
        print(f"{name:16}{1e3 * seconds:12.1f}{data.batch_size / seconds:18.2f}{rate}", flush=True)
    if options.operators:
        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if step.on_cuda else [])]
        with profile(activities=kinds) as profiled:
            step.eager(next(batches))
        by = "self_cuda_time_total" if step.on_cuda else "self_cpu_time_total"
        print(profiled.key_averages().table(sort_by=by, row_limit=options.operators))


def whole_step(module: Any, data: Any, trainer: Any) -> WholeStep:
    """The step that `fit` makes, outside of its trainer; data and module are set up."""
    data.setup("fit")
    module.prepare(data, training=True)
    module.to(trainer.strategy.root_device).train()
    average = None if module.ema is None else Average(module.model, module.ema, module.ema_decay or 0.0)

    def losses_of(batch: Batch) -> StepResult:
        with trainer.precision_plugin.forward_context():
            return module.step(batch)

    optimiser = build_optimiser(module.optimisation, module, module.pretrained)
    return WholeStep(losses_of, optimiser, average, module.optimisation.clip_norm)


def _endless(data: Any, device: torch.device) -> Iterator[Batch]:
    loader = data.train_dataloader()
    for epoch in itertools.count():
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            yield move_data_to_device(batch, device)
