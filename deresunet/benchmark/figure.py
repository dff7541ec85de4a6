"""The picture of a bench: how long one frame takes, against frames a second where many go at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deresunet.atomic import write_whole
from deresunet.errors import InputError

_OURS, _OTHERS = "#1f4ea0", "#8a8f98"


def write_figure(path: Path, summary: Mapping[str, Any]) -> None:
    """Draw what `bench --json` tells, as PNG or SVG by the path's ending.

    Args:
        path: the file.
        summary: the bench's result; it has timings of one frame and of a larger batch.

    Raises:
        InputError: it has timings of one batch size only, or the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - only who asks for a picture waits for it

    batches = sorted({row["batch"] for row in summary["timings"]})
    if len(batches) < 2:
        raise InputError("a figure needs two batch sizes. Give such as --batch 1,16.")
    few, many = batches[0], batches[-1]
    latency = {row["name"]: row["median_ms"] for row in summary["timings"] if row["batch"] == few}
    rate = {row["name"]: row["frames_per_s"] for row in summary["timings"] if row["batch"] == many}
    # Only this network has labels to compare with eager's, and a speed relative to it.
    ours = [row["name"] for row in summary["timings"] if row["batch"] == few and row["speedup"] is not None]
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    above = None
    for name in sorted(latency, key=lambda one: -rate[one]):
        # A name goes below its point where the point just above has taken the place.
        close = above is not None and rate[above] / rate[name] < 1.05 and 0.8 < latency[above] / latency[name] < 1.25
        above = name
        mine = name in ours
        axes.scatter(
            latency[name], rate[name], s=42, color=_OURS if mine else _OTHERS, marker="o" if mine else "s", zorder=3
        )
        shown = f"DeResUNet {name}" if mine else name
        axes.annotate(
            shown,
            (latency[name], rate[name]),
            xytext=(6, -9 if close else 4),
            textcoords="offset points",
            fontsize=7.5,
            color=_OURS if mine else "#3c4047",
        )
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
    axes.tick_params(which="both", labelsize=7.5)
    axes.grid(which="both", linewidth=0.4, color="#d8dbe0")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(0.12)
    axes.set_xlabel(f"median time of {few} frame{'s' if few > 1 else ''} [ms]; to the left is better")
    axes.set_ylabel(f"frames a second, {many} at once; up is better")
    height, width = summary["timings"][0]["size"]
    axes.set_title(
        f"{summary['machine']['device']}, {height}x{width}, PyTorch {summary['machine']['torch']}", fontsize=9
    )
    kind = path.suffix.lstrip(".") or "png"
    write_whole(path, lambda beside: figure.savefig(beside, format=kind))
