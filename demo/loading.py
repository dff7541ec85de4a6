"""A network that is loaded in the background, while the page is up already."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import numpy as np

from demo.deploy import zerogpu
from deresunet.data.frame import Frame
from deresunet.inference.backends import check_backend
from deresunet.inference.devices import resolve_device
from deresunet.inference.prediction import Prediction, Provenance, SegmentationPredictor
from deresunet.inference.predictor import Predictor, load, read_weights
from deresunet.inference.preprocessing import Modality
from deresunet.inference.tta import Inference
from deresunet.model.checkpoint import Checkpoint

log = logging.getLogger(__name__)


class LoadingPredictor:
    """Wait for a predictor that a thread of its own makes; see `SegmentationPredictor`.

    Args:
        checkpoint: the description of its weights, which is there at once.
        make: makes it.

    Raises:
        InputError: whatever `make` raises, from all that waits for the predictor.
    """

    def __init__(self, checkpoint: Checkpoint, make: Callable[[], SegmentationPredictor]) -> None:
        self._checkpoint = checkpoint
        self._made: Future[SegmentationPredictor] = Future()
        # A daemon: a server that is stopped does not wait for it.
        threading.Thread(target=self._run, args=(make,), name="loading", daemon=True).start()

    def _run(self, make: Callable[[], SegmentationPredictor]) -> None:
        began = time.perf_counter()
        try:
            made = make()
        except BaseException as error:
            self._made.set_exception(error)
        else:
            log.info("the network was ready after %.1f s", time.perf_counter() - began)
            self._made.set_result(made)

    @property
    def ready(self) -> bool:
        """Whether frames are segmented without waiting for the network."""
        return self._made.done() and self._made.exception() is None

    def wait(self) -> SegmentationPredictor:
        """The predictor, once it is there."""
        return self._made.result()

    @property
    def checkpoint(self) -> Checkpoint:
        """Description of the weights, without the tensors."""
        return self._checkpoint

    @property
    def usual_batch(self) -> int:
        """Number of frames to give to `labels` at once."""
        return self.wait().usual_batch

    @property
    def protocol(self) -> str:
        """How a frame is run, for people."""
        return self.wait().protocol

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the network's input for a frame of `height` x `width`."""
        return self._checkpoint.preprocessing.network_size(height, width)

    def __call__(self, frame: Frame, modality: Modality = "rgbd") -> Prediction:
        """Segment a frame; errors as of the predictor."""
        return self.wait()(frame, modality)

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> list[np.ndarray]:
        """Labels alone, uint8 (H, W) each; errors as of the predictor."""
        return self.wait().labels(frames, modality)

    def provenance(self, modality: Modality = "rgbd") -> Provenance:
        """Weights, preprocessing, device and precision."""
        return self.wait().provenance(modality)

    def with_inference(self, inference: Inference) -> SegmentationPredictor:
        """Return a predictor of these weights that runs another input size, flips or scales."""
        return self.wait().with_inference(inference)


def start_network(checkpoint: str | None, device: str, backend: str, first: Frame) -> SegmentationPredictor:
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

    def make() -> Predictor:
        predictor = Predictor(weights, device, backend)
        predictor.warm_up()
        predictor(first)
        return predictor

    return LoadingPredictor(Checkpoint(**{**vars(weights), "state": {}}), make)


def is_ready(predictor: SegmentationPredictor) -> bool:
    """Whether a predictor segments frames without waiting for its weights."""
    return not isinstance(predictor, LoadingPredictor) or predictor.ready
