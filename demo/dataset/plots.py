"""The scatter of frames as a picture, and what lies under a point of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from demo.dataset.result import PROPERTIES, DatasetResult, FrameProperty
from deresunet.evaluation.confusions import INK, canvas, drawn

# Okabe and Ito's colours without black and yellow; an eighth group and more are grey.
_GROUPS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#7d46cd")
_OTHERS = "#94a3b8"
_NEAR_PX = 28


@dataclass(frozen=True)
class Scatter:
    """Where the points of a drawn scatter are.

    Attributes:
        indices: int64 (n,): frames, as `DatasetResult` counts them.
        shares: float64 (n,): share of pixels with the property, 0..1; drawn to the right.
        values: float64 (n,): mIoU or a class's IoU, 0..1; drawn upwards.
        far: right end of the axis, 0..1.
    """

    indices: np.ndarray
    shares: np.ndarray
    values: np.ndarray
    far: float

    SIZE = (680, 450)
    MARGINS = (66, 56, 16, 58)  # left, top, right, bottom [px]

    @classmethod
    def of(cls, result: DatasetResult, chosen: np.ndarray, name: FrameProperty, label: int | None = None) -> Scatter:
        """The layout for frames, by their mIoU or the IoU of a class."""
        values, shares = result.values(chosen, label), result.shares[name][chosen]
        known = ~np.isnan(values) & ~np.isnan(shares)
        far = float(np.ceil(20 * shares[known].max(initial=0.05)) / 20)
        return cls(chosen[known], shares[known], values[known], min(far, 1.0))

    @property
    def points(self) -> np.ndarray:
        """Places in the picture, float64 (n, 2) [px]."""
        left, top, right, bottom = self.MARGINS
        width, height = self.SIZE[0] - left - right, self.SIZE[1] - top - bottom
        x = left + (self.shares / self.far + 0.02) / 1.04 * width
        y = top + (1.02 - self.values) / 1.04 * height
        return np.stack([x, y], 1)

    def at(self, x: float, y: float) -> int | None:
        """The frame nearest to a point of the picture [px]; None where none is near."""
        if not len(self.indices):
            return None
        distances = np.hypot(*(self.points - (x, y)).T)
        nearest = int(distances.argmin())
        return int(self.indices[nearest]) if distances[nearest] <= _NEAR_PX else None


def scatter(result: DatasetResult, chosen: np.ndarray, name: FrameProperty, label: int | None = None) -> Image.Image:
    """Frames by a property and by score, coloured by sensor or scene where those are known. RGBA."""
    layout = Scatter.of(result, chosen, name, label)
    left, top, right, bottom = Scatter.MARGINS
    figure, axes = canvas(Scatter.SIZE, (left, top, right, bottom))
    axes.set_xlim(-2 * layout.far, 102 * layout.far)
    axes.set_ylim(-2, 102)
    key = next((key for key in ("sensor", "scene") if len(result.groups(key)) > 1), "")
    names = [getattr(result.frames[index], key) if key else "" for index in layout.indices]
    common = sorted(set(names), key=lambda name: (-names.count(name), name))
    coloured = [name for name in common if name][: len(_GROUPS)]
    for group in [*coloured, None]:
        here = np.array([one == group if group is not None else one not in coloured for one in names], bool)
        if not here.any():
            continue
        axes.scatter(
            100 * layout.shares[here],
            100 * layout.values[here],
            s=34,
            color=(_GROUPS[0] if not key else _OTHERS) if group is None else _GROUPS[coloured.index(group)],
            alpha=0.75,
            edgecolors="white",
            linewidths=0.6,
            label=(f"others ({here.sum()})" if key else None) if group is None else f"{group} ({here.sum()})",
        )
    if key and len(layout.indices):
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=4, frameon=False, fontsize=9.5, handletextpad=0.1,
            columnspacing=1.0,
        )  # fmt: skip
    axes.set_xlabel(f"{PROPERTIES[name]}, % of the labelled ones", size=10.5, color=INK)
    score = "mIoU of the frame, %" if label is None else f"IoU of {result.class_set.display_name(label)}, %"
    axes.set_ylabel(score, size=10.5, color=INK)
    axes.grid(color="#94a3b8", alpha=0.3, linewidth=0.8)
    axes.tick_params(labelsize=10, colors=INK, length=0)
    axes.set_axisbelow(True)
    return drawn(figure)
