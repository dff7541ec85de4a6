"""The Ablation tab: its components, and the handler of its button."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation import summary
from demo.components import NETWORK, PRIVATE, Origin
from demo.downloads import KEEP_SECONDS
from demo.inspection import Inspection
from demo.inspector import Inspector
from demo.markup import SORT_TABLE
from demo.notices import with_notice
from demo.viewer.viewer import viewer
from deresunet.evaluation.html import table

_INTRODUCTION = "Segment this frame as RGB-D, as RGB and as depth, to see what each modality adds."


def cleared(inspection: Inspection, stored: bool) -> list[Any]:
    """Updates of `AblationTab.fleeting` when a frame is opened: no result, and why there can be none.

    Args:
        inspection: of the frame.
        stored: whether its prediction was stored, not made by a network that is here.
    """
    lacking = (
        "This frame has no depth. Add a depth file, and" if inspection.rgb else "This frame has no RGB. Add it, and"
    )
    why = "" if inspection.rgb and inspection.depth is not None else f"{lacking} the modalities are compared."
    if stored:
        why = "Stored predictions: other modalities need the network itself."
    return [None, gr.Column(visible=False), f"<p>{why or _INTRODUCTION}</p>", gr.Button(interactive=not why)]


@dataclass(frozen=True)
class AblationTab:
    """The tab's components; `fleeting` become what `cleared` gives when another frame is opened."""

    tab: gr.Tab
    introduction: gr.HTML
    run: gr.Button
    notice: gr.HTML
    result: gr.State
    box: gr.Column
    line: gr.HTML
    classes: gr.HTML
    regions: gr.HTML
    viewer: gr.HTML

    @property
    def fleeting(self) -> list[Any]:
        """Components that belong to the frame on screen."""
        return [self.result, self.box, self.introduction, self.run]


def lay_out_ablation(tab: gr.Tab) -> AblationTab:
    """Lay the tab out inside itself, the page's current context."""
    introduction = gr.HTML(f"<p>{_INTRODUCTION}</p>", padding=False, elem_id="ablation-introduction")
    run = gr.Button("Run modality ablation", variant="primary", elem_id="run-ablation")
    notice = gr.HTML(elem_id="ablation-notice", elem_classes="notices", padding=False)
    result = gr.State(None, time_to_live=KEEP_SECONDS)
    with gr.Column(visible=False) as box:
        line = gr.HTML(elem_id="ablation-summary")
        shown = viewer("ablation-viewer", "The predictions from each modality")
        with gr.Row():
            classes = gr.HTML(elem_id="ablation-classes", js_on_load=SORT_TABLE, min_width=320)
            regions = gr.HTML(elem_id="ablation-regions", js_on_load=SORT_TABLE, min_width=320)
    return AblationTab(tab, introduction, run, notice, result, box, line, classes, regions, shown)


def wire_ablation(tab: AblationTab, inspector: Inspector, inputs: list[Any]) -> None:
    """Run when the tab is opened, or at its button; `inputs` are origin, weights and inspection."""
    outputs = [tab.result, tab.box, tab.line, tab.classes, tab.regions, tab.viewer]

    @with_notice(len(outputs), "The modality ablation failed")
    def on_run(origin: Origin | None, weights: str, inspection: Inspection | None) -> list[Any]:
        able = inspection is not None and inspection.rgb and inspection.depth is not None
        if origin is None or inspection is None or not able or inspector.checkpoints.is_stored(weights):
            return [gr.skip()] * len(outputs)
        kept = inspector.kept_ablation(origin, weights)
        found = kept.get()
        by_class, regions = summary.class_table(found), summary.region_table(found)
        return [
            kept,
            gr.Column(visible=True),
            summary.ablation_summary(found, inspection.measured),
            table(by_class, ["depth adds"], "IoU of each class", inspection.class_set) if len(by_class) else "",
            table(regions, caption="mIoU by distance, and by whether depth was measured") if len(regions) else "",
            summary.packed(inspection, found),
        ]

    gr.on(
        [tab.tab.select, tab.run.click],
        on_run,
        inputs,
        [tab.notice, *outputs],
        **NETWORK,
        **PRIVATE,
        show_progress_on=[tab.notice],
    )
