"""The HTML page of a report: scores with intervals, classes, confusions, strata, frames and protocol."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from deresunet import __version__
from deresunet.classes import ClassSet
from deresunet.evaluation.bootstrap import MIN_FRAMES, Interval, ScoreIntervals, confusion_rows, score_intervals
from deresunet.evaluation.boundary_iou import boundary_iou, boundary_miou
from deresunet.evaluation.evaluation import Evaluation, percent
from deresunet.evaluation.html import amber, in_percent

CONFUSED_PAIRS = 20
# Classes in a drawn confusion matrix; more cannot be read.
MOST_DRAWN = 40
# Titles of groups of frames or pixels, by the key that the JSON has them under.
GROUP_TITLES = {
    "sensors": "By sensor",
    "scenes": "By room type",
    "depth": "By depth",
    "measured": "By whether the sensor measured depth",
    "place": "By distance to a class boundary (5 px)",
}
_STYLE = Path(__file__).with_name("report.css")


def html_page(title: str, sections: Iterable[str]) -> str:
    """A whole HTML page in the style of reports, with nothing to fetch.

    Args:
        title: plain text, for the window and the heading.
        sections: HTML, in order.
    """
    escaped = html.escape(title)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escaped}</title><style>{_STYLE.read_text()}</style>'
        f"</head><body><h1>{escaped}</h1>{''.join(sections)}<footer>{imprint()}</footer></body></html>\n"
    )


def imprint() -> str:
    """Version, licences and links: the last line of every report and of the inspector's page, as HTML.

    The sources are linked where this runs as a Hugging Face Space, whose address is known.
    """
    space = os.environ.get("SPACE_ID")
    sources = f' · <a href="https://huggingface.co/spaces/{html.escape(space)}/tree/main">sources</a>' if space else ""
    return (
        f'DeResUNet {__version__} · code <a href="https://opensource.org/license/mit">MIT</a>, bundled weights for '
        f"research use{sources}"
    )


def evaluation_sections(
    evaluation: Evaluation,
    confusions: bytes,
    pictures: Mapping[str, Sequence[tuple[str, float, np.ndarray]]],
    more: Sequence[str] = (),
) -> list[str]:
    """Sections of the report on an evaluation, as HTML.

    Args:
        evaluation: with its frames' results.
        confusions: the confusion matrix as `confusion_png` draws it.
        pictures: "worst" and "best" -> name, mIoU 0..1 and picture uint8 (H, W, 3) of frames.
        more: further sections, put before the frames.
    """
    described = evaluation.as_dict()
    found = score_intervals(confusion_rows(evaluation.results, len(evaluation.class_set)))
    groups = {"sensors": described["sensors"], "scenes": described["scenes"], **described["regions"]}
    classes = evaluation.class_set
    sentences = "".join(f"<li>{html.escape(line)}</li>" for line in confused_pairs(evaluation.matrix, classes))
    remarks = "".join(f"<p>{html.escape(line)}</p>" for line in evaluation.remarks)
    return [
        f'<p class="soft">Semantic segmentation of {evaluation.frames:,} RGB-D frames, compared with the ground truth: '
        f"{html.escape(classes.title)}.</p>{remarks}",
        _scores(evaluation, found),
        _left_out(evaluation),
        '<p class="soft">IoU of a class: pixels where prediction and ground truth agree on it, over those where either '
        "has it. mIoU: mean over the classes with ground truth. Boundary IoU: IoU of classes' inner boundary bands, "
        "2 % of the image's diagonal wide. All are pooled over the frames; void pixels are left out. n/a: neither "
        "ground truth nor prediction.</p>",
        f"<h2>Input</h2>{_input(evaluation)}",
        f"<h2>Classes</h2>{_classes(evaluation, found.iou)}",
        "<h2>Confusions</h2><p class='soft'>Rows: ground truth; columns: prediction; colour: share of the row's "
        f"pixels.{_most(evaluation.matrix)}</p>{image(confusions, 'Confusion matrix', 'plot')}"
        f"<ul>{sentences}</ul>",
        *(f"<h2>{GROUP_TITLES[key]}</h2>{_groups(group)}" for key, group in groups.items() if group),
        *more,
        *(
            f"<h2>{kind.capitalize()} frames</h2><p class='soft'>Each: RGB, depth where there is any, ground truth, "
            f"prediction, errors.</p>{''.join(_frame(*frame) for frame in frames)}"
            for kind, frames in pictures.items()
            if frames
        ),
        f"<h2>Protocol</h2>{_provenance(described)}",
    ]


def confused_pairs(matrix: np.ndarray, classes: ClassSet, count: int = CONFUSED_PAIRS) -> list[str]:
    """The most frequent confusions of a confusion matrix (N, N + 1) in words, most pixels first."""
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
            f"{classes.display_names[row]} → {column_names(classes)[column]}: {in_percent(pixels / truth[row])} of its "
            f"pixels ({pixels:,}), {in_percent(pixels / wrong.sum())} of all errors"
        )
    return lines or ["no confusions"]


def column_names(classes: ClassSet) -> tuple[str, ...]:
    """Names of the N + 1 columns of a confusion matrix, for people."""
    return (*classes.display_names, "none of these")


def drawn_classes(matrix: np.ndarray, most: int = MOST_DRAWN) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a confusion matrix (N, N + 1) to draw: the classes with most pixels, in their own order.

    The column of predictions outside the classes is left out where it is empty.
    """
    pixels = matrix.sum(1) + matrix[:, : len(matrix)].sum(0)
    rows = np.sort(np.argsort(-pixels, kind="stable")[:most])
    return rows, np.append(rows, len(matrix)) if matrix[:, len(matrix) :].any() else rows


