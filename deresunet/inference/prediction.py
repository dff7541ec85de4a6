"""Result of segmenting a frame, and where it came from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from deresunet.classes import SUNRGBD37, ClassSet, LabelMap
from deresunet.config import Preprocessing
from deresunet.inference.postprocessing import PixelScores
from deresunet.inference.smoothing import HeadMode

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
        label: uint8 (H, W), 1..N of `class_set`.
        confidence: float32 (H, W): probability of `label`, 0..1.
        classes: uint8 (K, H, W): the K = min(5, N) most probable classes, most probable first.
        probabilities: float32 (K, H, W): their probabilities, 0..1.
        entropy: float32 (H, W), 0..1: Shannon's entropy over all classes, as a share of its maximum.
        latency_ms: time from frame to label [ms], preprocessing and postprocessing included.
        provenance: weights, preprocessing, device and precision.
        class_set: the network's N classes.
    """

    label: np.ndarray
    confidence: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray
    entropy: np.ndarray
    latency_ms: float
    provenance: Provenance
    class_set: ClassSet = SUNRGBD37

    @classmethod
    def of(
        cls, scores: PixelScores, latency_ms: float, provenance: Provenance, class_set: ClassSet = SUNRGBD37
    ) -> Prediction:
        """Build the prediction of a frame from its `PixelScores`."""
        best, confidence = scores.labels[0], scores.probabilities[0]
        kept = (scores.labels, scores.probabilities, scores.entropy)
        return cls(best, confidence, *kept, latency_ms, provenance, class_set)

    def brought_by(self, way: LabelMap) -> Prediction:
        """The prediction in another class set; classes that become one have their probabilities added.

        Args:
            way: from `class_set`.
        """
        if way.identity:
            return self if self.class_set == way.target else replace(self, class_set=way.target)
        classes, probabilities = way.table[self.classes], self.probabilities.copy()
        for later in range(1, len(classes)):
            for earlier in range(later):
                same = (classes[later] == classes[earlier]) & (classes[later] > 0)
                probabilities[earlier][same] += probabilities[later][same]
                probabilities[later][same], classes[later][same] = 0.0, 0
        return replace(
            self,
            label=way.table[self.label],
            confidence=probabilities[0],
            classes=classes,
            probabilities=probabilities,
            class_set=way.target,
        )
