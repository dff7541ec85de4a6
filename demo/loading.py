"""The page's first network, loaded in the background while the page is up already."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from demo.deploy import zerogpu
from deresunet.data.frame import Frame
from deresunet.inference.backends import check_backend
from deresunet.inference.devices import resolve_device
from deresunet.inference.network import Network, network_of, read_weights
from deresunet.inference.predictor import Predictor, load

log = logging.getLogger(__name__)


def in_background(make: Callable[[], Network]) -> Future[Network]:
    """Make a network in a thread of its own; what `make` raises is raised from the future's result."""
    made: Future[Network] = Future()

    def run() -> None:
        began = time.perf_counter()
        try:
            network = make()
        except BaseException as error:
            made.set_exception(error)
        else:
            log.info("the network was ready after %.1f s", time.perf_counter() - began)
            made.set_result(network)

    # A daemon: a server that is stopped does not wait for it, as it would for an executor's thread.
    threading.Thread(target=run, name="loading", daemon=True).start()
    return made


def start_network(checkpoint: str | None, device: str, backend: str, first: Frame) -> Predictor:
    """Start to load the page's network, and give it at once; frames wait for it.

    On ZeroGPU it is loaded before this returns: workers get what was there at the launch.

    Args:
        checkpoint: see `load`.
        device: see `load`.
        backend: see `load`.
        first: a frame that is segmented before all others, so that no time on the page is that of a first run.

    Raises:
        InputError: the weights, the device or the backend cannot be used.
    """
    if zerogpu.HERE:
        return zerogpu.predictor_for(load(checkpoint, device, backend))
    weights = read_weights(checkpoint)
    found = resolve_device(device)
    if backend != "auto":
        check_backend(backend, found)

    def make() -> Network:
        network = network_of(weights, device, backend)
        predictor = Predictor(network)
        predictor.warm_up()
        predictor(first)
        return network

    return Predictor(in_background(make), checkpoint=replace(weights, state={}))
