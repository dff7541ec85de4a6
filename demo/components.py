"""Components and options of events that several tabs share."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo.deploy import zerogpu
from demo.inspector import DatasetFrame, Upload
from deresunet.evaluation.html import MODALITY_NAMES

MODALITIES = [(name, value) for value, name in MODALITY_NAMES.items()]

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
# The network takes one frame at a time, whoever asks; the queue shows the others their place.
NETWORK: dict[str, Any] = {"concurrency_id": "network", "concurrency_limit": zerogpu.CONCURRENCY}

Origin = DatasetFrame | Upload


def panel(title: str, alt_text: str) -> tuple[gr.Image, gr.HTML]:
    """A picture with a line of text under it."""
    with gr.Column(min_width=220):
        picture = gr.Image(
            label=title,
            format="png",
            interactive=False,
            buttons=["download", "fullscreen"],
            alt_text=alt_text,
            elem_classes="panel",
            elem_id=f"panel-{title.lower().replace(' ', '-')}",
        )
        return picture, gr.HTML(elem_classes="caption", padding=False)
