"""The Link and report tab: its components, and the handler of its button."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation.summary import Ablation
from demo.components import PRIVATE, Origin
from demo.downloads import handed_out
from demo.inspection import Inspection
from demo.inspector import DatasetFrame
from demo.link import Link, write_link
from demo.markup import chosen_class
from demo.report.frame import Report

SHARE_CLEARED = ["", gr.update(visible=False)]


@dataclass(frozen=True)
class ShareTab:
    """The tab's components; `fleeting` become `SHARE_CLEARED` when another frame is opened."""

    link: gr.Textbox
    make: gr.Button
    box: gr.Column
    page_file: gr.File
    zip_file: gr.File

    @property
    def fleeting(self) -> list[Any]:
        """Components that belong to the frame on screen."""
        return [self.link, self.box]


def lay_out_share() -> ShareTab:
    """Lay the tab out inside the page's current context."""
    gr.Markdown(
        "A link to this view (names only, never your files), and a report of this frame. If the modality ablation "
        "was run, the report has it, too."
    )
    with gr.Row():
        link = gr.Textbox(label="Link", interactive=False, buttons=["copy"], scale=3, elem_id="link")
        make = gr.Button("Export report", variant="primary", scale=1, elem_id="make-report")
    with gr.Column(visible=False) as box, gr.Row():
        page_file = gr.File(label="Report: one HTML page", interactive=False, elem_id="report-html")
        zip_file = gr.File(label="ZIP: pictures, numbers, points", interactive=False, elem_id="report-zip")
    return ShareTab(link, make, box, page_file, zip_file)


def wire_share(tab: ShareTab, inputs: list[Any]) -> None:
    """Answer the tab's button; `inputs` are inspection, ablation, origin and the controls of `InspectTab`."""

    def on_share(
        inspection: Inspection | None,
        ablation: Ablation | None,
        origin: Origin | None,
        weights: str,
        modality: Any,
        overlay: Any,
        opacity: float,
        only: str,
        boxes: bool,
        request: gr.Request,
    ) -> list[Any]:
        if inspection is None:
            return [gr.skip()] * 4
        address = "There is no link to an upload: it is not kept."
        if isinstance(origin, DatasetFrame):
            here = Link(
                origin.source, origin.name, weights, modality, overlay, (only,) if chosen_class(only) else None, opacity
            )
            # The page's own address as the browser knows it, behind whatever proxy.
            address = write_link(request.headers.get("referer", "/"), here)
        report = Report(inspection, opacity, ablation)
        return [
            address,
            gr.Column(visible=True),
            handed_out("report.html", report.page.encode()),
            handed_out("report.zip", report.archive()),
        ]

    tab.make.click(
        on_share, inputs, [tab.link, tab.box, tab.page_file, tab.zip_file], **PRIVATE, show_progress_on=[tab.link]
    )
