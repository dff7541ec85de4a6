"""Checks of checkpoint files that nobody vouches for, made before anything of the described size is allocated.

Every check raises a ValueError that says what was got and what was expected; `load_checkpoint` turns it into an
InputError that names the file.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deresunet.classes import BUILT_IN, ClassSet
from deresunet.errors import InputError
from deresunet.model import registry

SCALE_SUFFIX = ".scale"
# The published layout with ResNet-101 encoders has 242 million; a training checkpoint holds four times its weights.
MAX_PARAMETERS = 300_000_000
MAX_FILE_BYTES = 6_000_000_000
# Of a Lightning checkpoint's pickle, which holds names and numbers; tensors lie beside it.
MAX_PICKLE_BYTES = 16_000_000
# Of each entry of the description, as JSON or text.
MAX_TEXT = 100_000
_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.int64)


def check_file_size(path: Path) -> None:
    """Refuse a file larger than any checkpoint of a network that is accepted."""
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(f"it has {size / 1e9:.1f} GB; expected at most {MAX_FILE_BYTES / 1e9:.0f} GB")


def check_archive(path: Path) -> None:
    """Refuse a ZIP of PyTorch whose members unpack to more than the file holds.

    PyTorch stores tensors uncompressed; a compressed member could unpack to a thousand times its size.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED or member.file_size > path.stat().st_size:
                raise ValueError(f"its member {member.filename[:80]} is compressed; expected a file of torch.save")
            if member.filename.endswith("data.pkl") and member.file_size > MAX_PICKLE_BYTES:
                raise ValueError(f"its description has {member.file_size / 1e6:.0f} MB; expected at most 16 MB")


def read_json(name: str, text: str) -> Any:
    """Parse an entry of a file's metadata."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"{name} has {len(text):,} characters; expected at most {MAX_TEXT:,}")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(f"{name} is nested too deeply") from error


def check_text(name: str, text: object) -> str:
    """Return a text of the description; refuse what is none, or too long."""
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise ValueError(f"{name} is no text of at most {MAX_TEXT:,} characters")
    return text


def check_classes(classes: object) -> ClassSet | None:
    """Read a class set from `ClassSet.to_dict`, or from a list of names; an empty one is None."""
    if classes in ([], ()):
        return None
    try:
        if isinstance(classes, list):
            known = (one for one in BUILT_IN.values() if list(one.names) == classes)
            return next(known, None) or ClassSet.from_dict({"names": classes})
        return ClassSet.from_dict(classes)
    except InputError as error:
        raise ValueError(str(error)) from error  # the reader of the file adds its name


def check_metrics(metrics: object) -> dict[str, Any]:
    """Return measured results; refuse what is no JSON object."""
    try:
        text = json.dumps(metrics)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError("metrics holds more than numbers and texts") from error
    if not isinstance(metrics, dict) or len(text) > MAX_TEXT:
        raise ValueError(f"metrics is no JSON object of at most {MAX_TEXT:,} characters")
    return metrics


def expected_shapes(config: registry.NetworkConfig) -> dict[str, Tensor]:
    """Parameters and buffers of the described network, by name, without memory (device meta).

    Raises:
        ValueError: the network is larger than any that is accepted.
    """
    with torch.device("meta"):
        state = registry.build(config).state_dict()
    parameters = sum(tensor.numel() for tensor in state.values())
    if parameters > MAX_PARAMETERS:
        raise ValueError(f"its network has {parameters / 1e6:,.0f} M parameters; expected at most 300 M")
    return state


def check_names(
    expected: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], dtypes: Mapping[str, torch.dtype | None]
) -> None:
    """Refuse tensors that are not those of the network, by name, shape and type.

    Args:
        expected: as `expected_shapes` gives them.
        shapes: of each tensor of the file, `<name>.scale` included.
        dtypes: likewise; None for a type that PyTorch does not have.
    """
    scales = {name for name in shapes if name.endswith(SCALE_SUFFIX) and name.removesuffix(SCALE_SUFFIX) in shapes}
    names = set(shapes) - scales
    # PyTorch starts a missing counter of batches at 0, and exports may leave them out.
    needed = {name for name in expected if not name.endswith(".num_batches_tracked")}
    problems = [
        f"{verb} {len(odd)} tensors, such as {sorted(odd)[0][:100]}"
        for verb, odd in (("lacks", needed - names), ("has beyond the network's", names - expected.keys()))
        if odd
    ]
    if problems:
        raise ValueError(
            f"the weights do not fit the network they are said to be for: the file {'; it '.join(problems)}"
        )
    for name in names:
        wanted, dtype = expected[name], dtypes[name]
        if tuple(shapes[name]) != tuple(wanted.shape):
            raise ValueError(
                f"the weights do not fit the network they are said to be for: {name} is {tuple(shapes[name])}, "
                f"expected {tuple(wanted.shape)}"
            )
        kinds = _DTYPES if wanted.is_floating_point() else (torch.int64,)
        if dtype not in kinds or (wanted.is_floating_point() and dtype == torch.int64):
            raise ValueError(f"{name} holds {dtype}; expected real numbers as float32, float16 or int8")
        has_scale = name + SCALE_SUFFIX in scales
        if (dtype == torch.int8) != has_scale:
            raise ValueError(f"{name} is {dtype} {'with' if has_scale else 'without'} a scale; int8 alone has one")
        if has_scale:
            scale = name + SCALE_SUFFIX
            if tuple(shapes[scale]) != tuple(wanted.shape[:1]) or dtypes[scale] != torch.float32:
                raise ValueError(f"{scale} is no float32 {tuple(wanted.shape[:1])}, one for each output channel")


def check_storage(name: str, tensor: object) -> Tensor:
    """Return a tensor of an unpickled file; refuse what takes more memory in use than in the file.

    An expanded or overlapping tensor has many elements in a small storage, and a sparse or meta one has none at all.
    """
    if not isinstance(tensor, Tensor) or type(tensor) not in (Tensor, torch.nn.Parameter):
        raise ValueError(f"{name[:100]} is {type(tensor).__name__}; expected a tensor")
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_nested:
        raise ValueError(f"{name[:100]} is not a plain tensor in memory; expected float32, float16 or int8 numbers")
    # The last element's place tells a dense tensor, in whatever order of dimensions, from one with gaps or overlaps.
    span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    if tensor.numel() and span != tensor.numel():
        raise ValueError(f"{name[:100]} is expanded or overlaps itself; expected each element in a place of its own")
    return tensor.detach()


def check_values(state: Mapping[str, Tensor]) -> None:
    """Refuse weights with NaN or infinity, and negative variances."""
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            continue
        low, high = (float(one) for one in torch.aminmax(tensor)) if tensor.numel() else (0.0, 0.0)
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"{name} holds NaN or infinity; expected finite weights")
        if name.endswith("running_var") and low < 0:
            raise ValueError(f"{name} holds a negative variance")
