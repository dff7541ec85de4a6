"""Two sets of weights on the same frames: the difference, and how far chance alone would move it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deresunet.classes import NUM_CLASSES
from deresunet.errors import InputError
from deresunet.evaluation.evaluator import Evaluation, percent
from deresunet.evaluation.metrics import scores
from deresunet.evaluation.stratified import FrameResult

DRAWS = 2000
LEVEL = 0.95
_CHUNK = 100


@dataclass(frozen=True)
class Difference:
    """B's score less A's, pooled over the frames that both have.

    Attributes:
        value: of the frames as they are, -1..1.
        low: lower end of the interval.
        high: upper end of the interval.
        share_above_zero: of the draws, how many have B above A, 0..1.
    """

    value: float
    low: float
    high: float
    share_above_zero: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """B against A.

    Attributes:
        miou: difference of mean IoU.
        pixel_acc: difference of pixel accuracy.
        frames: frames that both were measured on.
        draws: of the bootstrap.
        level: of the intervals.
    """

    miou: Difference
    pixel_acc: Difference
    frames: int
    draws: int
    level: float

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; differences in points of percent."""
        return {
            "miou": _described(self.miou),
            "pixel_acc": _described(self.pixel_acc),
            "frames": self.frames,
            "draws": self.draws,
            "level": self.level,
            "method": "paired percentile bootstrap over frames: each draw takes as many frames with replacement, the "
            "same for both, and pools their confusion matrices",
        }

    def __str__(self) -> str:
        """The difference of mean IoU in words."""
        low, high, value = (100.0 * number for number in (self.miou.low, self.miou.high, self.miou.value))
        verdict = (
            f"B is {'better' if value > 0 else 'worse'} than A beyond what the choice of frames explains"
            if self.miou.certain
            else "no difference is shown: the interval holds zero"
        )
        return f"mIoU of B less A: {value:+.2f} points, {self.level:.0%} interval {low:+.2f} to {high:+.2f}; {verdict}"


def compare(a: Evaluation, b: Evaluation, draws: int = DRAWS, seed: int = 0, level: float = LEVEL) -> Comparison:
    """Bootstrap the difference of two evaluations over their frames.

    Resampling frames (Efron 1979) asks how the difference would come out on other frames of the same kind. Frames of
    one recording resemble each other, so the interval is rather too narrow than too wide.

    Args:
        a: of the first weights.
        b: of the second, on the same data.
        draws: of the bootstrap.
        seed: of the draws.
        level: of the intervals, 0..1.

    Raises:
        InputError: the two have no frame in common.
    """
    first = {result.name: result for result in a.results}
    second = {result.name: result for result in b.results}
    names = [name for name in first if name in second]
    if not names:
        raise InputError("the two evaluations have no frame in common. Compare them on the same data set and split.")
    matrices = [_stacked([by_name[name] for name in names]) for by_name in (first, second)]  # each (N, 1369)
    observed = [_scores(stacked.sum(0, keepdims=True)) for stacked in matrices]  # each (2, 1)
    drawn = np.empty((2, draws))
    rng = np.random.default_rng(seed)
    for start in range(0, draws, _CHUNK):
        count = min(_CHUNK, draws - start)
        weights = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=count).astype(np.float64)
        pooled = [_scores(weights @ stacked) for stacked in matrices]
        drawn[:, start : start + count] = pooled[1] - pooled[0]
    ends = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=1)  # (2 ends, 2 scores)
    miou, pixel_acc = (
        Difference(
            value=float(observed[1][k, 0] - observed[0][k, 0]),
            low=float(ends[0, k]),
            high=float(ends[1, k]),
            share_above_zero=float((drawn[k] > 0).mean()),
        )
        for k in range(2)
    )
    return Comparison(miou, pixel_acc, len(names), draws, level)


def _stacked(results: list[FrameResult]) -> np.ndarray:
    return np.stack([result.matrix().reshape(-1) for result in results]).astype(np.float64)


def _scores(flat: np.ndarray) -> np.ndarray:
    """Mean IoU and pixel accuracy, float64 (2, M), of flat matrices (M, 1369), as `metrics.scores` has them."""
    result = [scores(matrix) for matrix in flat.reshape(-1, NUM_CLASSES, NUM_CLASSES)]
    return np.array([[one.miou for one in result], [one.pixel_acc for one in result]])


def _described(difference: Difference) -> dict[str, Any]:
    return {
        "difference": percent(difference.value),
        "low": percent(difference.low),
        "high": percent(difference.high),
        "share_above_zero": round(difference.share_above_zero, 4),
        "certain": difference.certain,
    }
