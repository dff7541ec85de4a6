"""The application, and the output that its commands share."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import typer
import typer.core
import typer.main
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from deresunet.errors import FrameWarning, InputError, input_error

if TYPE_CHECKING:
    from deresunet.data.frame_tally import FrameTally
    from deresunet.inference.predictor import SegmentationPredictor

# One module of this package a command, imported when the command is asked for: some do without torch, which takes
# seconds and half a gigabyte.
COMMANDS = ("predict", "evaluate", "audit", "stats", "export", "bench", "info")


class _LazyGroup(typer.core.TyperGroup):
    """The commands of `COMMANDS`; each module calls its own `command`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment] # for "Did you mean ...?"

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        found = typer.main.get_command(importlib.import_module(f"deresunet.cli.{cmd_name}").command)
        found.name = cmd_name
        return found


app = typer.Typer(
    cls=_LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Semantic segmentation of indoor RGB-D frames.",
)
_Parameters = ParamSpec("_Parameters")


@app.callback()
def _root() -> None:
    """Semantic segmentation of indoor RGB-D frames."""
    warnings.simplefilter("ignore", FrameWarning)  # commands show them with the number of frames


def reports_input_errors(command: Callable[_Parameters, None]) -> Callable[_Parameters, None]:
    """Wrap a command so that an `InputError` or a full disk becomes one line on standard error and exit status 2."""

    @functools.wraps(command)
    def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (InputError, OSError) as error:
            known = input_error(error)
            if known is None:
                raise
            typer.echo(f"Error: {known}", err=True)
            raise typer.Exit(2) from error

    return wrapped


def progress_bar() -> Progress:
    """A bar with the task's name, the count done, time elapsed and time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )


def show_notices(notices: Iterable[str]) -> None:
    """Write what looks wrong to standard error, a line each."""
    for notice in notices:
        typer.echo(f"warning: {notice}", err=True)


def show_tally(tally: FrameTally) -> None:
    """Write how depth was understood and what looks wrong to standard error."""
    typer.echo(f"depth: {tally.depth}", err=True)
    show_notices(tally.lines())


def show_network(predictor: SegmentationPredictor) -> None:
    """Write how the network of a program's file was understood to standard error."""
    if predictor.checkpoint.config is None:
        typer.echo(f"{predictor.checkpoint.name}: {predictor.checkpoint.training}", err=True)


def shown(value: float | None) -> str:
    """A number of percent with two decimals, or n/a for None."""
    return "  n/a" if value is None else f"{value:5.2f}"


def make_folder(folder: Path) -> None:
    """Make a folder for results; an `InputError` if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made a folder for results ({error.strerror}). Give another --out."
        ) from error
