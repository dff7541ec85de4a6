"""From a renderer's radiance to the picture a camera's maker would have delivered: exposure, white balance, curve."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .scene import Sensor

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709
# How bright a sensor's pictures are, and how much of a cast its white balance takes away: lowest, highest.
EXPOSURE: Mapping[Sensor, tuple[float, float]] = {
    "kv1": (0.85, 1.25),
    "kv2": (0.75, 1.2),
    "realsense": (0.7, 1.15),
    "xtion": (0.8, 1.2),
}
BALANCE: Mapping[Sensor, tuple[float, float]] = {
    "kv1": (0.5, 0.85),
    "kv2": (0.6, 0.9),
    "realsense": (0.5, 0.85),
    "xtion": (0.4, 0.8),
}
KEY = 0.2  # where the picture's middle comes to lie, linear
CLIPPED = 0.97  # part of the pixels that should stay below `WHITE`
WHITE = 3.0


def develop(radiance: np.ndarray, rng: np.random.Generator, sensor: Sensor) -> np.ndarray:
    """An sRGB picture of a frame's radiance.

    Args:
        radiance: (H, W, 3), linear, any scale; what is negative or not finite counts as black.
        rng: exposure and balance vary with it.
        sensor: whose habits to take.

    Returns:
        uint8 (H, W, 3), sRGB.
    """
    linear = np.nan_to_num(np.maximum(radiance, 0), nan=0.0, posinf=0.0).astype(np.float32)
    exposure, balance = rng.uniform(*EXPOSURE[sensor]), rng.uniform(*BALANCE[sensor])
    sample = linear[::2, ::2].reshape(-1, 3)
    bright = sample @ LUMINANCE
    scale = float(np.exp(np.mean(np.log(bright + 1e-4 * max(float(bright.mean()), 1e-9)))))
    if scale <= 0 or not np.isfinite(scale):
        return np.zeros(linear.shape, np.uint8)
    # grey world over what is neither dark nor burnt out
    middle = (bright > 0.2 * scale) & (bright < 5 * scale)
    cast = sample[middle].mean(0) if middle.any() else np.ones(3, np.float32)
    gains = (float(cast @ LUMINANCE) / np.maximum(cast, 1e-4 * cast.max() + 1e-12)) ** balance
    # The geometric mean sets the middle; much that is bright lowers it by a stop at most.
    high = float(np.percentile(bright, 100 * CLIPPED)) * KEY / scale
    gain = exposure * KEY / scale * float(np.clip(WHITE / max(high, 1e-9), 0.5, 1.0))
    return encode(filmic(linear * (gains * gain).astype(np.float32)))


def filmic(linear: np.ndarray) -> np.ndarray:
    """Narkowicz's fit of the ACES curve (2016), with middle grey kept where it was: float32, 0..1."""
    x = linear * 0.62
    return np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)


def encode(linear: np.ndarray) -> np.ndarray:
    """The transfer function of sRGB (IEC 61966-2-1) on 0..1, by a table: uint8."""
    return _TABLE[np.minimum(linear * (len(_TABLE) - 1) + 0.5, len(_TABLE) - 1).astype(np.uint16)]


def _table(steps: int = 16384) -> np.ndarray:
    x = np.linspace(0, 1, steps)
    coded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    return np.rint(coded * 255).astype(np.uint8)


_TABLE = _table()
