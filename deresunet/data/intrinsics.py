"""Intrinsics of a camera in the forms in which people have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deresunet.data.text_files import read_json, read_text
from deresunet.errors import InputError

EXPECTED = (
    "Expected fx,fy,cx,cy in pixels, a 3x3 matrix [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], or an object with fx, fy and "
    "cx, cy (or ppx, ppy)"
)
_NAMES = {
    "fx": ("fx", "f_x", "fx_color", "focal_x", "f"),
    "fy": ("fy", "f_y", "fy_color", "focal_y", "fx", "f"),
    "cx": ("cx", "c_x", "ppx", "mx_color", "principal_x"),
    "cy": ("cy", "c_y", "ppy", "my_color", "principal_y"),
}


def parse_intrinsics(given: Any, where: str = "--intrinsics") -> np.ndarray:
    """Intrinsics float64 (3, 3) [px] of text, a list, a matrix or an object.

    Args:
        given: "fx,fy,cx,cy", four or nine numbers (nine row by row, or column by column as OpenGL and ROS-free tools
            write them), a 3x3 or 4x4 matrix, or an object as EXPECTED says.
        where: what holds them, for the error's message.

    >>> parse_intrinsics("525, 525, 319.5, 239.5")[0]
    array([525. ,   0. , 319.5])
    >>> parse_intrinsics({"fx": 525, "fy": 525, "ppx": 319.5, "ppy": 239.5})[1, 2]
    np.float64(239.5)

    Raises:
        InputError: they are in no such form, or no camera's.
    """
    try:
        return _checked(_matrix(given))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        shown = repr(given)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        raise InputError(f"{where}: the intrinsics {shown} cannot be used ({error}). {EXPECTED}.") from error


def read_intrinsics(given: Path | str) -> np.ndarray:
    """Intrinsics float64 (3, 3) [px] of a file of JSON or numbers, or of text. Raises `InputError` as above."""
    if isinstance(given, str):
        return parse_intrinsics(given, "intrinsics")
    text = read_text(given).strip()
    return parse_intrinsics(read_json(given) if text.startswith("{") else " ".join(text.split()), str(given))


def _matrix(given: Any) -> np.ndarray:
    if isinstance(given, Mapping):
        for key in ("intrinsics", "camera", "K", "k", "camera_matrix", "intrinsic_matrix", "cam_K", "data"):
            if key in given:
                return _matrix(given[key])
        missing = [name for name, keys in _NAMES.items() if not any(key in given for key in keys)]
        if missing:
            raise ValueError(f"no {', '.join(missing)}")
        fx, fy, cx, cy = (float(next(given[key] for key in keys if key in given)) for keys in _NAMES.values())
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)
    if isinstance(given, str):
        given = [float(piece) for piece in given.strip("[]() \n").replace(";", ",").replace(",", " ").split()]
    if not isinstance(given, Sequence | np.ndarray):
        raise TypeError(f"{type(given).__name__} is no form of them")
    numbers = np.array(given, np.float64)
    if numbers.shape == (4,):
        fx, fy, cx, cy = numbers
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    if numbers.shape in ((9,), (16,)):
        side = 3 if numbers.size == 9 else 4
        numbers = numbers.reshape(side, side)
    if numbers.shape in ((4, 4), (3, 4)):
        numbers = numbers[:3, :3]
    if numbers.shape != (3, 3):
        raise ValueError(f"{numbers.shape} numbers")
    if numbers[0, 2] == 0 and numbers[2, 0] > 0:
        numbers = numbers.T  # written column by column
    return numbers


def _checked(matrix: np.ndarray) -> np.ndarray:
    if not np.isfinite(matrix).all():
        raise ValueError("not all are finite")
    matrix = matrix.copy()
    matrix[1, 1] = abs(matrix[1, 1])  # ICL-NUIM and renderers turn the y axis
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise ValueError("focal lengths are not positive")
    if not 0.2 <= matrix[0, 0] / matrix[1, 1] <= 5 or matrix[0, 0] < 2:
        raise ValueError("focal lengths in pixels are hundreds, and of one magnitude")
    if not np.allclose(matrix[2], (0, 0, 1)) or abs(matrix[1, 0]) > 1e-6:
        raise ValueError("the last row is not 0 0 1")
    return matrix


def resized(intrinsics: np.ndarray, size: tuple[int, int], new_size: tuple[int, int]) -> np.ndarray:
    """Intrinsics of an image that was resized.

    Args:
        intrinsics: float64 (3, 3) [px].
        size: height and width before.
        new_size: height and width after.

    >>> resized(np.array([[1000.0, 0, 999.5], [0, 1000, 499.5], [0, 0, 1]]), (1000, 2000), (500, 1000))[0].tolist()
    [500.0, 0.0, 499.5]
    """
    y, x = (after / before for before, after in zip(size, new_size, strict=True))
    # The centre of the first pixel is at 0, its edge at -0.5.
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]]) @ intrinsics


def turned(intrinsics: np.ndarray, orientation: int, size: tuple[int, int]) -> np.ndarray | None:
    """Intrinsics of an image that was turned upright by its EXIF orientation; None for a mirrored one.

    Args:
        intrinsics: float64 (3, 3) [px] of the image as stored.
        orientation: EXIF's, 1..8.
        size: height and width as stored.
    """
    (fx, _, cx), (_, fy, cy) = intrinsics[0], intrinsics[1]
    height, width = size
    found = {
        1: (fx, fy, cx, cy),
        3: (fx, fy, width - 1 - cx, height - 1 - cy),
        6: (fy, fx, height - 1 - cy, cx),
        8: (fy, fx, cy, width - 1 - cx),
    }.get(orientation)
    if found is None:
        return None
    fx, fy, cx, cy = found
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)


def scaled(intrinsics: Sequence[float], width: int) -> np.ndarray:
    """Matrix (3, 3) [px] at another width; `intrinsics` are fx, fy, cx, cy and the width that they are for [px].

    >>> scaled((886.81, 886.81, 511.5, 383.5, 1024), 512)[0]
    array([443.405,   0.   , 255.5  ])
    """
    fx, fy, cx, cy, own = intrinsics
    scale = width / own
    return np.array([[fx * scale, 0, (cx + 0.5) * scale - 0.5], [0, fy * scale, (cy + 0.5) * scale - 0.5], [0, 0, 1]])
