"""The Compare tab: two checkpoints, or one under two settings, on the frame that is being inspected."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo.compare import comparison as contest
from demo.components import DEFAULT_OPACITY, MODALITIES, NETWORK, PRIVATE, Origin
from demo.inspect.messages import key_line
from demo.inspect.tab import InspectTab
from demo.inspector import Inspector, told_on_the_page


def build_compare_tab(inspector: Inspector, inspected: InspectTab, allow_checkpoints: bool = False) -> None:
    """Lay the tab out inside the page's current context.

    Args:
        inspector: the page's networks and data sets.
        inspected: the tab whose frame is compared on.
        allow_checkpoints: whether visitors may bring weights of their own.
    """
    names = inspector.checkpoints.names
    gr.Markdown("Two predictions of the frame under *Inspect*: where do they differ, and who is right there?")
    with gr.Row():
        with gr.Group():
            weights_a = gr.Dropdown(names, value=names[0], label="A: weights")
            modality_a = gr.Radio(MODALITIES, value="rgb" if len(names) == 1 else "rgbd", label="A is given")
        with gr.Group():
            weights_b = gr.Dropdown(names, value=names[min(1, len(names) - 1)], label="B: weights")
            modality_b = gr.Radio(MODALITIES, value="rgbd", label="B is given")
    with gr.Row():
        file = gr.File(
            label="Weights of your own (.safetensors, .ckpt)",
            file_types=[".safetensors", ".ckpt"],
            visible=allow_checkpoints,
            height=150,
        )
        run = gr.Button("Compare", variant="primary", elem_id="compare")
    notice = gr.HTML(elem_id="compare-notice")
    with gr.Column(visible=False) as box:
        headline = gr.HTML(elem_id="contest")
        with gr.Row():
            with gr.Column(min_width=320):
                wipe = gr.ImageSlider(label="A | B", format="png", buttons=["fullscreen"], max_height=640)
            with gr.Column(min_width=320):
                picture = gr.Image(
                    label="Where they differ",
                    format="png",
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    alt_text="Where A and B disagree, and which of them is right",
                    elem_classes="panel",
                    elem_id="panel-contest",
                )
                keys = gr.HTML(elem_classes="caption", padding=False)
        table = gr.Dataframe(label="Class by class", interactive=False, max_height=480, buttons=[])

    @told_on_the_page(6)
    def on_compare(
        origin: Origin | None, weights_a: str, modality_a: Any, weights_b: str, modality_b: Any
    ) -> list[Any]:
        if origin is None:
            return [gr.skip()] * 6
        a = inspector.open(origin, modality_a, weights_a)
        b = inspector.open(origin, modality_b, weights_b)
        return [
            gr.Column(visible=True),
            contest.contest_headline(a, b),
            contest.contest_pictures(a, b, DEFAULT_OPACITY),
            contest.contest_picture(a, b, 0.75),
            key_line(contest.contest_keys(a)),
            contest.contest_table(a, b),
        ]

    @told_on_the_page(2)
    def on_file(path: str | None) -> list[Any]:
        if path is None or not allow_checkpoints:
            return [gr.skip()] * 2
        name = inspector.checkpoints.add(path)
        choices = inspector.checkpoints.names
        return [gr.Dropdown(choices), gr.Dropdown(choices, value=name)]

    run.click(
        on_compare,
        [inspected.origin, weights_a, modality_a, weights_b, modality_b],
        [notice, box, headline, wipe, picture, keys, table],
        **NETWORK,
        **PRIVATE,
        show_progress_on=[run],
    )
    file.upload(on_file, [file], [notice, weights_a, weights_b], **PRIVATE)
