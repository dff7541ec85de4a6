"""`python -m deresunet export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import deresunet.export
from deresunet.cli.app import reports_input_errors
from deresunet.errors import refuse
from deresunet.export import ExportFormat
from deresunet.inference.smoothing import HeadMode
from deresunet.model.checkpoint import Precision

command = typer.Typer(add_completion=False)


@command.command()
@reports_input_errors
def export(
    checkpoint: Annotated[str, typer.Option(help="Weights to export: the .ckpt of training, or .safetensors.")],
    out: Annotated[Path, typer.Option(help="File to write: .safetensors, .onnx, .xml (OpenVINO) or .pt2.")],
    precision: Annotated[
        Precision | None,
        typer.Option(
            help="safetensors: int8 (the default, a quarter of fp32's size), fp16 or fp32; OpenVINO: fp32 or fp16; "
            "ONNX and torch-export: fp32."
        ),
    ] = None,
    format: Annotated[ExportFormat, typer.Option(help="What to write.")] = "safetensors",
    head: Annotated[
        HeadMode,
        typer.Option(
            help="Of a program: smooth averages a sub-pixel head's scores and interpolates them, raw does not."
        ),
    ] = "smooth",
) -> None:
    """Write weights with their configuration, classes, preprocessing, training and metrics."""
    if format == "safetensors" and head != "smooth":
        refuse(["--head"], "on safetensors, which hold the weights alone")
    written = deresunet.export.export(checkpoint, out, precision, format, head)
    weights = written.with_suffix(".bin") if format == "openvino" else written
    typer.echo(f"{weights.stat().st_size / 1e6:.1f} MB written to {written}")
