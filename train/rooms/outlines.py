"""Objects' visible outlines as polygons, so ordered that filling them one over the other gives the picture again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

# Simplification moves an outline by less than half a pixel, so that a pixel's centre rarely changes sides.
_TOLERANCE_PX = 0.45


@dataclass(frozen=True, eq=False)
class Outline:
    """The outer boundary of one piece of an object.

    Attributes:
        id: the object's.
        points: float64 (N, 2): x and y [px]; pixel (column c, row r) covers c..c+1 and r..r+1.
    """

    id: int
    points: np.ndarray


def trace(instance: np.ndarray) -> list[Outline]:
    """Outlines of all pieces of all objects, those that lie within another's after it.

    Holes need no outline of their own: whatever shows through one is a piece of another object, or of nothing (id 0),
    whose outline is filled later, since pieces come from the largest enclosed area to the smallest.

    Args:
        instance: integers (H, W), 0 where there is nothing.
    """
    found: list[tuple[float, Outline]] = []
    # find_objects skips 0, which is a piece like any other here.
    numbers = instance.astype(np.int32) + 1
    for number, box in enumerate(ndimage.find_objects(numbers)):
        if box is None:
            continue
        # At twice the size, contours run through points a quarter of a pixel within the boundary: clear of all centres.
        mask = (numbers[box] == number + 1).astype(np.uint8).repeat(2, 0).repeat(2, 1)
        corner = np.array([box[1].start, box[0].start])
        pieces, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for piece in pieces:
            simple = cv2.approxPolyDP(piece, 2 * _TOLERANCE_PX, closed=True)
            points = (simple if len(simple) >= 3 else piece).reshape(-1, 2)
            found.append((cv2.contourArea(piece), Outline(number, (points + 0.5) / 2 + corner)))
    found.sort(key=lambda item: -item[0])
    return [outline for _, outline in found]
