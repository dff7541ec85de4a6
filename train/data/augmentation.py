"""Augmentation of a training frame: geometry of all planes, colour of RGB alone, sensor faults of depth alone.

Every random choice comes from one generator that the caller seeds, so a sample depends on nothing but that seed.
"""

from __future__ import annotations

import functools
import os
import random
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # an import must not ask the network for a newer version
import albumentations as A  # type: ignore[import-untyped]

from train.data.depth_noise import DepthFaults, add_faults

# ImageNet's mean in 0..255: what lies outside the frame is 0 for the network, as a missing modality is.
GREY = (124, 116, 104)


@dataclass(frozen=True)
class Augmentation:
    """How strongly frames are varied. Shares are probabilities, 0..1.

    Attributes:
        enabled: False gives frames as they are.
        flip: share of frames mirrored left to right.
        scale: range of the zoom; depth keeps its values, as it would behind a longer lens.
        rotate_deg: largest rotation either way [degrees].
        rotate: share of frames rotated.
        warp: share of frames distorted, by an elastic or a grid distortion.
        colour: share of frames whose brightness, contrast, gamma, hue or local contrast changes.
        blur: share of frames blurred.
        noise: share of frames with noise in RGB.
        depth: the depth sensor's own faults.
        missing_depth: share of frames that the network gets without depth.
        missing_rgb: share of frames that it gets without RGB.

    Raises:
        ValueError: a share or a range is out of bounds.
    """

    enabled: bool = True
    flip: float = 0.5
    scale: tuple[float, float] = (0.5, 2.0)
    rotate_deg: float = 8.0
    rotate: float = 0.3
    warp: float = 0.15
    colour: float = 0.7
    blur: float = 0.15
    noise: float = 0.2
    depth: DepthFaults = DepthFaults()  # noqa: RUF009 - frozen
    missing_depth: float = 0.0
    missing_rgb: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", tuple(self.scale))
        shares = ("flip", "rotate", "warp", "colour", "blur", "noise", "missing_depth", "missing_rgb")
        for name in shares:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"augmentation: {name} is {getattr(self, name)}; expected a share, 0..1")
        if self.missing_depth + self.missing_rgb > 1.0:
            raise ValueError("augmentation: missing_depth and missing_rgb add up to more than 1: no frame loses both")
        if not 0.0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"augmentation: scale is {self.scale}; expected two factors above 0, the smaller first")


class Sample(NamedTuple):
    """A frame on its way to the network.

    Attributes:
        rgb: uint8 (h, w, 3).
        depth: float32 (h, w) [m], 0 where missing.
        label: uint8 (h, w), 0 = void, 1..N.
        has_rgb: whether the network is given RGB.
        has_depth: whether the network is given depth.
        places: float32 (h, w, 2), of each pixel the place x, y in the frame that it was taken from, in widths and
            heights of the frame, above 0 and below 1; 0 outside. None where nobody asked.
    """

    rgb: np.ndarray
    depth: np.ndarray
    label: np.ndarray
    has_rgb: bool
    has_depth: bool
    places: np.ndarray | None = None


class Augmenter:
    """Varies frames; see `Augmentation`.

    Args:
        config: how strongly.
        size: height and width of what comes out.
    """

    def __init__(self, config: Augmentation, size: tuple[int, int]) -> None:
        self.config = config
        self._geometry = geometry(config, size)
        self._colour = colour(config)

    def __call__(
        self,
        rgb: np.ndarray | None,
        depth: np.ndarray | None,
        label: np.ndarray,
        generator: np.random.Generator,
        with_places: bool = False,
    ) -> Sample:
        """One varied frame.

        Args:
            rgb: uint8 (H, W, 3), or None.
            depth: float32 (H, W) [m], 0 where missing, or None.
            label: uint8 (H, W).
            generator: random generator of every choice.
            with_places: also say where each pixel was taken from.
        """
        config = self.config
        has_rgb, has_depth = rgb is not None, depth is not None
        planes = {"places": places_in(*label.shape)} if with_places else {}
        image = np.broadcast_to(np.array(GREY, np.uint8), (*label.shape, 3)).copy() if rgb is None else rgb
        metres = np.zeros(label.shape, np.float32) if depth is None else depth
        if not config.enabled:
            return Sample(image, metres, label, has_rgb, has_depth, planes.get("places"))

        _seed(self._geometry, generator)
        warped = self._geometry(image=image, depth=metres, label=label, **planes)
        _seed(self._colour, generator)
        image = self._colour(image=warped["image"])["image"]  # depth is not even handed over
        metres = add_faults(warped["depth"], config.depth, generator)
        # One draw decides, so that never both are taken; a frame that has only one keeps it.
        draw = generator.random()
        if has_rgb and has_depth:
            has_depth = draw >= config.missing_depth
            has_rgb = not config.missing_depth <= draw < config.missing_depth + config.missing_rgb
        return Sample(image, metres, warped["label"], has_rgb, has_depth, warped.get("places"))


