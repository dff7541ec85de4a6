"""Calibration, worked out by hand, of a frame and of a data set."""

import numpy as np
import pytest

from deresunet.evaluation.calibration import Reliability, reliability, reliability_diagram

TRUTH = np.array([1, 1, 1, 1, 0], np.uint8)
LABEL = np.array([1, 1, 1, 2, 1], np.uint8)
SURE = np.array([0.95, 1.0, 0.55, 0.52, 0.9], np.float32)


def test_reliability_by_hand():
    measured = reliability(TRUTH, LABEL, SURE)
    assert measured.pixels.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert measured.accuracy[5] == 0.5
    assert measured.accuracy[9] == 1.0
    assert measured.confidence[9] == pytest.approx(0.975)
    assert measured.expected_error == pytest.approx((2 * abs(0.535 - 0.5) + 2 * abs(0.975 - 1.0)) / 4)


def test_frames_add_up_to_the_pixels_of_all():
    """The error of a data set is that of its pixels, not the mean of its frames' errors."""
    rng = np.random.default_rng(0)
    frames = [(*rng.integers(1, 4, (2, 300)).astype(np.uint8), rng.random(300, np.float32)) for _ in range(3)]
    summed = Reliability(sum(reliability(*frame).sums for frame in frames))
    whole = reliability(*(np.concatenate(parts) for parts in zip(*frames, strict=True)))
    assert np.allclose(summed.sums, whole.sums)
    assert summed.expected_error == pytest.approx(whole.expected_error)
    assert summed.expected_error != pytest.approx(np.mean([reliability(*frame).expected_error for frame in frames]))
    told = summed.as_dict()
    assert told["expected_calibration_error"] == pytest.approx(100 * whole.expected_error, abs=1e-4)
    assert sum(one["pixels"] for one in told["bins"]) == 900


def test_what_has_no_confidence_counts_nothing():
    sure = SURE.copy()
    sure[:2] = np.nan
    assert reliability(TRUTH, LABEL, sure).pixels.sum() == 2
    nothing = reliability(TRUTH, LABEL, np.full(5, np.nan, np.float32))
    assert nothing.as_dict() is None
    assert np.isnan(nothing.expected_error)
    assert "No labelled pixel has a confidence" in reliability_diagram(nothing)
