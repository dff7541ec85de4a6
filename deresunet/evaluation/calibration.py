"""How far a network's confidence can be believed (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deresunet.classes import VOID

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Labelled pixels by their confidence, in `BINS` even ranges of 0..1.

    Attributes:
        pixels: int64 (BINS,): pixels in each range.
        confidence: float64 (BINS,): their mean confidence; NaN where there are none.
        accuracy: float64 (BINS,): share of them that are right; NaN where there are none.
    """

    pixels: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def expected_error(self) -> float:
        """Expected calibration error, 0..1: mean distance of confidence from accuracy, weighted by pixels."""
        total = self.pixels.sum()
        if not total:
            return float("nan")
        return float(np.nansum(np.abs(self.confidence - self.accuracy) * self.pixels) / total)


def reliability(truth: np.ndarray, prediction: np.ndarray, confidence: np.ndarray) -> Reliability:
    """Count labelled pixels by confidence.

    Args:
        truth: uint8 (H, W), 0 = void, which is left out.
        prediction: uint8 (H, W), in the ground truth's classes; 0 and all above is none of them.
        confidence: float32 (H, W), 0..1.
    """
    known = truth != VOID
    sure, right = confidence[known].astype(np.float64), (truth == prediction)[known]
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    pixels = np.bincount(place, minlength=BINS)
    sums = [np.bincount(place, weights, minlength=BINS) for weights in (sure, right.astype(np.float64))]
    means = [np.divide(total, pixels, out=np.full(BINS, np.nan), where=pixels > 0) for total in sums]
    return Reliability(pixels, *means)
