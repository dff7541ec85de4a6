"""A running average of a network's weights (Polyak and Juditsky 1992), in two kernels a step."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Average:
    """Keeps `average` a running average of `network`'s parameters and statistics.

    Args:
        network: what is trained.
        average: a copy of it, from `averaged_copy`.
        decay: share of the old average that a step keeps, once warm.
    """

    def __init__(self, network: nn.Module, average: nn.Module, decay: float) -> None:
        self.decay = decay
        old, new = average.state_dict(keep_vars=True), network.state_dict(keep_vars=True)
        moving = [name for name, tensor in old.items() if tensor.is_floating_point()]
        self._old: list[Tensor] = [old[name].detach() for name in moving]
        self._new: list[Tensor] = [new[name].detach() for name in moving]
        # BatchNorm's counters of batches are integers and are taken over as they are.
        self._old_counts = [tensor for name, tensor in old.items() if name not in moving]
        self._new_counts = [tensor for name, tensor in new.items() if name not in moving]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the network after optimiser step `step` (0, 1, ...).

        Early on the average forgets faster, so that the random start does not linger in it.
        """
        decay = min(self.decay, (1.0 + step) / (10.0 + step))
        torch._foreach_lerp_(self._old, self._new, 1.0 - decay)
        if self._old_counts:
            torch._foreach_copy_(self._old_counts, self._new_counts)


def averaged_copy(network: nn.Module) -> nn.Module:
    """A copy that takes no gradients."""
    return copy.deepcopy(network).requires_grad_(False).eval()
