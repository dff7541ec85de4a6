"""Weights in a form to share: safetensors, or a program for torch.export, ONNX or OpenVINO.

Programs have BatchNorm folded and take `rgb` (B, 3, H, W) and `depth` (B, 1, H, W), float32 and normalised as their
metadata says, for any B and any H and W that are multiples of 32 from 64 to 4096. They give `logits`
(B, classes, H, W). Of a vision transformer they take one frame of one size, and give logits at a quarter of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from deresunet.atomic import staging_folder
from deresunet.config import ViTConfig, to_json
from deresunet.errors import InputError
from deresunet.inference.backends.folding import fold_batch_norm
from deresunet.inference.smoothing import HeadMode, smooth_head
from deresunet.model.checkpoint import Checkpoint, Precision, load_checkpoint, save_checkpoint

ExportFormat = Literal["safetensors", "onnx", "openvino", "torch-export"]
# Packages that each format needs besides PyTorch.
PACKAGES: dict[str, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript"),
    "openvino": ("onnx", "onnxscript", "openvino"),
}
# Where a .pt2 file keeps its description.
DESCRIPTION_FILE = "deresunet.json"
_OPSET = 18
_BITS = {"fp32": 32, "lightning": 32, "fp16": 16, "int8": 8}


def export(
    checkpoint: str | os.PathLike[str],
    out: str | os.PathLike[str],
    precision: Precision | None = None,
    format: ExportFormat = "safetensors",
    head: HeadMode = "smooth",
) -> Path:
    """Write a checkpoint's weights with their whole description, whole or not at all.

    Metrics are kept with a note of the weights that they were measured on, where the written ones are rounded further.

    Args:
        checkpoint: a `.ckpt` of training or a `.safetensors` file.
        out: file to write; an existing one is replaced.
        precision: fp32, fp16 or int8, as far as the format takes it; None for the format's usual one.
        format: a name of `FORMATS`.
        head: whether a program averages and interpolates a sub-pixel head's scores; see `Predictor`. safetensors holds
            the weights of the head itself.

    Returns:
        The file.

    Raises:
        InputError: the checkpoint cannot be used, a package that the format needs is not there, `out` has another
            suffix than the format's or cannot be written, or the disk is full.
    """
    kind = FORMATS[format]
    out = Path(out)
    if out.suffix != kind.suffix:
        raise InputError(f"{out.name}: {format} is written to files that end in {kind.suffix}. Give such a name.")
    precision = precision or kind.precisions[0]
    if precision not in kind.precisions:
        raise InputError(f"{format} is not written in {precision}; expected {' or '.join(kind.precisions)}.")
    if not out.parent.is_dir():
        raise InputError(f"{out} cannot be written (No such file or directory). Give a folder that exists.")
    missing = [name for name in PACKAGES.get(format, ()) if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"Writing {format} needs {' and '.join(missing)}, not installed here. Run: pip install {' '.join(missing)}"
        )
    # Known before minutes of tracing, not after them; all is prepared beside the target, so that a rename ends it.
    with staging_folder(out) as folder:
        loaded = load_checkpoint(checkpoint)
        rounded = _BITS[precision] < _BITS[loaded.stored]
        kind.write(
            Source(loaded, measured_before(loaded, precision) if rounded else loaded.metrics, head),
            folder / out.name,
            precision,
        )
        if format == "openvino":
            (folder / out.with_suffix(".bin").name).replace(out.with_suffix(".bin"))
        (folder / out.name).replace(out)
    return out


def measured_before(checkpoint: Checkpoint, precision: Precision) -> dict[str, Any]:
    """Metrics of a checkpoint, each with `measured_on`: the weights before they were rounded to `precision`."""
    stored = "float32" if _BITS[checkpoint.stored] == 32 else checkpoint.stored
    note = f"{stored} weights before export to {precision} ({checkpoint.name}, sha256 {checkpoint.sha256[:12]})"
    return {
        protocol: {"measured_on": note, **result} if isinstance(result, dict) else result
        for protocol, result in checkpoint.metrics.items()
    }


@dataclass(frozen=True)
class Source:
    """A checkpoint on its way out.

    Attributes:
        checkpoint: weights and description.
        metrics: those that the written file states.
        head: "smooth" or "raw", of programs.
    """

    checkpoint: Checkpoint
    metrics: dict[str, Any]
    head: HeadMode = "smooth"

    def describe(self) -> dict[str, str]:
        """Metadata of a program: each entry JSON or plain text, as in the metadata of safetensors."""
        weights = self.checkpoint
        taken = replace(weights.preprocessing, size=self.size)
        head = "smooth" if self.head == "smooth" and getattr(weights.config, "head", "") == "subpixel" else "raw"
        return {
            "architecture": "deresunet",
            "config": to_json(weights.layout),
            "preprocessing": to_json(taken),
            "inputs": json.dumps(
                {
                    "rgb": "float32 (B, 3, H, W): (RGB / 255 - rgb_mean) / rgb_std; all 0 where there is no RGB",
                    "depth": "float32 (B, 1, H, W): (depth [m] - depth_mean_m) / depth_std_m; depth_invalid where "
                    "depth is missing, all 0 where there is none",
                    "size": "H and W {} and {}".format(*self.size)
                    if self.size
                    else f"H and W multiples of {taken.multiple_of}, H x W about {taken.network_pixels}",
                    "resizing": "RGB bilinear with antialiasing, depth nearest neighbour",
                }
            ),
            "outputs": json.dumps(
                {"logits": "float (B, classes, H, W): index k is class k + 1; bilinear to the frame", "head": head}
            ),
            "classes": json.dumps(None if weights.class_set is None else weights.class_set.to_dict()),
            "training": weights.training,
            "metrics": json.dumps(self.metrics),
            "weights": weights.name,
            "sha256": weights.sha256,
        }

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the one size that a program takes, or None for any: a transformer's grid is traced."""
        preprocessing = self.checkpoint.preprocessing
        traced = isinstance(self.checkpoint.layout, ViTConfig)
        return preprocessing.network_size(480, 640) if traced else preprocessing.size

    def network(self) -> nn.Module:
        """Network that gives logits (B, classes, H, W) as `head` says."""
        model = self.checkpoint.build()
        smooth = smooth_head(model) if self.head == "smooth" else model
        return model if smooth is model else _Upsampled(smooth)


