"""`python -m deresunet bench`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deresunet import benchmark
from deresunet.atomic import write_json
from deresunet.cli.app import reports_input_errors
from deresunet.cli.options import Checkpoint, Device, named_paths
from deresunet.errors import InputError
from deresunet.inference.devices import resolve_device

command = typer.Typer(add_completion=False)


@command.command()
@reports_input_errors
def bench_command(
    device: Device = "auto",
    batch: Annotated[str, typer.Option(help="Frames at once: 1, or several numbers with commas between.")] = "1",
    size: Annotated[str, typer.Option(help="Height x width of the frames.")] = "480x640",
    backends: Annotated[
        str | None, typer.Option(help="What to time, with commas between; all that can run here if left out.")
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Another network to time beside it (.safetensors, .onnx, .pt2)."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is timed.")] = 10,
    rooms: Annotated[int, typer.Option(min=0, max=24, help="Sample rooms whose labels are compared.")] = 4,
    operators: Annotated[int, typer.Option(min=0, help="Number of the slowest operators to print, by backend.")] = 0,
    checkpoint: Checkpoint = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="File for the result.")] = None,
) -> None:
    """Time the network on each of its backends, and others beside it, from frames in memory to labels, all in turn."""
    where = resolve_device(device)
    batches, shape = _numbers(batch, ",", "--batch", "1,16"), _numbers(size, "x", "--size", "480x640")
    if len(shape) != 2 or min(shape) < 32:
        raise InputError(f"--size is {size!r}; expected height x width, such as 480x640.")
    names = benchmark.backends_on(where)
    if backends is not None:
        names = tuple(dict.fromkeys([names[0], *(name.strip() for name in backends.split(","))]))
    files = named_paths("network", network, "FILE, such as ESANet=esanet.onnx")
    described = benchmark.machine(where)
    predictors, left_out = benchmark.open_all(checkpoint, device, names, files)
    agreements = benchmark.label_agreement(predictors, rooms)
    typer.echo(f"{described['device']}, {described['processor']}, {described['threads']} threads, {size}")
    typer.echo(benchmark.HEAD)
    timings = []
    for number in batches:
        for timing in benchmark.time_networks(predictors, (shape[0], shape[1]), number, rounds, agreements):
            timings.append(asdict(timing))
            typer.echo(timing.row())
    for name, reason in left_out.items():
        typer.echo(f"{name} was left out: {reason}")
    if operators:
        for name, predictor in predictors.items():
            typer.echo(f"{name}:\n{benchmark.operators(predictor, (shape[0], shape[1]), operators)}")
    if json_out is not None:
        summary = {"machine": described, "rounds": rounds, "rooms": rooms, "timings": timings, "left_out": left_out}
        write_json(json_out, summary)
        typer.echo(f"written to {json_out}")


def _numbers(written: str, between: str, option: str, example: str) -> list[int]:
    try:
        numbers = [int(part) for part in written.split(between)]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise InputError(f"{option} is {written!r}; expected such as {example}.")
    return numbers
