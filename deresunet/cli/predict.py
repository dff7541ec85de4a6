"""`python -m deresunet predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deresunet.atomic import write_json, write_png
from deresunet.cli.app import (
    BackendOption,
    Checkpoint,
    DepthKeyOption,
    DepthUnitOption,
    Device,
    IntrinsicsOption,
    LabelOffsetOption,
    LabelSetOption,
    ModalityOption,
    VoidOption,
    make_folder,
    reports_input_errors,
    show_notices,
    shown,
)
from deresunet.data.files import read_frame
from deresunet.evaluation.evaluator import describe_frame
from deresunet.inference.predictor import load
from deresunet.visualization.overlays import overlay
from deresunet.visualization.panels import background_of

OVERLAY_OPACITY = 0.6


command = typer.Typer(add_completion=False)


@command.command()
@reports_input_errors
def predict(
    out: Annotated[Path, typer.Option(help="Folder for label.png, overlay.png and prediction.json.")],
    rgb: Annotated[Path | None, typer.Option(help="RGB image; may be left out if depth is given.")] = None,
    depth: Annotated[
        Path | None, typer.Option(help="Depth as PNG, TIFF or PGM of 16 bits, or floats as TIFF, NPY, NPZ or EXR.")
    ] = None,
    label: Annotated[Path | None, typer.Option(help="Ground truth, to get IoU.")] = None,
    depth_unit: DepthUnitOption = "auto",
    depth_key: DepthKeyOption = None,
    intrinsics: IntrinsicsOption = None,
    label_set: LabelSetOption = "nyu40",
    label_offset: LabelOffsetOption = None,
    void: VoidOption = None,
    modality: ModalityOption = "rgbd",
    checkpoint: Checkpoint = None,
    device: Device = "auto",
    backend: BackendOption = "auto",
) -> None:
    """Segment one frame."""
    frame = read_frame(
        rgb,
        depth,
        label,
        depth_unit,
        label_set,
        label_offset=label_offset,
        void=void,
        intrinsics=intrinsics,
        depth_key=depth_key,
    )
    if frame.depth_reading is not None:
        typer.echo(f"depth: {frame.depth_reading.summary}", err=True)
    show_notices(frame.warnings)
    prediction = load(checkpoint, device, backend)(frame, modality)
    described = describe_frame(frame, prediction)
    make_folder(out)
    write_png(out / "label.png", prediction.label)
    write_png(out / "overlay.png", overlay(background_of(frame), prediction.label, OVERLAY_OPACITY))
    write_json(out / "prediction.json", described)

    for item in described["classes"]:
        line = f"{item['name']:16} {item['share']:7.2%}"
        if "iou" in described:
            line += f"   IoU {shown(described['iou'][item['label'] - 1])}"
        typer.echo(line)
    if "miou" in described:
        typer.echo(f"mIoU {shown(described['miou'])}   pixel accuracy {shown(described['pixel_acc'])}   (this frame)")
    typer.echo(f"{described['latency_ms']:.0f} ms on {described['provenance']['device']}; written to {out}")
