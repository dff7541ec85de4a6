"""Where a frame comes from: the strip of a data set's frames, and uploads."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from demo.components import QUIET, Origin
from demo.inspect.search import AS_LISTED, ORDERS
from demo.inspector import DatasetFrame, Inspector
from demo.markup import ALL_CLASSES
from demo.notices import with_notice
from deresunet.data.depth_units import UNITS, describe_unit
from deresunet.data.files import DEPTH_SUFFIXES, LABEL_SUFFIXES, RGB_SUFFIXES

# Thumbnails on the page at a time.
STRIP = 60
# Frames of a data set that nobody needs to search.
FEW = 12
# Values of `Chooser.find`.
NOTHING_SOUGHT = ("", ALL_CLASSES, AS_LISTED)
# Order of a list that comes from the Data set tab, beside `ORDERS`.
GIVEN = "given"
CLEAR_SEARCH = """element.addEventListener('click', (event) => {
    const cleared = event.target.closest('[data-clear]');
    if (cleared) trigger('select', { index: 0, value: cleared.dataset.clear });
});"""


@dataclass(frozen=True)
class Listing:
    """The frames that previous, next and the strip walk through.

    Attributes:
        source: name of the data set.
        names: names of the frames.
        start: index of the strip's first one.
        words: what they were searched for by.
        only: display name of the class that they contain; or `ALL_CLASSES`.
        order: order of a list that comes from the Data set tab, in words; or "".
        whole: names of that list, before it was searched.
    """

    source: str
    names: tuple[str, ...]
    start: int = 0
    words: str = ""
    only: str = ALL_CLASSES
    order: str = ""
    whole: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the frames in the strip."""
        return self.names[self.start : self.start + STRIP]

    def page(self, by: int) -> Listing:
        """The listing with the strip `by` pages on; it stops at the ends."""
        last = max(len(self.names) - 1, 0) // STRIP
        return replace(self, start=min(max(self.start // STRIP + by, 0), last) * STRIP)

    def at(self, origin: Origin | None) -> int | None:
        """Index of a frame, or None where it is not listed."""
        named = isinstance(origin, DatasetFrame) and origin.source == self.source and origin.name in self.names
        return self.names.index(origin.name) if named else None  # type: ignore[union-attr]

    def strip_with(self, index: int) -> Listing:
        """The listing whose strip holds the frame of an index; itself where it does already."""
        if self.start <= index < self.start + STRIP:
            return self
        return replace(self, start=index // STRIP * STRIP)


@dataclass(frozen=True)
class Chooser:
    """The chooser's components.

    Attributes:
        source: the data set, by its family's name.
        variant: the same frames with another ground truth or depth, by data set.
        find: words that are searched for, class, and order.
        listing: state: a `Listing`, or None at first.
        pages: buttons for the strip's page before and after.
        upload: the upload's files, depth unit and intrinsics.
        take_unit: the button that takes the unit in `proposed` (state) for the uploaded depth.
    """

    source: gr.Radio
    variant: gr.Dropdown
    find: list[Any]
    listing: gr.State
    gallery: gr.Gallery
    count: gr.HTML
    pages: list[gr.Button]
    previous: gr.Button
    following: gr.Button
    notice: gr.HTML
    upload: list[Any]
    run: gr.Button
    upload_notice: gr.HTML
    take_unit: gr.Button
    proposed: gr.State

    @property
    def strip(self) -> list[Any]:
        """Components that `listing_updates` updates."""
        return [self.listing, self.gallery, self.count, *self.pages]

    @property
    def lists(self) -> list[Any]:
        """Components that `list_updates` updates."""
        return [self.source, self.variant, *self.find, *self.strip]


def lay_out_chooser(inspector: Inspector) -> Chooser:
    """Lay the chooser out inside the page's current context, and answer what needs no network."""
    sources = list(inspector.families)
    listing = gr.State(None)
    with gr.Row(elem_id="chooser"):
        with gr.Column(scale=8, min_width=320, elem_id="frames-column"):
            gr.HTML('<h2 class="unseen">Frames</h2>', elem_id="frames-title", padding=False)
            with gr.Row(elem_id="frames-bar"):
                source = gr.Radio(
                    sources, value=sources[0], label="Data set", show_label=False, container=False, scale=4,
                    visible=len(sources) > 1, elem_id="source", min_width=260,
                )  # fmt: skip
                variant = gr.Dropdown(
                    [], label="Ground truth and depth", show_label=False, container=False, visible=False,
                    min_width=180, elem_id="variant",
                )  # fmt: skip
                most = max(len(reader.names) for reader in inspector.readers.values())
                with gr.Row(elem_id="find", visible=most > FEW):
                    find = _find(inspector.class_names)
                previous = gr.Button("Previous", size="sm", scale=0, elem_id="previous")
                following = gr.Button("Next", size="sm", scale=0, elem_id="next")
            gallery = gr.Gallery(
                label="Frames", show_label=False, elem_id="frames", allow_preview=False, format="jpeg",
                object_fit="cover", height=112, buttons=[], container=False,
            )  # fmt: skip
            with gr.Row(elem_id="frames-line"):
                count = gr.HTML(elem_classes="caption", padding=False, elem_id="count", js_on_load=CLEAR_SEARCH)
                pages = [
                    gr.Button(f"{word} {STRIP}", size="sm", scale=0, visible=False, elem_id=f"page-{word.lower()}")
                    for word in ("Previous", "Next")
                ]
            notice = gr.HTML(elem_id="notice", elem_classes="notices", padding=False)
        with gr.Column(scale=2, min_width=230, elem_id="upload"):
            rgb = gr.Image(
                label="Upload an RGB image", sources=["upload", "clipboard", "webcam"], type="filepath",
                image_mode=None, height=104, elem_id="upload-rgb", buttons=[], show_label=False,
                placeholder="Upload: drop, paste, camera",
            )  # fmt: skip
            # The file as it is: `read_rgb` knows more formats, and says what is wrong with a file.
            rgb.preprocess = lambda payload: None if payload is None else payload.path  # type: ignore[method-assign]
            with gr.Accordion("Add depth or ground truth", open=False, elem_id="upload-more"), gr.Row():
                with gr.Column(min_width=210):
                    depth = _file("Depth: PNG, TIFF, PGM, NPY, NPZ, EXR", DEPTH_SUFFIXES, "upload-depth")
                with gr.Column(min_width=210):
                    unit = gr.Dropdown(
                        [("auto: recognise it", "auto"), *((describe_unit(name), name) for name in UNITS)],
                        value="auto",
                        allow_custom_value=True,
                        label="Depth unit: a name, or units per metre",
                        elem_id="depth-unit",
                    )
                    card = gr.HTML(padding=False, elem_id="depth-card")
                    take_unit = gr.Button("Take the proposed unit", visible=False, size="sm", elem_id="take-unit")
                with gr.Column(min_width=210):
                    label = _file("Ground truth: class numbers as PNG (0 = void)", LABEL_SUFFIXES, "upload-label")
                with gr.Column(min_width=210):
                    intrinsics = gr.Textbox(label="Intrinsics (optional)", placeholder="fx, fy, cx, cy in pixels")
                    run = gr.Button("Segment", variant="primary", elem_id="segment")
            upload_notice = gr.HTML(elem_id="upload-notice", elem_classes="notices", padding=False)
    chooser = Chooser(
        source, variant, find, listing, gallery, count, pages, previous, following, notice,
        [rgb, depth, label, unit, intrinsics], run, upload_notice, take_unit, gr.State(""),
    )  # fmt: skip

    @with_notice(3, "The depth file was not read")
    def on_depth_file(rgb: str | None, depth: str | None, unit: Any) -> list[Any]:
        shown, proposed = inspector.depth_card(rgb, depth, unit)
        button = gr.Button(f"Take {describe_unit(proposed)}" if proposed else "", visible=bool(proposed))
        return [shown, button, proposed]

    gr.on(
        [depth.change, unit.change],
        on_depth_file,
        [rgb, depth, unit],
        [upload_notice, card, take_unit, chooser.proposed],
        **QUIET,
    )
    return chooser


def upload_script() -> str:
    """JavaScript that gives files a type where the browser knows none, and answers those that no field takes."""
    fields = {
        "upload-rgb": (RGB_SUFFIXES, True, "a picture as JPEG, PNG, WebP, AVIF, HEIC, BMP or TIFF"),
        "upload-depth": (DEPTH_SUFFIXES, False, "depth as PNG, TIFF or PGM of 16 bits, or floats as NPY, NPZ or EXR"),
        "upload-label": (LABEL_SUFFIXES, False, "class numbers as PNG, TIFF or NPY"),
    }
    described = {
        name: {"suffixes": suffixes, "images": images, "expected": expected}
        for name, (suffixes, images, expected) in fields.items()
    }
    return Path(__file__).with_name("upload.js").read_text().replace("__FIELDS__", json.dumps(described))


def _file(label: str, suffixes: tuple[str, ...], elem_id: str) -> gr.File:
    return gr.File(label=label, file_types=list(suffixes), height=110, elem_id=elem_id)


def _find(class_names: tuple[str, ...]) -> list[Any]:
    bare: dict[str, Any] = {"show_label": False, "container": False}
    return [
        gr.Textbox(label="Search by name, sensor or room type", placeholder="search", elem_id="search", **bare),
        gr.Dropdown(
            [("Contains: any class", ALL_CLASSES), *((f"Contains: {name}", name) for name in class_names)],
            value=ALL_CLASSES,
            label="Frames with class",
            elem_id="search-class",
            **bare,
        ),
        gr.Dropdown(_orders(), value=AS_LISTED, label="Order of the frames", elem_id="order", **bare),
    ]


def _orders(given: str = "") -> list[tuple[str, str]]:
    return [*([(f"Order: {given}", GIVEN)] if given else []), *((f"Order: {name}", name) for name in ORDERS)]


def order_update(listing: Listing, order: str = GIVEN) -> gr.Dropdown:
    """Update of the dropdown of orders: that of a list from the Data set tab is on offer while it is walked through."""
    return gr.Dropdown(_orders(listing.order), value=GIVEN if listing.order else order)


def listing_updates(inspector: Inspector, listing: Listing, said: str = "") -> list[Any]:
    """Updates of `Chooser.strip`: listing, thumbnails, a line that counts the frames, and buttons of pages.

    Args:
        inspector: makes the thumbnails.
        listing: the frames.
        said: sentence that follows the count.
    """
    total, found, end = len(inspector.names(listing.source)), len(listing.names), listing.start + len(listing.shown)
    paged = found > STRIP
    line = f"{found:,} of {total:,} frames" if found != total else f"{total:,} frames"
    if not found:
        line = "No frame matches."
    elif paged:
        line = f"{listing.start + 1:,} to {end:,} of {line}"
    chips = [("class", listing.only)] if listing.only != ALL_CLASSES else []
    chips += [("order", listing.order)] if listing.order else []
    clear = "" if found else ' <button type="button" class="link" data-clear="">Clear</button>'
    clear += "".join(
        f' <button type="button" class="filter" data-clear="{what}" title="Remove">{html.escape(text)}</button>'
        for what, text in chips
    )
    return [
        listing,
        gr.Gallery(inspector.thumbnails(listing.source, listing.shown)),
        html.escape(f"{line} {said}".strip()) + clear,
        gr.Button(visible=paged, interactive=listing.start > 0),
        gr.Button(visible=paged, interactive=end < found),
    ]


def list_updates(inspector: Inspector, listing: Listing) -> list[Any]:
    """Updates of `Chooser.lists` for a list that was not searched for: its data set, its class and its order."""
    find = ["", listing.only, order_update(listing, AS_LISTED)]
    return [*source_updates(inspector, listing.source), *find, *listing_updates(inspector, listing)]


def source_updates(inspector: Inspector, source: str) -> list[Any]:
    """Updates of a radio of families and of a dropdown of the data sets in one."""
    family = inspector.family(source)
    members = inspector.families[family]
    return [family, gr.Dropdown(list(members.items()), value=source, visible=len(members) > 1)]


def follow(inspector: Inspector, origin: Origin | None, listing: Listing | None) -> list[Any]:
    """Updates of `Chooser.lists` after a frame was opened, wherever that was asked for."""
    strip = [gr.skip()] * 5
    if not isinstance(origin, DatasetFrame):
        return [*[gr.skip()] * 5, *strip]
    index = None if listing is None else listing.at(origin)
    if listing is not None and index is not None:
        there = listing.strip_with(index)
        if there is not listing:
            strip = listing_updates(inspector, there)
        return [*source_updates(inspector, origin.source), *[gr.skip()] * len(NOTHING_SOUGHT), *strip]
    everything = Listing(origin.source, inspector.names(origin.source))
    return list_updates(inspector, everything.strip_with(everything.at(origin) or 0))


def selection(origin: Origin | None, listing: Listing | None) -> gr.Gallery:
    """Update of the gallery that selects the frame on screen; apart from new thumbnails, which would undo it."""
    index = None if listing is None else listing.at(origin)
    if listing is None or index is None or listing.strip_with(index) is not listing:
        return gr.Gallery(selected_index=None)
    return gr.Gallery(selected_index=index - listing.start)


def neighbour(listing: Listing | None, origin: Origin | None, step: int) -> DatasetFrame | None:
    """The frame `step` after the one on screen, in the listing; None beyond its ends."""
    if listing is None or not listing.names:
        return None
    index = listing.at(origin)
    wanted = 0 if index is None else index + step
    return DatasetFrame(listing.source, listing.names[wanted]) if 0 <= wanted < len(listing.names) else None
