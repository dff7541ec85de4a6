"""Depth: decoding of stored values to metres, and the reading that says how it was done and what looks wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deresunet.data.arrays import nearest
from deresunet.data.depth_checks import (
    BEYOND,
    measured_mask,
    name_colours,
    near_and_far_exchanged,
    refuse_disparity,
    refuse_stretched,
)
from deresunet.data.depth_unit_choice import GIVEN_MEDIAN_M, Kind, UnitChoice, choice_of_frame, unrotate
from deresunet.data.depth_units import (
    Proposal,
    Unit,
    describe_unit,
    is_room,
    parse_unit,
    propose,
    sampled,
)
from deresunet.errors import InputError

ASPECT_TOLERANCE = 0.02
_ROTATED = "SUN RGB-D's rotation of 16 bits"


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
        lacking = f"{100 * self.missing:.1f} % missing"
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
        choices: units that were recognised for a whole data set, see `deresunet.data.depth_unit_choice`. They take the
            place of a look at this frame alone, unless its values cannot be in them.

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
        choice = choice_of_frame(stored[mask], choices or {})
        per_metre = parse_unit(choice.unit)[1]
    else:
        choice = UnitChoice(name, "stated", True)
    if choice.unit == "sunrgbd":
        metres = np.where(mask, unrotate(stored), np.float32(0))
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
    return nearest(metres, size)


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
        # Depth of a given unit may show a close-up, and so may a frame of a data set; only what no sensor measures is
        # doubted then.
        given = not detected and encoding != "array"
        measurable = GIVEN_MEDIAN_M[0] <= np.median(known) <= GIVEN_MEDIAN_M[1]
        if choice.doubt:
            warnings.append(choice.doubt)
        elif not (measurable and (given or choice.plausible)):
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
    near, far = (f"{value:,.0f}" if value >= 100 else f"{value:.2g}" for value in span)
    said = f"Depth of {near} to {far} m in {describe_unit(unit)} is not a room's"
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
