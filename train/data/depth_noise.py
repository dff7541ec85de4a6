"""The faults of a structured-light or time-of-flight depth sensor, on depth alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class DepthFaults:
    """How often, and how strongly, depth is worse than it was. Shares are probabilities, 0..1.

    Attributes:
        holes: share of frames with holes.
        max_holes: most holes in a frame; each spans up to a sixth of the height.
        quantisation: share of frames whose depth is rounded.
        step_at_1m: largest step of that rounding at 1 m [m]; it grows with the square of the distance, as the steps
            of a disparity do.
        edges: share of frames whose depth is unsure at its edges.
        edge_jump_m: a step of depth that counts as an edge [m].
        scale: largest relative error of a whole frame's depth, either way.
    """

    holes: float = 0.3
    max_holes: int = 8
    quantisation: float = 0.3
    step_at_1m: float = 0.006
    edges: float = 0.3
    edge_jump_m: float = 0.15
    scale: float = 0.0

    def __post_init__(self) -> None:
        for name in ("holes", "quantisation", "edges", "scale"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"depth faults: {name} is {getattr(self, name)}; expected a share, 0..1")


def add_faults(metres: np.ndarray, config: DepthFaults, generator: np.random.Generator) -> np.ndarray:
    """Depth with a sensor's faults; missing pixels stay missing.

    Args:
        metres: float32 (H, W) [m], 0 where missing; not changed.
        config: which faults, how often.
        generator: random generator of every choice.

    Returns:
        float32 (H, W) [m].
    """
    result = metres.copy()
    # All three draws are made whatever comes out, so that one setting does not shift the others.
    with_edges, with_steps, with_holes = generator.random(3) < (config.edges, config.quantisation, config.holes)
    if with_edges:
        result = blur_edges(result, config.edge_jump_m, generator)
    if with_steps:
        result = quantise(result, config.step_at_1m * generator.uniform(0.2, 1.0))
    if with_holes:
        result = punch_holes(result, int(generator.integers(1, config.max_holes + 1)), generator)
    if config.scale:
        result *= np.float32(generator.uniform(1.0 - config.scale, 1.0 + config.scale))
    return result


def quantise(metres: np.ndarray, step_at_1m: float) -> np.ndarray:
    """Depth rounded to steps of `step_at_1m` [m] at 1 m that grow with its square: even steps of disparity.

    d(1/z) = dz / z^2 (Khoshelham and Elberink 2012, https://doi.org/10.3390/s120201437, eq. 9).
    """
    known = metres > 0
    disparity = np.divide(1.0, metres, out=np.zeros_like(metres), where=known)
    # Never to disparity 0, which would be an infinite distance.
    steps = np.maximum(np.round(disparity / step_at_1m), 1.0)
    return np.where(known, 1.0 / (steps * step_at_1m), 0.0).astype(np.float32)


def blur_edges(metres: np.ndarray, jump_m: float, generator: np.random.Generator) -> np.ndarray:
    """Depth whose pixels at edges take a neighbour's value, or none.

    A sensor's edges are ragged, and the side that its projector does not reach is missing.
    """
    kernel = np.ones((3, 3), np.uint8)
    nearest = cv2.erode(np.where(metres > 0, metres, np.float32(1e6)), kernel)
    farthest = cv2.dilate(metres, kernel)
    edge = cv2.dilate(((farthest - nearest > jump_m) & (metres > 0)).astype(np.uint8), kernel) > 0
    rows, columns = np.nonzero(edge & (metres > 0))
    result = metres.copy()
    if not len(rows):
        return result
    height, width = metres.shape
    moved = metres[
        np.clip(rows + generator.integers(-2, 3, len(rows)), 0, height - 1),
        np.clip(columns + generator.integers(-2, 3, len(rows)), 0, width - 1),
    ]
    lost = generator.random(len(rows)) < generator.uniform(0.0, 0.5)
    result[rows, columns] = np.where(lost, 0.0, moved)
    return result


def punch_holes(metres: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Depth that is missing in `count` ellipses: what shines, what is black, what is glass."""
    height, width = metres.shape
    mask = np.zeros((height, width), np.uint8)
    for _ in range(count):
        centre = (int(generator.integers(width)), int(generator.integers(height)))
        axes = tuple(int(length) for length in generator.integers(2, max(height // 12, 3), 2))
        cv2.ellipse(mask, centre, axes, float(generator.uniform(0, 180)), 0, 360, 1, -1)
    return np.where(mask > 0, np.float32(0.0), metres)
