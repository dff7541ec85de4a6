"""The best and the worst frames of an evaluation, as pictures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from deresunet.atomic import write_png
from deresunet.data.frame import Frame
from deresunet.data.readers import Reader
from deresunet.errors import InputError
from deresunet.evaluation.evaluator import Evaluation
from deresunet.evaluation.metrics import confusion_matrix, scores
from deresunet.evaluation.stratified import FrameResult
from deresunet.inference.prediction import SegmentationPredictor
from deresunet.inference.preprocessing import Modality
from deresunet.visualization.overlays import colorize_depth, colorize_label

COUNT = 20
_WRONG = (214, 57, 62)
_GAP_PX = 4


class Gallery:
    """Keeps the predictions of the frames that are among the best or the worst so far.

    Args:
        count: how many of each are wanted.
    """

    def __init__(self, count: int = COUNT) -> None:
        self.count = count
        self._kept: dict[str, tuple[float, np.ndarray]] = {}

    def add(self, frame: Frame, label: np.ndarray) -> None:
        """Consider a frame with ground truth and its prediction, uint8 (H, W)."""
        assert frame.label is not None
        miou = scores(confusion_matrix(frame.label, label)).miou
        if np.isnan(miou):
            return
        self._kept[frame.name] = (miou, label)
        if len(self._kept) > 2 * self.count:
            ordered = sorted(self._kept, key=lambda name: (self._kept[name][0], name))
            del self._kept[ordered[self.count]]

    def prediction(self, name: str) -> np.ndarray | None:
        """The prediction kept for a frame, or None."""
        return self._kept[name][1] if name in self._kept else None


def frame_miou(result: FrameResult) -> float:
    """A frame's own mean IoU over the classes in its ground truth, 0..1; NaN if all of it is void."""
    return scores(result.matrix()).miou


def extremes(evaluation: Evaluation, count: int = COUNT) -> tuple[list[FrameResult], list[FrameResult]]:
    """The `count` frames of the lowest own mean IoU, lowest first, and of the highest, highest first."""
    scored = [(frame_miou(result), result.name, result) for result in evaluation.results]
    ordered = [result for miou, _, result in sorted(scored, key=lambda item: item[:2]) if not np.isnan(miou)]
    return ordered[:count], ordered[::-1][:count]


def write_gallery(
    folder: Path,
    evaluation: Evaluation,
    reader: Reader,
    predictor: SegmentationPredictor,
    modality: Modality,
    gallery: Gallery,
) -> list[Path]:
    """Write the worst and the best frames as worst_01_NAME.png, best_01_NAME.png and so on.

    A frame whose prediction was not kept, since an earlier run made it, is segmented again.

    Args:
        folder: where to; it is there.
        evaluation: which frames they are.
        reader: reads them again.
        predictor: segments those whose prediction is not there.
        modality: what it is given.
        gallery: the predictions that were kept.

    Returns:
        The files, worst first.
    """
    written = []
    for kind, results in zip(("worst", "best"), extremes(evaluation, gallery.count), strict=True):
        for place, result in enumerate(results, 1):
            try:
                frame = reader.read(result.name)
            except InputError:
                continue  # it could be read before; a picture is not worth failing for
            label = gallery.prediction(result.name)
            if label is None or label.shape != frame.size:
                label = predictor(frame, modality).label
            path = folder / f"{kind}_{place:02d}_{re.sub(r'[^A-Za-z0-9._-]+', '-', result.name)}.png"
            write_png(path, strip(frame, label))
            written.append(path)
    return written


def strip(frame: Frame, label: np.ndarray) -> np.ndarray:
    """RGB, depth, ground truth, prediction and errors (red) beside each other: uint8 (H, W', 3)."""
    height, width = frame.size
    blank = np.full((height, width, 3), 255, np.uint8)
    panels = [blank if frame.rgb is None else frame.rgb]
    if frame.depth is not None:
        panels.append(colorize_depth(frame.depth, 0.0, max(float(frame.depth.max()), 1.0)))
    if frame.label is not None:
        errors = np.where((frame.label == 0)[..., None], np.uint8(0), blank)
        errors[(frame.label != 0) & (frame.label != label)] = _WRONG
        panels += [colorize_label(frame.label), colorize_label(label), errors]
    else:
        panels.append(colorize_label(label))
    gap = np.full((height, _GAP_PX, 3), 255, np.uint8)
    return np.concatenate([piece for panel in panels for piece in (panel, gap)][:-1], axis=1)
