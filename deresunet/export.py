"""Weights in a form to hand on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deresunet.errors import InputError
from deresunet.model.checkpoint import Checkpoint, Precision, load_checkpoint, save_checkpoint
from deresunet.programs import write_onnx, write_openvino, write_torch_export

ExportFormat = Literal["safetensors", "onnx", "openvino", "torch-export"]


def _safetensors(checkpoint: Checkpoint, out: Path, precision: Precision) -> None:
    save_checkpoint(
        out, checkpoint.build(), checkpoint.preprocessing, precision, checkpoint.training, checkpoint.metrics
    )


@dataclass(frozen=True)
class _Format:
    """How a format is written, the suffix that its files have, and the precisions it takes, its usual one first."""

    write: Callable[[Checkpoint, Path, Precision], None]
    suffix: str
    precisions: tuple[Precision, ...]


# The one place where a format is added.
FORMATS: dict[ExportFormat, _Format] = {
    "safetensors": _Format(_safetensors, ".safetensors", ("int8", "fp16", "fp32")),
    "onnx": _Format(write_onnx, ".onnx", ("fp32", "int8")),
    "openvino": _Format(write_openvino, ".xml", ("fp32", "fp16", "int8")),
    "torch-export": _Format(write_torch_export, ".pt2", ("fp32",)),
}


def export(
    checkpoint: str | os.PathLike[str],
    out: str | os.PathLike[str],
    precision: Precision | None = None,
    format: ExportFormat = "safetensors",
) -> Path:
    """Write a checkpoint's weights with their whole description, whole or not at all.

    Args:
        checkpoint: a `.ckpt` of training or a `.safetensors` file.
        out: file to write; an existing one is replaced.
        precision: fp32, fp16 or int8, as far as the format takes it; None for the format's usual one. Of safetensors
            see `save_checkpoint`, of the others `deresunet.programs`.
        format: a name of `FORMATS`.

    Returns:
        The file.

    Raises:
        InputError: the checkpoint cannot be used, a package that the format needs is not there, or `out` has another
            suffix than the format's or cannot be written.
    """
    kind = FORMATS[format]
    out = Path(out)
    if out.suffix != kind.suffix:
        raise InputError(f"{out.name}: {format} is written to files that end in {kind.suffix}. Give such a name.")
    precision = precision or kind.precisions[0]
    if precision not in kind.precisions:
        raise InputError(f"{format} is not written in {precision}; expected {' or '.join(kind.precisions)}.")
    if not out.parent.is_dir():  # known before minutes of tracing, not after them
        raise InputError(f"{out} cannot be written (No such file or directory). Give a place that can.")
    kind.write(load_checkpoint(checkpoint), out, precision)
    return out
