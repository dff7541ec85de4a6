"""`python -m deresunet export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from deresunet import export as exporting
from deresunet.cli.app import speaks_plainly

command = typer.Typer(add_completion=False)


@command.command()
@speaks_plainly
def export(
    checkpoint: Annotated[str, typer.Option(help="Weights to export: the .ckpt of training, or .safetensors.")],
    out: Annotated[Path, typer.Option(help="File to write, .safetensors.")],
    precision: Annotated[
        Literal["int8", "fp16", "fp32"], typer.Option(help="int8 is a quarter of fp32's size.")
    ] = "int8",
    format: Annotated[Literal["safetensors"], typer.Option(help="What to write.")] = "safetensors",
) -> None:
    """Write weights with their configuration, classes, preprocessing, training and metrics."""
    written = exporting.export(checkpoint, out, precision, format)
    typer.echo(f"{written.stat().st_size / 1e6:.1f} MB written to {written}")