def confusion_axes(shares: np.ndarray, matrix: np.ndarray, classes: ClassSet) -> tuple[Figure, Axes, np.ndarray]:
    """Figure whose axes name the drawn rows and columns of a matrix (N, N + 1), and of `shares` those cells."""
    rows, columns = drawn_classes(matrix)
    figure = Figure(figsize=(11, 10), layout="constrained")
    axes = figure.add_subplot()
    axes.xaxis.set_ticks(range(len(columns)), [column_names(classes)[k] for k in columns])
    axes.yaxis.set_ticks(range(len(rows)), [classes.display_names[k] for k in rows])
    axes.tick_params(axis="x", rotation=90)
    axes.set_xlabel("prediction")
    axes.set_ylabel("ground truth (blank: none in the data)")
    return figure, axes, shares[np.ix_(rows, columns)]


def confusion_figure(matrix: np.ndarray, classes: ClassSet) -> Figure:
    """Confusion matrix (N, N + 1) as a picture: each row as shares of its class's pixels."""
    truth = matrix.sum(1, keepdims=True)
    shares = np.divide(matrix, truth, out=np.full(matrix.shape, np.nan), where=truth > 0)
    figure, axes, cells = confusion_axes(shares, matrix, classes)
    drawn = axes.imshow(cells, cmap="viridis", vmin=0, vmax=1)
    figure.colorbar(drawn, ax=axes, label="share of the class's pixels", shrink=0.8)
    return figure


def confusion_png(matrix: np.ndarray, classes: ClassSet) -> bytes:
    """`confusion_figure` as a PNG."""
    buffer = io.BytesIO()
    confusion_figure(matrix, classes).savefig(buffer, format="png", dpi=90)
    return buffer.getvalue()


