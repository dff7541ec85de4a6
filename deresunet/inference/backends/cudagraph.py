"""A pass recorded once per size on a GPU and replayed: no time between kernels."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from deresunet.config import Preprocessing
from deresunet.errors import first_line
from deresunet.inference.postprocessing import OutputSpec
from deresunet.inference.preprocessing import RawBatch

log = logging.getLogger(__name__)

# Each graph keeps its inputs and output; all share one pool for what lies between, as only one runs at a time.
MAX_GRAPHS = 8
# Most pixels of a batch that is recorded (sixteen frames of 480x640); above, the gaps are nothing.
MAX_PIXELS = 16 * 480 * 640
# Runs before recording: cuDNN chooses its kernels, a compiler compiles.
_WARM_UPS = 3

# From a batch on the device, the units to bring it to (None if it is in them) and the outputs to return, to these.
Pass = Callable[[RawBatch, Preprocessing | None, OutputSpec], tuple[Tensor, ...]]


@dataclass(frozen=True)
class _Recording:
    """A recorded pass: the tensors it reads and writes, and what replays it."""

    batch: RawBatch
    outputs: tuple[Tensor, ...]
    graph: torch.cuda.CUDAGraph


class GraphedNetwork:
    """A network on a CUDA device that runs as a CUDA graph for the sizes met, at most `MAX_GRAPHS` at a time.

    Where recording fails (memory is short, an operation cannot be recorded), that size runs without, with one line in
    the log. One call at a time; the caller enters inference mode.

    Args:
        run: what is recorded when a size is met for the first time.
        device: a CUDA device.
        prepared: what `prepare` records instead: faster, but seconds in the making. A size for which it fails is
            recorded as any other.
    """

    def __init__(self, run: Pass, device: torch.device, prepared: Pass | None = None) -> None:
        self._run = run
        self._prepared = run if prepared is None else prepared
        self._device = device
        self._recordings: OrderedDict[Hashable, _Recording | None] = OrderedDict()
        self._pool: Any = None

    def __call__(self, batch: RawBatch, units: Preprocessing | None, outputs: OutputSpec) -> tuple[Tensor, ...]:
        """The outputs of a batch, tensors of the caller's own."""
        if not _recordable(batch):
            return self._run(batch, units, outputs)
        key = _key(batch, units, outputs)
        if key not in self._recordings:
            # Somebody waits: cuDNN takes the kernels that it thinks best, without trying them.
            self._keep(key, self._try_to_record(self._run, batch, units, outputs, choose_kernels=False))
        self._recordings.move_to_end(key)
        recording = self._recordings[key]
        if recording is None:
            return self._run(batch, units, outputs)
        for mine, given in zip(recording.batch, batch, strict=True):
            mine.copy_(given)
        recording.graph.replay()
        return tuple(tensor.clone() for tensor in recording.outputs)  # the next replay writes over it

    def prepare(self, batch: RawBatch, units: Preprocessing | None, outputs: OutputSpec) -> None:
        """Record now, and as fast as it gets, what such a batch will take."""
        if _recordable(batch):
            recording = self._try_to_record(self._prepared, batch, units, outputs, choose_kernels=True)
            if recording is None and self._prepared is not self._run:
                recording = self._try_to_record(self._run, batch, units, outputs, choose_kernels=True)
            self._keep(_key(batch, units, outputs), recording)

    def _keep(self, key: Hashable, recording: _Recording | None) -> None:
        self._recordings.pop(key, None)
        while len(self._recordings) >= MAX_GRAPHS:
            self._recordings.popitem(last=False)
        self._recordings[key] = recording

    def _try_to_record(
        self, run: Pass, batch: RawBatch, units: Preprocessing | None, outputs: OutputSpec, choose_kernels: bool
    ) -> _Recording | None:
        try:
            return self._record(run, RawBatch(*(tensor.clone() for tensor in batch)), units, outputs, choose_kernels)
        except Exception as error:  # of CUDA, cuDNN or the compiler: the size runs without this graph
            log.warning("%s is not recorded as a CUDA graph: %s", tuple(batch.rgb.shape), first_line(error))
            return None

    def _record(
        self, run: Pass, batch: RawBatch, units: Preprocessing | None, outputs: OutputSpec, choose_kernels: bool
    ) -> _Recording:
        # `enabled` has to be said: by default these flags turn cuDNN off.
        flags = torch.backends.cudnn.flags(
            enabled=True, benchmark=choose_kernels, allow_tf32=torch.backends.cudnn.allow_tf32
        )
        with torch.cuda.device(self._device), flags:
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(_WARM_UPS):
                    run(batch, units, outputs)
            torch.cuda.current_stream().wait_stream(side)
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                recorded = run(batch, units, outputs)
        return _Recording(batch, recorded, graph)


def _recordable(batch: RawBatch) -> bool:
    frames, _, height, width = batch.rgb.shape
    return frames * height * width <= MAX_PIXELS


def _key(batch: RawBatch, units: Preprocessing | None, outputs: OutputSpec) -> Hashable:
    return (units, outputs, *((tensor.shape, tensor.dtype) for tensor in batch))
