"""Depth of a whole data set: its unit over many files, and planar depth of distances along the ray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from deresunet.data.depth_checks import measured_mask
from deresunet.data.depth_unit_choice import GIVEN_MEDIAN_M, Kind, UnitChoice, choose_units
from deresunet.data.depth_units import describe_unit, is_room, parse_unit, sampled
from deresunet.data.files import read_stored_depth
from deresunet.data.layouts import Layout
from deresunet.errors import InputError

# Frames, evenly taken from a split, whose depth decides on the folder's unit.
UNIT_FRAMES = 12


def recognise_units(
    files: Sequence[Path], key: str | None = None, layout: Layout | None = None
) -> Mapping[Kind, UnitChoice]:
    """Recognise the unit of many depth files together, over `UNIT_FRAMES` evenly taken; see `choose_units`.

    Args:
        files: depth files of one data set; those that cannot be read are left out, and said when their frame is read.
        key: name of the array in NPZ files, or of the channel in EXR files.
        layout: their layout, whose unit is taken unless the values cannot be in it.
    """
    looked_at = []
    for path in files[:: max(-(-len(files) // UNIT_FRAMES), 1)]:
        try:
            stored = read_stored_depth(path, key)
        except InputError:
            continue
        if stored.ndim == 2 and stored.dtype.kind in "iuf" and stored.dtype.itemsize > 1:
            mask, _ = measured_mask(stored)
            looked_at.append(stored[mask])
    choices = choose_units(looked_at)
    if layout is None or layout.depth_unit == "auto" or not any(values.size for values in looked_at):
        return choices
    return {kind: _choice_of_layout(choice, np.concatenate(looked_at), layout) for kind, choice in choices.items()}


def _choice_of_layout(recognised: UnitChoice, values: np.ndarray, layout: Layout) -> UnitChoice:
    """The unit of a layout, unless stored values (N,) cannot be in it; a doubt where another makes a better room."""
    metres = sampled(values) / parse_unit(layout.depth_unit)[1]
    if not GIVEN_MEDIAN_M[0] <= np.median(metres) <= GIVEN_MEDIAN_M[1]:
        return recognised
    doubt = ""
    if not is_room(metres) and recognised.plausible:
        doubt = (
            f"Depth is taken to be in {describe_unit(layout.depth_unit)}, as {layout.title} has it, a median of "
            f"{np.median(metres):.2f} m. {describe_unit(recognised.unit)} would make a room of it: say which it is "
            f"(--depth-unit {layout.depth_unit}, or {recognised.unit})."
        )
    return UnitChoice(layout.depth_unit, f"as {layout.title} has it", True, doubt=doubt)


def planar_depth(distance: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Planar depth of distances along the ray, float32 (H, W) [m].

    A pixel's ray has the direction ((u - cx) / fx, (v - cy) / fy, 1), by whose length the distance is divided
    (https://github.com/apple/ml-hypersim/issues/9).

    >>> planar_depth(np.full((1, 2), 5.0, np.float32), np.array([[3.0, 0, 0], [0, 3, 0], [0, 0, 1]]))[0, 0]
    np.float32(5.0)
    """
    height, width = distance.shape
    x = (np.arange(width) - intrinsics[0, 2]) / intrinsics[0, 0]
    y = (np.arange(height) - intrinsics[1, 2]) / intrinsics[1, 1]
    length = np.sqrt(1.0 + x[None, :] ** 2 + y[:, None] ** 2)
    return (distance / length).astype(np.float32)
