"""`python -m deresunet predict`."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Annotated

import typer

from deresunet.atomic import write_json, write_png
from deresunet.cli.app import make_folder, progress_bar, reports_input_errors, show_notices, show_tally, shown
from deresunet.cli.options import (
    DataOptions,
    ModalityOption,
    NetworkOptions,
    PassOptions,
    given,
    takes_groups,
)
from deresunet.data.depth_units import Unit, parse_unit
from deresunet.data.files import DEPTH_SUFFIXES, RGB_SUFFIXES, FileOptions, frame_of_files, read_frame
from deresunet.data.folder import recognise_units
from deresunet.data.frame import Frame
from deresunet.data.readers import StoredFrames
from deresunet.data.text_files import left_behind, readable
from deresunet.errors import InputError, refuse
from deresunet.evaluation.evaluator import describe_frame
from deresunet.inference.prediction import SegmentationPredictor
from deresunet.inference.prediction_writer import write_predictions
from deresunet.inference.predictor import load
from deresunet.inference.preprocessing import Modality
from deresunet.visualization.overlays import overlay
from deresunet.visualization.panels import background_of

OVERLAY_OPACITY = 0.6

command = typer.Typer(add_completion=False)


@command.command()
@takes_groups
@reports_input_errors
def predict(
    out: Annotated[
        Path, typer.Option(help="Folder for label.png, overlay.png and prediction.json; of folders, for NAME.png each.")
    ],
    data: DataOptions,
    each: PassOptions,
    network: NetworkOptions,
    rgb: Annotated[
        Path | None, typer.Option(help="RGB image, or a folder of them; may be left out if depth is given.")
    ] = None,
    depth: Annotated[
        Path | None,
        typer.Option(help="Depth as PNG, TIFF, PGM, NPY, NPZ or EXR, or a folder of files named as RGB's."),
    ] = None,
    label: Annotated[Path | None, typer.Option(help="Ground truth of one frame, to get IoU.")] = None,
    intrinsics: Annotated[
        str | None, typer.Option(metavar="FX,FY,CX,CY", help="Intrinsics of one frame in pixels, for its JSON.")
    ] = None,
    modality: ModalityOption = "rgbd",
    confidence: Annotated[bool, typer.Option(help="Also write confidence/NAME.png, for folders.")] = False,
) -> None:
    """Segment one frame, or all frames of folders or of a data set (--data instead of --rgb and --depth).

    Of folders and data sets, an interrupted run resumes when the same command is given again, and `evaluate
    --predictions` takes the result.
    """
    several = [*given(each), *(["--confidence"] if confidence else [])]
    of_labels = given(data, "label_set", "label_offset", "void")
    of_data = given(data, "dataset", "root", "split", "label_source", "depth_source", "toolbox")
    of_frame = ["--intrinsics"] if intrinsics is not None else []
    of_depth = [] if depth else given(data, "depth_unit", "depth_key")
    if data.root is not None or data.dataset in ("rooms", "real"):
        if rgb is not None or depth is not None or label is not None:
            raise InputError("--data names a data set. Leave out --rgb, --depth and --label.")
        refuse(of_frame, "on label images")
        reader: StoredFrames = data.open()
    elif any(path is not None and path.is_dir() for path in (rgb, depth)):
        if label is not None:
            raise InputError("--label is for one frame. For folders, give --data, or evaluate --predictions.")
        refuse([*of_data, *of_labels, *of_frame], "on folders of RGB and depth")
        refuse(of_depth, "without --depth")
        reader = PairedFolders(rgb, depth, data.depth_unit, data.depth_key)
    else:
        refuse([*of_data, *several], "on one frame")
        refuse([] if label else of_labels, "without --label")
        refuse(of_depth, "without --depth")
        frame = read_frame(
            rgb,
            depth,
            label,
            data.depth_unit,
            data.label_set,
            label_offset=data.label_offset,
            void=data.void,
            intrinsics=intrinsics,
            depth_key=data.depth_key,
        )
        if frame.depth_reading is not None:
            typer.echo(f"depth: {frame.depth_reading.summary}", err=True)
        show_notices(frame.warnings)
        _predict_one(frame, load(*astuple(network)), modality, out)
        return
    show_notices(reader.notices)
    predictor = load(*astuple(network))
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
            reading={key: str(value) for key, value in vars(data).items() if key not in ("dataset", "root", "split")},
            **vars(each),
        )
        progress.update(task, completed=total)
    if written.written:
        show_tally(written.tally)
    if written.kept:
        typer.echo(f"Resumed: {written.kept} frames were done already, of the same files")
    for name, error in written.failed:
        typer.echo(f"skipped {name}: {error}", err=True)
    typer.echo(f"{written.written} label images written to {out}, class numbers 1..37")


class PairedFolders:
    """Frames of a folder of RGB images and a folder of depth files, paired by name without suffix.

    With the depth unit "auto", the unit is recognised over frames of the whole folder and not one by one.

    Args:
        rgb: folder of RGB images, or None.
        depth: folder of depth files, or None.
        depth_unit: unit of depth; see `read_frame`.
        depth_key: name of depth's array in NPZ files, or of its channel in EXR files.

    Attributes:
        names: the frames, in order; slashes are subfolders.
        notices: what looks wrong about the folders: files that are not taken.

    Raises:
        InputError: one of the two is no folder, or a frame of one has no file in the other.
    """

    def __init__(
        self, rgb: Path | None, depth: Path | None, depth_unit: Unit = "auto", depth_key: str | None = None
    ) -> None:
        self.depth_unit, self.depth_key = depth_unit, depth_key
        self._rgb, other_rgb = _files(rgb, "--rgb", RGB_SUFFIXES)
        self._depth, other_depth = _files(depth, "--depth", DEPTH_SUFFIXES)
        self.notices = (*other_rgb, *other_depth)
        if rgb is not None and depth is not None:
            unpaired = sorted(self._rgb.keys() ^ self._depth.keys())
            if unpaired:
                raise InputError(
                    " ".join(
                        (
                            f"{len(unpaired)} frames are in only one of {rgb} and {depth}, such as {unpaired[0]}. "
                            "Files are paired by name; leave out --depth for RGB alone.",
                            *self.notices,
                        )
                    )
                )
        self.names = tuple(sorted(self._rgb or self._depth))
        automatic = parse_unit(depth_unit)[0] == "auto"
        depth_files = [self._depth[name] for name in self.names if name in self._depth]
        self._choices = recognise_units(depth_files, depth_key) if automatic else None

    def read(self, name: str) -> Frame:
        """Read the frame called `name`; raises as `read_frame` does."""
        options = FileOptions(self.depth_unit, self.depth_key, choices=self._choices)
        return frame_of_files(self._rgb.get(name), self._depth.get(name), None, options, name=name, source="files")

    def files(self, name: str) -> tuple[Path, ...]:
        """Paths of the files of a frame."""
        return tuple(found[name] for found in (self._rgb, self._depth) if name in found)


def _files(folder: Path | None, option: str, suffixes: tuple[str, ...]) -> tuple[dict[str, Path], list[str]]:
    """Files of a folder and its subfolders by name without suffix, and a notice on those that are not taken."""
    if folder is None:
        return {}, []
    if not folder.is_dir():
        raise InputError(f"{option} {folder} is no folder, though the other one is. Give two folders, or two files.")
    taken: dict[str, Path] = {}
    others = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(left_behind(part) for part in relative.parts) or path.is_dir():
            continue
        if path.suffix.lower() in suffixes:
            name = readable(relative.with_suffix("").as_posix())
            # Of two files of one name the suffix that comes first is taken, as of the folder layout.
            if name not in taken or suffixes.index(path.suffix.lower()) < suffixes.index(taken[name].suffix.lower()):
                taken[name] = path
        else:
            others.append(readable(relative.as_posix()))
    if not others:
        return taken, []
    expected = ", ".join(suffixes)
    return taken, [f"{len(others)} files in {folder} are not taken, such as {others[0]}. Expected {expected}."]


def _predict_one(frame: Frame, predictor: SegmentationPredictor, modality: Modality, out: Path) -> None:
    """Segment one frame; write its label, overlay and JSON, and print its classes."""
    prediction = predictor(frame, modality)
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
