"""The Export report tab: its components, and the handler of its button."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation.summary import Ablation
from demo.components import PRIVATE
from demo.downloads import handed_out
from demo.inspection import Inspection
from demo.report.frame import Report

REPORT_CLEARED = [gr.update(visible=False)]


@dataclass(frozen=True)
class ReportTab:
    """The tab's components; `fleeting` become `REPORT_CLEARED` when another frame is opened."""

    make: gr.Button
    box: gr.Column
    page_file: gr.File
    zip_file: gr.File

    @property
    def fleeting(self) -> list[Any]:
        """Components that belong to the frame on screen."""
        return [self.box]


def lay_out_report() -> ReportTab:
    """Lay the tab out inside the page's current context."""
    gr.HTML(
        "<p>A report of this frame, to hand on: one HTML page, and a ZIP with pictures, numbers and points. If the "
        "modality ablation was run, the report has it, too. A link to this view is in the address bar.</p>",
        padding=False,
    )
    make = gr.Button("Export report", variant="primary", elem_id="export-report")
    with gr.Column(visible=False) as box, gr.Row():
        page_file = gr.File(label="Report: one HTML page", interactive=False, elem_id="report-html")
        zip_file = gr.File(label="ZIP: pictures, numbers, points", interactive=False, elem_id="report-zip")
    return ReportTab(make, box, page_file, zip_file)


def wire_report(tab: ReportTab, inputs: list[Any]) -> None:
    """Answer the tab's button; `inputs` are inspection, ablation and opacity."""

    def on_export(inspection: Inspection | None, ablation: Ablation | None, opacity: float) -> list[Any]:
        if inspection is None:
            return [gr.skip()] * 3
        report = Report(inspection, opacity, ablation)
        return [
            gr.Column(visible=True),
            handed_out(f"{inspection.file_name}_report.html", report.page.encode()),
            handed_out(f"{inspection.file_name}_report.zip", report.archive()),
        ]

    tab.make.click(on_export, inputs, [tab.box, tab.page_file, tab.zip_file], **PRIVATE, show_progress_on=[tab.make])
