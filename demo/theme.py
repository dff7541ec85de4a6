"""The page's theme, light and dark; `STYLE` are the stylesheets.

Fonts are the visitor's own: nothing is fetched from elsewhere.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from deresunet.evaluation.html import PIECES_STYLE

STYLE = [PIECES_STYLE, Path(__file__).with_name("style.css"), Path(__file__).parent / "viewer" / "viewer.css"]

_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "DejaVu Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """Indigo on slate, with room to read."""
    return gr.themes.Base(
        primary_hue="indigo", neutral_hue="slate", radius_size="md", spacing_size="sm", font=_SANS, font_mono=_MONO
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_border_width="1px",
        block_shadow="none",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="white",
        # The base theme's paler greys are hard to read on a projector.
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_label_text_color="*neutral_700",
        block_title_text_color="*neutral_700",
    )
