"""Frame -> Prediction: one object that owns device, precision, preprocessing and the way back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.backends import choose_backend, first_run_is_slow, lent_gpu
from deresunet.inference.preprocessing import Modality, OutputSpec, PixelScores, RawBatch, raw_batch, usable_modality
from deresunet.model import registry
from deresunet.model.checkpoint import Checkpoint, load_checkpoint
from deresunet.model.hub import bundled_or_fetched

TOP_K = 5
# Frames at once where nobody waits for one of them: a GPU is busy with few of them only for the first few layers.
_BATCH = 16
# Height and width of the frames that a backend is prepared for, as Kinect-like cameras give them.
_USUAL_SIZE = (480, 640)


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
        precision: arithmetic of the network: float32, bfloat16 or float16.
        modality: what the network was given: rgbd, rgb or depth.
        torch: version of PyTorch.
        backend: how the network was run, a name of `deresunet.inference.backends.BACKENDS`.
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

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Prediction:
    """What the network says of a frame, at the frame's own resolution (H, W).

    Attributes:
        label: uint8 (H, W), 1..37.
        confidence: float32 (H, W): probability of `label`, 0..1.
        classes: uint8 (5, H, W): the five most probable classes, most probable first.
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
        """The prediction that `deresunet.inference.preprocessing.frame_scores` gives."""
        best, confidence = scores.labels[0], scores.probabilities[0]
        return cls(best, confidence, scores.labels, scores.probabilities, scores.entropy, latency_ms, provenance)


class Predictor:
    """Segments frames with one set of weights. Calls from several threads take turns.

    Args:
        checkpoint: weights and their description.
        device: "cuda", "cuda:1", "mps", "cpu" or "auto" (CUDA when there, else MPS, else CPU).
        backend: "auto" takes the fastest that keeps the labels and runs on this machine; "eager" is PyTorch's eager
            mode in float32. Also any other name of `deresunet.inference.backends.BACKENDS`.

    Attributes:
        checkpoint: the same, without the tensors.
        device: where the network runs.
        backend: how it runs, a name of `deresunet.inference.backends.BACKENDS`.
        precision: its arithmetic: "float32", "bfloat16" or "float16".

    Raises:
        InputError: the device or the backend is unknown or not there, or the weights do not fit their network.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "auto", backend: str = "auto") -> None:
        if checkpoint.config.num_classes != len(checkpoint.classes):
            raise InputError(
                f"{checkpoint.name} has {checkpoint.config.num_classes} outputs and {len(checkpoint.classes)} class "
                "names. Expected the 37 classes of SUN RGB-D."
            )
        self.device = resolve_device(device)
        model = checkpoint.build().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._backend = choose_backend(backend, model, self.device, checkpoint.preprocessing.network_size(*_USUAL_SIZE))
        self.backend, self.precision = self._backend.name, self._backend.precision
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
        outputs = OutputSpec(self.checkpoint.preprocessing, frame.size, TOP_K)
        scores = PixelScores(*(kept[0].cpu().numpy() for kept in self._run([frame], modality, outputs)))
        latency_ms = 1000.0 * (time.perf_counter() - start)
        return Prediction.of(scores, latency_ms, self.provenance(modality))

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> np.ndarray:
        """The most probable class of each pixel of frames of one size, and nothing else: uint8 (B, H, W), 1..37.

        Raises:
            InputError: the modality asked for is not in one of the frames.
            ValueError: the frames are of several sizes, or there is none.
        """
        if len({frame.size for frame in frames}) != 1:
            raise ValueError(f"frames are of sizes {sorted({frame.size for frame in frames})}; expected one")
        outputs = OutputSpec(self.checkpoint.preprocessing, frames[0].size)
        return self._run(frames, modality, outputs)[0].cpu().numpy()

    def tensors(self, batch: RawBatch, outputs: OutputSpec) -> tuple[Tensor, ...]:
        """The same without leaving `device`: what `outputs` want of a batch that is there.

        Args:
            batch: at a size that the network takes.
            outputs: such as `OutputSpec(preprocessing, (h, w))` for labels, uint8 (B, h, w).
        """
        with self._lock, torch.inference_mode():
            return self._backend.run(batch, outputs)

    def logits(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """The network's output (B, 37, h, w) on `device` for inputs as `to_tensors` makes them."""
        # inference_mode belongs to the calling thread, so it is entered on each call.
        with self._lock, torch.inference_mode():
            rgb = rgb.to(self.device, memory_format=torch.channels_last, non_blocking=True)
            depth = depth.to(self.device, memory_format=torch.channels_last, non_blocking=True)
            return self._backend.logits(rgb, depth)

    def warm_up(self, size: tuple[int, int] = _USUAL_SIZE, frames: int = 1, labels: bool = False) -> None:
        """Pay now what the first frame would pay: kernels chosen and compiled, graphs recorded, memory taken.

        On a CPU nothing is done, save for what `torch.compile` runs there: the first frame takes about as long as any
        other (340 ms against 300), and warming up would take longer than it saves. Nor is anything done on ZeroGPU,
        where no GPU is there before a request.

        Args:
            size: height and width of the frames to expect.
            frames: how many at once.
            labels: whether for `labels` instead of a call.
        """
        if lent_gpu() or not first_run_is_slow(self.backend, self.device):
            return
        blank = Frame(rgb=np.zeros((*size, 3), np.uint8), depth=np.ones(size, np.float32), name="warm-up")
        outputs = OutputSpec(self.checkpoint.preprocessing, size, 0 if labels else TOP_K)
        with self._lock, torch.inference_mode():
            batch = raw_batch([blank] * frames, self.checkpoint.preprocessing, "rgbd", self.device)
            self._backend.prepare(batch, outputs)

    def _run(self, frames: Sequence[Frame], modality: Modality, outputs: OutputSpec) -> tuple[Tensor, ...]:
        return self.tensors(raw_batch(frames, self.checkpoint.preprocessing, modality, self.device), outputs)

    @property
    def usual_batch(self) -> int:
        """How many frames to give to `labels` at once; a CPU is busy with one."""
        return _BATCH if self.device.type == "cuda" and not lent_gpu() else 1

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
            backend=self.backend,
        )


def load(checkpoint: str | os.PathLike[str] | None = None, device: str = "auto", backend: str = "auto") -> Predictor:
    """A predictor with the weights of a file, of a registered model, or the bundled ones.

    Args:
        checkpoint: path of a `.safetensors` or `.ckpt` file, a name of `model_names()`, or None for the default.
        device: see `Predictor`.
        backend: see `Predictor`.

    Raises:
        InputError: the file, the device or the backend cannot be used, the named model comes without weights, or they
            are on the hub and cannot be had.
    """
    return Predictor(read_weights(checkpoint), device, backend)


def read_weights(checkpoint: str | os.PathLike[str] | None = None) -> Checkpoint:
    """The weights of a file, of a registered model, or the bundled ones.

    Raises:
        InputError: the file cannot be used, the named model comes without weights, or they are on the hub and cannot be
            had.
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
    return load_checkpoint(name)


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
