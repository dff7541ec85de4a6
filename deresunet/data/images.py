"""Image files: opened in bounded size, and turned upright by their EXIF orientation."""

from __future__ import annotations

import math
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from deresunet.data.arrays import MAX_PIXELS, check_pixels, reading
from deresunet.errors import InputError

PathLike = str | os.PathLike[str]

RGB_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "BMP", "TIFF")
GREY_FORMATS = ("PNG", "TIFF", "BMP")
RGB_EXPECTED = "an RGB image as PNG, JPEG, WebP, AVIF, HEIC, BMP or TIFF"
# Photographs of phones have up to 108 megapixels. JPEG is reduced while it is decoded, so that no more than the reduced
# picture lies in memory; other formats are decoded whole and keep to MAX_PIXELS.
MAX_JPEG_PIXELS = 1 << 27
_JPEG_SCALES = (1, 2, 4, 8)
# Depths of cameras that write 16 bits: values up to one of these are taken for that number of bits.
_DEEP_BITS = (8, 10, 12, 14)
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


@dataclass(frozen=True)
class RgbImage:
    """A colour image as it was read.

    Attributes:
        pixels: uint8 (H, W, 3), upright.
        orientation: EXIF orientation 1..8 that it was stored in.
        stored_size: height and width as stored: before it was turned, and before it was reduced.
        notes: what was done to it, as kind and sentence.
    """

    pixels: np.ndarray
    orientation: int
    stored_size: tuple[int, int]
    notes: tuple[tuple[str, str], ...] = ()


def read_rgb(path: PathLike) -> np.ndarray:
    """Read a colour image as uint8 (H, W, 3), turned upright by its EXIF orientation.

    Raises:
        InputError: the file is missing, no image, damaged, too large, or a greyscale of more than 8 bits.

    Example:
        >>> from deresunet.data.folder import SAMPLES_DIR
        >>> read_rgb(SAMPLES_DIR / "rgb" / "0001.jpg").shape
        (480, 640, 3)
    """
    return read_rgb_image(path).pixels


def read_rgb_image(path: PathLike, max_pixels: int = MAX_PIXELS) -> RgbImage:
    """Read a colour image, and how it was brought to 8 bits and an upright picture of bounded size.

    Args:
        path: the file.
        max_pixels: most pixels; a larger image is reduced.

    Raises:
        InputError: as `read_rgb`.
    """
    name = Path(path).name
    notes = []
    with open_image(path, RGB_FORMATS, RGB_EXPECTED, max_pixels) as image, reading(path, RGB_EXPECTED):
        if image.mode.startswith(("I", "F")):
            raise InputError(
                f"{name} is a greyscale image of more than 8 bits, which looks like depth. "
                "Give it as depth, and an RGB image as RGB."
            )
        width, height = image.info["stored_size"]
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        deep = _read_deep(path, rgb)
        if deep is not None:
            rgb, bits, highest = deep
            said = f"{name} holds 16 bits a channel with values to {highest:,}: it is taken to have {bits} bits"
            notes.append((f"RGB of {bits} bits", f"{said}, and scaled to 8."))
        factor = math.isqrt(-(-rgb.width * rgb.height // max_pixels) - 1) + 1
        if factor > 1:
            rgb = rgb.reduce(factor)
        if rgb.size != (width, height):
            reduced = f"{name}, {width} x {height}, was reduced to {rgb.width} x {rgb.height} while it was read."
            notes.append(("RGB reduced", reduced))
        orientation = orientation_of(image)
        turned = rgb.transpose(_TURNS[orientation]) if orientation in _TURNS else rgb
        return RgbImage(np.array(turned), orientation, (height, width), tuple(notes))
    raise AssertionError("unreachable")


def _read_deep(path: PathLike, rgb: Image.Image) -> tuple[Image.Image, int, int] | None:
    """8 bits of an image of 8 to 14 bits in 16, with its number of bits and highest value; None for any other.

    Pillow keeps the upper 8 of 16 bits, which leaves nearly black of 10 bits in 16.

    Args:
        path: the file.
        rgb: what Pillow made of it.
    """
    upper = np.asarray(rgb)
    if upper.max(initial=0) >= 1 << (_DEEP_BITS[-1] - 8):
        return None
    with Image.open(path, formats=RGB_FORMATS) as image:
        # Read in the other order of bytes, the upper byte of each pair is the lower one.
        other = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
        tiles = []
        for tile in image.tile:
            arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
            mode, *rest = arguments
            if not isinstance(mode, str) or not mode.startswith(("RGB;16", "RGBA;16", "RGBX;16")):
                return None
            swapped = mode[:-1] + other[mode[-1]]
            tiles.append(tile._replace(args=(swapped, *rest) if isinstance(tile.args, tuple) else swapped))
        if not tiles:
            return None
        image.tile = tiles
        lower = np.asarray(image.convert("RGB"))
    values = upper.astype(np.uint16) << 8 | lower
    highest = int(values.max())
    bits = next(bits for bits in _DEEP_BITS if highest < 1 << bits)
    return Image.fromarray((values >> (bits - 8)).astype(np.uint8)), bits, highest


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


def open_image(path: PathLike, formats: tuple[str, ...], expected: str, reduced_to: int | None = None) -> Image.Image:
    """Open and decode an image of bounded size; `info["stored_size"]` holds its width and height as stored.

    Args:
        path: the file.
        formats: names of Pillow's that are taken.
        expected: what to give, for the error's message.
        reduced_to: number of pixels that a JPEG is reduced to about, while it is decoded; None decodes it whole.

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
            size = image.size
            if reduced_to is not None and isinstance(image, JpegImageFile):
                check_pixels(path.name, *size, MAX_JPEG_PIXELS)
                scale = next((s for s in _JPEG_SCALES if size[0] * size[1] <= reduced_to * s * s), _JPEG_SCALES[-1])
                image.draft(image.mode, (size[0] // scale, size[1] // scale))
            else:
                check_pixels(path.name, *size)
            image.load()
            image.info["stored_size"] = size
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


def image_size(path: PathLike, upright: bool = False) -> tuple[int, int]:
    """Height and width of an RGB image, from its header alone.

    Args:
        path: the file.
        upright: as its EXIF orientation turns it, and not as it is stored.

    Raises:
        InputError: the file is missing or no image.
    """
    pillow_heif.register_heif_opener()
    with reading(path, RGB_EXPECTED), Image.open(path, formats=RGB_FORMATS) as image:
        size = image.height, image.width
        return size[::-1] if upright and orientation_of(image) >= 5 else size
    raise AssertionError("unreachable")
