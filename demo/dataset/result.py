"""Result of a run by sensor, room type and class, from the scores down to the frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import stats

from deresunet.evaluation.bootstrap import as_matrix
from deresunet.evaluation.confusions import Confusion
from deresunet.evaluation.evaluation import Evaluation
from deresunet.evaluation.html import in_percent
from deresunet.evaluation.stratified import BOUNDARY_PX, DEPTH_RANGES, MEASURED, PLACES, FrameResult, shape_of
from deresunet.inference.preprocessing import Modality

# Properties of a frame that its score is plotted against: shares of its labelled pixels.
FrameProperty = Literal["missing", "far", "boundary"]
PROPERTIES: dict[FrameProperty, str] = {
    "missing": "pixels without measured depth",
    "far": "pixels farther than 3 m",
    "boundary": f"pixels within {BOUNDARY_PX} px of another class",
}
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Listed:
    """A frame in a list with the value that it is ordered by.

    Attributes:
        name: the frame.
        value: share that it is ordered by, 0..1.
        caption: the value in words.
    """

    name: str
    value: float
    caption: str


class DatasetResult:
    """An evaluation of a data set's split.

    A choice of frames is int64 (n,) of indices into `evaluation.results`.

    Args:
        evaluation: evaluation with its frames' results.
        source: the data set's name on the page.
        modality: modality that the network was given.
    """

    def __init__(self, evaluation: Evaluation, source: str, modality: Modality) -> None:
        self.evaluation = evaluation
        self.source = source
        self.modality: Modality = modality
        self.class_set = evaluation.class_set
        self._part: tuple[bytes, Evaluation] | None = None

    @property
    def frames(self) -> tuple[FrameResult, ...]:
        """Results of the frames, in order."""
        return self.evaluation.results

    @property
    def nbytes(self) -> int:
        """Memory of the frames' counts [bytes]."""
        counts = sum(frame.cells.nbytes + frame.counts.nbytes for frame in self.frames)
        return counts + 2 * self.evaluation.rows.data.nbytes

    @cached_property
    def miou(self) -> np.ndarray:
        """Each frame's own mean IoU, float64 (N,), 0..1; NaN where all is void."""
        return np.array([frame.miou for frame in self.frames])

    @cached_property
    def shares(self) -> dict[FrameProperty, np.ndarray]:
        """Properties of each frame, float64 (N,), 0..1; NaN where all is void."""
        taken = np.array([_properties(frame) for frame in self.frames]).reshape(-1, len(PROPERTIES))
        return dict(zip(PROPERTIES, taken.T, strict=True))

    @property
    def first_property(self) -> FrameProperty:
        """Property to plot first: missing depth, unless no frame lacks any (as where it was in-painted)."""
        return "missing" if np.nanmax(self.shares["missing"], initial=0.0) > 0 else "far"

    def groups(self, key: str) -> dict[str, int]:
        """Frames of each "sensor" or "scene" that is known, by name."""
        names = [getattr(frame, key) for frame in self.frames]
        return {name: names.count(name) for name in sorted(set(names)) if name}

    def choose(self, sensor: str = "", scene: str = "") -> np.ndarray:
        """Frames of a sensor and of a scene; "" takes all."""
        return np.array(
            [
                index
                for index, frame in enumerate(self.frames)
                if sensor in ("", frame.sensor) and scene in ("", frame.scene)
            ],
            np.int64,
        )

    def matrix(self, chosen: np.ndarray) -> np.ndarray:
        """The pooled confusion matrix of frames, int64 (N, N + 1)."""
        return self.part(chosen).matrix

    def part(self, chosen: np.ndarray) -> Evaluation:
        """The evaluation of frames alone; that of the latest choice is kept, with its intervals."""
        key, kept = chosen.tobytes(), self._part
        if kept is None or kept[0] != key:
            kept = self._part = (key, self.evaluation.part(chosen))
        return kept[1]

    def names_with(self, label: int) -> set[str]:
        """Names of the frames whose ground truth has a class 1..N."""
        return {self.frames[index].name for index in np.flatnonzero(self._truth_pixels(self.choose(), label))}

    def class_iou(self, chosen: np.ndarray, label: int) -> np.ndarray:
        """A class's IoU in each of the frames, float64 (n,), 0..1; NaN where it is neither in truth nor prediction."""
        right, union = self._overlap(chosen, label)
        return np.divide(right, union, out=np.full(len(chosen), np.nan), where=union > 0)

    def values(self, chosen: np.ndarray, label: int | None) -> np.ndarray:
        """Score that frames are ordered by, float64 (n,), 0..1: their own mIoU, or a class's IoU where they have it.

        A frame without the class in its ground truth has NaN: nothing but false positives could be in it.
        """
        if label is None:
            return self.miou[chosen]
        return np.where(self._truth_pixels(chosen, label) > 0, self.class_iou(chosen, label), np.nan)

    def ranked(self, chosen: np.ndarray, label: int | None = None, worst: bool = True) -> list[Listed]:
        """Frames by their own mIoU, or by the IoU of a class in those that have it.

        Of frames that are equally bad at a class, those with more pixels of it come first.
        """
        name = "mIoU" if label is None else f"IoU of {self.class_set.display_name(label)}"
        values = self.values(chosen, label)
        weight = np.zeros(len(chosen)) if label is None else self._overlap(chosen, label)[1]
        listed = [
            (float(value if worst else -value), -pixels, self.frames[index].name, float(value))
            for index, value, pixels in zip(chosen, values, weight, strict=True)
            if not np.isnan(value)
        ]
        return [Listed(frame, value, f"{name} {100 * value:.1f} %") for _, _, frame, value in sorted(listed)]

    def confused(self, chosen: np.ndarray, cell: Confusion) -> list[Listed]:
        """Frames with pixels of a cell of the matrix, most pixels first."""
        row, column = cell.truth - 1, cell.prediction - 1
        own = self.evaluation.rows[chosen]
        pixels = np.asarray(own[:, row * (len(self.class_set) + 1) + column].todense()).reshape(-1)
        truth = self._truth_pixels(chosen, cell.truth)
        order = np.lexsort(([self.frames[index].name for index in chosen], -pixels))
        return [
            Listed(
                self.frames[chosen[place]].name,
                pixels[place] / truth[place],
                f"{in_percent(pixels[place] / truth[place], 0)} of its {self.class_set.display_names[row]}, "
                f"{pixels[place]:,} px",
            )
            for place in order
            if pixels[place]
        ]

    def _truth_pixels(self, chosen: np.ndarray, label: int) -> np.ndarray:
        """Pixels of a class in the ground truth of each of the frames, (n,)."""
        columns = len(self.class_set) + 1
        row = self.evaluation.rows[chosen][:, (label - 1) * columns : label * columns]
        return np.asarray(row.sum(1)).reshape(-1)

    def describe(self, chosen: np.ndarray, cell: Confusion) -> str:
        """Sentence on a cell of the matrix."""
        matrix = self.matrix(chosen)
        row, column = cell.truth - 1, cell.prediction - 1
        pixels, truth, name = int(matrix[row, column]), int(matrix[row].sum()), self.class_set.display_names[row]
        if not truth:
            return f"These frames have no {name} in their ground truth."
        if row == column:
            correct = f"{in_percent(pixels / truth)} of the pixels of {name} are predicted correctly"
            return f"{correct} ({pixels:,} of {truth:,})."
        errors = int(matrix.sum() - np.trace(matrix))
        if not pixels:
            return f"No pixel of {name} is predicted as {cell.predicted_name}."
        return (
            f"{in_percent(pixels / truth)} of the pixels of {name} are predicted as {cell.predicted_name}: "
            f"{pixels:,} of {truth:,}, and {in_percent(pixels / errors)} of all errors."
        )

    def correlation(self, chosen: np.ndarray, name: FrameProperty, label: int | None = None) -> str:
        """Sentence on whether frames with more of a property score lower (Spearman's rank correlation)."""
        values, shares = self.values(chosen, label), self.shares[name][chosen]
        known = ~np.isnan(values) & ~np.isnan(shares)
        if known.any() and not shares[known].any():
            return f"There are no {PROPERTIES[name]} in these frames."
        if known.sum() < 10 or np.ptp(shares[known]) == 0 or np.ptp(values[known]) == 0:
            return f"Too few frames, or too similar, to tell whether {PROPERTIES[name]} matter."
        rank = stats.spearmanr(shares[known], values[known])
        statistic = (
            f"Spearman {round(float(rank.statistic), 2) + 0.0:+.2f} over {int(known.sum()):,} frames"  # never -0.00
        )
        if rank.pvalue >= _SIGNIFICANT:
            return f"No relation shows between {PROPERTIES[name]} and the score ({statistic})."
        return f"Frames with more {PROPERTIES[name]} score {'lower' if rank.statistic < 0 else 'higher'} ({statistic})."

    def _overlap(self, chosen: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of intersection and union of a class in each of the frames: two float64 (n,)."""
        k = label - 1
        entries = as_matrix(np.arange(self.evaluation.rows.shape[1]))
        own = self.evaluation.rows[chosen]
        right = np.asarray(own[:, entries[k, k]].todense(), np.float64).reshape(-1)
        union = np.asarray(own[:, entries[k]].sum(1) + own[:, entries[:, k]].sum(1)).reshape(-1) - right
        return right, union


def _properties(frame: FrameResult) -> tuple[float, ...]:
    """Properties of a frame in the order of `PROPERTIES`."""
    if not frame.counts.size:
        return (float("nan"),) * len(PROPERTIES)
    depth, measured, place, *_ = np.unravel_index(frame.cells, shape_of(frame.classes))
    far = [index for index, name in enumerate(DEPTH_RANGES) if name in ("3 to 4 m", "4 to 6 m", "over 6 m")]
    of = (measured == MEASURED.index("not measured"), np.isin(depth, far), place == PLACES.index("boundary"))
    return tuple(float(frame.counts[pixels].sum() / frame.counts.sum()) for pixels in of)
