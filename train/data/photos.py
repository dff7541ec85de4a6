"""A folder of photographs as frames without depth and ground truth."""

from __future__ import annotations

import copy
import functools
import os

import cv2
import numpy as np

from deresunet.data.files import RGB_SUFFIXES
from deresunet.data.fingerprint import digest, stamps
from deresunet.data.frame import Frame
from deresunet.data.images import read_rgb
from deresunet.data.patterns import files_below
from deresunet.errors import InputError


class Photos:
    """Every image in a folder and the folders below it.

    Args:
        root: the folder.
        size: height and width that photographs are cropped to, about their centre, after scaling.
        held_out: how many to leave out, drawn by `seed`; they are `held_out_paths`.
        seed: of the draw.

    Raises:
        InputError: the folder is not there, or holds no image.
    """

    def __init__(self, root: str | os.PathLike[str], size: tuple[int, int], held_out: int = 0, seed: int = 0) -> None:
        self.size = size
        found = list(files_below(root, RGB_SUFFIXES).values())
        if not found:
            raise InputError(
                f"{root}: no photographs in it. Expected JPEG, PNG, WebP, BMP or TIFF, in any folder below."
            )
        if held_out >= len(found):
            raise InputError(
                f"{root}: {len(found)} photographs, and data.photos_held_out is {held_out}. Hold fewer out."
            )
        out = set(np.random.default_rng(seed).permutation(len(found))[:held_out].tolist())
        self.held_out_paths = [path for k, path in enumerate(found) if k in out]
        self.paths = [path for k, path in enumerate(found) if k not in out]

    def __len__(self) -> int:
        return len(self.paths)

    def held_out(self) -> Photos:
        """The photographs that were left out."""
        others = copy.copy(self)
        others.__dict__.pop("keys", None)
        others.paths, others.held_out_paths = self.held_out_paths, []
        return others

    @functools.cached_property
    def keys(self) -> list[str]:
        """Of each photograph, a name that changes with its contents and with `size`."""
        return [digest([*stamps([path]), self.size]) for path in self.paths]

    def read(self, index: int) -> Frame:
        """The photograph of an index, filling `size`.

        Raises:
            InputError: it cannot be read.
        """
        path = self.paths[index]
        rgb = read_rgb(path)
        height, width = self.size
        scale = max(height / rgb.shape[0], width / rgb.shape[1])
        rows, columns = max(height, round(rgb.shape[0] * scale)), max(width, round(rgb.shape[1] * scale))
        rgb = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        top, left = (rows - height) // 2, (columns - width) // 2
        return Frame(rgb=rgb[top : top + height, left : left + width].copy(), name=path.stem, source="photographs")
