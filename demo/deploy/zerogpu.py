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

from deresunet.errors import InputError
from deresunet.inference.postprocessing import PixelScores
from deresunet.inference.prediction import Provenance
from deresunet.inference.predictor import Predictor
from deresunet.inference.preprocessing import Modality
from deresunet.inference.tta import Images, Inference, Segment

log = logging.getLogger(__name__)
_PLAIN = Inference()

HERE = spaces is not None

# Elsewhere one frame at a time has the network to itself; here each run waits for a GPU of its own, and one visitor who
# waits must not keep the others waiting.
CONCURRENCY = 8 if HERE else 1
# What is asked for bounds a call; what it takes is charged. A worker that starts takes the weights to the GPU first,
# for which 4.1 s have been reported. Short requests are served first, and refused last where little quota is left.
START_S = 5.0
S_PER_MEGAPIXEL = 0.75  # three times what a frame needs
MIN_DURATION_S = 10
MAX_DURATION_S = 60
_ABORTED = "GPU task aborted"


def predictor_for(predictor: Predictor) -> Predictor:
    """Wrap a predictor for ZeroGPU, to run with a GPU of the pool; elsewhere return it as it is."""
    return lend(predictor, spaces.GPU) if HERE else predictor


def check_weights(uploads: bool) -> None:
    """Refuse visitors' weights on ZeroGPU, where the GPU gets those alone that were there at the start.

    Raises:
        InputError: `uploads` are asked for, on ZeroGPU.
    """
    if HERE and uploads:
        raise InputError(
            "on ZeroGPU the page has the networks that it starts with. Leave out --allow-checkpoint-upload; other "
            "hardware takes it."
        )


def seconds_for(images: Sequence[Images], modality: Modality, inference: Inference = _PLAIN, top_k: int = 1) -> int:
    """Time [s] that the GPU is asked for, to segment these frames; it takes what the decorated function takes."""
    sizes = [next(one for one in pair if one is not None).shape[:2] for pair in images]
    pixels = sum(height * width for height, width in sizes)
    views = (1 + inference.flip) * sum(scale**2 for scale in inference.scales)
    wanted = round(START_S + S_PER_MEGAPIXEL * pixels / 1e6 * max(1.0, views))
    return max(MIN_DURATION_S, min(MAX_DURATION_S, wanted))


def lend(predictor: Predictor, gpu: Callable[..., Callable[[Segment], Segment]]) -> Predictor:
    """Run a predictor in the process that has the GPU; only NumPy arrays go there and come back.

    Frames raise a `gr.Error` where no GPU is to be had, or the visitor's quota is used up.

    Args:
        predictor: on CUDA, which ZeroGPU emulates until the function runs.
        gpu: the decorator, `spaces.GPU`.
    """

    def wrap(segment: Segment) -> Segment:
        decorated = gpu(duration=seconds_for)(segment)

        def run(
            images: Sequence[Images], modality: Modality, inference: Inference, top_k: int
        ) -> tuple[list[PixelScores] | list[np.ndarray], float, Provenance]:
            for again in (True, False):
                try:
                    return decorated(images, modality, inference, top_k)
                except Exception as error:  # of the scheduler, of the network to it, of the worker: all mean no answer
                    log.warning("no GPU for %d frames: %s", len(images), error)
                    if not isinstance(error, gr.Error):
                        kind = html.escape(type(error).__name__)
                        words = f"No GPU is to be had just now ({kind}). Try again in a minute."
                        raise gr.Error(words, print_exception=False) from error
                    if not (again and _ABORTED in str(error.message)):  # a worker that ended is started anew, once
                        raise  # it says what the visitor can do, with a link to log in
            raise AssertionError

        return run

    return predictor.run_by(wrap)
