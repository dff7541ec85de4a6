"""`python -m deresunet audit`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from deresunet.atomic import write_png, write_text
from deresunet.cli.app import make_folder, progress_bar, reports_input_errors, show_network, show_notices
from deresunet.cli.options import (
    ModalityOption,
    NetworkOptions,
    PassOptions,
    PredictionOptions,
    given,
    takes_groups,
)
from deresunet.data.labels import class_set_of
from deresunet.data.readers import Reader, open_source
from deresunet.data.source import Source
from deresunet.errors import InputError, refuse
from deresunet.evaluation.audit import Finding, audit
from deresunet.evaluation.html import in_percent
from deresunet.inference.predictor import load
from deresunet.model import registry
from deresunet.visualization.colours import DIFFERENT
from deresunet.visualization.overlays import colorize_label, outline
from deresunet.visualization.panels import background_of, beside

command = typer.Typer(add_completion=False)


@command.command()
@takes_groups
@reports_input_errors
def audit_command(
    out: Annotated[Path, typer.Option(help="Folder for findings.csv, frames.txt and pictures.")],
    data: Source,
    each: PassOptions,
    network: NetworkOptions,
    stored: PredictionOptions,
    modality: ModalityOption = "rgbd",
    pictures: Annotated[int, typer.Option(min=0, help="Findings to draw, the most suspect first.")] = 50,
) -> None:
    """Find regions whose annotation is probably wrong: a confident network calls them otherwise."""
    reader = open_source(data)
    predictions = list(stored.open(class_set_of(reader)).values())
    if len(predictions) + len(network.named()) + (network.checkpoint is not None) > 1:
        raise InputError("The audit takes one network. Give one --network, --checkpoint or --predictions.")
    if predictions:
        refuse(given(network), "with --predictions")
    show_notices(reader.notices)
    make_folder(out)
    predictor = predictions[0] if predictions else load(*network.arguments(default=registry.BEST_MODEL))
    show_network(predictor)
    with progress_bar() as progress:
        task = progress.add_task("auditing", total=len(reader.names[: each.limit]))
        result = audit(
            predictor, reader, modality, on_frame=lambda done: progress.update(task, completed=done), **vars(each)
        )
    write_text(out / "findings.csv", result.csv())
    write_text(out / "frames.txt", result.frame_list())
    for place, finding in enumerate(result.findings[:pictures], 1):
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", finding.frame)[-100:]
        write_png(out / f"{place:03d}_{name}.png", draw_finding(reader, finding))
    for place, one in enumerate(result.findings[:20], 1):
        annotated, predicted = (result.class_set.display_name(label) for label in (one.annotated, one.predicted))
        typer.echo(
            f"{place:3} {one.frame}: {annotated}, predicted {predicted} "
            f"with {in_percent(one.confidence, 0)}, {one.area:,} px"
        )
    for failure in result.failed:
        typer.echo(f"skipped {failure.name}: {failure.error}", err=True)
    typer.echo(f"{len(result.findings):,} findings in {result.frames:,} frames, written to {out}")


def draw_finding(reader: Reader, finding: Finding) -> np.ndarray:
    """RGB, ground truth and the predicted class within the region, each with the region outlined: uint8 (H, W', 3)."""
    frame = reader.read(finding.frame)
    region = finding.mask(frame.size)
    label = frame.aligned_label
    assert label is not None
    predicted = np.where(region, np.uint8(finding.predicted), label)
    labels = (colorize_label(one, frame.class_set.palette) for one in (label, predicted))
    row = [background_of(frame), *labels]
    return beside([outline(picture, region, DIFFERENT) for picture in row])
