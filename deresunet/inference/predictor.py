"""Frame -> Prediction: one object that owns device, precision, preprocessing and postprocessing."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deresunet.data.frame import Frame
from deresunet.data.frame_tally import warn_once
from deresunet.errors import InputError
from deresunet.inference.backends import choose_backend, first_run_is_slow
from deresunet.inference.devices import describe_device, lent_gpu, resolve_device
from deresunet.inference.postprocessing import OutputSpec, PixelScores, resize_logits
from deresunet.inference.prediction import TOP_K, Prediction, Provenance, SegmentationPredictor
from deresunet.inference.preprocessing import Modality, RawBatch, raw_batch, usable_modality
from deresunet.inference.smoothing import HeadMode, smooth_head
from deresunet.inference.tta import Inference, TTAPredictor, labels_of_batch
from deresunet.model import registry
from deresunet.model.checkpoint import Checkpoint, load_checkpoint
from deresunet.model.hub import bundled_or_fetched

# Frames at once where nobody waits for one of them: a GPU is busy with few of them only for the first few layers.
_BATCH = 16
# Height and width of the frames that a backend is prepared for, as Kinect-like cameras give them.
_USUAL_SIZE = (480, 640)


class Predictor:
    """Segment frames with one set of weights. Calls from several threads take turns.

    Args:
        checkpoint: weights and their description.
        device: "cuda", "cuda:1", "mps", "cpu" or "auto" (CUDA when there, else MPS, else CPU).
        backend: "auto" takes the fastest that keeps the labels and runs on this machine; "eager" is PyTorch's eager
            mode in float32. Also any other name of `deresunet.inference.backends.BACKENDS`.
        head: "smooth" averages a sub-pixel head's four scores of a cell and interpolates them bilinearly, which leaves
            no torn edges; "raw" takes the scores as they are. Other heads are always raw.

    Attributes:
        checkpoint: the description of the weights, without the tensors.
        device: where the network runs.
        backend: how it runs, a name of `deresunet.inference.backends.BACKENDS`.
        precision: its arithmetic: "float32", "bfloat16" or "float16".
        head: "smooth" or "raw".

    Raises:
        InputError: the device or the backend is unknown or not there, or the weights do not fit their network.

    >>> predictor = load(device="cpu")
    >>> frame = Frame(rgb=np.zeros((64, 96, 3), np.uint8), depth=np.ones((64, 96), np.float32))
    >>> prediction = predictor(frame)
    >>> prediction.label.shape, prediction.classes.shape
    ((64, 96), (5, 64, 96))
    """

    def __init__(
        self, checkpoint: Checkpoint, device: str = "auto", backend: str = "auto", head: HeadMode = "smooth"
    ) -> None:
        if checkpoint.config.num_classes != len(checkpoint.classes):
            raise InputError(
                f"{checkpoint.name} has {checkpoint.config.num_classes} outputs and {len(checkpoint.classes)} class "
                "names. Expected the 37 classes of SUN RGB-D."
            )
        self.device = resolve_device(device)
        model = checkpoint.build().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        network = smooth_head(model) if head == "smooth" else model
        self.head: HeadMode = "raw" if network is model else "smooth"
        self._backend = choose_backend(
            backend, network, self.device, checkpoint.preprocessing.network_size(*_USUAL_SIZE)
        )
        self.backend, self.precision = self._backend.name, self._backend.precision
        self.checkpoint = Checkpoint(**{**vars(checkpoint), "state": {}})
        self._lock = threading.Lock()
        self._warned: set[str] = set()

    def __call__(self, frame: Frame, modality: Modality = "rgbd") -> Prediction:
        """Segment a frame.

        Args:
            frame: any size from 32x32.
            modality: "rgbd" gives the network what the frame has; "rgb" and "depth" give it that alone.

        What looks wrong about the frame is warned of as a `FrameWarning`, once a kind.

        Raises:
            InputError: the modality asked for is not in the frame.
        """
        modality = usable_modality(frame, modality)
        if modality != "rgb":
            warn_once(frame, self._warned)
        start = time.perf_counter()
        outputs = self.tensors(self._batch([frame], modality), OutputSpec(frame.size, TOP_K))
        scores = PixelScores(*(kept[0].cpu().numpy() for kept in outputs))
        latency_ms = 1000.0 * (time.perf_counter() - start)
        return Prediction.of(scores, latency_ms, self.provenance(modality))

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> list[np.ndarray]:
        """Most probable class of each pixel, and nothing else: uint8 (H, W), 1..37, of each frame.

        Raises:
            InputError: the modality asked for is not in one of the frames.
            ValueError: the frames are of several `network_size`s, or there is none.
        """
        sizes = {self.network_size(*frame.size) for frame in frames}
        if len(sizes) != 1:
            raise ValueError(f"frames are of network sizes {sorted(sizes)}; expected one")
        return labels_of_batch(self.tensors, self._batch(frames, modality), [frame.size for frame in frames])

    def tensors(self, batch: RawBatch, outputs: OutputSpec) -> tuple[Tensor, ...]:
        """Run the network on a batch that is already on `device`; return what `outputs` names as tensors there.

        Logits come at the head's own resolution: that of the input, or half of it where `head` is "smooth".

        Args:
            batch: at a size that the network takes.
            outputs: such as `OutputSpec((h, w))` for labels, uint8 (B, h, w).
        """
        # inference_mode belongs to the calling thread, so it is entered on each call.
        with self._lock, torch.inference_mode():
            return self._backend.run(batch, self.checkpoint.preprocessing, outputs)

    def logits(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Logits (B, 37, h, w) on `device`, for inputs (B, 3, h, w) and (B, 1, h, w) as `to_tensors` makes them."""
        with self._lock, torch.inference_mode():
            rgb = rgb.to(self.device, memory_format=torch.channels_last, non_blocking=True)
            depth = depth.to(self.device, memory_format=torch.channels_last, non_blocking=True)
            logits = self._backend.logits(rgb, depth)
            height, width = rgb.shape[-2:]
            return resize_logits(logits, (height, width)) if self.head == "smooth" else logits

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
        with self._lock, torch.inference_mode():
            batch = self._batch([blank] * frames, "rgbd")
            self._backend.prepare(batch, self.checkpoint.preprocessing, OutputSpec(size, 0 if labels else TOP_K))

    def _batch(self, frames: Sequence[Frame], modality: Modality) -> RawBatch:
        return raw_batch(frames, self.checkpoint.preprocessing, modality, self.device)

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the network's input for a frame of `height` x `width`."""
        return self.checkpoint.preprocessing.network_size(height, width)

    @property
    def usual_batch(self) -> int:
        """Number of frames to give to `labels` at once; a CPU is busy with one."""
        return _BATCH if self.device.type == "cuda" and not lent_gpu() else 1

    @property
    def protocol(self) -> str:
        """Description, for people, of how a frame is run."""
        return Inference().describe(self.checkpoint.preprocessing, self.head)

    def provenance(self, modality: Modality = "rgbd") -> Provenance:
        """Origin that a prediction of this predictor states."""
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
            head=self.head,
        )

    def with_inference(self, inference: Inference) -> SegmentationPredictor:
        """Run these weights with another input size, or averaged over flips and scales."""
        return self if inference.plain else TTAPredictor(self, inference)


def load(
    checkpoint: str | os.PathLike[str] | None = None,
    device: str = "auto",
    backend: str = "auto",
    head: HeadMode = "smooth",
) -> Predictor:
    """Load a predictor with the weights of a file, of a registered model, or the bundled ones.

    Args:
        checkpoint: path of a `.safetensors` or `.ckpt` file, a name of `model_names()`, or None for the default.
        device: see `Predictor`.
        backend: see `Predictor`.
        head: see `Predictor`.

    Raises:
        InputError: the file, the device or the backend cannot be used, the named model comes without weights, or they
            are on the hub and cannot be had.

    >>> load(device="cpu", backend="eager").provenance().backend
    'eager'
    """
    return Predictor(read_weights(checkpoint), device, backend, head)


def read_weights(checkpoint: str | os.PathLike[str] | None = None) -> Checkpoint:
    """Read the weights of a file, of a registered model, or the bundled ones.

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
