"""Single files -> Frame. Whatever is wrong with a file becomes an `InputError` that says what to give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deresunet.classes import ClassSet
from deresunet.data.arrays import MAX_PIXELS, read_exr, read_npy, read_npz, read_pgm
from deresunet.data.depth import DepthReading, decode_depth, same_view
from deresunet.data.depth_unit_choice import Kind, UnitChoice
from deresunet.data.depth_units import Unit
from deresunet.data.frame import Frame, OrientedBox, Problem
from deresunet.data.hdf5 import read_hdf5
from deresunet.data.images import RGB_FORMATS, PathLike, open_image, read_rgb_image, turn
from deresunet.data.intrinsics import parse_intrinsics, resized, turned
from deresunet.data.label_tools import named_format
from deresunet.data.labels import LabelFormat, interpolation_warning
from deresunet.errors import InputError

RGB_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif")
DEPTH_SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".npz", ".pgm", ".pfm", ".exr", ".hdf5", ".h5")
LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".npz", ".bmp", ".hdf5", ".h5", ".json")
_DEPTH_EXPECTED = "depth as PNG, TIFF or PGM of 16 bits, or floats as TIFF, NPY, NPZ or EXR"


@dataclass(frozen=True)
class FileOptions:
    """How files are to be understood.

    Attributes:
        depth_unit: "auto", a name of `UNITS`, or stored values per metre.
        depth_key: name of depth's array in an NPZ file, or of its channel in an EXR file; None where it has one.
        labels: what the values of label files mean.
        choices: units that were recognised for a whole folder.
        max_rgb_pixels: most pixels of RGB; a larger image is reduced while it is read.
    """

    depth_unit: Unit = "auto"
    depth_key: str | None = None
    labels: LabelFormat = field(default_factory=LabelFormat)
    choices: Mapping[Kind, UnitChoice] | None = None
    max_rgb_pixels: int = MAX_PIXELS


def read_depth(path: PathLike, unit: Unit = "auto", key: str | None = None) -> tuple[np.ndarray, DepthReading]:
    """Read depth from a file of any suffix in `DEPTH_SUFFIXES`.

    Args:
        path: the file.
        unit: "auto", a name of `UNITS`, or stored values per metre.
        key: name of the array in an NPZ file or of the channel in an EXR file, where it has several.

    Returns:
        float32 (H, W) [m], 0 where missing, and how it was understood.

    Raises:
        InputError: the file is missing, damaged, too large, or not depth; see `decode_depth`.

    Example:
        >>> from deresunet.data.folder import SAMPLES_DIR
        >>> metres, reading = read_depth(SAMPLES_DIR / "depth" / "0001.png")
        >>> metres.shape, reading.unit, reading.warnings
        ((480, 640), 'mm', ())
    """
    return _decoded(path, read_stored_depth(path, key), FileOptions(unit))


def read_stored_depth(path: PathLike, key: str | None = None) -> np.ndarray:
    """Read the values of a depth file as they lie there. Raises `InputError` for a file that cannot be read."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return read_npy(path)
    if suffix == ".npz":
        return read_npz(path, key)
    if suffix in (".hdf5", ".h5"):
        return read_hdf5(path, key)
    if suffix == ".exr":
        return read_exr(path, key)
    if suffix == ".pgm":
        return read_pgm(path)
    # Any image is opened, so that one in colours is told what is wrong with it.
    with open_image(path, (*RGB_FORMATS, "PPM"), _DEPTH_EXPECTED) as image:
        if image.mode == "P":
            image = image.convert("RGB")  # noqa: PLW2901 - a palette makes it a colour map of depth
        return np.asarray(image)


def read_frame(
    rgb: PathLike | None = None,
    depth: PathLike | None = None,
    label: PathLike | None = None,
    depth_unit: Unit = "auto",
    label_set: ClassSet | str | None = None,
    *,
    classes: ClassSet | str | None = None,
    label_offset: int | None = None,
    void: int | None = None,
    intrinsics: Any = None,
    depth_key: str | None = None,
    max_rgb_pixels: int = MAX_PIXELS,
) -> Frame:
    """Read a frame from single files; any may be left out, RGB and depth not both.

    Args:
        rgb: PNG, JPEG, WebP, AVIF, HEIC, BMP or TIFF.
        depth: a file of any suffix in `DEPTH_SUFFIXES`.
        label: class numbers as PNG, TIFF or NPY of one channel.
        depth_unit: "auto", a name of `deresunet.data.depth_units.UNITS`, or stored values per metre.
        label_set: names the classes that the label's values count: a set, a built-in one's name, or a file of names;
            None takes `classes`, and NYU's 40 for the 37 and the 13.
        classes: classes of the ground truth; None takes the label set's, and the 37 for NYU's 40.
        label_offset: 1 for labels that count from 0.
        void: value of unlabelled pixels, 0 or 255.
        intrinsics: any form that `parse_intrinsics` takes.
        depth_key: name of depth's array in an NPZ file, or of its channel in an EXR file.
        max_rgb_pixels: most pixels of RGB; a larger image is reduced while it is read, and intrinsics with it.

    Returns:
        The frame; `frame.depth_reading` says how depth was understood, and `frame.problems` what looks wrong.

    Raises:
        InputError: a file cannot be used, or the files do not fit together.

    Example:
        >>> from deresunet.data.folder import SAMPLES_DIR
        >>> frame = read_frame(SAMPLES_DIR / "rgb/0001.jpg", SAMPLES_DIR / "depth/0001.png")
        >>> frame.size, frame.depth_reading.unit
        ((480, 640), 'mm')
    """
    named = rgb if rgb is not None else depth
    labels = None
    if label is not None and label_set is None and label_offset is None:
        labels = named_format([Path(label)], Path(label).parent.parent, classes)
    return frame_of_files(
        rgb,
        depth,
        label,
        FileOptions(
            depth_unit,
            depth_key,
            labels or LabelFormat.choose(label_set, label_offset, void, classes),
            max_rgb_pixels=max_rgb_pixels,
        ),
        intrinsics=None if intrinsics is None else parse_intrinsics(intrinsics, "intrinsics"),
        name=Path(named).stem if named is not None else "frame",
        source="files",
    )


