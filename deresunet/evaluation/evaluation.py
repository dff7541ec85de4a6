"""Result of an evaluation: scores, groups and strata, and what is said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from scipy import sparse

from deresunet.classes import SUNRGBD37, ClassSet, label_map
from deresunet.data.frame_tally import FrameTally
from deresunet.data.passes import Failure
from deresunet.evaluation.bootstrap import ScoreIntervals, as_matrix, confusion_rows, resampled, score_intervals
from deresunet.evaluation.boundary_iou import boundary_iou, boundary_miou
from deresunet.evaluation.calibration import BINS, Reliability
from deresunet.evaluation.failures import coverage
from deresunet.evaluation.html import in_percent
from deresunet.evaluation.metrics import Scores, percent, scores
from deresunet.evaluation.stratified import DEPTH_RANGES, MEASURED, PLACES, FrameResult, pool


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate`.

    Attributes:
        matrix: pooled confusion matrix, int64 (N, N + 1); rows are the ground truth, the last column predictions that
            are none of its classes.
        frames: number of frames in the matrix.
        unlabelled: names of frames without ground truth, which are not in the matrix.
        seconds_per_frame: wall time of a frame [s], reading and scoring included.
        protocol: input size, augmentation, scoring and modality, in words.
        provenance: weights, preprocessing, device and precision.
        results: result of each frame in the matrix, in order.
        failed: frames that could not be read and were skipped.
        missing: names of frames without a stored prediction, which are not in the matrix.
        resized: number of stored predictions of another size than their frames.
        notices: what looks wrong about the data set as a whole, such as files that are not taken.
        class_set: the N classes of the ground truth, which are scored over.
        network: the network's own classes.
        unmapped: classes of the label files that are none of `class_set` and became void.
    """

    matrix: np.ndarray
    frames: int
    unlabelled: tuple[str, ...]
    seconds_per_frame: float
    protocol: str
    provenance: dict[str, Any]
    results: tuple[FrameResult, ...] = ()
    failed: tuple[Failure, ...] = ()
    missing: tuple[str, ...] = ()
    resized: int = 0
    notices: tuple[str, ...] = ()
    class_set: ClassSet = SUNRGBD37
    network: ClassSet = SUNRGBD37
    unmapped: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on what is scored over: classes that only the ground truth, the network or the files have."""
        way = label_map(self.network, self.class_set)
        said = []
        if self.unmapped:
            said.append(
                f"{listing(self.unmapped)} of the label files {_is(self.unmapped)} none of {self.class_set.title}, and "
                "void."
            )
        if way.unreachable:
            said.append(
                f"{len(way.unreachable)} of the {len(self.class_set)} classes cannot be predicted by this network, "
                f"whose classes are {self.network.title}: {listing(way.unreachable)}."
            )
        if way.missing or self.scores.outside:
            share = self.scores.outside
            named = f"{listing(way.missing)} of the network {_is(way.missing)} none of {self.class_set.title}; "
            said.append(
                f"{named if way.missing else ''}{in_percent(share, 2)} of the labelled pixels are predicted "
                "as none of the ground truth's classes, and count as wrong."
            )
        return tuple(said)

    @property
    def scores(self) -> Scores:
        """Scores of the pooled matrix, 0..1."""
        return scores(self.matrix)

    @property
    def coverage(self) -> str:
        """Sentence on the frames that are not in the scores; see `failures.coverage`."""
        return coverage(self.frames, self.missing, self.failed)

    def groups(self, key: Literal["sensor", "scene"]) -> dict[str, np.ndarray]:
        """Pooled matrix, int64 (N, N + 1), of each known sensor or room type, by name."""
        grouped: dict[str, np.ndarray] = {}
        for result in self.results:
            name = getattr(result, key)
            if name:
                grouped[name] = grouped.get(name, 0) + result.matrix()
        return dict(sorted(grouped.items()))

    @property
    def boundary(self) -> np.ndarray:
        """Pooled pixels of boundary bands, int64 (3, N), as `boundary_iou.boundary_counts` gives them."""
        return np.sum(
            [np.zeros((3, len(self.class_set)), np.int64), *(result.boundary for result in self.results)], axis=0
        )

    def stratified(self) -> dict[str, dict[str, np.ndarray]]:
        """Pooled matrix, int64 (N, N + 1), by depth, by whether depth was measured, and by nearness to a boundary."""
        total = pool(self.results, len(self.class_set))
        named = (("depth", DEPTH_RANGES), ("measured", MEASURED), ("place", PLACES))
        return {
            key: {name: np.take(total, index, axis).sum((0, 1)) for index, name in enumerate(names)}
            for axis, (key, names) in enumerate(named)
        }

    def tally(self) -> FrameTally:
        """Encodings of depth and kinds of warnings over the frames."""
        tally = FrameTally()
        for frame in self.results:
            tally.add_described(frame.name, frame.depth, frame.warnings)
        return tally

    def depth_summary(self) -> dict[str, Any]:
        """Encodings of depth by frames, and what looks wrong: frames by kind of warning, and the first few."""
        tally = self.tally()
        warned = [(frame.name, kind, text) for frame in self.results for kind, text in frame.warnings]
        return {
            "encodings": dict(tally.encodings),
            "frames_with_warnings": len({name for name, _, _ in warned}),
            "warnings": tally.warnings,
            "examples": [{"name": name, "kind": kind, "warning": text} for name, kind, text in warned[:20]],
        }

    @cached_property
    def frames_with(self) -> np.ndarray:
        """Number of frames whose ground truth has each class, int64 (N,)."""
        columns = len(self.class_set) + 1
        cells = self.rows.tocoo()
        here = np.unique(np.stack([cells.row, cells.col // columns]), axis=1)[1]
        return np.bincount(here, minlength=columns - 1)

    @cached_property
    def rows(self) -> sparse.csr_matrix:
        """The frames' confusion matrices, int64 (frames, N * (N + 1)), as `bootstrap.confusion_rows` gives them."""
        return confusion_rows(self.results, len(self.class_set))

    @cached_property
    def intervals(self) -> ScoreIntervals:
        """Scores with bootstrap confidence intervals, over recordings where they are known."""
        drawn, unit = resampled(self.rows, self.results)
        return score_intervals(drawn, unit=unit)

    @property
    def reliability(self) -> Reliability:
        """Accuracy by confidence; counts nothing where predictions have no confidence."""
        return Reliability(np.sum([np.zeros((3, BINS)), *(result.calibration for result in self.results)], axis=0))

    def part(self, chosen: np.ndarray) -> Evaluation:
        """The evaluation of some of its frames, int64 (n,) of indices into `results`."""
        rows = self.rows[chosen]
        results = tuple(self.results[index] for index in chosen)
        matrix = as_matrix(np.asarray(rows.sum(0)).reshape(-1))
        found = replace(self, matrix=matrix, frames=len(results), results=results)
        vars(found)["rows"] = rows
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; ratios in percent, None where nothing defines them."""
        way, found = label_map(self.network, self.class_set), self.intervals
        groups = {
            f"{key}s": {
                name: {"frames": sum(getattr(one, key) == name for one in self.results), **scores(matrix).as_dict()}
                for name, matrix in self.groups(key).items()
            }
            for key in ("sensor", "scene")
        }
        return {
            "class_set": {"name": self.class_set.name, "title": self.class_set.title},
            "network_classes": {
                "name": self.network.name,
                "title": self.network.title,
                "not_in_ground_truth": list(way.missing),
                "cannot_be_predicted": list(way.unreachable),
            },
            **self.scores.as_dict(),
            "boundary_miou": percent(boundary_miou(self.boundary)),
            "boundary_iou": [percent(value) for value in boundary_iou(self.boundary)],
            "intervals": {
                "miou": [percent(found.miou.low), percent(found.miou.high)],
                "pixel_acc": [percent(found.pixel_acc.low), percent(found.pixel_acc.high)],
                "iou": [[percent(one.low), percent(one.high)] for one in found.iou],
                "method": found.method,
            },
            "reliability": self.reliability.as_dict(),
            "classes": list(self.class_set.display_names),
            "frames": self.frames,
            "coverage": self.coverage,
            "unlabelled": list(self.unlabelled),
            "failed": [vars(failure) for failure in self.failed],
            "missing_predictions": list(self.missing),
            "resized_predictions": self.resized,
            "sources": self.sources,
            **groups,
            "regions": {
                key: {name: scores(matrix).as_dict() for name, matrix in parts.items()}
                for key, parts in self.stratified().items()
            },
            "modalities": dict(Counter(frame.modality for frame in self.results)),
            "depth": self.depth_summary(),
            "notices": list(self.notices),
            "remarks": list(self.remarks),
            "protocol": self.protocol,
            "provenance": self.provenance,
            "seconds_per_frame": round(self.seconds_per_frame, 4),
        }

    @property
    def sources(self) -> dict[str, int]:
        """Number of frames by what they say of their origin."""
        return dict(sorted(Counter(frame.source for frame in self.results).items()))


def listing(names: Sequence[str], most: int = 6) -> str:
    """Names in one line, the further ones as a number."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
