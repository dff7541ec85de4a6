"""The page's looks: a theme with light and dark, and what a theme cannot say, as CSS.

Fonts are the visitor's own: nothing is fetched from elsewhere.
"""

from __future__ import annotations

import gradio as gr

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


CSS = """
/* Gradio's outer boxes grow with their widest content; here they end at the screen. */
.gradio-container { max-width: 100vw !important; }
.gradio-container .app { box-sizing: border-box; width: 100%; min-width: 0; max-width: min(1600px, 100vw);
                         margin: 0 auto !important; padding: 12px clamp(12px, 2vw, 32px) !important; }
.masthead { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; }
.masthead h1 { font-size: 26px; font-weight: 700; letter-spacing: -.02em; margin: 0; }
.masthead p { margin: 0; color: var(--body-text-color-subdued); }

/* One row that scrolls; its width must not come from its many pictures. */
#frames .grid-container { display: flex; contain: inline-size; width: 100%; overflow-x: auto; gap: 8px;
                          padding-bottom: 6px; }
#frames .grid-wrap { overflow-y: hidden; }
#frames .grid-container > * { flex: 0 0 132px; width: 132px; height: 99px; }

.panel img { width: 100%; object-fit: contain; image-rendering: auto; }
.caption { font-size: 13px; color: var(--body-text-color-subdued); padding: 0 4px; min-height: 20px; }
.caption .caption { padding: 0; }
.panels .column { gap: 4px; }
.caption span { font-size: 13px; }
.caption .scale { display: inline-flex; align-items: center; gap: 6px; margin-right: 10px; }
.caption .scale i { width: 88px; height: 10px; border-radius: 3px; }

.headline { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 32px; }
.headline p { flex-basis: 100%; margin: 0; }
.figure b { display: block; font-size: 30px; line-height: 1.15; font-variant-numeric: tabular-nums; }
.figure span { color: var(--body-text-color-subdued); font-size: 13px; }

.swatch { display: inline-block; width: 14px; height: 14px; border-radius: 4px; vertical-align: -2px;
          box-shadow: inset 0 0 0 1px rgb(0 0 0 / .25); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 14px; font-size: 13px; }
.chip { display: inline-flex; align-items: center; gap: 6px; white-space: nowrap; }
.chip.absent { opacity: .45; }

.bars { display: grid; gap: 5px; font-size: 13px; font-variant-numeric: tabular-nums; }
button.bar, button.chip { background: none; border: 0; padding: 0; color: inherit; font: inherit; cursor: pointer; }
button.bar:hover, button.chip:hover { text-decoration: underline; }
.key { display: inline-flex; align-items: center; gap: 5px; margin-right: 12px; }
.confused { display: grid; gap: 4px; font-size: 14px; padding-left: 20px; list-style: decimal; }
.confused + p { margin-top: 14px; }
.pixel { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 8px 20px; }
.hint { color: var(--body-text-color-subdued); border-style: dashed; }
#reliability svg { max-width: 100%; height: auto; }
.bar { display: grid; grid-template-columns: 104px 1fr 44px; gap: 8px; align-items: center; }
.bar > :first-child, .bar > :last-child { text-align: right; }
.bar .track { height: 14px; border-radius: 4px; background: var(--background-fill-secondary);
              box-shadow: inset 0 0 0 1px var(--border-color-primary); overflow: hidden; }
.bar i { display: block; height: 100%; }

#classes td, #classes th, #classes .body-cell { font-family: var(--font); font-variant-numeric: tabular-nums; }
#classes .cell-wrap { padding: 6px 8px; }

.card { border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 10px 14px; font-size: 13px; }
.card dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 6px 0 0; }
.card dt { color: var(--body-text-color-subdued); }
.card dd { margin: 0; }
.card .warning { color: var(--error-text-color, #b91c1c); margin: 6px 0 0; }
/* An empty notice takes no room. */
#notice:not(:has(.notice)), #compare-notice:not(:has(.notice)) { display: none; }
.notice { border: 1px solid #dc2626; border-left-width: 6px; border-radius: 8px; padding: 10px 14px;
          background: rgb(220 38 38 / .08); overflow-wrap: anywhere; }
.provenance { font-size: 13px; color: var(--body-text-color-subdued); overflow-wrap: anywhere; }
"""

# The looks of a report that leaves the page: the same, without the page's variables.
REPORT_CSS = """
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #1e293b;
       background: #f8fafc; max-width: 1280px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; overflow-wrap: anywhere; } h2 { font-size: 19px; margin-top: 32px; } h3 { font-size: 15px; }
.headline { display: flex; flex-wrap: wrap; gap: 8px 32px; } .headline p { flex-basis: 100%; margin: 0; }
.figure b { display: block; font-size: 30px; }
.figure span, .provenance, figcaption { color: #475569; font-size: 13px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 16px; margin: 24px 0; }
figure { margin: 0; } img { width: 100%; border-radius: 8px; } svg { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: 4px 14px; text-align: left; border-bottom: 1px solid #e2e8f0; }
.swatch { display: inline-block; width: 14px; height: 14px; border-radius: 4px; vertical-align: -2px; flex: none;
          box-shadow: inset 0 0 0 1px rgb(0 0 0 / .25); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 14px; margin: 24px 0; font-size: 13px; }
.key { display: inline-flex; gap: 6px; align-items: center; } figcaption .key { margin-right: 12px; }
figcaption b { color: #1e293b; margin-right: 8px; }
.scale { display: inline-flex; align-items: center; gap: 6px; margin-right: 10px; }
.scale i { width: 88px; height: 10px; border-radius: 3px; }
/* Keys are nothing without their colours, on paper too. */
.swatch, .scale i { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
"""
