"""One frame of SUN RGB-D as it is published: a folder of images, depth, annotations, intrinsics and extrinsics."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from deresunet.data.depth import DepthReading
from deresunet.data.files import read_depth
from deresunet.data.frame import Frame, OrientedBox, Problem
from deresunet.data.images import read_rgb
from deresunet.data.source import DepthSource
from deresunet.data.sunrgbd.boxes import parse_boxes
from deresunet.data.sunrgbd.polygons import Polygon, parse_polygons
from deresunet.data.text_files import left_behind, read_json, read_text
from deresunet.errors import InputError

SENSORS = ("kv1", "kv2", "realsense", "xtion")
DEPTH_TITLES: dict[DepthSource, str] = {"depth_bfx": "in-painted depth", "depth": "raw depth"}
# What a frame's folder holds and this project reads; any of them tells such a folder from one on the way to it.
PARTS = (
    *("image", "depth", "depth_bfx", "annotation2Dfinal", "annotation3Dfinal", "extrinsics"),
    *("intrinsics.txt", "scene.txt"),
)
_IMAGES = (".jpg", ".jpeg", ".png")
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class FrameRecord:
    """Description of a frame, known before its pixels are read.

    Attributes:
        name: path of its folder below SUNRGBD/.
        sensor: kv1, kv2, realsense or xtion.
        scene: type of the room as scene.txt has it, or "".
        sequence: the recording it belongs to, or "" where that was not worked out.
        rgb: path of its image below SUNRGBD/.
        depth: path of the depth that the sensor measured, or None.
        depth_bfx: path of the in-painted depth, or None.
        intrinsics: float64 (3, 3) [px], or None where they could not be read.
        boxes: in the camera's frame, or None where nobody drew any.
        problems: side files that could not be read.
    """

    name: str
    sensor: str
    scene: str
    sequence: str
    rgb: str
    depth: str | None
    depth_bfx: str | None
    intrinsics: np.ndarray | None
    boxes: tuple[OrientedBox, ...] | None
    problems: tuple[Problem, ...] = ()


def find_frames(root: Path) -> Iterator[str]:
    """Find all frames below SUNRGBD/ and yield their names in order; broken ones too, if anything of them is there.

    A frame's own folder is listed and nothing below it, so that ten thousand of them take a second.
    """
    for sensor in SENSORS:
        for folder, inner, files in os.walk(root / sensor):
            inner[:] = sorted(name for name in inner if not left_behind(name))
            if any(part in inner or part in files for part in PARTS):
                inner.clear()
                yield os.path.relpath(folder, root).replace(os.sep, "/")


def describe(root: Path, name: str, sequence: str = "") -> FrameRecord:
    """Read all of a frame but its pixels and its polygons.

    Side files (intrinsics, room type, 3D boxes) that cannot be read are among the record's problems.

    Raises:
        InputError: it has no RGB image or no depth; the message has the path.
    """
    folder = root / name
    depth, depth_bfx = (_only_image(folder / source, root) for source in ("depth", "depth_bfx"))
    if depth is None and depth_bfx is None:
        raise InputError(f"{folder}: neither depth/ nor depth_bfx/ holds an image. Unpack SUNRGBD.zip again.")
    rgb = _only_image(folder / "image", root)
    if rgb is None:
        raise InputError(f"{folder}/image: no image there. Unpack SUNRGBD.zip again.")
    problems: list[Problem] = []

    def tried(kind: str, read: Callable[[], _Part]) -> _Part | None:
        try:
            return read()
        except InputError as error:
            problems.append(Problem(f"{kind} unreadable", str(error)))
            return None

    scene = tried("room type", lambda: read_scene(folder))
    intrinsics = tried("intrinsics", lambda: _read_numbers(folder / "intrinsics.txt", 9).reshape(3, 3))
    boxes = tried("3D boxes", lambda: _read_boxes(folder))
    return FrameRecord(
        name=name,
        sensor=name.split("/", maxsplit=1)[0],
        scene=scene or "",
        sequence=sequence,
        rgb=rgb,
        depth=depth,
        depth_bfx=depth_bfx,
        intrinsics=intrinsics,
        boxes=boxes,
        problems=tuple(problems),
    )


def read_scene(folder: Path) -> str:
    """Read the type of the room of a frame's folder, or "" where it has none. Raises `InputError`."""
    path = folder / "scene.txt"
    return read_text(path).strip() if path.is_file() else ""