def frame_of_files(
    rgb: PathLike | None,
    depth: PathLike | None,
    label: PathLike | None,
    options: FileOptions,
    *,
    intrinsics: np.ndarray | None = None,
    boxes: tuple[OrientedBox, ...] | None = None,
    problems: tuple[Problem, ...] = (),
    name: str = "frame",
    source: str = "",
    sensor: str = "",
    scene: str = "",
    sequence: str = "",
) -> Frame:
    """Read a frame from its files; depth and label are turned with RGB where its EXIF orientation turns it.

    Args:
        rgb: image, or None.
        depth: depth file, or None.
        label: label file, or None.
        options: how the files are to be understood.
        intrinsics: float64 (3, 3) [px] of the image as stored, or None.
        boxes: 3D boxes in the camera's frame, or None.
        problems: what was found wrong before.
        name: see `Frame`, as are the others.
        source: where it comes from.
        sensor: camera.
        scene: room type.
        sequence: recording.

    Raises:
        InputError: a file cannot be used, or the files do not fit together.
    """
    image = None if rgb is None else read_rgb_image(rgb, options.max_rgb_pixels)
    stored = None if depth is None else read_stored_depth(depth, options.depth_key)
    values = None if label is None else options.labels.stored(label)
    if image is not None:
        problems = (*problems, *(Problem(*note) for note in image.notes))
        size = image.stored_size
        upright = size if image.orientation < 5 else (size[1], size[0])
        if image.orientation != 1:
            assert rgb is not None
            where = f"{Path(rgb).name} carries the EXIF orientation {image.orientation}"
            stored = _turned_alike(stored, "depth", image.orientation, size, upright, where)
            values = _turned_alike(values, "the label", image.orientation, size, upright, where)
            if intrinsics is not None:
                intrinsics = turned(intrinsics, image.orientation, size)
            boxes = None  # in a frame of another orientation
        if intrinsics is not None and image.pixels.shape[:2] != upright:
            intrinsics = resized(intrinsics, upright, image.pixels.shape[:2])
    metres, reading = (None, None) if stored is None or depth is None else _decoded(depth, stored, options)
    truth = None if values is None or label is None else options.labels.decode(values, Path(label).name)
    warning = "" if truth is None else interpolation_warning(truth)
    if warning:
        problems = (*problems, Problem("label interpolated", warning))
    return Frame(
        rgb=None if image is None else image.pixels,
        depth=metres,
        label=truth,
        intrinsics=intrinsics,
        boxes=boxes,
        depth_reading=reading,
        problems=problems,
        name=name,
        source=source,
        sensor=sensor,
        scene=scene,
        sequence=sequence,
        class_set=options.labels.class_set,
    )


def _decoded(path: PathLike, stored: np.ndarray, options: FileOptions) -> tuple[np.ndarray, DepthReading]:
    name = Path(path).name
    try:
        return decode_depth(stored, options.depth_unit, options.choices)
    except InputError as error:
        raise InputError(str(error) if name in str(error) else f"{name}: {error}") from error


def _turned_alike(
    array: np.ndarray | None, what: str, orientation: int, size: tuple[int, int], upright: tuple[int, int], where: str
) -> np.ndarray | None:
    """Depth or label turned as RGB is, where its size says that it lies as RGB is stored.

    Args:
        array: (H, W), or None.
        what: "depth" or "the label", for the error's message.
        orientation: EXIF's, of RGB.
        size: height and width of RGB as stored.
        upright: height and width of RGB upright.
        where: what carries the orientation, for the error's message.

    Raises:
        InputError: its size fits both.
    """
    if array is None or array.ndim != 2:
        return array
    if not same_view(array.shape, size):
        return array
    if same_view(array.shape, upright):
        raise InputError(
            f"{where}, which turns it, and {what} carries none; the sizes do not say whether {what} lies as RGB is "
            "stored or upright. Save RGB with its pixels turned and without the tag (mogrify -auto-orient FILE), or "
            f"take the tag away where {what} lies as RGB is stored (exiftool -Orientation= FILE)."
        )
    return turn(array, orientation)
