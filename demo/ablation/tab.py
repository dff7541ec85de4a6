"""The Ablation tab: its components, and the handler of its button."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation import summary
from demo.ablation.summary import Ablation
from demo.components import NETWORK, PRIVATE, Origin, panel
from demo.downloads import KEEP_SECONDS
from demo.inspect.updates import picture_file
from demo.inspection import Inspection
from demo.inspector import Inspector
from demo.markup import SORT_TABLE, class_filter, table
from demo.notices import with_notice
from deresunet.evaluation.html import MODALITY_NAMES

ABLATION_CLEARED = [None, gr.update(visible=False)]


@dataclass(frozen=True)
class AblationTab:
    """The tab's components; `fleeting` become `ABLATION_CLEARED` when another frame is opened."""

    run: gr.Button
    notice: gr.HTML
    result: gr.State
    box: gr.Column
    line: gr.HTML
    classes: gr.HTML
    regions: gr.HTML
    pictures: list[gr.Image]
    captions: list[gr.HTML]

    @property
    def fleeting(self) -> list[Any]:
        """Components that belong to the frame on screen."""
        return [self.result, self.box]


def lay_out_ablation() -> AblationTab:
    """Lay the tab out inside the page's current context."""
    gr.HTML("<p>Segment this frame as RGB-D, as RGB and as depth, to see what each modality adds.</p>", padding=False)
    run = gr.Button("Run modality ablation", variant="primary", elem_id="run-ablation")
    notice = gr.HTML(elem_id="ablation-notice", elem_classes="notices", padding=False)
    result = gr.State(None, time_to_live=KEEP_SECONDS)
    with gr.Column(visible=False) as box:
        line = gr.HTML(elem_id="ablation-summary")
        with gr.Row(elem_classes="panels"):
            names = [MODALITY_NAMES[modality] for modality in summary.MODALITIES]
            panels = [panel(f"From {name}", f"Prediction from {name}") for name in names]
        with gr.Row():
            classes = gr.HTML(elem_id="ablation-classes", js_on_load=SORT_TABLE, min_width=320)
            regions = gr.HTML(elem_id="ablation-regions", js_on_load=SORT_TABLE, min_width=320)
    pictures, captions = [picture for picture, _ in panels], [caption for _, caption in panels]
    return AblationTab(run, notice, result, box, line, classes, regions, pictures, captions)


def ablation_files(inspection: Inspection, ablation: Ablation, opacity: float, classes: list[str]) -> list[str]:
    """Pictures of an ablation as files to hand out, in the order of `MODALITIES`."""
    pictures = summary.ablation_pictures(inspection.background, ablation, opacity, class_filter(classes))
    return [
        picture_file(inspection.file_name, f"prediction_{modality}", picture, inspection.frame_size)
        for modality, picture in zip(summary.MODALITIES, pictures, strict=True)
    ]


def wire_ablation(tab: AblationTab, inspector: Inspector, inputs: list[Any]) -> None:
    """Answer the tab's button; `inputs` are origin, weights, opacity, class and inspection."""
    outputs = [tab.result, tab.box, tab.line, tab.classes, tab.regions, *tab.pictures, *tab.captions]

    @with_notice(len(outputs), "The modality ablation failed")
    def on_run(
        origin: Origin | None, weights: str, opacity: float, classes: list[str], inspection: Inspection | None
    ) -> list[Any]:
        if origin is None or inspection is None:
            return [gr.skip()] * len(outputs)
        kept = inspector.kept_ablation(origin, weights)
        found = kept.get()
        by_class, regions = summary.class_table(found), summary.region_table(found)
        return [
            kept,
            gr.Column(visible=True),
            summary.ablation_summary(found, inspection.measured),
            table(by_class, signed=["depth adds"], caption="IoU of each class") if len(by_class) else "",
            table(regions, caption="mIoU by distance, and by whether depth was measured") if len(regions) else "",
            *ablation_files(inspection, found, opacity, classes),
            *summary.ablation_captions(found),
        ]

    tab.run.click(on_run, inputs, [tab.notice, *outputs], **NETWORK, **PRIVATE, show_progress_on=[tab.notice])
