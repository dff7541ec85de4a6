"""The Inspect tab: one frame, looked at from all sides. What stands where, and which callback answers to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation import summary as trial
from demo.ablation.tab import TRIAL_CLEARED, lay_out_trial, wire_trial
from demo.components import DEFAULT_OPACITY, MODALITIES, NETWORK, PRIVATE, QUIET, Origin, panel
from demo.downloads import KEEP_SECONDS
from demo.inspect import messages as views
from demo.inspect.calibration import reliability_svg
from demo.inspect.panels import VIEWS, Look, panels, wipe_pictures
from demo.inspect.pixel import pixel_card
from demo.inspection import Inspection
from demo.inspector import DatasetFrame, Inspector, Upload, told_on_the_page
from demo.link import read_link
from demo.pointcloud.tab import SCENE_CLEARED, lay_out_scene, wire_scene
from demo.report.tab import SHARE_CLEARED, lay_out_share, wire_share
from deresunet.data.depth import ENCODINGS

RGB_TYPES = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"]
DEPTH_TYPES = [".png", ".tif", ".tiff", ".npy"]
LABEL_TYPES = [".png", ".tif", ".tiff"]


@dataclass(frozen=True)
class InspectTab:
    """What the rest of the page needs of the tab.

    Attributes:
        origin: state: where the frame on screen came from.
        source: the data set whose frames are offered.
        controls: weights, modality, view, opacity and class, in the order that `opened` takes them.
        outputs: what `opened` fills.
        back: the button that leads back to where the frame was chosen, hidden at first.
        running: options of events that run the network.
    """

    origin: gr.State
    source: gr.Radio
    controls: list[Any]
    outputs: list[Any]
    back: gr.Button
    running: dict[str, Any]


def look_of(view: Any, opacity: float, only: str | None, point: tuple[int, int] | None = None) -> Look:
    """The look that the controls say."""
    return Look(opacity, views.chosen_class(only), view, point)


def updates(inspection: Inspection, view: Any, opacity: float, only: str | None) -> list[Any]:
    """What every output of a new result becomes, in the order of `results`."""
    present = views.present_classes(inspection)
    names = [views.DISPLAY_NAMES[label - 1] for label in present]
    kept = only if only in names else views.ALL_CLASSES
    look = look_of(view, opacity, kept)
    left = "The frame" if inspection.truth is None else "Ground truth"
    return [
        inspection,
        None,
        *panels(inspection, look),
        *views.captions(inspection, look),
        gr.ImageSlider(wipe_pictures(inspection, look), label=f"{left} | prediction"),
        pixel_card(inspection, None),
        views.headline(inspection),
        views.styled_table(inspection),
        views.class_bars(inspection),
        views.confused(inspection, look.only),
        "<p>This needs ground truth.</p>"
        if inspection.reliability is None
        else reliability_svg(inspection.reliability),
        views.legend(present),
        views.provenance_line(inspection),
        gr.Dropdown([views.ALL_CLASSES, *names], value=kept),
        # What was asked for of the frame before goes.
        *TRIAL_CLEARED,
        *SCENE_CLEARED,
        *SHARE_CLEARED,
    ]


def opened(
    inspector: Inspector, origin: Origin, weights: str, modality: Any, view: Any, opacity: float, only: str | None
) -> list[Any]:
    """A frame on screen: what `InspectTab.outputs` become, but the notice."""
    return [origin, *updates(inspector.open(origin, modality, weights), view, opacity, only)]


def build_inspect_tab(inspector: Inspector, page: gr.Blocks) -> InspectTab:
    """Lay the tab out inside the page's current context."""
    sources = list(inspector.readers)
    current = gr.State(None, time_to_live=KEEP_SECONDS)
    origin = gr.State(None, time_to_live=KEEP_SECONDS)
    point = gr.State(None)

    back = gr.Button("← Back to the data set", visible=False, size="sm", elem_id="back")
    with gr.Tabs():
        with gr.Tab("Choose a frame"):
            with gr.Row():
                source = gr.Radio(sources, value=sources[0], label="Data set", visible=len(sources) > 1, scale=2)
                search = gr.Textbox(
                    value="",
                    label="Search by name",
                    placeholder="part of a frame's name",
                    visible=max(len(reader.names) for reader in inspector.readers.values()) > 24,
                    scale=2,
                )
            gallery = gr.Gallery(
                label="Frames",
                show_label=False,
                elem_id="frames",
                allow_preview=False,
                format="jpeg",
                object_fit="cover",
                height=122,
                buttons=[],
            )
            count = gr.HTML(elem_classes="caption", padding=False)
        with gr.Tab("Bring your own"):
            with gr.Row():
                rgb_file = gr.File(label="RGB image", file_types=RGB_TYPES, height=150, elem_id="upload-rgb")
                depth_file = gr.File(
                    label="Depth: 16-bit PNG, TIFF or NPY (optional)",
                    file_types=DEPTH_TYPES,
                    height=150,
                    elem_id="upload-depth",
                )
                label_file = gr.File(
                    label="Ground truth: class numbers 0..37 (or NYU40) as PNG (optional)",
                    file_types=LABEL_TYPES,
                    height=150,
                    elem_id="upload-label",
                )
            with gr.Row():
                encoding = gr.Dropdown(
                    [(f"{key}: {told}", key) for key, told in ENCODINGS.items()],
                    value="auto",
                    label="Depth encoding",
                    scale=2,
                )
                run = gr.Button("Segment", variant="primary", scale=1)
            card = gr.HTML(padding=False)
    notice = gr.HTML(elem_id="notice")

    with gr.Row(elem_id="controls"):
        weights = gr.Dropdown(
            inspector.checkpoints.names,
            value=inspector.checkpoints.first_name,
            label="Weights",
            visible=len(inspector.checkpoints.names) > 1,
            min_width=200,
        )
        modality = gr.Radio(MODALITIES, value="rgbd", label="The network is given", scale=2, min_width=300)
        view = gr.Radio(
            [(name, key) for key, name in VIEWS.items()],
            value="classes",
            label="The prediction shows",
            scale=3,
            min_width=300,
            elem_id="view",
        )
        only = gr.Dropdown(
            [views.ALL_CLASSES], value=views.ALL_CLASSES, label="Look at", scale=1, min_width=150, elem_id="only"
        )
        opacity = gr.Slider(0, 1, DEFAULT_OPACITY, step=0.05, label="Opacity", scale=1, min_width=200)

    with gr.Row(elem_classes="panels"):
        rgb, rgb_caption = panel("RGB", "The frame's colour image")
        depth, depth_caption = panel("Depth", "Depth in colours, from near (dark) to far (yellow)")
        truth, truth_caption = panel("Ground truth", "Ground-truth classes over the colour image")
        prediction, prediction_caption = panel("Prediction", "Predicted classes over the colour image")
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            headline = gr.HTML(elem_id="headline")
        with gr.Column(scale=5, min_width=320):
            pixel = gr.HTML(elem_id="pixel", padding=False)
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            wipe = gr.ImageSlider(
                label="Ground truth | prediction",
                format="png",
                buttons=["fullscreen"],
                elem_id="wipe",
                max_height=720,
            )
        with gr.Column(scale=4, min_width=320), gr.Tabs():
            with gr.Tab("Table"):
                table = gr.Dataframe(
                    datatype=["html", "str", "number", "number", "number"],
                    interactive=False,
                    show_label=False,
                    max_height=420,
                    buttons=[],
                    elem_id="classes",
                )
            with gr.Tab("Chart"):
                bars = gr.HTML(elem_id="bars", js_on_load=views.PICK_CLASS)
            with gr.Tab("Confused with"):
                confused = gr.HTML(elem_id="confused")
            with gr.Tab("Reliability"):
                calibration = gr.HTML(elem_id="reliability")
    legend = gr.HTML(views.legend([]), js_on_load=views.PICK_CLASS, elem_id="legend", padding=False)
    provenance = gr.HTML(padding=False)

    with gr.Tabs():
        with gr.Tab("Depth on trial"):
            on_trial = lay_out_trial()
        with gr.Tab("3D"):
            in_3d = lay_out_scene()
        with gr.Tab("Share"):
            shared = lay_out_share()

    results = [
        *[current, point, rgb, depth, truth, prediction],
        *[rgb_caption, depth_caption, truth_caption, prediction_caption],
        *[wipe, pixel, headline, table, bars, confused, calibration, legend, provenance, only],
        *on_trial.fleeting,
        *in_3d.fleeting,
        *shared.fleeting,
    ]
    outputs = [notice, origin, *results]
    look = [view, opacity, only]
    controls = [weights, modality, *look]
    looked_at = [rgb, depth, truth, prediction, prediction_caption, wipe, pixel, confused, *on_trial.pictures]
    running = {**NETWORK, **PRIVATE, "show_progress_on": [prediction, wipe]}

    @told_on_the_page(len(outputs) - 1 + len(controls))
    def on_load(request: gr.Request) -> list[Any]:
        asked = read_link(dict(request.query_params))
        first = inspector.first()
        chosen = DatasetFrame(asked.data or first.source, asked.frame or first.name) if asked.frame else first
        settings = [
            asked.weights or inspector.checkpoints.first_name,
            asked.given or "rgbd",
            asked.view or "classes",
            DEFAULT_OPACITY,
            asked.only or views.ALL_CLASSES,
        ]
        shown = opened(inspector, chosen, *settings)
        return [*shown, *settings[:4], gr.skip()]

    @told_on_the_page(len(outputs))
    def on_source(source: str, *settings: Any) -> list[Any]:
        return [*opened(inspector, inspector.first_of(source), *settings), ""]

    @told_on_the_page(len(outputs) - 1)
    def on_choose(source: str, *settings: Any, chosen: gr.SelectData) -> list[Any]:
        return opened(inspector, DatasetFrame(source, chosen.value["caption"]), *settings)

    def on_gallery(
        source: str, weights: str, modality: Any, view: Any, opacity: float, only: str, chosen: gr.SelectData
    ) -> list[Any]:
        return on_choose(source, weights, modality, view, opacity, only, chosen=chosen)

    @told_on_the_page(len(outputs) - 1)
    def on_upload(rgb: str | None, depth: str | None, label: str | None, encoding: Any, *settings: Any) -> list[Any]:
        return opened(inspector, Upload(rgb, depth, label, encoding), *settings)

    @told_on_the_page(len(results))
    def on_network(origin: Origin | None, weights: str, modality: Any, *look: Any) -> list[Any]:
        if origin is None:
            return [gr.skip()] * len(results)
        return updates(inspector.open(origin, modality, weights), *look)

    def on_look(
        inspection: Inspection | None,
        tried: trial.Trial | None,
        point: tuple[int, int] | None,
        view: Any,
        opacity: float,
        only: str,
    ) -> list[Any]:
        if inspection is None:
            return [gr.skip()] * len(looked_at)
        looked = look_of(view, opacity, only, point)
        kept = [gr.skip()] * len(on_trial.pictures)
        if tried is not None:
            kept = trial.trial_pictures(inspection.background, tried, opacity, looked.only)
        caption = views.captions(inspection, looked)[3]
        beside = (wipe_pictures(inspection, looked), pixel_card(inspection, point))
        return [*panels(inspection, looked), caption, *beside, views.confused(inspection, looked.only), *kept]

    def on_point(chosen: gr.SelectData) -> tuple[int, int]:
        column, row = chosen.index
        return int(row), int(column)

    def on_row(chosen: gr.SelectData) -> str:
        return str(chosen.row_value[1])

    def on_pick(chosen: gr.SelectData) -> Any:
        # A class that is neither in truth nor in prediction is not among the choices yet.
        return gr.Dropdown(choices=[views.ALL_CLASSES, *views.DISPLAY_NAMES], value=str(chosen.value))

    def on_search(source: str, text: str | None) -> Any:
        return inspector.search(source, text or "")

    @told_on_the_page(1)
    def on_depth_file(rgb: str | None, depth: str | None, encoding: Any) -> list[Any]:
        return [inspector.depth_card(rgb, depth, encoding)]

    page.load(on_search, [source, search], [gallery, count], **QUIET)
    page.load(on_load, None, [*outputs, *controls], **running)
    gr.on(
        [source.change, search.change],
        on_search,
        [source, search],
        [gallery, count],
        trigger_mode="always_last",
        **QUIET,
    )
    source.input(on_source, [source, *controls], [*outputs, search], **running)
    gallery.select(on_gallery, [source, *controls], outputs, **running)
    run.click(on_upload, [rgb_file, depth_file, label_file, encoding, *controls], outputs, **running)
    gr.on([modality.input, weights.input], on_network, [origin, *controls], [notice, *results], **running)

    looking: dict[str, Any] = {
        "fn": on_look,
        "inputs": [current, on_trial.tried, point, *look],
        "outputs": looked_at,
        "trigger_mode": "always_last",
        **QUIET,
    }
    gr.on([opacity.change, only.change, view.input, point.change], **looking)
    table.select(on_row, None, [only], **QUIET)
    gr.on([legend.select, bars.select], on_pick, None, [only], **QUIET)
    gr.on([rgb.select, depth.select, truth.select, prediction.select], on_point, None, [point], **QUIET)
    gr.on(
        [rgb_file.change, depth_file.change, encoding.input],
        on_depth_file,
        [rgb_file, depth_file, encoding],
        [notice, card],
        **QUIET,
    )
    wire_trial(on_trial, inspector, notice, [origin, weights, opacity, only, current])
    wire_scene(in_3d, notice, current, only)
    wire_share(shared, [current, on_trial.tried, origin, *controls])
    return InspectTab(origin, source, controls, outputs, back, running)
