"""An evaluation as a folder that people can read: tables, the confusion matrix, words, pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from deresunet.atomic import write_csv, write_json, write_text, write_whole
from deresunet.classes import CLASSES, DISPLAY_NAMES
from deresunet.evaluation.evaluator import Evaluation, percent
from deresunet.evaluation.metrics import scores

CONFUSED_PAIRS = 20
_SUMMARY = ("miou", "pixel_acc", "mean_acc", "fw_iou")
_TITLES = {"miou": "mIoU", "pixel_acc": "pixel acc.", "mean_acc": "mean acc.", "fw_iou": "fw. IoU"}


def write_report(folder: Path, evaluation: Evaluation) -> None:
    """Write all of a report but its pictures of frames into `folder`, which is there.

    result.json (all numbers), report.md (the same for people), classes.csv, groups.csv (per camera, type of room and
    region), frames.csv, confusion.csv, confusion.png, confused.txt.

    Raises:
        InputError: the folder cannot be written to.
    """
    described = evaluation.as_dict()
    write_json(folder / "result.json", described)
    write_csv(
        folder / "classes.csv", ("class", "iou", "accuracy", "truth_pixels", "predicted_pixels"), _classes(evaluation)
    )
    write_csv(folder / "groups.csv", ("kind", "group", "frames", "pixels", *_SUMMARY, *CLASSES), _groups(described))
    write_csv(
        folder / "frames.csv",
        ("name", "sensor", "scene", "pixels", *_SUMMARY, "source", "seconds"),
        _frames(evaluation),
    )
    rows = ((name, *row) for name, row in zip(CLASSES, evaluation.matrix.tolist(), strict=True))
    write_csv(folder / "confusion.csv", ("truth", *CLASSES), rows)
    figure = confusion_figure(evaluation.matrix)
    write_whole(folder / "confusion.png", lambda beside: figure.savefig(beside, format="png", dpi=110))
    write_text(folder / "confused.txt", "\n".join(confused_pairs(evaluation.matrix)) + "\n")
    write_text(folder / "report.md", _markdown(described, evaluation))


def confused_pairs(matrix: np.ndarray, count: int = CONFUSED_PAIRS) -> list[str]:
    """The most frequent confusions in words, most pixels first."""
    truth = matrix.sum(1)
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    lines = []
    for flat in np.argsort(-wrong, axis=None, kind="stable")[:count]:
        row, column = (int(index) for index in np.unravel_index(flat, wrong.shape))
        pixels = int(wrong[row, column])
        if not pixels:
            break
        lines.append(
            f"{DISPLAY_NAMES[row]} is taken for {DISPLAY_NAMES[column]}: {pixels / truth[row]:.1%} of its pixels "
            f"({pixels:,}), {pixels / wrong.sum():.1%} of all errors"
        )
    return lines or ["nothing is confused"]


def confusion_figure(matrix: np.ndarray) -> Figure:
    """The matrix as a picture: each row is the share of a class's pixels that were taken for each class."""
    truth = matrix.sum(1, keepdims=True)
    shares = np.divide(matrix, truth, out=np.full(matrix.shape, np.nan), where=truth > 0)
    figure = Figure(figsize=(11, 10), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="viridis", vmin=0, vmax=1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(range(len(DISPLAY_NAMES)), DISPLAY_NAMES)
    axes.tick_params(axis="x", rotation=90)
    axes.set_xlabel("prediction")
    axes.set_ylabel("ground truth (blank: none in the data)")
    figure.colorbar(image, ax=axes, label="share of the class's pixels", shrink=0.8)
    return figure


def _classes(evaluation: Evaluation) -> Iterable[tuple[Any, ...]]:
    result = evaluation.scores
    for k, name in enumerate(CLASSES):
        truth, predicted = int(result.truth_pixels[k]), int(result.predicted_pixels[k])
        yield name, percent(result.iou[k]), percent(result.accuracy[k]), truth, predicted


def _groups(described: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
    kinds = {"sensor": described["sensors"], "scene": described["scenes"], **described["regions"]}
    for kind, groups in kinds.items():
        for name, group in groups.items():
            yield (
                *(kind, name, group.get("frames"), group["pixels"]),
                *(group[key] for key in _SUMMARY),
                *group["iou"],
            )


def _frames(evaluation: Evaluation) -> Iterable[tuple[Any, ...]]:
    for frame in evaluation.results:
        result = scores(frame.matrix())
        yield (
            *(frame.name, frame.sensor, frame.scene, int(result.truth_pixels.sum())),
            *(percent(getattr(result, key)) for key in _SUMMARY),
            *(frame.source, round(frame.seconds, 4)),
        )


def _markdown(described: dict[str, Any], evaluation: Evaluation) -> str:
    provenance = described["provenance"]
    lines = [
        "# Evaluation",
        "",
        f"{described['frames']} frames. Protocol: {described['protocol']}.",
        f"Weights {provenance['weights']} (SHA-256 {provenance['sha256'][:16]}), {provenance['architecture']}, "
        f"{provenance['device']}, {provenance['precision']}; {described['seconds_per_frame']:.2f} s a frame.",
        f"Ground truth: {', '.join(f'{source} ({count})' for source, count in described['sources'].items())}.",
        "",
        *_table("", {"all frames": described}),
    ]
    if described["unlabelled"]:
        lines += [f"{len(described['unlabelled'])} frames have no ground truth and were left out.", ""]
    if described["failed"]:
        lines += [f"{len(described['failed'])} frames could not be read and were left out:", ""]
        lines += [*(f"- {failure['name']}: {failure['error']}" for failure in described["failed"]), ""]
    for title, groups in (
        ("Camera", described["sensors"]),
        ("Type of room", described["scenes"]),
        ("Depth", described["regions"]["depth"]),
        ("Depth measured by the sensor", described["regions"]["measured"]),
        ("Distance to a boundary between classes (5 px)", described["regions"]["place"]),
    ):
        if groups:
            lines += [f"## {title}", "", *_table("frames" if title in ("Camera", "Type of room") else "", groups)]
    lines += ["## Classes", "", "| class | IoU | accuracy | pixels |", "|---|---|---|---|"]
    lines += [
        f"| {display} | {_shown(iou)} | {_shown(accuracy)} | {truth:,} |"
        for display, (_, iou, accuracy, truth, _) in zip(DISPLAY_NAMES, _classes(evaluation), strict=True)
    ]
    lines += ["", "## Most confused", "", *(f"- {line}" for line in confused_pairs(evaluation.matrix)), ""]
    return "\n".join(lines)


def _table(count: str, groups: dict[str, Any]) -> list[str]:
    head = ["", *([count] if count else []), *_TITLES.values()]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, group in groups.items():
        counted = [str(group["frames"])] if count else []
        lines.append(f"| {' | '.join([name, *counted, *(_shown(group[key]) for key in _SUMMARY)])} |")
    return [*lines, ""]


def _shown(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"
