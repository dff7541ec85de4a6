"""A whole training step as one CUDA graph: forward, losses, backward, clipping, optimiser and average.

Python launches the thousands of kernels of a step slower than a large GPU runs them. A graph launches them as one. Its
inputs lie at fixed addresses, into which every batch is copied; all that a step changes is changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn
from torch.optim import Optimizer

from train.data.dataset import Batch
from train.ema import Average

# Real steps that run eagerly before one is recorded: libraries choose their kernels, the optimiser makes its state.
WARM_UP_STEPS = 3
# Batches of one run differ in how many frames have depth; further combinations run eagerly.
MAX_GRAPHS = 4


class StepResult(NamedTuple):
    """Loss of a step, its terms by name, and the prediction where there is one.

    Attributes:
        loss: float32 (), to be minimised.
        terms: parts of the loss by name, each unweighted.
        label: uint8 (B, h, w), 0 = void, at the pixels of `prediction`.
        prediction: network indices (B, h, w).
    """

    loss: Tensor
    terms: dict[str, Tensor]
    label: Tensor | None = None
    prediction: Tensor | None = None


class WholeStep:
    """Runs training steps with everything in them, and from the fourth on as a CUDA graph where there is CUDA.

    The first steps are real ones, not thrown away, so that the weights are those of as many eager steps.

    Args:
        losses_of: loss of a batch, with its graph for backward; sees to its own precision.
        optimiser: of the trained parameters.
        average: running average of the weights, or None.
        clip_norm: largest norm of the gradients, or None.
    """

    def __init__(
        self,
        losses_of: Callable[[Batch], StepResult],
        optimiser: Optimizer,
        average: Average | None,
        clip_norm: float | None,
    ) -> None:
        self.losses_of = losses_of
        self.parameters: list[nn.Parameter] = [p for group in optimiser.param_groups for p in group["params"]]
        self.optimiser, self.average, self.clip_norm = optimiser, average, clip_norm
        self.on_cuda = self.parameters[0].is_cuda
        self._steps = 0
        self._recorded: dict[tuple[object, ...], tuple[torch.cuda.CUDAGraph, Batch, StepResult]] = {}
        if self.on_cuda:
            _make_capturable(optimiser, self.parameters[0].device)

    def __call__(self, batch: Batch, step: int) -> StepResult:
        """One step.

        Args:
            batch: on the parameters' device.
            step: number of the step (0, 1, ...), for the average.

        Returns:
            The result; its tensors are overwritten by the next step.
        """
        if self.average is not None:
            self.average.begin(step)
        self._steps += 1
        if not self.on_cuda:
            return self.eager(batch)
        kind = _kind(batch)
        if kind not in self._recorded:
            if self._steps <= WARM_UP_STEPS or len(self._recorded) >= MAX_GRAPHS:
                return self._beside(batch)
            self._recorded[kind] = self._record(batch)
        graph, inputs, result = self._recorded[kind]
        for kept, given in zip(_leaves(inputs), _leaves(batch), strict=True):
            if isinstance(kept, Tensor) and isinstance(given, Tensor):
                kept.copy_(given, non_blocking=True)
        graph.replay()
        return result

    def eager(self, batch: Batch) -> StepResult:
        """One step without a graph; the average moves as far as the last `begin` said."""
        self.optimiser.zero_grad(set_to_none=True)
        return self._work(batch)

    def _work(self, batch: Batch) -> StepResult:
        result = self.losses_of(batch)
        # The caller's autocast is for the forward pass alone.
        with torch.autocast(result.loss.device.type, enabled=False):
            torch.autograd.backward(result.loss)
            if self.clip_norm is not None:
                nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
            self.optimiser.step()
        if self.average is not None:
            self.average.update()
        terms = {name: term.detach() for name, term in result.terms.items()}
        return StepResult(result.loss.detach(), terms, result.label, result.prediction)

    def _beside(self, batch: Batch) -> StepResult:
        """An eager step on another stream, as capturing asks for of the steps before it."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            result = self.eager(batch)
        torch.cuda.current_stream().wait_stream(stream)
        return result

    def _record(self, batch: Batch) -> tuple[torch.cuda.CUDAGraph, Batch, StepResult]:
        inputs = apply_to_collection(batch, Tensor, torch.clone)
        graph = torch.cuda.CUDAGraph()
        # Gradients are made anew within the graph's own memory.
        self.optimiser.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        # Threads that fetch data may pin memory meanwhile; only this thread is held to what a graph can record.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            result = self._work(inputs)
        return graph, inputs, result


def _make_capturable(optimiser: Optimizer, device: torch.device) -> None:
    """Keep the learning rate and the count of steps on the device, where a graph reads them."""
    for group in optimiser.param_groups:
        group["capturable"] = True
        group["lr"] = torch.as_tensor(float(group["lr"]), device=device)
    for state in optimiser.state.values():
        if isinstance(state.get("step"), Tensor):
            state["step"] = state["step"].to(device)


def _kind(batch: Batch) -> tuple[object, ...]:
    """Shapes and plain numbers of a batch: those that a recorded step holds for."""
    return tuple((tuple(part.shape), part.dtype) if isinstance(part, Tensor) else part for part in _leaves(batch))


def _leaves(batch: Batch) -> Iterator[object]:
    """Tensors and plain numbers of a batch and of its photographs."""
    for part in batch:
        if isinstance(part, Batch):
            yield from _leaves(part)
        else:
            yield part
