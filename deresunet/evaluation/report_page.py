"""Sections about one evaluation, of the page and of its report: scores, classes, confusions, strata, protocol."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from deresunet.evaluation.boundary_iou import boundary_iou, boundary_miou
from deresunet.evaluation.calibration import reliability_diagram
from deresunet.evaluation.confusions import MOST_DRAWN, confused_pairs, drawn_classes
from deresunet.evaluation.evaluation import Evaluation
from deresunet.evaluation.html import MODALITY_NAMES, amber, figure, image, in_percent, interval, key_line, notes, table
from deresunet.evaluation.metrics import scores
from deresunet.evaluation.stratified import BOUNDARY_PX
from deresunet.visualization.colours import CORRECT, WRONG

# Titles of groups of frames or pixels, by the key that the JSON has them under.
GROUP_TITLES = {
    "sensors": "By sensor",
    "scenes": "By room type",
    "depth": "By depth",
    "measured": "By whether the sensor measured depth",
    "place": f"By distance to a class boundary ({BOUNDARY_PX} px)",
}
ALL_CLASSES = "all classes"


def evaluation_sections(
    evaluation: Evaluation,
    confusions: bytes,
    pictures: Mapping[str, Sequence[tuple[str, float, np.ndarray]]],
    more: Sequence[str] = (),
) -> list[str]:
    """Sections of the report on an evaluation, as HTML.

    Args:
        evaluation: with its frames' results.
        confusions: the confusion matrix as a PNG.
        pictures: "worst" and "best" -> name, mIoU 0..1 and picture uint8 (H, W, 3) of frames.
        more: further sections, put before the frames.
    """
    described, classes = evaluation.as_dict(), evaluation.class_set
    groups = {"sensors": described["sensors"], "scenes": described["scenes"], **described["regions"]}
    sentences = "".join(f"<li>{html.escape(line)}</li>" for line in confused_pairs(evaluation.matrix, classes))
    return [
        f'<p class="soft">Semantic segmentation of {evaluation.frames:,} RGB-D frames, compared with the ground truth: '
        f"{html.escape(classes.title)}.</p>",
        headline(evaluation),
        left_out(evaluation),
        '<p class="soft">IoU of a class: pixels where prediction and ground truth agree on it, over those where either '
        "has it. mIoU: mean over the classes with ground truth. All are pooled over the frames; void pixels are left "
        "out. n/a: neither ground truth nor prediction.</p>",
        f"<h2>Input</h2>{_input(evaluation)}",
        f"<h2>Classes</h2>{class_bars(evaluation)}",
        table(class_table(evaluation), classes=classes, places=2, sortable=False),
        f"<h2>Confusions</h2>{matrix_note(evaluation)}{image(confusions, 'Confusion matrix', 'plot')}"
        f"<ul>{sentences}</ul>",
        f"<h2>Calibration</h2>{reliability_diagram(evaluation.reliability)}",
        *(f"<h2>{GROUP_TITLES[key]}</h2>{_groups(group)}" for key, group in groups.items() if group),
        *more,
        *(
            f"<h2>{kind.capitalize()} frames</h2><p class='soft'>Each: RGB, depth where there is any, ground truth, "
            f"prediction, errors.</p>{''.join(_frame(*frame) for frame in frames)}"
            for kind, frames in pictures.items()
            if frames
        ),
        f"<h2>Protocol</h2>{provenance(evaluation)}",
    ]


def headline(evaluation: Evaluation, label: int | None = None, total: int | None = None) -> str:
    """Scores with their intervals and what they are, as HTML.

    Args:
        evaluation: or a part of one.
        label: a class 1..N whose IoU comes first, or None.
        total: number of frames of the whole, where this is a part of it.
    """
    found, pooled, frames = evaluation.intervals, evaluation.scores, evaluation.frames
    figures = [
        figure(
            in_percent(found.miou.value, 2),
            f"mIoU over {int((pooled.truth_pixels > 0).sum())} classes",
            interval(*vars(found.miou).values()),
        ),
        figure(in_percent(found.pixel_acc.value, 2), "pixel accuracy", interval(*vars(found.pixel_acc).values())),
        figure(in_percent(pooled.mean_acc, 2), "mean accuracy"),
        figure(in_percent(boundary_miou(evaluation.boundary), 2), "mean boundary IoU"),
    ]
    if not np.isnan(error := evaluation.reliability.expected_error):
        figures.append(figure(in_percent(error, 2), "expected calibration error"))
    figures.append(figure(f"{frames:,}" if total in (None, frames) else f"{frames:,} of {total:,}", "frames"))
    if label is not None:
        name, one = evaluation.class_set.display_name(label), found.iou[label - 1]
        iou = pooled.iou[label - 1]
        figures.insert(0, figure(in_percent(iou, 2), f"IoU of {name}", interval(iou, one.low, one.high)))
        figures.append(figure(f"{evaluation.frames_with[label - 1]:,}", f"frames with {name}"))
    places = []
    for name, matrix in evaluation.stratified()["place"].items():
        there = scores(matrix)
        places.append(
            f"{name.capitalize()}: mIoU {in_percent(there.miou, 2)}, pixel accuracy {in_percent(there.pixel_acc, 2)}."
        )
    few = np.isnan(found.miou.low)
    return f'<div class="scores">{"".join(figures)}</div>' + notes(
        (
            found.method if few else f"Below a score: its {found.method}",
            f"{GROUP_TITLES['place']}: {' '.join(places)} Boundary IoU: IoU of classes' inner boundary bands, 2 % of "
            "the image's diagonal wide.",
            *evaluation.remarks,
        )
    )


def left_out(evaluation: Evaluation) -> str:
    """Frames that are not in the scores, and why, as HTML."""
    lines = [f"{one.name}: {one.error}" for one in evaluation.failed]
    if evaluation.unlabelled:
        example = evaluation.unlabelled[0]
        lines.append(f"{len(evaluation.unlabelled):,} frames without ground truth were left out, such as {example}.")
    return amber(evaluation.coverage) + notes(lines)


def class_table(evaluation: Evaluation) -> pd.DataFrame:
    """One row a class in ground truth or predictions, best first: ratios in percent, IoU with its interval; frames."""
    pooled, frames, names = evaluation.scores, evaluation.frames_with, evaluation.class_set.display_names
    there = [k for k in by_iou(pooled.iou) if pooled.truth_pixels[k] or pooled.predicted_pixels[k]]
    ends = np.array([(one.low, one.high) for one in evaluation.intervals.iou]).T
    ratios: dict[str, np.ndarray] = {
        "IoU %": pooled.iou,
        "from": ends[0],
        "to": ends[1],
        "precision %": pooled.precision,
        "recall %": pooled.recall,
        "F1 %": pooled.f1,
        "boundary IoU %": boundary_iou(evaluation.boundary),
    }
    return pd.DataFrame(
        {
            "class": [names[k] for k in there],
            **{name: [100.0 * float(ratio[k]) for k in there] for name, ratio in ratios.items()},
            "frames": [int(frames[k]) for k in there],
            "ground truth px": [int(pooled.truth_pixels[k]) for k in there],
        }
    )


def by_iou(iou: np.ndarray) -> list[int]:
    """Indices of classes by their IoU, best first; those without any at the end."""
    return [int(k) for k in np.argsort(-np.nan_to_num(iou, nan=-1.0), kind="stable")]


def class_bars(evaluation: Evaluation, label: int | None = None, offered: np.ndarray | None = None) -> str:
    """IoU of each class as a bar with the number of frames that have it, best first, as HTML.

    Args:
        evaluation: or a part of one.
        label: class that is marked.
        offered: bool (N,): makes buttons for `markup.PICK_CLASS` of these classes, and one of "all classes".
    """
    pooled, frames, classes = evaluation.scores, evaluation.frames_with, evaluation.class_set
    most = {*(drawn_classes(evaluation.matrix) - 1).tolist(), -1 if label is None else label - 1}
    order = [k for k in by_iou(pooled.iou) if k in most]
    rows = []
    if offered is not None:
        kind = "chosen" if label is None else ""
        rows.append(_bar(ALL_CLASSES, pooled.miou, evaluation.frames, "var(--accent)", kind, True))
    for k in order:
        kind = "chosen" if label == k + 1 else "" if frames[k] else "absent"
        clickable = offered is not None and bool(offered[k])
        rows.append(_bar(classes.display_names[k], pooled.iou[k], int(frames[k]), classes.colours[k], kind, clickable))
    more = [f"{len(order)} of {len(classes)} classes, those with most pixels. The table has all."]
    head = '<div class="head"><span>class</span><span></span><span>IoU %</span><span>frames</span></div>'
    bars = f'<div class="bars" role="group" aria-label="IoU of each class">{head}{"".join(rows)}</div>'
    return bars + notes(more if len(order) < len(classes) else [])


def _bar(name: str, iou: float, frames: int, colour: str, kind: str, clickable: bool) -> str:
    tag, attributes, shown = "div", "", html.escape(name)
    if clickable:
        tag = "button"
        attributes = f' type="button" data-class="{shown}" aria-pressed="{str(kind == "chosen").lower()}"'
    return (
        f'<{tag} class="{kind}"{attributes}><span>{shown}</span><span class="track"><i style="width:'
        f'{100 * np.nan_to_num(iou):.2f}%;background:{colour}"></i></span>'
        f"<span>{in_percent(iou, 2).removesuffix(' %')}</span><span>{frames:,}</span></{tag}>"
    )


def matrix_note(evaluation: Evaluation) -> str:
    """Caption of the confusion matrix, as HTML."""
    more = len(evaluation.class_set) > MOST_DRAWN
    return (
        f'<p class="soft">{key_line({"correct": CORRECT, "wrong": WRONG})} Rows: ground truth; columns: prediction. '
        "Numbers: % of the row's pixels; a deeper colour is a larger share."
        f"{f' Drawn are the {MOST_DRAWN} classes with most pixels.' if more else ''}</p>"
    )


def provenance(evaluation: Evaluation, source: str = "") -> str:
    """Data set, weights, device, training and protocol of the scores, as HTML; `source` is the data set's name."""
    origin, modalities = evaluation.provenance, {one.modality for one in evaluation.results}
    sources = ", ".join(f"{html.escape(name)} ({count:,})" for name, count in evaluation.sources.items() if name)
    given = ", ".join(name for key, name in MODALITY_NAMES.items() if key in modalities)
    pieces = [
        html.escape(source),
        f"{evaluation.frames:,} frames{f' of {sources}' if sources else ''}",
        f"{html.escape(origin['weights'])} · SHA-256 <code>{origin['sha256'][:12]}</code>",
        html.escape(origin["architecture"]) + (f", modality {given}" if given else ""),
        f"{html.escape(origin['device'])} ({origin['precision']}), {evaluation.seconds_per_frame:.2f} s a frame",
        f"PyTorch {origin['torch']}",
        html.escape(origin["training"]),
    ]
    line = " · ".join(piece for piece in pieces if piece)
    return f'<div class="provenance">{line}<br>Protocol: {html.escape(evaluation.protocol)}.</div>'


