"""Which frame comes when: orders that are a function of seed and epoch, and that can be taken up again half-way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, DistributedSampler

from deresunet.errors import InputError


class TrainingSampler(DistributedSampler):
    """Each epoch's own order of the frames, as (epoch, index), this process's share of them.

    A batch holds `batch_size - photos_per_batch` frames, then `photos_per_batch` photographs, whose indices follow the
    frames'. An epoch takes every frame once; photographs have passes of their own, which go on across epochs.

    A `DistributedSampler` in name, since Lightning replaces every sampler that is not one, and its own repeats frames.

    Args:
        frames: number of frames of which each epoch takes all.
        batch_size: frames a process and step; the epoch ends where not all processes could fill one more batch.
        seed: of the order.
        rank: this process's number.
        world_size: number of processes.
        photos: number of photographs.
        photos_per_batch: of each batch, below `batch_size`.

    Attributes:
        epoch: the epoch of the next pass.
        start: batches of it that were trained on already.

    Raises:
        InputError: there are fewer frames than one step takes.
    """

    def __init__(
        self,
        frames: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        photos: int = 0,
        photos_per_batch: int = 0,
    ) -> None:
        self.frames, self.batch_size, self.seed = frames, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.photos, self.photos_per_batch = photos, photos_per_batch
        self.epoch = self.start = 0
        self._pass: tuple[int, np.ndarray] | None = None
        self.frames_per_batch = batch_size - photos_per_batch
        self.batches = frames // (self.frames_per_batch * world_size)
        if not self.batches:
            raise InputError(
                f"Training has {frames} frames an epoch, and one step takes {self.frames_per_batch * world_size} "
                f"({self.frames_per_batch} in each of {world_size} processes). Lower data.batch_size."
            )

    def __len__(self) -> int:
        return self.batches * self.batch_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.frames)
        own = order[self.rank :: self.world_size]
        for batch in range(self.start, self.batches):
            for index in own[batch * self.frames_per_batch : (batch + 1) * self.frames_per_batch]:
                yield self.epoch, int(index)
            step = (self.epoch * self.batches + batch) * self.world_size + self.rank
            for place in range(step * self.photos_per_batch, (step + 1) * self.photos_per_batch):
                yield self.epoch, self.frames + self._photo(place)

    def _photo(self, place: int) -> int:
        """Index of the photograph at a place of the endless sequence of passes."""
        number, within = divmod(place, self.photos)
        if self._pass is None or self._pass[0] != number:
            self._pass = number, np.random.default_rng([self.seed, number, 1]).permutation(self.photos)
        return int(self._pass[1][within])

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
