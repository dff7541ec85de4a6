"""A forward pass recorded once per size on a GPU and replayed: no time between kernels."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from deresunet.errors import first_line

log = logging.getLogger(__name__)

# Each graph keeps its inputs and output; all share one pool for what lies between, as only one runs at a time.
MAX_GRAPHS = 8
# A size is recorded up to so many pixels in a batch (sixteen frames of 480x640); above, the gaps are nothing.
MAX_PIXELS = 16 * 480 * 640
# Runs before recording: cuDNN chooses its kernels, a compiler compiles.
_WARM_UPS = 3

_Key = tuple[torch.Size, torch.Size]


@dataclass(frozen=True)
class _Recording:
    """A recorded pass: the tensors it reads and writes, and what replays it."""

    rgb: Tensor
    depth: Tensor
    logits: Tensor
    graph: torch.cuda.CUDAGraph


class GraphedNetwork:
    """A network on a CUDA device that runs as a CUDA graph for the sizes met, at most `MAX_GRAPHS` at a time.

    Where recording fails (memory is short, an operation cannot be recorded), that size runs without, with one line in
    the log. One call at a time; the caller enters inference mode.

    Args:
        run: from rgb (B, 3, h, w) and depth (B, 1, h, w) to logits, on `device`.
        device: a CUDA device.
    """

    def __init__(self, run: Callable[[Tensor, Tensor], Tensor], device: torch.device) -> None:
        self._run = run
        self._device = device
        self._recordings: OrderedDict[_Key, _Recording | None] = OrderedDict()
        self._pool: Any = None

    def __call__(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Logits (B, classes, h, w), a tensor of the caller's own."""
        if rgb.shape[0] * rgb.shape[-2] * rgb.shape[-1] > MAX_PIXELS:
            return self._run(rgb, depth)
        key = (rgb.shape, depth.shape)
        if key not in self._recordings:
            while len(self._recordings) >= MAX_GRAPHS:
                self._recordings.popitem(last=False)
            self._recordings[key] = self._try_to_record(rgb, depth)
        self._recordings.move_to_end(key)
        recording = self._recordings[key]
        if recording is None:
            return self._run(rgb, depth)
        recording.rgb.copy_(rgb)
        recording.depth.copy_(depth)
        recording.graph.replay()
        return recording.logits.clone()  # the next replay writes over it

    def _try_to_record(self, rgb: Tensor, depth: Tensor) -> _Recording | None:
        try:
            return self._record(rgb.clone(), depth.clone())
        except Exception as error:  # of CUDA, cuDNN or the compiler: the size runs without a graph
            log.warning("%s runs without a CUDA graph: %s", tuple(rgb.shape), first_line(error))
            return None

    def _record(self, rgb: Tensor, depth: Tensor) -> _Recording:
        with torch.cuda.device(self._device):
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side), torch.backends.cudnn.flags(benchmark=True):
                for _ in range(_WARM_UPS):
                    self._run(rgb, depth)
            torch.cuda.current_stream().wait_stream(side)
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            with torch.backends.cudnn.flags(benchmark=True), torch.cuda.graph(graph, pool=self._pool):
                logits = self._run(rgb, depth)
        return _Recording(rgb, depth, logits, graph)
