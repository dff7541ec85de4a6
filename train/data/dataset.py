"""Frames of a reader as samples for the network, and samples as batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, grid_sample
from torch.utils.data import Dataset

from deresunet.config import Preprocessing
from deresunet.data.arrays import nearest
from deresunet.data.frame import Frame
from deresunet.inference.preprocessing import resize_frame
from train.data.augmentation import Augmenter, Sample, places_in


class Batch(NamedTuple):
    """Frames of one size, in their own units; `network_input` makes them the network's on the device.

    Attributes:
        rgb: (B, 3, h, w) in 0..255, uint8 or float32.
        depth: float32 (B, 1, h, w) [m], 0 where missing.
        label: uint8 (B, h, w), 0 = void.
        has_rgb: bool (B,): whether the network is given RGB.
        has_depth: bool (B,).
        with_depth: how many frames have depth, given to the network or not; they come first in the batch. A plain
            number, so that nobody has to ask the GPU for it.
        taught: a teacher's outputs for the frames, float32 (B, channels, rows, columns); None without a teacher.
        photos: photographs, which have no label, as a batch of their own; None without.
    """

    rgb: Tensor
    depth: Tensor
    label: Tensor
    has_rgb: Tensor
    has_depth: Tensor
    with_depth: int
    taught: Tensor | None = None
    photos: Batch | None = None


class EvaluationBatch(NamedTuple):
    """Frames of one network size to validate or test on.

    Attributes:
        frames: the frames at the network's size, without label.
        labels: of each frame, uint8 (H, W) at its own resolution, 0 = void.
    """

    frames: Batch
    labels: list[Tensor]


class TrainingItem(NamedTuple):
    """A sample, whether its frame has depth, whether it is a photograph, and the teacher's output for it."""

    sample: Sample
    with_depth: bool
    photograph: bool = False
    taught: Tensor | None = None


class TrainingFrames(Dataset):
    """Varied frames. A sample is a function of (seed, epoch, index) and of nothing else.

    Workers, their number, and what they did before do not enter: that is what makes a resumed run equal.

    Args:
        read: the frame of an index; photographs come after the frames of the data set.
        count: number of frames, photographs not counted.
        preprocessing: the network's size; photographs come in a size of their own and are not resized.
        augmenter: how frames are varied.
        seed: of the random generators.
        photo_augmenter: how photographs are varied.
        taught: the teacher's output for an index, (channels, rows, columns) over the whole frame, and how many pixels
            of a sample go to one of its rows; None without a teacher.
    """

    def __init__(
        self,
        read: Callable[[int], Frame],
        count: int,
        preprocessing: Preprocessing,
        augmenter: Augmenter,
        seed: int,
        photo_augmenter: Augmenter | None = None,
        taught: tuple[Callable[[int], Tensor], int] | None = None,
    ) -> None:
        self.read, self.count, self.preprocessing = read, count, preprocessing
        self.augmenter, self.photo_augmenter, self.seed = augmenter, photo_augmenter or augmenter, seed
        self.taught = taught

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: tuple[int, int]) -> TrainingItem:
        """The sample of (epoch, index)."""
        epoch, index = item
        frame = self.read(index)
        photograph = index >= self.count
        size = frame.size if photograph else self.preprocessing.network_size(*frame.size)
        rgb, depth = resize_frame(frame, self.preprocessing, size=size)
        label = np.zeros(frame.size, np.uint8) if frame.label is None else frame.label
        sample = (self.photo_augmenter if photograph else self.augmenter)(
            None if rgb is None else rgb.round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy(),
            None if depth is None else depth[0].numpy(),
            nearest(label, size),
            np.random.default_rng([self.seed, epoch, index]),
            with_places=self.taught is not None,
        )
        taught = None
        if self.taught is not None and sample.places is not None:
            outputs, stride = self.taught
            taught = warped(outputs(index), sample.places, stride)
        return TrainingItem(sample._replace(places=None), depth is not None, photograph, taught)

    def collate(self, items: Sequence[TrainingItem]) -> Batch:
        """A batch of frames, those with depth first, and beside it the photographs; or of photographs alone."""
        frames, photos = ([item for item in items if item.photograph == kind] for kind in (False, True))
        if not frames or not photos:
            return _batch(items)
        return _batch(frames)._replace(photos=_batch(photos))


