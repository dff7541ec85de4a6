"""Two runs over the same frames: two checkpoints, two modalities, or another network's predictions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from deresunet.classes import ClassSet
from deresunet.errors import InputError
from deresunet.evaluation.bootstrap import (
    DRAWS,
    LEVEL,
    Difference,
    ScoreDifferences,
    as_matrix,
    confusion_rows,
    resampled,
    score_differences,
)
from deresunet.evaluation.evaluation import Evaluation
from deresunet.evaluation.html import Effect
from deresunet.evaluation.metrics import Scores, percent, scores

# Differences of a frame's mIoU below this are ties: 0.1 points of percent.
TIE = 0.001
_METHOD = (
    "paired percentile bootstrap over {0}: each draw takes as many {0} with replacement, the same for both, and pools "
    "their confusion matrices"
)


@dataclass(frozen=True)
class FrameDifference:
    """One frame in both runs.

    Attributes:
        name: the frame.
        a: its own mIoU in run A, 0..1; NaN if all of it is void.
        b: its own mIoU in run B, 0..1; NaN if all of it is void.
    """

    name: str
    a: float
    b: float

    @property
    def value(self) -> float:
        """Mean IoU of B minus that of A, -1..1."""
        return self.b - self.a


@dataclass(frozen=True, eq=False)
class Comparison:
    """Run B against run A over the frames of both.

    Attributes:
        names: of the runs A and B, for people.
        matrices: pooled confusion matrices of A and B, int64 (N, N + 1) each; rows are the ground truth.
        differences: B - A with paired intervals: mIoU, pixel accuracy, each class's IoU.
        class_set: the N classes of the ground truth.
        frames: the frames of both, in the order of run A.
        only_a: frames of run A alone, which are left out.
        only_b: frames of run B alone, which are left out.
        coverage: sentences on the frames that are not in A's and not in B's scores; see `failures.coverage`.
    """

    names: tuple[str, str]
    matrices: tuple[np.ndarray, np.ndarray]
    differences: ScoreDifferences
    class_set: ClassSet
    frames: tuple[FrameDifference, ...]
    only_a: int = 0
    only_b: int = 0
    coverage: tuple[str, str] = ("", "")

    @cached_property
    def scores(self) -> tuple[Scores, Scores]:
        """Scores of A and of B over the common frames: IoU, precision, recall and F1 of each class."""
        return scores(self.matrices[0]), scores(self.matrices[1])

    @property
    def confusion_difference(self) -> np.ndarray:
        """Confusion matrix of B minus that of A, int64 (N, N + 1)."""
        return self.matrices[1] - self.matrices[0]

    @property
    def confusion_shift(self) -> np.ndarray:
        """`confusion_difference` as a share of each row's ground truth, float64 (N, N + 1), -1..1; NaN without any."""
        truth = np.broadcast_to(self.matrices[0].sum(1, keepdims=True), self.matrices[0].shape)
        return np.divide(self.confusion_difference, truth, out=np.full(truth.shape, np.nan), where=truth > 0)

    @property
    def won(self) -> list[FrameDifference]:
        """Frames with a higher mIoU in B, by `TIE` at least, the largest gain first."""
        return sorted((frame for frame in self.frames if frame.value >= TIE), key=lambda one: (-one.value, one.name))

    @property
    def lost(self) -> list[FrameDifference]:
        """Frames with a lower mIoU in B, by `TIE` at least, the largest loss first."""
        return sorted((frame for frame in self.frames if frame.value <= -TIE), key=lambda one: (one.value, one.name))

    @property
    def tied(self) -> int:
        """Number of frames whose mIoU differs by less than `TIE`."""
        return sum(abs(frame.value) < TIE for frame in self.frames)

    @property
    def method(self) -> str:
        """Bootstrap of the intervals, in words."""
        return _METHOD.format(self.differences.unit)

    @property
    def effects(self) -> list[Effect]:
        """Differences of IoU of the classes with ground truth, in points of percent, for a forest plot."""
        return [
            Effect(name, *(100.0 * end for end in (one.value, one.low, one.high)))
            for name, one in zip(self.class_set.display_names, self.differences.iou, strict=True)
            if not np.isnan(one.value)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; scores in percent, differences in points of percent, None where nothing defines them."""
        found = self.differences
        return {
            "runs": {"A": self.names[0], "B": self.names[1]},
            "class_set": {"name": self.class_set.name, "title": self.class_set.title},
            "miou": _described(found.miou),
            "pixel_acc": _described(found.pixel_acc),
            "classes": {
                name: {
                    **{
                        key: [percent(float(getattr(run, key)[k])) for run in self.scores]
                        for key in ("iou", "precision", "recall", "f1")
                    },
                    **_described(found.iou[k]),
                }
                for k, name in enumerate(self.class_set.display_names)
                if self.matrices[0][k].any() or any(matrix[:, k].any() for matrix in self.matrices)
            },
            "frames": len(self.frames),
            "frames_won": len(self.won),
            "frames_lost": len(self.lost),
            "frames_tied": self.tied,
            "frames_left_out": {"A": self.only_a, "B": self.only_b},
            "coverage": {"A": self.coverage[0], "B": self.coverage[1]},
            "won": [_frame(frame) for frame in self.won],
            "lost": [_frame(frame) for frame in self.lost],
            "confusion_difference": self.confusion_difference.tolist(),
            "draws": found.draws,
            "level": found.level,
            "method": self.method,
        }

    def __str__(self) -> str:
        """The difference of mean IoU in words."""
        found = self.differences
        value = f"mIoU, B - A: {100.0 * found.miou.value:+.2f} points"
        counts = f"{len(self.won)} frames won, {len(self.lost)} lost, {self.tied} tied of {len(self.frames)}"
        if np.isnan(found.miou.low):
            return f"{value}; too few {found.unit} for an interval; {counts}"
        verdict = (
            f"B is significantly {'better' if found.miou.value > 0 else 'worse'} than A ({100 * found.level:.0f} % "
            "interval excludes 0)"
            if found.miou.certain
            else "no significant difference (the interval contains 0)"
        )
        low, high = 100.0 * found.miou.low, 100.0 * found.miou.high
        return f"{value}, {100 * found.level:.0f} % interval {low:+.2f} to {high:+.2f}; {verdict}; {counts}"


def compare(
    a: Evaluation,
    b: Evaluation,
    names: tuple[str, str] = ("A", "B"),
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> Comparison:
    """Compare two evaluations over the frames that both have.

    Args:
        a: evaluation of the first run.
        b: evaluation of the second run on the same data set.
        names: of the runs, for people.
        draws: draws of the bootstrap.
        seed: seed of the draws.
        level: confidence level of the intervals, 0..1.

    Raises:
        InputError: the two have no frame in common, or a frame has another ground truth in each.
    """
    if a.class_set.names != b.class_set.names:
        raise InputError(
            f"One run is scored over {a.class_set.title}, the other over {b.class_set.title}. Compare runs over one "
            "--classes."
        )
    classes = len(a.class_set)
    first = {result.name: result for result in a.results}
    second = {result.name: result for result in b.results}
    common = [name for name in first if name in second]
    if not common:
        raise InputError("The two evaluations have no frame in common. Compare them on the same data set and split.")
    rows_a, rows_b = (confusion_rows([by_name[name] for name in common], classes) for by_name in (first, second))
    truth_a, truth_b = (
        np.asarray(rows.reshape((len(common) * classes, classes + 1)).sum(1)) for rows in (rows_a, rows_b)
    )
    differing = np.flatnonzero((truth_a != truth_b).reshape(len(common), classes).any(1))
    if len(differing):
        raise InputError(
            f"{len(differing)} frames have another ground truth in each run, such as {common[differing[0]]}. Compare "
            "runs of the same labels, read with the same options."
        )
    drawn_a, unit = resampled(rows_a, [first[name] for name in common])
    drawn_b, _ = resampled(rows_b, [first[name] for name in common])
    return Comparison(
        names=names,
        matrices=(_pooled(rows_a), _pooled(rows_b)),
        differences=score_differences(drawn_a, drawn_b, draws, seed, level, unit),
        class_set=a.class_set,
        frames=tuple(FrameDifference(name, first[name].miou, second[name].miou) for name in common),
        only_a=len(first) - len(common),
        only_b=len(second) - len(common),
        coverage=(a.coverage, b.coverage),
    )


def _pooled(rows: sparse.csr_matrix) -> np.ndarray:
    return as_matrix(np.asarray(rows.sum(0)).reshape(-1))


def _described(difference: Difference) -> dict[str, Any]:
    above = difference.share_above_zero
    return {
        "difference": percent(difference.value),
        "low": percent(difference.low),
        "high": percent(difference.high),
        "share_above_zero": None if np.isnan(above) else round(above, 4),
        "certain": difference.certain,
    }


def _frame(frame: FrameDifference) -> dict[str, Any]:
    return {
        "name": frame.name,
        "A": percent(frame.a),
        "B": percent(frame.b),
        "difference": percent(frame.value),
    }
