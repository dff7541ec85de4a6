"""Arrays of numbers in files other than images: NPY, NPZ, PGM and OpenEXR, bounded before they are read."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from deresunet.errors import InputError, first_line

# 64 megapixels: twice what the network promises (4096x4096), and a bound on memory whatever a header claims.
MAX_PIXELS = 1 << 26
# A header of NumPy's is a hundred bytes; parsing a hostile one takes time and stack.
_MAX_HEADER = 4096


@contextmanager
def reading(path: str | os.PathLike[str], expected: str) -> Iterator[None]:
    """Turn whatever a library raises while it reads a user's file into an `InputError` that names file and reason.

    Args:
        path: the file.
        expected: what to give, for the message.
    """
    name = Path(path).name
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. Expected {expected}.") from error
    except Exception as error:  # libraries raise SyntaxError, MemoryError, RecursionError, struct.error and their own
        said = f"{type(error).__name__}: {first_line(error)}"
        raise InputError(f"{name} is damaged or cannot be read ({said}). Expected {expected}.") from error


def check_pixels(name: str, width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Raise `InputError` for an image of more than `most` pixels, or of none."""
    if width < 1 or height < 1:
        raise InputError(f"{name} is {width}x{height}; expected an image with pixels in it.")
    if width * height > most:
        raise InputError(
            f"{name} is {width}x{height}, {width * height:,} pixels; expected at most {most:,}. Scale it down."
        )


def squeeze(array: np.ndarray) -> np.ndarray:
    """(H, W) of (1, H, W), (H, W, 1) or (1, H, W, 1); other shapes come back as they are.

    >>> squeeze(np.zeros((1, 4, 5))).shape, squeeze(np.zeros((4, 5, 1))).shape, squeeze(np.zeros((4, 5, 3))).shape
    ((4, 5), (4, 5), (4, 5, 3))
    """
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    while array.ndim > 2 and array.shape[-1] == 1:
        array = array[..., 0]
    return array


def nearest(array: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """An array (h, w) at another size (H, W) by nearest neighbour: nothing is mixed.

    >>> nearest(np.array([[1, 2]]), (2, 4))
    array([[1, 1, 2, 2],
           [1, 1, 2, 2]])
    """
    if array.shape == size:
        return array
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp) for new, old in zip(size, array.shape, strict=True)
    )
    return array[rows[:, None], columns[None, :]]


def read_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """Array (H, W) of an NPY file. The header is checked against the bounds and the file's size before it is mapped.

    Raises:
        InputError: the file is missing, damaged, too large, or holds no real numbers of two dimensions.
    """
    path = Path(path)
    with reading(path, "an NPY file of numbers (H, W)"):
        with path.open("rb") as file:
            shape, fortran, dtype = _npy_header(file, path.name)
            start = file.tell()
        if start + int(np.prod(shape, dtype=object)) * dtype.itemsize > path.stat().st_size:
            raise InputError(f"{path.name} is cut short: its header says {shape} of {dtype}. Write it again.")
        mapped = np.memmap(path, dtype, "r", start, shape, order="F" if fortran else "C")
        return squeeze(np.array(mapped, order="C"))


def read_npz(path: str | os.PathLike[str], key: str | None = None) -> np.ndarray:
    """Array (H, W) of an NPZ file: the one called `key`, the only one, or the only one called depth or depths.

    Raises:
        InputError: the file is missing, damaged or too large, or which of its arrays is meant cannot be told.
    """
    path = Path(path)
    with reading(path, "an NPZ file with one array of numbers (H, W)"), zipfile.ZipFile(path) as packed:
        members = {info.filename.removesuffix(".npy"): info for info in packed.infolist()[:1000]}
        chosen = key if key is not None else _only(list(members))
        if chosen not in members:
            held = ", ".join(sorted(members)[:10])
            raise InputError(f"{path.name} holds {held or 'nothing'}; give the depth's name with --depth-key NAME.")
        info = members[chosen]
        with packed.open(info) as file:
            shape, fortran, dtype = _npy_header(file, f"{path.name}: {chosen}")
            wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
            content = file.read(wanted)
        if len(content) < wanted:
            raise InputError(f"{path.name}: {chosen} is cut short. Write it again.")
        array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
        return squeeze(np.array(array, order="C"))


