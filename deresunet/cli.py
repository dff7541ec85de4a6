"""The command line: python -m deresunet predict | evaluate | info | export."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec

import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import deresunet
from deresunet import registry
from deresunet.atomic import write_json, write_png
from deresunet.data.files import read_frame
from deresunet.data.readers import open_reader
from deresunet.errors import InputError
from deresunet.evaluation import describe_frame, evaluate
from deresunet.export import export_command
from deresunet.metrics import scores
from deresunet.predictor import available_devices, load
from deresunet.rendering import colorize_depth, overlay

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Semantic segmentation of indoor RGB-D frames into the 37 SUN RGB-D classes.",
)
_Parameters = ParamSpec("_Parameters")
OVERLAY_OPACITY = 0.6

Checkpoint = Annotated[
    str | None, typer.Option(help="Weights (.safetensors, .ckpt) or a model's name; the bundled ones if left out.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:N.")]
DepthEncodingOption = Annotated[
    Literal["auto", "mm", "sunrgbd", "m"], typer.Option(help="How depth files are encoded; auto detects it.")
]
ModalityOption = Annotated[Literal["rgbd", "rgb", "depth"], typer.Option(help="What the network is given.")]
LabelSetOption = Annotated[
    Literal["nyu40", "sunrgbd37"], typer.Option(help="What the values of label files mean; NYU40's 38..40 become void.")
]


def _speaks_plainly(command: Callable[_Parameters, None]) -> Callable[_Parameters, None]:
    """Turn an `InputError` into one line on standard error and exit status 2."""

    @functools.wraps(command)
    def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except InputError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from error

    return wrapped


@app.command()
@_speaks_plainly
def predict(
    out: Annotated[Path, typer.Option(help="Folder for label.png, overlay.png and prediction.json.")],
    rgb: Annotated[Path | None, typer.Option(help="RGB image; may be left out if depth is given.")] = None,
    depth: Annotated[Path | None, typer.Option(help="Depth as 16-bit PNG, TIFF or NPY.")] = None,
    label: Annotated[Path | None, typer.Option(help="Ground truth, to get IoU.")] = None,
    depth_encoding: DepthEncodingOption = "auto",
    label_set: LabelSetOption = "nyu40",
    modality: ModalityOption = "rgbd",
    checkpoint: Checkpoint = None,
    device: Device = "auto",
) -> None:
    """Segment one frame."""
    frame = read_frame(rgb, depth, label, depth_encoding, label_set)
    prediction = load(checkpoint, device)(frame, modality)
    described = describe_frame(frame, prediction)
    background = frame.rgb
    if background is None:
        assert frame.depth is not None
        background = colorize_depth(frame.depth, 0.0, float(frame.depth.max()))
    _make_folder(out)
    write_png(out / "label.png", prediction.label)
    write_png(out / "overlay.png", overlay(background, prediction.label, OVERLAY_OPACITY))
    write_json(out / "prediction.json", described)

    for item in described["classes"]:
        line = f"{item['name']:16} {item['share']:7.2%}"
        if "iou" in described:
            line += f"   IoU {_shown(described['iou'][item['label'] - 1])}"
        typer.echo(line)
    if "miou" in described:
        typer.echo(f"mIoU {_shown(described['miou'])}   pixel accuracy {_shown(described['pixel_acc'])}   (this frame)")
    typer.echo(f"{described['latency_ms']:.0f} ms on {described['provenance']['device']}; written to {out}")


@app.command(name="evaluate")
@_speaks_plainly
def evaluate_command(
    dataset: Annotated[
        Literal["folder", "rooms"], typer.Option(help="Layout; rooms are the bundled samples.")
    ] = "folder",
    root: Annotated[Path | None, typer.Option(help="Where the data set lies; rooms need none.")] = None,
    split: Annotated[str, typer.Option(help="Name of the list of frames, or all.")] = "test",
    label_set: LabelSetOption = "nyu40",
    depth_encoding: DepthEncodingOption = "auto",
    modality: ModalityOption = "rgbd",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many frames.")] = None,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
    json_out: Annotated[Path | None, typer.Option("--json", help="File for the result.")] = None,
) -> None:
    """Segment a data set and print its mIoU, pooled over all its pixels."""
    reader = open_reader(dataset, root, split, label_set, depth_encoding)
    if json_out is not None:
        _make_folder(json_out.parent)  # before an hour of work, not after it
    predictor = load(checkpoint, device)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task("mIoU -", total=len(reader.names[:limit]))

        def show(done: int, _frame: object, _prediction: object, matrix: np.ndarray) -> None:
            progress.update(task, completed=done, description=f"mIoU {100 * scores(matrix).miou:5.2f}")

        result = evaluate(predictor, reader, modality, limit, show)
    described = result.as_dict()
    if json_out is not None:
        write_json(json_out, described)
    for name, iou in zip(described["classes"], described["iou"], strict=True):
        typer.echo(f"{name:16} IoU {_shown(iou)}")
    typer.echo(
        f"mIoU {_shown(described['miou'])}   pixel accuracy {_shown(described['pixel_acc'])}   "
        f"mean accuracy {_shown(described['mean_acc'])}   over {result.frames} frames, "
        f"{result.seconds_per_frame:.2f} s each"
    )
    if result.unlabelled:
        typer.echo(
            f"{len(result.unlabelled)} frames without ground truth were left out, such as {result.unlabelled[0]}"
        )


@app.command()
@_speaks_plainly
def info(checkpoint: Checkpoint = None) -> None:
    """Print the weights' configuration, metrics and hash, the models, and the devices found."""
    predictor = load(checkpoint, "cpu")
    weights = predictor.checkpoint
    _print_json(
        {
            "version": deresunet.__version__,
            "weights": {
                "name": weights.name,
                "sha256": weights.sha256,
                "stored": weights.stored,
                "architecture": registry.name_of(weights.config),
                "config": vars(weights.config),
                "preprocessing": vars(weights.preprocessing),
                "classes": len(weights.classes),
                "training": weights.training,
                "metrics": weights.metrics,
            },
            "models": {name: registry.entry(name).summary for name in registry.model_names()},
            "devices": available_devices(),
        }
    )


app.command(name="export")(_speaks_plainly(export_command))


def main() -> None:
    """Run the command line."""
    app()


def _shown(value: float | None) -> str:
    return "  n/a" if value is None else f"{value:5.2f}"


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made a folder for results ({error.strerror}). Give another --out."
        ) from error
