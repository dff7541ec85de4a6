"""Packs a frame for the browser, which draws its layers (`viewer.js`); and the component that shows it.

A packed frame is JSON: names, colours, numbers, and the addresses of its planes. RGB is WebP, the other planes are
lossless PNGs, one channel each: labels as class numbers, confidence and entropy in 255 steps, depth as two bytes [mm],
the higher ones above the lower ones. An address is a hash of what lies there, so that a browser keeps it for good.
"""

from __future__ import annotations

import html
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from demo.downloads import handed_out_as
from demo.inspect.messages import stored_as
from demo.inspection import Inspection
from demo.viewer.layers import TITLES, Layer, Look, boundary_px, missing
from deresunet.classes import ClassSet
from deresunet.data.sunrgbd.boxes import box_lines
from deresunet.evaluation.confusions import most_confused
from deresunet.evaluation.html import MODALITY_NAMES
from deresunet.visualization.boxes import box_colour, shown_boxes
from deresunet.visualization.colours import (
    CLASS_KEYS,
    COMPARISON_KEYS,
    DIFFERENCE_KEYS,
    ERROR_KEYS,
    MISSING_DEPTH,
    hex_code,
    viridis,
)
from deresunet.visualization.depth import depth_range

STYLE = Path(__file__).with_name("viewer.css")
WEBP_QUALITY = 82
DEFAULT_OPACITY = 0.6
# The views in the strip below the picture.
STRIP: tuple[Layer, ...] = ("rgb", "depth", "truth", "prediction")
_MOUNT = "(window.openViewers ??= []).push({ element, props, server, watch, trigger });"

Packed = dict[str, Any]


def viewer_script() -> gr.HTML:
    """The script of all viewers of a page, as a component that shows nothing."""
    steps = np.minimum((np.arange(256) + 0.5) / 255, 1.0)  # the colour of each index that `viridis` computes
    keys = {"errors": ERROR_KEYS, "class": CLASS_KEYS}
    tables = {
        "depth": viridis(steps).tobytes().hex(),
        "missing": list(MISSING_DEPTH),
        "values": viridis(np.linspace(0, 1, 256)).tobytes().hex(),
        "outcomes": {
            kind: {meaning: hex_code(colour) for meaning, colour in meanings.items()} for kind, meanings in keys.items()
        },
    }
    code = Path(__file__).with_name("viewer.js").read_text()
    return gr.HTML(js_on_load=f"const TABLES = {json.dumps(tables)};\n{code}", elem_id="viewer-script", padding=False)


def viewer(elem_id: str, label: str, pixel: Callable[[Any], Any] | None = None) -> gr.HTML:
    """A viewer; its value is a packed frame, its event "select" a modality or a network that a visitor chooses.

    Args:
        elem_id: id of its element, and its name in the page's `window.viewers`.
        label: what it shows, for screen readers.
        pixel: answers a click with what `class_probabilities` gives; it is called as `pixel([ticket, row, column])`.
    """
    return gr.HTML(
        None,
        # Not as properties of the component: Gradio forgets those of one that is updated before it is mounted.
        html_template=f'<div class="viewer" data-name="{elem_id}" data-title="{html.escape(label)}"></div>',
        js_on_load=_MOUNT,
        elem_id=elem_id,
        elem_classes="viewer-block",
        padding=False,
        apply_default_css=False,
        server_functions=None if pixel is None else [pixel],
    )


def pack_preview(background: np.ndarray, title: str, status: str) -> Packed:
    """Pack a frame, RGB uint8 (h, w, 3), that is not segmented yet; `status` says what is waited for."""
    return {
        **_base(background.shape[:2], title),
        "planes": {"rgb": _plane("rgb", background)},
        "layers": [{"id": "rgb", "name": TITLES["rgb"], "kind": "rgb"}],
        "layer": "rgb",
        "strip": [],
        "status": status,
    }


def pack(inspection: Inspection, ticket: str | None = None, modalities: Iterable[tuple[str, str]] = ()) -> Packed:
    """Pack an inspection with all its layers.

    Args:
        inspection: what is shown.
        ticket: what a click names the inspection by; None answers no clicks.
        modalities: modalities that can be chosen, and why one cannot ("" where it can).
    """
    described = inspection.described
    packed = {
        **_base(inspection.label.shape, inspection.name, inspection.class_set),
        "planes": planes(inspection),
        "layers": [_layer(inspection, layer) for layer in TITLES],
        "layer": "prediction",
        "strip": [layer for layer in STRIP if not missing(inspection, layer)],
        **_scene(inspection),
        "ticket": ticket,
        "title": [
            *(part for part in (inspection.source, inspection.name, inspection.sensor, inspection.scene) if part),
            f"{described['width']} x {described['height']}",
        ],
        "modality": inspection.modality,
        "modalities": [[value, MODALITY_NAMES[value], why] for value, why in modalities],  # type: ignore[index]
        **_numbers(inspection),
    }
    return packed


