"""3D boxes over the picture that the camera took."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from PIL import Image, ImageDraw

from deresunet.data.frame import OrientedBox
from deresunet.data.sunrgbd.boxes import box_lines
from deresunet.visualization.colours import NO_CLASS

# Boxes around the whole room hide the objects in it; they are drawn where their class is asked for.
_ROOM = ("wall", "floor", "ceiling")


def shown_boxes(boxes: Iterable[OrientedBox], classes: Collection[int] | None = None) -> list[OrientedBox]:
    """Boxes of some classes 1..N; of all (None) without those around the whole room."""
    if classes is not None:
        return [box for box in boxes if box.label in classes]
    return [box for box in boxes if not box.name.startswith(_ROOM)]


def box_colour(box: OrientedBox, palette: np.ndarray) -> np.ndarray:
    """A box's colour, uint8 (3,): its class's, or `NO_CLASS`."""
    return palette[box.label] if box.label else np.array(NO_CLASS, np.uint8)


def draw_boxes(
    background: np.ndarray,
    boxes: Iterable[OrientedBox],
    intrinsics: np.ndarray,
    palette: np.ndarray,
    width: int = 2,
) -> np.ndarray:
    """Draw boxes as wire frames in their class's colour, with their names.

    Args:
        background: uint8 (H, W, 3), the picture that the camera took.
        boxes: boxes in the camera's frame.
        intrinsics: float64 (3, 3) [px].
        palette: uint8 (N + 1, 3), colours of the boxes' class set.
        width: width of the lines [px].

    Returns:
        uint8 (H, W, 3).
    """
    picture = Image.fromarray(background)
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        lines = box_lines(box, intrinsics)
        for line in lines:
            draw.line(
                [(float(x), float(y)) for x, y in line], fill=tuple(map(int, box_colour(box, palette))), width=width
            )
        if lines and box.name:
            points = np.concatenate(lines)
            x, y = np.clip(points.min(0), 2, [background.shape[1] - 60, background.shape[0] - 14])
            draw.text((float(x), float(y)), box.name, fill=(255, 255, 255), stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(picture)
