"""`python -m deresunet stats`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deresunet.cli.app import make_folder, progress_bar, reports_input_errors, show_notices
from deresunet.cli.options import PassOptions, takes_groups
from deresunet.data.folder import FolderReader
from deresunet.data.frame_list import FRAME_LIST_FILE
from deresunet.data.readers import open_source
from deresunet.data.source import Source
from deresunet.data.statistics import gather, write_statistics
from deresunet.errors import InputError

command = typer.Typer(add_completion=False)


@command.command()
@takes_groups
@reports_input_errors
def stats(
    out: Annotated[Path, typer.Option(help="Folder for statistics.json and its pictures.")],
    data: Source,
    each: PassOptions,
    write_frames: Annotated[
        bool,
        typer.Option("--write-frames", help="Also write frames.csv, a line a frame, to be edited and given as --data."),
    ] = False,
) -> None:
    """Count a data set's classes, depths, colours, cameras and rooms."""
    reader = open_source(data)
    show_notices(reader.notices)
    make_folder(out)
    if write_frames:
        if not isinstance(reader, FolderReader):
            raise InputError("--write-frames needs frames that are files of their own, not this data set's.")
        reader.write_frame_list(out / FRAME_LIST_FILE)
    with progress_bar() as progress:
        task = progress.add_task("reading", total=len(reader.names[: each.limit]))
        statistics = gather(reader, on_frame=lambda done: progress.update(task, completed=done), **vars(each))
    write_statistics(out, statistics)
    described = statistics.as_dict()
    for name in sorted(described["classes"], key=lambda name: -described["classes"][name]["pixels"]):
        item = described["classes"][name]
        if item["pixels"]:
            typer.echo(f"{name:16} {100 * item['share']:7.3f} % of labelled pixels, in {item['frames']} frames")
    typer.echo(
        f"{described['frames']} frames, {described['labelled']} with ground truth ({described['class_set']['title']})"
    )
    if described["depth_mean_m"] is not None:
        typer.echo(
            f"depth {described['depth_mean_m']:.3f} m on average, deviation {described['depth_std_m']:.3f} m, "
            f"{100 * described['depth_missing']:.1f} % missing"
        )
    for failure in described["failed"]:
        typer.echo(f"skipped {failure['name']}: {failure['error']}", err=True)
    typer.echo(f"written to {out}")
