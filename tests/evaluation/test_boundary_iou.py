"""Boundary IoU against an implementation mask by mask, as the paper's authors published it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from sunrgbd_archives import halves

from deresunet.evaluation.boundary_iou import band_width, boundary_counts, boundary_iou, boundary_miou

WALL, CHAIR, SOFA = 1, 5, 6


def blobs(seed: int, shape: tuple[int, int], lowest: int) -> np.ndarray:
    """Smooth regions of a few classes, uint8; with `lowest` 0 some are void."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 5)
    return (lowest + np.digitize(noise, np.quantile(noise, [0.2, 0.4, 0.6, 0.8]))).astype(np.uint8)


def band_of_mask(mask: np.ndarray, width: int) -> np.ndarray:
    """The mask less its erosion by a 3x3 square, `width` times over; beyond the image there is nothing of it."""
    return mask & ~ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=width, border_value=0)


@pytest.mark.parametrize("seed", range(3))
def test_against_erosion_of_each_mask(seed: int) -> None:
    truth, prediction = blobs(seed, (60, 90), 0), blobs(seed // 2 + 7, (60, 90), 1)
    width = band_width(60, 90)
    assert width == round(0.02 * np.hypot(60, 90)) == 2
    expected = []
    for label in range(1, 38):
        g, p = (band_of_mask((each == label) & (truth != 0), width) for each in (truth, prediction))
        expected.append((g & p).sum() / (g | p).sum() if (g | p).any() else np.nan)
    counts = boundary_counts(truth, prediction, 37)
    assert np.allclose(boundary_iou(counts), expected, equal_nan=True)
    present = np.unique(truth[truth > 0])
    assert boundary_miou(counts) == pytest.approx(np.mean([expected[label - 1] for label in present]))


def test_right_is_one_and_pooling_adds_pixels() -> None:
    label = halves(WALL, CHAIR)
    counts = boundary_counts(label, label, 37)
    assert boundary_miou(counts) == 1.0
    assert np.isnan(boundary_iou(counts)[SOFA - 1])
    wrong = boundary_counts(label, np.full_like(label, SOFA), 37)
    assert boundary_miou(counts + wrong) == pytest.approx(0.5)
    assert boundary_iou(counts + wrong)[SOFA - 1] == 0.0


def test_a_shifted_edge_costs_boundary_iou_more_than_iou() -> None:
    truth, prediction = np.full((2, 96, 128), WALL, np.uint8)
    truth[:, 64:], prediction[:, 66:] = CHAIR, CHAIR
    assert boundary_iou(boundary_counts(truth, prediction, 37))[CHAIR - 1] < 62 / 64


def test_all_void() -> None:
    counts = boundary_counts(np.zeros((40, 50), np.uint8), np.full((40, 50), CHAIR, np.uint8), 37)
    assert not counts.any()
    assert np.isnan(boundary_miou(counts))
