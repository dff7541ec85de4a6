"""Which handler answers to searches, to the order of the frames, and to pages of the strip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from demo.components import PRIVATE, QUIET, Origin
from demo.inspect.chooser import GIVEN, Chooser, Listing, follow, listing_updates, order_update, selection
from demo.inspect.search import AS_LISTED, FrameSearch
from demo.markup import ALL_CLASSES
from demo.notices import with_notice

# The strip shows the frame on screen in its middle; the page itself does not move.
_SCROLL_STRIP = """() => {
    setTimeout(() => {
        const chosen = document.querySelector('#frames .thumbnail-item.selected');
        let box = chosen?.parentElement;
        while (box && box.scrollWidth <= box.clientWidth) box = box.parentElement;
        if (!box?.closest('#frames')) return;
        const [inner, outer] = [chosen.getBoundingClientRect(), box.getBoundingClientRect()];
        box.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
    }, 150);
    return [];
}"""


def wire_choosing(chooser: Chooser, search: FrameSearch, origin: gr.State, controls: list[Any]) -> None:
    """Answer the events that change the list of frames.

    Args:
        chooser: the components.
        search: finds frames.
        origin: state: where the frame on screen came from.
        controls: weights and modality, whose evaluation orders frames.
    """
    inspector = search.inspector

    @with_notice(len(chooser.strip) + 1, "The frames were not searched")
    def on_find(
        listing: Listing | None, text: str | None, only: str, order: str, weights: str, modality: Any
    ) -> list[Any]:
        if listing is None:  # nothing has been opened yet
            return [gr.skip()] * (len(chooser.strip) + 1)
        given = order == GIVEN and bool(listing.order)
        names, said = search.find(listing.source, text or "", only, AS_LISTED if given else order, modality, weights)
        found = Listing(listing.source, names, words=text or "", only=only)
        if given:
            kept = tuple(name for name in listing.whole if name in set(names))
            found = replace(found, names=kept, order=listing.order, whole=listing.whole)
        return [*listing_updates(inspector, found, said), order_update(found, order)]

    def on_words(listing: Listing | None, text: str | None, *asked: Any) -> list[Any]:
        # A list that came from elsewhere takes the words away, and stays.
        if listing is None or listing.words == (text or ""):
            return [gr.skip()] * (2 + len(chooser.strip))
        return on_find(listing, text, *asked)

    def on_clear(
        where: gr.SelectData, listing: Listing | None, text: str, only: str, order: str, weights: str, modality: Any
    ) -> list[Any]:
        """Clear the class, the order, or all that is searched for."""
        if where.value in ("class", ""):
            only = ALL_CLASSES
        if where.value in ("order", ""):
            order = AS_LISTED
        text = "" if where.value == "" else text
        return [text, only, *on_find(listing, text, only, order, weights, modality)]

    def page(by: int) -> Callable[[Listing | None], list[Any]]:
        def on_page(listing: Listing | None) -> list[Any]:
            return [gr.skip()] * len(chooser.strip) if listing is None else listing_updates(inspector, listing.page(by))

        return on_page

    def on_origin(here: Origin | None, listing: Listing | None) -> list[Any]:
        return follow(inspector, here, listing)

    words, only, order = chooser.find
    asked, strip = [chooser.listing, *chooser.find, *controls], [chooser.notice, *chooser.strip, order]
    selecting: dict[str, Any] = {"fn": selection, "inputs": [origin, chooser.listing], "outputs": chooser.gallery}
    # Gradio's `input` answers to keys that write, not to deletion, pasting, or a phone's keyboard; `change` does.
    words.change(on_words, asked, strip, trigger_mode="always_last", **QUIET).then(**selecting, **QUIET)
    gr.on([only.input, order.input], on_find, asked, strip, show_progress_on=[chooser.gallery], **PRIVATE).then(
        **selecting, **QUIET
    )
    chooser.count.select(on_clear, asked, [words, only, *strip], **QUIET).then(**selecting, **QUIET)
    for button, by in zip(chooser.pages, (-1, 1), strict=True):
        button.click(page(by), chooser.listing, chooser.strip, **QUIET).then(**selecting, **QUIET)
    origin.change(on_origin, [origin, chooser.listing], chooser.lists, **QUIET).then(**selecting, **QUIET).then(
        None, None, None, js=_SCROLL_STRIP, **QUIET
    )
