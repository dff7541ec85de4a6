"""The network as a program that other runtimes run: torch.export, ONNX and OpenVINO.

All have BatchNorm folded, take `rgb` (B, 3, H, W) and `depth` (B, 1, H, W), float32 and normalised as the file's
metadata says, for any B and any H and W that are multiples of 32 from 64 to 4096, and give `logits` (B, classes, H, W).
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deresunet.atomic import write_whole
from deresunet.config import to_json
from deresunet.data.folder import sample_rooms
from deresunet.errors import InputError
from deresunet.inference.backends.folding import fold_batch_norm
from deresunet.inference.preprocessing import to_tensors
from deresunet.model.checkpoint import Checkpoint, Precision

# What each format needs besides PyTorch.
PACKAGES: dict[str, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript"),
    "onnx int8": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
    "openvino int8": ("onnx", "onnxscript", "openvino", "nncf"),
}
# Where a .pt2 file keeps its description.
DESCRIPTION_FILE = "deresunet.json"
# Frames whose activations give int8 its ranges: the bundled rooms, on which nothing is measured that is published.
CALIBRATION_FRAMES = 20
_OPSET = 18
# OpenVINO's names of what stays in floating point in int8: all but convolutions.
_NOT_INT8 = ["Add", "Concat", "DepthToSpace", "MaxPool", "Multiply", "ReduceMean", "Sigmoid"]


def describe(checkpoint: Checkpoint) -> dict[str, str]:
    """What a file says of itself: each entry JSON or plain text, as in the metadata of safetensors."""
    taken = checkpoint.preprocessing
    return {
        "architecture": "deresunet",
        "config": to_json(checkpoint.config),
        "preprocessing": to_json(taken),
        "inputs": json.dumps(
            {
                "rgb": "float32 (B, 3, H, W): (RGB / 255 - rgb_mean) / rgb_std; all 0 where there is no RGB",
                "depth": "float32 (B, 1, H, W): (depth [m] - depth_mean_m) / depth_std_m; depth_invalid where depth is "
                "missing, all 0 where there is none",
                "size": f"H and W multiples of {taken.multiple_of}, H x W about {taken.network_pixels}",
                "resizing": "RGB bilinear with antialiasing, depth nearest neighbour",
            }
        ),
        "outputs": json.dumps({"logits": "float (B, classes, H, W): index k is class k + 1; bilinear to the frame"}),
        "classes": json.dumps(checkpoint.classes),
        "training": checkpoint.training,
        "metrics": json.dumps(checkpoint.metrics),
        "weights": checkpoint.name,
        "sha256": checkpoint.sha256,
    }


def write_torch_export(checkpoint: Checkpoint, out: Path, precision: Precision) -> None:
    """Write a `.pt2` file for `torch.export.load`; its description is the extra file `DESCRIPTION_FILE`."""
    program = _program(checkpoint)
    extra = {DESCRIPTION_FILE: json.dumps(describe(checkpoint))}
    with tempfile.TemporaryDirectory() as folder:  # torch insists on the suffix
        whole = Path(folder) / "program.pt2"
        torch.export.save(program, whole, extra_files=extra)
        write_whole(out, lambda beside: shutil.copyfile(whole, beside))


def write_onnx(checkpoint: Checkpoint, out: Path, precision: Precision) -> None:
    """Write an `.onnx` file; its description is in `metadata_props`.

    int8 is static quantisation by ONNX Runtime, per channel, calibrated on the bundled rooms. Of the bundled weights'
    labels over eight of these rooms it keeps 96.5 % (94 % in the worst room).

    Raises:
        InputError: a package that is needed is not there.
    """
    _require("onnx int8" if precision == "int8" else "onnx")
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "network.onnx"
        _save_onnx(checkpoint, whole)
        if precision == "int8":
            whole = _quantised_onnx(checkpoint, whole)
        write_whole(out, lambda beside: shutil.copyfile(whole, beside))


def write_openvino(checkpoint: Checkpoint, out: Path, precision: Precision) -> None:
    """Write OpenVINO's `.xml`, and its weights beside it as `.bin`; the description is runtime info `deresunet`.

    fp16 halves the file's weights; the plugin chooses the arithmetic. int8 is NNCF's post-training quantisation of the
    convolutions, calibrated on the bundled rooms. Of the bundled weights' labels over eight of these rooms fp16 keeps
    99.97 % (99.7 % where the plugin takes bfloat16), int8 93 % (88 % in the worst room).

    Raises:
        InputError: a package that is needed is not there.
    """
    _require("openvino int8" if precision == "int8" else "openvino")
    openvino = importlib.import_module("openvino")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "network.onnx"
        _save_onnx(checkpoint, source)
        model = openvino.convert_model(source)
        if precision == "int8":
            nncf = importlib.import_module("nncf")
            frames = [{"rgb": rgb, "depth": depth} for rgb, depth in calibration_inputs(checkpoint)]
            model = nncf.quantize(
                model,
                nncf.Dataset(frames),
                # The mixed preset keeps the sign of what is not behind a ReLU.
                preset=nncf.QuantizationPreset.MIXED,
                # With what joins the convolutions in int8, too, 89 % of the labels are kept, and 66 % where the plugin
                # takes bfloat16 for the rest; it is a tenth faster.
                ignored_scope=nncf.IgnoredScope(types=_NOT_INT8, validate=False),
            )
        for key, value in describe(checkpoint).items():
            model.set_rt_info(value, ["deresunet", key])
        whole = Path(folder) / "network.xml"
        openvino.save_model(model, whole, compress_to_fp16=precision == "fp16")
        write_whole(out.with_suffix(".bin"), lambda beside: shutil.copyfile(whole.with_suffix(".bin"), beside))
        write_whole(out, lambda beside: shutil.copyfile(whole, beside))


def calibration_inputs(checkpoint: Checkpoint) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The network's inputs, rgb (1, 3, h, w) and depth (1, 1, h, w) float32, of the bundled rooms."""
    rooms = sample_rooms()
    for name in rooms.names[:CALIBRATION_FRAMES]:
        rgb, depth = to_tensors(rooms.read(name), checkpoint.preprocessing)
        yield rgb.numpy(), depth.numpy()


