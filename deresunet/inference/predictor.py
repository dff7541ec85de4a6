"""Frame -> Prediction: one object that owns preprocessing, views of a frame, postprocessing and latency."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deresunet.classes import ClassSet
from deresunet.data.frame import Frame, turn
from deresunet.data.frame_tally import warn_once
from deresunet.inference.backends import first_run_is_slow
from deresunet.inference.devices import describe_device, lent_gpu
from deresunet.inference.network import USUAL_SIZE, Network
from deresunet.inference.network_file import open_network
from deresunet.inference.postprocessing import OutputSpec, PixelScores, at_frame_sizes, resize_logits
from deresunet.inference.prediction import TOP_K, Prediction, Provenance
from deresunet.inference.preprocessing import Modality, RawBatch, raw_batch
from deresunet.inference.smoothing import HeadMode
from deresunet.inference.stored_predictions import StoredPredictor
from deresunet.inference.tta import Images, Inference, Segment, mean_logits
from deresunet.model.checkpoint import Checkpoint

# Frames at once where nobody waits for one of them: a GPU is busy with few of them only for the first few layers.
_BATCH = 16


class Predictor:
    """Segment frames with a network. Calls from several threads take turns.

    Args:
        network: the network, or a future one that is still being loaded: whatever needs it waits, and gets the error
            if loading fails.
        inference: input size, flips and scales of the network's views of a frame.
        checkpoint: description of a future network, which is there before it.

    Attributes:
        checkpoint: the description of the weights, without the tensors.
        inference: input size and views.

    >>> predictor = load(device="cpu")
    >>> frame = Frame(rgb=np.zeros((64, 96, 3), np.uint8), depth=np.ones((64, 96), np.float32))
    >>> prediction = predictor(frame)
    >>> prediction.label.shape, prediction.classes.shape
    ((64, 96), (5, 64, 96))
    """

    def __init__(
        self,
        network: Network | Future[Network],
        inference: Inference | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._network: Future[Network] = network if isinstance(network, Future) else Future()
        if isinstance(network, Network):
            self._network.set_result(network)
        self.checkpoint = checkpoint or self.network.checkpoint
        self.inference = inference or Inference()
        self._segment: Segment | None = None
        self._warned: set[str] = set()

    @property
    def network(self) -> Network:
        """The network; waits for one that is being loaded.

        Raises:
            InputError: it could not be loaded.
        """
        return self._network.result()

    @property
    def ready(self) -> bool:
        """Whether frames are segmented without waiting for the network."""
        return self._network.done() and self._network.exception() is None

    @property
    def class_set(self) -> ClassSet:
        """Classes that labels count."""
        assert self.checkpoint.class_set is not None, "a network without names of its classes is refused"
        return self.checkpoint.class_set

    @property
    def device(self) -> torch.device:
        """Where the network runs."""
        return self.network.device

    @property
    def backend(self) -> str:
        """How the network runs."""
        return self.network.backend

    @property
    def precision(self) -> str:
        """Arithmetic of the network: "float32", "bfloat16" or "float16"."""
        return self.network.precision

    @property
    def head(self) -> HeadMode:
        """How a sub-pixel head's scores are taken: "smooth" or "raw"."""
        return self.network.head

    def __call__(self, frame: Frame, modality: Modality = "rgbd") -> Prediction:
        """Segment a frame.

        Args:
            frame: any size from 32x32.
            modality: "rgbd" gives the network what the frame has; "rgb" and "depth" give it that alone.

        What looks wrong about the frame is warned of as a `FrameWarning`, once a kind.

        Raises:
            InputError: the modality asked for is not in the frame.
        """
        modality = self.modality_of(frame, modality)
        if modality != "rgb":
            warn_once(frame, self._warned)
        return self.predictions([frame], modality)[0]

    def predictions(self, frames: Sequence[Frame], modality: Modality = "rgbd", top_k: int = TOP_K) -> list[Prediction]:
        """Segment frames of one `network_size` at once; the latency of each is its share.

        Args:
            frames: any sizes from 32x32.
            modality: as in a call.
            top_k: how many classes to keep; 1 gives label and confidence in half the time, and no entropy.

        Raises:
            InputError: the modality asked for is not in one of the frames.
        """
        found, latency_ms, provenance = self._segmented(frames, modality, top_k)
        each = latency_ms / max(len(frames), 1)
        return [Prediction.of(one, each, provenance, self.class_set) for one in found if isinstance(one, PixelScores)]

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> list[np.ndarray]:
        """Most probable class of each pixel, and nothing else: uint8 (H, W), 1..classes, of each frame.

        Raises:
            InputError: the modality asked for is not in one of the frames.
            ValueError: the frames are of several `network_size`s, or there is none.
        """
        sizes = {self.network_size(*frame.size) for frame in frames}
        if len(sizes) != 1:
            raise ValueError(f"frames are of network sizes {sorted(sizes)}; expected one")
        labels, _, _ = self._segmented(frames, modality, 0)
        return labels  # type: ignore[return-value]

    def _segmented(
        self, frames: Sequence[Frame], modality: Modality, top_k: int
    ) -> tuple[list[PixelScores] | list[np.ndarray], float, Provenance]:
        for frame in frames:
            self.modality_of(frame, modality)  # here, before a GPU is asked for
        segment = self._segment or self.segment
        if not any(frame.turns for frame in frames):
            return segment([(frame.rgb, frame.depth) for frame in frames], modality, self.inference, top_k)
        found: list[Any] = []
        latency_ms = 0.0
        for frame in frames:  # one by one, since turned sideways they are of other sizes
            upright = frame.upright()
            (one,), taken_ms, provenance = segment([(upright.rgb, upright.depth)], modality, self.inference, top_k)
            latency_ms += taken_ms
            parts = [turn(part, -frame.turns) for part in (one if isinstance(one, PixelScores) else [one])]
            found.append(PixelScores(*parts) if top_k else parts[0])
        return found, latency_ms, provenance

    def segment(
        self, images: Sequence[Images], modality: Modality, inference: Inference, top_k: int
    ) -> tuple[list[PixelScores] | list[np.ndarray], float, Provenance]:
        """Segment frames of one network size, given as arrays: what `run_by` wraps.

        Args:
            images: RGB and depth of each.
            modality: what the network is to see of each frame that has it.
            inference: input size and views.
            top_k: classes to keep in `PixelScores`; 0 for labels alone.

        Returns:
            Scores or labels of each frame, latency of all together [ms], provenance.
        """
        frames = [Frame(rgb=rgb, depth=depth) for rgb, depth in images]
        sizes = [frame.size for frame in frames]
        self.network  # noqa: B018 - loading is no part of the latency
        start = time.perf_counter()
        if inference.augmented:
            given = [self.modality_of(frame, modality) for frame in frames]
            logits = [self._mean_logits(*one, inference) for one in zip(frames, given, strict=True)]
            found = at_frame_sizes(logits, sizes, top_k)
        elif len(set(sizes)) == 1:
            outputs = OutputSpec(sizes[0], top_k)
            kept = [one.cpu().numpy() for one in self.tensors(self._batch(frames, modality, inference), outputs)]
            found = [PixelScores(*of_frame) if top_k else of_frame[0] for of_frame in zip(*kept, strict=True)]
        else:
            (several,) = self.tensors(self._batch(frames, modality, inference), OutputSpec())
            found = at_frame_sizes([one[None] for one in several], sizes, top_k)
        return found, 1000.0 * (time.perf_counter() - start), self.provenance(modality)

    def modality_of(self, frame: Frame, wanted: Modality = "rgbd") -> Modality:
        """Modality that the network is given of `frame` when `wanted` is asked for; see `usable_modality`.

        Raises:
            InputError: the network does not take what is asked for, or the frame has nothing that it takes.
        """
        return self.network.modality_of(frame, wanted)

    def tensors(self, batch: RawBatch, outputs: OutputSpec) -> tuple[Tensor, ...]:
        """Run the network on a batch that is already on `device`; return what `outputs` names as tensors there.

        Logits come at the head's own resolution: that of the input, or half of it where `head` is "smooth".

        Args:
            batch: at a size that the network takes.
            outputs: such as `OutputSpec((h, w))` for labels, uint8 (B, h, w).
        """
        # inference_mode belongs to the calling thread, so it is entered on each call.
        with self.network.lock, torch.inference_mode():
            return self.network.run(batch, self.checkpoint.preprocessing, outputs)

    def logits(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Logits (B, classes, h, w) on `device`, of inputs (B, 3, h, w) and (B, 1, h, w) as `to_tensors` makes them."""
        every = torch.ones(len(rgb), dtype=torch.bool, device=self.device)
        height, width = rgb.shape[-2:]
        with self.network.lock, torch.inference_mode():
            rgb = rgb.to(self.device, memory_format=torch.channels_last, non_blocking=True)
            depth = depth.to(self.device, memory_format=torch.channels_last, non_blocking=True)
            (logits,) = self.network.run(RawBatch(rgb, depth, every, every), None, OutputSpec())
            return resize_logits(logits, (height, width))

    def warm_up(self, size: tuple[int, int] = USUAL_SIZE, frames: int = 1, labels: bool = False) -> None:
        """Pay now what the first frame would pay: kernels chosen and compiled, graphs recorded, memory taken.

        On a CPU nothing is done, save for what `torch.compile` runs there: the first frame takes about as long as any
        other (340 ms against 300), and warming up would take longer than it saves. Nor is anything done on ZeroGPU,
        where no GPU is there before a request.

        Args:
            size: height and width of the frames to expect.
            frames: how many at once.
            labels: whether for `labels` instead of a call.
        """
        prepare = self.network.prepare
        if prepare is None or lent_gpu() or not first_run_is_slow(self.backend, self.device):
            return
        blank = Frame(rgb=np.zeros((*size, 3), np.uint8), depth=np.ones(size, np.float32), name="warm-up")
        with self.network.lock, torch.inference_mode():
            batch = self._batch([blank] * frames, "rgbd", self.inference)
            prepare(batch, self.checkpoint.preprocessing, OutputSpec(size, 0 if labels else TOP_K))

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the network's input at scale 1 for a frame of `height` x `width`."""
        return self._input_size((height, width), self.inference)

    @property
    def usual_batch(self) -> int:
        """Number of frames to give to `labels` at once; a CPU is busy with one, and views are many already."""
        return _BATCH if self.device.type == "cuda" and not self.inference.augmented else 1

    @property
    def protocol(self) -> str:
        """Description of how a frame is run: input size, views that are averaged, head."""
        return self.inference.describe(self.checkpoint.preprocessing, self.head)

    def provenance(self, modality: Modality = "rgbd") -> Provenance:
        """Origin that a prediction states; input size, flips and scales are in `protocol`."""
        return Provenance(
            weights=self.checkpoint.name,
            sha256=self.checkpoint.sha256,
            architecture=self.network.architecture,
            preprocessing=self.checkpoint.preprocessing,
            training=self.checkpoint.training,
            device=describe_device(self.device),
            precision=self.precision,
            modality=self.network.takes if modality == "rgbd" else modality,
            torch=torch.__version__,
            backend=self.backend,
            head=self.head,
        )

    def with_inference(self, inference: Inference) -> Predictor:
        """Run the same network with another input size, flips or scales.

        Raises:
            InputError: flips and scales are asked of a network that gives labels without scores, or scales of one that
                takes one size alone.
        """
        self.network.check(inference)
        other = copy.copy(self)
        other.inference = inference
        return other

    def run_by(self, wrap: Callable[[Segment], Segment]) -> Predictor:
        """Run the same network with `segment` wrapped, such as by what lends a GPU for a call."""
        other = copy.copy(self)
        other._segment = wrap(self.segment)
        return other

    def _input_size(self, size: tuple[int, int], inference: Inference) -> tuple[int, int]:
        preprocessing = self.checkpoint.preprocessing
        return preprocessing.size or inference.size or preprocessing.network_size(*size)

    def _batch(self, frames: Sequence[Frame], modality: Modality, inference: Inference) -> RawBatch:
        size = self._input_size(frames[0].size, inference)
        return raw_batch(frames, self.checkpoint.preprocessing, modality, self.device, size)

    def _mean_logits(self, frame: Frame, modality: Modality, inference: Inference) -> Tensor:
        """Logarithms (1, classes, h, w) of the mean probabilities of all views, at the size of scale 1."""

        def logits(size: tuple[int, int], mirrored: bool) -> Tensor:
            batch = raw_batch([frame], self.checkpoint.preprocessing, modality, self.device, size)
            return self.tensors(batch.mirrored() if mirrored else batch, OutputSpec())[0]

        base = self._input_size(frame.size, inference)
        return mean_logits(logits, inference, base, self.checkpoint.preprocessing.multiple_of)


# All that segments frames: a network, or labels that are there already.
SegmentationPredictor = Predictor | StoredPredictor


def load(
    checkpoint: str | os.PathLike[str] | None = None,
    device: str = "auto",
    backend: str = "auto",
    head: HeadMode = "smooth",
    name: str = "",
) -> Predictor:
    """Load a predictor with the network of a file, of a registered model, or the bundled one.

    Args:
        checkpoint: path of a `.safetensors` or `.ckpt` file, of any project's `.onnx` or `.pt2` (see
            `deresunet.inference.signature`), a name of `model_names()`, or None for the default.
        device: see `network_of`.
        backend: see `network_of`.
        head: see `network_of`.
        name: what the network is called in results; its file's name where left out.

    Raises:
        InputError: the file, the device or the backend cannot be used, the named model comes without weights, or they
            are on the hub and cannot be had.

    >>> load(device="cpu", backend="eager").provenance().backend
    'eager'
    """
    return Predictor(open_network(checkpoint, device, backend, head, name))
