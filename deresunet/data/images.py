"""Single files -> arrays -> Frame. Whatever is wrong with a file becomes an `InputError` that says what to give."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from deresunet.classes import LABEL_SETS, NUM_CLASSES, LabelSet
from deresunet.data.depth import DepthEncoding, DepthReading, decode_depth
from deresunet.data.frame import Frame
from deresunet.errors import InputError

PathLike = str | os.PathLike[str]

# 64 megapixels: twice what the network promises (4096x4096), and a bound on memory whatever a header claims.
MAX_PIXELS = 1 << 26
RGB_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
GREY_FORMATS = ("PNG", "TIFF")


def read_rgb(path: PathLike) -> np.ndarray:
    """Colour image as uint8 (H, W, 3), turned upright by its EXIF orientation.

    Raises:
        InputError: the file is missing, no image, damaged, too large, or a greyscale of more than 8 bits.
    """
    with _open_image(path, RGB_FORMATS, "an RGB image as PNG, JPEG, WebP, BMP or TIFF") as image:
        if image.mode.startswith(("I", "F")):
            raise InputError(
                f"{Path(path).name} is a greyscale image of more than 8 bits, which looks like depth. "
                "Give it as depth, and an RGB image as RGB."
            )
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def read_depth(path: PathLike, encoding: DepthEncoding = "auto") -> DepthReading:
    """Depth from a 16-bit PNG, a TIFF or an NPY file.

    Raises:
        InputError: the file is missing, damaged, too large, or not depth; see `decode_depth`.
    """
    name = Path(path).name
    try:
        if Path(path).suffix.lower() == ".npy":
            stored = _read_npy(path)
        else:
            # Any image is opened, so that one in colours is told what is wrong with it.
            with _open_image(path, RGB_FORMATS, "depth as 16-bit PNG, TIFF or NPY") as image:
                stored = np.asarray(image)
        return decode_depth(stored, encoding)
    except InputError as error:
        raise InputError(str(error) if name in str(error) else f"{name}: {error}") from error


def read_label(path: PathLike, label_set: LabelSet = "nyu40") -> np.ndarray:
    """Ground truth as uint8 (H, W): 0 = void, 1..37.

    Args:
        path: PNG or TIFF of one channel whose values are class numbers (of a palette image, the indices).
        label_set: "sunrgbd37" (0..37) or "nyu40" (0..40; 38..40 become void). The second reads the first, too.

    Raises:
        InputError: the file is missing, damaged, too large, in colours, or has values outside the set.
    """
    name = Path(path).name
    highest = LABEL_SETS[label_set]
    with _open_image(path, GREY_FORMATS, f"class numbers 0..{highest} as PNG or TIFF") as image:
        stored = np.asarray(image)
    if stored.ndim != 2 or not np.issubdtype(stored.dtype, np.integer):
        raise InputError(
            f"{name}: a ground truth in colours cannot be read. "
            f"Give one channel of class numbers, 0 for void and 1..{highest}."
        )
    if stored.min() < 0 or stored.max() > highest:
        raise InputError(
            f"{name}: the ground truth has the value {stored.min() if stored.min() < 0 else stored.max()}; "
            f"expected 0 for void and 1..{highest} ({label_set})."
        )
    label = stored.astype(np.uint8)
    label[label > NUM_CLASSES] = 0
    return label


def read_frame(
    rgb: PathLike | None = None,
    depth: PathLike | None = None,
    label: PathLike | None = None,
    depth_encoding: DepthEncoding = "auto",
    label_set: LabelSet = "nyu40",
) -> Frame:
    """A frame from single files; any may be left out, RGB and depth not both.

    Raises:
        InputError: a file cannot be used, or the files do not fit together.
    """
    named = rgb if rgb is not None else depth
    return Frame(
        rgb=None if rgb is None else read_rgb(rgb),
        depth=None if depth is None else read_depth(depth, depth_encoding).metres,
        label=None if label is None else read_label(label, label_set),
        name=Path(named).stem if named is not None else "frame",
        source="files",
    )


def _open_image(path: PathLike, formats: tuple[str, ...], expected: str) -> Image.Image:
    """A decoded image of bounded size."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Expected {expected}.")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty. Expected {expected}.")
    try:
        with warnings.catch_warnings():
            # Pillow's own warning about large images; the bound below is stricter and says what to do.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=formats)
        _check_pixels(path.name, image.width, image.height)
        image.load()
    except Image.DecompressionBombError as error:
        raise InputError(f"{path.name} is far too large ({error}); expected at most {MAX_PIXELS:,} pixels.") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path.name} is not an image that can be read. Expected {expected}.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name} is damaged or truncated ({error}). Expected {expected}.") from error
    return image


def _read_npy(path: PathLike) -> np.ndarray:
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Expected depth as NPY.")
    try:
        # Mapped, so that the header's size is checked before anything is read; pickled objects are refused.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path.name} is not an NPY file of numbers ({error}).") from error
    if mapped.ndim < 2:
        raise InputError(f"{path.name} has the shape {mapped.shape}; expected (H, W).")
    _check_pixels(path.name, int(mapped.shape[1]), int(mapped.shape[0]))
    return np.array(mapped)


def _check_pixels(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name} is {width}x{height}, {width * height:,} pixels; expected at most {MAX_PIXELS:,}. Scale it down."
        )


def image_size(path: PathLike) -> tuple[int, int]:
    """Height and width of an RGB image, from its header alone.

    Raises:
        InputError: the file is missing or no image.
    """
    try:
        with Image.open(path, formats=RGB_FORMATS) as image:
            return image.height, image.width
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not an image that can be read ({error}).") from error
