"""The confusion matrix and what follows from it: by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix

from deresunet.evaluation.metrics import confusion_matrix, scores

TRUTH = np.array([[1, 1, 2], [2, 0, 3], [0, 0, 3]], np.uint8)
PREDICTION = np.array([[1, 2, 2], [2, 1, 4], [3, 4, 3]], np.uint8)
# Rows are the truth; the three void pixels are left out.
MATRIX = np.array([[1, 1, 0, 0, 0], [0, 2, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0]])


def random_pair(seed: int, shape: tuple[int, int], classes: int = 37) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(low, classes + 1, shape, dtype=np.uint8) for low in (0, 1))


def test_matrix_by_hand() -> None:
    assert np.array_equal(confusion_matrix(TRUTH, PREDICTION, 4), MATRIX)


def test_scores_by_hand() -> None:
    result = scores(MATRIX)
    # Class 4 is only predicted: it has an IoU of 0, but no place in the mean.
    assert result.iou.tolist() == [1 / 2, 2 / 3, 1 / 2, 0.0]
    assert result.accuracy[:3].tolist() == [1 / 2, 1.0, 1 / 2]
    assert math.isnan(result.accuracy[3])
    assert result.miou == pytest.approx((1 / 2 + 2 / 3 + 1 / 2) / 3)
    assert result.mean_acc == pytest.approx(2 / 3)
    assert result.pixel_acc == pytest.approx(4 / 6)
    assert result.fw_iou == pytest.approx((2 * 1 / 2 + 2 * 2 / 3 + 2 * 1 / 2) / 6)
    assert result.truth_pixels.tolist() == [2, 2, 2, 0]
    assert result.predicted_pixels.tolist() == [1, 3, 1, 1]


def test_absent_class_is_nan() -> None:
    result = scores(np.array([[4, 0, 0], [0, 4, 0], [0, 0, 0]]))
    assert math.isnan(result.iou[2])
    assert result.miou == 1.0


@pytest.mark.parametrize("seed", range(4))
def test_against_scikit_learn(seed: int) -> None:
    truth, prediction = random_pair(seed, (40, 50))
    if seed == 1:
        truth[truth > 30] = 0  # classes without ground truth
    if seed == 2:
        prediction[prediction == 7] = 8  # a class that is never predicted
    if seed == 3:
        truth[truth == 5], prediction[prediction == 5] = 0, 6  # a class that is nowhere
    known = truth != 0
    labels = list(range(1, 38))
    matrix = confusion_matrix(truth, prediction, 37)
    assert np.array_equal(matrix[:, :37], sklearn_confusion_matrix(truth[known], prediction[known], labels=labels))
    result = scores(matrix)
    present = [label for label in labels if (truth == label).any()]
    # scikit-learn counts an absent class as 0; here it is nan, or 0 where it is predicted.
    independent = jaccard_score(truth[known], prediction[known], labels=labels, average=None, zero_division=0)
    assert np.allclose(np.nan_to_num(result.iou), independent)
    assert np.allclose(
        result.miou, jaccard_score(truth[known], prediction[known], labels=present, average="macro", zero_division=0)
    )
    assert np.allclose(
        result.fw_iou,
        jaccard_score(truth[known], prediction[known], labels=present, average="weighted", zero_division=0),
    )
    assert np.allclose(result.pixel_acc, accuracy_score(truth[known], prediction[known]))
    assert np.allclose(
        result.mean_acc, recall_score(truth[known], prediction[known], labels=present, average="macro", zero_division=0)
    )
    predicted = np.isin(labels, prediction[known])
    for independent, ours, defined in (
        (precision_score, result.precision, predicted),
        (recall_score, result.recall, np.isin(labels, truth[known])),
        (f1_score, result.f1, np.isin(labels, truth[known]) | predicted),
    ):
        expected = independent(truth[known], prediction[known], labels=labels, average=None, zero_division=0)
        assert np.allclose(ours[defined], expected[defined])
        assert np.isnan(ours[~defined]).all()


def test_all_void() -> None:
    matrix = confusion_matrix(np.zeros((5, 6), np.uint8), np.full((5, 6), 3, np.uint8), 37)
    assert matrix.dtype == np.int64
    assert not matrix.any()
    result = scores(matrix)
    assert all(math.isnan(value) for value in (result.miou, result.mean_acc, result.pixel_acc, result.fw_iou))
    assert np.isnan(result.iou).all()


def test_empty_arrays() -> None:
    assert not confusion_matrix(np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.uint8), 37).any()


def test_frames_of_different_sizes_pool_pixel_by_pixel() -> None:
    pairs = [random_pair(seed, shape) for seed, shape in enumerate([(10, 20), (33, 7), (1, 1)])]
    pooled = sum(confusion_matrix(*pair, 37) for pair in pairs)
    together = confusion_matrix(*(np.concatenate([pair[k].ravel() for pair in pairs]) for k in range(2)), 37)
    assert np.array_equal(pooled, together)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(4, 5\).*\(5, 4\)"):
        confusion_matrix(np.ones((4, 5), np.uint8), np.ones((5, 4), np.uint8), 37)


@pytest.mark.parametrize("classes", [2, 13, 40, 150, 255])
def test_predictions_of_none_of_the_classes_are_wrong_and_counted(classes: int) -> None:
    rng = np.random.default_rng(classes)
    truth = rng.integers(0, classes + 1, (40, 50)).astype(np.uint8)
    prediction = rng.integers(0, 256, (40, 50)).astype(np.uint8)
    matrix = confusion_matrix(truth, prediction, classes)
    assert matrix.shape == (classes, classes + 1)
    known, outside = truth > 0, (prediction == 0) | (prediction > classes)
    assert matrix.sum() == known.sum()
    assert matrix[:, classes].sum() == (known & outside).sum()
    assert np.array_equal(matrix[:, classes], [(outside & (truth == k)).sum() for k in range(1, classes + 1)])
    result = scores(matrix)
    assert result.outside == pytest.approx((known & outside).sum() / known.sum())
    assert result.pixel_acc == pytest.approx((truth == prediction)[known].mean())
    for k in range(1, classes + 1):
        union = (known & ((truth == k) | (prediction == k))).sum()
        if union:
            assert result.iou[k - 1] == pytest.approx((known & (truth == k) & (prediction == k)).sum() / union)


@pytest.mark.filterwarnings("error")
def test_a_class_of_one_pixel_counts_and_nothing_divides_by_zero() -> None:
    one = scores(np.array([[3, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]))
    assert one.iou[:2] == pytest.approx([0.75, 0.5])
    assert one.miou == pytest.approx(0.625), "both classes that are there, the one of one pixel included"
    assert one.mean_acc == pytest.approx((0.75 + 1) / 2)
    empty = scores(np.zeros((3, 4), np.int64))
    assert all(map(math.isnan, (empty.miou, empty.mean_acc, empty.pixel_acc, empty.fw_iou, *empty.iou)))
