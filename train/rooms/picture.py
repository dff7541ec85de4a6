"""What a colour camera adds to a picture: exposure, white balance, vignetting, blur and noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from train.rooms.scene import Sensor


@dataclass(frozen=True)
class ColourCamera:
    """How one camera's colour picture differs from what was there. Pairs are ranges that are drawn from, evenly.

    Attributes:
        exposure: standard deviation of the exposure's error [stops].
        white_balance: standard deviation of the gain of red and of blue, as a logarithm.
        vignetting: light lost in the corners, 0..1.
        blur: standard deviation of the optics' blur [px at a width of 640].
        sharpening: how much of the difference to a blurred copy the camera adds.
        shot: noise of a full well as a share of white; noise of light grows with the root of its amount.
        read: noise of black, as a share of white, before encoding.
        motion: share of frames that were moved while they were taken.
        quality: of JPEG.
    """

    exposure: float = 0.15
    white_balance: float = 0.03
    vignetting: tuple[float, float] = (0.05, 0.25)
    blur: tuple[float, float] = (0.4, 0.8)
    sharpening: tuple[float, float] = (0.0, 0.5)
    shot: tuple[float, float] = (0.004, 0.012)
    read: tuple[float, float] = (0.0005, 0.002)
    motion: float = 0.1
    quality: tuple[int, int] = (85, 95)


# The Kinects' colour cameras as SUN RGB-D's frames show them: v1 soft, sharpened and noisy, v2 (binned from 1920x1080)
# clean; the RealSense is a tablet's camera with a short lens, the Xtion the noisiest.
CAMERAS: Mapping[Sensor, ColourCamera] = MappingProxyType(
    {
        "kv1": ColourCamera(blur=(0.5, 0.9), sharpening=(0.2, 0.8)),
        "kv2": ColourCamera(blur=(0.3, 0.6), shot=(0.003, 0.008), read=(0.0003, 0.001)),
        "realsense": ColourCamera(blur=(0.4, 0.8), vignetting=(0.15, 0.4), shot=(0.005, 0.014)),
        "xtion": ColourCamera(blur=(0.5, 1.0), sharpening=(0.3, 1.0), shot=(0.006, 0.016), read=(0.001, 0.003)),
    }
)

_REFERENCE_WIDTH = 640
_MOTION_PX = (2, 6)
# Chroma's noise after a Bayer filter is coarser than luma's and about as strong.
_CHROMA = 0.6


def take_picture(image: np.ndarray, camera: ColourCamera, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """A developed picture with the camera's errors.

    Args:
        image: uint8 (H, W, 3), sRGB.
        camera: which errors.
        rng: where all chance comes from.

    Returns:
        uint8 (H, W, 3), and the quality (1..100) that the camera stores it with as JPEG.
    """
    quality = int(rng.integers(camera.quality[0], camera.quality[1] + 1))
    blurred = _blurred(image, camera, image.shape[1] / _REFERENCE_WIDTH, rng)
    balance = rng.normal(0.0, camera.white_balance, 3) * [1.0, 0.0, 1.0]
    gains = np.exp2(rng.normal(0.0, camera.exposure)) * np.exp(balance)
    linear = cv2.LUT(blurred, (_LINEAR[:, None] * gains).astype(np.float32)[None])
    light = _vignette(image.shape[:2], rng.uniform(*camera.vignetting))
    linear *= cv2.merge([light] * 3)  # NumPy is slow at broadcasting over three channels
    _add_noise(linear, rng.uniform(*camera.shot), rng.uniform(*camera.read), rng)
    # The encoding is looked up in 4,096 steps: finer than the 8 bits that come out, but for the deepest black.
    last = len(_ENCODED) - 1
    linear *= np.float32(last)
    linear += np.float32(0.5)
    np.clip(linear, 0, last, out=linear)
    return np.take(_ENCODED, linear.astype(np.uint16)), quality


def _blurred(image: np.ndarray, camera: ColourCamera, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Motion, optics, then what sharpening the camera does against them: uint8 (H, W, 3).

    All three work on encoded values: over a pixel or two, that is hardly told from linear light, and is quick.
    """
    sigma = rng.uniform(*camera.blur) * scale
    sharpening = rng.uniform(*camera.sharpening)
    moved, angle, length = rng.random() < camera.motion, rng.uniform(0, np.pi), rng.uniform(*_MOTION_PX) * scale
    if moved:
        image = cv2.filter2D(image, -1, _motion_kernel(angle, length))
    soft = cv2.GaussianBlur(image, (0, 0), sigma)
    if sharpening > 0:
        soft = cv2.addWeighted(soft, 1 + sharpening, cv2.GaussianBlur(soft, (0, 0), 1.2 * scale), -sharpening, 0)
    return soft


def _motion_kernel(angle: float, length: float) -> np.ndarray:
    """A line of `length` [px] through the middle, float32 (n, n) that sums to 1."""
    reach = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for along in np.linspace(-length / 2, length / 2, 8 * reach):
        kernel[round(reach + along * np.sin(angle)), round(reach + along * np.cos(angle))] += 1
    return kernel / kernel.sum()


def _vignette(size: tuple[int, int], loss: float) -> np.ndarray:
    """Light that is left: float32 (H, W), 1 in the middle and 1 - loss in the corners."""
    height, width = size
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    radius = (x * x * width**2 + y * y * height**2) / (width**2 + height**2)  # squared, 1 in the corners
    return 1.0 - np.float32(loss) * radius


def _add_noise(linear: np.ndarray, shot: float, read: float, rng: np.random.Generator) -> None:
    """Add light's own noise and the reader's, in place; a Bayer filter's neighbours share their chroma's."""
    height, width = linear.shape[:2]
    luma = rng.standard_normal((height, width), np.float32)
    coarse = rng.standard_normal(((height + 1) // 2, (width + 1) // 2, 3), np.float32) * np.float32(_CHROMA)
    chroma = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    chroma += cv2.merge([luma] * 3)
    np.maximum(linear, 0, out=linear)
    sigma = linear * np.float32(shot**2)
    sigma += np.float32(read**2)
    np.sqrt(sigma, out=sigma)
    sigma *= chroma
    linear += sigma


def _srgb_encoded() -> np.ndarray:
    """uint8 (4096,): sRGB's encoding of 0..1 (IEC 61966-2-1)."""
    linear = np.arange(4096) / 4095
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 255).astype(np.uint8)


def _srgb_linear() -> np.ndarray:
    """float32 (256,): the inverse."""
    encoded = np.arange(256) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


_ENCODED, _LINEAR = _srgb_encoded(), _srgb_linear()
