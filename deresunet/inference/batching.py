"""Frames grouped by the size of the network's input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from deresunet.data.frame import Frame


def batched_by_size(
    frames: Iterable[tuple[str, Frame]], batch: int, network_size: Callable[[int, int], tuple[int, int]]
) -> Iterator[list[tuple[str, Frame]]]:
    """Group frames of one network size, up to `batch` of them; at most twice that many frames wait for their like.

    Args:
        frames: name and frame.
        batch: the largest group.
        network_size: the network's input size for a frame's height and width.
    """
    waiting: dict[tuple[int, int], list[tuple[str, Frame]]] = {}
    for name, frame in frames:
        waiting.setdefault(network_size(*frame.size), []).append((name, frame))
        fullest = max(waiting, key=lambda size: len(waiting[size]))
        if len(waiting[fullest]) >= batch or sum(map(len, waiting.values())) >= 2 * batch:
            yield waiting.pop(fullest)
    yield from waiting.values()
