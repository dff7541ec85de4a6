"""Validation frames out of the training list: whole recordings, so that no place is in both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deresunet.errors import InputError

# Where nobody says which frames show one place, neighbours in the list are taken to, this many at a time.
BLOCK = 20


def carve(sequences: Sequence[str], share: float, seed: int, every: int | None = None) -> tuple[list[int], list[int]]:
    """Indices of the frames to train on, and of those to validate on.

    Args:
        sequences: of each frame, the recording it belongs to; "" where unknown. Frames of one recording stay together.
            Frames without one are held together in runs of neighbours: lists of frames follow the recording, so
            only the two ends of a run can share a place with the other side.
        share: of the frames to validate on, 0..1; whole groups are taken until it is reached.
        seed: which groups.
        every: where no frame has a recording, hold out every n-th instead of runs of neighbours. That suits
            pictures taken one by one, of which few must cover what the others show.

    Raises:
        InputError: there are too few frames, or groups of them, to have both.
    """
    total = len(sequences)
    if every is not None and not any(sequences) and total > 1:
        held_out = list(range(min(every, total) - 1, total, every))
        return [index for index in range(total) if index not in set(held_out)], held_out
    wanted = max(1, round(share * total))
    # Small lists get shorter runs, so that there is something to choose from.
    run = max(1, min(BLOCK, wanted // 4))
    groups: dict[str, list[int]] = {}
    for index, sequence in enumerate(sequences):
        groups.setdefault(sequence or f"\0{index // run}", []).append(index)
    keys = list(groups)
    validation: set[int] = set()
    for k in np.random.default_rng(seed).permutation(len(keys)):
        if len(validation) >= wanted:
            break
        members = groups[keys[k]]
        # A group as large as the rest would leave nothing to train on.
        if len(validation) + len(members) <= max(2 * wanted, 1):
            validation.update(members)
    training = [index for index in range(total) if index not in validation]
    if not training or not validation:
        raise InputError(
            f"{total} frames in {len(keys)} recordings cannot be split into training and validation. "
            "Give more frames, or a list of its own for validation (data.validation_split)."
        )
    return training, sorted(validation)
