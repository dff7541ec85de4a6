"""The API for programs: one function, over HTTP and, with --mcp, for assistants."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import gradio as gr

from demo.components import NETWORK
from demo.inspector import Inspector, Upload
from demo.notices import with_gradio_error
from deresunet.data.depth_units import UNITS
from deresunet.errors import InputError
from deresunet.inference.preprocessing import Modality

# What the panel of the API says of each parameter, and an example where Gradio's own is another file.
_PARAMETERS = {
    "rgb": ("RGB image: JPEG, PNG, WebP, ...; None where depth alone is given.", "rgb/0003.jpg"),
    "depth": ("Depth of the same view: 16-bit PNG or TIFF, NPY, NPZ, EXR; None for RGB alone.", "depth/0003.png"),
    "label": ("Ground truth for IoU and pixel accuracy: class numbers as PNG, 0 for void; or None.", "label/0003.png"),
    "depth_unit": (
        f"Unit of the depth file: auto (recognise it), {', '.join(UNITS)}, or a number of units per metre.",
        "auto",
    ),
    "modality": ("What the network is given: rgbd (all that the frame has), rgb, or depth.", "rgbd"),
    "weights": ("Name of a network that is on offer on the page.", None),
}


def _describe(component: Any, text: str, example: str | None) -> None:
    """Replace Gradio's own description and example of a parameter."""
    schema = {**component.api_info(), "additional_description": text}
    component.api_info = lambda: schema
    if isinstance(component, gr.File):
        path = f"deresunet/samples/{example}"
        given = {"path": path, "url": path, "orig_name": Path(path).name, "meta": {"_type": "gradio.FileData"}}
        component.example_payload = lambda: given  # type: ignore[method-assign]
    elif example is not None:
        component.example_payload = lambda: example


def check_mcp() -> None:
    """Check that the packages of --mcp are there.

    Raises:
        InputError: they are not installed.
    """
    if importlib.util.find_spec("mcp") is None:
        raise InputError("--mcp needs the package mcp, which is not installed. Run: pip install 'mcp>=1.21,<2'.")


def offer_segment(inspector: Inspector) -> None:
    """Define the function inside the page's current context; nothing of it shows on the page."""
    names = inspector.checkpoints.names

    @with_gradio_error
    def segment(
        rgb: str | None,
        depth: str | None = None,
        label: str | None = None,
        depth_unit: str = "auto",
        modality: Modality = "rgbd",
        weights: str = names[0],
    ) -> Any:
        """Segment one indoor RGB-D frame: the class of each pixel.

        Args:
            rgb: RGB image (JPEG, PNG, WebP, ...); may be empty where depth is given.
            depth: depth file of the same view: 16-bit PNG, TIFF, NPY, ...; empty for RGB alone.
            label: ground truth as a PNG of class numbers, 0 for void, for IoU and pixel accuracy; may be empty.
            depth_unit: unit of the depth file: auto, a name such as mm or m, or units per metre.
            modality: modality that the network is given: rgbd (what the frame has), rgb or depth.
            weights: name of the weights on the page.

        Returns:
            A PNG of class numbers at the frame's size, from 1; the JSON names the class set.
            A JSON with classes and their shares, mean confidence, provenance, and IoU where there is ground truth.
        """
        return inspector.segment(Upload(rgb, depth, label, depth_unit or "auto"), modality, weights)

    with gr.Column(visible=False):
        files = [gr.File(label=name) for name in ("rgb", "depth", "label")]
        unit = gr.Textbox("auto", label="depth_unit")
        modality = gr.Dropdown(["rgbd", "rgb", "depth"], value="rgbd", label="modality")
        weights = gr.Dropdown(names, value=names[0], label="weights", allow_custom_value=True)
        for component, said in zip([*files, unit, modality, weights], _PARAMETERS.values(), strict=True):
            _describe(component, *said)
        label = gr.Image(format="png", image_mode=None, label="label")
        described = gr.JSON(label="prediction")
        gr.Button().click(
            segment,
            [*files, unit, modality, weights],
            [label, described],
            api_name="segment",
            api_description=f"Segment one indoor RGB-D frame ({inspector.predictor.class_set.title}): RGB, depth or "
            "both (RGB alone works) to a PNG of class numbers, from 1, and a JSON with classes, provenance, and IoU "
            "where there is ground truth.",
            **NETWORK,
        )
