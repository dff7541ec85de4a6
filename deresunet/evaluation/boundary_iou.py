"""Boundary IoU (Cheng et al. 2021, https://arxiv.org/abs/2103.16562): IoU of masks' inner boundary bands.

The band of a class holds its pixels within a distance of what is not the class, the image's edge included. Void pixels
belong to no class, in the ground truth and in the prediction alike. Counts are pooled over frames as the confusion
matrix is.
"""

from __future__ import annotations

import numpy as np

from deresunet.classes import VOID

# Width of the band as a share of the image's diagonal, the paper's choice for COCO-like images: 16 px at 480x640.
BAND_RATIO = 0.02


def band_width(height: int, width: int) -> int:
    """Width of the boundary band [px] for an image of this size; at least 1."""
    return max(1, round(BAND_RATIO * float(np.hypot(height, width))))


def boundary_counts(truth: np.ndarray, prediction: np.ndarray, num_classes: int) -> np.ndarray:
    """Pixels of boundary bands by class.

    Args:
        truth: uint8 (H, W), 0 = void, 1..N.
        prediction: uint8 (H, W), 1..N; 0 and all above is none of these classes.
        num_classes: number of classes N of the ground truth.

    Returns:
        int64 (3, N): pixels in the bands of both, in the band of the ground truth, in the band of the prediction.
    """
    width = band_width(*truth.shape)
    prediction = np.where((truth == VOID) | (prediction > num_classes), VOID, prediction).astype(np.uint8)
    in_truth, in_prediction = inner_band(truth, width), inner_band(prediction, width)
    shared = in_truth & in_prediction & (truth == prediction)
    return np.stack(
        [
            np.bincount(label[band], minlength=num_classes + 1)[1:]
            for label, band in ((truth, shared), (truth, in_truth), (prediction, in_prediction))
        ]
    )


def inner_band(label: np.ndarray, width: int) -> np.ndarray:
    """Pixels within `width` rows and columns of another value or of the image's edge, bool (H, W); void is in no band.

    Args:
        label: uint8 (H, W), 0 = void.
        width: width of the band [px].
    """
    # Beyond the edge all is void, as the original erodes masks that are padded with zeros.
    padded = np.pad(label, width, constant_values=VOID)
    # A window holds one value if no two neighbours in it differ; counting these takes a fifth of the time of a minimum
    # and a maximum filter.
    differing = _window_sums(padded[:, 1:] != padded[:, :-1], 2 * width + 1, 2 * width)
    differing += _window_sums(padded[1:] != padded[:-1], 2 * width, 2 * width + 1)
    return (label != VOID) & (differing > 0)


def _window_sums(mask: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Number of true pixels in each window of `rows` x `columns` that fits into the mask, int32."""
    total = np.pad(mask.cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32), ((1, 0), (1, 0)))
    return total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]


def boundary_iou(counts: np.ndarray) -> np.ndarray:
    """Boundary IoU of each class, float64 (N,), 0..1; NaN for a class in neither ground truth nor prediction.

    Args:
        counts: int64 (3, N) as `boundary_counts` gives them, or a sum of such.
    """
    shared, truth, prediction = counts
    union = truth + prediction - shared
    return np.divide(shared, union, out=np.full(len(union), np.nan), where=union > 0)


def boundary_miou(counts: np.ndarray) -> float:
    """Mean boundary IoU over the classes with ground truth, 0..1; NaN if there is none."""
    labelled = counts[1] > 0
    return float(boundary_iou(counts)[labelled].mean()) if labelled.any() else float("nan")
