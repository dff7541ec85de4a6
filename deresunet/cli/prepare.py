"""`python -m deresunet prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deresunet.cli.app import progress_bar, reports_input_errors, shown
from deresunet.cli.options import OnErrorOption, WorkersOption
from deresunet.data.sunrgbd.prepare import FRAMES, SUMMARY_FILE, TEST_FRAMES, TRAIN_FRAMES, prepare_sunrgbd

command = typer.Typer(add_completion=False, no_args_is_help=True, help="Make a data set as published ready for use.")


@command.callback()
def prepare() -> None:
    """Make a data set as published ready for use."""


@command.command()
@reports_input_errors
def sunrgbd(
    archive: Annotated[Path, typer.Option(help="SUNRGBD.zip, or the folder it was unpacked to.")],
    toolbox: Annotated[Path, typer.Option(help="SUNRGBDtoolbox.zip, or the folder it was unpacked to.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; of a zip archive, the frames too.")],
    on_error: OnErrorOption = "stop",
    workers: WorkersOption = 2,
    partial: Annotated[bool, typer.Option(help="The archive is known to hold a part of the data set only.")] = False,
) -> None:
    """Write an index, label images and a validation split of SUN RGB-D.

    An interrupted preparation resumes when the same command is given again. Exit status 1 says that the
    result is not the whole data set.
    """
    with progress_bar() as progress:
        task = progress.add_task("preparing", total=None)
        summary = prepare_sunrgbd(
            archive,
            toolbox,
            out,
            on_error,
            workers,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    typer.echo(
        f"{summary.frames:,} frames ({summary.train:,} training, {summary.validation:,} of them for validation, "
        f"{summary.test:,} test); {summary.seglabel:,} with seglabel, {summary.polygons:,} with polygons, "
        f"{summary.boxes:,} with 3D boxes"
    )
    if summary.agreement["frames"]:
        typer.echo(
            f"polygons agree with seglabel on {shown(summary.agreement['pixels'])} % of the pixels that both label "
            f"(mIoU {shown(summary.agreement['miou'])}), over {summary.agreement['frames']:,} frames"
        )
    if summary.unknown_names:
        names = ", ".join(f"{name} ({count:,})" for name, count in list(summary.unknown_names.items())[:5])
        typer.echo(f"{sum(summary.unknown_names.values()):,} polygons are none of the 37 classes, such as {names}")
    for kind, count in summary.unreadable.items():
        typer.echo(f"warning: {kind}: {count:,} of {summary.frames:,} frames, which keep all else", err=True)
    for name, error in summary.failed:
        typer.echo(f"skipped {name}: {error}", err=True)
    speed = summary.prepared_now / max(summary.seconds, 1e-3)
    typer.echo(f"{speed:.1f} frames a second; all of this is in {out / SUMMARY_FILE}")
    if not summary.complete and not partial:
        typer.echo(
            f"This is not the whole data set: expected {FRAMES:,} frames, {TRAIN_FRAMES:,} for training and "
            f"{TEST_FRAMES:,} for testing; {len(summary.absent):,} of the official split are not in the archive and "
            f"{len(summary.failed):,} were skipped. If it is meant to be a part, say --partial.",
            err=True,
        )
        raise typer.Exit(1)