class _Upsampled(nn.Module):
    """A network with a smooth head, and its scores interpolated to the input's size."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        return self.upsample(self.network(rgb, depth))


def _write_safetensors(source: Source, out: Path, precision: Precision) -> None:
    weights = source.checkpoint
    classes = weights.class_set
    if classes is None:
        raise InputError(
            f"{weights.name} has no names of its classes. Export the checkpoint of a training that has them."
        )
    save_checkpoint(out, weights.build(), weights.preprocessing, precision, weights.training, source.metrics, classes)


def _write_torch_export(source: Source, out: Path, precision: Precision) -> None:
    """Write a file for `torch.export.load`; its description is the extra file `DESCRIPTION_FILE`."""
    torch.export.save(_program(source), out, extra_files={DESCRIPTION_FILE: json.dumps(source.describe())})


def _write_onnx(source: Source, out: Path, precision: Precision) -> None:
    """Write an `.onnx` file; its description is in `metadata_props`."""
    chatty = logging.getLogger("torch.onnx")
    level = chatty.level
    chatty.setLevel(logging.ERROR)
    try:
        program: Any = torch.onnx.export(
            _program(source),
            dynamo=True,
            verbose=False,
            opset_version=_OPSET,
            input_names=["rgb", "depth"],
            output_names=["logits"],
        )
    finally:
        chatty.setLevel(level)
    program.model.metadata_props.update(source.describe())
    program.save(out)


def _write_openvino(source: Source, out: Path, precision: Precision) -> None:
    """Write an `.xml` file, and its weights beside it as `.bin`; the description is runtime info `deresunet`.

    fp16 halves the file's weights; the plugin chooses the arithmetic. Of the bundled weights' labels over eight of the
    bundled rooms it keeps 99.97 % (99.7 % where the plugin takes bfloat16), with the raw head.
    """
    openvino = importlib.import_module("openvino")
    onnx = out.with_name("float32.onnx")
    _write_onnx(source, onnx, "fp32")
    model = openvino.convert_model(onnx)
    for key, value in source.describe().items():
        model.set_rt_info(value, ["deresunet", key])
    openvino.save_model(model, out, compress_to_fp16=precision == "fp16")


@dataclass(frozen=True)
class _Format:
    """Function that writes a format, the suffix of its files, and the precisions it takes, its usual one first."""

    write: Callable[[Source, Path, Precision], None]
    suffix: str
    precisions: tuple[Precision, ...]


# The one place where a format is added.
FORMATS: dict[ExportFormat, _Format] = {
    "safetensors": _Format(_write_safetensors, ".safetensors", ("int8", "fp16", "fp32")),
    "onnx": _Format(_write_onnx, ".onnx", ("fp32",)),
    "openvino": _Format(_write_openvino, ".xml", ("fp32", "fp16")),
    "torch-export": _Format(_write_torch_export, ".pt2", ("fp32",)),
}


def _program(source: Source) -> torch.export.ExportedProgram:
    network = source.network().eval()
    if source.size is not None:
        inputs = (torch.zeros(1, 3, *source.size), torch.zeros(1, 1, *source.size))
        with torch.no_grad():
            return torch.export.export(network, inputs)
    folded = fold_batch_norm(network)
    cell = source.checkpoint.preprocessing.multiple_of
    batch = torch.export.Dim("batch", min=1, max=1024)
    # torch.export takes a size of 1 for a constant, so the deepest map has at least two rows and columns.
    rows, columns = (torch.export.Dim(name, min=2, max=128) for name in ("rows", "columns"))
    shape = {0: batch, 2: cell * rows, 3: cell * columns}
    inputs = (torch.zeros(2, 3, 2 * cell, 3 * cell), torch.zeros(2, 1, 2 * cell, 3 * cell))
    with torch.no_grad():
        return torch.export.export(folded, inputs, dynamic_shapes=(shape, shape))
