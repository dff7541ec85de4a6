"""How far an evaluation's scores would move on other frames of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from deresunet.classes import NUM_CLASSES
from deresunet.evaluation.comparison import DRAWS, LEVEL
from deresunet.evaluation.metrics import scores
from deresunet.evaluation.stratified import FrameResult

# Of fewer frames, resampling says more about the draw than about the network.
MIN_FRAMES = 5
_CHUNK = 100


@dataclass(frozen=True)
class Interval:
    """A score and its bootstrap interval, 0..1; NaN where nothing defines it.

    Attributes:
        value: of the frames as they are.
        low: lower end; NaN for fewer than `MIN_FRAMES` frames.
        high: upper end; NaN for fewer than `MIN_FRAMES` frames.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """Scores with percentile intervals of a bootstrap over frames.

    Attributes:
        miou: mean IoU.
        pixel_acc: pixel accuracy.
        frames: that were drawn from.
        draws: of the bootstrap.
        level: of the intervals.
    """

    miou: Interval
    pixel_acc: Interval
    frames: int
    draws: int
    level: float


def stack(results: Sequence[FrameResult]) -> sparse.csr_matrix:
    """The frames' confusion matrices as rows of a sparse int64 (N, 37 * 37); few of a frame's cells are not zero."""
    entries = [result.cells % NUM_CLASSES**2 for result in results]
    counts = [result.counts for result in results]
    ends = np.cumsum([0, *map(len, entries)])
    shape = (len(results), NUM_CLASSES**2)
    if not results:
        return sparse.csr_matrix(shape, dtype=np.int64)
    stacked = sparse.csr_matrix((np.concatenate(counts), np.concatenate(entries), ends), shape=shape, dtype=np.int64)
    stacked.sum_duplicates()  # a cell of the matrix may lie in several regions
    return stacked


def spread(stacked: sparse.csr_matrix, draws: int = DRAWS, seed: int = 0, level: float = LEVEL) -> Spread:
    """Bootstrap the scores over frames (Efron 1979), each draw pooling as many frames, taken with replacement.

    Frames of one recording resemble each other, so the interval is rather too narrow than too wide.

    Args:
        stacked: int64 (N, 37 * 37) as `stack` gives it.
        draws: of the bootstrap.
        seed: of the draws; the same frames give the same interval.
        level: of the interval, 0..1.
    """
    frames = stacked.shape[0]
    observed = scores(np.asarray(stacked.sum(0)).reshape(NUM_CLASSES, NUM_CLASSES))
    ends = np.full((2, 2), np.nan)
    if frames >= MIN_FRAMES:
        rng = np.random.default_rng(seed)
        drawn = np.empty((2, draws))
        transposed = stacked.T.tocsr().astype(np.float64)
        for start in range(0, draws, _CHUNK):
            count = min(_CHUNK, draws - start)
            weights = rng.multinomial(frames, np.full(frames, 1.0 / frames), size=count)  # (count, N)
            drawn[:, start : start + count] = _scores((transposed @ weights.T.astype(np.float64)).T)
        ends = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=1)  # (2 ends, 2 scores)
    miou, pixel_acc = (
        Interval(value, float(ends[0, k]), float(ends[1, k]))
        for k, value in enumerate((observed.miou, observed.pixel_acc))
    )
    return Spread(miou, pixel_acc, frames, draws, level)


def _scores(pooled: np.ndarray) -> np.ndarray:
    """Mean IoU and pixel accuracy, float64 (2, M), of flat matrices (M, 37 * 37), as `metrics.scores` has them."""
    matrices = pooled.reshape(-1, NUM_CLASSES, NUM_CLASSES)
    right = np.diagonal(matrices, axis1=1, axis2=2)  # (M, 37)
    truth, predicted = matrices.sum(2), matrices.sum(1)
    union = truth + predicted - right
    iou = np.divide(right, union, out=np.full(union.shape, np.nan), where=(union > 0) & (truth > 0))
    with np.errstate(invalid="ignore"):
        return np.stack(
            [
                np.nansum(iou, 1) / np.isfinite(iou).sum(1),
                right.sum(1) / truth.sum(1),
            ]
        )
