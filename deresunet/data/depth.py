"""Depth: decoding of stored values to metres, and the reading that says how it was done and what looks wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from deresunet.data.depth_checks import (
    BEYOND,
    measured_mask,
    name_colours,
    near_and_far_exchanged,
    refuse_disparity,
    refuse_stretched,
)
from deresunet.data.depth_units import Proposal, Unit, describe_unit, is_room, parse_unit, propose, sampled
from deresunet.errors import InputError

# The SUN RGB-D toolbox (read_3d_pts_general.m) cuts its own encoding off here.
SUNRGBD_MAX_M = 8.0
ASPECT_TOLERANCE = 0.02
# Medians [m] that are not doubted in a unit that was given.
GIVEN_MEDIAN_M = (0.2, 15.0)
# How values are stored, as far as that can be seen: a unit is chosen for each kind by itself.
Kind = Literal["integers", "rotated", "floats"]
_ROTATED = "SUN RGB-D's rotation of 16 bits"


@dataclass(frozen=True)
class UnitChoice:
    """A unit that was recognised.

    Attributes:
        unit: a name of `deresunet.data.depth_units.UNITS`.
        reason: what it was recognised by.
        plausible: whether it gives a room.
        proposals: units that would, where it does not.
    """

    unit: str
    reason: str
    plausible: bool
    proposals: tuple[Proposal, ...] = ()


@dataclass(frozen=True)
class DepthReading:
    """How a frame's depth was understood, and what looks wrong about it.

    Attributes:
        encoding: type of the stored values, such as "uint16", and SUN RGB-D's rotation of bits.
        unit: name of the unit, or units per metre as text.
        detected: whether the unit was recognised (True) or given (False).
        reason: what it was recognised by.
        range_m: 1st and 99th percentile of measured depth [m], or None if nothing was measured.
        missing: share of pixels without depth, 0..1.
        sentinels: stored values that were taken for missing, besides 0, negative, NaN and infinite ones.
        warnings: what looks wrong and what to do.
        proposals: units that would give a plausible room, the most likely first.
    """

    encoding: str
    unit: str
    detected: bool
    reason: str
    range_m: tuple[float, float] | None
    missing: float
    sentinels: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    proposals: tuple[Proposal, ...] = ()

    @property
    def summary(self) -> str:
        """One line: encoding, unit, range, share missing."""
        span = "no depth" if self.range_m is None else f"{self.range_m[0]:.2f} to {self.range_m[1]:.2f} m"
        lacking = f"{self.missing:.1%} missing"
        if self.sentinels:
            lacking += f" (also {', '.join(f'{value:g}' for value in self.sentinels)})"
        return f"{self.encoding}, {describe_unit(self.unit)} ({self.reason}), {span}, {lacking}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "encoding": self.encoding,
            "unit": self.unit,
            "detected": self.detected,
            "reason": self.reason,
            "range_m": None if self.range_m is None else [round(value, 3) for value in self.range_m],
            "missing": round(self.missing, 4),
            "sentinels": [_plain(value) for value in self.sentinels],
            "warnings": list(self.warnings),
            "proposed_units": [proposal.unit for proposal in self.proposals],
        }


def decode_depth(
    stored: np.ndarray, unit: Unit = "auto", choices: Mapping[Kind, UnitChoice] | None = None
) -> tuple[np.ndarray, DepthReading]:
    """Decode stored values to metres.

    Args:
        stored: (H, W), (1, H, W) or (H, W, 1), integers of 16 bits or more, or floats; 8 bits with a unit alone. 0,
            negative and not finite values are missing depth, and so is a spike far from all else, such as 65535.
        unit: "auto", a name of `UNITS`, or stored values per metre.
        choices: units that were recognised for a whole folder; they take the place of a look at this frame alone.

    Returns:
        float32 (H, W) [m], 0 where missing, and the reading.

    Raises:
        InputError: the values cannot be depth, or not in that unit.

    Example:
        >>> metres, reading = decode_depth(np.full((40, 40), 15000, np.uint16), "tum")
        >>> metres[0, 0], reading.unit, reading.range_m
        (np.float32(3.0), 'tum', (3.0, 3.0))
    """
    name, per_metre = parse_unit(unit)
    stored = _checked(stored, given=name != "auto")
    # SUN RGB-D's own files have no sentinel, and published scores are on all that they hold.
    mask, sentinels = measured_mask(stored, spikes=name != "sunrgbd")
    if name == "auto":
        refuse_disparity(stored, mask, sentinels)
        refuse_stretched(stored, mask)
        kind = kind_of(stored, mask)
        choice = (choices or {}).get(kind) or choose_unit(kind, [stored[mask]])
        per_metre = parse_unit(choice.unit)[1]
    else:
        choice = UnitChoice(name, "as given", True)
    if choice.unit == "sunrgbd":
        metres = np.where(mask, _unrotate(stored), np.float32(0))
    else:
        metres = np.where(mask, stored, stored.dtype.type(0)).astype(np.float32) * np.float32(1.0 / per_metre)
    encoding = str(stored.dtype) + (f", {_ROTATED}" if choice.unit == "sunrgbd" else "")
    return metres, _read(metres, choice, name == "auto", encoding, sentinels, stored[mask])


def clean_metres(depth: np.ndarray) -> np.ndarray:
    """Depth float32 (H, W) [m] with 0 in the place of negative, NaN and infinite values."""
    bad = ~((depth >= 0) & (depth < BEYOND))
    return (np.where(bad, depth.dtype.type(0), depth) if bad.any() else depth).astype(np.float32, copy=False)


def read_metres(depth: np.ndarray) -> tuple[np.ndarray, DepthReading]:
    """Clean and check a float array (H, W) that is said to be in metres, as a file's is."""
    mask, sentinels = measured_mask(depth)
    metres = clean_metres(depth)
    if sentinels:
        metres = np.where(mask, metres, np.float32(0))
    measured = metres[mask]
    good = is_room(sampled(measured))
    proposals = () if good else propose(measured, "m")
    choice = UnitChoice("m", "arrays are in metres", good, proposals)
    return metres, _read(metres, choice, False, "array", sentinels, measured)


