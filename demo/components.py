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


def plot(elem_id: str, alt_text: str) -> gr.Image:
    """A picture of a plot, which can be enlarged and downloaded."""
    return gr.Image(
        show_label=False,
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        alt_text=alt_text,
        elem_id=elem_id,
    )
