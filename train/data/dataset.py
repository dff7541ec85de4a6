"""Frames of a reader as samples for the network, and samples as batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import Dataset

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.inference.preprocessing import resize_frame
from train.data.augmentation import Augmenter, Sample


class Batch(NamedTuple):
    """Frames of one size, in their own units; `network_input` makes them the network's on the device.

    Attributes:
        rgb: (B, 3, h, w) in 0..255, uint8 or float32.
        depth: float32 (B, 1, h, w) [m], 0 where missing.
        label: uint8 (B, h, w), 0 = void.
        clean_rgb: like `rgb`, before colour and noise; None where nobody looks at it.
        clean_depth: like `depth`, before the sensor's faults; None likewise.
        has_rgb: bool (B,): whether the network is given RGB.
        has_depth: bool (B,).
        with_depth: how many frames have depth, given to the network or not; they come first in the batch. A plain
            number, so that nobody has to ask the GPU for it.
        photographs: how many are photographs, without depth and label; they come last in the batch.
    """

    rgb: Tensor
    depth: Tensor
    label: Tensor
    clean_rgb: Tensor | None
    clean_depth: Tensor | None
    has_rgb: Tensor
    has_depth: Tensor
    with_depth: int
    photographs: int = 0


class EvaluationBatch(NamedTuple):
    """Frames of one network size to validate or test on.

    Attributes:
        frames: the frames at the network's size, without label.
        labels: of each frame, uint8 (H, W) at its own resolution, 0 = void.
    """

    frames: Batch
    labels: list[Tensor]


class Drawn(NamedTuple):
    """A sample, whether its frame has depth, and whether it is a photograph."""

    sample: Sample
    with_depth: bool
    photograph: bool


class TrainingFrames(Dataset):
    """Varied frames. A sample is a function of (seed, epoch, index) and of nothing else.

    Workers, their number, and what they did before do not enter: that is what makes a resumed run equal.

    Args:
        read: the frame of an index; photographs come after the frames of the data set.
        count: number of frames, photographs not counted.
        preprocessing: the network's size.
        augmenter: how frames are varied.
        seed: of the random generators.
        clean: also hand over the frame before colour and sensor faults, which a teacher sees.
    """

    def __init__(
        self,
        read: Callable[[int], Frame],
        count: int,
        preprocessing: Preprocessing,
        augmenter: Augmenter,
        seed: int,
        clean: bool = False,
    ) -> None:
        self.read, self.count, self.preprocessing = read, count, preprocessing
        self.augmenter, self.seed, self.clean = augmenter, seed, clean

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: tuple[int, int]) -> Drawn:
        """The sample of (epoch, index)."""
        epoch, index = item
        frame = self.read(index)
        rgb, depth = resize_frame(frame, self.preprocessing)
        size = self.preprocessing.network_size(*frame.size)
        label = np.zeros(frame.size, np.uint8) if frame.label is None else frame.label
        sample = self.augmenter(
            None if rgb is None else rgb.round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy(),
            None if depth is None else depth[0].numpy(),
            nearest(label, size),
            np.random.default_rng([self.seed, epoch, index]),
        )
        return Drawn(sample, depth is not None, index >= self.count)

    def collate(self, items: Sequence[Drawn]) -> Batch:
        """A batch of samples of one size: those with depth first, photographs last."""
        items = sorted(items, key=lambda item: (item.photograph, not item.with_depth))
        samples = [item.sample for item in items]
        return Batch(
            rgb=_images([sample.rgb for sample in samples]),
            depth=_planes([sample.depth for sample in samples])[:, None],
            label=_planes([sample.label for sample in samples]),
            clean_rgb=_images([sample.clean_rgb for sample in samples]) if self.clean else None,
            clean_depth=_planes([sample.clean_depth for sample in samples])[:, None] if self.clean else None,
            has_rgb=torch.tensor([sample.has_rgb for sample in samples]),
            has_depth=torch.tensor([sample.has_depth for sample in samples]),
            with_depth=sum(item.with_depth for item in items),
            photographs=sum(item.photograph for item in items),
        )


class EvaluationFrames(Dataset):
    """Frames as the predictor prepares them, with the ground truth at its own resolution.

    Args:
        read: the frame of an index.
        count: number of frames.
        preprocessing: the network's size.
    """

    def __init__(self, read: Callable[[int], Frame], count: int, preprocessing: Preprocessing) -> None:
        self.read, self.count, self.preprocessing = read, count, preprocessing

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: tuple[int, int]) -> EvaluationBatch:
        """A batch of one."""
        frame = self.read(item[1])
        size = self.preprocessing.network_size(*frame.size)
        rgb, depth = resize_frame(frame, self.preprocessing)
        has_rgb, has_depth = rgb is not None, depth is not None
        label = np.zeros(frame.size, np.uint8) if frame.label is None else frame.label
        rgb = torch.zeros(1, 3, *size) if rgb is None else rgb[None].float()
        depth = torch.zeros(1, 1, *size) if depth is None else depth[None]
        frames = _evaluated(rgb, depth, torch.tensor([has_rgb]), torch.tensor([has_depth]), int(has_depth))
        return EvaluationBatch(frames, [torch.from_numpy(label.copy())])


def collate_evaluation(items: Sequence[EvaluationBatch]) -> list[EvaluationBatch]:
    """Frames of equal network size as one batch each: data sets mix cameras."""
    sizes: dict[tuple[int, ...], list[EvaluationBatch]] = {}
    for item in items:
        sizes.setdefault(tuple(item.frames.rgb.shape[-2:]), []).append(item)
    batches = []
    for group in sizes.values():
        ordered = sorted(group, key=lambda item: not item.frames.with_depth)
        rgb, depth, has_rgb, has_depth = (
            torch.cat([getattr(item.frames, plane) for item in ordered])
            for plane in ("rgb", "depth", "has_rgb", "has_depth")
        )
        frames = _evaluated(rgb, depth, has_rgb, has_depth, sum(item.frames.with_depth for item in ordered))
        batches.append(EvaluationBatch(frames, [label for item in ordered for label in item.labels]))
    return batches


def _evaluated(rgb: Tensor, depth: Tensor, has_rgb: Tensor, has_depth: Tensor, with_depth: int) -> Batch:
    return Batch(rgb, depth, torch.zeros(0, dtype=torch.uint8), rgb, depth, has_rgb, has_depth, with_depth)


def nearest(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A label uint8 (H, W) at another size, by nearest neighbour."""
    if label.shape == size:
        return label
    return interpolate(torch.from_numpy(label.copy())[None, None], size, mode="nearest-exact")[0, 0].numpy()


def _images(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def _planes(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))
