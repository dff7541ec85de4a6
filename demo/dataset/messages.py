"""Progress and results of an evaluation as lines of HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from demo.dataset.pictures import Focus, focus_keys
from demo.dataset.progress import Progress, Request, duration
from demo.dataset.result import Confusion, DatasetResult, FrameProperty, most_confused
from demo.markup import ALL_CLASSES
from deresunet.classes import ClassSet
from deresunet.evaluation.bootstrap import MIN_FRAMES, Interval
from deresunet.evaluation.evaluation import percent
from deresunet.evaluation.html import MODALITY_NAMES, amber, in_percent
from deresunet.evaluation.metrics import scores
from deresunet.evaluation.report_page import drawn_classes
from deresunet.evaluation.stratified import BOUNDARY_PX
from deresunet.visualization.colours import CORRECT, WRONG

NO_CONFUSION = "none: choose a pair to see its frames"


def shown(ratio: float, places: int = 2) -> str:
    """A ratio 0..1 in percent as the command line prints it; n/a for NaN."""
    value = percent(ratio)
    return "n/a" if value is None else f"{value:.{places}f}"


def status(request: Request, progress: Progress) -> str:
    """Progress of an evaluation, and another evaluation that is running, as HTML."""
    name = html.escape(str(request))
    busy = f'<p class="quiet">Now running: {html.escape(progress.elsewhere)}.</p>' if progress.elsewhere else ""
    if progress.state == "done":
        return ""
    if progress.state == "new":
        return (
            f'<div class="ds-status empty" role="status"><b>{name}: not evaluated yet</b><p>The evaluation runs over '
            f"all {progress.total:,} frames. It gives mIoU with its bootstrap confidence interval, IoU of each class, "
            "the confusions, and the frames behind each number.</p>"
            '<p class="quiet">Shares the processor with other visitors; finished frames are kept if you cancel.</p>'
            f"{busy}</div>"
        )
    share = progress.done / max(progress.total, 1)
    frames = f"{progress.done:,} of {progress.total:,} frames"
    facts = [f"<b>{frames}</b>"]
    if not np.isnan(progress.miou):
        facts.append(f"mIoU so far <b>{shown(progress.miou)} %</b>")
    if progress.state == "partial":
        title, more = "Interrupted", "Resume continues with the next frame."
    elif progress.stopping:
        title, more = "Stopping", "The current frame is finished first."
    elif progress.following:
        title = "Running"
        more = "You can inspect frames meanwhile, or leave: the frames done are kept."
        left = "time left is not known yet" if progress.seconds_left is None else None
        facts.append(left or f"about <b>{duration(progress.seconds_left or 0.0)}</b> left")
    else:
        title = "Running"  # a reloaded page looks like another visitor's
        more = (
            "It runs for another page, or for this one before it was reloaded. Follow it to see its result as soon as "
            "it is there."
        )
        if progress.seconds_left is not None:
            facts.append(f"about <b>{duration(progress.seconds_left)}</b> left")
    return (
        f'<div class="ds-status" role="status"><p><b>{title}</b>: {name}</p><div class="track" role="progressbar" '
        f'aria-valuemin="0" aria-valuemax="{progress.total}" aria-valuenow="{progress.done}" '
        f'aria-label="{frames}"><i style="width:{100 * share:.1f}%"></i></div>'
        f'<p class="said">{"".join(f"<span>{fact}</span>" for fact in facts)}</p>'
        f'<p class="quiet">{more}</p>{busy}</div>'
    )


def no_labels(request: Request) -> str:
    """Why a data set cannot be evaluated, as HTML."""
    return (
        f'<div class="ds-status empty" role="status"><b>{html.escape(request.source)} has no ground truth</b><p>An '
        "evaluation compares predictions with label/ beside rgb/, or with SUN RGB-D's annotations; none of the frames "
        "looked at has one. Inspect, Compare, 3D and reports of frames work without.</p></div>"
    )


def remarks(lines: Iterable[str]) -> str:
    """Sentences on a data set or a result, such as files that were not taken, as HTML."""
    return "".join(f'<p class="ds-note">{html.escape(line)}</p>' for line in lines)


def headline(result: DatasetResult, chosen: np.ndarray, label: int | None) -> str:
    """Scores of the chosen frames with their intervals, as HTML."""
    everything = len(result.frames)
    found, pooled = result.intervals(chosen), scores(result.matrix(chosen))
    classes = int((pooled.truth_pixels > 0).sum())
    frames = f"{len(chosen):,}" if len(chosen) == everything else f"{len(chosen):,} of {everything:,}"
    figures = [
        _figure(f"{shown(found.miou.value)} %", f"mIoU over {classes} classes", _interval(found.miou)),
        _figure(f"{shown(found.pixel_acc.value)} %", "pixel accuracy", _interval(found.pixel_acc)),
        _figure(f"{shown(pooled.mean_acc)} %", "mean accuracy"),
        _figure(_percent(result.boundary_miou(chosen)), "mean boundary IoU"),
        _figure(frames, "frames"),
    ]
    if label is not None:
        here = int(result.frames_with(chosen)[label - 1])
        iou = shown(pooled.iou[label - 1])
        figures.insert(0, _figure(f"{iou} %".replace("n/a %", "n/a"), f"IoU of {result.class_set.display_name(label)}"))
        figures.append(_figure(f"{here:,}", f"frames with {result.class_set.display_name(label)}"))
    if found.frames < MIN_FRAMES:
        note = f"Fewer than {MIN_FRAMES} frames: too few for an interval."
    else:
        note = (
            f"Below a score: its {in_percent(found.level, 0)} bootstrap confidence interval over frames. Frames of one "
            "recording are alike, so the interval is too narrow."
        )
    return (
        f'<div class="ds-figures">{"".join(figures)}</div><p class="ds-note">{note}</p>'
        f'<p class="ds-note">{_places(result, chosen)} Boundary IoU: IoU of classes\' inner boundary bands, 2 % of the '
        f"image's diagonal wide.</p>{remarks(result.evaluation.remarks)}"
    )


def left_out(result: DatasetResult) -> str:
    """Frames that are not in the scores, and why, as HTML."""
    evaluation, lines = result.evaluation, []
    if evaluation.unlabelled:
        example = html.escape(evaluation.unlabelled[0])
        lines.append(f"{len(evaluation.unlabelled):,} frames without ground truth were left out, such as {example}.")
    if evaluation.failed:
        lines.append(html.escape(evaluation.failed[0].error))
    return amber(evaluation.coverage) + "".join(f'<p class="ds-note"><b>Left out:</b> {line}</p>' for line in lines)


def class_bars(result: DatasetResult, chosen: np.ndarray, label: int | None = None, clickable: bool = False) -> str:
    """IoU of each class as a bar with the number of frames that have it, best first, as HTML.

    Args:
        result: result of a run.
        chosen: frames that are pooled.
        label: class that is marked.
        clickable: make buttons for `markup.PICK_CLASS` of "all classes" and of the classes in the ground truth.
    """
    pooled, frames = scores(result.matrix(chosen)), result.frames_with(chosen)
    offered = (result.frames_with(result.choose()) > 0) & clickable
    classes = result.class_set
    most = {*drawn_classes(result.matrix(chosen))[0].tolist(), -1 if label is None else label - 1}
    order = sorted(most & set(range(len(classes))), key=lambda k: (-np.nan_to_num(pooled.iou[k], nan=-1.0), k))
    rows = []
    if clickable:
        kind = "chosen" if label is None else ""
        rows.append(_bar(ALL_CLASSES, pooled.miou, len(chosen), "var(--color-accent)", kind, True))
    for k in order:
        kind = "chosen" if label == k + 1 else "" if frames[k] else "absent"
        rows.append(
            _bar(classes.display_names[k], pooled.iou[k], int(frames[k]), classes.colours[k], kind, bool(offered[k]))
        )
    more = ""
    if len(order) < len(classes):
        more = (
            f'<p class="ds-note">{len(order)} of {len(classes)} classes, those with most pixels. The table has all; '
            "the class filter finds each.</p>"
        )
    head = '<div class="head"><span>class</span><span></span><span>IoU %</span><span>frames</span></div>'
    return f'<div class="ds-bars" role="group" aria-label="IoU of each class">{head}{"".join(rows)}</div>{more}'


def class_table(result: DatasetResult, chosen: np.ndarray) -> pd.DataFrame:
    """One row a class in ground truth or predictions, in percent, and its number of frames.

    IoU with its bootstrap confidence interval, precision, recall, F1 and boundary IoU.
    """
    pooled, frames = scores(result.matrix(chosen)), result.frames_with(chosen)
    names = result.class_set.display_names
    there = [k for k in range(len(names)) if pooled.truth_pixels[k] or pooled.predicted_pixels[k]]
    intervals = result.intervals(chosen).iou
    ratios: dict[str, np.ndarray] = {
        "IoU %": pooled.iou,
        "from": np.array([one.low for one in intervals]),
        "to": np.array([one.high for one in intervals]),
        "precision %": pooled.precision,
        "recall %": pooled.recall,
        "F1 %": pooled.f1,
        "boundary IoU %": result.boundary_iou(chosen),
    }
    return pd.DataFrame(
        {
            "class": [names[k] for k in there],
            **{name: [100.0 * float(ratio[k]) for k in there] for name, ratio in ratios.items()},
            "frames": [int(frames[k]) for k in there],
        }
    )


def bars_note() -> str:
    """Sentence on a click on a bar, as HTML."""
    return '<p class="ds-note">Click a class for its frames and its confusions: its row and column in the matrix.</p>'


def matrix_note() -> str:
    """Caption of the confusion matrix, as HTML."""
    return (
        f'<p class="ds-note">{_key(CORRECT)}correct {_key(WRONG)}wrong. Rows: ground truth; columns: '
        "prediction. Numbers: % of the row's pixels; a deeper colour is a larger share.</p>"
    )


def scatter_note(result: DatasetResult, chosen: np.ndarray, name: FrameProperty, label: int | None) -> str:
    """Caption of the scatter plot, as HTML."""
    said = result.correlation(chosen, name, label)
    return f'<p class="ds-note">{said} Click a point to open its frame in Inspect.</p>'


def cell_note(result: DatasetResult, chosen: np.ndarray, cell: Confusion | None) -> str:
    """Sentence on the chosen confusion, as HTML."""
    if cell is None:
        return '<p class="ds-note">Click a cell, or choose from the list, for its frames.</p>'
    below = " The frames with most of it are below." if result.confused(chosen, cell) else ""
    return f'<p class="ds-said">{result.describe(chosen, cell)}{below}</p>'


def gallery_note(total: int, there: int, focus: Focus, classes: ClassSet) -> str:
    """Caption of the gallery, as HTML."""
    if not total:
        return '<div class="ds-status empty"><b>No such frame</b><p>Choose another class, or other filters.</p></div>'
    if focus is None:
        by = "by their own mIoU"
    elif isinstance(focus, Confusion):
        by = f"with most {focus}"
    else:
        by = f"by IoU of {html.escape(classes.display_name(focus))}"
    return (
        f'<p class="ds-note">{there:,} of {total:,} frames, {by}. Each: frame, ground truth, prediction, and '
        f"{fourth_key(focus)}. Click one to open it in Inspect.</p>"
    )


def fourth_key(focus: Focus) -> str:
    """Meaning of the colours in the fourth of a frame's pictures, as HTML."""
    return " ".join(f"{_key(colour)}{name}" for name, colour in focus_keys(focus).items())


