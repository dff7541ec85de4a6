"""The Compare tab: its components, and the handlers of its controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.compare import comparison
from demo.components import MODALITIES, NETWORK, PRIVATE, Origin
from demo.downloads import KEEP_SECONDS
from demo.inspect.tab import InspectTab
from demo.inspector import Inspector
from demo.markup import SORT_TABLE
from demo.notices import with_notice
from demo.viewer.viewer import viewer
from deresunet.evaluation.html import table


@dataclass(frozen=True)
class CompareTab:
    """Components that the rest of the page needs.

    Attributes:
        sides: weights and modality of A, then of B.
        back: the button that leads back to the data set, hidden at first.
        notice: where an error of the comparison is shown.
        compare: handler that compares on the frame in Inspect; takes its origin and `sides`.
        outputs: components that `compare` updates.
    """

    sides: list[Any]
    back: gr.Button
    notice: gr.HTML
    compare: Callable[..., list[Any]]
    outputs: list[Any]


def build_compare_tab(inspector: Inspector, inspected: InspectTab, allow_checkpoints: bool = False) -> CompareTab:
    """Lay the tab out inside the page's current context.

    Args:
        inspector: the page's networks and data sets.
        inspected: the tab whose frame is compared on.
        allow_checkpoints: whether visitors may upload weights.
    """
    names, choices = inspector.checkpoints.names, inspector.checkpoints.choices
    back = gr.Button("← Back to the data set", visible=False, size="sm", elem_id="compare-back")
    gr.HTML(
        "<p>Two predictions of the frame in the Inspect tab: where they differ, and which is correct.</p>",
        padding=False,
    )
    with gr.Row():
        with gr.Column(min_width=320), gr.Group():
            weights_a = gr.Dropdown(choices, value=names[0], label="A: weights")
            modality_a = gr.Radio(MODALITIES, value="rgb" if len(names) == 1 else "rgbd", label="A: modality")
        with gr.Column(min_width=320), gr.Group():
            weights_b = gr.Dropdown(choices, value=names[min(1, len(names) - 1)], label="B: weights")
            modality_b = gr.Radio(MODALITIES, value="rgbd", label="B: modality")
    with gr.Row():
        file = gr.File(
            label="Upload weights (.safetensors, .ckpt)",
            file_types=[".safetensors", ".ckpt"],
            visible=allow_checkpoints,
            height=150,
        )
        run = gr.Button("Compare", variant="primary", elem_id="compare")
    own = gr.State([], time_to_live=KEEP_SECONDS)  # (label, name) of weights that this visitor uploaded
    notice = gr.HTML(elem_id="compare-notice", elem_classes="notices", padding=False)
    with gr.Column(visible=False) as box:
        headline = gr.HTML(elem_id="compare-summary")
        shown = viewer("compare-viewer", "Predictions A and B of the frame")
        classes = gr.HTML(elem_id="compare-classes", js_on_load=SORT_TABLE, padding=False)

    @with_notice(4, "The comparison failed")
    def on_compare(
        origin: Origin | None, weights_a: str, modality_a: Any, weights_b: str, modality_b: Any
    ) -> list[Any]:
        if origin is None:
            return [gr.skip()] * 4
        a, b = comparison.on_one_class_set(
            inspector.open(origin, modality_a, weights_a), inspector.open(origin, modality_b, weights_b)
        )
        return [
            gr.Column(visible=True),
            comparison.summary(a, b),
            comparison.packed(a, b),
            table(comparison.class_table(a, b), ["B - A"], "IoU of each class", a.class_set),
        ]

    @with_notice(3, "The weights were not loaded")
    def on_file(path: str | None, uploaded: list[tuple[str, str]]) -> list[Any]:
        if path is None or not allow_checkpoints:
            return [gr.skip()] * 3
        own = [*uploaded, inspector.checkpoints.add(path)]
        choices = [*inspector.checkpoints.choices, *own]
        return [gr.Dropdown(choices), gr.Dropdown(choices, value=own[-1][1]), own]

    sides = [weights_a, modality_a, weights_b, modality_b]
    outputs = [notice, box, headline, shown, classes]
    run.click(on_compare, [inspected.origin, *sides], outputs, **NETWORK, **PRIVATE, show_progress_on=[notice])
    file.upload(on_file, [file, own], [notice, weights_a, weights_b, own], **PRIVATE)
    return CompareTab(sides, back, notice, on_compare, outputs)
