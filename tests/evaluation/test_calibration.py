"""Calibration, worked out by hand."""

import numpy as np
import pytest

from deresunet.evaluation.calibration import reliability


def test_reliability_by_hand():
    truth = np.array([1, 1, 1, 1, 0], np.uint8)
    label = np.array([1, 1, 1, 2, 1], np.uint8)
    measured = reliability(truth, label, np.array([0.95, 1.0, 0.55, 0.52, 0.9], np.float32))
    assert measured.pixels.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert measured.accuracy[5] == 0.5
    assert measured.accuracy[9] == 1.0
    assert measured.confidence[9] == pytest.approx(0.975)
    assert measured.expected_error == pytest.approx((2 * abs(0.535 - 0.5) + 2 * abs(0.975 - 1.0)) / 4)
