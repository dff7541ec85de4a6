"""Input size, flips and scales of the network's views of a frame, and the average over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.postprocessing import OutputSpec, PixelScores, frame_labels, resize_logits, to_frame_size
from deresunet.inference.prediction import TOP_K, Prediction, Provenance, SegmentationPredictor
from deresunet.inference.preprocessing import Modality, RawBatch, raw_batch, usable_modality
from deresunet.inference.smoothing import HeadMode
from deresunet.model.checkpoint import Checkpoint

if TYPE_CHECKING:
    from deresunet.inference.predictor import Predictor

# The input of ESANet's protocol on SUN RGB-D and NYU Depth v2, whatever a frame's own aspect ratio.
SUNRGBD_SIZE = (480, 640)


@dataclass(frozen=True)
class Inference:
    """Input size and views of a frame on its way through the network.

    Attributes:
        size: height and width of the network's input; None follows the frame's aspect ratio, as the predictor does.
        flip: whether the mirrored frame is averaged in.
        scales: factors on the input's size; the results of all of them are averaged.

    Raises:
        InputError: a scale is not one of 0.25 to 4, or there is none.
    """

    size: tuple[int, int] | None = None
    flip: bool = False
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.scales or not all(0.25 <= scale <= 4.0 for scale in self.scales):  # NaN is neither
            raise InputError(f"scales are {self.scales}; expected one or more of 0.25 to 4.")

    @property
    def plain(self) -> bool:
        """True if the frame is run as a predictor runs it by itself."""
        return self == Inference()

    @property
    def augmented(self) -> bool:
        """True if several views of each frame are averaged, or one of another scale is taken."""
        return self.flip or self.scales != (1.0,)

    def describe(self, preprocessing: Preprocessing, head: HeadMode = "raw") -> str:
        """Describe for people how a frame is run.

        Args:
            preprocessing: the checkpoint's, which says the input size where `size` is None.
            head: how the head's scores are taken; see `Predictor`.
        """
        if self.size is not None:
            size = f"input {self.size[0]}x{self.size[1]}"
        else:
            rows, columns = preprocessing.network_size(480, 640)
            size = (
                f"about {preprocessing.network_pixels:,} network pixels at the frame's aspect ratio "
                f"({rows}x{columns} for 4:3)"
            )
        smooth = ", sub-pixel scores averaged over each cell and interpolated bilinearly" if head == "smooth" else ""
        if not self.augmented:
            return f"single scale, {size}{smooth}"
        scales = ", ".join(f"{scale:g}" for scale in self.scales)
        flip = " and their mirror images" if self.flip else ""
        return f"test-time augmentation: mean probabilities of scales {scales}{flip}, {size} at scale 1{smooth}"


def parse_tta(written: str | None, size: tuple[int, int] | None = None) -> Inference:
    """Read the inference that `--tta` asks for: "flip", "scales=0.75,1,1.25", or both with a comma between.

    Raises:
        InputError: it asks for something else.
    """
    flip, scales = False, [1.0]
    given: list[float] | None = None
    for part in (written or "").replace(" ", "").split(","):
        key, _, value = part.partition("=")
        if part == "flip":
            flip, given = True, None
        elif key == "scales" and value:
            given = scales = []
            _add_scale(given, value, written)
        elif given is not None and part:
            _add_scale(given, part, written)
        elif part:
            raise InputError(f"--tta is {written!r}; expected flip, scales=0.75,1,1.25, or flip,scales=0.75,1,1.25.")
    return Inference(size, flip, tuple(scales))


class TTAPredictor:
    """Run the frames of a predictor as an `Inference` says; see `SegmentationPredictor`.

    Args:
        predictor: the network with its weights.
        inference: input size, flips and scales.
    """

    def __init__(self, predictor: Predictor, inference: Inference) -> None:
        self.predictor = predictor
        self.inference = inference

    def __call__(self, frame: Frame, modality: Modality = "rgbd") -> Prediction:
        """Segment a frame.

        Raises:
            InputError: the modality asked for is not in the frame.
        """
        if self.inference.plain:
            return self.predictor(frame, modality)
        modality = usable_modality(frame, modality)
        start = time.perf_counter()
        if self.inference.augmented:
            scores = to_frame_size(self._mean_logits(frame, modality), frame.size, TOP_K)
        else:
            outputs = self.predictor.tensors(self._batch([frame], modality), OutputSpec(frame.size, TOP_K))
            scores = PixelScores(*(kept[0].cpu().numpy() for kept in outputs))
        latency_ms = 1000.0 * (time.perf_counter() - start)
        return Prediction.of(scores, latency_ms, self.provenance(modality))

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> list[np.ndarray]:
        """Labels alone, uint8 (H, W) in 1..37, of frames of one `network_size`.

        Raises:
            InputError: the modality asked for is not in one of the frames.
        """
        if self.inference.plain:
            return self.predictor.labels(frames, modality)
        if self.inference.augmented:
            given = [usable_modality(frame, modality) for frame in frames]
            logits = [self._mean_logits(frame, one) for frame, one in zip(frames, given, strict=True)]
            pairs = zip(logits, frames, strict=True)
            return [frame_labels(one, frame.size)[0].cpu().numpy() for one, frame in pairs]
        return labels_of_batch(self.predictor.tensors, self._batch(frames, modality), [frame.size for frame in frames])

    @property
    def checkpoint(self) -> Checkpoint:
        """Description of the weights, without the tensors."""
        return self.predictor.checkpoint

    @property
    def usual_batch(self) -> int:
        """Number of frames to give to `labels` at once; flips and scales are many already."""
        return 1 if self.inference.augmented else self.predictor.usual_batch

    @property
    def protocol(self) -> str:
        """Description, for people, of how a frame is run."""
        return self.inference.describe(self.checkpoint.preprocessing, self.predictor.head)

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the network's input at scale 1 for a frame of `height` x `width`."""
        return self.inference.size or self.predictor.network_size(height, width)

    def provenance(self, modality: Modality = "rgbd") -> Provenance:
        """Origin that a prediction states; input size, flips and scales are in `protocol`."""
        return self.predictor.provenance(modality)

    def with_inference(self, inference: Inference) -> SegmentationPredictor:
        """Run the same weights with another input size, flips or scales."""
        return self.predictor.with_inference(inference)

    def _batch(self, frames: Sequence[Frame], modality: Modality) -> RawBatch:
        size = self.network_size(*frames[0].size)
        return raw_batch(frames, self.checkpoint.preprocessing, modality, self.predictor.device, size)

    def _mean_logits(self, frame: Frame, modality: Modality) -> Tensor:
        """Logarithms (1, classes, h, w) of the mean probabilities of all views, at the size of scale 1."""
        preprocessing = self.checkpoint.preprocessing
        base = self.network_size(*frame.size)
        cell = preprocessing.multiple_of
        probabilities: list[Tensor] = []
        for scale in self.inference.scales:
            height, width = (max(1, round(side * scale / cell)) * cell for side in base)
            batch = raw_batch([frame], preprocessing, modality, self.predictor.device, (height, width))
            probabilities.append(self._probabilities(batch, base))
            if self.inference.flip:
                probabilities.append(self._probabilities(batch.mirrored(), base).flip(-1))
        mean = torch.stack(probabilities).mean(0)
        return torch.log(mean.clamp_min_(1e-12))

    def _probabilities(self, batch: RawBatch, size: tuple[int, int]) -> Tensor:
        (logits,) = self.predictor.tensors(batch, OutputSpec())
        return resize_logits(logits, size).softmax(1)


def labels_of_batch(
    run: Callable[[RawBatch, OutputSpec], tuple[Tensor, ...]], batch: RawBatch, sizes: Sequence[tuple[int, int]]
) -> list[np.ndarray]:
    """Run a batch of frames that may differ in size; return the labels of each, uint8 (H, W) in 1..classes.

    Args:
        run: such as `Predictor.tensors`.
        batch: the frames at one network size.
        sizes: height and width of each frame.
    """
    if len(set(sizes)) == 1:
        (labels,) = run(batch, OutputSpec(sizes[0]))
        return list(labels.cpu().numpy())
    (logits,) = run(batch, OutputSpec())
    return [frame_labels(one[None], size)[0].cpu().numpy() for one, size in zip(logits, sizes, strict=True)]


def _add_scale(scales: list[float], value: str, written: str | None) -> None:
    try:
        scales.append(float(value))
    except ValueError as error:
        raise InputError(
            f"--tta is {written!r}: {value!r} is no scale. Expected such as scales=0.75,1,1.25."
        ) from error