def image(encoded: bytes, alternative: str, style: str = "") -> str:
    """A PNG or JPEG within the page, as HTML; `alternative` is plain text for those who do not see it."""
    kind = "jpeg" if encoded.startswith(b"\xff\xd8") else "png"
    data = base64.b64encode(encoded).decode()
    return f'<img class="{style}" alt="{html.escape(alternative)}" src="data:image/{kind};base64,{data}">'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in a box of its own that scrolls, as HTML; cells are HTML."""
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    titles = "".join(f"<th>{title}</th>" for title in head)
    return f'<div class="scroll"><table><tr>{titles}</tr>{lines}</table></div>'


def two_decimals(value: float | None) -> str:
    """A number of percent with two decimals, or n/a for None."""
    return "n/a" if value is None else f"{value:.2f}"


def _most(matrix: np.ndarray) -> str:
    more = len(matrix) > MOST_DRAWN
    return f" Drawn are the {MOST_DRAWN} classes with most pixels; confusion.csv has all." if more else ""


def _scores(evaluation: Evaluation, found: ScoreIntervals) -> str:
    pooled = evaluation.scores
    classes = int((pooled.truth_pixels > 0).sum())
    figures = [
        _score(f"{two_decimals(percent(found.miou.value))} %", f"mIoU over {classes} classes", _interval(found.miou)),
        _score(f"{two_decimals(percent(found.pixel_acc.value))} %", "pixel accuracy", _interval(found.pixel_acc)),
        _score(f"{two_decimals(percent(pooled.mean_acc))} %", "mean accuracy"),
        _score(f"{two_decimals(percent(boundary_miou(evaluation.boundary)))} %", "mean boundary IoU"),
        _score(f"{evaluation.frames:,}", "frames"),
    ]
    note = (
        f"Fewer than {MIN_FRAMES} frames: too few for a confidence interval."
        if found.frames < MIN_FRAMES
        else f"Below a score: its {in_percent(found.level, 0)} bootstrap confidence interval over frames. Frames of "
        "one recording are alike, so the interval is too narrow."
    )
    return f'<div class="scores">{"".join(figures)}</div><p class="soft">{note}</p>'


def _score(value: str, name: str, more: str = "") -> str:
    return f'<div class="score"><b>{value}</b><span>{name}</span>{more}</div>'


def _interval(interval: Interval) -> str:
    if np.isnan(interval.low):
        return ""
    value, low, high = (100 * each for each in (interval.value, interval.low, interval.high))
    return (
        f'<div class="interval"><i style="left:{low:.2f}%;width:{high - low:.2f}%"></i>'
        f'<u style="left:{value:.2f}%"></u></div><small>{low:.2f} to {high:.2f} %</small>'
    )


def _left_out(evaluation: Evaluation) -> str:
    lines = []
    if evaluation.unlabelled:
        example = html.escape(evaluation.unlabelled[0])
        lines.append(f"{len(evaluation.unlabelled):,} frames without ground truth were left out, such as {example}.")
    if evaluation.failed:
        lines += [f"{html.escape(one.name)}: {html.escape(one.error)}" for one in evaluation.failed]
    return amber(evaluation.coverage) + "".join(f"<p>{line}</p>" for line in lines)


def _input(evaluation: Evaluation) -> str:
    """How depth was understood, and what looks wrong about the data set and its frames."""
    tally = evaluation.tally()
    lines = [*tally.lines(), *evaluation.notices]
    warnings = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    rows = [[html.escape(name), f"{count:,}"] for name, count in tally.encodings.items()]
    return table(("depth as stored, unit", "frames"), rows) + (
        f"<p>Warnings:</p><ul>{warnings}</ul>" if lines else '<p class="soft">No warnings.</p>'
    )


def _classes(evaluation: Evaluation, intervals: Sequence[Interval]) -> str:
    pooled, boundary = evaluation.scores, boundary_iou(evaluation.boundary)
    rows, classes = [], evaluation.class_set
    for k in sorted(range(len(classes)), key=lambda k: (-np.nan_to_num(pooled.iou[k], nan=-1.0), k)):
        width = 100 * np.nan_to_num(pooled.iou[k])
        bar = f'<span class="bar"><i style="width:{width:.2f}%;background:{classes.colours[k]}"></i></span>'
        ratios = (pooled.iou, pooled.precision, pooled.recall, pooled.f1, boundary)
        iou, *numbers = (two_decimals(percent(float(ratio[k]))) for ratio in ratios)
        low, high = (two_decimals(percent(end)) for end in (intervals[k].low, intervals[k].high))
        interval = "n/a" if low == "n/a" else f"{low} to {high}"
        rows.append(
            [html.escape(classes.display_names[k]), bar, iou, interval, *numbers, f"{int(pooled.truth_pixels[k]):,}"]
        )
    head = (
        "class",
        "",
        "IoU %",
        "95 % interval",
        "precision %",
        "recall %",
        "F1 %",
        "boundary IoU %",
        "ground truth px",
    )
    return table(head, rows)


def _groups(groups: Mapping[str, Mapping[str, Any]]) -> str:
    counted = any("frames" in group for group in groups.values())
    head = ("", *(["frames"] if counted else []), "pixels", "mIoU %", "pixel acc. %", "mean acc. %")
    rows = [
        [
            html.escape(name),
            *([f"{group['frames']:,}"] if counted else []),
            f"{group['pixels']:,}",
            *(two_decimals(group[key]) for key in ("miou", "pixel_acc", "mean_acc")),
        ]
        for name, group in groups.items()
    ]
    return table(head, rows)


def _frame(name: str, miou: float, picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85, subsampling=0)
    shown = image(buffer.getvalue(), f"{name}: RGB, ground truth, prediction, errors")
    return f"<figure>{shown}<figcaption>{html.escape(name)} · mIoU {100 * miou:.2f} %</figcaption></figure>"


def _provenance(described: dict[str, Any]) -> str:
    origin = described["provenance"]
    sources = ", ".join(f"{html.escape(name)} ({count:,})" for name, count in described["sources"].items() if name)
    pieces = [
        f"{html.escape(origin['weights'])}, SHA-256 <code>{origin['sha256'][:16]}</code>",
        f"{html.escape(origin['architecture'])}, {html.escape(origin['device'])}, {origin['precision']}",
        f"{described['seconds_per_frame']:.2f} s a frame",
        f"frames of {sources}" if sources else "",
        html.escape(origin["training"]),
    ]
    line = " · ".join(piece for piece in pieces if piece)
    return f'<p class="provenance">{line}</p><p>{html.escape(described["protocol"])}.</p>'
