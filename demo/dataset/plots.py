"""The confusion matrix and the scatter of frames as pictures, and what lies under a point of them."""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from demo.dataset.result import PROPERTIES, Confusion, DatasetResult, FrameProperty, present
from deresunet.classes import ClassSet
from deresunet.evaluation.report_page import column_names, drawn_classes
from deresunet.visualization.colours import CORRECT, WRONG

_DPI = 100
_INK = "#1e293b"
# Okabe and Ito's colours without black and yellow; an eighth group and more are grey.
_GROUPS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#7d46cd")
_OTHERS = "#94a3b8"
_NEAR_PX = 28
# Letters of a class's name that fit beside the matrix.
_LONGEST = 18


@dataclass(frozen=True)
class HeatMap:
    """Where the cells of a drawn confusion matrix are.

    Attributes:
        classes: the N classes.
        rows: classes 1..N of the rows, those in the ground truth.
        columns: classes of the columns, those in ground truth or prediction; N + 1 for none of the classes.
        cell: side of a cell [px].
        left: of the first column [px].
        top: of the first row [px].
    """

    classes: ClassSet
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    cell: int
    left: int = 150
    top: int = 150

    @classmethod
    def of(cls, matrix: np.ndarray, classes: ClassSet, marked: Collection[int] = ()) -> HeatMap:
        """The layout for a matrix int64 (N, N + 1): the classes with most pixels, and those that are `marked`."""
        rows, columns = present(matrix)
        most, _ = drawn_classes(matrix)
        kept = {*(most + 1).tolist(), *marked, len(classes) + 1}
        rows, columns = ([k for k in found if k in kept] for found in (rows, columns))
        return cls(classes, tuple(rows), tuple(columns), int(np.clip(1000 // max(len(columns), 1), 27, 52)))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture [px]."""
        return self.left + len(self.columns) * self.cell + 12, self.top + len(self.rows) * self.cell + 12

    def at(self, x: float, y: float) -> Confusion | None:
        """The cell at a point of the picture [px]; None beside the cells."""
        column, row = int((x - self.left) // self.cell), int((y - self.top) // self.cell)
        if 0 <= row < len(self.rows) and 0 <= column < len(self.columns):
            return Confusion(self.rows[row], self.columns[column], self.classes)
        return None

    def centre(self, cell: Confusion) -> tuple[int, int]:
        """The middle of a cell [px]."""
        column, row = self.columns.index(cell.prediction), self.rows.index(cell.truth)
        return self.left + column * self.cell + self.cell // 2, self.top + row * self.cell + self.cell // 2


def heat_map(
    matrix: np.ndarray, classes: ClassSet, label: int | None = None, cell: Confusion | None = None
) -> Image.Image:
    """Shares of each class's pixels: blue on the diagonal (right), orange beside it (predicted as another class).

    Args:
        matrix: int64 (N, N + 1).
        classes: the N classes.
        label: a class whose row and column are framed.
        cell: that is framed.

    Returns:
        RGBA, with dark writing on nothing.
    """
    layout = HeatMap.of(matrix, classes, marked_classes(label, cell))
    picture = _heat_map(layout, matrix.astype(np.int64).tobytes()).copy()
    draw = ImageDraw.Draw(picture)
    left, top, step = layout.left, layout.top, layout.cell
    if label in layout.columns:
        x = left + layout.columns.index(label) * step
        draw.rectangle((x, top, x + step, top + len(layout.rows) * step), outline=_INK, width=2)
    if label in layout.rows:
        y = top + layout.rows.index(label) * step
        draw.rectangle((left, y, left + len(layout.columns) * step, y + step), outline=_INK, width=2)
    if cell is not None and cell.truth in layout.rows and cell.prediction in layout.columns:
        x, y = layout.centre(cell)
        half = step // 2 + 2
        draw.rectangle((x - half, y - half, x + half, y + half), outline=_INK, width=4)
    return picture


def marked_classes(label: int | None, cell: Confusion | None) -> tuple[int, ...]:
    """Classes that are drawn however few pixels they have: a chosen one, and those of a chosen cell."""
    return (*([] if label is None else [label]), *([] if cell is None else [cell.truth, cell.prediction]))


@lru_cache(maxsize=8)  # 5 MB each; a click on a cell frames another one on the same picture
def _heat_map(layout: HeatMap, stored: bytes) -> Image.Image:
    matrix = np.frombuffer(stored, np.int64).reshape(len(layout.classes), -1)
    taken = matrix[np.ix_([k - 1 for k in layout.rows], [k - 1 for k in layout.columns])]
    shares = taken / np.maximum(matrix.sum(1)[[k - 1 for k in layout.rows]], 1)[:, None]
    diagonal = np.array(layout.rows)[:, None] == np.array(layout.columns)[None]
    colours = np.empty((*shares.shape, 4))
    colours[..., :3] = np.where(diagonal[..., None], CORRECT, WRONG) / np.array(255.0)
    # By the root, so that confusions of a few percent are seen too.
    colours[..., 3] = np.sqrt(shares)
    figure, axes = _canvas(layout.size, (layout.left, layout.top, 12, 12))
    if layout.rows:
        axes.imshow(colours, aspect="auto", interpolation="nearest")
    points = 72 / _DPI
    size = min(layout.cell * 0.62, 19) * points
    names = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in column_names(layout.classes)]
    axes.set_xticks(range(len(layout.columns)), [names[k - 1] for k in layout.columns], rotation=90, size=size)
    axes.set_yticks(range(len(layout.rows)), [names[k - 1] for k in layout.rows], size=size)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=4)
    # As two collections: a grid would cost a tick a line, and a tick is slow.
    right, bottom = len(layout.columns) - 0.5, len(layout.rows) - 0.5
    lines: dict[str, Any] = {"color": "#94a3b8", "alpha": 0.35, "linewidth": 0.7}
    axes.vlines(np.arange(-0.5, right + 1), -0.5, bottom, **lines)
    axes.hlines(np.arange(-0.5, bottom + 1), -0.5, right, **lines)
    if layout.rows:
        axes.set_xlim(-0.5, right)
        axes.set_ylim(bottom, -0.5)
    for row, column in np.argwhere(shares >= 0.045):
        strong = shares[row, column] > 0.5
        axes.text(
            *(column, row, f"{100 * shares[row, column]:.0f}"),
            ha="center",
            va="center",
            size=layout.cell * 0.4 * points,
            color="white" if strong else _INK,
        )
    return _drawn(figure)


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
    figure, axes = _canvas(Scatter.SIZE, (left, top, right, bottom))
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
    axes.set_xlabel(f"{PROPERTIES[name]}, % of the labelled ones", size=10.5, color=_INK)
    score = "mIoU of the frame, %" if label is None else f"IoU of {result.class_set.display_name(label)}, %"
    axes.set_ylabel(score, size=10.5, color=_INK)
    axes.grid(color="#94a3b8", alpha=0.3, linewidth=0.8)
    axes.tick_params(labelsize=10, colors=_INK, length=0)
    axes.set_axisbelow(True)
    return _drawn(figure)


def on_white(picture: Image.Image) -> Image.Image:
    """An RGBA picture as RGB on white, for paper."""
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _canvas(size: tuple[int, int], margins: tuple[int, int, int, int]) -> tuple[Figure, Axes]:
    """A figure of `size` [px] whose axes leave `margins` (left, top, right, bottom) [px]: clicks rely on it."""
    width, height = size
    left, top, right, bottom = margins
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box)
    axes.patch.set_alpha(0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(colors=_INK)
    return figure, axes


def _drawn(figure: Figure) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, transparent=True)
    image = Image.open(buffer)
    image.load()
    return image
