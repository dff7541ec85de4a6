"""Depth files: decoding, units, and what was understood of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from deresunet.errors import InputError

DepthEncoding = Literal["auto", "mm", "sunrgbd", "m"]
ENCODINGS: dict[DepthEncoding, str] = {
    "auto": "detect it",
    "mm": "millimetres",
    "sunrgbd": "SUN RGB-D's bit-rotated millimetres",
    "m": "metres",
}
# The SUN RGB-D toolbox (read_3d_pts_general.m) cuts its own encoding off here.
SUNRGBD_MAX_M = 8.0
# Beyond this no indoor sensor measures; values that high mean that the encoding was misread.
PLAUSIBLE_MAX_M = 30.0
ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True)
class DepthReading:
    """Depth in metres, and how it was come by.

    Attributes:
        metres: float32 (H, W), 0 where missing.
        encoding: the encoding that was used, one of `ENCODINGS` other than "auto".
        detected: whether it was detected (True) or told (False).
        reason: what the detection went by.
        dtype: type of the stored values.
    """

    metres: np.ndarray
    encoding: DepthEncoding
    detected: bool
    reason: str
    dtype: str

    @property
    def range_m(self) -> tuple[float, float] | None:
        """Nearest and farthest measured depth [m], or None if nothing was measured."""
        measured = self.metres[self.metres > 0]
        return (float(measured.min()), float(measured.max())) if measured.size else None

    @property
    def missing(self) -> float:
        """Share of pixels without depth, 0..1."""
        return float((self.metres <= 0).mean())

    @property
    def warning(self) -> str:
        """What looks wrong about the result, or nothing."""
        if self.range_m is None:
            return "no pixel has depth"
        median = float(np.median(self.metres[self.metres > 0]))
        if 0.1 <= median <= PLAUSIBLE_MAX_M:
            return ""
        return f"the median depth of {median:.3g} m is not a room's: choose another depth encoding"


def decode_depth(stored: np.ndarray, encoding: DepthEncoding = "auto") -> DepthReading:
    """Metres from values as they lie in a file.

    Args:
        stored: (H, W), unsigned or signed integers of 16 bits or more, or floats. 0, negative and not finite values
            are missing depth.
        encoding: how to read them; "auto" goes by dtype, range and bit pattern.

    Raises:
        InputError: these values cannot be depth, or not in that encoding.
    """
    if encoding not in ENCODINGS:
        raise InputError(f"depth encoding is {encoding!r}; expected one of {', '.join(ENCODINGS)}.")
    if stored.ndim == 3 and stored.shape[2] == 1:
        stored = stored[..., 0]
    if stored.ndim != 2:
        raise InputError(
            f"the depth file has the shape {stored.shape}: a colour picture of depth has lost its metres. "
            "Give one channel: PNG or TIFF of 16 bits, TIFF or NPY of floats."
        )
    if stored.dtype in (np.uint8, np.int8, np.bool_):
        raise InputError(
            "the depth file has 8 bits a pixel, too few for metres, and no unit is known for it. "
            "Give PNG or TIFF of 16 bits, TIFF or NPY of floats."
        )
    integers = np.issubdtype(stored.dtype, np.integer)
    if not integers and not np.issubdtype(stored.dtype, np.floating):
        raise InputError(f"the depth file holds {stored.dtype}; expected integers of 16 bits or floats.")

    if encoding == "auto":
        used, reason = _detect(stored)
    else:
        used, reason = encoding, "as told"
    if used == "sunrgbd":
        metres = _decode_sunrgbd(stored)
    else:
        metres = stored.astype(np.float32) * np.float32(1.0 if used == "m" else 0.001)
    metres = np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(0))
    return DepthReading(metres, used, encoding == "auto", reason, str(stored.dtype))


def align_depth(metres: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Depth (h, w) brought to `size` (H, W) with nearest neighbour: missing and measured pixels are never mixed.

    Raises:
        InputError: the aspect ratios differ by more than 2 %, so the two do not show the same view.
    """
    if metres.shape == size:
        return metres
    (h, w), (height, width) = metres.shape, size
    if abs((w / h) / (width / height) - 1.0) > ASPECT_TOLERANCE:
        raise InputError(
            f"depth is {w}x{h} and RGB {width}x{height}: the aspect ratios {w / h:.3f} and {width / height:.3f} "
            "differ by more than 2 %, so they do not show the same view. Give depth registered to RGB."
        )
    rows = ((np.arange(height) + 0.5) * h / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * w / width).astype(np.intp)
    return metres[rows[:, None], columns[None, :]]


def _decode_sunrgbd(stored: np.ndarray) -> np.ndarray:
    """Undo the rotation of 16 bits by three, as the SUN RGB-D toolbox does: millimetres, cut off at 8 m."""
    if not np.issubdtype(stored.dtype, np.integer) or stored.min() < 0 or stored.max() > 0xFFFF:
        raise InputError(
            f"SUN RGB-D's depth encoding is of unsigned 16 bits; the file holds {stored.dtype} of other range. "
            "Choose mm or m."
        )
    rotated = stored.astype(np.uint16)
    millimetres = (rotated >> 3) | (rotated << 13)
    return np.minimum(millimetres.astype(np.float32) * np.float32(0.001), np.float32(SUNRGBD_MAX_M))


def _detect(stored: np.ndarray) -> tuple[DepthEncoding, str]:
    """The encoding that `stored` is in, and what says so."""
    measured = stored[np.isfinite(stored) & (stored > 0)]
    if np.issubdtype(stored.dtype, np.floating):
        median = float(np.median(measured)) if measured.size else 0.0
        if median <= PLAUSIBLE_MAX_M:
            return "m", f"floats with a median of {median:.3g}, which is plausible in metres"
        return "mm", f"floats with a median of {median:.5g}, too far for metres"
    if not measured.size or measured.max() > 0xFFFF:
        return "mm", "integers are millimetres"
    # Rotating 16 bits left by three leaves the low three bits empty below 8.192 m, and 001 up to 16.383 m. Plain
    # millimetres fill all eight patterns evenly, so the chance of taking them for rotated ones is nil.
    low = measured.astype(np.uint16) & 7
    rotated = np.mean(low <= 1) >= 0.99 and np.mean(low == 0) >= 0.5
    if rotated and np.median(measured) / 8 >= 500:
        return "sunrgbd", "the low three bits are empty, as SUN RGB-D's rotation leaves them"
    return "mm", "integers whose low bits are in use are plain millimetres"
