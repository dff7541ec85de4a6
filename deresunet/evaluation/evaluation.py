"""Result of an evaluation: scores, groups and strata, and what is said of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from deresunet.classes import SUNRGBD37, ClassSet, label_map
from deresunet.data.frame_tally import FrameTally
from deresunet.data.passes import Failure
from deresunet.evaluation.boundary_iou import boundary_iou, boundary_miou
from deresunet.evaluation.failures import coverage
from deresunet.evaluation.html import in_percent
from deresunet.evaluation.metrics import Scores, scores
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

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; ratios in percent, None where nothing defines them."""
        result = self.scores
        frames = Counter(frame.sensor for frame in self.results), Counter(frame.scene for frame in self.results)
        way = label_map(self.network, self.class_set)
        return {
            "class_set": {"name": self.class_set.name, "title": self.class_set.title},
            "network_classes": {
                "name": self.network.name,
                "title": self.network.title,
                "not_in_ground_truth": list(way.missing),
                "cannot_be_predicted": list(way.unreachable),
            },
            "outside": percent(result.outside),
            "miou": percent(result.miou),
            "pixel_acc": percent(result.pixel_acc),
            "mean_acc": percent(result.mean_acc),
            "fw_iou": percent(result.fw_iou),
            "iou": [percent(value) for value in result.iou],
            "accuracy": [percent(value) for value in result.accuracy],
            "precision": [percent(value) for value in result.precision],
            "f1": [percent(value) for value in result.f1],
            "boundary_miou": percent(boundary_miou(self.boundary)),
            "boundary_iou": [percent(value) for value in boundary_iou(self.boundary)],
            "classes": list(self.class_set.display_names),
            "frames": self.frames,
            "coverage": self.coverage,
            "unlabelled": list(self.unlabelled),
            "failed": [vars(failure) for failure in self.failed],
            "missing_predictions": list(self.missing),
            "resized_predictions": self.resized,
            "sources": dict(sorted(Counter(frame.source for frame in self.results).items())),
            "sensors": {
                name: {"frames": frames[0][name], **describe_scores(matrix)}
                for name, matrix in self.groups("sensor").items()
            },
            "scenes": {
                name: {"frames": frames[1][name], **describe_scores(matrix)}
                for name, matrix in self.groups("scene").items()
            },
            "regions": {
                key: {name: describe_scores(matrix) for name, matrix in parts.items()}
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


def describe_scores(matrix: np.ndarray) -> dict[str, Any]:
    """Scores of a confusion matrix as plain JSON types: ratios in percent, and the number of labelled pixels."""
    result = scores(matrix)
    return {
        "pixels": int(result.truth_pixels.sum()),
        "miou": percent(result.miou),
        "pixel_acc": percent(result.pixel_acc),
        "mean_acc": percent(result.mean_acc),
        "fw_iou": percent(result.fw_iou),
        "iou": [percent(value) for value in result.iou],
        "accuracy": [percent(value) for value in result.accuracy],
    }


def percent(ratio: float) -> float | None:
    """Ratio 0..1 in percent, rounded to four places; None for NaN, which JSON does not have."""
    return None if math.isnan(ratio) else round(100.0 * float(ratio), 4)


def listing(names: Sequence[str], most: int = 6) -> str:
    """Names in one line, the further ones as a number."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
