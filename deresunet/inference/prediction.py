"""Result of segmenting a frame, where it came from, and the interface of all that segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.inference.postprocessing import PixelScores
from deresunet.inference.preprocessing import Modality
from deresunet.inference.smoothing import HeadMode
from deresunet.model.checkpoint import Checkpoint

if TYPE_CHECKING:
    from deresunet.inference.tta import Inference

# Classes of a pixel that a prediction keeps.
TOP_K = 5


@dataclass(frozen=True)
class Provenance:
    """Origin of a prediction.

    Attributes:
        weights: name of the checkpoint's file.
        sha256: its hash, in hex.
        architecture: registered name of the network, or "custom".
        preprocessing: how the frame was prepared.
        training: how the weights came about.
        device: where the network ran.
        precision: arithmetic of the network: float32, bfloat16 or float16.
        modality: what the network was given: rgbd, rgb or depth.
        torch: version of PyTorch.
        backend: how the network was run, a name of `deresunet.inference.backends.BACKENDS`.
        head: "smooth" where the sub-pixel head's scores were averaged over each cell and interpolated bilinearly, "raw"
            where they were taken as they are.
    """

    weights: str
    sha256: str
    architecture: str
    preprocessing: Preprocessing
    training: str
    device: str
    precision: str
    modality: str
    torch: str
    backend: str = "eager"
    head: HeadMode = "raw"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Prediction:
    """Classes of a frame's pixels, at the frame's own resolution (H, W).

    Attributes:
        label: uint8 (H, W), 1..37.
        confidence: float32 (H, W): probability of `label`, 0..1.
        classes: uint8 (5, H, W): the five most probable classes, most probable first.
        probabilities: float32 (5, H, W): their probabilities, 0..1.
        entropy: float32 (H, W), 0..1: Shannon's entropy over all classes, as a share of its maximum.
        latency_ms: time from frame to label [ms], preprocessing and postprocessing included.
        provenance: weights, preprocessing, device and precision.
    """

    label: np.ndarray
    confidence: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray
    entropy: np.ndarray
    latency_ms: float
    provenance: Provenance

    @classmethod
    def of(cls, scores: PixelScores, latency_ms: float, provenance: Provenance) -> Prediction:
        """Build the prediction of a frame from its `PixelScores`."""
        best, confidence = scores.labels[0], scores.probabilities[0]
        return cls(best, confidence, scores.labels, scores.probabilities, scores.entropy, latency_ms, provenance)


@runtime_checkable
class SegmentationPredictor(Protocol):
    """Interface of all that segments frames: `Predictor`, test-time augmentation around one, ZeroGPU's."""

    @property
    def checkpoint(self) -> Checkpoint:
        """Description of the weights, without the tensors."""
        ...

    @property
    def usual_batch(self) -> int:
        """Number of frames to give to `labels` at once."""
        ...

    @property
    def protocol(self) -> str:
        """Description, for people, of how a frame is run: input size, views that are averaged, head."""
        ...

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the network's input for a frame of `height` x `width`."""
        ...

    def __call__(self, frame: Frame, modality: Modality = "rgbd") -> Prediction:
        """Segment a frame; an `InputError` if it does not have the modality."""
        ...

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> list[np.ndarray]:
        """Labels alone, uint8 (H, W) each, of frames of one network size; an `InputError` likewise."""
        ...

    def provenance(self, modality: Modality = "rgbd") -> Provenance:
        """Weights, preprocessing, device and precision."""
        ...

    def with_inference(self, inference: Inference) -> SegmentationPredictor:
        """Return a predictor of these weights that runs another input size, flips or scales."""
        ...
