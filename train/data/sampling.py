"""Which frame comes when: orders that are a function of seed and epoch, and that can be taken up again half-way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, DistributedSampler

from deresunet.errors import InputError


class TrainingSampler(DistributedSampler):
    """Each epoch's own order of the frames, as (epoch, index), this process's share of them.

    A `DistributedSampler` in name, since Lightning replaces every sampler that is not one, and its own repeats frames.

    Args:
        frames: number of frames of which each epoch takes all.
        batch_size: frames a process and step; the epoch ends where not all processes could fill one more batch.
        seed: of the order.
        rank: this process's number.
        world_size: number of processes.

    Attributes:
        epoch: the epoch of the next pass.
        start: batches of it that were trained on already.

    Raises:
        InputError: there are fewer frames than one step takes.
    """

    def __init__(self, frames: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        self.frames, self.batch_size, self.seed = frames, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = self.start = 0
        self.batches = frames // (batch_size * world_size)
        if not self.batches:
            raise InputError(
                f"training has {frames} frames an epoch, and one step takes {batch_size * world_size} "
                f"({batch_size} in each of {world_size} processes). Lower data.batch_size."
            )

    def __len__(self) -> int:
        return self.batches * self.batch_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.frames)
        share = order[self.rank :: self.world_size][: len(self)]
        for index in share[self.start * self.batch_size :]:
            yield self.epoch, int(index)

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass that of `epoch`; one that was begun is not skipped into twice."""
        if epoch != self.epoch or self.start >= self.batches:
            self.start = 0
        self.epoch = epoch


class EvaluationSampler(DistributedSampler):
    """Every frame once, over all processes: nothing is repeated to make their shares equal."""

    def __init__(self, frames: int, rank: int = 0, world_size: int = 1) -> None:
        self.indices = range(rank, frames, world_size)
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((0, index) for index in self.indices)


class TrainingLoader(DataLoader):
    """A DataLoader whose place within the epoch is part of the checkpoint.

    Lightning asks for `state_dict` when it saves. What counts is how many batches were handed over, not how many the
    workers have prepared.
    """

    sampler: TrainingSampler

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # A generator: the order is drawn at the first batch, when the epoch is known, not when the iterator is made.
        sampler = self.sampler
        self.handed_over = sampler.start
        for batch in super().__iter__():
            self.handed_over += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Epoch, and batches of it that were handed over."""
        return {"epoch": self.sampler.epoch, "batch": getattr(self, "handed_over", 0)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where `state_dict` was taken."""
        self.sampler.epoch, self.sampler.start = state["epoch"], state["batch"]
