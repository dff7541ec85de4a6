"""A running average of a network's weights (Polyak and Juditsky 1992), in a few kernels a step."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Average:
    """Keeps `average` a running average of `network`'s parameters and statistics.

    Args:
        network: the network that is trained.
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
        # On the device, so that a recorded step reads it anew each time.
        self._gain = torch.zeros((), device=self._old[0].device)

    def begin(self, step: int) -> None:
        """Set how far optimiser step `step` (0, 1, ...) moves the average.

        Early on the average forgets faster, so that the random start does not linger in it.
        """
        self._gain.fill_(1.0 - min(self.decay, (1.0 + step) / (10.0 + step)))

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the network, after `begin` and the optimiser's step."""
        difference = torch._foreach_sub(self._new, self._old)
        torch._foreach_mul_(difference, self._gain)
        torch._foreach_add_(self._old, difference)
        if self._old_counts:
            torch._foreach_copy_(self._old_counts, self._new_counts)


def averaged_copy(network: nn.Module) -> nn.Module:
    """A copy that takes no gradients."""
    return copy.deepcopy(network).requires_grad_(False).eval()
