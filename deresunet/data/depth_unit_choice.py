"""Recognition of the unit of depth by stored values, of one frame or of a whole data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from deresunet.data.depth_checks import LEAST_VALUES
from deresunet.data.depth_units import MEDIAN_M, Proposal, describe_unit, is_room, parse_unit, propose, sampled
from deresunet.errors import InputError

# The SUN RGB-D toolbox (read_3d_pts_general.m) cuts its own encoding off here.
SUNRGBD_MAX_M = 8.0
# Medians [m] that are not doubted in a unit that was given.
GIVEN_MEDIAN_M = (0.2, 15.0)
# How values are stored: a data set has one unit for its integers and one for its floats.
Kind = Literal["integers", "floats"]


@dataclass(frozen=True)
class UnitChoice:
    """A unit that was recognised.

    Attributes:
        unit: a name of `deresunet.data.depth_units.UNITS`.
        reason: what it was recognised by.
        plausible: whether it gives a room.
        proposals: units that would, where it does not.
        doubt: what speaks for another unit, as a sentence with the option to give; or "".
    """

    unit: str
    reason: str
    plausible: bool
    proposals: tuple[Proposal, ...] = ()
    doubt: str = ""


def choose_units(frames: Sequence[np.ndarray]) -> dict[Kind, UnitChoice]:
    """Recognise the unit of a data set, over all frames that are looked at: one for integers and one for floats.

    Args:
        frames: stored values (N,) of each frame that are not missing.
    """
    kinds: dict[Kind, list[np.ndarray]] = {}
    for values in frames:
        kinds.setdefault(_kind_of(values), []).append(values)
    return {kind: choose_unit(of_kind) for kind, of_kind in kinds.items()}


def choose_unit(frames: Sequence[np.ndarray]) -> UnitChoice:
    """Recognise the unit of one frame or of several together, all of integers or all of floats.

    Args:
        frames: stored values (N,) of each frame that are not missing.
    """
    frames = [sampled(values, 4000 if len(frames) > 1 else 20_000) for values in frames if values.size]
    if not frames:
        return UnitChoice("mm", "nothing was measured", True)
    floats = _kind_of(frames[0]) == "floats"
    of = f" over {len(frames)} frames" if len(frames) > 1 else ""
    rotated = [values for values in frames if _seems_rotated(values)]
    if len(rotated) > len(frames) / 2:
        choice = _choose_rotated(np.concatenate(rotated), of)
        if choice is not None:
            return choice
    together = np.concatenate(frames)
    tried = ("m", "mm") if floats else ("mm",)
    for name in tried:
        if is_room(together / parse_unit(name)[1]):
            stored = "floats" if floats else "integers"
            return UnitChoice(name, f"{stored} that give a room in {describe_unit(name)}{of}", True)
    assumed = tried[0]
    if floats and float(np.median(together)) > 100:
        assumed = "mm"
    return UnitChoice(assumed, f"assumed{of}, since no unit is known", False, propose(together, assumed))


def _kind_of(values: np.ndarray) -> Kind:
    return "floats" if np.issubdtype(values.dtype, np.floating) else "integers"


def _seems_rotated(values: np.ndarray) -> bool:
    """Whether stored values (N,) have the low bits of SUN RGB-D's rotation.

    Rotating 16 bits left by three leaves the low three bits empty below 8.192 m, and 001 up to 16.383 m. Plain
    millimetres fill all eight patterns evenly, so the chance of taking them for rotated ones is nil.
    """
    if _kind_of(values) == "floats" or not values.size or values.max() > 0xFFFF:
        return False
    return bool(np.mean((values.astype(np.uint16) & 7) <= 1) >= 0.99)


def _choose_rotated(values: np.ndarray, of: str) -> UnitChoice | None:
    """SUN RGB-D's encoding for values (N,) that have its low bits, if it gives a room or a close-up."""
    reason = f"the low three bits are empty{of}, as SUN RGB-D's rotation leaves them"
    metres, plain = unrotate(values), values / 1000.0
    if is_room(metres):
        return UnitChoice("sunrgbd", reason, True)
    near_by = GIVEN_MEDIAN_M[0] <= np.median(metres) <= MEDIAN_M[0]
    # Millimetres that were rounded to 16 or 40 share more than the rotation's factor of 8; a few values prove nothing.
    near_values = np.unique(values[values & 7 == 0]).astype(np.int64)
    if not near_by or np.gcd.reduce(near_values) != 8 or len(near_values) < LEAST_VALUES:
        return None
    near, far = np.percentile(metres, (1, 99))
    plain_near, plain_far = np.percentile(plain, (1, 99))
    doubt = (
        f"Depth is taken to be in SUN RGB-D's encoding, since {reason}: a close-up of {near:.2f} to {far:.2f} m. In "
        f"millimetres it would be {plain_near:.1f} to {plain_far:.1f} m. Say which it is (--depth-unit sunrgbd, or mm)."
    )
    return UnitChoice("sunrgbd", reason, True, (Proposal("mm", float(plain_near), float(plain_far)),), doubt)


def choice_of_frame(values: np.ndarray, choices: Mapping[Kind, UnitChoice]) -> UnitChoice:
    """Unit of one frame's stored values (N,): its data set's, unless the values cannot be in it."""
    choice = choices.get(_kind_of(values))
    if choice is None:
        return choose_unit([values])
    if not values.size or _seems_rotated(values) == (choice.unit == "sunrgbd"):
        return choice
    alone = choose_unit([values])
    # Depth in whole multiples of 8 mm happens; depth without the rotation's low bits was never rotated.
    if choice.unit != "sunrgbd" and (alone.doubt or alone.unit != "sunrgbd" or is_room(sampled(values) / 1000.0)):
        return choice
    doubt = (
        f"The data set's other frames are in {describe_unit(choice.unit)}, in which this one makes no sense: it is "
        f"read in {describe_unit(alone.unit)}. Give its unit in meta/, or the data set's with --depth-unit."
    )
    return replace(alone, doubt=doubt)


def unrotate(stored: np.ndarray) -> np.ndarray:
    """Undo the rotation of 16 bits by three, as the SUN RGB-D toolbox does: float32 [m], cut off at 8 m."""
    if not np.issubdtype(stored.dtype, np.integer) or (stored.size and (stored.min() < 0 or stored.max() > 0xFFFF)):
        raise InputError(
            f"SUN RGB-D's depth encoding is of unsigned 16 bits; the file holds {stored.dtype} of other range. "
            "Choose another depth unit."
        )
    rotated = stored.astype(np.uint16)
    millimetres = (rotated >> 3) | (rotated << 13)
    return np.minimum(millimetres.astype(np.float32) * np.float32(0.001), np.float32(SUNRGBD_MAX_M))
