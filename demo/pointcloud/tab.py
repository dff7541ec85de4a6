"""The 3D tab: its components, and the handlers of its controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.components import PRIVATE, QUIET
from demo.inspection import Inspection
from demo.notices import with_notice
from demo.pointcloud.exports import COLOURED_BY, ply_file, surface_file, surface_note
from demo.viewer.viewer import look_of, looked_at

SURFACE_CLEARED = [None, "", gr.update(interactive=False)]
# Words for the device at hand; a file is written only when it is asked for.
_HOW = (
    '<span class="pointer">Drag to turn, wheel to zoom, right button to move.</span>'
    '<span class="touch">Drag to turn, pinch to zoom, two fingers to move.</span>'
)


@dataclass(frozen=True)
class SurfaceTab:
    """The tab's components; `fleeting` become `SURFACE_CLEARED` when another frame is opened."""

    tab: gr.Tab
    colour: gr.Radio
    notice: gr.HTML
    model: gr.Model3D
    note: gr.HTML
    ply: gr.DownloadButton

    @property
    def fleeting(self) -> list[Any]:
        """Components that belong to the frame on screen."""
        return [self.model, self.note, self.ply]


def lay_out_surface(tab: gr.Tab) -> SurfaceTab:
    """Lay the tab out inside itself, the page's current context."""
    colour = gr.Radio(list(COLOURED_BY), value="RGB", label="Coloured by", elem_id="surface-colour")
    notice = gr.HTML(elem_id="surface-notice", elem_classes="notices", padding=False)
    # Visible from the start: a Model3D that appears together with its first value stays blank.
    model = gr.Model3D(
        show_label=False,
        height=560,
        clear_color=(0.06, 0.09, 0.16, 1.0),
        camera_position=(90, 80, None),
        interactive=False,
        elem_id="surface",
    )
    gr.HTML(_HOW, elem_classes="caption", padding=False)
    note = gr.HTML(elem_classes="caption", padding=False)
    ply = gr.DownloadButton("Download as PLY", size="sm", interactive=False, elem_id="ply", scale=0, min_width=200)
    return SurfaceTab(tab, colour, notice, model, note, ply)


def wire_surface(tab: SurfaceTab, current: gr.State, look: gr.JSON) -> None:
    """Show the frame when the tab is opened, in the colours that are chosen; `look` takes the viewer's class filter."""

    @with_notice(2, "The surface failed")
    def on_show(inspection: Inspection | None, colour: str, look: Any) -> list[Any]:
        if inspection is None:
            return [gr.skip()] * 2
        asked = looked_at(look)
        path, distance = surface_file(inspection, colour, asked)
        return [gr.Model3D(path, camera_position=(90, 80, distance)), surface_note(inspection, colour, asked)]

    def on_frame(open: bool, *inputs: Any) -> list[Any]:
        return on_show(*inputs) if open else [gr.skip()] * 3

    def on_shown(inspection: Inspection | None, model: str | None) -> gr.DownloadButton:
        if inspection is None or inspection.depth is None or model is None:
            return gr.DownloadButton(interactive=False)
        return gr.DownloadButton(value=ply_file(inspection), interactive=True)

    inputs, outputs = [current, tab.colour, look], [tab.notice, tab.model, tab.note]
    showing: dict[str, Any] = {"show_progress_on": [tab.notice], **PRIVATE}
    gr.on([tab.tab.select, tab.colour.input], on_show, inputs, outputs, js=look_of(3), **showing).then(
        on_shown, [current, tab.model], tab.ply, **QUIET
    )
    # Another frame is shown where the tab is open, which the browser alone knows.
    seen = gr.Checkbox(False, visible=False)
    current.change(None, None, seen, js="() => document.querySelector('#surface')?.offsetParent != null", **QUIET).then(
        on_frame, [seen, *inputs], outputs, js=look_of(4), **showing
    ).then(on_shown, [current, tab.model], tab.ply, **QUIET)
