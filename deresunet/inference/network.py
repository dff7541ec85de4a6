"""A network ready to run: one of the project's own, on the backend that suits the machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.backends import choose_backend
from deresunet.inference.backends.cudagraph import Pass
from deresunet.inference.devices import resolve_device
from deresunet.inference.postprocessing import OutputSpec
from deresunet.inference.preprocessing import Modality, RawBatch, usable_modality
from deresunet.inference.smoothing import HeadMode, smooth_head
from deresunet.inference.tta import Inference
from deresunet.model import registry
from deresunet.model.checkpoint import Checkpoint, load_checkpoint
from deresunet.model.hub import bundled_or_fetched

# Height and width of the frames that a backend is prepared for, as Kinect-like cameras give them.
USUAL_SIZE = (480, 640)


@dataclass
class Network:
    """A network as a `Predictor` needs it, whatever runs it.

    Attributes:
        checkpoint: name, hash, preprocessing, classes and figures, without the tensors.
        device: where it runs.
        backend: how it runs, such as a name of `deresunet.inference.backends.BACKENDS`.
        precision: its arithmetic: "float32", "bfloat16" or "float16".
        run: takes a batch on `device`, the units to bring it to and the outputs to return; the caller enters inference
            mode and holds `lock`.
        prepare: pays beforehand what the first such batch would pay; None where there is nothing to pay.
        architecture: registered name of the network, or what kind of file it came in.
        takes: modality that it sees: "rgbd", or "rgb" or "depth" alone.
        scores: whether it gives scores of all classes, or labels alone.
        head: "smooth" where a sub-pixel head's scores are averaged and interpolated, "raw" where they are taken as they
            are.
        lock: held while it runs.
    """

    checkpoint: Checkpoint
    device: torch.device
    backend: str
    precision: str
    run: Pass
    prepare: Callable[[RawBatch, Preprocessing | None, OutputSpec], object] | None = None
    architecture: str = "custom"
    takes: Modality = "rgbd"
    scores: bool = True
    head: HeadMode = "raw"
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def modality_of(self, frame: Frame, wanted: Modality) -> Modality:
        """Modality that the network is given of `frame` when `wanted` is asked for; see `usable_modality`.

        Raises:
            InputError: the network does not take what is asked for, or the frame has nothing that it takes.
        """
        if self.takes == "rgbd":
            return usable_modality(frame, wanted)
        name = self.checkpoint.name
        if wanted not in ("rgbd", self.takes):
            raise InputError(f"{name} takes {self.takes} alone, and {wanted} was asked for. Choose {self.takes}.")
        return usable_modality(frame, self.takes)

    def check(self, inference: Inference) -> None:
        """Check that the network can be run with an input size, flips and scales.

        Raises:
            InputError: flips and scales are asked of a network that gives labels without scores, or scales of one that
                takes one size alone.
        """
        name = self.checkpoint.name
        if inference.augmented and not self.scores:
            raise InputError(f"{name} gives labels without scores, which --tta averages. Leave it out.")
        if inference.scales != (1.0,) and self.checkpoint.preprocessing.size:
            raise InputError(f"{name} takes one size alone. Leave scales out of --tta.")


def network_of(
    checkpoint: Checkpoint, device: str = "auto", backend: str = "auto", head: HeadMode = "smooth"
) -> Network:
    """Build the network of a checkpoint on a device.

    Args:
        checkpoint: weights and their description.
        device: "cuda", "cuda:1", "mps", "cpu" or "auto" (CUDA when there, else MPS, else CPU).
        backend: "auto" takes the fastest that keeps the labels and runs on this machine; "eager" is PyTorch's eager
            mode in float32. Also any other name of `deresunet.inference.backends.BACKENDS`.
        head: "smooth" averages a sub-pixel head's four scores of a cell and interpolates them bilinearly, which leaves
            no torn edges; "raw" takes the scores as they are. Other heads are always raw.

    Raises:
        InputError: the device or the backend is unknown or not there, or the weights do not fit their network.
    """
    names = 0 if checkpoint.class_set is None else len(checkpoint.class_set)
    if checkpoint.layout.num_classes != names:
        raise InputError(
            f"{checkpoint.name} has {checkpoint.layout.num_classes} outputs and {names} class names. Export it "
            "with the names of its classes."
        )
    found = resolve_device(device)
    model = checkpoint.build().to(found, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network = smooth_head(model) if head == "smooth" else model
    chosen = choose_backend(backend, network, found, checkpoint.preprocessing.network_size(*USUAL_SIZE))
    return Network(
        replace(checkpoint, state={}),
        found,
        chosen.name,
        chosen.precision,
        chosen.run,
        chosen.prepare,
        registry.name_of(checkpoint.layout),
        head="raw" if network is model else "smooth",
    )


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
