"""The application, and the options and output that its commands share."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec

import typer
import typer.core
import typer.main
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from deresunet.errors import InputError, input_error

if TYPE_CHECKING:
    from deresunet.data.tally import FrameTally
    from deresunet.inference.stored_predictions import StoredPredictor

# One module of this package a command, imported when the command is asked for: some do without torch, which takes
# seconds and half a gigabyte.
COMMANDS = ("predict", "evaluate", "audit", "prepare", "stats", "export", "bench", "info")


def backend_for_fast(arguments: list[str]) -> list[str]:
    """Arguments with `--fast auto|off`, as the option was called before, as `--backend auto|eager`."""
    backends = {"auto": "auto", "off": "eager"}
    renamed = list(arguments)
    for place, argument in enumerate(arguments):
        option, given, value = argument.partition("=")
        if option != "--fast":
            continue
        if given:
            renamed[place] = f"--backend={backends.get(value, value)}"
        else:
            renamed[place] = "--backend"
            for after in range(place + 1, min(place + 2, len(arguments))):
                renamed[after] = backends.get(arguments[after], arguments[after])
    return renamed


class _LazyGroup(typer.core.TyperGroup):
    """The commands of `COMMANDS`; each module calls its own `command`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment] # for "Did you mean ...?"

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, backend_for_fast(args))

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
    help="Semantic segmentation of indoor RGB-D frames into the 37 SUN RGB-D classes.",
)
_Parameters = ParamSpec("_Parameters")


@app.callback()
def _root() -> None:
    """Semantic segmentation of indoor RGB-D frames into the 37 SUN RGB-D classes."""


Checkpoint = Annotated[
    str | None, typer.Option(help="Weights (.safetensors, .ckpt) or a model's name; the bundled ones if left out.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:N.")]
HeadOption = Annotated[
    Literal["smooth", "raw"],
    typer.Option(help="smooth averages a cell's four scores and interpolates them; raw takes the network's own."),
]
BackendOption = Annotated[
    str,
    typer.Option(
        metavar="auto|eager|NAME",
        help="How the network runs: auto is the fastest that keeps the labels here, eager PyTorch's in float32.",
    ),
]
DepthUnitOption = Annotated[
    str,
    typer.Option(
        "--depth-unit",
        "--depth-encoding",
        metavar="auto|mm|m|cm|sunrgbd|tum|...|NUMBER",
        help="Unit of depth files: a name (see docs/data.md) or the number of units per metre; auto recognises it.",
    ),
]
DepthKeyOption = Annotated[
    str | None, typer.Option(help="Name of depth's array in NPZ files, or of its channel in EXR files.")
]
IntrinsicsOption = Annotated[
    str | None, typer.Option(metavar="FX,FY,CX,CY", help="Intrinsics in pixels, where frames have none of their own.")
]
LabelOffsetOption = Annotated[
    int | None, typer.Option(help="Added to the values of label files: 1 for labels that count from 0, or 0.")
]
VoidOption = Annotated[
    int | None, typer.Option(help="Value of unlabelled pixels, 0 or 255; 0, or 255 with --label-offset 1.")
]
ModalityOption = Annotated[
    Literal["rgbd", "rgb", "depth"], typer.Option(help="Modality of the frames that the network gets.")
]
LabelSetOption = Annotated[
    Literal["nyu40", "sunrgbd37", "scannet20", "nyu13"],
    typer.Option(help="Label set of the label files; classes that are none of the 37 become void."),
]
DatasetOption = Annotated[
    Literal["auto", "folder", "sunrgbd", "nyuv2", "rooms", "real"],
    typer.Option(help="Layout; auto looks at what lies in --root; rooms and real are the bundled samples."),
]
RootOption = Annotated[Path | None, typer.Option("--root", "--data", help="Where the data set lies; rooms need none.")]
SplitOption = Annotated[
    str | None,
    typer.Option(
        help="Name of the list of frames, or all; of sunrgbd: train, val, trainval, test or all. The test split where "
        "there is one, and otherwise all, if left out."
    ),
]
LabelSourceOption = Annotated[
    Literal["auto", "seglabel", "polygons"],
    typer.Option(help="sunrgbd's ground truth; auto takes polygons where there is no seglabel."),
]
DepthSourceOption = Annotated[
    Literal["depth_bfx", "depth"], typer.Option(help="In-painted depth or the sensor's own, where a data set has both.")
]
ToolboxOption = Annotated[Path | None, typer.Option(help="SUNRGBDtoolbox as unpacked, if it is not beside --root.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first so many frames.")]
OnErrorOption = Annotated[
    Literal["skip", "stop"],
    typer.Option(help="A frame that cannot be read ends the run, or is skipped and listed."),
]
WorkersOption = Annotated[int, typer.Option(min=0, help="Threads that read frames ahead of the network.")]


PredictionsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=DIR",
        help="Stored predictions of any network: a folder of label PNGs named as the frames. Repeatable.",
    ),
]
PredictionLabelsOption = Annotated[
    Literal["auto", "1..37", "0..36", "nyu40"],
    typer.Option(help="How class numbers in --predictions count; auto recognises it where the files make it certain."),
]


def open_predictions(
    written: Sequence[str], label_range: Literal["auto", "1..37", "0..36", "nyu40"]
) -> dict[str, StoredPredictor]:
    """Stored predictions by name, from arguments NAME=DIR.

    Raises:
        InputError: an argument is not NAME=DIR, two have one name, or a folder cannot be used.
    """
    from deresunet.inference.stored_predictions import StoredPredictor  # noqa: PLC0415 - needs torch, which takes seconds

    found: dict[str, StoredPredictor] = {}
    for argument in written:
        name, given, folder = argument.partition("=")
        if not (name and given and folder):
            raise InputError(f"--predictions is {argument!r}; expected NAME=DIR, such as ESANet=runs/esanet.")
        if name in found:
            raise InputError(f"--predictions names {name!r} twice. Give each folder a name of its own.")
        found[name] = StoredPredictor(name, folder, label_range)
    return found


def reports_input_errors(command: Callable[_Parameters, None]) -> Callable[_Parameters, None]:
    """Wrap a command so that an `InputError` or a full disk becomes one line on standard error and exit status 2."""

    @functools.wraps(command)
    def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (InputError, OSError) as error:
            told = input_error(error)
            if told is None:
                raise
            typer.echo(f"Error: {told}", err=True)
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
