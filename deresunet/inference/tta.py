"""How the network is run over a frame for evaluation: input size, and averaging over flips and scales."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.predictor import TOP_K, Prediction, Predictor, Provenance
from deresunet.inference.preprocessing import Modality, frame_labels, to_frame_size, to_tensors, usable_modality

# The input of ESANet's protocol on SUN RGB-D and NYU Depth v2, whatever a frame's own aspect ratio.
SUNRGBD_SIZE = (480, 640)


@dataclass(frozen=True)
class Inference:
    """What is done to a frame on its way through the network.

    Attributes:
        size: height and width of the network's input; None follows the frame's aspect ratio, as the predictor does.
        flip: whether the mirrored frame is averaged in.
        scales: factors on the input's size; the results of all of them are averaged.

    Raises:
        InputError: a scale is not positive, or there is none.
    """

    size: tuple[int, int] | None = None
    flip: bool = False
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.scales or min(self.scales) < 0.25 or max(self.scales) > 4.0:
            raise InputError(f"scales are {self.scales}; expected one or more of 0.25 to 4.")

    @property
    def plain(self) -> bool:
        """Whether this is just what a predictor does by itself."""
        return self == Inference()

    @property
    def augmented(self) -> bool:
        """Whether more than one view of each frame is averaged, or one of another scale is taken."""
        return self.flip or self.scales != (1.0,)

    def __str__(self) -> str:
        size = "about 307,200 network pixels at the frame's aspect ratio (480x640 for 4:3)"
        if self.size is not None:
            size = f"input {self.size[0]}x{self.size[1]}"
        if not self.augmented:
            return f"single scale, {size}"
        scales = ", ".join(f"{scale:g}" for scale in self.scales)
        flip = " and their mirror images" if self.flip else ""
        return f"test-time augmentation: mean probabilities of scales {scales}{flip}, {size} at scale 1"


def parse_tta(written: str | None, size: tuple[int, int] | None = None) -> Inference:
    """The inference that `--tta` asks for: "flip", "scales=0.75,1,1.25", or both with a comma between.

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


@dataclass(frozen=True)
class _FixedSize(Preprocessing):
    """Preprocessing to one size, whatever the frame's."""

    size: tuple[int, int] = SUNRGBD_SIZE

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        return self.size


class TTAPredictor:
    """A predictor that runs frames as an `Inference` says.

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
        scores = to_frame_size(self._logits(frame, modality), frame.size, TOP_K)
        latency_ms = 1000.0 * (time.perf_counter() - start)
        return Prediction.of(scores, latency_ms, self.provenance(modality))

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> np.ndarray:
        """Labels of frames of one size, uint8 (B, H, W), 1..37.

        Raises:
            InputError: the modality asked for is not in one of the frames.
        """
        if self.inference.plain:
            return self.predictor.labels(frames, modality)
        given = [usable_modality(frame, modality) for frame in frames]
        logits = [self._logits(frame, one) for frame, one in zip(frames, given, strict=True)]
        return torch.cat([frame_labels(one, frames[0].size) for one in logits]).cpu().numpy()

    @property
    def usual_batch(self) -> int:
        """How many frames to give to `labels` at once; flips and scales are many already."""
        return self.predictor.usual_batch if self.inference.plain else 1

    def provenance(self, modality: Modality = "rgbd") -> Provenance:
        """What a prediction says about its origin; flips and scales are in the evaluation's protocol."""
        return self.predictor.provenance(modality)

    def _logits(self, frame: Frame, modality: Modality) -> Tensor:
        """Logits (1, classes, h, w) of one view; of several, logarithms of their mean probabilities at scale 1."""
        preprocessing = self.predictor.checkpoint.preprocessing
        base = self.inference.size or preprocessing.network_size(*frame.size)
        cell = preprocessing.multiple_of
        views: list[Tensor] = []
        total: Tensor | None = None
        for scale in self.inference.scales:
            height, width = (max(1, round(side * scale / cell)) * cell for side in base)
            sized = _FixedSize(**asdict(preprocessing), size=(height, width))
            rgb, depth = to_tensors(frame, sized, modality)
            views = [self.predictor.logits(rgb, depth)]
            if self.inference.flip:
                views.append(self.predictor.logits(rgb.flip(-1), depth.flip(-1)).flip(-1))
            if not self.inference.flip and len(self.inference.scales) == 1:
                return views[0]
            for view in views:
                wide = F.interpolate(view.float(), base, mode="bilinear", align_corners=False)
                probabilities = wide.softmax(1)
                total = probabilities if total is None else total.add_(probabilities)
        assert total is not None
        return torch.log(total.div_(len(self.inference.scales) * len(views)).clamp_min_(1e-12))


def _add_scale(scales: list[float], value: str, written: str | None) -> None:
    try:
        scales.append(float(value))
    except ValueError as error:
        raise InputError(
            f"--tta is {written!r}: {value!r} is no scale. Expected such as scales=0.75,1,1.25."
        ) from error
