"""`python -m deresunet bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from deresunet.atomic import write_json
from deresunet.benchmark import machine as host
from deresunet.benchmark import timing as bench
from deresunet.benchmark.candidates import Candidate, backends_on, make_candidate, peers_here, runtimes_here
from deresunet.benchmark.figure import write_figure
from deresunet.cli.app import reports_input_errors
from deresunet.cli.options import Checkpoint, Device
from deresunet.errors import InputError, first_line
from deresunet.inference.devices import resolve_device
from deresunet.inference.network import read_weights
from deresunet.model.checkpoint import Checkpoint as Weights

command = typer.Typer(add_completion=False)


@command.command()
@reports_input_errors
def bench_command(
    device: Device = "auto",
    batch: Annotated[str, typer.Option(help="Frames at once: 1, or several numbers with commas between.")] = "1",
    size: Annotated[str, typer.Option(help="Height x width of the input, multiples of 32.")] = "480x640",
    backends: Annotated[
        str | None, typer.Option(help="What to time, with commas between; all that can run here if left out.")
    ] = None,
    peers: Annotated[bool, typer.Option(help="Also time other projects' networks, with random weights.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is timed.")] = 10,
    rooms: Annotated[int, typer.Option(min=0, max=20, help="Rooms whose labels are compared with eager's.")] = 4,
    frames: Annotated[bool, typer.Option(help="Also time a frame from picture to label.")] = True,
    checkpoint: Checkpoint = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="File for the result.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="PNG or SVG: time of a frame against frames a second; needs two batch sizes.")
    ] = None,
) -> None:
    """Time the network on each of its backends, all in turn, and a frame from picture to label."""
    where = resolve_device(device)
    batches, shape = _numbers(batch, ",", "--batch", "1,16"), _numbers(size, "x", "--size", "480x640")
    if figure is not None and len(set(batches)) < 2:
        raise InputError("--figure needs two batch sizes. Give such as --batch 1,16.")
    weights = read_weights(checkpoint)
    cell = weights.preprocessing.multiple_of
    if len(shape) != 2 or any(side % cell for side in shape):
        raise InputError(f"--size is {size!r}; expected height x width, multiples of {cell}, such as 480x640.")
    summary: dict[str, Any] = {"machine": host.machine(where), "weights": weights.name, "sha256": weights.sha256}
    names = backends_on(where) + (runtimes_here() if where.type == "cpu" else ())
    if backends is not None:
        asked = [name.strip() for name in backends.split(",")]
        names = tuple(dict.fromkeys([names[0], *asked]))
    candidates, left_out = _made(names + (peers_here(where) if peers else ()), weights, where, (shape[0], shape[1]))

    halves = {"float16": torch.float16} if where.type == "cuda" else {"bfloat16": torch.bfloat16}
    rates = {name: host.matrix_rate(where, kind) for name, kind in {"float32": torch.float32, **halves}.items()}
    summary["matrix_gflop_per_s"] = {name: round(rate, 1) for name, rate in rates.items()}
    summary["copy_gb_per_s"] = round(host.copy_bandwidth(where), 1)
    agreements = bench.label_agreement(candidates, weights, where, rooms) if rooms else {}
    timings = [
        timing
        for number in batches
        for timing in bench.time_candidates(candidates, where, number, (shape[0], shape[1]), rounds, agreements, rates)
    ]
    summary |= {"rounds": rounds, "rooms": rooms, "timings": bench.as_dict(timings), "left_out": left_out}
    typer.echo(f"{summary['machine']['device']}, {summary['machine']['cpu']}, {summary['machine']['threads']} threads")
    for row in bench.rows(timings):
        typer.echo(row)
    for name, reason in left_out.items():
        typer.echo(f"{name} was left out: {reason}")
    if frames:
        summary["labels"] = [
            row
            for number in batches
            for row in bench.time_labels(checkpoint, device, number, (shape[0], shape[1]), rounds)
        ]
        for row in summary["labels"]:
            typer.echo(
                f"{row['backend']}, head {row['head']}, {row['batch']} at once from tensors to labels: a frame in "
                f"{row['min_ms']:.2f} ms, {row['median_ms']:.2f} median, p95 {row['p95_ms']:.2f}"
            )
        summary["frames"] = bench.time_frames(checkpoint, device, rounds)
        for wanted, row in summary["frames"].items():
            typer.echo(
                f"--backend {wanted}: {row['backend']}, a frame from picture to scores in {row['min_ms']:.1f} ms at "
                f"least, {row['median_ms']:.1f} median (to the device {row['to_device_ms']:.1f}, "
                f"network {row['network_ms']:.1f}, way back {row['from_device_ms']:.1f})"
            )
            typer.echo(
                f"  loaded in {row['load_s']:.1f} s, warm in {row['warm_up_s']:.1f} s; first {row['first_ms']:.1f} ms, "
                f"second {row['second_ms']:.1f} ms; peak of a process {row['peak_process_mb']:.0f} MB"
                + ("" if row["peak_gpu_mb"] is None else f", on the GPU {row['peak_gpu_mb']:.0f} MB")
            )
    if json_out is not None:
        write_json(json_out, summary)
        typer.echo(f"written to {json_out}")
    if figure is not None:
        write_figure(figure, summary)
        typer.echo(f"drawn in {figure}")


def _made(
    names: tuple[str, ...], weights: Weights, device: torch.device, size: tuple[int, int]
) -> tuple[list[Candidate], dict[str, str]]:
    """The candidates, and of those that could not be built (as without a compiler) why not."""
    made: list[Candidate] = []
    left_out: dict[str, str] = {}
    inputs = [torch.zeros(1, channels, *size, device=device) for channels in (3, 1)]
    for name in names:
        try:
            candidate = make_candidate(name, weights, device, size)
            with torch.inference_mode():
                candidate.run(*inputs)
        except InputError:
            raise
        except Exception as error:  # whatever a compiler or another runtime raises: the others are still timed
            left_out[name] = first_line(error)
        else:
            made.append(candidate)
    if not made or made[0].name != names[0]:
        raise InputError(f"{names[0]} does not run here ({left_out[names[0]]}), so there is nothing to compare with.")
    return made, left_out


def _numbers(written: str, between: str, option: str, example: str) -> list[int]:
    try:
        numbers = [int(part) for part in written.split(between)]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise InputError(f"{option} is {written!r}; expected such as {example}.")
    return numbers
