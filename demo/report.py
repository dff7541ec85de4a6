"""A frame's result to hand on: one self-contained HTML file, and a ZIP of its pictures, numbers and points."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
from PIL import Image

from demo import views
from demo.calibration_figure import reliability_svg
from demo.inspection import Inspection
from demo.pictures import Look, depth_picture, error_picture, prediction_picture, truth_picture
from demo.pointcloud import back_project, camera_intrinsics, to_ply
from demo.theme import REPORT_CSS
from deresunet.classes import DISPLAY_NAMES
from deresunet.report import confused_pairs


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
    return pictures


def report_html(inspection: Inspection, opacity: float) -> str:
    """The report as one HTML page without anything to fetch."""
    figures = "".join(
        f'<figure><img alt="{title}" src="data:image/png;base64,{base64.b64encode(_png(picture)).decode()}">'
        f"<figcaption>{title}</figcaption></figure>"
        for title, picture in frame_pictures(inspection, opacity).items()
    )
    table = views.class_table(inspection).to_html(index=False, border=0, escape=False, float_format="{:.1f}".format)
    sections = [views.headline(inspection), f'<div class="figures">{figures}</div>', table]
    if inspection.result is not None and inspection.reliability is not None:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in confused_pairs(inspection.result.matrix()))
        sections.append(f"<h2>Confused with</h2><ul>{lines}</ul>")
        sections.append(f"<h2>Confidence</h2>{reliability_svg(inspection.reliability)}")
    sections += [views.legend(views.present_classes(inspection)), views.provenance_line(inspection)]
    title = html.escape(f"DeResUNet: {inspection.name}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{REPORT_CSS}</style></head><body><h1>{title}</h1>{''.join(sections)}</body></html>"
    )


def report_zip(inspection: Inspection, opacity: float) -> bytes:
    """A ZIP with the report, its pictures, the label as class numbers, the JSON, the classes as CSV, and the points.

    The points (PLY) are there if the frame has depth. The label is at the pictures' size.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.html", report_html(inspection, opacity))
        for title, picture in frame_pictures(inspection, opacity).items():
            archive.writestr(f"{title.lower().replace(' ', '_')}.png", _png(picture))
        archive.writestr("label.png", _png(inspection.label))
        archive.writestr("prediction.json", json.dumps(inspection.described, indent=2, allow_nan=False))
        archive.writestr("classes.csv", _csv(inspection))
        if inspection.depth is not None:
            cloud = back_project(inspection.depth, camera_intrinsics(inspection)[0])
            archive.writestr("points.ply", to_ply(cloud, inspection.background, inspection.label, inspection.truth))
    return buffer.getvalue()


def _csv(inspection: Inspection) -> str:
    """One row a class that is in truth or prediction; ratios in percent, empty where nothing defines them."""
    told = inspection.scores
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["label", "class", "iou", "accuracy", "truth_pixels", "predicted_share"])
    for label in views.present_classes(inspection):
        k = label - 1
        scored = ["", "", ""]
        if told is not None:
            ratios = ["" if np.isnan(value) else f"{100 * value:.4f}" for value in (told.iou[k], told.accuracy[k])]
            scored = [*ratios, str(told.truth_pixels[k])]
        writer.writerow([label, DISPLAY_NAMES[k], *scored, f"{100 * inspection.shares[k]:.4f}"])
    return text.getvalue()


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()
