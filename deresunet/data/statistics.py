"""Composition of a data set: classes, depth, colours, cameras and rooms, in one pass over its frames."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure

from deresunet.atomic import write_json, write_whole
from deresunet.classes import SUNRGBD37, ClassSet
from deresunet.data.frame import Frame
from deresunet.data.labels import class_set_of
from deresunet.data.passes import Pass
from deresunet.data.readers import Reader

# Classes in the chart, those with most pixels; more cannot be read.
MOST_DRAWN = 40
# Of the histogram of depth [m]; the last bin holds what lies beyond.
DEPTH_BINS_M = np.linspace(0.0, 10.0, 101)


@dataclass
class Statistics:
    """Sums over frames, and what follows from them.

    Attributes:
        frames: frames counted.
        labelled: of them, those with ground truth.
        class_set: the N classes of the ground truth.
        class_pixels: int64 (N + 1,): labelled pixels of each class, void first.
        class_frames: int64 (N + 1,): frames that hold each class.
        rgb_sum: float64 (3,): of R, G, B in 0..1.
        rgb_squares: float64 (3,): of their squares.
        rgb_pixels: pixels with colour.
        depth_sum: of measured depths [m].
        depth_squares: of their squares [m^2].
        depth_pixels: pixels with depth.
        depth_missing: pixels without, in frames that have depth.
        depth_histogram: int64 (100,): pixels in each bin of `DEPTH_BINS_M`.
        sensors: frames by camera.
        scenes: frames by type of room.
        sizes: frames by "HEIGHTxWIDTH".
        sequences: recordings met.
        failed: name and error of each frame that could not be read.
    """

    frames: int = 0
    labelled: int = 0
    class_set: ClassSet = SUNRGBD37
    class_pixels: np.ndarray = field(init=False)
    class_frames: np.ndarray = field(init=False)
    rgb_sum: np.ndarray = field(default_factory=lambda: np.zeros(3))
    rgb_squares: np.ndarray = field(default_factory=lambda: np.zeros(3))
    rgb_pixels: int = 0
    depth_sum: float = 0.0
    depth_squares: float = 0.0
    depth_pixels: int = 0
    depth_missing: int = 0
    depth_histogram: np.ndarray = field(default_factory=lambda: np.zeros(len(DEPTH_BINS_M) - 1, np.int64))
    sensors: Counter[str] = field(default_factory=Counter)
    scenes: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    sequences: set[str] = field(default_factory=set)
    failed: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.class_pixels, self.class_frames = np.zeros((2, len(self.class_set) + 1), np.int64)

    def add(self, frame: Frame) -> None:
        """Count a frame."""
        self.frames += 1
        self.sensors[frame.sensor or "unknown"] += 1
        self.scenes[frame.scene or "unknown"] += 1
        self.sizes[f"{frame.size[0]}x{frame.size[1]}"] += 1
        if frame.sequence:
            self.sequences.add(frame.sequence)
        if frame.label is not None:
            pixels = np.bincount(frame.label.ravel(), minlength=len(self.class_set) + 1)
            self.labelled += 1
            self.class_pixels += pixels
            self.class_frames += pixels > 0
        if frame.rgb is not None:
            # Of 256 values each, so the sums come from a histogram and are exact.
            for channel in range(3):
                counts = np.bincount(frame.rgb[..., channel].ravel(), minlength=256)
                values = np.arange(256) / 255.0
                self.rgb_sum[channel] += counts @ values
                self.rgb_squares[channel] += counts @ values**2
            self.rgb_pixels += frame.size[0] * frame.size[1]
        if frame.depth is not None:
            metres = frame.depth[frame.depth > 0].astype(np.float64)
            self.depth_sum += float(metres.sum())
            self.depth_squares += float(metres @ metres)
            self.depth_pixels += metres.size
            self.depth_missing += frame.depth.size - metres.size
            self.depth_histogram += np.histogram(np.minimum(metres, DEPTH_BINS_M[-1]), DEPTH_BINS_M)[0]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types: shares and mean frequencies in 0..1, depth in metres, None where nothing defines them."""
        known = int(self.class_pixels[1:].sum())
        labelled = int(self.class_pixels.sum())
        depth_mean, depth_std = _moments(self.depth_sum, self.depth_squares, self.depth_pixels)
        colours = [_moments(*sums, self.rgb_pixels) for sums in zip(self.rgb_sum, self.rgb_squares, strict=True)]
        depth_all = self.depth_pixels + self.depth_missing
        return {
            "frames": self.frames,
            "labelled": self.labelled,
            "sequences": len(self.sequences),
            "class_set": {"name": self.class_set.name, "title": self.class_set.title},
            "void_share": int(self.class_pixels[0]) / labelled if labelled else None,
            "classes": {
                name: {
                    "pixels": int(self.class_pixels[label]),
                    "share": int(self.class_pixels[label]) / known if known else None,
                    "frames": int(self.class_frames[label]),
                }
                for label, name in enumerate(self.class_set.display_names, 1)
            },
            "rgb_mean": [mean for mean, _ in colours],
            "rgb_std": [std for _, std in colours],
            "depth_mean_m": depth_mean,
            "depth_std_m": depth_std,
            "depth_missing": self.depth_missing / depth_all if depth_all else None,
            "depth_histogram": {"bins_m": DEPTH_BINS_M.round(3).tolist(), "pixels": self.depth_histogram.tolist()},
            "sensors": dict(self.sensors.most_common()),
            "scenes": dict(self.scenes.most_common()),
            "sizes": dict(self.sizes.most_common()),
            "failed": [{"name": name, "error": error} for name, error in self.failed],
        }