def kind_of(stored: np.ndarray, mask: np.ndarray) -> Kind:
    """How values (H, W) are stored; `mask` holds the measured ones."""
    if np.issubdtype(stored.dtype, np.floating):
        return "floats"
    measured = stored[mask]
    if not measured.size or measured.max() > 0xFFFF:
        return "integers"
    # Rotating 16 bits left by three leaves the low three bits empty below 8.192 m, and 001 up to 16.383 m. Plain
    # millimetres fill all eight patterns evenly, so the chance of taking them for rotated ones is nil.
    low = measured.astype(np.uint16) & 7
    rotated = np.mean(low <= 1) >= 0.99 and np.mean(low == 0) >= 0.5
    # Multiples of 8 that are a room as they are, or that share a larger step, are no rotation.
    return "rotated" if rotated and np.median(measured) / 8 >= 500 else "integers"


def choose_unit(kind: Kind, frames: Sequence[np.ndarray]) -> UnitChoice:
    """Recognise the unit of one frame or of a folder's.

    Args:
        kind: how all of them are stored.
        frames: stored values (N,) of each frame that are not missing.
    """
    frames = [sampled(values, 4000 if len(frames) > 1 else 20_000) for values in frames if values.size]
    together = np.concatenate(frames) if frames else np.zeros(0, np.float64)
    of = f" over {len(frames)} frames" if len(frames) > 1 else ""
    if not together.size:
        return UnitChoice("m" if kind == "floats" else "mm", "nothing was measured", True)
    if kind == "rotated" and is_room(_unrotate(together)):
        return UnitChoice("sunrgbd", f"the low three bits are empty{of}, as SUN RGB-D's rotation leaves them", True)
    tried = ("m", "mm") if kind == "floats" else ("mm",)
    for name in tried:
        if is_room(together / parse_unit(name)[1]):
            stored = "floats" if kind == "floats" else "integers"
            return UnitChoice(name, f"{stored} that give a room in {describe_unit(name)}{of}", True)
    assumed = tried[0]
    if kind == "floats" and float(np.median(together)) > 100:
        assumed = "mm"
    return UnitChoice(assumed, f"assumed{of}, since no unit is known", False, propose(together, assumed))


