"""Backends by name, and the choice among them: the one place where a backend is added."""

from __future__ import annotations

import copy
import difflib
import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from deresunet.config import Preprocessing
from deresunet.errors import InputError, first_line
from deresunet.inference.backends.branches import run_side_by_side, split_branches
from deresunet.inference.backends.cudagraph import GraphedNetwork, Pass
from deresunet.inference.backends.cudnn import fuse_convolutions
from deresunet.inference.backends.folding import fold_batch_norm
from deresunet.inference.backends.onednn import pack_convolutions
from deresunet.inference.devices import lent_gpu
from deresunet.inference.postprocessing import OutputSpec
from deresunet.inference.preprocessing import RawBatch, depth_input, rgb_input
from deresunet.model.network import DeResUNet

log = logging.getLogger(__name__)

# Of the check that a backend gives what eager gives: relative error in the Euclidean norm over logits of noise.
# Rounding gives about 1e-6 in float32, 1e-3 in float16 and 1e-2 in bfloat16; a wrong network gives about 1.
_TOLERANCE = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 5e-2}
_CHECK_SIZE = (96, 128)


@dataclass(frozen=True)
class Backend:
    """A network ready to run in one particular way.

    Attributes:
        name: one of `BACKENDS`.
        precision: its arithmetic: float32, bfloat16 or float16.
        run: takes a batch on the backend's device, the units to bring it to (None if it is in them) and the outputs to
            return. The caller enters inference mode.
        prepare: pays beforehand what the first such batch would pay; it is `run` itself on backends that need no more.
    """

    name: str
    precision: str
    run: Pass
    prepare: Callable[[RawBatch, Preprocessing | None, OutputSpec], object]

    def logits(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Logits of inputs in the network's units, float32, at the head's own resolution, on the backend's device."""
        return self.run(_normalised(rgb, depth), None, OutputSpec())[0]

    def prepare_logits(self, rgb: Tensor, depth: Tensor) -> None:
        """Pay beforehand what `logits` would pay for the first such inputs."""
        self.prepare(_normalised(rgb, depth), None, OutputSpec())


@dataclass(frozen=True)
class _Recipe:
    """Recipe of a backend: its precision, its requirement, and the function that builds it from a network."""

    precision: str
    needs: Callable[[torch.device], str | None]
    build: Callable[[nn.Module, torch.device, tuple[int, int]], Pass]


def build_backend(name: str, model: nn.Module, device: torch.device, size: tuple[int, int] = (480, 640)) -> Backend:
    """Build the backend called `name`, checked against the network run eagerly.

    Args:
        name: one of `BACKENDS`.
        model: in eval mode, on `device`; it stays as it is.
        device: where it is to run.
        size: height and width that it is to be fastest at; it takes others, too.

    Raises:
        InputError: there is no such backend, or not on this machine.
        RuntimeError: it could not be built, or its logits are not those of the network.
    """
    check_backend(name, device)
    recipe = BACKENDS[name]
    run = recipe.build(model, device, size)
    backend = Backend(name, recipe.precision, run, run.prepare if isinstance(run, GraphedNetwork) else run)
    if not name.startswith("eager"):
        _check(backend, model, device)
    return backend


def check_backend(name: str, device: torch.device) -> None:
    """Raise `InputError` if there is no backend called `name`, or if it cannot run on a device."""
    if name not in BACKENDS:
        raise InputError(_unknown(name))
    lacking = why_not(name, device)
    if lacking is not None:
        here = ", ".join(other for other in BACKENDS if why_not(other, device) is None)
        raise InputError(f"The backend {name} cannot run on {device}: {lacking}. Expected auto or one of {here}.")


def why_not(name: str, device: torch.device) -> str | None:
    """Reason why the backend called `name` cannot run on this device; None where it can."""
    return BACKENDS[name].needs(device)


def default_backends(device: torch.device, convolutional: bool = True) -> tuple[str, ...]:
    """List the backends to try on a device, the fastest first; the last one always works.

    Args:
        device: where the network is to run.
        convolutional: whether it is a DeResUNet, which the backends that fold and fuse convolutions are made for.
    """
    if device.type == "cpu":
        return ("onednn-bf16", "onednn", "folded", "eager") if convolutional else ("eager-bf16", "eager")
    if device.type == "cuda":
        plain = lent_gpu() or not convolutional
        return ("eager-half",) if plain else ("compiled-graph", "cuda-graph", "folded-half", "eager-half")
    return ("eager",)


def first_run_is_slow(name: str, device: torch.device) -> bool:
    """Tell whether the first run of the backend called `name` is slow, to the benefit of those to come.

    On a CPU that is the compiled one alone: the others have their weights laid out when they are built, and the check
    there has run them once, so that the first frame takes about a tenth longer than the second.
    """
    return device.type != "cpu" or name == "compiled"


def choose_backend(wanted: str, model: nn.Module, device: torch.device, size: tuple[int, int] = (480, 640)) -> Backend:
    """Choose the backend to run a network on, with one line in the log that says which and why not a faster one.

    Args:
        wanted: "auto" for the fastest that runs on this machine, or a name of `BACKENDS`.
        model: in eval mode, on `device`.
        device: where it is to run.
        size: see `build_backend`.

    Raises:
        InputError: `wanted` is none of these, or names a backend that cannot run here.
    """
    if wanted != "auto":
        return build_backend(wanted, model, device, size)
    eager = "eager-half" if device.type == "cuda" else "eager"
    passed: list[str] = []
    level = logging.INFO
    for name in default_backends(device, isinstance(model, DeResUNet)):
        lacking = why_not(name, device)
        if lacking is None:
            try:
                backend = build_backend(name, model, device, size)
            except Exception as error:  # whatever a compiler or an operator raises, the network still runs eagerly
                lacking, level = first_line(error), logging.WARNING
            else:
                log.log(level, "backend %s (%s) on %s%s", name, backend.precision, device, "".join(passed))
                return backend
        passed.append(f"; not {name}: {lacking}")
    log.log(level, "backend %s on %s%s", eager, device, "".join(passed))
    return build_backend(eager, model, device)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, ["auto", *BACKENDS], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"No backend is called {name!r}; expected auto or one of {', '.join(BACKENDS)}.{hint}"


@torch.inference_mode()
def _check(backend: Backend, model: nn.Module, device: torch.device) -> None:
    """Raise `RuntimeError` if a backend's logits are not those of the network, on seeded noise."""
    generator = torch.Generator().manual_seed(0)
    rgb, depth = (torch.randn(1, channels, *_CHECK_SIZE, generator=generator) for channels in (3, 1))
    rgb, depth = (x.to(device, memory_format=torch.channels_last) for x in (rgb, depth))
    expected = model(rgb, depth).float()
    error = float((backend.logits(rgb, depth).float() - expected).norm() / expected.norm())
    if not error <= _TOLERANCE[backend.precision]:  # NaN, too
        raise RuntimeError(f"its logits differ from eager's by {error:.2g} of their norm")


def _normalised(rgb: Tensor, depth: Tensor) -> RawBatch:
    """Inputs that are in the network's units already, as a batch."""
    every = torch.ones(len(rgb), dtype=torch.bool, device=rgb.device)
    return RawBatch(rgb, depth, every, every)


def _between(network: Callable[[Tensor, Tensor], Tensor], dtype: torch.dtype = torch.float32) -> Pass:
    """Network with preprocessing and postprocessing attached, for inputs of `dtype`."""

    def run(batch: RawBatch, units: Preprocessing | None, outputs: OutputSpec) -> tuple[Tensor, ...]:
        rgb, depth = rgb_input(batch.rgb, batch.has_rgb, units), depth_input(batch.depth, batch.has_depth, units)
        inputs = (image.to(dtype, memory_format=torch.channels_last) for image in (rgb, depth))
        return outputs.postprocess(network(*inputs))

    return run


def _eager(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    return _between(model)


def _eager_half(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    return _between(_autocast(model, device, torch.float16))


def _eager_bf16(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    return _between(_autocast(model, device, torch.bfloat16))


def _autocast(model: nn.Module, device: torch.device, dtype: torch.dtype) -> Callable[[Tensor, Tensor], Tensor]:
    def run(rgb: Tensor, depth: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype=dtype):
            return model(rgb, depth)

    return run


def _folded(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    return _between(_own(model, torch.float32))


def _folded_half(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    return _between(_own(model, torch.float16), torch.float16)


def _own(model: nn.Module, dtype: torch.dtype) -> fx.GraphModule:
    """The network folded, in `dtype`; nothing of it is shared with `model`, which keeps its own type."""
    return copy.deepcopy(fold_batch_norm(model)).to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _packed(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    return _between(pack_convolutions(fold_batch_norm(model), size, torch.float32))


def _packed_bf16(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    return _between(pack_convolutions(fold_batch_norm(model), size, torch.bfloat16), torch.bfloat16)


def _compiled(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    return _between(torch.compile(_own(model, torch.float32)))


def _cuda_graph(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    return GraphedNetwork(_fused(model, size)[0], device)


def _compiled_graph(model: nn.Module, device: torch.device, size: tuple[int, int]) -> Pass:
    eager, compiled = _fused(model, size)
    return GraphedNetwork(eager, device, compiled)


def _fused(model: nn.Module, size: tuple[int, int]) -> tuple[Pass, Pass]:
    """A half-precision network of fused convolutions, its encoders side by side: as it is, and compiled.

    The compiler puts what lies between the convolutions, and pre- and postprocessing, into few passes over memory.
    """
    branches = split_branches(fuse_convolutions(fold_batch_norm(model), size))

    def of_rgb(image: Tensor, present: Tensor, units: Preprocessing | None) -> tuple[Tensor, ...]:
        return branches.rgb(rgb_input(image, present, units).to(torch.float16, memory_format=torch.channels_last))

    def of_depth(image: Tensor, present: Tensor, units: Preprocessing | None) -> tuple[Tensor, ...]:
        return branches.depth(depth_input(image, present, units).to(torch.float16, memory_format=torch.channels_last))

    def joined(maps: tuple[Tensor, ...], outputs: OutputSpec) -> tuple[Tensor, ...]:
        return outputs.postprocess(branches.join(*maps))

    def side_by_side(
        rgb: Callable[..., tuple[Tensor, ...]],
        depth: Callable[..., tuple[Tensor, ...]],
        join: Callable[..., tuple[Tensor, ...]],
    ) -> Pass:
        def run(batch: RawBatch, units: Preprocessing | None, outputs: OutputSpec) -> tuple[Tensor, ...]:
            maps = run_side_by_side(
                lambda: rgb(batch.rgb, batch.has_rgb, units),
                lambda: depth(batch.depth, batch.has_depth, units),
                batch.rgb.device,
            )
            return join(maps, outputs)

        return run

    parts = (of_rgb, of_depth, joined)
    # Each size is compiled for itself: it is prepared beforehand, and a graph holds but one size anyway.
    return side_by_side(*parts), side_by_side(*(torch.compile(part, dynamic=False) for part in parts))


def _nothing(device: torch.device) -> str | None:
    return None


def _cuda(device: torch.device) -> str | None:
    return None if device.type == "cuda" else "it needs a CUDA device"


def _compiler(device: torch.device) -> str | None:
    if _cuda(device) is None and importlib.util.find_spec("triton") is None:
        return "it needs triton, which PyTorch's compiler writes its kernels in"
    return _cuda(device)


def _onednn(device: torch.device) -> str | None:
    if device.type != "cpu":
        return "it is for CPUs"
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return "this PyTorch comes without oneDNN"
    if not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return "this PyTorch comes without oneDNN's fused convolutions"
    return None


def _onednn_bf16(device: torch.device) -> str | None:
    # oneDNN would emulate bfloat16 elsewhere, more slowly than it computes in float32.
    native = any(
        getattr(torch.cpu, name, lambda: False)() for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return _onednn(device) or (None if native else "this CPU has no bfloat16 arithmetic")


BACKENDS: dict[str, _Recipe] = {
    "eager": _Recipe("float32", _nothing, _eager),
    "eager-half": _Recipe("float16", _cuda, _eager_half),
    "eager-bf16": _Recipe("bfloat16", _onednn_bf16, _eager_bf16),
    "folded": _Recipe("float32", _nothing, _folded),
    "folded-half": _Recipe("float16", _cuda, _folded_half),
    "onednn": _Recipe("float32", _onednn, _packed),
    "onednn-bf16": _Recipe("bfloat16", _onednn_bf16, _packed_bf16),
    "compiled": _Recipe("float32", _nothing, _compiled),
    "cuda-graph": _Recipe("float16", _cuda, _cuda_graph),
    "compiled-graph": _Recipe("float16", _compiler, _compiled_graph),
}