def pack_predictions(
    inspection: Inspection, labels: dict[str, tuple[str, np.ndarray]], difference: tuple[str, str, str],
    sides: tuple[str, str] = ("A", "B"),
) -> Packed:  # fmt: skip
    """Pack several predictions of one frame, to be compared: at first a wipe between the sides of the difference.

    Args:
        inspection: gives the frame and its ground truth.
        labels: layer -> its name, and label uint8 (h, w).
        difference: name of the layer of the differences, and the layers A and B that it is about.
        sides: names of A and B in the meanings of its colours.
    """
    own: tuple[Layer, ...] = ("rgb", "depth", "truth")
    name, a, b = difference
    keys = {
        re.sub(r"\b[AB]\b", lambda side: sides["AB".index(side[0])], meaning): hex_code(colour)
        for meaning, colour in (DIFFERENCE_KEYS if inspection.truth is None else COMPARISON_KEYS).items()
    }
    layers = [
        *(_layer(inspection, layer) for layer in own),
        *({"id": key, "name": title, "kind": "classes"} for key, (title, _) in labels.items()),
        {"id": "difference", "name": name, "kind": "difference", "a": a, "b": b, "outcomes": keys, "opacity": 0.75},
    ]
    mine = {key: path for key, path in planes(inspection).items() if key in own}
    return {
        **_base(inspection.label.shape, inspection.name, inspection.class_set),
        "planes": {**mine, **{key: _plane(key, label) for key, (_, label) in labels.items()}},
        "layers": layers,
        "layer": a,
        "wipe": b,
        "strip": [*labels, "difference"],
        **_scene(inspection),
    }


def planes(inspection: Inspection) -> dict[str, str]:
    """Paths of a frame's planes in Gradio's cache, by layer; those that the frame does not have are left out."""
    found = {"rgb": inspection.background, "prediction": inspection.label}
    if not missing(inspection, "depth") and inspection.depth is not None:
        mm = _millimetres(inspection.depth)
        found["depth"] = np.concatenate([mm >> 8, mm & 255]).astype(np.uint8)
    if inspection.truth is not None:
        found["truth"] = inspection.truth
    if inspection.has_confidence:
        found["confidence"] = _steps(inspection.probabilities[0])
    if inspection.has_entropy:
        found["entropy"] = _steps(inspection.entropy)
    return {layer: _plane(layer, plane) for layer, plane in found.items()}


def look_of(inputs: int) -> str:
    """Script of an event that gives the viewer's look to the last of its inputs, a `gr.JSON`, and leaves the others."""
    return f"(...values) => [...values.slice(0, {inputs - 1}), window.viewers?.viewer?.state() ?? {{}}]"


def looked_at(look: Any) -> Look:
    """The look that `look_of` gave to a handler; whatever else a program sends is the usual look."""
    asked = look if isinstance(look, dict) else {}
    opacity, classes = asked.get("opacity"), asked.get("classes")
    return Look(
        float(np.clip(opacity, 0, 1)) if isinstance(opacity, int | float) else DEFAULT_OPACITY,
        frozenset(one for one in classes if isinstance(one, int)) if isinstance(classes, list) else None,
    )


def class_probabilities(inspection: Inspection, row: int, column: int) -> list[tuple[int, float]]:
    """The five most probable classes of a pixel of the pictures with their probabilities, most probable first."""
    best = zip(inspection.classes[:, row, column], inspection.probabilities[:, row, column], strict=True)
    return [(int(label), round(float(probability), 4)) for label, probability in best]


_KINDS: dict[Layer, str] = {
    "rgb": "rgb",
    "depth": "depth",
    "truth": "classes",
    "prediction": "classes",
    "errors": "errors",
    "confidence": "values",
    "entropy": "values",
}


def _layer(inspection: Inspection, layer: Layer) -> Packed:
    return {"id": layer, "name": TITLES[layer], "kind": _KINDS[layer], "missing": missing(inspection, layer)}