def align_depth(metres: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring depth (h, w) to `size` (H, W) with nearest neighbour: missing and measured pixels are never mixed.

    Raises:
        InputError: the aspect ratios differ by more than 2 %, so the two do not show the same view.
    """
    if metres.shape == size:
        return metres
    (h, w), (height, width) = metres.shape, size
    if not same_view(metres.shape, size):
        raise InputError(
            f"Depth is {w}x{h} and RGB {width}x{height}: the aspect ratios {w / h:.3f} and {width / height:.3f} "
            "differ by more than 2 %, so they do not show the same view. Give depth registered to RGB."
        )
    rows = ((np.arange(height) + 0.5) * h / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * w / width).astype(np.intp)
    return metres[rows[:, None], columns[None, :]]


def same_view(size: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two sizes (H, W) have one aspect ratio, to 2 %."""
    return abs((size[1] / size[0]) / (other[1] / other[0]) - 1.0) <= ASPECT_TOLERANCE


def _checked(stored: np.ndarray, given: bool) -> np.ndarray:
    """(H, W) of real numbers; `given` says that the unit is known, which 8 bits need."""
    while stored.ndim > 2 and stored.shape[0] == 1:
        stored = stored[0]
    while stored.ndim > 2 and stored.shape[-1] == 1:
        stored = stored[..., 0]
    if stored.ndim != 2 or not stored.size:
        what = name_colours(stored) if stored.ndim == 3 else "not an image"
        raise InputError(
            f"The depth file has the shape {stored.shape}: {what}, which has lost its metres. Give one channel: PNG, "
            "TIFF or PGM of 16 bits, or floats as TIFF, NPY or EXR."
        )
    eight = stored.dtype in (np.uint8, np.int8, np.bool_)
    if eight and (stored.dtype == np.bool_ or not given):
        raise InputError(
            "The depth file has 8 bits a pixel, too few for metres, and no unit is known for it. Give PNG, TIFF or PGM "
            "of 16 bits, floats as TIFF, NPY or EXR, or its units per metre with --depth-unit NUMBER."
        )
    if stored.dtype.kind not in "iuf":
        raise InputError(f"The depth file holds {stored.dtype}; expected integers of 16 bits or floats.")
    return stored if stored.dtype.isnative else stored.astype(stored.dtype.newbyteorder("="))


def _unrotate(stored: np.ndarray) -> np.ndarray:
    """Undo the rotation of 16 bits by three, as the SUN RGB-D toolbox does: float32 [m], cut off at 8 m."""
    if not np.issubdtype(stored.dtype, np.integer) or (stored.size and (stored.min() < 0 or stored.max() > 0xFFFF)):
        raise InputError(
            f"SUN RGB-D's depth encoding is of unsigned 16 bits; the file holds {stored.dtype} of other range. "
            "Choose another depth unit."
        )
    rotated = stored.astype(np.uint16)
    millimetres = (rotated >> 3) | (rotated << 13)
    return np.minimum(millimetres.astype(np.float32) * np.float32(0.001), np.float32(SUNRGBD_MAX_M))


def _read(
    metres: np.ndarray,
    choice: UnitChoice,
    detected: bool,
    encoding: str,
    sentinels: tuple[float, ...],
    measured: np.ndarray,
) -> DepthReading:
    """The reading of depth that was decoded as `choice` says, with its warnings."""
    known = sampled(metres[metres > 0])
    warnings: list[str] = []
    proposals = choice.proposals
    if not known.size:
        warnings.append("No pixel has depth.")
        span = None
    else:
        near, far = (float(value) for value in np.percentile(known, (1, 99)))
        span = (near, far)
        # Whoever gives a unit may show a close-up; only what no sensor measures is doubted then.
        given = not detected and encoding != "array"
        plausible = GIVEN_MEDIAN_M[0] <= np.median(known) <= GIVEN_MEDIAN_M[1] if given else choice.plausible
        if not plausible:
            proposals = proposals or propose(measured, choice.unit)
            warnings.append(_implausible(metres, choice.unit, span, proposals))
    missing = float(np.mean(metres <= 0))
    reason = choice.reason
    return DepthReading(
        encoding,
        choice.unit,
        detected,
        reason,
        span,
        missing,
        sentinels,
        tuple(warnings),
        proposals if warnings else (),
    )


def _implausible(metres: np.ndarray, unit: str, span: tuple[float, float], proposals: tuple[Proposal, ...]) -> str:
    said = f"Depth of {span[0]:.2g} to {span[1]:.2g} m in {describe_unit(unit)} is not a room's"
    if proposals:
        options = ", or ".join(proposal.unit for proposal in proposals[:3])
        said += f": {proposals[0]}; choose it if that is so (--depth-unit {options})"
    else:
        said += ": give its units per metre with --depth-unit NUMBER"
    if near_and_far_exchanged(metres):
        said += ". The frame's lower part is the farther one: relative or inverse depth cannot be used"
    return said + "."


def _plain(value: float) -> float | int | str:
    if not math.isfinite(value):
        return str(value)
    return int(value) if value == int(value) else value
