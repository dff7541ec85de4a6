"""Checks of a folder's label files for sense, before anything is scored with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deresunet.classes import BUILT_IN
from deresunet.data.label_exports import refuse_binary
from deresunet.data.labels import LabelFormat
from deresunet.errors import InputError

# Files, evenly taken from a split, that are looked at; fewer than the second prove nothing about absent values.
FILES = 32
ENOUGH_FILES = 10
# Number of files that count to different numbers from which each is taken to count by itself.
FEW_FILES = 3
# Frames whose predictions are tried against labels moved by one.
SHIFT_FRAMES = 5


def check_labels(paths: Sequence[Path], format: LabelFormat) -> None:
    """Refuse label files whose values, over a folder, are not what `format` says.

    With an offset or a void value given, what the files hold is known, and only the range is checked.

    Raises:
        InputError: the message has the reason and the option to give.
    """
    taken = list(paths)[:: max(-(-len(paths) // FILES), 1)]
    values: set[int] = set()
    outside: list[InputError] = []
    gapless: list[int] = []  # k of files that hold 1..k without a gap
    for path in taken:
        try:
            stored = format.stored(path)
            present = {int(value) for value in np.unique(stored)}
            values |= present
            gapless.append(len(present - {0}) if present - {0} == set(range(1, len(present - {0}) + 1)) else 0)
        except InputError:
            continue  # said, or skipped, when that frame is read
        try:
            format.decode(stored, path.name)
        except InputError as error:
            outside.append(error)
    if format.tool is None:
        refuse_binary(np.array(sorted(values)), f"Each of the {len(taken)} label files looked at")
    if len(outside) > len(taken) / 2:
        raise InputError(f"{outside[0]} So it is in {len(outside)} of the {len(taken)} label files looked at.")
    if format.offset is not None or format.void is not None or format.tool is not None or not values:
        return
    nobody_said = format.values in BUILT_IN.values()  # of classes that were named, any may be absent
    if nobody_said and len(gapless) >= FEW_FILES and all(gapless) and len(set(gapless)) >= FEW_FILES:
        raise InputError(
            f"Each of the {len(taken)} label files looked at counts from 1 to a number of its own, without a gap "
            f"({min(gapless)} to {max(gapless)}): numbers of that image's labels, as labelme writes them, and no "
            "classes. Give labelme's JSON files as labels, or put each one beside its label file under the same name, "
            "or pass --label-offset 0 if they are right as they are."
        )
    if len(taken) < ENOUGH_FILES:
        return
    label_set, present, highest = format.values, values - {0}, max(values)
    keep = "or --label-offset 0 if they are right as they are"
    seen = f"The values of {len(taken)} label files run from {min(values)} to {highest}"
    built_in = label_set in BUILT_IN.values()
    # A rare last class may be absent; of one's own few classes, all others have to be there to say so.
    if (
        0 in values
        and highest == len(label_set) - 1
        and (label_set.name == "nyu40" if built_in else len(values) == len(label_set))
    ):
        counted = "NYU40" if built_in else f"the {len(label_set)} classes of {label_set.name}"
        raise InputError(
            f"{seen}: {counted} counted from 0, where 0 is {label_set.display_name(1)}. Pass --label-offset 1 (void is "
            f"then 255), {keep}."
        )
    if label_set.name in ("nyu40", "sunrgbd37"):
        for name, least in (("nyu13", 10), ("scannet20", 16)):
            # A folder of rooms with all of a coarse set's classes and none above it is labelled in that set.
            if highest <= len(BUILT_IN[name]) and len(present) >= least:
                raise InputError(
                    f"{seen}, all of {name} and none above, though {label_set.name} counts to {len(label_set)}. Pass "
                    f"--label-set {name}, {keep}."
                )


def check_shift(matrix: np.ndarray, frames: int) -> None:
    """Refuse labels that fit the predictions far better when they are moved by one.

    Args:
        matrix: pooled confusion matrix of a few frames, int64 (N, N + 1); rows are the ground truth.
        frames: number of frames in it.

    Raises:
        InputError: the message has both accuracies and the option to give.

    Example:
        >>> right = np.eye(32, 33, dtype=np.int64) * 64
        >>> check_shift(right, 1)
        >>> check_shift(np.roll(right, 1, 1), 1)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        deresunet.errors.InputError: The first 1 labels agree with ... Pass --label-offset 1 ...
    """
    total = matrix.sum()
    if not total:
        return
    own = matrix[:, : len(matrix)]
    as_is = float(np.trace(own) / total)
    # What has been void is not in the matrix: the first class of labels that count from 0.
    for offset, known in ((1, own.sum()), (-1, own[1:].sum())):
        right = np.diagonal(own, offset)
        accuracy = float(right.sum() / max(known, 1))
        # One class that is taken for the next proves nothing; three that move alike do.
        moving = np.count_nonzero(right > 0.005 * total)
        if as_is < 0.15 and accuracy > as_is + 0.15 and moving >= 3:
            raise InputError(
                f"The first {frames} labels agree with the prediction on {100 * as_is:.0f} % of their pixels as "
                f"they are, and on {100 * accuracy:.0f} % when {offset:+d} is added: they count from "
                f"{'0' if offset == 1 else '2'}. Pass --label-offset {offset}"
                f"{' (void is then 255)' if offset == 1 else ''}, or --label-offset 0 if they are right as they are."
            )
