"""The confusion matrix of a data set or of two: its largest confusions, and its picture, on the page and in reports."""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from deresunet.classes import ClassSet
from deresunet.evaluation.html import in_percent
from deresunet.visualization.colours import CORRECT, WRONG

# Classes in a drawn confusion matrix; more cannot be read.
MOST_DRAWN = 40
DPI = 100
INK = "#1e293b"
# Letters of a class's name that fit beside the matrix.
_LONGEST = 18
# Shares of a class's pixels from which a number stands in a cell; of a change, the least one.
_LEAST_SHARE, _LEAST_CHANGE = 0.045, 0.02


@dataclass(frozen=True)
class Confusion:
    """One cell of the confusion matrix off or on its diagonal.

    Attributes:
        truth: class 1..N.
        prediction: class 1..N, or N + 1 for predictions that are none of the classes.
        classes: the N classes.
    """

    truth: int
    prediction: int
    classes: ClassSet = field(repr=False)

    def __str__(self) -> str:
        if self.truth == self.prediction:
            return f"{self.classes.display_name(self.truth)} predicted correctly"
        return f"{self.classes.display_name(self.truth)} predicted as {self.predicted_name}"

    @property
    def predicted_name(self) -> str:
        """Display name of the predicted class."""
        return column_names(self.classes)[self.prediction - 1]


def column_names(classes: ClassSet) -> tuple[str, ...]:
    """Display names of the N + 1 columns of a confusion matrix."""
    return (*classes.display_names, "none of these")


def most_confused(
    matrix: np.ndarray, classes: ClassSet, count: int = 30, label: int | None = None
) -> list[tuple[Confusion, int]]:
    """The cells off the diagonal with most pixels, int64 (N, N + 1) -> cell and pixels, most first.

    With a class 1..N, the cells of its row and its column alone.
    """
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    if label is not None:
        rows, columns = (np.arange(size) != label - 1 for size in wrong.shape)
        wrong[np.ix_(rows, columns)] = 0
    largest = np.argsort(-wrong, axis=None, kind="stable")[: min(count, np.count_nonzero(wrong))]
    cells = (divmod(int(flat), wrong.shape[1]) for flat in largest)
    return [(Confusion(row + 1, column + 1, classes), int(wrong[row, column])) for row, column in cells]


def confused_pairs(matrix: np.ndarray, classes: ClassSet, count: int = 20) -> list[str]:
    """The most frequent confusions of a confusion matrix (N, N + 1) in words, most pixels first."""
    errors = matrix.sum() - np.trace(matrix)
    return [
        f"{classes.display_name(cell.truth)} → {cell.predicted_name}: "
        f"{in_percent(pixels / matrix[cell.truth - 1].sum())} of its pixels ({pixels:,}), "
        f"{in_percent(pixels / errors)} of all errors"
        for cell, pixels in most_confused(matrix, classes, count)
    ] or ["no confusions"]


