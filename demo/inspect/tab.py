"""The Inspect tab: which handler answers to which event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation.summary import Ablation
from demo.ablation.tab import ABLATION_CLEARED, ablation_files, wire_ablation
from demo.components import NETWORK, PRIVATE, QUIET, Origin
from demo.dataset.evaluations import Evaluations
from demo.downloads import KEEP_SECONDS
from demo.inspect.chooser import Chooser, Listing, follow, neighbour, upload_script
from demo.inspect.choosing import wire_choosing
from demo.inspect.layout import NETWORK_LOADING, Layout, lay_out_inspect
from demo.inspect.search import FrameSearch
from demo.inspect.settings import Settings
from demo.inspect.updates import look_updates, picture_file, result_updates
from demo.inspection import Inspection, file_name, preview
from demo.inspector import DatasetFrame, Inspector, Upload
from demo.link import Link, read_link, write_query
from demo.markup import toggled
from demo.notices import notice, with_notice
from demo.pointcloud.tab import CLOUD_CLEARED, wire_cloud
from demo.report.tab import REPORT_CLEARED, wire_report
from deresunet.errors import InputError

# Puts the settings into the address; see demo/address.js.
_TO_ADDRESS_BAR = """(query) => {
    const none = { data: null, frame: null, upload: null, class: null, contours: null, boxes: null, pixel: null };
    if (query) window.writeAddress?.({ ...none, ...Object.fromEntries(new URLSearchParams(query)) });
    return [];
}"""
# On a phone the controls are folded up, so that the prediction comes first.
_FOLD_CONTROLS = """() => {
    if (innerWidth < 640) document.querySelector('#controls > button.label-wrap.open')?.click();
    return [];
}"""


# An upload's result may be off the screen; a notice about it stands where the upload was.
_TO_PICTURES = """() => {
    if (!document.querySelector('#upload-notice .notice'))
        document.querySelector('#panels')?.scrollIntoView({ block: 'nearest' });
    return [];
}"""
# A browser keeps the picture in view that came first, which is RGB.
_PREDICTION_FIRST = "() => { document.querySelector('#panels')?.scrollTo({ left: 0 }); return []; }"


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


def opened(inspector: Inspector, origin: Origin, settings: Settings, point: tuple[int, int] | None = None) -> list[Any]:
    """Open a frame: component updates of `InspectTab.outputs`."""
    current = inspector.kept(origin, settings.modality, settings.weights)
    inspection = current.get()
    inside = point is not None and point[0] < inspection.label.shape[0] and point[1] < inspection.label.shape[1]
    kept = point if inside else None
    # What belongs to the frame before goes.
    cleared = [*ABLATION_CLEARED, *CLOUD_CLEARED, *REPORT_CLEARED]
    return [origin, kept, current, *result_updates(inspection, settings, kept), *cleared]


def build_inspect_tab(inspector: Inspector, page: gr.Blocks, evaluations: Evaluations) -> InspectTab:
    """Lay the tab out inside the page's current context and answer its events.

    Args:
        inspector: networks and data sets.
        page: the page around it.
        evaluations: results that frames are ordered by.
    """
    current = gr.State(None, time_to_live=KEEP_SECONDS)
    origin = gr.State(None, time_to_live=KEEP_SECONDS)
    point = gr.State(None)
    query = gr.Textbox(visible=False)
    back = gr.Button("← Back to the data set", visible=False, size="sm", elem_id="back")
    at = lay_out_inspect(inspector)
    pictures = [*at.panels, *at.captions, at.wipe, at.pixel, at.confusions, at.legend]
    outputs = [
        *[origin, point, current, *pictures],
        *[at.headline, at.classes, at.bars, at.calibration, at.provenance, at.readout, at.controls[-1]],
        *[*at.ablation.fleeting, *at.cloud.fleeting, *at.report.fleeting],
    ]
    # What is asked for while the network runs is answered after it: by default Gradio drops it without a word.
    running = {**NETWORK, **PRIVATE, "trigger_mode": "always_last", "show_progress_on": [at.panels[3], at.wipe]}
    tab = InspectTab(origin, at.controls, outputs, back, at.chooser, at.chooser.notice, running)
    _answer_opening(inspector, page, at, tab)
    _answer_looking(at, tab, current, pictures)
    wire_choosing(at.chooser, FrameSearch(inspector, evaluations), origin, at.controls[:2])

    def on_address(origin: Origin | None, point: tuple[int, int] | None, *values: Any) -> str:
        return "" if origin is None else write_query(Settings(*values).link(origin, point))

    gr.on(
        [origin.change, point.change, *(control.change for control in at.controls)],
        on_address,
        [origin, point, *at.controls],
        query,
        trigger_mode="always_last",
        **QUIET,
    )
    query.change(None, query, None, js=_TO_ADDRESS_BAR, **QUIET)
    weights, opacity, classes = at.controls[0], at.controls[3], at.controls[4]
    wire_ablation(at.ablation, inspector, [origin, weights, opacity, classes, current])
    wire_cloud(at.cloud, current, classes)
    wire_report(at.report, inspector, [origin, current, at.ablation.result, opacity])
    return tab


def _answer_opening(inspector: Inspector, page: gr.Blocks, at: Layout, tab: InspectTab) -> None:
    """Answer what opens a frame or runs the network on it anew."""
    chooser, origin, outputs, running = at.chooser, tab.origin, tab.outputs, tab.running

    def on_arrival(request: gr.Request) -> list[Any]:
        """Show the frame at once, and say what is waited for; the prediction follows."""
        asked, _ = read_link(dict(request.query_params))
        found, _ = frame_of(inspector, asked)
        try:
            frame = inspector.read(found)
            # As the result will show it, so that a browser loads it once.
            shown = picture_file(file_name(found.name), "rgb", preview(frame), frame.size)
        except InputError:
            shown = gr.skip()  # said where the frame is opened
        return [shown, gr.skip() if inspector.predictor.ready else NETWORK_LOADING]

    def on_strip(request: gr.Request) -> list[Any]:
        asked, _ = read_link(dict(request.query_params))
        return follow(inspector, frame_of(inspector, asked)[0], None)

    def on_load(request: gr.Request) -> list[Any]:
        asked, problems = read_link(dict(request.query_params))
        found, missing = frame_of(inspector, asked)
        names = inspector.checkpoints.names
        settings = Settings.of(asked, inspector.checkpoints.first_name)
        if settings.weights not in names:
            problems.append(f"Weights {settings.weights!r} are not on offer; there are {', '.join(names)}.")
            settings = settings._replace(weights=inspector.checkpoints.first_name)
        try:
            shown = opened(inspector, found, settings, None if missing else asked.pixel)
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

    @with_notice(len(outputs), "The frame was not segmented")
    def on_network(here: Origin | None, *values: Any) -> list[Any]:
        return [gr.skip()] * len(outputs) if here is None else opened(inspector, here, Settings(*values))

    controls, choosing, uploading = at.controls, [chooser.notice, *outputs], [chooser.upload_notice, *outputs]
    page.load(None, None, None, js=_FOLD_CONTROLS, **QUIET)
    page.load(None, None, None, js=upload_script(), **QUIET)
    page.load(on_arrival, None, [at.panels[0], at.headline], **QUIET)
    page.load(on_strip, None, chooser.lists, **QUIET)
    page.load(on_load, None, [*choosing, *controls], **running).then(None, None, None, js=_PREDICTION_FIRST, **QUIET)
    chooser.source.input(on_source, [chooser.source, *controls], choosing, **running)
    chooser.variant.input(on_variant, [chooser.variant, origin, *controls], choosing, **running)
    chooser.gallery.select(on_gallery, [chooser.listing, *controls], choosing, **running)
    chooser.previous.click(step(-1), [chooser.listing, origin, *controls], choosing, **running)
    chooser.following.click(step(1), [chooser.listing, origin, *controls], choosing, **running)
    uploaded = [
        chooser.upload[0].input(on_drop, [*chooser.upload, *controls], uploading, **running),
        chooser.run.click(on_upload, [*chooser.upload, *controls], uploading, **running),
        chooser.take_unit.click(lambda unit: unit, chooser.proposed, chooser.upload[3], **QUIET).then(
            on_upload, [*chooser.upload, *controls], uploading, **running
        ),
    ]
    for event in uploaded:
        event.then(None, None, None, js=_TO_PICTURES, **QUIET)
    gr.on(
        [control.input for control in controls[:2]],
        on_network,
        [origin, *controls],
        [at.control_notice, *outputs],
        **running,
    )


def _answer_looking(at: Layout, tab: InspectTab, current: gr.State, pictures: list[Any]) -> None:
    """Answer what changes the pictures without running the network."""
    point = tab.outputs[1]

    def on_look(
        inspection: Inspection | None, ablation: Ablation | None, point: tuple[int, int] | None, *values: Any
    ) -> list[Any]:
        if inspection is None:
            return [gr.skip()] * (len(pictures) + len(at.ablation.pictures))
        settings = Settings(*values)
        kept: list[Any] = [gr.skip()] * len(at.ablation.pictures)
        if ablation is not None:
            kept = ablation_files(inspection, ablation, settings.opacity, list(settings.classes))
        return [*look_updates(inspection, settings, point), *kept]

    def on_point(chosen: gr.SelectData) -> tuple[int, int]:
        column, row = chosen.index
        return int(row), int(column)

    def on_pixel(chosen: gr.SelectData) -> tuple[int, int]:
        row, column = chosen.index
        return int(row), int(column)

    def on_pick(chosen: gr.SelectData, names: list[str]) -> list[str]:
        return toggled(names, str(chosen.value))

    gr.on(
        [*(control.change for control in at.controls[2:]), point.change],
        on_look,
        [current, at.ablation.result, point, *at.controls],
        [*pictures, *at.ablation.pictures],
        trigger_mode="always_last",
        **QUIET,
    )
    classes = at.controls[4]
    gr.on([at.legend.select, at.bars.select, at.classes.select], on_pick, [classes], [classes], **QUIET)
    gr.on([picture.select for picture in at.panels], on_point, None, [point], trigger_mode="always_last", **QUIET)
    at.readout.select(on_pixel, None, [point], trigger_mode="always_last", **QUIET)


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