def read_pgm(path: str | os.PathLike[str]) -> np.ndarray:
    """Array uint8 or uint16 (H, W) of a PGM file with its values as stored; Pillow would stretch them to 16 bits.

    Raises:
        InputError: the file is missing, damaged, too large, or another kind of PNM.
    """
    path = Path(path)
    with reading(path, "a binary PGM (P5) of 16 bits"), path.open("rb") as file:
        head = file.read(_MAX_HEADER)
        found = re.match(rb"P([0-9])(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)\s", head)
        if found is None or found[1] not in (b"5", b"2"):
            raise InputError(f"{path.name} is no greyscale PGM. Expected a binary PGM (P5) of 16 bits.")
        width, height, highest = (int(found[k]) for k in (2, 3, 4))
        check_pixels(path.name, width, height)
        dtype = np.dtype(">u2" if highest > 255 else "u1")
        file.seek(found.end())
        if found[1] == b"2":
            values = np.array(file.read(8 * width * height).split(), np.int64)
            return values.reshape(height, width).astype(dtype.newbyteorder("="))
        content = file.read(width * height * dtype.itemsize)
        return np.frombuffer(content, dtype).reshape(height, width).astype(dtype.newbyteorder("="))


def read_exr(path: str | os.PathLike[str], key: str | None = None) -> np.ndarray:
    """Array float (H, W) of an OpenEXR file: the channel `key`, the only one, or the one called Z, Y or depth.

    Raises:
        InputError: the file is missing, damaged or too large, or which of its channels is meant cannot be told.
    """
    path = Path(path)
    try:
        import OpenEXR  # noqa: PLC0415 - few need it
    except ImportError as error:
        raise InputError(
            f"{path.name}: EXR files need OpenEXR, not installed here. Run: pip install OpenEXR"
        ) from error
    with reading(path, "an OpenEXR file with one channel"):
        if not path.is_file():
            raise FileNotFoundError(path)
        with OpenEXR.File(str(path), header_only=True) as file:
            low, high = file.header()["dataWindow"]
            check_pixels(path.name, int(high[0]) - int(low[0]) + 1, int(high[1]) - int(low[1]) + 1)
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: channel.pixels for name, channel in file.channels().items()}
            chosen = key if key is not None else _only(list(channels))
            # Many writers repeat one grey value in three channels.
            grey = {"R", "G", "B"} <= set(channels) and all(
                np.array_equal(channels["R"], channels[name], equal_nan=True) for name in "GB"
            )
            chosen = "R" if chosen is None and grey else chosen
            if chosen not in channels:
                held = ", ".join(sorted(channels)[:10])
                raise InputError(f"{path.name} holds the channels {held}; give depth's with --depth-key NAME.")
            return squeeze(np.array(channels[chosen]))


def _npy_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of the array that follows; `InputError` unless it is depth's in shape and size."""
    version = np.lib.format.read_magic(file)
    width = 2 if version == (1, 0) else 4
    length = file.read(width)
    header = file.read(min(int.from_bytes(length, "little"), _MAX_HEADER))
    described = re.match(rb"\s*\{[^{}]*\}\s*$", header)
    descr = re.search(rb"'descr':\s*'([<>|=]?[a-z]\d)'", header)
    order = re.search(rb"'fortran_order':\s*(True|False)", header)
    sides = re.search(rb"'shape':\s*\(([\d\s,]{0,80})\)", header)
    if described is None or descr is None or order is None or sides is None:
        raise InputError(f"{name} is not an NPY file of numbers (H, W). Objects, text and structures are not read.")
    dtype = np.dtype(descr[1].decode())
    if dtype.kind not in "iuf" or not 1 <= dtype.itemsize <= 8:
        raise InputError(f"{name} is not an NPY file of numbers: it holds {dtype}. Expected integers or floats.")
    shape = tuple(int(side) for side in sides[1].split(b",") if side.strip())
    large = [side for side in shape if side != 1]
    if not 2 <= len(shape) <= 4 or len(large) > 3 or (len(large) == 3 and large[-1] not in (2, 3, 4)):
        raise InputError(f"{name} has the shape {shape}; expected (H, W), (1, H, W) or (H, W, 1).")
    rows, columns = (*large, 1, 1)[:2]
    check_pixels(name, columns, rows)
    return shape, order[1] == b"True", dtype


def _only(names: list[str]) -> str | None:
    """The one that is meant if nobody says which: the only one, or the only one with depth's name."""
    if len(names) == 1:
        return names[0]
    named = [name for name in names if name.lower() in ("depth", "depths", "depth_map", "depthmap", "z", "depth.z")]
    return named[0] if len(named) == 1 else None
