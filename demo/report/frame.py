"""Report of a frame: one self-contained HTML file, and a ZIP of its pictures, numbers and points.

Both hold the modality ablation, too, where one was run on the frame.
"""

from __future__ import annotations

import html
import io
import json
import zipfile
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from demo.ablation import summary
from demo.downloads import download_name
from demo.inspect import messages
from demo.inspect.classes import class_table, present_classes
from demo.inspection import Inspection, full_size, png
from demo.pointcloud.surface import back_project, camera_intrinsics, to_ply
from demo.viewer.layers import TITLES, Layer, Look, draw, missing
from deresunet.atomic import csv_text
from deresunet.classes import ClassSet
from deresunet.data.frame import Frame
from deresunet.evaluation.calibration import reliability_diagram
from deresunet.evaluation.confusions import confused_pairs
from deresunet.evaluation.html import MODALITY_NAMES, class_keys, html_page, image, table


def frame_pictures(inspection: Inspection, opacity: float) -> dict[str, np.ndarray]:
    """Pictures of the layers that a frame has: title -> uint8 (h, w, 3)."""
    looks = {"confidence": Look(1.0), "entropy": Look(1.0)}
    return {
        _title(inspection, layer): draw(inspection, layer, looks.get(layer, Look(opacity)))
        for layer in TITLES
        if not missing(inspection, layer)
    }


def picture_keys(inspection: Inspection) -> dict[str, str]:
    """Captions of `frame_pictures`, with the meaning of their colours: title -> HTML."""
    return {_title(inspection, layer): caption for layer, caption in messages.captions(inspection).items()}


def _title(inspection: Inspection, layer: Layer) -> str:
    return "Depth in grey" if layer == "rgb" and not inspection.rgb else TITLES[layer]


def ablation_figures(inspection: Inspection, ablation: summary.Ablation, opacity: float) -> dict[str, np.ndarray]:
    """The ablation's predictions over the frame: title -> uint8 (h, w, 3)."""
    titles = [f"Prediction from {MODALITY_NAMES[modality]}" for modality in summary.MODALITIES]
    return dict(zip(titles, summary.ablation_pictures(inspection.background, ablation, opacity), strict=True))


@dataclass(frozen=True, eq=False)
class Report:
    """A frame's report; its page and its ZIP share pictures that are drawn and encoded once.

    Attributes:
        inspection: frame and prediction.
        opacity: opacity of colours over the frame, 0..1.
        ablation: modality ablation of the frame, if one was run.
        frame: the frame itself, where the inspection's arrays are smaller: the ZIP's pictures are as large.
    """

    inspection: Inspection
    opacity: float
    ablation: summary.Ablation | None = None
    frame: Frame | None = field(default=None, repr=False)

    @cached_property
    def page(self) -> str:
        """One HTML page without anything to fetch."""
        inspection = self.inspection
        sections = [
            messages.headline(inspection),
            _figures(self._pictures, picture_keys(inspection)),
            _legend(present_classes(inspection), inspection.class_set),
            table(_classes(inspection), classes=inspection.class_set, sortable=False),
        ]
        if inspection.result is not None:
            lines = "".join(
                f"<li>{html.escape(line)}</li>"
                for line in confused_pairs(inspection.result.matrix(), inspection.class_set)
            )
            sections.append(f"<h2>Confusions</h2><ul>{lines}</ul>")
        if inspection.has_confidence and inspection.has_entropy:
            sections.append(f"<h2>Confidence and entropy</h2>{_confidence(inspection)}")
        if inspection.reliability is not None:
            sections.append(reliability_diagram(inspection.reliability))
        if self.ablation is not None:
            sections.append(_ablation(self.ablation, self._ablation_pictures, inspection.class_set))
        sections.append(messages.provenance_line(inspection))
        origin = inspection.described["provenance"]
        title = f"{inspection.name}: {origin['weights']}, {MODALITY_NAMES[inspection.modality]}"
        return html_page(title, sections)

    def archive(self) -> bytes:
        """A ZIP with the page, its pictures, the label as class numbers, the JSON, the classes as CSV, and the points.

        Points (PLY) need depth; pictures and JSON of the ablation are there if one was run. Names say frame, layer and
        class set.
        """
        inspection = self.inspection
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:

            def add(layer: str, suffix: str, content: str | bytes) -> None:
                archive.writestr(download_name(inspection.file_name, layer, suffix, inspection.class_set), content)

            add("report", "html", self.page)
            for title, picture in self._full_pictures().items():
                add(title.lower().replace(" ", "_"), "png", picture)
            add("label", "png", inspection.label_png)
            add("prediction", "json", json.dumps(inspection.described, indent=2, allow_nan=False))
            add("classes", "csv", _csv(inspection))
            if self.ablation is not None:
                described = {modality: self.ablation[modality].described for modality in summary.MODALITIES}
                add("ablation", "json", json.dumps(described, indent=2, allow_nan=False))
                for modality, picture in zip(summary.MODALITIES, self._ablation_pictures.values(), strict=True):
                    add(f"ablation_{modality}", "png", picture)
            if inspection.depth is not None:
                surface = back_project(inspection.depth, camera_intrinsics(inspection)[0])
                add("points", "ply", to_ply(surface, inspection.background, inspection.label, inspection.truth))
        return buffer.getvalue()

    def _full_pictures(self) -> dict[str, bytes]:
        if self.frame is None:
            return self._pictures
        return _encoded(frame_pictures(full_size(self.inspection, self.frame), self.opacity))

    @cached_property
    def _pictures(self) -> dict[str, bytes]:
        return _encoded(frame_pictures(self.inspection, self.opacity))

    @cached_property
    def _ablation_pictures(self) -> dict[str, bytes]:
        assert self.ablation is not None
        return _encoded(ablation_figures(self.inspection, self.ablation, self.opacity))


