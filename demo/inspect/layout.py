"""Layout of the Inspect tab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation.tab import AblationTab, lay_out_ablation
from demo.inspect.chooser import Chooser, lay_out_chooser
from demo.inspector import Inspector
from demo.pointcloud.tab import SurfaceTab, lay_out_surface
from demo.report.tab import ReportTab, lay_out_report
from demo.viewer.viewer import viewer

LOADING = "Segmenting this frame …"
NETWORK_LOADING = (
    "The network is loading; this frame is segmented as soon as it is ready. Frames can be chosen meanwhile."
)


@dataclass(frozen=True)
class Layout:
    """The tab's components.

    Attributes:
        controls: state: weights and modality, as in `Settings`.
        viewer: shows the frame; its event "select" is a modality (index 0) or a network (index 1) that was chosen.
        look: never shown: takes the viewer's opacity and class filter (`LOOK`) to handlers that ask for them.
    """

    chooser: Chooser
    controls: list[Any]
    control_notice: gr.HTML
    viewer: gr.HTML
    look: gr.JSON
    calibration: gr.HTML
    provenance: gr.HTML
    ablation: AblationTab
    surface: SurfaceTab
    report: ReportTab


def lay_out_inspect(inspector: Inspector) -> Layout:
    """Lay the tab out inside the page's current context."""

    def pixel(asked: Any) -> Any:  # Gradio marks functions for this, which it cannot do with a method
        return inspector.tickets.pixel(asked)

    with gr.Column(elem_id="inspect-body"):
        chooser = lay_out_chooser(inspector)
        control_notice = gr.HTML(elem_id="control-notice", elem_classes="notices", padding=False)
        shown = viewer("viewer", "The frame and its prediction", pixel)
        provenance = gr.HTML(padding=False, elem_id="provenance")
        with gr.Tabs():
            with gr.Tab("Calibration"):
                calibration = gr.HTML(elem_id="reliability")
            with gr.Tab("Ablation") as ablation_tab:
                ablation = lay_out_ablation(ablation_tab)
            with gr.Tab("3D") as surface_tab:
                surface = lay_out_surface(surface_tab)
            with gr.Tab("Export report"):
                report = lay_out_report()
    controls = [gr.State(inspector.checkpoints.first_name), gr.State("rgbd")]
    look = gr.JSON(visible=False)
    return Layout(chooser, controls, control_notice, shown, look, calibration, provenance, ablation, surface, report)
