"""ZeroGPU, where a Space has a GPU only while a decorated function runs, in a process of its own.

There, `spaces` must be imported before torch, so the program has to import this module before all others. Elsewhere
nothing of `spaces` is needed and a predictor is used as it is.
"""

from __future__ import annotations

import os

if os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true"):  # as `spaces` itself reads it
    import spaces
else:
    spaces = None

import copy
import html
import logging
from collections.abc import Callable, Sequence

import gradio as gr
import numpy as np

from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.postprocessing import PixelScores
from deresunet.inference.prediction import Prediction, Provenance, SegmentationPredictor
from deresunet.inference.predictor import Predictor
from deresunet.inference.preprocessing import Modality, usable_modality
from deresunet.inference.tta import Inference
from deresunet.model.checkpoint import Checkpoint

log = logging.getLogger(__name__)
_PLAIN = Inference()

HERE = spaces is not None

# Elsewhere one frame at a time has the network to itself; here each run waits for a GPU of its own, and one visitor who
# waits must not keep the others waiting.
CONCURRENCY = 8 if HERE else 1
# What is asked for is what a frame needs, times three: a worker that starts and takes the weights to the GPU, and then
# the frame by its size. Short requests are served first and cost visitors less of their quota.
MARGIN = 3
START_S = 1.0
S_PER_MEGAPIXEL = 0.25
MAX_DURATION_S = 15

# rgb uint8 (H, W, 3) or None, depth float32 (H, W) or None, modality, input size and views -> arrays, latency [ms],
# provenance.
_Run = Callable[[np.ndarray | None, np.ndarray | None, Modality, Inference], tuple[PixelScores, float, Provenance]]


def predictor_for(predictor: Predictor) -> SegmentationPredictor:
    """Wrap a predictor for ZeroGPU, to run with a GPU of the pool; elsewhere return it as it is."""
    return ZeroGPUPredictor(predictor, spaces.GPU) if HERE else predictor


def check_weights(several: bool) -> None:
    """Refuse `several` networks on ZeroGPU, where the GPU gets those weights alone that were there at the start.

    Raises:
        InputError: several are asked for, on ZeroGPU.
    """
    if HERE and several:
        raise InputError(
            "on ZeroGPU the page has one network. Give one --checkpoint at most, and leave out "
            "--allow-checkpoint-upload; other hardware takes both."
        )


def seconds_for(
    rgb: np.ndarray | None, depth: np.ndarray | None, modality: Modality, inference: Inference = _PLAIN
) -> int:
    """Time [s] that the GPU is asked for, to segment this frame; it takes what the decorated function takes."""
    grid = depth if rgb is None else rgb
    assert grid is not None, "a frame has RGB or depth"
    megapixels = grid.shape[0] * grid.shape[1] / 1e6
    views = (1 + inference.flip) * sum(scale**2 for scale in inference.scales)
    return min(MAX_DURATION_S, round(MARGIN * (START_S + S_PER_MEGAPIXEL * megapixels * max(1.0, views))))


class ZeroGPUPredictor:
    """Run a predictor in the process that has the GPU; only NumPy arrays go there and come back.

    See `SegmentationPredictor`.

    Args:
        predictor: on CUDA, which ZeroGPU emulates until the function runs.
        gpu: the decorator, `spaces.GPU`.

    """

    def __init__(self, predictor: Predictor, gpu: Callable[..., Callable[[_Run], _Run]]) -> None:
        self._predictor: SegmentationPredictor = predictor
        self._inference = _PLAIN

        @gpu(duration=seconds_for)
        def run(
            rgb: np.ndarray | None, depth: np.ndarray | None, modality: Modality, inference: Inference
        ) -> tuple[PixelScores, float, Provenance]:
            got = predictor.with_inference(inference)(Frame(rgb=rgb, depth=depth), modality)
            return PixelScores(got.classes, got.probabilities, got.entropy), got.latency_ms, got.provenance

        self._run = run

    @property
    def checkpoint(self) -> Checkpoint:
        """Description of the weights, without the tensors."""
        return self._predictor.checkpoint

    @property
    def usual_batch(self) -> int:
        """Number of frames to give to `labels` at once: the GPU is asked for frame by frame."""
        return 1

    @property
    def protocol(self) -> str:
        """How a frame is run, for people."""
        return self._predictor.protocol

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the network's input for a frame of `height` x `width`."""
        return self._predictor.network_size(height, width)

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> list[np.ndarray]:
        """Labels alone, uint8 (H, W) each; errors as of a call."""
        return [self(frame, modality).label for frame in frames]

    def provenance(self, modality: Modality = "rgbd") -> Provenance:
        """Origin of predictions to come; `spaces` names the pool's kind of GPU before one is lent."""
        return self._predictor.provenance(modality)

    def with_inference(self, inference: Inference) -> SegmentationPredictor:
        """Run the same weights with another input size, flips or scales, by the function decorated at the start."""
        other = copy.copy(self)
        other._predictor, other._inference = self._predictor.with_inference(inference), inference
        return other

    def __call__(self, frame: Frame, modality: Modality = "rgbd") -> Prediction:
        """Segment a frame on a GPU of the pool.

        Raises:
            InputError: the modality asked for is not in the frame.
            gr.Error: no GPU is to be had, or the visitor's quota is used up.
        """
        modality = usable_modality(frame, modality)  # here, since the other process can only say that it failed
        try:
            answer = self._run(frame.rgb, frame.depth, modality, self._inference)
        except Exception as error:  # of the scheduler, of the network to it, of the worker: all mean no answer
            log.warning("no GPU for %s: %s", frame.name, error)
            if isinstance(error, gr.Error):
                raise  # it says what the visitor can do, with a link to log in
            raise gr.Error(
                f"No GPU is to be had just now ({html.escape(type(error).__name__)}). Try again in a minute.",
                print_exception=False,
            ) from error
        return Prediction.of(*answer)
