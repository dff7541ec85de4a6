"""The page: what stands where, and which callback answers to what. No computation."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo import views, zerogpu
from demo.callbacks import DatasetFrame, Inspector, Upload, told_on_the_page, told_to_programs
from demo.inspection import Inspection
from deresunet.data.depth import ENCODINGS

RGB_TYPES = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"]
DEPTH_TYPES = [".png", ".tif", ".tiff", ".npy"]
LABEL_TYPES = [".png", ".tif", ".tiff"]
DEFAULT_OPACITY = 0.6
# Visitors' results and files are dropped after this long.
KEEP_SECONDS = 3600
MODALITIES = [(name, value) for value, name in views.MODALITY_NAMES.items()]
NETWORK: dict[str, Any] = {"concurrency_id": "network", "concurrency_limit": zerogpu.CONCURRENCY}


def build(inspector: Inspector) -> gr.Blocks:
    """The page over an inspector, ready to be launched."""
    sources = list(inspector.readers)
    with gr.Blocks(
        title="DeResUNet", fill_width=True, analytics_enabled=False, delete_cache=(KEEP_SECONDS, KEEP_SECONDS)
    ) as page:
        current = gr.State(None, time_to_live=KEEP_SECONDS)
        # Where the frame on screen came from, so that the network can be given another part of it.
        origin = gr.State(None, time_to_live=KEEP_SECONDS)

        gr.HTML(views.header(inspector.predictor))
        with gr.Tabs():
            with gr.Tab("Choose a frame"):
                with gr.Row(visible=True):
                    source = gr.Radio(sources, value=sources[0], label="Data set", visible=len(sources) > 1, scale=2)
                    search = gr.Textbox(
                        value="",
                        label="Search by name",
                        placeholder="part of a frame's name",
                        visible=len(sources) > 1,
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
                card = gr.HTML()
        notice = gr.HTML(elem_id="notice")

        with gr.Row():
            modality = gr.Radio(MODALITIES, value="rgbd", label="The network is given", scale=2, min_width=280)
            opacity = gr.Slider(
                0, 1, DEFAULT_OPACITY, step=0.05, label="Opacity of the classes", scale=2, min_width=240
            )
            only = gr.Dropdown(
                [views.ALL_CLASSES], value=views.ALL_CLASSES, label="Show", scale=1, min_width=160, elem_id="only"
            )

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
                with gr.Tabs():
                    with gr.Tab("Table"):
                        table = gr.Dataframe(
                            datatype=["html", "str", "number", "number", "number"],
                            interactive=False,
                            show_label=False,
                            max_height=480,
                            buttons=[],
                            elem_id="classes",
                        )
                    with gr.Tab("Chart"):
                        bars = gr.HTML(elem_id="bars")
        legend = gr.HTML(views.legend([]))
        provenance = gr.HTML()

        results = [
            *[current, rgb, depth, truth, prediction],
            *[rgb_caption, depth_caption, truth_caption, prediction_caption],
            *[wipe, headline, table, bars, legend, provenance, only],
        ]

        @told_on_the_page(1 + len(results))
        def on_load(opacity: float) -> list[Any]:
            origin = inspector.first()
            return [origin, *updates(inspector.open(origin), opacity, None)]

        @told_on_the_page(1 + len(results))
        def on_choose(source: str, modality: Any, opacity: float, only: str, chosen: gr.SelectData) -> list[Any]:
            origin = DatasetFrame(source, chosen.value["caption"])
            return [origin, *updates(inspector.open(origin, modality), opacity, only)]

        @told_on_the_page(1 + len(results))
        def on_upload(
            rgb: str | None,
            depth: str | None,
            label: str | None,
            encoding: Any,
            modality: Any,
            opacity: float,
            only: str,
        ) -> list[Any]:
            origin = Upload(rgb, depth, label, encoding)
            return [origin, *updates(inspector.open(origin, modality), opacity, only)]

        @told_on_the_page(len(results))
        def on_modality(origin: DatasetFrame | Upload | None, modality: Any, opacity: float, only: str) -> list[Any]:
            if origin is None:
                return [gr.skip()] * len(results)
            return updates(inspector.open(origin, modality), opacity, only)

        def on_look(inspection: Inspection | None, opacity: float, only: str) -> list[Any]:
            if inspection is None:
                return [gr.skip()] * len(colours)
            label = views.chosen_class(only)
            return [
                views.truth_picture(inspection, opacity, label),
                views.prediction_picture(inspection, opacity, label),
                views.wipe_pictures(inspection, opacity, label),
            ]

        def on_row(chosen: gr.SelectData) -> str:
            return str(chosen.row_value[1])

        def on_search(source: str, text: str) -> Any:
            return inspector.search(source, text or "")

        @told_on_the_page(1)
        def on_depth_file(rgb: str | None, depth: str | None, encoding: Any) -> list[Any]:
            return [inspector.depth_card(rgb, depth, encoding)]

        @told_to_programs
        def segment(rgb: str | None, depth: str | None, label: str | None, encoding: Any) -> Any:
            return inspector.segment(Upload(rgb, depth, label, encoding))

        private: dict[str, Any] = {"api_visibility": "private"}
        quiet: dict[str, Any] = {"show_progress": "hidden", **private}
        look = [opacity, only]
        colours = [truth, prediction, wipe]
        own_files = [rgb_file, depth_file, label_file, encoding]

        page.load(on_search, [source, search], [gallery, count], **quiet)
        # A run is seen where its result will be.
        network = {**NETWORK, **private, "show_progress_on": [prediction, wipe]}
        page.load(on_load, [opacity], [notice, origin, *results], **network)
        gr.on(
            [source.change, search.change],
            on_search,
            [source, search],
            [gallery, count],
            trigger_mode="always_last",
            **quiet,
        )
        gallery.select(on_choose, [source, modality, *look], [notice, origin, *results], **network)
        run.click(on_upload, [*own_files, modality, *look], [notice, origin, *results], **network)
        modality.input(on_modality, [origin, modality, *look], [notice, *results], **network)
        gr.on([opacity.change, only.input], on_look, [current, *look], colours, trigger_mode="always_last", **quiet)
        table.select(on_row, None, [only], **quiet).then(on_look, [current, *look], colours, **quiet)
        gr.on(
            [rgb_file.change, depth_file.change, encoding.input],
            on_depth_file,
            [rgb_file, depth_file, encoding],
            [notice, card],
            **quiet,
        )

        # For programs only; nothing of it shows.
        with gr.Column(visible=False):
            api_inputs = [gr.File(label="rgb"), gr.File(label="depth"), gr.File(label="label")]
            api_encoding = gr.Dropdown(list(ENCODINGS), value="auto", label="depth_encoding")
            api_label = gr.Image(format="png", image_mode=None, label="label")
            api_json = gr.JSON(label="prediction")
            gr.Button().click(
                segment,
                [*api_inputs, api_encoding],
                [api_label, api_json],
                api_name="segment",
                api_description="Segment one frame: paths of RGB, depth and ground truth (each may be None, RGB and "
                "depth not both) to a PNG of class numbers 1..37 and a JSON with classes, provenance and IoU.",
                **NETWORK,
            )
    return page


def updates(inspection: Inspection, opacity: float, only: str | None) -> list[Any]:
    """What every output of a new result becomes, in the order of `results`."""
    present = views.present_classes(inspection)
    names = [views.DISPLAY_NAMES[label - 1] for label in present]
    kept = only if only in names else views.ALL_CLASSES
    label = views.chosen_class(kept)
    left = "The frame" if inspection.truth is None else "Ground truth"
    return [
        inspection,
        inspection.background,
        views.depth_picture(inspection),
        views.truth_picture(inspection, opacity, label),
        views.prediction_picture(inspection, opacity, label),
        *views.captions(inspection),
        gr.ImageSlider(views.wipe_pictures(inspection, opacity, label), label=f"{left} | prediction"),
        views.headline(inspection),
        views.styled_table(inspection),
        views.class_bars(inspection),
        views.legend(present),
        views.provenance_line(inspection),
        gr.Dropdown([views.ALL_CLASSES, *names], value=kept),
    ]


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
