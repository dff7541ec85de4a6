"""The Inspect tab: its components, and the handlers of its controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.ablation.summary import Ablation, ablation_pictures
from demo.ablation.tab import ABLATION_CLEARED, lay_out_ablation, wire_ablation
from demo.components import DEFAULT_OPACITY, MODALITIES, NETWORK, PRIVATE, QUIET, Origin, panel
from demo.downloads import KEEP_SECONDS
from demo.inspect import messages
from demo.inspect.calibration import reliability_svg
from demo.inspect.classes import class_bars, class_table, legend, present_classes
from demo.inspect.confusions import confusions
from demo.inspect.panels import OVERLAYS, Look, panels, wipe_pictures
from demo.inspect.pixel import pixel_card
from demo.inspection import Inspection, Kept
from demo.inspector import DatasetFrame, Inspector, Upload
from demo.link import read_link
from demo.markup import ALL_CLASSES, PICK_CLASS, SORT_TABLE, chosen_class, class_filter, table
from demo.notices import with_notice
from demo.pointcloud.tab import CLOUD_CLEARED, lay_out_cloud, wire_cloud
from demo.report.tab import SHARE_CLEARED, lay_out_share, wire_share
from deresunet.classes import DISPLAY_NAMES
from deresunet.data.depth import ENCODINGS
from deresunet.errors import InputError

RGB_TYPES = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"]
DEPTH_TYPES = [".png", ".tif", ".tiff", ".npy"]
LABEL_TYPES = [".png", ".tif", ".tiff"]


@dataclass(frozen=True)
class InspectTab:
    """Components that the rest of the page needs.

    Attributes:
        origin: state: where the frame on screen came from.
        source: the data set whose frames are offered.
        controls: weights, modality, overlay, opacity, class and 3D boxes, in the order that `opened` takes them.
        outputs: components that `opened` updates.
        back: the button that leads back to where the frame was chosen, hidden at first.
        running: options of events that run the network.
    """

    origin: gr.State
    source: gr.Radio
    controls: list[Any]
    outputs: list[Any]
    back: gr.Button
    running: dict[str, Any]


def look_of(
    overlay: Any, opacity: float, only: str | None, boxes: bool = False, point: tuple[int, int] | None = None
) -> Look:
    """The look that the controls ask for."""
    return Look(opacity, class_filter(only), overlay, point, boxes=boxes)


def updates(kept: Kept[Inspection], overlay: Any, opacity: float, only: str | None, boxes: bool) -> list[Any]:
    """Component updates of a new result, in the order of `results`."""
    inspection = kept.get()
    present = present_classes(inspection)
    names = [DISPLAY_NAMES[label - 1] for label in present]
    kept = only if only in names else ALL_CLASSES
    look = look_of(overlay, opacity, kept, boxes)
    left = "The frame" if inspection.truth is None else "Ground truth"
    return [
        kept,
        None,
        *panels(inspection, look),
        *messages.captions(inspection, look),
        gr.ImageSlider(wipe_pictures(inspection, look), label=f"{left} | prediction"),
        pixel_card(inspection, None),
        messages.headline(inspection),
        table(class_table(inspection)),
        class_bars(inspection),
        confusions(inspection, chosen_class(kept)),
        "<p>This needs ground truth.</p>"
        if inspection.reliability is None
        else reliability_svg(inspection.reliability),
        legend(present),
        messages.provenance_line(inspection),
        gr.Dropdown([ALL_CLASSES, *names], value=kept),
        # What belongs to the frame before goes.
        *ABLATION_CLEARED,
        *CLOUD_CLEARED,
        *SHARE_CLEARED,
    ]


def opened(inspector: Inspector, origin: Origin, weights: str, modality: Any, *look: Any) -> list[Any]:
    """Open a frame: component updates of `InspectTab.outputs` without the notice."""
    return [origin, *updates(inspector.kept(origin, modality, weights), *look)]


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
        with gr.Tab("Upload"):
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
    notice = gr.HTML(elem_id="notice", elem_classes="notices", padding=False)

    with gr.Row(elem_id="controls"):
        weights = gr.Dropdown(
            inspector.checkpoints.names,
            value=inspector.checkpoints.first_name,
            label="Weights",
            visible=len(inspector.checkpoints.names) > 1,
            min_width=200,
        )
        modality = gr.Radio(MODALITIES, value="rgbd", label="Modality", scale=2, min_width=300)
        overlay = gr.Radio(OVERLAYS, value="classes", label="Overlay", scale=3, min_width=300, elem_id="overlay")
        only = gr.Dropdown(
            [ALL_CLASSES], value=ALL_CLASSES, label="Class filter", scale=1, min_width=150, elem_id="only"
        )
        opacity = gr.Slider(0, 1, DEFAULT_OPACITY, step=0.05, label="Opacity", scale=1, min_width=200)
        boxes = gr.Checkbox(False, label="3D boxes", scale=0, min_width=110, elem_id="boxes")

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
                classes = gr.HTML(elem_id="classes", js_on_load=SORT_TABLE, padding=False)
            with gr.Tab("Chart"):
                bars = gr.HTML(elem_id="bars", js_on_load=PICK_CLASS)
            with gr.Tab("Confusions"):
                confused = gr.HTML(elem_id="confusions")
            with gr.Tab("Calibration"):
                calibration = gr.HTML(elem_id="reliability")
    legend_box = gr.HTML(legend([]), js_on_load=PICK_CLASS, elem_id="legend", padding=False)
    provenance = gr.HTML(padding=False)

    with gr.Tabs():
        with gr.Tab("Ablation"):
            ablation = lay_out_ablation()
        with gr.Tab("3D"):
            in_3d = lay_out_cloud()
        with gr.Tab("Link and report"):
            shared = lay_out_share()

    results = [
        *[current, point, rgb, depth, truth, prediction],
        *[rgb_caption, depth_caption, truth_caption, prediction_caption],
        *[wipe, pixel, headline, classes, bars, confused, calibration, legend_box, provenance, only],
        *ablation.fleeting,
        *in_3d.fleeting,
        *shared.fleeting,
    ]
    outputs = [notice, origin, *results]
    look = [overlay, opacity, only, boxes]
    controls = [weights, modality, *look]
    looked_at = [rgb, depth, truth, prediction, prediction_caption, wipe, pixel, confused, *ablation.pictures]
    running = {**NETWORK, **PRIVATE, "show_progress_on": [prediction, wipe]}

    @with_notice(len(outputs) - 1 + len(controls), "The frame was not opened")
    def on_load(request: gr.Request) -> list[Any]:
        asked, problems = read_link(dict(request.query_params))
        if problems:
            raise InputError(f"The link's {problems[0]}")
        first = inspector.first()
        chosen = DatasetFrame(asked.data or first.source, asked.frame or first.name) if asked.frame else first
        settings: list[Any] = [
            asked.weights or inspector.checkpoints.first_name,
            asked.modality or "rgbd",
            asked.overlay or "classes",
            DEFAULT_OPACITY if asked.opacity is None else asked.opacity,
            asked.classes[0] if asked.classes else ALL_CLASSES,
            False,
        ]
        shown = opened(inspector, chosen, *settings)
        return [*shown, *settings[:4], gr.skip(), gr.skip()]

    @with_notice(len(outputs), "The data set was not opened")
    def on_source(source: str, *settings: Any) -> list[Any]:
        return [*opened(inspector, inspector.first_of(source), *settings), ""]

    @with_notice(len(outputs) - 1, "The frame was not opened")
    def on_choose(source: str, *settings: Any, chosen: gr.SelectData) -> list[Any]:
        return opened(inspector, DatasetFrame(source, chosen.value["caption"]), *settings)

    def on_gallery(
        source: str,
        weights: str,
        modality: Any,
        overlay: Any,
        opacity: float,
        only: str,
        boxes: bool,
        chosen: gr.SelectData,
    ) -> list[Any]:
        return on_choose(source, weights, modality, overlay, opacity, only, boxes, chosen=chosen)

    @with_notice(len(outputs) - 1, "The upload was not segmented")
    def on_upload(rgb: str | None, depth: str | None, label: str | None, encoding: Any, *settings: Any) -> list[Any]:
        return opened(inspector, Upload(rgb, depth, label, encoding), *settings)

    @with_notice(len(results), "The frame was not segmented")
    def on_network(origin: Origin | None, weights: str, modality: Any, *look: Any) -> list[Any]:
        if origin is None:
            return [gr.skip()] * len(results)
        return updates(inspector.kept(origin, modality, weights), *look)

    def on_look(
        inspection: Inspection | None,
        found: Ablation | None,
        point: tuple[int, int] | None,
        overlay: Any,
        opacity: float,
        only: str,
        boxes: bool,
    ) -> list[Any]:
        if inspection is None:
            return [gr.skip()] * len(looked_at)
        looked = look_of(overlay, opacity, only, boxes, point)
        kept = [gr.skip()] * len(ablation.pictures)
        if found is not None:
            kept = ablation_pictures(inspection.background, found, opacity, looked.classes)
        caption = messages.captions(inspection, looked)[3]
        beside = (wipe_pictures(inspection, looked), pixel_card(inspection, point))
        return [*panels(inspection, looked), caption, *beside, confusions(inspection, chosen_class(only)), *kept]

    def on_point(chosen: gr.SelectData) -> tuple[int, int]:
        column, row = chosen.index
        return int(row), int(column)

    def on_pick(chosen: gr.SelectData) -> Any:
        # A class that is neither in truth nor in prediction is not among the choices yet.
        return gr.Dropdown(choices=[ALL_CLASSES, *DISPLAY_NAMES], value=str(chosen.value))

    def on_search(source: str, text: str | None) -> Any:
        return inspector.search(source, text or "")

    @with_notice(1, "The depth file was not read")
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
        "inputs": [current, ablation.result, point, *look],
        "outputs": looked_at,
        "trigger_mode": "always_last",
        **QUIET,
    }
    gr.on([opacity.change, only.change, overlay.input, point.change, boxes.input], **looking)
    gr.on([legend_box.select, bars.select, classes.select], on_pick, None, [only], **QUIET)
    gr.on([rgb.select, depth.select, truth.select, prediction.select], on_point, None, [point], **QUIET)
    gr.on(
        [rgb_file.change, depth_file.change, encoding.input],
        on_depth_file,
        [rgb_file, depth_file, encoding],
        [notice, card],
        **QUIET,
    )
    wire_ablation(ablation, inspector, [origin, weights, opacity, only, current])
    wire_cloud(in_3d, current, only)
    wire_share(shared, [current, ablation.result, origin, *controls])
    return InspectTab(origin, source, controls, outputs, back, running)