def read_polygons(root: Path, name: str) -> list[Polygon] | None:
    """Read the polygons that people drew over a frame, or None where nobody did.

    Stray backslashes, which some of the official files hold, are taken out.

    Raises:
        InputError: the annotation cannot be read; the message has its path.
    """
    path = root / name / "annotation2Dfinal" / "index.json"
    return parse_polygons(read_json(path, mend=True), str(path)) if path.is_file() else None


def read_pixels(
    root: Path,
    record: FrameRecord,
    depth_source: DepthSource | None,
    label: np.ndarray | None,
    source: str,
    problems: tuple[Problem, ...] = (),
) -> Frame:
    """Read a frame's images.

    Args:
        root: the folder SUNRGBD/.
        record: what is known of the frame.
        depth_source: which of the two depths; the other one where that is not there. None opens neither.
        label: its ground truth, or None.
        source: what the frame is to say of its origin, before the depth that was taken.
        problems: what could not be read besides the record's.

    Raises:
        InputError: an image cannot be read, or the label has another size; the message has the path.
    """
    choice = record.depth_bfx if depth_source == "depth_bfx" else record.depth
    chosen = None if depth_source is None else choice or record.depth or record.depth_bfx
    at = root / (chosen or record.rgb)
    depth = reading = measured = None
    try:
        if chosen is not None:
            depth, reading = _read_sunrgbd_depth(at)
        if chosen is not None and chosen == record.depth_bfx and record.depth is not None:
            at = root / record.depth
            measured = _read_sunrgbd_depth(at)[0] > 0
        at = root / record.rgb
        rgb = read_rgb(at)
        at = root / record.name
        if measured is not None and measured.shape != rgb.shape[:2]:
            measured = None  # of another size than the image: what was measured is then not known by pixel
        return Frame(
            rgb=rgb,
            depth=depth,
            label=label,
            intrinsics=record.intrinsics,
            boxes=record.boxes,
            name=record.name,
            source=f"{source}, {_depth_name(record, chosen)}",
            sensor=record.sensor,
            scene=record.scene,
            sequence=record.sequence,
            measured=measured,
            depth_reading=reading,
            problems=(*record.problems, *problems),
        )
    except InputError as error:
        raise InputError(f"{at}: {error}") from error


def _depth_name(record: FrameRecord, chosen: str | None) -> str:
    return "no depth" if chosen is None else "depth_bfx" if chosen == record.depth_bfx else "depth"


def _read_sunrgbd_depth(path: Path) -> tuple[np.ndarray, DepthReading]:
    """Read depth in the data set's own encoding."""
    return read_depth(path, "sunrgbd")


def _read_boxes(folder: Path) -> tuple[OrientedBox, ...] | None:
    path = folder / "annotation3Dfinal" / "index.json"
    if not path.is_file():
        return None
    described = read_json(path, mend=True)
    # The annotation names the extrinsics it was drawn with; a frame may have several.
    named = described.get("extrinsics") if isinstance(described, dict) else None
    files = sorted((folder / "extrinsics").glob("*.txt"))
    named_file = next((file for file in files if file.name == named), files[-1] if files else None)
    if named_file is None:
        raise InputError(f"{folder}/extrinsics: no file there, so its boxes cannot be placed. Unpack it again.")
    return parse_boxes(described, _read_numbers(named_file, 12).reshape(3, 4)[:, :3], str(path))


def _read_numbers(path: Path, count: int) -> np.ndarray:
    """float64 (count,): the file's numbers, in however many lines they lie."""
    try:
        numbers = np.array(read_text(path).split(), np.float64)
    except ValueError as error:
        raise InputError(f"{path} cannot be read ({error}). Expected {count} numbers.") from error
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise InputError(f"{path} holds {len(numbers)} numbers; expected {count}.")
    return numbers


def _only_image(folder: Path, root: Path) -> str | None:
    if not folder.is_dir():
        return None
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGES and not left_behind(path.name))
    return files[0].relative_to(root).as_posix() if files else None
