"""The report on an evaluation of a data set: a folder with one HTML page, tables, and pictures of frames.

The command line writes it into a folder, the inspector hands it out as a page and as a ZIP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deresunet.atomic import write_bytes, write_csv, write_json, write_png, write_text
from deresunet.classes import ClassSet, joined
from deresunet.data.arrays import nearest
from deresunet.data.frame import Frame
from deresunet.data.readers import Reader
from deresunet.errors import InputError
from deresunet.evaluation.boundary_iou import boundary_iou
from deresunet.evaluation.confusions import heat_map, on_white
from deresunet.evaluation.evaluation import Evaluation
from deresunet.evaluation.html import html_page
from deresunet.evaluation.metrics import confusion_matrix, percent, scores
from deresunet.evaluation.report_page import evaluation_sections
from deresunet.evaluation.stratified import FrameResult
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality
from deresunet.visualization.panels import frame_row, shrink

# Worst frames and best frames in a report, of each.
COUNT = 20
_SUMMARY = ("miou", "pixel_acc", "mean_acc", "fw_iou")
# Height of a frame's pictures in the page [px]; the files beside it have the frame's own.
_PAGE_HEIGHT = 160


def write_report(
    folder: Path,
    evaluation: Evaluation,
    picture: Callable[[str], np.ndarray | None],
    *,
    title: str = "Evaluation",
    count: int = COUNT,
    sections: Sequence[str] = (),
) -> Path:
    """Write the report on an evaluation into `folder`, which is there.

    report.html (the page, with nothing to fetch), result.json (all numbers), classes.csv, groups.csv (by sensor, room
    type and stratum), frames.csv, confusion.csv, confusion.png, and the pictures frames/worst_01_NAME.png,
    frames/best_01_NAME.png and so on.

    Args:
        folder: where to write.
        evaluation: with its frames' results.
        picture: draws a frame by name, uint8 (H, W, 3); None for a frame that can no longer be read.
        title: heading of the page.
        count: number of worst and of best frames.
        sections: further sections of the page, as HTML.

    Returns:
        The page's file.

    Raises:
        InputError: the folder cannot be written to.
    """
    described = evaluation.as_dict()
    names = evaluation.class_set.display_names
    write_json(folder / "result.json", described)
    write_csv(
        folder / "classes.csv",
        ("class", "iou", "accuracy", "truth_pixels", "predicted_pixels", "precision", "f1", "boundary_iou"),
        _classes(evaluation),
    )
    write_csv(folder / "groups.csv", ("kind", "group", "frames", "pixels", *_SUMMARY, *names), _groups(described))
    write_csv(
        folder / "frames.csv",
        ("name", "sensor", "scene", "pixels", *_SUMMARY, "source", "seconds"),
        _frames(evaluation),
    )
    rows = ((name, *row) for name, row in zip(names, evaluation.matrix.tolist(), strict=True))
    write_csv(folder / "confusion.csv", ("truth", *names, "none of these"), rows)
    confusions = on_white(heat_map(evaluation.matrix, evaluation.class_set))
    write_bytes(folder / "confusion.png", confusions)
    (folder / "frames").mkdir(exist_ok=True)
    drawn: dict[str, list[tuple[str, float, np.ndarray]]] = {}
    for kind, results in zip(("worst", "best"), extremes(evaluation, count), strict=True):
        drawn[kind] = []
        for rank, result in enumerate(results, 1):
            row = picture(result.name)
            if row is not None:
                safe = re.sub(r"[^A-Za-z0-9._-]+", "-", result.name)[-100:]
                write_png(folder / "frames" / f"{kind}_{rank:02d}_{safe}.png", row)
                drawn[kind].append((result.name, result.miou, shrink(row, _PAGE_HEIGHT)))
    page = folder / "report.html"
    write_text(page, html_page(title, evaluation_sections(evaluation, confusions, drawn, sections)))
    return page


def extremes(evaluation: Evaluation, count: int = COUNT) -> tuple[list[FrameResult], list[FrameResult]]:
    """The `count` frames of the lowest own mIoU, lowest first, and of the highest, highest first."""
    scored = [(result.miou, result.name, result) for result in evaluation.results]
    ordered = [result for miou, _, result in sorted(scored, key=lambda item: item[:2]) if not np.isnan(miou)]
    return ordered[:count], ordered[::-1][:count]


class ExtremeFrames:
    """Draws the worst and best frames of an evaluation; keeps their predictions while it runs.

    Args:
        reader: reads the frames again.
        predictor: segments those whose prediction an earlier run made.
        modality: modality of the evaluation.
        count: number of worst and of best frames.
        kept: gives the prediction of a frame by name, uint8 (H, W), or None, where predictions are kept elsewhere.
    """

    def __init__(
        self,
        reader: Reader,
        predictor: SegmentationPredictor,
        modality: Modality,
        count: int = COUNT,
        kept: Callable[[str], np.ndarray | None] = lambda name: None,
    ) -> None:
        self.reader, self.predictor, self.modality, self.count = reader, predictor, modality, count
        self._kept_elsewhere = kept
        self._kept: dict[str, tuple[float, np.ndarray]] = {}

    def add(self, frame: Frame, label: np.ndarray) -> None:
        """Keep the prediction of a frame, uint8 (H, W) in its classes, if it is among the worst or the best so far."""
        assert frame.label is not None
        miou = scores(confusion_matrix(frame.label, nearest(label, frame.label.shape), len(frame.class_set))).miou
        if np.isnan(miou):
            return
        self._kept[frame.name] = (miou, label)
        if len(self._kept) > 2 * self.count:
            ordered = sorted(self._kept, key=lambda name: (self._kept[name][0], name))
            del self._kept[ordered[self.count]]

    def prediction(self, name: str) -> np.ndarray | None:
        """The prediction kept for a frame, uint8 (H, W), or None."""
        return self._kept[name][1] if name in self._kept else self._kept_elsewhere(name)

    def picture(self, name: str) -> np.ndarray | None:
        """RGB, depth, ground truth, prediction and errors as one row, uint8 (H, W', 3).

        None for a frame that can no longer be read: a picture is not worth failing for.
        """
        try:
            frame = self.reader.read(name)
        except InputError:
            return None
        label, classes = label_of(frame, self.prediction(name), self.predictor, self.modality)
        return frame_row(frame.rgb, frame.depth, frame.aligned_label, label, classes, errors=True)


def label_of(
    frame: Frame, kept: np.ndarray | None, predictor: SegmentationPredictor, modality: Modality
) -> tuple[np.ndarray, ClassSet]:
    """Predicted label of a frame, uint8 (H, W), and its classes: the ground truth's with the network's further ones.

    Args:
        frame: with its ground truth.
        kept: the label where it was kept; None has the frame segmented.
        predictor: the network.
        modality: modality that the network is given.
    """
    way = joined(predictor.class_set, frame.class_set)
    if kept is None or kept.shape != frame.size:
        kept = way.table[predictor(frame, modality).label]
    return kept, way.target


def _classes(evaluation: Evaluation) -> Iterable[tuple[Any, ...]]:
    result, boundary = evaluation.scores, boundary_iou(evaluation.boundary)
    for k, name in enumerate(evaluation.class_set.display_names):
        truth, predicted = int(result.truth_pixels[k]), int(result.predicted_pixels[k])
        more = (percent(float(ratio[k])) for ratio in (result.precision, result.f1, boundary))
        yield (name, percent(result.iou[k]), percent(result.accuracy[k]), truth, predicted, *more)


def _groups(described: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
    kinds = {"sensor": described["sensors"], "scene": described["scenes"], **described["regions"]}
    for kind, groups in kinds.items():
        for name, group in groups.items():
            yield (
                *(kind, name, group.get("frames"), group["pixels"]),
                *(group[key] for key in _SUMMARY),
                *group["iou"],
            )


def _frames(evaluation: Evaluation) -> Iterable[tuple[Any, ...]]:
    for frame in evaluation.results:
        result = scores(frame.matrix())
        yield (
            *(frame.name, frame.sensor, frame.scene, int(result.truth_pixels.sum())),
            *(percent(getattr(result, key)) for key in _SUMMARY),
            *(frame.source, round(frame.seconds, 4)),
        )
