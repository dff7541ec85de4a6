"""The Export report tab: its components, and the handler of its button."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation.summary import Ablation
from demo.components import PRIVATE, QUIET, Origin
from demo.downloads import download_name, handed_out
from demo.inspection import Inspection
from demo.inspector import DatasetFrame, Inspector
from demo.notices import with_notice
from demo.report.frame import Report
from demo.viewer.viewer import look_of, looked_at

REPORT_CLEARED = [gr.update(visible=False)]


@dataclass(frozen=True)
class ReportTab:
    """The tab's components; `fleeting` become `REPORT_CLEARED` when another frame is opened."""

    make: gr.Button
    notice: gr.HTML
    box: gr.Column
    page_file: gr.File
    zip_file: gr.File
    link: gr.HTML

    @property
    def fleeting(self) -> list[Any]:
        """Components that belong to the frame on screen."""
        return [self.box]


def lay_out_report() -> ReportTab:
    """Lay the tab out inside the page's current context."""
    gr.HTML(
        "<p>A report on this frame, to share: one HTML page, and a ZIP with pictures and the label (class numbers) "
        "in full size, its numbers as JSON and CSV, and points as PLY. If the modality ablation was run, the report "
        "includes it.</p>",
        padding=False,
    )
    link = gr.HTML(padding=False)
    make = gr.Button("Export report", variant="primary", elem_id="export-report")
    notice = gr.HTML(elem_id="report-notice", elem_classes="notices", padding=False)
    with gr.Column(visible=False) as box, gr.Row():
        page_file = gr.File(label="Report: one HTML page", interactive=False, elem_id="report-html")
        zip_file = gr.File(label="ZIP: pictures, label, numbers, points", interactive=False, elem_id="report-zip")
    return ReportTab(make, notice, box, page_file, zip_file, link)


def wire_report(tab: ReportTab, inspector: Inspector, inputs: list[Any]) -> None:
    """Answer the tab's button; `inputs` are origin, inspection, ablation and look."""

    @with_notice(3, "The report failed")
    def on_export(
        origin: Origin | None, inspection: Inspection | None, ablation: Ablation | None, look: Any
    ) -> list[Any]:
        if inspection is None or origin is None:
            return [gr.skip()] * 3
        # The page's pictures of a larger frame are smaller than it is; those of the ZIP are not.
        report = Report(
            inspection, looked_at(look).opacity, ablation, inspector.read(origin) if inspection.step > 1 else None
        )
        return [
            gr.Column(visible=True),
            handed_out(
                download_name(inspection.file_name, "report", "html", inspection.class_set),
                report.page.encode(),
            ),
            handed_out(download_name(inspection.file_name, "report", "zip", inspection.class_set), report.archive()),
        ]

    outputs = [tab.notice, tab.box, tab.page_file, tab.zip_file]
    inputs[0].change(_link_note, inputs[0], tab.link, **QUIET)
    tab.make.click(on_export, inputs, outputs, js=look_of(len(inputs)), **PRIVATE, show_progress_on=[tab.notice])


def _link_note(origin: Origin | None) -> str:
    """What can be shared besides the report, as HTML."""
    if isinstance(origin, DatasetFrame):
        return "<p>The address bar has a link to this view.</p>"
    return "" if origin is None else "<p>No link holds an upload: the report is the way to share it.</p>"