def confusions_title(classes: ClassSet | None = None, label: int | None = None) -> str:
    """Title of the list of confusions, or of those of a class."""
    return (
        "Largest confusions"
        if classes is None or label is None
        else f"Largest confusions of {classes.display_name(label)}"
    )


def confusion_choices(matrix: np.ndarray, classes: ClassSet, label: int | None = None) -> list[tuple[str, str]]:
    """The most frequent confusions, or those of a class, as choices (text, value) of a dropdown."""
    worst = most_confused(matrix, classes, label=label)
    found = [(f"{cell}: {in_percent(share, 0)}", f"{cell.truth},{cell.prediction}") for cell, share in worst]
    return [(NO_CONFUSION, ""), *found]


def chosen_confusion(value: str | None, classes: ClassSet) -> Confusion | None:
    """The confusion that a value of the dropdown names; None for none."""
    if not value or "," not in value:
        return None
    truth, prediction = value.split(",")
    return Confusion(int(truth), int(prediction), classes)


def provenance(result: DatasetResult) -> str:
    """Weights, frames and protocol of the scores, as HTML."""
    evaluation = result.evaluation
    origin: dict[str, Any] = evaluation.provenance
    sources = ", ".join(
        f"{html.escape(name)} ({count:,})" for name, count in evaluation.as_dict()["sources"].items() if name
    )
    pieces = [
        f"{html.escape(str(result.source))}, {evaluation.frames:,} frames{f' of {sources}' if sources else ''}",
        f"{html.escape(origin['weights'])} · sha256 <code>{origin['sha256'][:12]}</code>",
        f"{html.escape(origin['architecture'])}, modality {MODALITY_NAMES[result.modality]}",
        f"{html.escape(origin['device'])} ({origin['precision']}), {evaluation.seconds_per_frame:.2f} s a frame",
        f"PyTorch {origin['torch']}",
    ]
    return f'<div class="provenance">{" · ".join(pieces)}<br>Protocol: {html.escape(evaluation.protocol)}.</div>'