def _program(checkpoint: Checkpoint) -> torch.export.ExportedProgram:
    folded = fold_batch_norm(checkpoint.build())
    cell = checkpoint.preprocessing.multiple_of
    batch = torch.export.Dim("batch", min=1, max=1024)
    # torch.export takes a size of 1 for a constant, so the deepest map has at least two rows and columns.
    rows, columns = (torch.export.Dim(name, min=2, max=128) for name in ("rows", "columns"))
    shape = {0: batch, 2: cell * rows, 3: cell * columns}
    inputs = (torch.zeros(2, 3, 2 * cell, 3 * cell), torch.zeros(2, 1, 2 * cell, 3 * cell))
    with torch.no_grad():
        return torch.export.export(folded, inputs, dynamic_shapes=(shape, shape))


def _save_onnx(checkpoint: Checkpoint, path: Path) -> None:
    chatty = logging.getLogger("torch.onnx")
    level = chatty.level
    chatty.setLevel(logging.ERROR)
    try:
        program: Any = torch.onnx.export(
            _program(checkpoint),
            dynamo=True,
            verbose=False,
            opset_version=_OPSET,
            input_names=["rgb", "depth"],
            output_names=["logits"],
        )
    finally:
        chatty.setLevel(level)
    program.model.metadata_props.update(describe(checkpoint))
    program.save(path)


def _quantised_onnx(checkpoint: Checkpoint, path: Path) -> Path:
    quantization = importlib.import_module("onnxruntime.quantization")
    inputs = calibration_inputs(checkpoint)

    class Reader(quantization.CalibrationDataReader):  # type: ignore[name-defined, misc]
        def get_next(self) -> dict[str, np.ndarray] | None:
            rgb, depth = next(inputs, (None, None))
            return None if rgb is None or depth is None else {"rgb": rgb, "depth": depth}

    quantised = path.with_name("network.int8.onnx")
    quantization.quantize_static(
        path,
        quantised,
        Reader(),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        # 7 bits of weights: with 8, the 16-bit sums of CPUs without VNNI overflow.
        reduce_range=True,
    )
    return quantised


def _require(what: str) -> None:
    """Raise `InputError` if a package that a format needs cannot be imported."""
    missing = [name for name in PACKAGES[what] if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"writing {what} needs {' and '.join(missing)}, not installed here. Run: pip install {' '.join(missing)}"
        )
