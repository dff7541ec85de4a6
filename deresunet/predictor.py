"""Frame -> Prediction: one object that owns device, precision, preprocessing and the way back."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deresunet import registry
from deresunet.checkpoint import Checkpoint, load_checkpoint
from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.hub import bundled_or_fetched
from deresunet.preprocessing import Modality, PixelScores, to_frame_size, to_tensors, usable_modality

TOP_K = 5


@dataclass(frozen=True)
class Provenance:
    """Where a prediction came from.

    Attributes:
        weights: name of the checkpoint's file.
        sha256: its hash, in hex.
        architecture: registered name of the network, or "custom".
        preprocessing: how the frame was prepared.
        training: how the weights came about.
        device: where the network ran.
        precision: arithmetic of the network: float32 or float16.
        modality: what the network was given: rgbd, rgb or depth.
        torch: version of PyTorch.
        stored: whether the prediction was made before and only read now.
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
    stored: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Prediction:
    """What the network says of a frame, at the frame's own resolution (H, W).

    Attributes:
        label: uint8 (H, W), 1..37.
        confidence: float32 (H, W): probability of `label`, 0..1.
        classes: uint8 (5, H, W): the five most probable classes, most probable first; of a stored prediction the
            first alone, (1, H, W).
        probabilities: float32, of the same shape: their probabilities, 0..1.
        entropy: float32 (H, W), 0..1: how undecided the network is, as a share of the most it can be.
        latency_ms: time from frame to label [ms], preprocessing and the way back included.
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
        """The prediction that `deresunet.preprocessing.to_frame_size` gives."""
        best, confidence = scores.labels[0], scores.probabilities[0]
        return cls(best, confidence, scores.labels, scores.probabilities, scores.entropy, latency_ms, provenance)


class Predictor:
    """Segments frames with one set of weights. Calls from several threads take turns.

    Args:
        checkpoint: weights and their description.
        device: "cuda", "cuda:1", "mps", "cpu" or "auto" (CUDA when there, else MPS, else CPU).

    Attributes:
        checkpoint: the same, without the tensors.
        device: where the network runs.
        precision: "float16" on CUDA (autocast), "float32" elsewhere.

    Raises:
        InputError: the device is unknown or not there, or the weights do not fit their network.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "auto") -> None:
        if checkpoint.config.num_classes != len(checkpoint.classes):
            raise InputError(
                f"{checkpoint.name} has {checkpoint.config.num_classes} outputs and {len(checkpoint.classes)} class "
                "names. Expected the 37 classes of SUN RGB-D."
            )
        self.device = resolve_device(device)
        self.precision = "float16" if self.device.type == "cuda" else "float32"
        self._model = checkpoint.build().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.checkpoint = Checkpoint(**{**vars(checkpoint), "state": {}})
        self._lock = threading.Lock()

    def __call__(self, frame: Frame, modality: Modality = "rgbd") -> Prediction:
        """Segment a frame.

        Args:
            frame: any size from 32x32.
            modality: "rgbd" gives the network what the frame has; "rgb" and "depth" give it that alone.

        Raises:
            InputError: the modality asked for is not in the frame.
        """
        modality = usable_modality(frame, modality)
        start = time.perf_counter()
        rgb, depth = to_tensors(frame, self.checkpoint.preprocessing, modality)
        scores = to_frame_size(self.logits(rgb, depth), frame.size, TOP_K)
        latency_ms = 1000.0 * (time.perf_counter() - start)
        return Prediction.of(scores, latency_ms, self.provenance(modality))

    def logits(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """The network's output (B, 37, h, w) on `device` for inputs as `to_tensors` makes them."""
        # inference_mode and autocast belong to the calling thread, so both are entered on each call.
        with self._lock, torch.inference_mode():
            rgb = rgb.to(self.device, memory_format=torch.channels_last, non_blocking=True)
            depth = depth.to(self.device, memory_format=torch.channels_last, non_blocking=True)
            half = self.precision == "float16"
            with torch.autocast(self.device.type, dtype=torch.float16, enabled=half):
                result: Tensor = self._model(rgb, depth)
            return result

    def provenance(self, modality: Modality = "rgbd") -> Provenance:
        """What a prediction of this predictor says about its origin."""
        return Provenance(
            weights=self.checkpoint.name,
            sha256=self.checkpoint.sha256,
            architecture=registry.name_of(self.checkpoint.config),
            preprocessing=self.checkpoint.preprocessing,
            training=self.checkpoint.training,
            device=describe_device(self.device),
            precision=self.precision,
            modality=modality,
            torch=torch.__version__,
        )


def load(checkpoint: str | os.PathLike[str] | None = None, device: str = "auto") -> Predictor:
    """A predictor with the weights of a file, of a registered model, or the bundled ones.

    Args:
        checkpoint: path of a `.safetensors` or `.ckpt` file, a name of `model_names()`, or None for the default.
        device: see `Predictor`.

    Raises:
        InputError: the file or the device cannot be used, the named model comes without weights, or they are on the
            hub and cannot be had.
    """
    name = registry.DEFAULT_MODEL if checkpoint is None else os.fspath(checkpoint)
    if name in registry.model_names():
        bundled = registry.entry(name).checkpoint
        if bundled is None:
            raise InputError(f"{name} comes without trained weights. Train it, and give the path of its checkpoint.")
        name = os.fspath(bundled_or_fetched(bundled))
    elif not Path(name).suffix:
        raise InputError(
            f"{name} is neither a file of weights nor a model; models are {', '.join(registry.model_names())}."
        )
    return Predictor(load_checkpoint(name), device)


def resolve_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" takes CUDA when there, else MPS, else the CPU.

    Raises:
        InputError: there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"device {name!r} is not here; there are {', '.join(available_devices())}.") from error
    return device


def available_devices() -> list[str]:
    """Devices that `resolve_device` takes here, best first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def describe_device(device: torch.device) -> str:
    """A device's name for people: "cpu", "cuda (NVIDIA L4)"."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