def _ablation(ablation: summary.Ablation, pictures: dict[str, bytes], classes: ClassSet) -> str:
    """The ablation's part of the page."""
    pieces = [
        f"<h2>Modality ablation</h2>{summary.ablation_settings(ablation)}",
        table(summary.score_table(ablation), sortable=False),
        f"{summary.ablation_summary(ablation)}{_figures(pictures)}",
        _legend(
            sorted({int(label) for one in ablation.values() for label in np.unique(one.label) if label}),
            classes,
        ),
    ]
    tables = {
        "IoU of each class, and the points that depth adds": summary.class_table(ablation),
        "mIoU by distance, and by whether depth was measured": summary.region_table(ablation),
    }
    pieces += [
        table(rows, ["depth adds"], title, classes, sortable=False) for title, rows in tables.items() if len(rows)
    ]
    return "".join(pieces)


def _confidence(inspection: Inspection) -> str:
    """Mean confidence and entropy over the frame, where the prediction is correct and where it is wrong."""
    sure, unsure = inspection.probabilities[0].astype(np.float32), inspection.entropy.astype(np.float32)
    everywhere = np.ones(sure.shape, bool)
    places = {"everywhere": everywhere}
    if inspection.truth is not None:
        known, right = inspection.truth > 0, inspection.truth == inspection.label
        places |= {"where correct": known & right, "where wrong": known & ~right}
    means = pd.DataFrame(
        [
            (name, *(100 * array[place].mean() for array in (sure, unsure)))
            for name, place in places.items()
            if place.any()
        ],
        columns=["", "mean confidence %", "mean entropy %"],
    )
    return (
        f"{table(means, sortable=False)}<p>Confidence: the probability of the predicted class. Entropy: of the "
        "probabilities of all classes; 0 %: one class for certain, 100 %: all classes equally likely.</p>"
    )


def _classes(inspection: Inspection) -> pd.DataFrame:
    """The page's table of classes, with the mean confidence where each is predicted."""
    rows = class_table(inspection)
    confidence = dict(zip(inspection.class_set.display_names, 100 * inspection.confidence, strict=True))
    return rows.assign(**{"confidence %": rows["class"].map(confidence).astype(float)})


def _legend(present: list[int], classes: ClassSet) -> str:
    return f'<div class="legend"><b>Classes</b>{class_keys(present, classes)}</div>'


def _encoded(pictures: dict[str, np.ndarray]) -> dict[str, bytes]:
    return {title: png(picture) for title, picture in pictures.items()}


def _figures(pictures: dict[str, bytes], keys: dict[str, str] | None = None) -> str:
    keys = keys or {}
    figures = "".join(
        f"<figure>{image(png, title)}<figcaption><b>{title}</b> {keys.get(title, '')}</figcaption></figure>"
        for title, png in pictures.items()
    )
    return f'<div class="figures">{figures}</div>'


def _csv(inspection: Inspection) -> str:
    """One row a class that is in truth or prediction; ratios in percent, empty where nothing defines them."""
    scored = inspection.scores
    header = ["label", "class", "iou", "accuracy", "truth_pixels", "predicted_share", "mean_confidence"]
    rows = []
    for label in present_classes(inspection):
        k = label - 1
        row = ["", "", ""]
        if scored is not None:
            row = [_ratio(scored.iou[k]), _ratio(scored.accuracy[k]), str(scored.truth_pixels[k])]
        network = [_ratio(inspection.shares[k]), _ratio(inspection.confidence[k])]
        rows.append([label, inspection.class_set.display_names[k], *row, *network])
    return csv_text(header, rows)


def _ratio(value: float) -> str:
    return "" if np.isnan(value) else f"{100 * value:.4f}"
