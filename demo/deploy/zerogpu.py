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

import html
import logging
from collections.abc import Callable, Sequence

import gradio as gr
import numpy as np

from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.predictor import Prediction, Predictor, Provenance
from deresunet.inference.preprocessing import Modality, PixelScores, usable_modality

log = logging.getLogger(__name__)

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

# rgb uint8 (H, W, 3) or None, depth float32 (H, W) or None, modality -> arrays, latency [ms], provenance.
_Run = Callable[[np.ndarray | None, np.ndarray | None, Modality], tuple[PixelScores, float, Provenance]]


def predictor_for(predictor: Predictor) -> Predictor | ZeroGPUPredictor:
    """`predictor` itself, or on ZeroGPU what runs it with a GPU of the pool."""
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


def seconds_for(rgb: np.ndarray | None, depth: np.ndarray | None, modality: Modality) -> int:
    """How long [s] the GPU is asked for, to segment this frame; it takes what the decorated function takes."""
    grid = depth if rgb is None else rgb
    assert grid is not None, "a frame has RGB or depth"
    megapixels = grid.shape[0] * grid.shape[1] / 1e6
    return min(MAX_DURATION_S, round(MARGIN * (START_S + S_PER_MEGAPIXEL * megapixels)))


class ZeroGPUPredictor:
    """A predictor whose network runs in the process that has the GPU; only NumPy arrays go there and come back.

    Args:
        predictor: on CUDA, which ZeroGPU emulates until the function runs.
        gpu: the decorator, `spaces.GPU`.

    Attributes:
        checkpoint: the predictor's.
    """

    def __init__(self, predictor: Predictor, gpu: Callable[..., Callable[[_Run], _Run]]) -> None:
        self.checkpoint = predictor.checkpoint

        @gpu(duration=seconds_for)
        def run(
            rgb: np.ndarray | None, depth: np.ndarray | None, modality: Modality
        ) -> tuple[PixelScores, float, Provenance]:
            got = predictor(Frame(rgb=rgb, depth=depth), modality)
            return PixelScores(got.classes, got.probabilities, got.entropy), got.latency_ms, got.provenance

        self._run = run

    @property
    def usual_batch(self) -> int:
        """How many frames to give to `labels` at once: the GPU is asked for frame by frame."""
        return 1

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> np.ndarray:
        """Labels of frames of one size, uint8 (B, H, W); errors as of a call."""
        return np.stack([self(frame, modality).label for frame in frames])

    def __call__(self, frame: Frame, modality: Modality = "rgbd") -> Prediction:
        """Segment a frame on a GPU of the pool.

        Raises:
            InputError: the modality asked for is not in the frame.
            gr.Error: no GPU is to be had, or the visitor's quota is used up.
        """
        modality = usable_modality(frame, modality)  # here, since the other process can only say that it failed
        try:
            answer = self._run(frame.rgb, frame.depth, modality)
        except Exception as error:  # of the scheduler, of the network to it, of the worker: all mean no answer
            log.warning("no GPU for %s: %s", frame.name, error)
            if isinstance(error, gr.Error):
                raise  # it says what the visitor can do, with a link to log in
            raise gr.Error(
                f"No GPU is to be had just now ({html.escape(type(error).__name__)}). Try again in a minute.",
                print_exception=False,
            ) from error
        return Prediction.of(*answer)
