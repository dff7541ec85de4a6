"""A frame's result to hand on: one self-contained HTML file, and a ZIP of its pictures, numbers and points.

Both hold the trial of depth, too, where one was run on the frame.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import zipfile
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from PIL import Image

from demo.ablation import summary as trial
from demo.inspect import messages as views
from demo.inspect.calibration import reliability_svg
from demo.inspect.panels import Look, depth_picture, error_picture, prediction_picture, truth_picture, view_keys
from demo.inspection import Inspection
from demo.pointcloud.cloud import back_project, camera_intrinsics, to_ply
from demo.theme import REPORT_CSS
from deresunet.classes import DISPLAY_NAMES
from deresunet.evaluation.report import confused_pairs


def frame_pictures(inspection: Inspection, opacity: float) -> dict[str, np.ndarray]:
    """What is shown of a frame: title -> uint8 (h, w, 3)."""
    look = Look(opacity)
    pictures = {"RGB" if inspection.rgb else "Depth in grey": inspection.background}
    if inspection.depth is not None:
        pictures["Depth"] = depth_picture(inspection)
    if inspection.truth is not None:
        pictures["Ground truth"] = truth_picture(inspection, look)
    pictures["Prediction"] = prediction_picture(inspection, look)
    if inspection.truth is not None:
        pictures["Right and wrong"] = error_picture(inspection, None, opacity)
    pictures["Confidence"] = prediction_picture(inspection, replace(look, view="confidence", opacity=1.0))
    pictures["Uncertainty"] = prediction_picture(inspection, replace(look, view="entropy", opacity=1.0))
    return pictures


def picture_keys(inspection: Inspection) -> dict[str, str]:
    """What the colours of `frame_pictures` mean, and their scale: title -> HTML."""
    rgb, depth, truth, prediction = views.captions(inspection, Look())
    views_keys = {
        title: views.key_line(view_keys(Look(view=view)))
        for title, view in (("Right and wrong", "errors"), ("Confidence", "confidence"), ("Uncertainty", "entropy"))
    }
    return {
        "RGB": rgb,
        "Depth in grey": rgb,
        "Depth": depth,
        "Ground truth": truth,
        "Prediction": prediction,
        **views_keys,
    }


def tried_pictures(inspection: Inspection, tried: trial.Trial, opacity: float) -> dict[str, np.ndarray]:
    """The trial's predictions over the frame: title -> uint8 (h, w, 3)."""
    titles = [f"Prediction from {views.MODALITY_NAMES[modality]}" for modality in trial.MODALITIES]
    return dict(zip(titles, trial.trial_pictures(inspection.background, tried, opacity, None), strict=True))


@dataclass(frozen=True, eq=False)
class Report:
    """A frame's report; its page and its ZIP share pictures that are drawn and encoded once.

    Attributes:
        inspection: the frame and what the network says of it.
        opacity: of what is drawn over the frame, 0..1.
        tried: the trial, if one was run.
    """

    inspection: Inspection
    opacity: float
    tried: trial.Trial | None = None

    @cached_property
    def page(self) -> str:
        """One HTML page without anything to fetch."""
        inspection = self.inspection
        sections = [
            views.headline(inspection),
            _figures(self._pictures, picture_keys(inspection)),
            _legend(views.present_classes(inspection)),
            _table(_classes(inspection), escape=False),
        ]
        if inspection.result is not None:
            lines = "".join(f"<li>{html.escape(line)}</li>" for line in confused_pairs(inspection.result.matrix()))
            sections.append(f"<h2>Confused with</h2><ul>{lines}</ul>")
        sections.append(f"<h2>Confidence and uncertainty</h2>{_sureness(inspection)}")
        if inspection.reliability is not None:
            sections.append(reliability_svg(inspection.reliability))
        if self.tried is not None:
            sections.append(_tried(self.tried, self._tried_pictures))
        sections.append(views.provenance_line(inspection))
        title = html.escape(f"DeResUNet: {inspection.name}")
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{REPORT_CSS}</style></head><body><h1>{title}</h1>{''.join(sections)}</body></html>"
        )

    def archive(self) -> bytes:
        """A ZIP with the page, its pictures, the label as class numbers, the JSON, the classes as CSV, and the points.

        The points (PLY) are there if the frame has depth, the trial's pictures and JSON if one was run. The label is at
        the pictures' size.
        """
        inspection = self.inspection
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("report.html", self.page)
            for title, png in self._pictures.items():
                archive.writestr(f"{title.lower().replace(' ', '_')}.png", png)
            archive.writestr("label.png", _png(inspection.label))
            archive.writestr("prediction.json", json.dumps(inspection.described, indent=2, allow_nan=False))
            archive.writestr("classes.csv", _csv(inspection))
            if self.tried is not None:
                told = {modality: self.tried[modality].described for modality in trial.MODALITIES}
                archive.writestr("trial.json", json.dumps(told, indent=2, allow_nan=False))
                for modality, png in zip(trial.MODALITIES, self._tried_pictures.values(), strict=True):
                    archive.writestr(f"trial_{modality}.png", png)
            if inspection.depth is not None:
                cloud = back_project(inspection.depth, camera_intrinsics(inspection)[0])
                archive.writestr("points.ply", to_ply(cloud, inspection.background, inspection.label, inspection.truth))
        return buffer.getvalue()

    @cached_property
    def _pictures(self) -> dict[str, bytes]:
        return _encoded(frame_pictures(self.inspection, self.opacity))

    @cached_property
    def _tried_pictures(self) -> dict[str, bytes]:
        assert self.tried is not None
        return _encoded(tried_pictures(self.inspection, self.tried, self.opacity))


