"""Training frames kept on the GPU (or in pinned memory), and varied there a batch at a time.

For where the workers cannot keep up with the network. The settings, and the distributions that they stand for, are
those of `train.data.augmentation`, which varies frames on the CPU.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.preprocessing import resize_frame
from train.data.augmentation import Augmentation
from train.data.dataset import Batch, nearest
from train.data.device_augmentation import colour, depth_faults, geometry

READING_THREADS = 16
# Depth is kept in whole millimetres: half the memory of float32, and no sensor is more precise.
MM = 1000.0
MAX_MM = torch.iinfo(torch.int16).max


class DeviceFrames(Dataset):
    """Frames decoded and resized once; a batch is gathered and varied on the device.

    Items are (epoch, index) themselves; `collate` makes the batch of them. A batch is a function of seed, epoch and
    indices, as with `TrainingFrames`.

    Args:
        read: the frame of an index; photographs come after the frames of the data set.
        count: number of frames, photographs not counted.
        photos: number of photographs.
        preprocessing: the network's size.
        augmentation: how frames are varied.
        seed: of the random generators.
        device: where batches are made.
        keep: "device" keeps frames on the device, "pinned" in page-locked host memory.
        clean: also hand over the frame before colour and sensor faults, which a teacher sees.

    Raises:
        InputError: frames come in several sizes, or do not fit into the memory.
    """

    def __init__(
        self,
        read: Callable[[int], Frame],
        count: int,
        photos: int,
        preprocessing: Preprocessing,
        augmentation: Augmentation,
        seed: int,
        device: torch.device,
        keep: Literal["device", "pinned"],
        clean: bool = False,
    ) -> None:
        self.count, self.augmentation, self.seed, self.clean = count, augmentation, seed, clean
        self.size = preprocessing.network_size(480, 640)
        self.device = device

        def prepare(index: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
            rgb, depth, label = _planes(read(index), preprocessing)
            kept = functools.partial(_kept, device=device, keep=keep)
            return kept(rgb), None if depth is None else kept(depth), None if label is None else kept(label)

        try:
            # Decoding releases the interpreter's lock, so threads do.
            with ThreadPoolExecutor(READING_THREADS) as pool:
                planes = list(pool.map(prepare, range(count + photos)))
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"{count + photos} frames do not fit into the memory of {device}. Give data.cache=pinned or ram."
            ) from error
        sizes = {tuple(rgb.shape[-2:]) for rgb, _, _ in planes}
        if len(sizes) > 1:
            raise InputError(f"data.cache={keep} needs frames of one size, got {sorted(sizes)}. Give data.cache=ram.")
        self.planes = planes

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: tuple[int, int]) -> tuple[int, int]:
        return item

    def collate(self, items: Sequence[tuple[int, int]]) -> Batch:
        """A batch on the device: frames with depth first, photographs last."""
        ordered = sorted(items, key=lambda item: (item[1] >= self.count, self.planes[item[1]][1] is None))
        indices = [index for _, index in ordered]
        photographs = sum(index >= self.count for index in indices)
        with_depth = [self.planes[index][1] is not None for index in indices]
        rgb, depth, label = self._gathered(indices)
        generators = [np.random.default_rng([self.seed, epoch, index, 2]) for epoch, index in ordered]
        noise = torch.Generator(self.device).manual_seed(int(generators[0].integers(1 << 62)))
        config = self.augmentation
        clean_rgb, clean_depth, has_rgb, has_depth = rgb, depth, np.ones(len(indices), bool), np.array(with_depth)
        if config.enabled:
            rgb, depth, label = geometry(rgb, depth, label, config, self.size, generators, noise)
            clean_rgb, clean_depth = rgb, depth
            rgb = colour(rgb, config, generators, noise)
            depth = depth_faults(depth, config.depth, noise)
            draws = np.array([generator.random() for generator in generators])
            both = has_depth.copy()
            has_depth &= ~both | (draws >= config.missing_depth)
            dropped = (draws >= config.missing_depth) & (draws < config.missing_depth + config.missing_rgb)
            has_rgb &= ~(both & dropped)
        return Batch(
            rgb=rgb,
            depth=depth,
            label=label,
            clean_rgb=clean_rgb if self.clean else None,
            clean_depth=clean_depth if self.clean else None,
            has_rgb=torch.from_numpy(has_rgb).to(self.device, non_blocking=True),
            has_depth=torch.from_numpy(has_depth).to(self.device, non_blocking=True),
            with_depth=sum(with_depth),
            photographs=photographs,
        )

    def _gathered(self, indices: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """RGB float32 (B, 3, h, w) in 0..255, depth float32 (B, 1, h, w) [m] and label uint8 (B, h, w)."""
        rows = [self.planes[index] for index in indices]
        shape = rows[0][0].shape[-2:]
        missing, void = torch.zeros(shape, dtype=torch.int16), torch.zeros(shape, dtype=torch.uint8)

        def stacked(planes: list[Tensor]) -> Tensor:
            return torch.stack([plane.to(self.device, non_blocking=True) for plane in planes])

        depth = stacked([missing if metres is None else metres for _, metres, _ in rows])
        label = stacked([void if classes is None else classes for _, _, classes in rows])
        return stacked([rgb for rgb, _, _ in rows]).float(), depth[:, None].float() / MM, label


def _planes(frame: Frame, preprocessing: Preprocessing) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """RGB uint8 (3, h, w), depth int16 (h, w) [mm] or None, and label uint8 (h, w) or None, at the network's size."""
    rgb, depth = resize_frame(frame, preprocessing)
    if rgb is None:
        raise InputError(f"{frame.name} has no RGB, which data.cache=device and pinned need. Give data.cache=ram.")
    size = preprocessing.network_size(*frame.size)
    millimetres = None if depth is None else (depth[0] * MM).round().clamp(0, MAX_MM).to(torch.int16)
    label = None if frame.label is None else torch.from_numpy(nearest(frame.label, size).copy())
    return rgb.round().to(torch.uint8), millimetres, label


def _kept(plane: Tensor, device: torch.device, keep: str) -> Tensor:
    if device.type != "cuda":
        return plane
    return plane.to(device) if keep == "device" else plane.pin_memory()
