"""Input size, flips and scales of the network's views of a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deresunet.config import Preprocessing
from deresunet.errors import InputError
from deresunet.inference.postprocessing import PixelScores, resize_logits
from deresunet.inference.prediction import Provenance
from deresunet.inference.preprocessing import Modality
from deresunet.inference.smoothing import HeadMode

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
        """Describe how a frame is run.

        Args:
            preprocessing: the checkpoint's, which says the input size where `size` is None.
            head: how the head's scores are taken; see `Predictor`.
        """
        fixed = preprocessing.size or self.size
        if fixed is not None:
            size = f"input {fixed[0]}x{fixed[1]}{', the only one that the network takes' if preprocessing.size else ''}"
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


# RGB uint8 (H, W, 3) and depth float32 (H, W) [m] of a frame, None where it has none.
Images = tuple[np.ndarray | None, np.ndarray | None]
# Images of frames of one network size, modality, input size and views, number of classes to keep (0: labels alone) ->
# scores or label of each frame, latency [ms], provenance. NumPy arrays alone: it may run in a process that is lent a
# GPU by a call.
Segment = Callable[
    [Sequence[Images], Modality, Inference, int], tuple[list[PixelScores] | list[np.ndarray], float, Provenance]
]


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


def mean_logits(
    logits: Callable[[tuple[int, int], bool], Tensor], inference: Inference, size: tuple[int, int], multiple_of: int
) -> Tensor:
    """Logarithms (1, classes, h, w) of the mean probabilities of all views of a frame, at the size of scale 1.

    Args:
        logits: gives the logits (1, classes, h, w) of the frame at an input size, mirrored or not.
        inference: the views.
        size: height and width of the network's input at scale 1.
        multiple_of: both sides of the network's input are multiples of this.
    """
    probabilities: list[Tensor] = []
    for scale in inference.scales:
        height, width = (max(1, round(side * scale / multiple_of)) * multiple_of for side in size)
        for mirrored in (False, True) if inference.flip else (False,):
            view = resize_logits(logits((height, width), mirrored), size).softmax(1)
            probabilities.append(view.flip(-1) if mirrored else view)
    mean = torch.stack(probabilities).mean(0)
    return torch.log(mean.clamp_min_(1e-12))


def _add_scale(scales: list[float], value: str, written: str | None) -> None:
    try:
        scales.append(float(value))
    except ValueError as error:
        raise InputError(
            f"--tta is {written!r}: {value!r} is no scale. Expected such as scales=0.75,1,1.25."
        ) from error