def _base(size: tuple[int, ...], name: str, classes: ClassSet | None = None) -> Packed:
    return {
        "size": list(size[:2]),
        "name": name,
        "names": ["void", *(() if classes is None else classes.display_names)],
        "colours": ["#000000", *(() if classes is None else classes.colours)],
        "set": None if classes is None else classes.name,
        "opacity": DEFAULT_OPACITY,
    }


def _scene(inspection: Inspection) -> Packed:
    """What belongs to the frame rather than to a prediction of it."""
    boxes: list[Packed] = []
    if inspection.boxes and inspection.intrinsics is not None:
        usual = set(map(id, shown_boxes(inspection.boxes)))
        for box in inspection.boxes:
            lines = [line.round(1).ravel().tolist() for line in box_lines(box, inspection.intrinsics)]
            boxes.append(
                {
                    **{"label": box.label, "name": box.name, "lines": lines, "usual": id(box) in usual},
                    "colour": hex_code(box_colour(box, inspection.class_set.palette)),
                }
            )
    depth = inspection.depth
    bounds = None if depth is None else depth_range((_millimetres(depth) / 1000).astype(np.float32))
    reading = inspection.depth_reading
    return {
        "frame": f"{inspection.source}/{inspection.name}",
        "file": inspection.file_name,
        "step": inspection.step,
        "boundary": boundary_px(inspection),
        "range": bounds,
        "grey": not inspection.rgb,
        "boxes": boxes,
        "depthNote": "" if reading is None else stored_as(reading),
        "warnings": list(inspection.described["warnings"]),
    }


def _numbers(inspection: Inspection) -> Packed:
    """Scores and the numbers of the classes; shares and ratios in percent, None where nothing defines them."""
    scored, count = inspection.scores, len(inspection.shares)
    labelled = 0 if scored is None else int(scored.truth_pixels.sum())
    rows = []
    for k in range(count):
        truth = None if scored is None or not labelled else 100 * float(scored.truth_pixels[k]) / labelled
        predicted = 100 * float(inspection.shares[k])
        if truth or predicted:
            iou = None if scored is None or np.isnan(scored.iou[k]) else round(100 * float(scored.iou[k]), 1)
            sure = inspection.confidence[k]
            rows.append(
                {
                    **{"label": k + 1, "iou": iou, "truth": truth, "predicted": predicted},
                    "confidence": None if np.isnan(sure) else round(100 * float(sure), 1),
                }
            )
    numbers: Packed = {"rows": rows, "meanConfidence": inspection.described["mean_confidence"]}
    if scored is not None:
        there = scored.truth_pixels > 0
        numbers["score"] = {
            "miou": None if np.isnan(scored.miou) else 100 * scored.miou,
            "accuracy": None if np.isnan(scored.pixel_acc) else 100 * scored.pixel_acc,
            "classes": int(there.sum()),
            "extra": int((~there & (scored.predicted_pixels > 0)).sum()),
        }
    if inspection.result is not None:
        matrix = inspection.result.matrix()
        confusions = most_confused(matrix, inspection.class_set, matrix.size)
        numbers["confusions"] = [[cell.truth, cell.prediction, pixels] for cell, pixels in confusions]
        numbers["pixels"] = [matrix.sum(1).tolist(), matrix.sum(0).tolist()]
    return numbers


def _millimetres(depth: np.ndarray) -> np.ndarray:
    """Depth (h, w) [m] as uint16 [mm]."""
    return np.clip(np.rint(depth * 1000.0), 0, 65535).astype(np.uint16)


def _steps(values: np.ndarray) -> np.ndarray:
    """Values (h, w) in 0..1 in 255 steps, as `paint_values` takes them."""
    return (values.astype(np.float32) * 255).astype(np.uint8)


def _plane(layer: str, plane: np.ndarray) -> str:
    """Path of a plane, encoded unless the same one is there already."""
    # WebP's fastest method; run lengths alone are smaller and faster than matches where values change slowly.
    options: dict[str, Any] = {"format": "PNG", "compress_level": 4}
    if layer == "rgb":
        options = {"format": "WEBP", "quality": WEBP_QUALITY, "method": 0}
    elif layer in ("confidence", "entropy"):
        options |= {"compress_type": zlib.Z_RLE}

    def encoded() -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(plane).save(buffer, **options)
        return buffer.getvalue()

    identity = repr((options, plane.shape)).encode() + np.ascontiguousarray(plane).tobytes()
    return handed_out_as(f"plane.{options['format'].lower()}", identity, encoded)
