"""Progress of an evaluation, and what stands beside its plots, as lines of HTML."""

from __future__ import annotations

import html

import numpy as np

from demo.dataset.pictures import Focus, focus_keys
from demo.dataset.progress import Progress, Run, duration
from demo.dataset.result import DatasetResult, FrameProperty
from deresunet.classes import ClassSet
from deresunet.evaluation.confusions import Confusion, most_confused
from deresunet.evaluation.html import in_percent, key_line

NO_CONFUSION = "none: choose a pair to see its frames"


def status(run: Run, progress: Progress) -> str:
    """Progress of an evaluation, and another evaluation that is running, as HTML."""
    name = html.escape(str(run))
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
        facts.append(f"mIoU so far <b>{in_percent(progress.miou, 2)}</b>")
    if progress.state == "partial":
        title, more = "Interrupted", "Resume continues with the next frame."
    elif progress.state == "waiting":
        title, more = "Waiting", "One evaluation runs at a time; this one starts by itself."
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


def no_labels(run: Run) -> str:
    """Why a data set cannot be evaluated, as HTML."""
    return (
        f'<div class="ds-status empty" role="status"><b>{html.escape(run.source)} has no ground truth</b><p>An '
        "evaluation compares predictions with label/ beside rgb/, or with SUN RGB-D's annotations; none of the frames "
        "looked at has one. Inspect, Compare, 3D and reports of frames work without.</p></div>"
    )


def scatter_note(result: DatasetResult, chosen: np.ndarray, name: FrameProperty, label: int | None) -> str:
    """Caption of the scatter plot, as HTML."""
    said = result.correlation(chosen, name, label)
    return f'<p class="soft">{said} Click a point to open its frame in Inspect.</p>'


def cell_note(result: DatasetResult, chosen: np.ndarray, cell: Confusion | None) -> str:
    """Sentence on the chosen confusion, as HTML."""
    if cell is None:
        return '<p class="soft">Click a cell, or choose from the list, for its frames.</p>'
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
        f'<p class="soft">{there:,} of {total:,} frames, {by}. Each: frame, ground truth, prediction, and '
        f"{key_line(focus_keys(focus))}. Click one to open it in Inspect.</p>"
    )


def confusions_title(classes: ClassSet | None = None, label: int | None = None) -> str:
    """Title of the list of confusions, or of those of a class."""
    return (
        "Largest confusions"
        if classes is None or label is None
        else f"Largest confusions of {classes.display_name(label)}"
    )


def confusion_choices(matrix: np.ndarray, classes: ClassSet, label: int | None = None) -> list[tuple[str, str]]:
    """The most frequent confusions, or those of a class, as choices (text, value) of a dropdown."""
    found = [
        (f"{cell}: {in_percent(pixels / matrix[cell.truth - 1].sum(), 0)}", f"{cell.truth},{cell.prediction}")
        for cell, pixels in most_confused(matrix, classes, label=label)
    ]
    return [(NO_CONFUSION, ""), *found]


def chosen_confusion(value: str | None, classes: ClassSet) -> Confusion | None:
    """The confusion that a value of the dropdown names; None for none."""
    if not value or "," not in value:
        return None
    truth, prediction = value.split(",")
    return Confusion(int(truth), int(prediction), classes)
