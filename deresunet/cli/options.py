"""Options that commands share, and the groups of them that a command takes as one parameter."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from deresunet.classes import SUNRGBD37, ClassSet
from deresunet.data.source import Source
from deresunet.errors import InputError, refuse

if TYPE_CHECKING:
    from deresunet.inference.stored_predictions import StoredPredictor

Checkpoint = Annotated[
    str | None, typer.Option(help="Weights (.safetensors, .ckpt) or a model's name; the bundled ones if left out.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:N.")]
BackendOption = Annotated[
    str,
    typer.Option(
        metavar="auto|eager|NAME",
        help="How the network runs: auto is the fastest that keeps the labels here, eager PyTorch's in float32.",
    ),
]
ModalityOption = Annotated[
    Literal["rgbd", "rgb", "depth"], typer.Option(help="Modality of the frames that the network gets.")
]
OnErrorOption = Annotated[
    Literal["skip", "stop"],
    typer.Option(help="A frame that cannot be read ends the run, or is skipped and listed."),
]
WorkersOption = Annotated[int, typer.Option(min=0, help="Threads that read frames ahead of the network.")]


# What --network expects behind NAME=.
NAMED_FILE = "FILE, such as ESANet=esanet.onnx"


@dataclass(frozen=True)
class PassOptions:
    """Options of one pass over the frames of a data set."""

    limit: Annotated[int | None, typer.Option(min=1, help="Frames to take from the start of the split.")] = None
    on_error: OnErrorOption = "stop"
    workers: WorkersOption = 2


@dataclass(frozen=True)
class NetworkOptions:
    """Options of a network."""

    checkpoint: Checkpoint = None
    device: Device = "auto"
    backend: BackendOption = "auto"
    head: Annotated[
        Literal["smooth", "raw"],
        typer.Option(help="smooth averages a cell's four scores and interpolates them; raw takes the network's own."),
    ] = "smooth"
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="A network of any project, instead of --checkpoint: .onnx, .pt2, .safetensors or .ckpt; what it takes "
            "is recognised, or said in network.yaml beside it (docs/networks.md). Repeatable for --compare.",
        ),
    ] = None

    def named(self) -> dict[str, str]:
        """Files of --network by name.

        Raises:
            InputError: one is not NAME=FILE, or two have one name.
        """
        return named_paths("network", self.network, NAMED_FILE)

    def arguments(self, chosen: str | None = None, default: str | None = None) -> tuple[str | None, str, str, Any, str]:
        """Arguments of `deresunet.load`.

        Args:
            chosen: a name of --network, a file or a model's name; None for the one network that the options name.
            default: model's name where they name none.

        Raises:
            InputError: the options name several networks.
        """
        files = self.named()
        if chosen is None:
            if len(files) + (self.checkpoint is not None) > 1:
                raise InputError("Several networks are given. Give one --network or --checkpoint.")
            chosen = next(iter(files), None)
        name = chosen if chosen in files else None
        file = files[name] if name else chosen or self.checkpoint or default
        return file, self.device, self.backend, self.head, name or ""


@dataclass(frozen=True)
class PredictionOptions:
    """Options of predictions that are stored."""

    predictions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR",
            help="Stored predictions of any network: a folder of label PNGs named as the frames. Repeatable.",
        ),
    ] = None
    prediction_labels: Annotated[
        str,
        typer.Option(
            metavar="auto|SET|SET@0|SET@1|1..37|0..36",
            help="What class numbers in --predictions count: a class set (nyu40, a file of names, ...), from 0 or from "
            "1; auto recognises it where the files make it certain.",
        ),
    ] = "auto"

    def open(self, usual: ClassSet = SUNRGBD37) -> dict[str, StoredPredictor]:
        """Stored predictions by name; `usual` are the classes of the ground truth.

        Raises:
            InputError: one is not NAME=DIR, two have one name, or a folder cannot be used.
        """
        from deresunet.inference.stored_predictions import StoredPredictor  # noqa: PLC0415 - torch takes seconds

        if not self.predictions:
            refuse(given(self, "prediction_labels"), "without --predictions")
        found: dict[str, StoredPredictor] = {}
        for name, folder in named_paths("predictions", self.predictions, "DIR, such as ESANet=runs/esanet").items():
            found[name] = StoredPredictor(name, folder, self.prediction_labels, usual)
        return found


def named_paths(option: str, arguments: Sequence[str] | None, expected: str) -> dict[str, str]:
    """Paths by name of a repeated option NAME=PATH; an `InputError` where one is not so, or two have one name."""
    found: dict[str, str] = {}
    for argument in arguments or ():
        name, equals, path = argument.partition("=")
        if not (name and equals and path):
            raise InputError(f"--{option} is {argument!r}; expected NAME={expected}.")
        if name in found:
            raise InputError(f"--{option} names {name!r} twice. Give each a name of its own.")
        found[name] = path
    return found


def takes_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that each field of a parameter whose type is a group is an option of the command."""
    own = inspect.signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {
        name: parameter.annotation for name, parameter in own.items() if is_dataclass(parameter.annotation)
    }

    @functools.wraps(command)
    def wrapped(**options: Any) -> None:
        for name, group in groups.items():
            options[name] = group(**{field.name: options.pop(field.name) for field in fields(group)})
        command(**options)

    shown = []
    for name, parameter in own.items():
        if name not in groups:
            shown.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        types = get_type_hints(groups[name], include_extras=True)
        shown += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=_as_option(types[field.name], field.metadata),
            )
            for field in fields(groups[name])
        ]
    wrapped.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    return wrapped


def _as_option(type_: Any, said: Mapping[str, Any]) -> Any:
    """Type of a field as typer takes it, with the help that a field of `Source` carries."""
    if not said:
        return type_
    return Annotated[
        str | None if type_ is Any else type_, typer.Option(*said["flags"], help=said["help"], metavar=said["metavar"])
    ]


def given(group: Source | PassOptions | NetworkOptions | PredictionOptions, *names: str) -> list[str]:
    """Options of a group, such as "--depth-unit", that have another value than their default; of `names`, or all."""
    return [
        "--" + field.name.replace("_", "-")
        for field in fields(group)
        if field.name in (names or vars(group)) and getattr(group, field.name) != field.default
    ]