def gather(
    reader: Reader,
    limit: int | None = None,
    on_error: Literal["skip", "stop"] = "stop",
    workers: int = 2,
    on_frame: Callable[[int], None] | None = None,
) -> Statistics:
    """Statistics of a split.

    Args:
        reader: the frames.
        limit: number of frames to take from the start.
        on_error: whether a frame that cannot be read ends it, or is left out and listed.
        workers: threads that read frames ahead.
        on_frame: called with the number of frames done.

    Raises:
        InputError: a frame cannot be read, with on_error "stop".
    """
    statistics = Statistics(class_set=class_set_of(reader))
    frames = Pass(reader.names[:limit], reader.read, workers, on_error)
    for _, frame in frames:
        statistics.add(frame)
        frames.done += 1
        if on_frame is not None:
            on_frame(frames.done)
    statistics.failed += [(failure.name, failure.error) for failure in frames.failed]
    return statistics


def write_statistics(folder: Path, statistics: Statistics) -> None:
    """Write statistics.json, classes.png, depth.png and groups.png into `folder`, which is there.

    Raises:
        InputError: the folder cannot be written to.
    """
    described = statistics.as_dict()
    write_json(folder / "statistics.json", described)
    for name, figure in (
        ("classes.png", _class_figure(described, statistics.class_set)),
        ("depth.png", _depth_figure(described)),
        ("groups.png", _group_figure(described)),
    ):
        write_whole(folder / name, functools.partial(figure.savefig, format="png", dpi=110))


def _class_figure(described: dict[str, Any], classes: ClassSet) -> Figure:
    """Shares of the classes with most pixels; statistics.json has all."""
    shares = np.array([item["share"] or 0.0 for item in described["classes"].values()])
    order = np.argsort(shares)[-MOST_DRAWN:]
    figure = Figure(figsize=(8, 9), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(
        [classes.display_names[k] for k in order],
        100 * shares[order],
        color=[classes.colours[k] for k in order],
        edgecolor="#444444",
    )
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlabel("share of labelled pixels [%]")
    axes.margins(y=0.01)
    return figure


def _depth_figure(described: dict[str, Any]) -> Figure:
    pixels = np.array(described["depth_histogram"]["pixels"], np.float64)
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.stairs(100 * pixels / max(pixels.sum(), 1.0), DEPTH_BINS_M, fill=True, color="#28788e")
    axes.set_xlabel("depth [m]")
    axes.set_ylabel("share of pixels with depth [%]")
    if described["depth_mean_m"] is not None:
        axes.axvline(described["depth_mean_m"], color="#d6393e")
        axes.set_title(f"mean {described['depth_mean_m']:.2f} m, deviation {described['depth_std_m']:.2f} m")
    return figure


def _group_figure(described: dict[str, Any]) -> Figure:
    scenes = list(described["scenes"].items())[:30][::-1]
    sensors = list(described["sensors"].items())[::-1]
    figure = Figure(figsize=(8, 2.5 + 0.22 * (len(scenes) + len(sensors))), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=[len(sensors) + 1, len(scenes) + 1])
    for axes, items, title in ((upper, sensors, "camera"), (lower, scenes, "type of room (the 30 most frequent)")):
        bars = axes.barh([name for name, _ in items], [count for _, count in items], color="#1f4ea0")
        axes.bar_label(bars, padding=3)
        axes.set_title(title)
        axes.margins(x=0.12)
    lower.set_xlabel("frames")
    return figure


def _moments(total: float, squares: float, count: int) -> tuple[float | None, float | None]:
    """Mean and standard deviation, or twice None of nothing."""
    if not count:
        return None, None
    mean = float(total) / count
    return mean, float(max(float(squares) / count - mean**2, 0.0) ** 0.5)