def _bar(name: str, iou: float, frames: int, colour: str, kind: str, clickable: bool) -> str:
    tag, attributes = "div", ""
    if clickable:
        tag, attributes = (
            "button",
            f' type="button" data-class="{html.escape(name)}" aria-pressed="{str(kind == "chosen").lower()}"',
        )
    width = 0.0 if np.isnan(iou) else 100 * iou
    return (
        f'<{tag} class="{kind}"{attributes}><span>{html.escape(name)}</span><span class="track"><i style="width:'
        f"{width:.2f}%;"
        f'background:{colour}"></i></span><span>{shown(iou)}</span><span>{frames:,}</span></{tag}>'
    )


def _percent(ratio: float) -> str:
    return "n/a" if np.isnan(ratio) else f"{shown(ratio)} %"


def _places(result: DatasetResult, chosen: np.ndarray) -> str:
    """Sentences on the scores by distance to a class boundary."""
    parts = []
    for name, matrix in result.places(chosen).items():
        found = scores(matrix)
        parts.append(f"{name.capitalize()}: mIoU {_percent(found.miou)}, pixel accuracy {_percent(found.pixel_acc)}.")
    return f"By distance to a class boundary ({BOUNDARY_PX} px): {' '.join(parts)}"


def _interval(interval: Interval) -> str:
    if np.isnan(interval.low):
        return ""
    low, high = 100 * interval.low, 100 * interval.high
    return (
        f'<div class="interval"><i style="left:{low:.2f}%;width:{high - low:.2f}%"></i>'
        f'<b style="left:{100 * interval.value:.2f}%"></b></div>'
        f"<small>{shown(interval.low)} to {shown(interval.high)} %</small>"
    )


def _figure(value: str, name: str, more: str = "") -> str:
    return f'<div class="figure"><b>{value}</b><span>{name}</span>{more}</div>'


def _key(colour: tuple[int, int, int]) -> str:
    return f'<i class="key" style="background:rgb{colour}"></i>'