@functools.lru_cache(maxsize=8)
def places_in(height: int, width: int) -> np.ndarray:
    """Places of a frame's pixels in itself, float32 (H, W, 2); see `Sample.places`. Shared: not to be changed."""
    x, y = ((np.arange(side, dtype=np.float32) + 0.5) / side for side in (width, height))
    return np.stack(np.meshgrid(x, y), -1)


def geometry(config: Augmentation, size: tuple[int, int]) -> A.Compose:
    """Flip, rotation, distortion, zoom and crop to `size`, the same for `image`, `depth` and `label`.

    Depth and label are taken with nearest neighbour: no value is mixed from two, and missing stays missing.
    """
    height, width = size
    outside = {"border_mode": cv2.BORDER_CONSTANT, "fill": GREY, "fill_mask": 0}
    warps = [
        # Displacements of about 1 % of the width, smooth over about 2 % of it.
        A.ElasticTransform(alpha=width / 2, sigma=width / 64, approximate=True, p=1.0, **outside),
        A.GridDistortion(num_steps=5, distort_limit=0.2, p=1.0, **outside),
    ]
    limits = (config.scale[0] - 1.0, config.scale[1] - 1.0)
    return A.Compose(
        [
            A.HorizontalFlip(p=config.flip),
            A.Rotate(limit=(-config.rotate_deg, config.rotate_deg), p=config.rotate, **outside),
            A.OneOf(warps, p=config.warp),
            A.RandomScale(scale_limit=limits, p=0.0 if config.scale == (1.0, 1.0) else 1.0),
            A.PadIfNeeded(height, width, position="random", **outside),
            A.RandomCrop(height, width),
        ],
        additional_targets={"depth": "mask", "label": "mask", "places": "mask"},
        mask_interpolation=cv2.INTER_NEAREST,
    )


def colour(config: Augmentation) -> A.Compose:
    """Changes of an RGB image that leave every pixel in its place."""
    changes = [
        A.RandomBrightnessContrast(brightness_limit=0.3, contrast_limit=0.3, p=1.0),
        A.RandomGamma(gamma_limit=(60, 160), p=1.0),
        A.HueSaturationValue(hue_shift_limit=12, sat_shift_limit=40, val_shift_limit=0, p=1.0),
        A.CLAHE(clip_limit=(1.0, 3.0), p=1.0),
    ]
    return A.Compose(
        [
            A.SomeOf(changes, n=2, p=config.colour),
            A.OneOf(
                [A.GaussianBlur(sigma_limit=(0.3, 2.0), p=1.0), A.MotionBlur(blur_limit=(3, 7), p=1.0)], p=config.blur
            ),
            A.OneOf([A.GaussNoise(std_range=(0.01, 0.06), p=1.0), A.ISONoise(p=1.0)], p=config.noise),
        ]
    )


def _seed(transform: A.Compose, generator: np.random.Generator) -> None:
    """Give all transforms of a pipeline one random generator.

    `Compose.set_random_seed` would give every transform the same seed, and with it the same first draw: the frames
    that are flipped would always be those that are rotated.
    """
    seed = int(generator.integers(1 << 62))
    streams = np.random.default_rng(seed), random.Random(seed)
    pending: list = [transform]
    while pending:
        item = pending.pop()
        item.set_random_state(*streams)
        pending.extend(getattr(item, "transforms", ()))
