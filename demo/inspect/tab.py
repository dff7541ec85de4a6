"""The Inspect tab: which handler answers to which event."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation import tab as ablation
from demo.components import NETWORK, PRIVATE, QUIET, Origin
from demo.dataset.evaluations import Evaluations
from demo.downloads import KEEP_SECONDS
from demo.inspect import first_frame, messages
from demo.inspect.chooser import Chooser, Listing, follow, neighbour, upload_script
from demo.inspect.choosing import wire_choosing
from demo.inspect.layout import LOADING, NETWORK_LOADING, Layout, lay_out_inspect
from demo.inspect.search import FrameSearch
from demo.inspect.settings import Settings
from demo.inspection import Inspection, preview
from demo.inspector import REAL_SAMPLES, DatasetFrame, Inspector, Upload
from demo.link import Link, read_link, write_query
from demo.notices import notice, with_notice
from demo.pointcloud.tab import SURFACE_CLEARED, wire_surface
from demo.report.tab import REPORT_CLEARED, wire_report
from demo.viewer.viewer import pack, pack_preview
from deresunet.errors import InputError
from deresunet.evaluation.calibration import reliability_diagram
from deresunet.evaluation.html import MODALITY_NAMES

# Puts what the server knows of the view into the address, which the viewer completes; see demo/address.js.
_TO_ADDRESS_BAR = """(query) => {
    const none = { data: null, frame: null, upload: null };
    if (query) window.writeAddress?.({ ...none, ...Object.fromEntries(new URLSearchParams(query)) });
    return [];
}"""
# An upload's result may be off the screen; a notice about it stands where the upload was.
_TO_PICTURE = """() => {
    if (!document.querySelector('#upload-notice .notice'))
        document.querySelector('#viewer')?.scrollIntoView({ block: 'nearest' });
    return [];
}"""


@dataclass(frozen=True)
class InspectTab:
    """Components that the rest of the page needs.

    Attributes:
        origin: state: where the frame on screen came from.
        controls: the controls, as in `Settings`.
        outputs: components that `opened` updates.
        back: the button that leads back to where the frame was chosen, hidden at first.
        chooser: the strip of frames that previous and next walk through.
        notice: where an error of opening a frame is shown.
        running: options of events that run the network.
    """

    origin: gr.State
    controls: list[Any]
    outputs: list[Any]
    back: gr.Button
    chooser: Chooser
    notice: gr.HTML
    running: dict[str, Any]


def opened(inspector: Inspector, origin: Origin, settings: Settings, look: dict[str, Any] | None = None) -> list[Any]:
    """Open a frame: component updates of `InspectTab.outputs`.

    Args:
        inspector: runs the network.
        origin: the frame.
        settings: what the network is run with.
        look: what the viewer is to show, such as {"layer": "errors", "classes": [5]}; None leaves it as it is.
    """
    current = inspector.kept(origin, settings.modality, settings.weights)
    inspection = current.get()
    packed = pack(inspection, inspector.tickets.issue(current), modality_choices(inspection, settings, inspector))
    sample = isinstance(origin, DatasetFrame) and origin.source == REAL_SAMPLES
    if sample and settings.modality == "rgbd" and inspection.scores is not None:
        packed["note"] = first_frame.measured().note(
            inspection.name, inspection.described["provenance"]["sha256"], inspection.scores.miou
        )
    packed |= {"networks": inspector.checkpoints.choices, "weights": settings.weights}
    if look is not None:
        packed |= {"look": look, "click": secrets.token_hex(4)}
    diagram = "<p>Calibration needs ground truth, and a prediction with confidences.</p>"
    if inspection.reliability is not None:
        diagram = reliability_diagram(inspection.reliability)
    # What belongs to the frame before goes.
    stored = inspector.checkpoints.is_stored(settings.weights)
    cleared = [*ablation.cleared(inspection, stored), *SURFACE_CLEARED, *REPORT_CLEARED]
    return [origin, current, packed, diagram, messages.provenance_line(inspection), *cleared]


def modality_choices(inspection: Inspection, settings: Settings, inspector: Inspector) -> list[tuple[str, str]]:
    """Modalities, and why one cannot be chosen for this frame and these weights ("" where it can)."""
    if inspector.checkpoints.is_stored(settings.weights):
        other = "Stored predictions: another modality needs the network itself."
        return [(modality, "" if modality == inspection.modality else other) for modality in MODALITY_NAMES]
    without_rgb = "" if inspection.rgb else "This frame has no RGB."
    without_depth = "This frame has no depth. Add a depth file." if inspection.depth is None else ""
    return [("rgbd", without_rgb or without_depth), ("rgb", without_rgb), ("depth", without_depth)]


def build_inspect_tab(inspector: Inspector, page: gr.Blocks, evaluations: Evaluations) -> InspectTab:
    """Lay the tab out inside the page's current context and answer its events.

    Args:
        inspector: networks and data sets.
        page: the page around it.
        evaluations: results that frames are ordered by.
    """
    current = gr.State(None, time_to_live=KEEP_SECONDS)
    origin = gr.State(None, time_to_live=KEEP_SECONDS)
    query = gr.Textbox(visible=False)
    back = gr.Button("← Back to the data set", visible=False, size="sm", elem_id="back")
    at = lay_out_inspect(inspector)
    outputs = [
        *[origin, current, at.viewer, at.calibration, at.provenance],
        *[*at.ablation.fleeting, *at.surface.fleeting, *at.report.fleeting],
    ]
    # What is asked for while the network runs is answered after it: by default Gradio drops it without a word.
    running = {**NETWORK, **PRIVATE, "trigger_mode": "always_last", "show_progress_on": [at.viewer]}
    tab = InspectTab(origin, at.controls, outputs, back, at.chooser, at.chooser.notice, running)
    _answer_opening(inspector, page, at, tab)
    wire_choosing(at.chooser, FrameSearch(inspector, evaluations), origin, at.controls)

    def on_address(origin: Origin | None, *values: Any) -> str:
        return "" if origin is None else write_query(Settings(*values).link(origin))

    gr.on(
        [origin.change, *(control.change for control in at.controls)],
        on_address,
        [origin, *at.controls],
        query,
        trigger_mode="always_last",
        **QUIET,
    )
    query.change(None, query, None, js=_TO_ADDRESS_BAR, **QUIET)
    ablation.wire_ablation(at.ablation, inspector, [origin, at.controls[0], current])
    wire_surface(at.surface, current, at.look)
    wire_report(at.report, inspector, [origin, current, at.ablation.result, at.look])
    return tab


def _answer_opening(inspector: Inspector, page: gr.Blocks, at: Layout, tab: InspectTab) -> None:
    """Answer what opens a frame or runs the network on it anew."""
    chooser, origin, outputs, running = at.chooser, tab.origin, tab.outputs, tab.running

    def on_arrival(request: gr.Request) -> Any:
        """Show the frame at once, and say what is waited for; the prediction follows."""
        asked, _ = read_link(dict(request.query_params), inspector.class_names)
        found, _ = frame_of(inspector, asked)
        try:
            frame = inspector.read(found)
        except InputError:
            return gr.skip()  # said where the frame is opened
        return pack_preview(preview(frame), found.name, LOADING if inspector.predictor.ready else NETWORK_LOADING)

    def on_strip(request: gr.Request) -> list[Any]:
        asked, _ = read_link(dict(request.query_params), inspector.class_names)
        return follow(inspector, frame_of(inspector, asked)[0], None)

    def on_load(request: gr.Request) -> list[Any]:
        asked, problems = read_link(dict(request.query_params), inspector.class_names)
        found, missing = frame_of(inspector, asked)
        names = inspector.checkpoints.names
        settings = Settings.of(asked, inspector.checkpoints.first_name)
        if settings.weights not in names:
            problems.append(f"Weights {settings.weights!r} are not on offer; there are {', '.join(names)}.")
            settings = settings._replace(weights=inspector.checkpoints.first_name)
        try:
            shown = opened(inspector, found, settings)
        except InputError as error:
            skipped = [gr.skip()] * (len(outputs) + len(at.controls))
            return [notice("The frame was not opened", str(error)), *skipped]
        problems += missing
        return [
            notice("Part of this link could not be opened", " ".join(problems)) if problems else "",
            *shown,
            *settings,
        ]

    @with_notice(len(outputs), "The data set was not opened")
    def on_source(source: str, *values: Any) -> list[Any]:
        return opened(inspector, inspector.first_of(source), Settings(*values))

    @with_notice(len(outputs), "The data set was not opened")
    def on_variant(source: str, here: Origin | None, *values: Any) -> list[Any]:
        same = isinstance(here, DatasetFrame) and here.name in inspector.names(source)
        there = DatasetFrame(source, here.name) if same else inspector.first_of(source)  # type: ignore[union-attr]
        return opened(inspector, there, Settings(*values))

    @with_notice(len(outputs), "The frame was not opened")
    def on_gallery(chosen: gr.SelectData, listing: Listing, *values: Any) -> list[Any]:
        return opened(inspector, DatasetFrame(listing.source, listing.shown[chosen.index]), Settings(*values))

    def step(by: int) -> Callable[..., list[Any]]:
        @with_notice(len(outputs), "The frame was not opened")
        def on_step(listing: Listing | None, here: Origin | None, *values: Any) -> list[Any]:
            there = neighbour(listing, here, by)
            return [gr.skip()] * len(outputs) if there is None else opened(inspector, there, Settings(*values))

        return on_step

    @with_notice(len(outputs), "The upload was not segmented")
    def on_upload(
        rgb: str | None, depth: str | None, label: str | None, unit: Any, intrinsics: str, *values: Any
    ) -> list[Any]:
        return opened(inspector, Upload(rgb, depth, label, unit, intrinsics or ""), Settings(*values))

    def on_drop(rgb: str | None, *rest: Any) -> list[Any]:
        return ["", *[gr.skip()] * len(outputs)] if rgb is None else on_upload(rgb, *rest)

    def on_choice(chosen: gr.SelectData) -> list[Any]:
        """Take the modality (index 0) or the network (index 1) that was chosen in the viewer."""
        known: Iterable[str] = inspector.checkpoints.names if chosen.index else MODALITY_NAMES
        if chosen.value not in known:
            raise InputError(f"{chosen.value!r} is not on offer; there are {', '.join(known)}.")
        return [chosen.value, gr.skip()] if chosen.index else [gr.skip(), chosen.value]

    @with_notice(len(outputs), "The frame was not segmented")
    def on_network(here: Origin | None, *values: Any) -> list[Any]:
        return [gr.skip()] * len(outputs) if here is None else opened(inspector, here, Settings(*values))

    controls, choosing, uploading = at.controls, [chooser.notice, *outputs], [chooser.upload_notice, *outputs]
    page.load(None, None, None, js=upload_script(), **QUIET)
    page.load(on_arrival, None, at.viewer, **QUIET)
    page.load(on_strip, None, chooser.lists, **QUIET)
    page.load(on_load, None, [*choosing, *controls], **running)
    chooser.source.input(on_source, [chooser.source, *controls], choosing, **running)
    chooser.variant.input(on_variant, [chooser.variant, origin, *controls], choosing, **running)
    chooser.gallery.select(on_gallery, [chooser.listing, *controls], choosing, **running)
    chooser.previous.click(step(-1), [chooser.listing, origin, *controls], choosing, **running)
    chooser.following.click(step(1), [chooser.listing, origin, *controls], choosing, **running)
    uploaded = [
        chooser.upload[0].input(on_drop, [*chooser.upload, *controls], uploading, **running),
        chooser.run.click(on_upload, [*chooser.upload, *controls], uploading, **running),
        chooser.upload[1].upload(on_upload, [*chooser.upload, *controls], uploading, **running),
        chooser.take_unit.click(lambda unit: unit, chooser.proposed, chooser.upload[3], **QUIET).then(
            on_upload, [*chooser.upload, *controls], uploading, **running
        ),
    ]
    for event in uploaded:
        event.then(None, None, None, js=_TO_PICTURE, **QUIET)
    at.viewer.select(on_choice, None, controls, **QUIET).then(
        on_network, [origin, *controls], [at.control_notice, *outputs], **running
    )


def frame_of(inspector: Inspector, asked: Link) -> tuple[DatasetFrame, list[str]]:
    """The frame that a link names, or the default one and what was not found."""
    first = inspector.first()
    if asked.data is not None and asked.data not in inspector.readers:
        return first, [f"Data set {asked.data!r} is not on offer; there are {', '.join(inspector.readers)}."]
    source = asked.data or first.source
    start = first if source == first.source else inspector.first_of(source)
    if asked.frame is None:
        return start, []
    names = inspector.names(source)
    if asked.frame not in names:
        some = ", ".join(names[:3])
        return start, [f"{source} has no frame {asked.frame!r}; it has {len(names):,}, such as {some}."]
    return DatasetFrame(source, asked.frame), []