def warped(outputs: Tensor, places: np.ndarray, stride: int) -> Tensor:
    """A teacher's outputs for a whole frame, brought to a sample of it as the frame's pixels were.

    Args:
        outputs: (channels, rows, columns) over the frame.
        places: of the sample's pixels, float32 (h, w, 2), see `Sample.places`.
        stride: pixels of the sample to a row of the result.

    Returns:
        float32 (channels, h // stride, w // stride); bilinear, and 0 where no pixel of the frame is.
    """
    at = torch.from_numpy(places).permute(2, 0, 1)  # (2, h, w)
    size = at.shape[1] // stride, at.shape[2] // stride
    share = adaptive_avg_pool2d((at[:1] > 0).float(), size)  # of each cell's pixels, those that are of the frame
    centre = adaptive_avg_pool2d(at, size) / share.clamp(min=1e-6)
    grid = (2.0 * centre - 1.0).permute(1, 2, 0)[None]  # grid_sample's -1 and 1 are the frame's outer edges
    return grid_sample(outputs[None].float(), grid, "bilinear", "border", align_corners=False)[0] * (share > 0)


def _batch(items: Sequence[TrainingItem]) -> Batch:
    items = sorted(items, key=lambda item: not item.with_depth)
    samples = [item.sample for item in items]
    taught = [item.taught for item in items if item.taught is not None]
    return Batch(
        rgb=torch.from_numpy(np.stack([sample.rgb for sample in samples])).permute(0, 3, 1, 2),
        depth=_planes([sample.depth for sample in samples])[:, None],
        label=_planes([sample.label for sample in samples]),
        has_rgb=torch.tensor([sample.has_rgb for sample in samples]),
        has_depth=torch.tensor([sample.has_depth for sample in samples]),
        with_depth=sum(item.with_depth for item in items),
        taught=torch.stack(taught) if taught else None,
    )


class EvaluationFrames(Dataset):
    """Frames as the predictor prepares them, with the ground truth at its own resolution.

    Args:
        read: the frame of an index.
        count: number of frames.
        preprocessing: the network's size.
        taught: see `TrainingFrames`.
    """

    def __init__(
        self,
        read: Callable[[int], Frame],
        count: int,
        preprocessing: Preprocessing,
        taught: tuple[Callable[[int], Tensor], int] | None = None,
    ) -> None:
        self.read, self.count, self.preprocessing, self.taught = read, count, preprocessing, taught

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
        taught = None
        if self.taught is not None:
            outputs, stride = self.taught
            taught = warped(outputs(item[1]), places_in(*size), stride)[None]
        nothing = torch.zeros(0, dtype=torch.uint8)
        has = torch.tensor([has_rgb]), torch.tensor([has_depth])
        frames = Batch(rgb, depth, nothing, *has, int(has_depth), taught)
        return EvaluationBatch(frames, [torch.from_numpy(label.copy())])


def collate_evaluation(items: Sequence[EvaluationBatch]) -> list[EvaluationBatch]:
    """Frames of equal network size as one batch each: data sets mix cameras."""
    sizes: dict[tuple[int, ...], list[EvaluationBatch]] = {}
    for item in items:
        sizes.setdefault(tuple(item.frames.rgb.shape[-2:]), []).append(item)
    batches = []
    for group in sizes.values():
        ordered = sorted(group, key=lambda item: not item.frames.with_depth)
        frames = together([item.frames for item in ordered])
        batches.append(EvaluationBatch(frames, [label for item in ordered for label in item.labels]))
    return batches


def together(batches: Sequence[Batch]) -> Batch:
    """Batches of one size as one; those with depth must come first, and photographs stay out."""
    taught = [batch.taught for batch in batches if batch.taught is not None]
    return Batch(
        rgb=torch.cat([batch.rgb for batch in batches]),
        depth=torch.cat([batch.depth for batch in batches]),
        label=torch.cat([batch.label for batch in batches]),
        has_rgb=torch.cat([batch.has_rgb for batch in batches]),
        has_depth=torch.cat([batch.has_depth for batch in batches]),
        with_depth=sum(batch.with_depth for batch in batches),
        taught=torch.cat(taught) if len(taught) == len(batches) else None,
    )


def _planes(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))
