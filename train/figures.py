"""Pictures of augmented samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deresunet.data.frame import Frame
from deresunet.visualization.panels import row, shrink, stack, strip
from train.data.augmentation import GREY, Sample


def contact_sheet(samples: Sequence[Sample], columns: int = 4, height: int = 120) -> np.ndarray:
    """Augmented samples, each as RGB, depth and label; a modality that the network is not given is grey.

    Args:
        samples: samples of one size.
        columns: samples beside each other.
        height: height of each picture [px].

    Returns:
        uint8 (rows, columns, 3).
    """
    cells = []
    for sample in samples:
        rgb = sample.rgb if sample.has_rgb else np.full_like(sample.rgb, GREY)
        depth = sample.depth if sample.has_depth else np.zeros_like(sample.depth)
        cells.append(shrink(strip(Frame(rgb, depth, sample.label)), height))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    return stack([row(cells[start : start + columns]) for start in range(0, len(cells), columns)])
