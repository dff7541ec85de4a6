"""`python -m deresunet stats`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deresunet.classes import DISPLAY_NAMES
from deresunet.cli.app import (
    DatasetOption,
    DepthKeyOption,
    DepthSourceOption,
    DepthUnitOption,
    IntrinsicsOption,
    LabelOffsetOption,
    LabelSetOption,
    LabelSourceOption,
    LimitOption,
    OnErrorOption,
    RootOption,
    SplitOption,
    ToolboxOption,
    VoidOption,
    WorkersOption,
    make_folder,
    progress_bar,
    reports_input_errors,
    show_notices,
)
from deresunet.data.readers import open_reader
from deresunet.data.statistics import gather, write_statistics

command = typer.Typer(add_completion=False)


@command.command()
@reports_input_errors
def stats(
    out: Annotated[Path, typer.Option(help="Folder for statistics.json and its pictures.")],
    dataset: DatasetOption = "auto",
    root: RootOption = None,
    split: SplitOption = None,
    label_set: LabelSetOption = "nyu40",
    label_offset: LabelOffsetOption = None,
    void: VoidOption = None,
    depth_unit: DepthUnitOption = "auto",
    depth_key: DepthKeyOption = None,
    intrinsics: IntrinsicsOption = None,
    limit: LimitOption = None,
    label_source: LabelSourceOption = "auto",
    depth_source: DepthSourceOption = "depth_bfx",
    toolbox: ToolboxOption = None,
    on_error: OnErrorOption = "stop",
    workers: WorkersOption = 2,
) -> None:
    """Count a data set's classes, depths, colours, cameras and rooms."""
    reader = open_reader(
        dataset,
        root,
        split,
        label_set,
        depth_unit,
        label_source,
        depth_source,
        toolbox,
        label_offset=label_offset,
        void=void,
        intrinsics=intrinsics,
        depth_key=depth_key,
    )
    show_notices(reader.notices)
    make_folder(out)
    with progress_bar() as progress:
        task = progress.add_task("reading", total=len(reader.names[:limit]))
        statistics = gather(reader, limit, on_error, workers, lambda done: progress.update(task, completed=done))
    write_statistics(out, statistics)
    described = statistics.as_dict()
    for name in sorted(DISPLAY_NAMES, key=lambda name: -described["classes"][name]["pixels"]):
        item = described["classes"][name]
        if item["pixels"]:
            typer.echo(f"{name:16} {item['share']:8.3%} of labelled pixels, in {item['frames']} frames")
    typer.echo(f"{described['frames']} frames, {described['labelled']} with ground truth")
    if described["depth_mean_m"] is not None:
        typer.echo(
            f"depth {described['depth_mean_m']:.3f} m on average, deviation {described['depth_std_m']:.3f} m, "
            f"{described['depth_missing']:.1%} missing"
        )
    for failure in described["failed"]:
        typer.echo(f"skipped {failure['name']}: {failure['error']}", err=True)
    typer.echo(f"written to {out}")
