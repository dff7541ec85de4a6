"""`python -m deresunet predict`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from deresunet.atomic import write_json, write_png
from deresunet.cli.app import (
    make_folder,
    progress_bar,
    reports_input_errors,
    show_network,
    show_notices,
    show_tally,
    shown,
)
from deresunet.cli.options import (
    ModalityOption,
    NetworkOptions,
    PassOptions,
    given,
    takes_groups,
)
from deresunet.data.files import read_frame
from deresunet.data.folder import FolderReader
from deresunet.data.frame import Frame
from deresunet.data.layout_advice import is_recording, recording_advice
from deresunet.data.readers import StoredFrames, open_source, without_depth
from deresunet.data.source import Source
from deresunet.errors import InputError, refuse
from deresunet.evaluation.evaluator import describe_frame
from deresunet.inference.prediction_writer import write_predictions
from deresunet.inference.predictor import SegmentationPredictor, load
from deresunet.inference.preprocessing import Modality
from deresunet.inference.sideways import notice_if_sideways
from deresunet.visualization.overlays import overlay
from deresunet.visualization.panels import background_of

OVERLAY_OPACITY = 0.6
# Fields of a source that say where its files lie, and not how they are read.
_PLACE = ("dataset", "root", "split", "rgb", "depth", "label")

command = typer.Typer(add_completion=False)


@command.command()
@takes_groups
@reports_input_errors
def predict(
    out: Annotated[
        Path, typer.Option(help="Folder for label.png, overlay.png and prediction.json; of folders, for NAME.png each.")
    ],
    data: Source,
    each: PassOptions,
    network: NetworkOptions,
    modality: ModalityOption = "rgbd",
    confidence: Annotated[bool, typer.Option(help="Also write confidence/NAME.png, for folders.")] = False,
) -> None:
    """Segment one frame (--rgb and --depth are files), or all frames of a data set, of folders or of patterns.

    Of folders and data sets, an interrupted run resumes when the same command is given again, and `evaluate
    --predictions` takes the result.
    """
    several = [*given(each), *(["--confidence"] if confidence else [])]
    of_labels = given(data, "label_set", "label_offset", "void")
    of_data = given(data, "dataset", "root", "split", "label_source", "depth_source", "toolbox")
    of_depth = [] if data.depth else given(data, "depth_unit", "depth_key")
    named = [Path(path) for path in (data.rgb, data.depth) if path is not None]
    if data.root is not None or data.dataset in ("rooms", "real"):
        reader: StoredFrames = open_source(data)
    elif any(path.is_dir() or "*" in path.name for path in named):
        refuse([*of_data, *of_labels, *given(data, "label")], "on folders of RGB and depth")
        refuse(of_depth, "without --depth")
        reader = FolderReader(data)
    else:
        refuse([*of_data, *several], "on one frame")
        refuse([] if data.label else of_labels, "without --label")
        refuse(of_depth, "without --depth")
        recording = next(filter(is_recording, named), None)
        if recording is not None:
            raise InputError(recording_advice(recording, named[-1]))
        depth = data.depth
        if modality == "rgb" and depth is not None and data.rgb is not None:
            typer.echo(f"depth: {Path(depth).name} is not opened, since the modality is RGB", err=True)
            depth = None
        frame = read_frame(
            data.rgb,
            depth,
            data.label,
            data.depth_unit,
            data.label_set,
            classes=data.classes,
            label_offset=data.label_offset,
            void=data.void,
            intrinsics=data.intrinsics,
            depth_key=data.depth_key,
        )
        frame = replace(frame, turns=data.turns)
        if frame.depth_reading is not None:
            typer.echo(f"depth: {frame.depth_reading.summary}", err=True)
        show_notices(frame.warnings)
        predictor = load(*network.arguments())
        show_network(predictor)
        _predict_one(frame, predictor, modality, out)
        return
    if modality == "rgb":
        reader = without_depth(reader)
    show_notices(reader.notices)
    predictor = load(*network.arguments())
    show_network(predictor)
    show_notices(notice_if_sideways(predictor, reader, modality))
    with progress_bar() as progress:
        total = len(reader.names[: each.limit])
        task = progress.add_task("segmenting", total=total)
        written = write_predictions(
            predictor,
            reader,
            out,
            modality,
            confidence=confidence,
            on_frame=lambda done: progress.update(task, completed=done),
            reading={key: str(value) for key, value in vars(data).items() if key not in _PLACE},
            **vars(each),
        )
        progress.update(task, completed=total)
    if written.written:
        show_tally(written.tally)
    if written.kept:
        typer.echo(f"Resumed: {written.kept} frames were done already, of the same files")
    for name, error in written.failed:
        typer.echo(f"skipped {name}: {error}", err=True)
    classes = predictor.class_set
    typer.echo(f"{written.written} label images written to {out}, class numbers 1..{len(classes)} of {classes.name}")


def _predict_one(frame: Frame, predictor: SegmentationPredictor, modality: Modality, out: Path) -> None:
    """Segment one frame; write its label, overlay and JSON, and print its classes."""
    prediction = predictor(frame, modality)
    described = describe_frame(frame, prediction)
    make_folder(out)
    write_png(out / "label.png", prediction.label)
    write_png(
        out / "overlay.png",
        overlay(background_of(frame), prediction.label, OVERLAY_OPACITY, prediction.class_set.palette),
    )
    write_json(out / "prediction.json", described)
    for item in described["classes"]:
        line = f"{item['name']:16} {item['share']:7.2%}"
        if "iou" in described:
            line += f"   IoU {shown(described['iou'][item['label'] - 1])}"
        typer.echo(line)
    if "miou" in described:
        typer.echo(f"mIoU {shown(described['miou'])}   pixel accuracy {shown(described['pixel_acc'])}   (this frame)")
    typer.echo(f"{described['latency_ms']:.0f} ms on {described['provenance']['device']}; written to {out}")
