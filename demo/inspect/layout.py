"""Layout of the Inspect tab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation.tab import AblationTab, lay_out_ablation
from demo.components import MODALITIES, panel
from demo.inspect.chooser import Chooser, lay_out_chooser
from demo.inspect.classes import legend
from demo.inspect.panels import OVERLAYS
from demo.inspect.pixel import pixel_card
from demo.inspect.readout import SCRIPT
from demo.inspect.settings import DEFAULT_OPACITY
from demo.inspector import Inspector
from demo.markup import PICK_CLASS, SORT_TABLE
from demo.pointcloud.tab import CloudTab, lay_out_cloud
from demo.report.tab import ReportTab, lay_out_report

LOADING = '<div class="headline" role="status"><p>Segmenting this frame …</p></div>'
NETWORK_LOADING = (
    '<div class="headline" role="status"><p>The network is loading; this frame is segmented as soon as it is ready. '
    "Frames can be chosen meanwhile.</p></div>"
)


@dataclass(frozen=True)
class Layout:
    """The tab's components.

    Attributes:
        controls: weights, modality, overlay, opacity, classes, contours and 3D boxes, as in `Settings`.
        panels: pictures of RGB, depth, ground truth and prediction.
        captions: the lines under them.
    """

    chooser: Chooser
    controls: list[Any]
    control_notice: gr.HTML
    panels: list[gr.Image]
    captions: list[gr.HTML]
    headline: gr.HTML
    pixel: gr.HTML
    legend: gr.HTML
    wipe: gr.ImageSlider
    classes: gr.HTML
    bars: gr.HTML
    confusions: gr.HTML
    calibration: gr.HTML
    provenance: gr.HTML
    readout: gr.HTML
    ablation: AblationTab
    cloud: CloudTab
    report: ReportTab


def lay_out_inspect(inspector: Inspector) -> Layout:
    """Lay the tab out inside the page's current context."""
    with gr.Column(elem_id="inspect-body"):
        chooser = lay_out_chooser(inspector)
        with gr.Column(elem_id="stage"):
            with gr.Accordion("Controls", open=True, elem_id="controls"), gr.Row():
                controls = _controls(inspector)
            control_notice = gr.HTML(elem_id="control-notice", elem_classes="notices", padding=False)
            with gr.Row(elem_classes="panels", elem_id="panels"):
                shown = [
                    panel("RGB", "RGB of the frame"),
                    panel("Depth", "Depth of the frame"),
                    panel("Ground truth", "Ground truth of the frame"),
                    panel("Prediction", "Prediction for the frame"),
                ]
            with gr.Row(elem_id="numbers"):
                with gr.Column(scale=4, min_width=300):
                    headline = gr.HTML(LOADING, elem_id="headline", padding=False)
                with gr.Column(scale=5, min_width=300):
                    pixel = gr.HTML(pixel_card(None, None), elem_id="pixel", padding=False)
            key = gr.HTML(legend([]), js_on_load=PICK_CLASS, elem_id="legend", padding=False)
        with gr.Row():
            with gr.Column(scale=5, min_width=320):
                wipe = gr.ImageSlider(
                    label="Ground truth | prediction", buttons=["fullscreen"], elem_id="wipe", max_height=720
                )
            with gr.Column(scale=4, min_width=320), gr.Tabs():
                with gr.Tab("Table"):
                    classes = gr.HTML(elem_id="classes", js_on_load=SORT_TABLE, padding=False)
                with gr.Tab("Chart"):
                    bars = gr.HTML(elem_id="bars", js_on_load=PICK_CLASS)
                with gr.Tab("Confusions"):
                    confusions = gr.HTML(elem_id="confusions")
                with gr.Tab("Calibration"):
                    calibration = gr.HTML(elem_id="reliability")
        provenance = gr.HTML(padding=False)
        with gr.Tabs():
            with gr.Tab("Ablation"):
                ablation = lay_out_ablation()
            with gr.Tab("3D"):
                cloud = lay_out_cloud()
            with gr.Tab("Export report"):
                report = lay_out_report()
        readout = gr.HTML(js_on_load=SCRIPT, elem_id="readout", padding=False)
    return Layout(
        chooser, controls, control_notice, [picture for picture, _ in shown], [caption for _, caption in shown],
        headline, pixel, key, wipe, classes, bars, confusions, calibration, provenance, readout, ablation, cloud,
        report,
    )  # fmt: skip


def _controls(inspector: Inspector) -> list[Any]:
    networks = inspector.checkpoints.choices
    controls: list[Any] = [
        gr.Dropdown(
            networks,
            value=inspector.checkpoints.first_name,
            label="Weights",
            visible=len(networks) > 1,
            min_width=180,
            elem_id="weights",
            elem_classes="weights",
        ),
        gr.Radio(MODALITIES, value="rgbd", label="Modality", scale=2, min_width=270, elem_id="modality"),
        gr.Radio(OVERLAYS, value="classes", label="Overlay", scale=3, min_width=390, elem_id="overlay"),
        gr.Slider(0, 1, DEFAULT_OPACITY, step=0.05, label="Opacity", scale=1, min_width=150, elem_id="opacity"),
        gr.State([]),  # the class filter: the legend and the tables set it
    ]
    with gr.Column(scale=0, min_width=110, elem_id="marks"):
        controls.append(gr.Checkbox(False, label="Contours", elem_id="contours"))
        controls.append(gr.Checkbox(False, label="3D boxes", elem_id="boxes", visible=False))
    return controls