def _input(evaluation: Evaluation) -> str:
    """How depth was understood, and what looks wrong about the data set and its frames."""
    tally = evaluation.tally()
    lines = [*tally.lines(), *evaluation.notices]
    warnings = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    rows = pd.DataFrame(list(tally.encodings.items()), columns=["depth as stored, unit", "frames"])
    return table(rows, sortable=False) + (
        f"<p>Warnings:</p><ul>{warnings}</ul>" if lines else '<p class="soft">No warnings.</p>'
    )


def _groups(groups: Mapping[str, Mapping[str, Any]]) -> str:
    def rows() -> Iterator[dict[str, Any]]:
        for name, group in groups.items():
            counts = {key: group[key] for key in ("frames", "pixels") if key in group}
            titles = {"miou": "mIoU %", "pixel_acc": "pixel acc. %", "mean_acc": "mean acc. %"}
            ratios = {title: np.nan if group[key] is None else group[key] for key, title in titles.items()}
            yield {"": name, **counts, **ratios}

    return table(pd.DataFrame(rows()), places=2, sortable=False)


def _frame(name: str, miou: float, picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85, subsampling=0)
    shown = image(buffer.getvalue(), f"{name}: RGB, ground truth, prediction, errors")
    return f"<figure>{shown}<figcaption>{html.escape(name)} · mIoU {in_percent(miou, 2)}</figcaption></figure>"
