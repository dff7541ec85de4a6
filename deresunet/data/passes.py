"""A pass over frames: read ahead by a few threads, in order and in bounded memory; skipped or stopped at errors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Literal, TypeVar

from deresunet.errors import InputError

_Item = TypeVar("_Item")
# Frames waiting per worker: one being read, one ready.
AHEAD = 2


@dataclass(frozen=True)
class Failure:
    """A frame that could not be used.

    Attributes:
        name: the frame.
        error: the error's message, with the file's path.
    """

    name: str
    error: str


class Pass(Generic[_Item]):
    """One pass over frames, each with its name: what cannot be used ends it, or is left out and listed.

    Args:
        names: the frames, in the order wanted.
        read: reads one; an `InputError` says that it cannot be used.
        workers: threads that read ahead, see `prefetch`.
        on_error: "stop" raises the first error, "skip" lists them.
        done: number of frames that were done before.

    Attributes:
        done: number of frames done, those that failed included; who passes counts the others.
        failed: frames that could not be used.
    """

    def __init__(
        self,
        names: Iterable[str],
        read: Callable[[str], _Item],
        workers: int = 2,
        on_error: Literal["skip", "stop"] = "stop",
        done: int = 0,
    ) -> None:
        self._names, self._read, self._workers, self._on_error = names, read, workers, on_error
        self.done = done
        self.failed: list[Failure] = []

    def __iter__(self) -> Iterator[tuple[str, _Item]]:
        for name, item in prefetch(self._names, self._read, self._workers):
            if isinstance(item, InputError):
                self.fail(name, item)
            else:
                yield name, item
            del item  # not kept while the next one is waited for

    def fail(self, name: str, error: InputError) -> None:
        """List a frame that cannot be used. Raises the error itself where the pass stops at one."""
        if self._on_error == "stop":
            raise error
        self.failed.append(Failure(name, str(error)))
        self.done += 1


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
