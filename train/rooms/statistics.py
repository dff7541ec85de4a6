"""How often classes occur in labels, compared with real rooms, and what to ask layout for in consequence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deresunet.classes import CLASSES, NUM_CLASSES, display_name
from deresunet.data.files import read_label
from deresunet.errors import InputError
from train.rooms.wishes import WISHES

# Median-frequency weights of SUN RGB-D's 37 classes, as RedNet and those after it train with (Jiang et al. 2018,
# https://arxiv.org/abs/1806.01054): median share over a class's share of the pictures that it occurs in.
MEDIAN_FREQUENCY_WEIGHTS = (
    *(0.382900, 0.452448, 0.637584, 0.377464, 0.585595, 0.479574, 0.781544, 0.982534, 1.017466, 0.624581, 2.589096),
    *(0.980794, 0.920340, 0.667984, 1.172291, 0.862240, 0.921714, 2.154782, 1.187832, 1.178115, 1.848545, 1.428922),
    *(2.849658, 0.771605, 1.656668, 4.483506, 2.209922, 1.120280, 2.790182, 0.706519, 3.994768, 2.220004, 0.972934),
    *(1.481525, 5.342475, 0.750738, 4.040773),
)
TEMPER = 0.5  # exponent on the ratio of shares: 1 follows the target fully, 0 not at all
MOST = 8.0  # a class is asked for at most this much more often than the mean one


def count_pixels(folder: Path) -> np.ndarray:
    """Pixels by label of all PNG files of a folder.

    Args:
        folder: of labels, uint8 or uint16, 0..40; 38..40 count as void.

    Returns:
        int64 (38,), void first.

    Raises:
        InputError: there are none.
    """
    files = sorted(Path(folder).glob("*.png"))
    if not files:
        raise InputError(f"{folder} has no labels in it. Expected PNG files with values 0..40.")
    counts = np.zeros(NUM_CLASSES + 1, np.int64)
    for file in files:
        counts += np.bincount(read_label(file, "nyu40").ravel(), minlength=NUM_CLASSES + 1)
    return counts


def reference_pixels(meta: Path) -> np.ndarray:
    """NYU Depth v2's training pixels by label.

    Args:
        meta: JSON with `classes40` (void and 40 names) and `train_pixels40` (as many counts).

    Returns:
        int64 (38,), void first; NYU's last three classes (other structure, furniture, prop) are part of void.

    Raises:
        InputError: it is not such a file.
    """
    try:
        described = json.loads(Path(meta).read_text())
        names, counts = described["classes40"], np.array(described["train_pixels40"], np.int64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{meta} cannot be used ({error}). Expected JSON with classes40, train_pixels40.") from error
    plain = tuple(str(name).replace(" ", "_") for name in names[1 : NUM_CLASSES + 1])
    if counts.shape != (41,) or plain != CLASSES:
        raise InputError(f"{meta} does not count void and NYU's 40 classes; it has {counts.size} counts.")
    return np.concatenate([[counts[0] + counts[NUM_CLASSES + 1 :].sum()], counts[1 : NUM_CLASSES + 1]])


def class_shares(pixels: np.ndarray) -> np.ndarray:
    """float64 (37,): shares of the labelled pixels, from counts (38,) with void first."""
    labelled = pixels[1:].astype(float)
    return labelled / max(labelled.sum(), 1.0)


@dataclass(frozen=True)
class Row:
    """One line of the comparison; `ratio` is None where the class does not occur there."""

    name: str
    here: float
    there: float
    ratio: float | None


def compare(here: np.ndarray, there: np.ndarray) -> list[Row]:
    """Shares of the labelled pixels by class; counts int64 (38,) each, void first."""
    a, b = class_shares(here), class_shares(there)
    return [
        Row(display_name(k + 1), float(a[k]), float(b[k]), float(a[k] / b[k]) if b[k] > 0 else None)
        for k in range(NUM_CLASSES)
    ]


def table(rows: Sequence[Row]) -> str:
    """The comparison in Markdown, shares in per cent."""
    lines = ["| class | here [%] | NYU Depth v2 [%] | ratio |", "| --- | ---: | ---: | ---: |"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(f"| {row.name} | {100 * row.here:.2f} | {100 * row.there:.2f} | {ratio} |")
    return "\n".join(lines) + "\n"


def lift(shares: np.ndarray | None = None, target: np.ndarray | None = None) -> np.ndarray:
    """How often each class is asked for.

    With shares, in proportion to (target / share) ** TEMPER; without, to the square root of the class's
    median-frequency weight, so that rooms can be made before any were rendered. Nothing is asked for that layout
    cannot bring, such as walls.

    Args:
        shares: float (37,) of the labelled pixels so far, or None.
        target: float (37,) that they should have; if None, one in inverse proportion to the weights.

    Returns:
        float64 (37,), sums to 1.

    Raises:
        InputError: shares or target are not 37 numbers.
    """
    weights = np.array(MEDIAN_FREQUENCY_WEIGHTS)
    for given in (shares, target):
        if given is not None and np.shape(given) != (NUM_CLASSES,):
            raise InputError(f"Shares of {np.shape(given)} classes were given; expected {NUM_CLASSES}.")
    if shares is None:
        raw = np.sqrt(weights)
    else:
        wished = 1.0 / weights if target is None else np.asarray(target, float)
        wished = wished / wished.sum()
        # A ten-thousandth stands for what has not been seen at all.
        raw = (np.maximum(wished, 1e-5) / np.maximum(shares, 1e-4)) ** TEMPER
    raw = np.where([label in WISHES for label in range(1, NUM_CLASSES + 1)], raw, 0.0)
    raw = np.minimum(raw, MOST * raw.sum() / np.count_nonzero(raw))
    return raw / raw.sum()


def wanted_classes(
    seed: int, shares: np.ndarray | None = None, target: np.ndarray | None = None, mean: float = 4.0
) -> tuple[int, ...]:
    """Classes that the room of a seed is to have, for `furnish`; rare ones come more often.

    Args:
        seed: of the room; the same seed asks for the same classes.
        shares: see `lift`.
        target: see `lift`.
        mean: how many on average.

    Returns:
        Labels 1..37, none twice, in order.
    """
    rng = np.random.default_rng([seed, 0x5A3E])
    chances = lift(shares, target)
    count = min(int(rng.poisson(mean)), int(np.count_nonzero(chances)))
    drawn = rng.choice(NUM_CLASSES, count, replace=False, p=chances) + 1
    return tuple(int(label) for label in np.sort(drawn))
