"""`/healthz`: whether the server still segments frames, not merely answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse

from demo.deploy import zerogpu
from deresunet.data.frame import Frame
from deresunet.inference.predictor import SegmentationPredictor

log = logging.getLogger(__name__)

# A check waits for the visitor's frame that is being run and then for its own, both well below this on a busy CPU.
LIMIT_S = 20.0
# A good answer stands for so long, however often it is asked for.
KEEP_S = 5.0
_SIZE = (48, 64)


class Health:
    """Answer 200 when a small frame was segmented within the time limit, and 503 otherwise.

    The frame goes past the page's queue, in a thread of its own, one at a time.

    Args:
        segment: segments it, and raises an error if that cannot be done.
        limit_s: time limit.
        keep_s: how long a good answer is given without another frame.
        ready: whether the network is loaded; until then the answer is 503 at once.
    """

    def __init__(
        self,
        segment: Callable[[], object],
        limit_s: float = LIMIT_S,
        keep_s: float = KEEP_S,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._segment = segment
        self._ready = ready
        self._limit_s = limit_s
        self._keep_s = keep_s
        self._worker = ThreadPoolExecutor(1, "health")
        self._running: Future[float] | None = None
        self._good: tuple[float, float] | None = None  # when, and the seconds that it took

    async def answer(self, _: Request) -> JSONResponse:
        """Answer a request."""
        if not self._ready():
            return JSONResponse({"status": "the network is loading"}, 503)
        if self._good is not None and time.monotonic() - self._good[0] < self._keep_s:
            return self._well()
        running = self._running
        if running is None or running.done():
            running = self._running = self._worker.submit(self._timed)
        try:
            seconds = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(running)), self._limit_s)
        except TimeoutError:
            return JSONResponse({"status": f"no frame was segmented within {self._limit_s:g} s"}, 503)
        except Exception as error:
            log.exception("the health check failed")
            return JSONResponse({"status": f"a frame was not segmented ({type(error).__name__})"}, 503)
        self._good = (time.monotonic(), seconds)
        return self._well()

    def _well(self) -> JSONResponse:
        assert self._good is not None
        return JSONResponse({"status": "well", "seconds": round(self._good[1], 3)})

    def _timed(self) -> float:
        began = time.perf_counter()
        self._segment()
        return time.perf_counter() - began


def health_of(predictor: SegmentationPredictor) -> Health:
    """The health of a server that runs `predictor`; on ZeroGPU a check takes no GPU from visitors' quota."""
    rng = np.random.default_rng(0)
    frame = Frame(
        rgb=rng.integers(0, 256, (*_SIZE, 3), dtype=np.uint8),
        depth=np.full(_SIZE, 2.0, np.float32),
        name="health check",
    )

    def segment() -> None:
        if not zerogpu.HERE and predictor(frame).label.shape != _SIZE:
            raise RuntimeError("the prediction has another size than the frame")

    return Health(segment, ready=lambda: predictor.ready)
