"""Bootstrap confidence intervals: of one evaluation's scores, and of the difference of two.

Resampling (Efron 1979, https://doi.org/10.1214/aos/1176344552) asks how a score would come out on other data of the
same kind. Frames of one recording resemble each other, so whole recordings are drawn where they are known (the cluster
bootstrap: Field and Welsh 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x); drawn frame by frame, the interval
is too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np
from scipy import sparse

from deresunet.evaluation.html import in_percent
from deresunet.evaluation.metrics import scores
from deresunet.evaluation.stratified import FrameResult, shape_of

DRAWS = 2000
LEVEL = 0.95
# Of fewer frames or recordings, resampling says more about the draw than about the network.
MIN_UNITS = 5
_CHUNK = 100


@dataclass(frozen=True)
class Interval:
    """A score or a difference with its percentile interval; NaN where nothing defines it.

    Attributes:
        value: of the frames as they are; a score 0..1, a difference -1..1.
        low: lower end; NaN for fewer than `MIN_UNITS` frames or recordings.
        high: upper end; NaN likewise.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference(Interval):
    """A score of run B minus that of run A, pooled over the frames of both.

    Attributes:
        share_above_zero: share of the draws in which B is above A, 0..1; NaN where there is no interval.
    """

    share_above_zero: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


Unit = Literal["frames", "recordings"]
_Interval = TypeVar("_Interval", bound=Interval)


@dataclass(frozen=True)
class Intervals(Generic[_Interval]):
    """Scores of one evaluation, or those of run B minus those of run A over the same frames.

    Attributes:
        miou: mean IoU.
        pixel_acc: pixel accuracy.
        iou: IoU of each of the N classes in order; NaN for classes without ground truth.
        units: number of frames or recordings that were drawn from.
        unit: what was drawn.
        draws: draws of the bootstrap.
        level: confidence level of the intervals, 0..1.
    """

    miou: _Interval
    pixel_acc: _Interval
    iou: tuple[_Interval, ...]
    units: int
    unit: Unit
    draws: int
    level: float

    @property
    def method(self) -> str:
        """Sentence on what the intervals are."""
        if self.units < MIN_UNITS:
            return f"Fewer than {MIN_UNITS} {self.unit}: too few for a confidence interval."
        alike = " Frames of one recording are alike, so the interval is too narrow." if self.unit == "frames" else ""
        return f"{in_percent(self.level, 0)} bootstrap confidence interval over {self.units:,} {self.unit}.{alike}"


ScoreIntervals = Intervals[Interval]
ScoreDifferences = Intervals[Difference]


def confusion_rows(results: Sequence[FrameResult], classes: int) -> sparse.csr_matrix:
    """Confusion matrices of frames over N classes as rows of a sparse int64 (frames, N * (N + 1))."""
    cells = math.prod(shape_of(classes)[-2:])
    entries = [result.cells % cells for result in results]
    counts = [result.counts for result in results]
    ends = np.cumsum([0, *map(len, entries)])
    shape = (len(results), cells)
    if not results:
        return sparse.csr_matrix(shape, dtype=np.int64)
    rows = sparse.csr_matrix((np.concatenate(counts), np.concatenate(entries), ends), shape=shape, dtype=np.int64)
    rows.sum_duplicates()  # a cell of the matrix may lie in several strata
    return rows


def resampled(rows: sparse.csr_matrix, results: Sequence[FrameResult]) -> tuple[sparse.csr_matrix, Unit]:
    """Add up `confusion_rows` by recording, the unit that is drawn; where none is known, it is the frame."""
    if not any(result.sequence for result in results):
        return rows, "frames"
    recordings: dict[str, int] = {}
    unit = [recordings.setdefault(one.sequence or f"\0{k}", len(recordings)) for k, one in enumerate(results)]
    ones = np.ones(len(unit), np.int64)
    return sparse.csr_matrix((ones, (unit, range(len(unit))))) @ rows, "recordings"


def as_matrix(row: np.ndarray) -> np.ndarray:
    """A row of `confusion_rows`, or a sum of such, as a confusion matrix (..., N, N + 1)."""
    classes = math.isqrt(row.shape[-1])
    return row.reshape(*row.shape[:-1], classes, classes + 1)


