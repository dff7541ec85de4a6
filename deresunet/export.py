"""Weights in a form to hand on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from deresunet.checkpoint import Checkpoint, Precision, load_checkpoint, save_checkpoint
from deresunet.errors import InputError

ExportFormat = Literal["safetensors"]


def _safetensors(checkpoint: Checkpoint, out: Path, precision: Precision) -> None:
    save_checkpoint(
        out, checkpoint.build(), checkpoint.preprocessing, precision, checkpoint.training, checkpoint.metrics
    )


# The one place where a format is added: how it is written, and the suffix that its files have.
FORMATS: dict[ExportFormat, tuple[Callable[[Checkpoint, Path, Precision], None], str]] = {
    "safetensors": (_safetensors, ".safetensors")
}


def export(
    checkpoint: str | os.PathLike[str],
    out: str | os.PathLike[str],
    precision: Precision = "int8",
    format: ExportFormat = "safetensors",
) -> Path:
    """Write a checkpoint's weights with their whole description, whole or not at all.

    Args:
        checkpoint: a `.ckpt` of training or a `.safetensors` file.
        out: file to write; an existing one is replaced.
        precision: fp32, fp16 or int8; see `save_checkpoint`.
        format: a name of `FORMATS`.

    Returns:
        The file.

    Raises:
        InputError: the checkpoint cannot be used, or `out` has another suffix than the format's or cannot be written.
    """
    write, suffix = FORMATS[format]
    out = Path(out)
    if out.suffix != suffix:
        raise InputError(f"{out.name}: {format} is written to files that end in {suffix}. Give such a name.")
    write(load_checkpoint(checkpoint), out, precision)
    return out
