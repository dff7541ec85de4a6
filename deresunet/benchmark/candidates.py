"""Candidates of `bench`: the network on its backends and in other runtimes, and networks to take instead."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models

from deresunet.classes import SUNRGBD37
from deresunet.errors import InputError
from deresunet.export import FORMATS, PACKAGES, Source
from deresunet.inference.backends import BACKENDS, build_backend, why_not
from deresunet.inference.postprocessing import resize_logits
from deresunet.inference.smoothing import smooth_head
from deresunet.model import registry
from deresunet.model.checkpoint import Checkpoint, Precision

# In the order of the table; eager comes first, since the others are compared with it.
CPU_BACKENDS = ("eager", "folded", "onednn", "onednn-bf16", "compiled")
CUDA_BACKENDS = ("eager-half", "eager", "folded-half", "cuda-graph", "compiled-graph")


@dataclass(frozen=True)
class Candidate:
    """A network that is timed.

    Attributes:
        name: what the table calls it.
        precision: its arithmetic.
        run: from rgb (B, 3, h, w) and depth (B, 1, h, w), float32 on the device, to scores of classes.
        prepare_s: time that it took to make [s].
        parameters: of the network.
        gflop: of a frame of a size, two per multiply-add.
        ours: whether it is this network, whose labels can be compared.
        prepare: pays beforehand what the first run with such inputs would pay; None where that is just a run.
    """

    name: str
    precision: str
    run: Callable[[Tensor, Tensor], Tensor]
    prepare_s: float
    parameters: int
    gflop: Callable[[tuple[int, int]], float]
    ours: bool = True
    prepare: Callable[[Tensor, Tensor], object] | None = None


@dataclass(frozen=True)
class _Runtime:
    """Another runtime: precision of the exported file and of the arithmetic, and the packages needed."""

    stored: Precision
    precision: str
    packages: tuple[str, ...]
    make: Callable[[Checkpoint, Precision, str], Callable[[Tensor, Tensor], Tensor]]


def backends_on(device: torch.device) -> tuple[str, ...]:
    """Names of the backends that can be timed on a device, the one to compare with first."""
    wanted = {"cpu": CPU_BACKENDS, "cuda": CUDA_BACKENDS}.get(device.type, ("eager", "folded"))
    return tuple(name for name in wanted if why_not(name, device) is None)


def runtimes_here() -> tuple[str, ...]:
    """Names of the other runtimes whose packages are installed; all of them run on the CPU."""
    return tuple(name for name, runtime in RUNTIMES.items() if not _missing(runtime.packages))


def peers_here(device: torch.device) -> tuple[str, ...]:
    """Names of the other networks whose packages are installed; on a GPU each of them compiled, too."""
    here = tuple(name for name, (package, _) in PEERS.items() if importlib.util.find_spec(package) is not None)
    return here + tuple(name + COMPILED for name in here if device.type == "cuda")


def make_candidate(name: str, checkpoint: Checkpoint, device: torch.device, size: tuple[int, int]) -> Candidate:
    """Build the candidate called `name`: a backend, a runtime or a peer.

    Raises:
        InputError: there is none of that name, or it cannot run here.
        RuntimeError: it could not be built.
    """
    start = time.perf_counter()
    run: Callable[[Tensor, Tensor], Tensor]
    prepare: Callable[[Tensor, Tensor], object] | None = None
    if name.removesuffix(COMPILED) in PEERS:
        return _peer(name, device)
    if name in BACKENDS:
        network = smooth_head(checkpoint.build()).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        backend = build_backend(name, network, device, size)
        prepare, precision = backend.prepare_logits, backend.precision

        def run(rgb: Tensor, depth: Tensor) -> Tensor:
            height, width = rgb.shape[-2:]
            return resize_logits(backend.logits(rgb, depth), (height, width))

    elif name in RUNTIMES:
        missing = _missing(RUNTIMES[name].packages)
        if missing or device.type != "cpu":
            lacking = f"{' and '.join(missing)} installed" if missing else "the CPU"
            raise InputError(f"{name} needs {lacking}. Leave it out of --backends, or see to that.")
        runtime = RUNTIMES[name]
        run, precision = runtime.make(checkpoint, runtime.stored, runtime.precision), runtime.precision
    else:
        raise InputError(f"there is no {name!r}; expected some of {', '.join([*BACKENDS, *RUNTIMES, *PEERS])}.")
    taken = time.perf_counter() - start
    with torch.device("meta"):
        bare = registry.build(checkpoint.layout).eval()
    gflop = functools.cache(functools.partial(_gflop, bare))
    return Candidate(name, precision, run, taken, _parameters(bare), gflop, prepare=prepare)


def _onnxruntime(checkpoint: Checkpoint, stored: Precision, precision: str) -> Callable[[Tensor, Tensor], Tensor]:
    runtime = importlib.import_module("onnxruntime")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        FORMATS["onnx"].write(Source(checkpoint, {}), file, stored)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run(rgb: Tensor, depth: Tensor) -> Tensor:
        inputs = {"rgb": rgb.contiguous().numpy(), "depth": depth.contiguous().numpy()}
        return torch.from_numpy(session.run(None, inputs)[0])

    return run


def _openvino(checkpoint: Checkpoint, stored: Precision, precision: str) -> Callable[[Tensor, Tensor], Tensor]:
    openvino = importlib.import_module("openvino")
    # Unless told otherwise, the plugin computes in bfloat16 what it finds in float32 where the processor has it.
    hints: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.xml"
        FORMATS["openvino"].write(Source(checkpoint, {}), file, stored)
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(file), "CPU", hints)

    def run(rgb: Tensor, depth: Tensor) -> Tensor:
        return torch.from_numpy(compiled([rgb.contiguous().numpy(), depth.contiguous().numpy()])[0])

    return run


def _peer(name: str, device: torch.device) -> Candidate:
    """A network of another project with random weights; it gets RGB alone, as it is made for."""
    package, make = PEERS[name.removesuffix(COMPILED)]
    if _missing((package,)):
        raise InputError(f"{name} needs {package}. Run: pip install {package.replace('_', '-')}")
    start = time.perf_counter()
    with torch.device("meta"):
        bare = make().eval()
    network: Any = make().eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    half = device.type == "cuda"
    dtype = torch.float32
    autocast = half
    if name.endswith(COMPILED):
        # As PyTorch's documentation has it for inference: half-precision weights, compiled, as CUDA graphs.
        dtype, autocast = (torch.float16 if half else torch.float32), False
        network = torch.compile(network.to(dtype), mode="reduce-overhead", dynamic=False)

    def run(rgb: Tensor, depth: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype=torch.float16, enabled=autocast):
            return network(rgb.to(dtype))

    def prepare(rgb: Tensor, depth: Tensor) -> None:
        for _ in range(3):  # compiled, warmed up, recorded
            run(rgb, depth)

    return Candidate(
        name,
        "float16" if half else "float32",
        run,
        time.perf_counter() - start,
        _parameters(bare),
        functools.cache(functools.partial(_gflop, bare, inputs=1)),
        ours=False,
        prepare=prepare,
    )


def _torchvision() -> nn.Module:
    return models.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=len(SUNRGBD37))


def _smp(architecture: str) -> nn.Module:
    smp = importlib.import_module("segmentation_models_pytorch")
    return smp.create_model(architecture, "resnet50", encoder_weights=None, classes=len(SUNRGBD37))


def _segformer_b2() -> nn.Module:
    transformers = importlib.import_module("transformers")
    config = transformers.SegformerConfig(
        depths=[3, 4, 6, 3], hidden_sizes=[64, 128, 320, 512], decoder_hidden_size=768, num_labels=len(SUNRGBD37)
    )
    return transformers.SegformerForSemanticSegmentation(config)


def _gflop(network: nn.Module, size: tuple[int, int], inputs: int = 2) -> float:
    from deresunet.benchmark.timing import count_gflop  # noqa: PLC0415 - bench imports this module

    return count_gflop(network, size, inputs)


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _missing(packages: Iterable[str]) -> list[str]:
    return [package for package in packages if importlib.util.find_spec(package) is None]


RUNTIMES: dict[str, _Runtime] = {
    "onnxruntime": _Runtime("fp32", "float32", PACKAGES["onnx int8"], _onnxruntime),
    "onnxruntime-int8": _Runtime("int8", "int8", PACKAGES["onnx int8"], _onnxruntime),
    "openvino": _Runtime("fp32", "float32", PACKAGES["openvino"], _openvino),
    "openvino-bf16": _Runtime("fp32", "bfloat16", PACKAGES["openvino"], _openvino),
    "openvino-int8": _Runtime("int8", "int8", PACKAGES["openvino int8"], _openvino),
}
# What the name of another network that is compiled ends in.
COMPILED = " compiled"
# By name: the package that it comes from, and what makes it.
PEERS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "torchvision DeepLabV3": ("torchvision", _torchvision),
    "smp Unet": ("segmentation_models_pytorch", functools.partial(_smp, "unet")),
    "smp DeepLabV3+": ("segmentation_models_pytorch", functools.partial(_smp, "deeplabv3plus")),
    "SegFormer-B2": ("transformers", _segformer_b2),
}
