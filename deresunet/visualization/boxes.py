"""3D boxes drawn over a picture."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw

from deresunet.classes import PALETTE
from deresunet.data.frame import OrientedBox
from deresunet.data.sunrgbd.boxes import box_lines

UNKNOWN_COLOUR = (255, 255, 255)


def draw_boxes(
    background: np.ndarray, boxes: Iterable[OrientedBox], intrinsics: np.ndarray, width: int = 2
) -> np.ndarray:
    """Boxes as wire frames in their class's colour (white without one), with their names.

    Args:
        background: uint8 (H, W, 3), the picture that the camera took.
        boxes: in the camera's frame.
        intrinsics: float64 (3, 3) [px].
        width: of the lines [px].

    Returns:
        uint8 (H, W, 3).
    """
    picture = Image.fromarray(background)
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        colour = tuple(int(value) for value in PALETTE[box.label]) if box.label else UNKNOWN_COLOUR
        lines = box_lines(box, intrinsics)
        for line in lines:
            draw.line([(float(x), float(y)) for x, y in line], fill=colour, width=width)
        if lines and box.name:
            points = np.concatenate(lines)
            x, y = np.clip(points.min(0), 2, [background.shape[1] - 60, background.shape[0] - 14])
            draw.text((float(x), float(y)), box.name, fill=(255, 255, 255), stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(picture)