def drawn_classes(matrix: np.ndarray, most: int = MOST_DRAWN) -> np.ndarray:
    """Classes 1..N of a confusion matrix (N, N + 1) to draw: those with most pixels, in their own order."""
    pixels = matrix.sum(1) + matrix[:, : len(matrix)].sum(0)
    return np.sort(np.argsort(-pixels, kind="stable")[:most]) + 1


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
        truth = np.append(matrix.sum(1), 0)
        kept = {*drawn_classes(matrix).tolist(), *marked, len(classes) + 1}
        rows, columns = (
            tuple(int(k) + 1 for k in np.flatnonzero(pixels) if k + 1 in kept)
            for pixels in (truth, truth + matrix.sum(0))
        )
        return cls(classes, rows, columns, int(np.clip(1000 // max(len(columns), 1), 27, 52)))

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

    def taken(self, matrix: np.ndarray) -> np.ndarray:
        """The drawn cells of a matrix (N, N + 1)."""
        return matrix[np.ix_([k - 1 for k in self.rows], [k - 1 for k in self.columns])]


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
        draw.rectangle((x, top, x + step, top + len(layout.rows) * step), outline=INK, width=2)
    if label in layout.rows:
        y = top + layout.rows.index(label) * step
        draw.rectangle((left, y, left + len(layout.columns) * step, y + step), outline=INK, width=2)
    if cell is not None and cell.truth in layout.rows and cell.prediction in layout.columns:
        x, y = layout.centre(cell)
        half = step // 2 + 2
        draw.rectangle((x - half, y - half, x + half, y + half), outline=INK, width=4)
    return picture


def shift_map(shift: np.ndarray, both: np.ndarray, classes: ClassSet) -> Image.Image:
    """Change of the shares of each class's pixels: blue where it is better, orange where it is worse. RGBA.

    Better is more on the diagonal, and less beside it; a deeper colour is a larger change.

    Args:
        shift: float64 (N, N + 1), -1..1; NaN for a class without ground truth.
        both: int64 (N, N + 1), whose classes are drawn.
        classes: the N classes.
    """
    layout = HeatMap.of(both, classes)
    change = np.nan_to_num(layout.taken(shift))
    size = np.abs(change)
    return _drawn_cells(
        layout, size / max(size.max(initial=0.0), 0.01), (change > 0) == _diagonal(layout), change, _LEAST_CHANGE, "+"
    )


def marked_classes(label: int | None, cell: Confusion | None) -> tuple[int, ...]:
    """Classes that are drawn however few pixels they have: a chosen one, and those of a chosen cell."""
    return (*([] if label is None else [label]), *([] if cell is None else [cell.truth, cell.prediction]))


def _diagonal(layout: HeatMap) -> np.ndarray:
    return np.array(layout.rows)[:, None] == np.array(layout.columns)[None]


@lru_cache(maxsize=8)  # 5 MB each; a click on a cell frames another one on the same picture
def _heat_map(layout: HeatMap, stored: bytes) -> Image.Image:
    matrix = np.frombuffer(stored, np.int64).reshape(len(layout.classes), -1)
    shares = layout.taken(matrix / np.maximum(matrix.sum(1, keepdims=True), 1))
    return _drawn_cells(layout, shares, _diagonal(layout), shares, _LEAST_SHARE)


def _drawn_cells(
    layout: HeatMap, strength: np.ndarray, good: np.ndarray, values: np.ndarray, least: float, sign: str = ""
) -> Image.Image:
    """Cells with their colours and numbers.

    Args:
        layout: where they are.
        strength: float64 (rows, columns), 0..1: how deep a colour is.
        good: bool (rows, columns): blue, or else orange.
        values: float64 (rows, columns): ratios that are written in percent.
        least: smallest of them that is written.
        sign: "+" writes the signs of both kinds.
    """
    colours = np.empty((*strength.shape, 4))
    colours[..., :3] = np.where(good[..., None], CORRECT, WRONG) / np.array(255.0)
    # By the root, so that confusions of a few percent are seen too.
    colours[..., 3] = np.sqrt(strength)
    figure, axes = canvas(layout.size, (layout.left, layout.top, 12, 12))
    if layout.rows:
        axes.imshow(colours, aspect="auto", interpolation="nearest")
    points = 72 / DPI
    names = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in column_names(layout.classes)]
    # A letter is about 0.55 of its size wide, so that the longest name fits into the margin.
    longest = max((len(names[k - 1]) for k in layout.columns), default=1)
    size = min(layout.cell * 0.62, 19, (layout.left - 10) / (0.55 * longest)) * points
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
    for row, column in np.argwhere(np.abs(values) >= least):
        axes.text(
            *(column, row, f"{100 * values[row, column]:{sign}.0f}"),
            ha="center",
            va="center",
            size=layout.cell * 0.4 * points,
            color="white" if strength[row, column] > 0.5 and not sign else INK,
        )
    return drawn(figure)


def on_white(picture: Image.Image) -> bytes:
    """An RGBA picture as a PNG on white, for paper."""
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    buffer = io.BytesIO()
    paper.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def canvas(size: tuple[int, int], margins: tuple[int, int, int, int]) -> tuple[Figure, Axes]:
    """A figure of `size` [px] whose axes leave `margins` (left, top, right, bottom) [px]: clicks rely on it."""
    width, height = size
    left, top, right, bottom = margins
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box)
    axes.patch.set_alpha(0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(colors=INK)
    return figure, axes


def drawn(figure: Figure) -> Image.Image:
    """A figure of `canvas` as a picture, RGBA."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, transparent=True)
    image = Image.open(buffer)
    image.load()
    return image
