"""Worker processes that may fail, or die, one task at a time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from deresunet.errors import InputError

# One worker a core: what each of these libraries would start by itself is too many threads.
_ENVIRONMENT = dict.fromkeys(
    ("LP_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
# glibc gives each picture's memory back to the system and asks for it anew; keeping it saves a seventh of the time.
_ENVIRONMENT |= {"MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}
_STOP_SECONDS = 5.0
# Renderers keep a little of each scene (about 1 MB); a worker that has done this many makes way for a fresh one.
TASKS_EACH = 250


@dataclass(frozen=True)
class Failure:
    """Why a task has no result.

    Attributes:
        reason: in a line.
        details: a traceback, or "".
    """

    reason: str
    details: str = ""


def run(
    tasks: Iterable[int],
    workers: int,
    prepare: Callable[..., Callable[[int], Any]],
    arguments: tuple[Any, ...],
    tasks_each: int = TASKS_EACH,
) -> Iterator[tuple[int, Any]]:
    """Have `workers` processes do the tasks; yields each task with its result or `Failure` as they are done.

    A worker that dies is replaced, and its task tried once more by another; only a task that two workers died of is
    lost. However the iteration ends, so do the processes.

    Args:
        tasks: numbers.
        workers: how many processes; fresh ones (spawned), each with one thread.
        prepare: called once in each process; what it returns is called with each task.
        arguments: of `prepare`, which can be pickled.
        tasks_each: how many tasks a worker does before it makes way for a fresh one.

    Raises:
        InputError: `prepare` raised it.
    """
    left = deque(tasks)
    context = multiprocessing.get_context("spawn")
    crew: dict[Connection, tuple[Any, int | None]] = {}
    done: Counter[Connection] = Counter()
    deaths: Counter[int] = Counter()

    def hire() -> None:
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, prepare, arguments), daemon=True)
        with _started_quietly():
            process.start()
        there.close()
        crew[here] = (process, None)

    try:
        for _ in range(min(workers, len(left))):
            hire()
        while crew:
            for connection in wait(list(crew)):
                process, task = crew[connection]
                try:
                    kind, answer = connection.recv()
                except (EOFError, ConnectionError):
                    del crew[connection]
                    connection.close()
                    process.join()
                    if task is None:
                        raise InputError(
                            f"A worker ended while it started (exit code {process.exitcode}). See what it wrote above."
                        ) from None
                    deaths[task] += 1
                    again = deaths[task] < 2
                    if again:
                        left.append(task)
                    if left:
                        hire()
                    if again:
                        continue
                    yield task, Failure(f"the process ended (exit code {process.exitcode})")
                    continue
                if kind == "unfit":
                    raise InputError(answer)
                if left and done[connection] < tasks_each:
                    done[connection] += 1
                    crew[connection] = (process, left.popleft())
                    connection.send(crew[connection][1])
                else:
                    del crew[connection]
                    connection.close()
                    process.join(_STOP_SECONDS)
                    if left:
                        hire()
                if kind == "done":
                    yield task, answer
    finally:
        for connection, (process, _) in crew.items():
            process.terminate()
            connection.close()
        for process, _ in crew.values():
            process.join(_STOP_SECONDS)


def _serve(connection: Connection, prepare: Callable[..., Callable[[int], Any]], arguments: tuple[Any, ...]) -> None:
    """A worker: prepare, then do what is asked for until the other end closes."""
    with contextlib.suppress(ConnectionError):
        _work(connection, prepare, arguments)


def _work(connection: Connection, prepare: Callable[..., Callable[[int], Any]], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    # Libraries that talk (Blender names each file it saves) would write into the parent's line of progress.
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    try:
        do = prepare(*arguments)
    except InputError as error:
        connection.send(("unfit", str(error)))
        return
    connection.send(("ready", None))
    while True:
        try:
            task = connection.recv()
        except (EOFError, ConnectionError):
            return
        try:
            answer = do(task)
        except Exception as error:  # whatever it is, the other tasks go on
            answer = Failure(f"{type(error).__name__}: {error}", traceback.format_exc())
        connection.send(("done", answer))


@contextlib.contextmanager
def _started_quietly() -> Iterator[None]:
    """A process started within has one thread a library, and leaves Ctrl-C to the parent from its first moment on."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
