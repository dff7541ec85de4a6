"""A folder of photographs as frames without depth and ground truth."""

from __future__ import annotations

import os
from pathlib import Path

import cv2

from deresunet.data.files import RGB_SUFFIXES
from deresunet.data.frame import Frame
from deresunet.data.images import read_rgb
from deresunet.data.text_files import left_behind
from deresunet.errors import InputError


class Photos:
    """Every image in a folder and the folders below it.

    Args:
        root: the folder.
        size: height and width that photographs are cropped to, about their centre, after scaling.

    Raises:
        InputError: the folder is not there, or holds no image.
    """

    def __init__(self, root: str | os.PathLike[str], size: tuple[int, int]) -> None:
        self.size = size
        self.paths = sorted(
            path
            for path in Path(root).rglob("*")
            if path.suffix.lower() in RGB_SUFFIXES
            and not any(left_behind(part) for part in path.relative_to(root).parts)
        )
        if not self.paths:
            raise InputError(
                f"{root}: no photographs in it. Expected JPEG, PNG, WebP, BMP or TIFF, in any folder below."
            )

    def __len__(self) -> int:
        return len(self.paths)

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
