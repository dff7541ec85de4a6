"""Units of stored depth: names of sensors and data sets, and the unit that would give a plausible room."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deresunet.errors import InputError

# A unit as people give it: "auto", a name of `UNITS`, or stored values per metre, as a number or as text.
Unit = str | float

# Stored values per metre. "sunrgbd" is an encoding, too: bits rotated by three.
UNITS: dict[str, tuple[float, str]] = {
    "mm": (1000.0, "millimetres"),
    "m": (1.0, "metres"),
    "cm": (100.0, "centimetres"),
    "sunrgbd": (1000.0, "SUN RGB-D's bit-rotated millimetres"),
    "tum": (5000.0, "TUM RGB-D, ICL-NUIM, Bonn, ETH3D SLAM"),
    "kitti": (256.0, "KITTI, VOID, ZoeDepth's 16-bit files"),
    "d405": (10000.0, "RealSense D405, 0.1 mm"),
    "l515": (4000.0, "RealSense L515 and Matterport3D, 0.25 mm"),
    "sr300": (8000.0, "RealSense SR300 and SR305, 0.125 mm"),
    "2d3ds": (512.0, "2D-3D-S, Taskonomy"),
    "replica": (6553.5, "Replica as NICE-SLAM renders it"),
}
# What is proposed for depth that makes no room in the unit that it seemed to be in, and how much rarer each is than
# TUM's (in units of the natural logarithm of the median's distance from a room's).
_CANDIDATES = (
    *(("mm", 0.0), ("m", 0.0), ("tum", 0.0), ("kitti", 0.05), ("d405", 0.1), ("cm", 0.15)),
    *(("l515", 0.25), ("2d3ds", 0.35), ("replica", 0.4), ("sr300", 0.8)),
)
# A room: nine tenths of what was measured lie between these [m], and the median between the others. Of 904 frames of
# NYU Depth v2 the lowest median is 0.96 m and the highest 6.1 m.
ROOM_M = (0.3, 12.0)
MEDIAN_M = (0.9, 7.5)
TYPICAL_MEDIAN_M = 2.6
# A sample of this many pixels gives the percentiles of a frame to a few millimetres.
SAMPLE = 20_000


@dataclass(frozen=True)
class Proposal:
    """A unit that would give a plausible room.

    Attributes:
        unit: a name of `UNITS`, or values per metre as text.
        near_m: 1st percentile of depth in it [m].
        far_m: 99th percentile [m].
    """

    unit: str
    near_m: float
    far_m: float

    def __str__(self) -> str:
        per_metre, description = UNITS[self.unit]
        return f"1/{per_metre:g} m ({description}) would give {self.near_m:.1f} to {self.far_m:.1f} m"


def parse_unit(unit: Unit) -> tuple[str, float]:
    """Name and values per metre of a unit; "auto" has 0 of them.

    >>> parse_unit("TUM"), parse_unit("5000"), parse_unit(6553.5)
    (('tum', 5000.0), ('5000', 5000.0), ('6553.5', 6553.5))

    Raises:
        InputError: there is no such unit.
    """
    written = f"{unit:g}" if isinstance(unit, int | float) else str(unit).strip().lower().replace("_", "-")
    if written == "auto":
        return "auto", 0.0
    if written in UNITS:
        return written, UNITS[written][0]
    try:
        # 1/5000 is how people write the length of one unit.
        per_metre = float(written.removeprefix("1/").removesuffix(" m"))
    except ValueError:
        per_metre = math.nan
    if not (math.isfinite(per_metre) and 1e-3 <= per_metre <= 1e7):
        raise InputError(
            f"The depth unit is {unit!r}; expected auto, a name ({', '.join(UNITS)}), or the number of units per "
            "metre, such as 5000."
        )
    return f"{per_metre:g}", per_metre


def describe_unit(name: str) -> str:
    """A unit in words: "millimetres (mm)", "1/5000 m (tum: TUM RGB-D, ...)"."""
    if name not in UNITS:
        return f"1/{name} m"
    per_metre, description = UNITS[name]
    if description.endswith("metres") and name in ("mm", "m", "cm", "sunrgbd"):
        return f"{description} ({name})"
    return f"1/{per_metre:g} m ({name}: {description})"


def sampled(values: np.ndarray, size: int = SAMPLE) -> np.ndarray:
    """At most about `size` values, evenly taken from (N,)."""
    return values[:: max(len(values) // size, 1)]


def is_room(metres: np.ndarray) -> bool:
    """Whether depths (N,) [m] are a room's: most of them between 0.3 and 12 m, and not all of them near or far."""
    if not len(metres):
        return False
    inside = np.mean((metres >= ROOM_M[0]) & (metres <= ROOM_M[1]))
    return bool(inside >= 0.9 and MEDIAN_M[0] <= np.median(metres) <= MEDIAN_M[1])


def propose(measured: np.ndarray, unlike: str = "") -> tuple[Proposal, ...]:
    """Units in which stored values (N,) are a plausible room, the most likely first.

    Args:
        measured: stored values that are not missing.
        unlike: the unit that was tried.
    """
    values = sampled(measured).astype(np.float64)
    if not len(values):
        return ()
    step = _common_step(values)
    ranked = []
    for name, rarity in _CANDIDATES:
        per_metre = UNITS[name][0]
        metres = values / per_metre
        if name == unlike or not is_room(metres):
            continue
        # Millimetres that were multiplied betray the factor: each value is its multiple.
        evident = step > 1 and math.isclose(per_metre, 1000.0 * step)
        distance = abs(math.log(float(np.median(metres)) / TYPICAL_MEDIAN_M)) + rarity - (2.0 if evident else 0.0)
        near, far = np.percentile(metres, (1, 99))
        ranked.append((distance, Proposal(name, float(near), float(far))))
    return tuple(proposal for _, proposal in sorted(ranked, key=lambda item: item[0]))


def _common_step(values: np.ndarray) -> int:
    """Greatest common divisor of whole numbers; 1 for others."""
    if not np.array_equal(values, np.rint(values)) or values.max() > 1 << 40:
        return 1
    return int(np.gcd.reduce(np.unique(values.astype(np.int64))))
