"""Image files: opened in bounded size, and turned upright by their EXIF orientation."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError

from deresunet.data.arrays import MAX_PIXELS, check_pixels, reading
from deresunet.errors import InputError

PathLike = str | os.PathLike[str]

RGB_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "BMP", "TIFF")
GREY_FORMATS = ("PNG", "TIFF", "BMP")
RGB_EXPECTED = "an RGB image as PNG, JPEG, WebP, AVIF, HEIC, BMP or TIFF"
_ORIENTATION_TAG = 0x0112
# What turns an image upright, by its EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_rgb(path: PathLike) -> np.ndarray:
    """Read a colour image as uint8 (H, W, 3), turned upright by its EXIF orientation.

    Raises:
        InputError: the file is missing, no image, damaged, too large, or a greyscale of more than 8 bits.

    Example:
        >>> from deresunet.data.folder import SAMPLES_DIR
        >>> read_rgb(SAMPLES_DIR / "rgb" / "0001.jpg").shape
        (480, 640, 3)
    """
    return read_oriented_rgb(path)[0]


def read_oriented_rgb(path: PathLike) -> tuple[np.ndarray, int]:
    """Read a colour image upright, uint8 (H, W, 3), and the EXIF orientation 1..8 that it was stored in.

    Raises:
        InputError: as `read_rgb`.
    """
    with open_image(path, RGB_FORMATS, RGB_EXPECTED) as image, reading(path, RGB_EXPECTED):
        if image.mode.startswith(("I", "F")):
            raise InputError(
                f"{Path(path).name} is a greyscale image of more than 8 bits, which looks like depth. "
                "Give it as depth, and an RGB image as RGB."
            )
        orientation = orientation_of(image)
        turned = image.transpose(_TURNS[orientation]) if orientation in _TURNS else image
        return np.array(turned.convert("RGB")), orientation


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation of an image, 1..8; 1 where it has none, or a damaged one."""
    try:
        orientation = int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a damaged eXIf chunk makes Pillow raise SyntaxError, struct.error and others
        return 1
    return orientation if orientation in _TURNS else 1


def turn(array: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an array (H, W) or (H, W, C) upright, as an image of this EXIF orientation is.

    >>> turn(np.array([[1, 2, 3]]), 3), turn(np.array([[1, 2, 3]]), 6)
    (array([[3, 2, 1]]), array([[1],
           [2],
           [3]]))
    """
    axes = array.swapaxes(0, 1) if orientation >= 5 else array
    flips = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}.get(orientation, ())
    return np.ascontiguousarray(np.flip(axes, flips))


def open_image(path: PathLike, formats: tuple[str, ...], expected: str) -> Image.Image:
    """Open and decode an image of bounded size.

    Args:
        path: the file.
        formats: names of Pillow's that are taken.
        expected: what to give, for the error's message.

    Raises:
        InputError: the file is missing, empty, no image of these formats, damaged, or too large.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Expected {expected}.")
    with reading(path, expected):
        if path.stat().st_size == 0:
            raise InputError(f"{path.name} is empty. Expected {expected}.")
        try:
            with warnings.catch_warnings():
                # Pillow's own warning about large images; the bound below is stricter and says what to do.
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                pillow_heif.register_heif_opener()  # phones take pictures as HEIC
                image = Image.open(path, formats=formats)
            check_pixels(path.name, image.width, image.height)
            image.load()
        except Image.DecompressionBombError as error:
            raise InputError(
                f"{path.name} is far too large ({error}); expected at most {MAX_PIXELS:,} pixels."
            ) from error
        except UnidentifiedImageError as error:
            raise InputError(f"{path.name} is not an image that can be read. Expected {expected}.") from error
        except (OSError, SyntaxError) as error:
            raise InputError(f"{path.name} is damaged or truncated ({error}). Expected {expected}.") from error
        return image
    raise AssertionError("unreachable")


def image_size(path: PathLike) -> tuple[int, int]:
    """Height and width of an RGB image, from its header alone, before it is turned.

    Raises:
        InputError: the file is missing or no image.
    """
    pillow_heif.register_heif_opener()
    with reading(path, RGB_EXPECTED), Image.open(path, formats=RGB_FORMATS) as image:
        return image.height, image.width
    raise AssertionError("unreachable")
