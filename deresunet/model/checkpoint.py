"""Weights on disk: safetensors with their whole description, and Lightning checkpoints. Pickled code never runs.

A safetensors file holds tensors of float32, float16, or int8 beside `<name>.scale` (float32, one per output channel;
weight = int8 * scale). Its metadata holds, each as JSON or plain text: architecture, config, classes, preprocessing,
training, metrics.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from deresunet.atomic import write_whole
from deresunet.classes import BUILT_IN, SUNRGBD37, ClassSet
from deresunet.config import Preprocessing, from_mapping, to_json
from deresunet.errors import InputError, first_line
from deresunet.model import registry, validation
from deresunet.model.registry import NetworkConfig
from deresunet.model.validation import SCALE_SUFFIX

Precision = Literal["fp32", "fp16", "int8"]
_SAFETENSORS_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I8": torch.int8,
    "I64": torch.int64,
}
# Below this, int8 saves nothing worth its rounding: biases, BatchNorm, first convolutions.
INT8_MIN_ELEMENTS = 4097
# Where a LightningModule keeps the network and the running average of its weights, and where this package's
# hyper-parameters lie in its checkpoint.
LIGHTNING_PREFIX = "model."
LIGHTNING_AVERAGE_PREFIX = "ema."
LIGHTNING_KEY = "deresunet"


@dataclass(frozen=True)
class Checkpoint:
    """Weights and their description.

    Attributes:
        state: parameter name -> tensor, float32 (integer counters stay integers).
        config: the network that the weights fit; None of a program, which brings its network along.
        preprocessing: how frames are prepared for it.
        class_set: what the outputs are; output k is class k + 1. None where the file does not say.
        training: description of how the weights came about.
        metrics: measured results, by protocol.
        name: the file's name.
        sha256: hash of the file, in hex.
        stored: precision of the file: fp32, fp16, int8 or lightning.
    """

    state: dict[str, Tensor] = field(repr=False)
    config: NetworkConfig | None
    preprocessing: Preprocessing
    class_set: ClassSet | None = SUNRGBD37
    training: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    sha256: str = ""
    stored: str = "fp32"

    @property
    def layout(self) -> NetworkConfig:
        """The configuration of weights.

        Raises:
            InputError: this is a program, which has none.
        """
        if self.config is None:
            raise InputError(
                f"{self.name} is a program: it has no weights of a known network. Give .safetensors or .ckpt."
            )
        return self.config

    def build(self) -> nn.Module:
        """Build the network with these weights, in eval mode.

        Raises:
            InputError: the weights do not fit the network that the file says they are for.
        """
        with torch.device("meta"):  # the random start would only be thrown away
            model = registry.build(self.layout)
        try:
            model.load_state_dict(self.state, strict=True, assign=True)
        except RuntimeError as error:
            raise InputError(
                f"{self.name}: the weights do not fit the network they are said to be for. {error}"
            ) from error
        return model.eval()


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a `.safetensors` file of this project, or a Lightning `.ckpt` of `train`.

    Nothing in the file is trusted: no pickled code runs, and configuration, names, shapes, types and storage of the
    tensors are checked before memory of the described size is taken.

    Raises:
        InputError: the file is missing, truncated, or not a checkpoint of this project, or its weights do not fit the
            network that it describes.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: no such file. Expected weights: a .safetensors file, or a .ckpt written by training."
        )
    readers = {".safetensors": _read_safetensors, ".ckpt": _read_lightning}
    if path.suffix not in readers:
        raise InputError(f"{path.name}: expected weights as .safetensors or .ckpt, got {path.suffix or 'no suffix'!r}.")
    try:
        validation.check_file_size(path)
        return readers[path.suffix](path)
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, OverflowError, RuntimeError, OSError) as error:
        raise InputError(f"{path.name}: its description cannot be used ({first_line(error)}).") from error


def save_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    preprocessing: Preprocessing | None = None,
    precision: Precision = "fp32",
    training: str = "",
    metrics: dict[str, Any] | None = None,
    class_set: ClassSet = SUNRGBD37,
) -> None:
    """Write a network as safetensors, whole or not at all.

    Args:
        path: file to write; an existing one is replaced.
        model: a network of `registry.ARCHITECTURES`.
        preprocessing: how its frames are prepared; None takes the defaults.
        precision: fp32, fp16, or int8 (convolution weights as int8 with a scale per output channel, the rest fp16).
        training: description of how the weights came about.
        metrics: measured results, by protocol.
        class_set: what the outputs are.

    Raises:
        ValueError: `precision` is none of the three, or the class set has another length than the outputs.
    """
    config: NetworkConfig = model.config  # type: ignore[assignment]
    if config.num_classes != len(class_set):
        raise ValueError(f"{class_set.name} has {len(class_set)} classes, and the network {config.num_classes} outputs")
    if precision not in ("fp32", "fp16", "int8"):
        raise ValueError(f"precision is {precision!r}; expected fp32, fp16 or int8")
    metadata = {
        "architecture": registry.architecture_of(config),
        "config": to_json(config),
        "preprocessing": to_json(preprocessing or Preprocessing()),
        "classes": json.dumps(class_set.to_dict()),
        "training": training,
        "metrics": json.dumps(metrics or {}),
    }
    tensors = encode(model.state_dict(), precision)
    write_whole(path, lambda beside: save_file(tensors, beside, metadata=metadata))


def encode(state: dict[str, Tensor], precision: Precision) -> dict[str, Tensor]:
    """Tensors as a file stores them, from float32 weights on any device; `decode` undoes it."""
    stored: dict[str, Tensor] = {}
    for name, tensor in state.items():
        stored |= _encode(name, tensor.detach().cpu().contiguous(), precision)
    return stored


def _encode(name: str, tensor: Tensor, precision: Precision) -> dict[str, Tensor]:
    """`tensor` as it is stored: itself, halved, or int8 with its scale."""
    if not tensor.is_floating_point() or precision == "fp32":
        return {name: tensor}
    # One scale for all of a tensor, such as a transformer's positions, would round its small elements away.
    if precision == "fp16" or tensor.ndim < 2 or tensor.numel() < INT8_MIN_ELEMENTS or tensor.shape[0] == 1:
        return {name: tensor.half()}
    scale = tensor.float().abs().flatten(1).amax(1).clamp(min=1e-12) / 127.0
    column = scale.view(-1, *[1] * (tensor.ndim - 1))
    return {name: (tensor.float() / column).round().to(torch.int8), name + SCALE_SUFFIX: scale}


def decode(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """float32 weights from tensors as a file stores them: float32, float16, or int8 beside `<name>.scale`."""
    state = {}
    for name, tensor in stored.items():
        if name.endswith(SCALE_SUFFIX) and name.removesuffix(SCALE_SUFFIX) in stored:
            continue
        if tensor.dtype == torch.int8:
            scale = stored[name + SCALE_SUFFIX]
            state[name] = tensor.float() * scale.view(-1, *[1] * (tensor.ndim - 1))
        else:
            state[name] = tensor.float() if tensor.is_floating_point() else tensor
    return state


def _read_safetensors(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = list(file.keys())
            slices = {name: file.get_slice(name) for name in names}
            shapes = {name: tuple(one.get_shape()) for name, one in slices.items()}
            dtypes = {name: _SAFETENSORS_DTYPES.get(one.get_dtype()) for name, one in slices.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{path.name} is not a whole safetensors file ({first_line(error)}). It may be truncated: fetch or export "
            "it again."
        ) from error
    missing = [key for key in ("config", "preprocessing") if key not in metadata]
    if missing:
        raise InputError(
            f"{path.name} is a safetensors file, but not of DeResUNet: its metadata lacks {' and '.join(missing)}. "
            "Expected a file written by `python -m deresunet export` or `save_checkpoint`."
        )
    config = from_mapping(_config_kind(metadata), validation.read_json("config", metadata["config"]))
    preprocessing = from_mapping(Preprocessing, validation.read_json("preprocessing", metadata["preprocessing"]))
    validation.check_names(validation.expected_shapes(config), shapes, dtypes)
    with safe_open(path, framework="pt") as file:
        state = decode({name: file.get_tensor(name) for name in names})
    validation.check_values(state)
    return Checkpoint(
        state=state,
        config=config,
        preprocessing=preprocessing,
        class_set=validation.check_classes(validation.read_json("classes", metadata.get("classes", "[]"))),
        training=validation.check_text("training", metadata.get("training", "")),
        metrics=validation.check_metrics(validation.read_json("metrics", metadata.get("metrics", "{}"))),
        name=path.name,
        sha256=sha256_of(path),
        stored="int8" if torch.int8 in dtypes.values() else "fp16" if torch.float16 in dtypes.values() else "fp32",
    )


def _read_lightning(path: Path) -> Checkpoint:
    try:
        validation.check_archive(path)
        # Mapped, so that what the file holds besides the weights (an optimiser's state) takes no memory.
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # whatever the unpickler meets in a file that is none
        raise InputError(
            f"{path.name} cannot be read without running code in it, or is truncated "
            f"({first_line(error)}). Expected a .ckpt written by `python -m train`."
        ) from error
    described = content.get(LIGHTNING_KEY) if isinstance(content, dict) else None
    if not isinstance(described, dict) or not isinstance(content.get("state_dict"), dict):
        raise InputError(f"{path.name} is not a checkpoint of `python -m train`: it has no {LIGHTNING_KEY!r} entry.")
    config = from_mapping(_config_kind(described), described.get("config"))
    preprocessing = from_mapping(Preprocessing, described.get("preprocessing"))
    # The average is what was validated; the weights it was taken from are only for going on with the training.
    names = [name for name in content["state_dict"] if isinstance(name, str)]
    averaged = any(name.startswith(LIGHTNING_AVERAGE_PREFIX) for name in names)
    prefix = LIGHTNING_AVERAGE_PREFIX if averaged else LIGHTNING_PREFIX
    stored = {
        name.removeprefix(prefix): validation.check_storage(name, content["state_dict"][name])
        for name in names
        if name.startswith(prefix)
    }
    shapes = {name: tuple(tensor.shape) for name, tensor in stored.items()}
    dtypes = {name: tensor.dtype for name, tensor in stored.items()}
    validation.check_names(validation.expected_shapes(config), shapes, dtypes)
    # Copied out of the file, which may be replaced while they are in use.
    state = {name: tensor.clone() for name, tensor in decode(stored).items()}
    validation.check_values(state)
    return Checkpoint(
        state=state,
        config=config,
        preprocessing=preprocessing,
        class_set=validation.check_classes(described["classes"])
        if "classes" in described
        else SUNRGBD37
        if config.num_classes == len(SUNRGBD37)
        else None,
        training=validation.check_text("training", described.get("training", "")),
        metrics=validation.check_metrics(described.get("metrics", {})),
        name=path.name,
        sha256=sha256_of(path),
        stored="lightning",
    )


def class_set_of(count: int) -> ClassSet | None:
    """Built-in set with this number of classes, or None."""
    return next((one for one in BUILT_IN.values() if len(one) == count), None)


def _config_kind(described: Mapping[str, Any]) -> type[NetworkConfig]:
    """The configuration's class; weights of the first versions do not name their architecture."""
    name = described.get("architecture", "deresunet")
    if name not in registry.ARCHITECTURES:
        known = ", ".join(registry.ARCHITECTURES)
        raise ValueError(f"its architecture is {str(name)[:80]!r}; expected one of {known}")
    return registry.ARCHITECTURES[name]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
