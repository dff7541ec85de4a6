"""The 3D tab: its components, and the handlers of its controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.components import PRIVATE, QUIET
from demo.inspection import Inspection
from demo.markup import class_filter
from demo.notices import with_notice
from demo.pointcloud.exports import CLOUD_COLOURS, cloud_file, cloud_note, points_file

CLOUD_CLEARED = [None, "", gr.update(value=None, interactive=False)]


@dataclass(frozen=True)
class CloudTab:
    """The tab's components; `fleeting` become `CLOUD_CLEARED` when another frame is opened."""

    colour: gr.Radio
    show: gr.Button
    notice: gr.HTML
    cloud: gr.Model3D
    note: gr.HTML
    ply: gr.DownloadButton

    @property
    def fleeting(self) -> list[Any]:
        """Components that belong to the frame on screen."""
        return [self.cloud, self.note, self.ply]


def lay_out_cloud() -> CloudTab:
    """Lay the tab out inside the page's current context."""
    with gr.Row():
        colour = gr.Radio(list(CLOUD_COLOURS), value="RGB", label="Coloured by", scale=3, min_width=280)
        show = gr.Button("Show in 3D", variant="primary", scale=1, elem_id="show-3d")
    notice = gr.HTML(elem_id="cloud-notice", elem_classes="notices", padding=False)
    # Visible from the start: a Model3D that appears together with its first value stays blank.
    cloud = gr.Model3D(
        label="Drag to turn, wheel to zoom, right button to move",
        height=560,
        clear_color=(0.2, 0.22, 0.27, 1.0),
        camera_position=(90, 90, 3),
        interactive=False,
        elem_id="cloud",
    )
    note = gr.HTML(elem_classes="caption", padding=False)
    ply = gr.DownloadButton("Download as PLY", size="sm", interactive=False, elem_id="ply")
    return CloudTab(colour, show, notice, cloud, note, ply)


def wire_cloud(tab: CloudTab, current: gr.State, classes: gr.State) -> None:
    """Answer the tab's controls, and a class that is chosen while the point cloud is shown."""

    @with_notice(3, "The point cloud failed")
    def on_cloud(inspection: Inspection | None, colour: str, classes: list[str]) -> list[Any]:
        if inspection is None:
            return [gr.skip()] * 3
        chosen = class_filter(classes)
        return [
            cloud_file(inspection, colour, chosen),
            cloud_note(inspection, colour, chosen),
            gr.DownloadButton(value=points_file(inspection), interactive=True),
        ]

    def on_class(shown: str | None, *inputs: Any) -> list[Any]:
        return [gr.skip()] * 4 if shown is None else on_cloud(*inputs)

    inputs, outputs = [current, tab.colour, classes], [tab.notice, tab.cloud, tab.note, tab.ply]
    tab.show.click(on_cloud, inputs, outputs, **PRIVATE, show_progress_on=[tab.notice])
    tab.colour.input(on_cloud, inputs, outputs, **PRIVATE, show_progress_on=[tab.notice])
    classes.change(on_class, [tab.cloud, *inputs], outputs, **QUIET)