def _tried(tried: trial.Trial, pictures: dict[str, bytes]) -> str:
    """The trial's part of the page."""
    pieces = [
        f"<h2>Depth on trial</h2>{trial.trial_settings(tried)}{_table(trial.trial_scores(tried))}",
        f"{trial.trial_summary(tried)}{_figures(pictures)}",
        _legend(sorted({int(label) for verdict in tried.values() for label in np.unique(verdict.label)})),
    ]
    tables = {
        "IoU of each class, and the points that depth adds": trial.class_changes(tried),
        "mIoU by distance, and by whether depth was measured": trial.region_changes(tried),
    }
    pieces += [f"<h3>{title}</h3>{_table(styled.data)}" for title, styled in tables.items() if len(styled.data)]
    return "".join(pieces)


def _sureness(inspection: Inspection) -> str:
    """How sure the network is: over the frame, and where it is right and where it is wrong."""
    sure, unsure = inspection.probabilities[0].astype(np.float32), inspection.entropy.astype(np.float32)
    everywhere = np.ones(sure.shape, bool)
    places = {"everywhere": everywhere}
    if inspection.truth is not None:
        known, right = inspection.truth > 0, inspection.truth == inspection.label
        places |= {"where it is right": known & right, "where it is wrong": known & ~right}
    table = pd.DataFrame(
        [
            (name, *(100 * array[place].mean() for array in (sure, unsure)))
            for name, place in places.items()
            if place.any()
        ],
        columns=["", "mean confidence %", "mean uncertainty %"],
    )
    return (
        f"{_table(table)}<p>Confidence: the probability of the class that is predicted. Uncertainty: entropy of the "
        "probabilities of all classes; 0 % is one class for certain, 100 % all classes alike.</p>"
    )


def _classes(inspection: Inspection) -> pd.DataFrame:
    """The page's table of classes, with the mean confidence where each is predicted."""
    table = views.class_table(inspection)
    confidence = dict(zip(DISPLAY_NAMES, 100 * inspection.confidence, strict=True))
    return table.assign(**{"confidence %": table["class"].map(confidence).astype(float)})


def _legend(present: list[int]) -> str:
    return f'<div class="legend"><b>Classes</b>{views.class_keys(present)}</div>'


def _encoded(pictures: dict[str, np.ndarray]) -> dict[str, bytes]:
    return {title: _png(picture) for title, picture in pictures.items()}


def _figures(pictures: dict[str, bytes], keys: dict[str, str] | None = None) -> str:
    keys = keys or {}
    figures = "".join(
        f'<figure><img alt="{title}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        f"<figcaption><b>{title}</b> {keys.get(title, '')}</figcaption></figure>"
        for title, png in pictures.items()
    )
    return f'<div class="figures">{figures}</div>'


def _table(table: pd.DataFrame, escape: bool = True) -> str:
    """Rows with numbers to one decimal, in a box of their own that scrolls."""
    rows = table.to_html(
        index=False,
        border=0,
        escape=escape,
        float_format="{:.1f}".format,
        formatters={"depth adds": "{:+.1f}".format},
        na_rep="n/a",
    )
    return f'<div class="scroll">{rows}</div>'


def _csv(inspection: Inspection) -> str:
    """One row a class that is in truth or prediction; ratios in percent, empty where nothing defines them."""
    told = inspection.scores
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["label", "class", "iou", "accuracy", "truth_pixels", "predicted_share", "mean_confidence"])
    for label in views.present_classes(inspection):
        k = label - 1
        scored = ["", "", ""]
        if told is not None:
            scored = [_ratio(told.iou[k]), _ratio(told.accuracy[k]), str(told.truth_pixels[k])]
        network = [_ratio(inspection.shares[k]), _ratio(inspection.confidence[k])]
        writer.writerow([label, DISPLAY_NAMES[k], *scored, *network])
    return text.getvalue()


def _ratio(value: float) -> str:
    return "" if np.isnan(value) else f"{100 * value:.4f}"


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()
