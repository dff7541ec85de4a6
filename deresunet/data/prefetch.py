"""Frames read ahead by a few threads, in order and in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from deresunet.errors import InputError

_Item = TypeVar("_Item")
# Frames waiting per worker: one being read, one ready.
AHEAD = 2


def prefetch(
    names: Iterable[str], read: Callable[[str], _Item], workers: int
) -> Iterator[tuple[str, _Item | InputError]]:
    """Read `names` ahead of their use.

    Decoding images lets go of Python's lock, so threads do, and nothing is copied between processes.

    Args:
        names: what to read, in the order wanted.
        read: reads one.
        workers: threads; 0 reads each when it is asked for. At most `workers` * 2 items are held.

    Yields:
        Each name with what was read, or with the `InputError` that said why not.
    """

    def guarded(name: str) -> _Item | InputError:
        try:
            return read(name)
        except InputError as error:
            return error

    if workers < 1:
        yield from ((name, guarded(name)) for name in names)
        return
    left = iter(names)
    waiting: deque[tuple[str, Future[_Item | InputError]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prefetch")
    try:
        for name in islice(left, workers * AHEAD):
            waiting.append((name, pool.submit(guarded, name)))
        while waiting:
            name, future = waiting.popleft()
            item = future.result()
            for following in islice(left, 1):
                waiting.append((following, pool.submit(guarded, following)))
            yield name, item
            del item, future  # not kept while the next one is waited for
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
