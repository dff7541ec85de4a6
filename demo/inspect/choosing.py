"""Which handler answers to searches, to the order of the frames, and to pages of the strip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from demo.components import PRIVATE, QUIET, Origin
from demo.inspect.chooser import NOTHING_SOUGHT, Chooser, Listing, follow, listing_updates, selection
from demo.inspect.search import FrameSearch
from demo.notices import with_notice


def wire_choosing(chooser: Chooser, search: FrameSearch, origin: gr.State, controls: list[Any]) -> None:
    """Answer the events that change the list of frames.

    Args:
        chooser: the components.
        search: finds frames.
        origin: state: where the frame on screen came from.
        controls: weights and modality, whose evaluation orders frames.
    """
    inspector = search.inspector

    @with_notice(len(chooser.strip), "The frames were not searched")
    def on_find(
        listing: Listing | None, text: str | None, only: str, order: str, weights: str, modality: Any
    ) -> list[Any]:
        if listing is None:  # nothing has been opened yet
            return [gr.skip()] * len(chooser.strip)
        names, said = search.find(listing.source, text or "", only, order, modality, weights)
        return listing_updates(inspector, Listing(listing.source, names, words=text or ""), said)

    def on_words(listing: Listing | None, text: str | None, *asked: Any) -> list[Any]:
        # A list that came from elsewhere takes the words away, and stays.
        if listing is None or listing.words == (text or ""):
            return [gr.skip()] * (1 + len(chooser.strip))
        return on_find(listing, text, *asked)

    def on_clear(listing: Listing | None, text: str, only: str, order: str, weights: str, modality: Any) -> list[Any]:
        return [*NOTHING_SOUGHT, *on_find(listing, *NOTHING_SOUGHT, weights, modality)]

    def page(by: int) -> Callable[[Listing | None], list[Any]]:
        def on_page(listing: Listing | None) -> list[Any]:
            return [gr.skip()] * len(chooser.strip) if listing is None else listing_updates(inspector, listing.page(by))

        return on_page

    def on_origin(here: Origin | None, listing: Listing | None) -> list[Any]:
        return follow(inspector, here, listing)

    asked, strip = [chooser.listing, *chooser.find, *controls], [chooser.notice, *chooser.strip]
    words, only, order = chooser.find
    selecting: dict[str, Any] = {"fn": selection, "inputs": [origin, chooser.listing], "outputs": chooser.gallery}
    # Gradio's `input` answers to keys that write, not to deletion, pasting, or a phone's keyboard; `change` does.
    words.change(on_words, asked, strip, trigger_mode="always_last", **QUIET).then(**selecting, **QUIET)
    gr.on([only.input, order.input], on_find, asked, strip, show_progress_on=[chooser.gallery], **PRIVATE).then(
        **selecting, **QUIET
    )
    chooser.count.select(on_clear, asked, [*chooser.find, *strip], **QUIET).then(**selecting, **QUIET)
    for button, by in zip(chooser.pages, (-1, 1), strict=True):
        button.click(page(by), chooser.listing, chooser.strip, **QUIET).then(**selecting, **QUIET)
    origin.change(on_origin, [origin, chooser.listing], chooser.lists, **QUIET).then(**selecting, **QUIET)
