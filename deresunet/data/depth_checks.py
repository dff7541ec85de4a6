"""Signs in stored depth values: what stands for missing, and what was never depth."""

from __future__ import annotations

import numpy as np

from deresunet.errors import InputError

# A value is a sentinel if this share of the pixels has it and nothing else, and no other value comes near it.
SPIKE_SHARE = 0.001
SPIKE_RATIO = 1.5
# Values that writers use for missing; a spike at one of them needs less of a gap.
SENTINELS = (65535, 65534, 65504, 32767, 32768, 16383, 8191, 4095, 2047, 1023, 10000, 20000, 100000, 1e6, 1e9, 1e10)
KNOWN_RATIO = 1.15
_MOST_SENTINELS = 3
# No unit makes this a distance, and float32 still holds it.
BEYOND = np.float32(1e30)
# A drawn scene of two or three distances has spikes alone; a measured one has a value for each surface.
LEAST_VALUES = 16
# Kinect for Xbox 360: 11 bits of disparity, 2047 where there is none; a room fills about these.
_DISPARITY_MISSING = 2047
_DISPARITY_RANGE = (300, 1100)


def measured_mask(stored: np.ndarray, spikes: bool = True) -> tuple[np.ndarray, tuple[float, ...]]:
    """Pixels that hold depth, bool (H, W), and the values that were recognised as missing beside 0, NaN and inf.

    Args:
        stored: (H, W), integers or floats.
        spikes: look for values of which there are many, far from all else; 65535 of 16 bits is missing in any case.

    >>> depth = np.tile(np.arange(1000, 3000, dtype=np.uint16), (4, 1))
    >>> depth[:, :100] = 65535
    >>> measured_mask(depth)[1]
    (65535.0,)
    """
    mask = stored > 0  # False for NaN
    if np.issubdtype(stored.dtype, np.floating):
        mask &= stored < BEYOND
    found: list[float] = []
    if stored.dtype == np.uint16 and (stored == 0xFFFF).any():
        found.append(65535.0)
        mask &= stored != 0xFFFF
    least = max(int(SPIKE_SHARE * stored.size), 4)
    while spikes and len(found) < _MOST_SENTINELS:
        values = stored[mask]
        spike = _spike(values, least)
        if spike is None:
            break
        found.append(float(spike))
        mask &= stored != spike
    return mask, tuple(found)


def _spike(values: np.ndarray, least: int) -> np.generic | None:
    """The highest or lowest value if it is a spike far from all else."""
    if values.size < 2 * least:
        return None
    if len(np.unique(values[:: max(values.size // 4096, 1)])) < LEAST_VALUES:
        return None
    highest, lowest = values.max(), values.min()
    for value, below in ((highest, True), (lowest, False)):
        same = values == value
        if np.count_nonzero(same) < least:
            continue
        others = values[~same]
        next_to = float(others.max() if below else others.min())
        if below:
            ratio = KNOWN_RATIO if float(value) in SENTINELS else SPIKE_RATIO
            if float(value) >= ratio * next_to:
                return value
        elif next_to >= 10.0 * float(value):
            return value
    return None


def refuse_disparity(stored: np.ndarray, mask: np.ndarray, sentinels: tuple[float, ...]) -> None:
    """Raise `InputError` for a Kinect's raw disparities, in either order of bytes."""
    if stored.dtype not in (np.uint16, np.int16, np.int32):
        return
    way_out = (
        "Give depth in metres or millimetres (for the raw frames of NYU Depth v2: project_depth_map.m of its toolbox)."
    )
    measured = stored[mask]
    if not measured.size:
        return
    if _DISPARITY_MISSING in sentinels or stored.max() == _DISPARITY_MISSING:
        low, high = np.percentile(measured[measured < _DISPARITY_MISSING], (1, 99)) if measured.size else (0, 0)
        share = np.mean(stored == _DISPARITY_MISSING)
        if share >= SPIKE_SHARE and low >= _DISPARITY_RANGE[0] and high <= _DISPARITY_RANGE[1]:
            raise InputError(
                f"These are a Kinect's raw disparities (11 bits, 2047 where missing), not depth. {way_out}"
            )
    if stored.dtype == np.uint16 and measured.max() > 0x0FFF:
        swapped = stored.byteswap()
        if swapped.max() <= _DISPARITY_MISSING and np.median(swapped) >= _DISPARITY_RANGE[0]:
            raise InputError(f"These are a Kinect's raw disparities with their bytes swapped, not depth. {way_out}")


def refuse_stretched(stored: np.ndarray, mask: np.ndarray) -> None:
    """Raise `InputError` for 8 bits that were stretched to 16, and for relative depth that fills its range."""
    measured = stored[mask]
    if not measured.size:
        return
    way_out = "Give depth as it was measured, or its units per metre with --depth-unit NUMBER if it has any."
    if np.issubdtype(stored.dtype, np.integer):
        values = np.unique(measured).astype(np.int64)
        for factor in (255, 256, 257):
            if len(values) >= 5 and values[-1] <= 255 * factor and not (values % factor).any():
                raise InputError(
                    f"All values are multiples of {factor}: this is a picture of depth in 8 bits, stretched to 16, "
                    f"which has lost its metres. {way_out}"
                )
        # Relative (inverse) depth is scaled so that its largest value is the type's; a sensor's saturation is a spike.
        full = stored.dtype == np.uint16 and stored.max() == 0xFFFF
        spike = np.mean(stored == 0xFFFF) >= SPIKE_SHARE
        if full and not spike and len(values) > 300 and values[-1] > 0.98 * 0xFFFF and np.median(measured) > 7500:
            raise InputError(
                "The values run through to 65535, as relative (inverse) depth of a monocular network does that was "
                f"scaled to 16 bits: it has no unit, and near and far may be exchanged. {way_out}"
            )
    elif stored.max() == 1.0 and np.nanmin(stored) == 0.0 and np.mean(stored == 0.0) < SPIKE_SHARE:
        raise InputError(
            "The values run from exactly 0 to exactly 1, as relative (inverse) depth of a monocular network does: it "
            f"has no unit, and near and far may be exchanged. {way_out}"
        )


def name_colours(stored: np.ndarray) -> str:
    """Kind of a picture of depth in several channels: a grey picture, HHA, or a colour map."""
    if stored.ndim == 3 and stored.shape[2] >= 3:
        rgb = stored[..., :3].reshape(-1, 3)[:: max(stored.shape[0] * stored.shape[1] // 40_000, 1)].astype(np.int64)
        if (rgb[:, :1] == rgb[:, 1:]).all():
            return "a grey picture of depth in three channels"
        colours = len(np.unique(rgb @ (65536, 256, 1)))
        # A colour map is a curve through the colours; HHA's three channels vary each by itself.
        if colours > 1500 and colours > 0.1 * len(rgb):
            return "an HHA encoding of depth (disparity, height, angle), or a colour picture"
        return "depth drawn with a colour map"
    return "a colour picture of depth"


def near_and_far_exchanged(metres: np.ndarray) -> bool:
    """Whether the floor's side of a frame (H, W) [m] is the farther one, as in inverse depth."""
    third = max(len(metres) // 3, 1)
    upper, lower = metres[:third], metres[-third:]
    upper, lower = upper[upper > 0], lower[lower > 0]
    return bool(upper.size and lower.size and np.median(lower) > 1.3 * np.median(upper))
