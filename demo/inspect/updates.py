"""Inspection -> component updates of the Inspect tab."""

from __future__ import annotations

import io
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from demo.downloads import download_name, handed_out
from demo.inspect import messages
from demo.inspect.calibration import reliability_svg
from demo.inspect.classes import class_bars, class_table, legend, present_classes
from demo.inspect.confusions import confusions
from demo.inspect.panels import panels
from demo.inspect.pixel import pixel_card
from demo.inspect.readout import readout
from demo.inspect.settings import Settings
from demo.inspection import Inspection, png
from demo.markup import table


def result_updates(inspection: Inspection, settings: Settings, point: tuple[int, int] | None = None) -> list[Any]:
    """Updates of a new result: what `look_updates` gives, tables, legend and provenance."""
    return [
        *look_updates(inspection, settings, point),
        messages.headline(inspection),
        table(class_table(inspection)),
        class_bars(inspection),
        "<p>Calibration needs ground truth, and a prediction with confidences.</p>"
        if inspection.reliability is None
        else reliability_svg(inspection.reliability),
        messages.provenance_line(inspection),
        readout(inspection),
        gr.Checkbox(visible=bool(inspection.boxes) and inspection.intrinsics is not None),
    ]


def look_updates(inspection: Inspection, settings: Settings, point: tuple[int, int] | None) -> list[Any]:
    """Updates of what settings change without running the network: pictures, captions, pixel, confusions, legend."""
    look = settings.look(point)
    layers = ("rgb", "depth", "ground_truth", "prediction" if look.overlay == "classes" else look.overlay)
    files = [
        picture_file(inspection.file_name, layer, picture, inspection.frame_size)
        for layer, picture in zip(layers, panels(inspection, look), strict=True)
    ]
    without_truth = inspection.truth is None
    return [
        *[gr.Image(file, alt_text=alt) for file, alt in zip(files, messages.alt_texts(inspection), strict=True)],
        *messages.captions(inspection, look),
        # The same files as in the panels, so that a browser loads them once.
        gr.ImageSlider(
            (files[0] if without_truth else files[2], files[3]),
            label=f"{'The frame' if without_truth else 'Ground truth'} | prediction",
        ),
        pixel_card(inspection, point),
        confusions(inspection, look.classes),
        legend(present_classes(inspection), settings.classes),
    ]


def picture_file(name: str, layer: str, picture: np.ndarray, frame_size: tuple[int, int]) -> str:
    """Write a picture uint8 (h, w, 3) to hand out, named by frame, layer and, unless `frame_size`, its size.

    RGB is JPEG, as it was taken; the others are PNG, since JPEG would mix the classes' colours. Their channels are
    rounded to multiples of 4, which nobody sees and which halves what a browser loads. Returns the file's path.
    """
    height, width, _ = picture.shape
    size = None if (height, width) == frame_size else (height, width)
    if layer != "rgb":
        rounded = (np.minimum(picture, 253) + 2) & np.uint8(252)
        return handed_out(download_name(name, layer, "png", size), png(rounded))
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=92)
    return handed_out(download_name(name, layer, "jpg", size), buffer.getvalue())
