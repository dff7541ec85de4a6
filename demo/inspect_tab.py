"""The Inspect tab: one frame, looked at from all sides. What stands where, and which callback answers to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo import trial, views, zerogpu
from demo.calibration_figure import reliability_svg
from demo.callbacks import DatasetFrame, Inspector, Upload, told_on_the_page
from demo.files import handed_out
from demo.inspection import Inspection
from demo.link import Link, read_link, write_link
from demo.pictures import VIEWS, Look, panels, wipe_pictures
from demo.pixel import pixel_card
from demo.report import report_html, report_zip
from demo.scene import CLOUD_COLOURS, cloud_file, cloud_note, points_file
from deresunet.data.depth import ENCODINGS

RGB_TYPES = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"]
DEPTH_TYPES = [".png", ".tif", ".tiff", ".npy"]
LABEL_TYPES = [".png", ".tif", ".tiff"]
DEFAULT_OPACITY = 0.6
KEEP_SECONDS = 3600
MODALITIES = [(name, value) for value, name in views.MODALITY_NAMES.items()]
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
# The network takes one frame at a time, whoever asks; the queue shows the others their place.
NETWORK: dict[str, Any] = {"concurrency_id": "network", "concurrency_limit": zerogpu.CONCURRENCY}

Origin = DatasetFrame | Upload


@dataclass(frozen=True)
class InspectTab:
    """What the rest of the page needs of the tab.

    Attributes:
        origin: state: where the frame on screen came from.
        controls: weights, modality, view, opacity and class, in the order that `opened` takes them.
        outputs: what `opened` fills.
        back: the button that leads back to where the frame was chosen, hidden at first.
        running: options of events that run the network.
    """

    origin: gr.State
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
        views.confused(inspection),
        "<p>This needs ground truth.</p>"
        if inspection.reliability is None
        else reliability_svg(inspection.reliability),
        views.legend(present),
        views.provenance_line(inspection),
        gr.Dropdown([views.ALL_CLASSES, *names], value=kept),
        None,
        gr.Column(visible=False),
        gr.Column(visible=False),
        None,
        "",
        gr.DownloadButton(value=None, interactive=False),
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
    tried = gr.State(None, time_to_live=KEEP_SECONDS)

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
                    label="Ground truth: class numbers as PNG (optional)",
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
            scale=2,
            min_width=300,
            elem_id="view",
        )
        only = gr.Dropdown(
            [views.ALL_CLASSES], value=views.ALL_CLASSES, label="Look at", scale=1, min_width=150, elem_id="only"
        )
        opacity = gr.Slider(0, 1, DEFAULT_OPACITY, step=0.05, label="Opacity", scale=1, min_width=200)

    with gr.Row(elem_classes="panels"):
        rgb, rgb_caption = _panel("RGB", "The frame's colour image")
        depth, depth_caption = _panel("Depth", "Depth in colours, from near (dark) to far (yellow)")
        truth, truth_caption = _panel("Ground truth", "Ground-truth classes over the colour image")
        prediction, prediction_caption = _panel("Prediction", "Predicted classes over the colour image")
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            wipe = gr.ImageSlider(
                label="Ground truth | prediction",
                format="png",
                buttons=["fullscreen"],
                elem_id="wipe",
                max_height=720,
            )
        with gr.Column(scale=4, min_width=320):
            headline = gr.HTML(elem_id="headline")
            pixel = gr.HTML(elem_id="pixel", padding=False)
            with gr.Tabs():
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
            gr.Markdown("The same frame with depth, without depth, and without RGB: what is each of them worth?")
            try_depth = gr.Button("Put depth on trial", variant="primary", elem_id="try-depth")
            with gr.Column(visible=False) as trial_box:
                trial_line = gr.HTML(elem_id="trial-line")
                with gr.Row(elem_classes="panels"):
                    tries = [_panel(name, f"Prediction from {name}") for _, name in _trial_names()]
                with gr.Row():
                    class_changes = gr.Dataframe(
                        label="IoU of each class", interactive=False, max_height=420, buttons=[], elem_id="changes"
                    )
                    region_changes = gr.Dataframe(
                        label="mIoU by distance, and by whether depth was measured",
                        interactive=False,
                        max_height=420,
                        buttons=[],
                    )
        with gr.Tab("3D"):
            with gr.Row():
                cloud_colour = gr.Radio(list(CLOUD_COLOURS), value="RGB", label="Coloured by", scale=3, min_width=280)
                show_cloud = gr.Button("Show in 3D", variant="primary", scale=1, elem_id="show-3d")
            # Visible from the start: a Model3D that appears together with its first value stays blank.
            cloud = gr.Model3D(
                label="Drag to turn, wheel to zoom, right button to move",
                height=560,
                clear_color=(0.2, 0.22, 0.27, 1.0),
                camera_position=(90, 90, 3),
                interactive=False,
                elem_id="cloud",
            )
            told_cloud = gr.HTML(elem_classes="caption", padding=False)
            ply = gr.DownloadButton("Download as PLY", size="sm", interactive=False, elem_id="ply")
        with gr.Tab("Share"):
            gr.Markdown("A link to this frame under this look (names only, never your files), and a report to hand on.")
            with gr.Row():
                link = gr.Textbox(label="Link", interactive=False, buttons=["copy"], scale=3, elem_id="link")
                make_report = gr.Button("Make link and report", variant="primary", scale=1, elem_id="make-report")
            with gr.Column(visible=False) as report_box, gr.Row():
                page_file = gr.File(label="Report: one HTML page", interactive=False, elem_id="report-html")
                zip_file = gr.File(label="ZIP: pictures, numbers, points", interactive=False, elem_id="report-zip")

    results = [
        *[current, point, rgb, depth, truth, prediction],
        *[rgb_caption, depth_caption, truth_caption, prediction_caption],
        *[wipe, pixel, headline, table, bars, confused, calibration, legend, provenance, only],
        *[tried, trial_box, report_box, cloud, told_cloud, ply],
    ]
    outputs = [notice, origin, *results]
    look = [view, opacity, only]
    controls = [weights, modality, *look]
    colours = [rgb, depth, truth, prediction, prediction_caption, wipe, pixel, *(picture for picture, _ in tries)]
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
            return [gr.skip()] * len(colours)
        looked = look_of(view, opacity, only, point)
        kept = [gr.skip()] * len(tries)
        if tried is not None:
            kept = trial.trial_pictures(inspection.background, tried, opacity, looked.only)
        caption = views.captions(inspection, looked)[3]
        pictures = (wipe_pictures(inspection, looked), pixel_card(inspection, point))
        return [*panels(inspection, looked), caption, *pictures, *kept]

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

    @told_on_the_page(5 + 2 * len(tries))
    def on_trial(
        origin: Origin | None, weights: str, opacity: float, only: str, inspection: Inspection | None
    ) -> list[Any]:
        if origin is None or inspection is None:
            return [gr.skip()] * (5 + 2 * len(tries))
        found = inspector.trial(origin, weights)
        return [
            found,
            gr.Column(visible=True),
            trial.trial_summary(found),
            trial.class_changes(found),
            trial.region_changes(found),
            *trial.trial_pictures(inspection.background, found, opacity, views.chosen_class(only)),
            *trial.trial_captions(found),
        ]

    @told_on_the_page(3)
    def on_cloud(inspection: Inspection | None, colour: str, only: str) -> list[Any]:
        if inspection is None:
            return [gr.skip()] * 3
        chosen = views.chosen_class(only)
        return [
            cloud_file(inspection, colour, chosen),
            cloud_note(inspection, colour, chosen),
            gr.DownloadButton(value=points_file(inspection), interactive=True),
        ]

    def on_class_in_cloud(shown: str | None, *inputs: Any) -> list[Any]:
        return [gr.skip()] * 4 if shown is None else on_cloud(*inputs)

    def on_share(
        inspection: Inspection | None,
        origin: Origin | None,
        weights: str,
        modality: Any,
        view: Any,
        opacity: float,
        only: str,
        request: gr.Request,
    ) -> list[Any]:
        if inspection is None:
            return [gr.skip()] * 4
        address = "A frame of your own stays with you: there is no link to it."
        if isinstance(origin, DatasetFrame):
            here = Link(origin.source, origin.name, weights, modality, view, only)
            address = write_link(request.headers.get("referer", "/"), here)
        return [
            address,
            gr.Column(visible=True),
            handed_out("report.html", report_html(inspection, opacity).encode()),
            handed_out("report.zip", report_zip(inspection, opacity)),
        ]

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
    gallery.select(on_gallery, [source, *controls], outputs, **running)
    run.click(on_upload, [rgb_file, depth_file, label_file, encoding, *controls], outputs, **running)
    gr.on([modality.input, weights.input], on_network, [origin, *controls], [notice, *results], **running)

    looking: dict[str, Any] = {
        "fn": on_look,
        "inputs": [current, tried, point, *look],
        "outputs": colours,
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
    try_depth.click(
        on_trial,
        [origin, weights, opacity, only, current],
        [
            notice,
            tried,
            trial_box,
            trial_line,
            class_changes,
            region_changes,
            *(picture for picture, _ in tries),
            *(caption for _, caption in tries),
        ],
        **NETWORK,
        **PRIVATE,
        show_progress_on=[try_depth],
    )
    cloud_inputs, cloud_outputs = [current, cloud_colour, only], [notice, cloud, told_cloud, ply]
    show_cloud.click(on_cloud, cloud_inputs, cloud_outputs, **PRIVATE)
    cloud_colour.input(on_cloud, cloud_inputs, cloud_outputs, **PRIVATE)
    only.change(on_class_in_cloud, [cloud, *cloud_inputs], cloud_outputs, **QUIET)
    make_report.click(
        on_share,
        [current, origin, *controls],
        [link, report_box, page_file, zip_file],
        **PRIVATE,
        show_progress_on=[link],
    )
    return InspectTab(origin, controls, outputs, back, running)


def _trial_names() -> list[tuple[str, str]]:
    return [(modality, views.MODALITY_NAMES[modality]) for modality in trial.MODALITIES]


def _panel(title: str, alt_text: str) -> tuple[gr.Image, gr.HTML]:
    """A picture with a line of text under it. PNG, since the default WebP would smear the classes' colours."""
    with gr.Column(min_width=220):
        picture = gr.Image(
            label=title,
            format="png",
            interactive=False,
            buttons=["download", "fullscreen"],
            alt_text=alt_text,
            elem_classes="panel",
            elem_id=f"panel-{title.lower().replace(' ', '-')}",
        )
        return picture, gr.HTML(elem_classes="caption", padding=False)