def score_intervals(
    rows: sparse.csr_matrix, draws: int = DRAWS, seed: int = 0, level: float = LEVEL, unit: Unit = "frames"
) -> ScoreIntervals:
    """Scores of an evaluation with their intervals.

    Args:
        rows: int64 (units, N * (N + 1)) as `confusion_rows` or `resampled` gives them.
        draws: draws of the bootstrap, each of as many rows with replacement.
        seed: seed of the draws; the same rows give the same interval.
        level: confidence level, 0..1.
        unit: what a row is.
    """
    observed, (drawn,) = _observed(rows), _drawn([rows], draws, seed)
    low, high = _ends(drawn, level)
    miou, pixel_acc, *iou = (Interval(*map(float, one)) for one in zip(observed, low, high, strict=True))
    return Intervals(miou, pixel_acc, tuple(iou), rows.shape[0], unit, draws, level)


def score_differences(
    first: sparse.csr_matrix,
    second: sparse.csr_matrix,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
    unit: Unit = "frames",
) -> ScoreDifferences:
    """Differences of two runs with paired intervals: each draw takes the same rows of both.

    Args:
        first: int64 (units, N * (N + 1)) of run A as `confusion_rows` or `resampled` gives them.
        second: int64 (units, N * (N + 1)) of run B, the same frames in the same order.
        draws: draws of the bootstrap, each of as many rows with replacement.
        seed: seed of the draws.
        level: confidence level, 0..1.
        unit: what a row is.
    """
    observed = _observed(second) - _observed(first)
    a, b = _drawn([first, second], draws, seed)
    drawn = b - a
    low, high = _ends(drawn, level)
    above = (drawn > 0).mean(1) if drawn.size else np.full(len(drawn), np.nan)
    miou, pixel_acc, *iou = (Difference(*map(float, one)) for one in zip(observed, low, high, above, strict=True))
    return Intervals(miou, pixel_acc, tuple(iou), first.shape[0], unit, draws, level)


def _observed(rows: sparse.csr_matrix) -> np.ndarray:
    """Scores of all frames, float64 (2 + N,), in the order of `_ratios`."""
    result = scores(as_matrix(np.asarray(rows.sum(0)).reshape(-1)))
    return np.array([result.miou, result.pixel_acc, *np.where(result.truth_pixels > 0, result.iou, np.nan)])


def _drawn(runs: Sequence[sparse.csr_matrix], draws: int, seed: int) -> np.ndarray:
    """Scores of resampled frames, float64 (runs, 2 + N, draws); no draws for fewer than `MIN_UNITS` frames."""
    frames, classes = runs[0].shape[0], math.isqrt(runs[0].shape[1])
    if frames < MIN_UNITS:
        return np.empty((len(runs), 2 + classes, 0))
    rng = np.random.default_rng(seed)
    drawn = np.empty((len(runs), 2 + classes, draws))
    transposed = [rows.T.tocsr().astype(np.float64) for rows in runs]
    for start in range(0, draws, _CHUNK):
        count = min(_CHUNK, draws - start)
        weights = rng.multinomial(frames, np.full(frames, 1.0 / frames), size=count).T.astype(np.float64)  # (N, count)
        for run, rows in enumerate(transposed):
            drawn[run, :, start : start + count] = _ratios((rows @ weights).T)
    return drawn


def _ratios(pooled: np.ndarray) -> np.ndarray:
    """Mean IoU, pixel accuracy and IoU of each class, float64 (2 + N, M), of flat matrices (M, N * (N + 1))."""
    matrices = as_matrix(pooled)
    right = np.diagonal(matrices, axis1=1, axis2=2)  # (M, N)
    truth, predicted = matrices.sum(2), matrices[..., :-1].sum(1)
    union = truth + predicted - right
    iou = np.divide(right, union, out=np.full(union.shape, np.nan), where=truth > 0)
    with np.errstate(invalid="ignore"):
        miou = np.nansum(iou, 1) / np.isfinite(iou).sum(1)
        return np.stack([miou, right.sum(1) / truth.sum(1), *iou.T])


def _ends(drawn: np.ndarray, level: float) -> np.ndarray:
    """Lower and upper ends, float64 (2, K), of draws (K, M); NaN where no draw is defined."""
    ends = np.full((2, len(drawn)), np.nan)
    defined = np.isfinite(drawn).any(1)
    if defined.any():
        ends[:, defined] = np.nanquantile(drawn[defined], [(1 - level) / 2, (1 + level) / 2], axis=1)
    return ends
