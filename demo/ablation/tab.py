"""The tab that puts depth on trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation import summary as trial
from demo.components import NETWORK, PRIVATE, Origin, panel
from demo.downloads import KEEP_SECONDS
from demo.inspect import messages as views
from demo.inspection import Inspection
from demo.inspector import Inspector, told_on_the_page

TRIAL_CLEARED = [None, gr.update(visible=False)]


@dataclass(frozen=True)
class TrialTab:
    """The tab's components; `fleeting` become `TRIAL_CLEARED` when another frame is looked at."""

    run: gr.Button
    tried: gr.State
    box: gr.Column
    line: gr.HTML
    classes: gr.Dataframe
    regions: gr.Dataframe
    pictures: list[gr.Image]
    captions: list[gr.HTML]

    @property
    def fleeting(self) -> list[Any]:
        """What belongs to the frame on screen."""
        return [self.tried, self.box]


def lay_out_trial() -> TrialTab:
    """Lay the tab out inside the page's current context."""
    gr.Markdown("The same frame with depth, without depth, and without RGB: what is each of them worth?")
    run = gr.Button("Put depth on trial", variant="primary", elem_id="try-depth")
    tried = gr.State(None, time_to_live=KEEP_SECONDS)
    with gr.Column(visible=False) as box:
        line = gr.HTML(elem_id="trial-line")
        with gr.Row(elem_classes="panels"):
            names = [views.MODALITY_NAMES[modality] for modality in trial.MODALITIES]
            panels = [panel(name, f"Prediction from {name}") for name in names]
        with gr.Row():
            classes = gr.Dataframe(
                label="IoU of each class",
                interactive=False,
                max_height=420,
                min_width=520,
                buttons=[],
                elem_id="changes",
            )
            regions = gr.Dataframe(
                label="mIoU by distance, and by whether depth was measured",
                interactive=False,
                max_height=420,
                min_width=520,
                buttons=[],
            )
    pictures, captions = [picture for picture, _ in panels], [caption for _, caption in panels]
    return TrialTab(run, tried, box, line, classes, regions, pictures, captions)


def wire_trial(tab: TrialTab, inspector: Inspector, notice: gr.HTML, inputs: list[Any]) -> None:
    """Answer the tab's button; `inputs` are origin, weights, opacity, class and inspection."""
    outputs = [tab.tried, tab.box, tab.line, tab.classes, tab.regions, *tab.pictures, *tab.captions]

    @told_on_the_page(len(outputs))
    def on_trial(
        origin: Origin | None, weights: str, opacity: float, only: str, inspection: Inspection | None
    ) -> list[Any]:
        if origin is None or inspection is None:
            return [gr.skip()] * len(outputs)
        found = inspector.trial(origin, weights)
        return [
            found,
            gr.Column(visible=True),
            trial.trial_summary(found),
            trial.class_changes(found),
            trial.region_changes(found),
            *trial.trial_pictures(inspection.background, found, opacity, views.chosen_class(only)),
            *trial.trial_captions(found),
        ]

    tab.run.click(on_trial, inputs, [notice, *outputs], **NETWORK, **PRIVATE, show_progress_on=[tab.run])
