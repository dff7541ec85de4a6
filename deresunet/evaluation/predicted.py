"""Frames of a pass with their predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deresunet.data.frame import Frame
from deresunet.data.passes import Pass
from deresunet.errors import InputError
from deresunet.inference.batching import batched_by_size
from deresunet.inference.prediction import Prediction
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality


def predicted_frames(
    predictor: SegmentationPredictor, frames: Pass[Frame], modality: Modality, top_k: int, batch: int | None = None
) -> Iterator[tuple[str, Frame, Prediction | InputError | None]]:
    """Segment the frames of a pass that have ground truth, several at once where that is faster.

    Args:
        predictor: the network with its weights, or stored predictions.
        frames: the pass; who iterates counts what is done and lists what failed.
        modality: "rgbd", "rgb" or "depth".
        top_k: how many classes of a pixel to keep.
        batch: number of frames of one network size to segment at once; None takes the predictor's `usual_batch`.

    Yields:
        Name, frame, and its prediction in the network's classes: None without ground truth, the error where there is
        none. Frames of one size come in order.
    """
    unlabelled: list[tuple[str, Frame]] = []

    def labelled() -> Iterator[tuple[str, Frame]]:
        for name, frame in frames:
            if frame.label is None:
                unlabelled.append((name, frame))
            else:
                yield name, frame

    batch = predictor.usual_batch if batch is None else batch
    for group in batched_by_size(labelled(), batch, predictor.network_size):
        found = _predictions(predictor, [frame for _, frame in group], modality, top_k)
        yield from ((*one, prediction) for one, prediction in zip(group, found, strict=True))
        while unlabelled:
            yield *unlabelled.pop(0), None
    yield from ((*one, None) for one in unlabelled)


def _predictions(
    predictor: SegmentationPredictor, frames: Sequence[Frame], modality: Modality, top_k: int
) -> list[Prediction | InputError]:
    """Predictions of frames, and the errors of those alone that have none."""
    try:
        return [*predictor.predictions(frames, modality, top_k)]
    except InputError as error:
        if len(frames) == 1:
            return [error]
        return [one for frame in frames for one in _predictions(predictor, [frame], modality, top_k)]
