"""The evaluation of a data set as one HTML file and as a ZIP, for people who have none of this."""

from __future__ import annotations

import base64
import html
import io
import re
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder
from PIL import Image

from demo.dataset import views as told
from demo.dataset.evaluations import Evaluations, Request
from demo.dataset.pictures import Pictures, write_jpeg
from demo.dataset.plots import RIGHT, WRONG, heat_map, on_white, scatter
from demo.dataset.result import TRAITS, DatasetResult, Listed
from demo.inspect.messages import MODALITY_NAMES
from deresunet.atomic import write_text, write_whole
from deresunet.errors import InputError
from deresunet.evaluation.report import confused_pairs, write_report

COUNT = 12
# Of each of the four pictures [px]: in the page, and in the ZIP.
_SIDE, _SIDE_ZIP = 320, 640
_PAIRS = 12

_CSS = """
:root { color-scheme: light dark; --ink: #0f172a; --soft: #475569; --paper: #fff; --line: #e2e8f0; --track: #f1f5f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e2e8f0; --soft: #94a3b8; --paper: #0f172a; --line: #334155;
  --track: #1e293b; } .plot { background: #fff; border-radius: 8px; padding: 8px; } }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: var(--ink);
  background: var(--paper); max-width: 1120px; margin: 0 auto; padding: 24px clamp(14px, 3vw, 40px) 60px; }
h1 { font-size: 28px; margin: 0 0 4px; overflow-wrap: anywhere; } h2 { font-size: 20px; margin: 40px 0 8px; }
p { max-width: 78ch; } .soft, figcaption, small { color: var(--soft); font-size: 14px; overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; }
.ds-figures { display: flex; flex-wrap: wrap; gap: 12px 44px; margin: 20px 0; }
.figure b { display: block; font-size: 30px; line-height: 1.15; font-variant-numeric: tabular-nums; }
.figure span { color: var(--soft); font-size: 14px; }
.interval { position: relative; width: 168px; height: 8px; margin: 5px 0 4px; border-radius: 4px;
  background: var(--track); }
.interval i { position: absolute; top: 0; height: 100%; min-width: 3px; border-radius: 4px; background: #818cf8; }
.interval b { position: absolute; top: -3px; width: 3px; height: 14px; background: #4f46e5; }
.figure .interval b { display: block; font-size: 0; }
.ds-bars { display: grid; gap: 3px; font-size: 14px; font-variant-numeric: tabular-nums; max-width: 820px; }
.ds-bars > div { display: grid; grid-template-columns: 112px 1fr 50px 56px; gap: 8px; align-items: center; }
.ds-bars > div > :first-child, .ds-bars > div > :nth-child(n+3) { text-align: right; }
.ds-bars .track { height: 14px; border-radius: 4px; background: var(--track); overflow: hidden; }
.ds-bars .track i { display: block; height: 100%; } .ds-bars .absent, .ds-bars .head { opacity: .6; }
.frames { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); gap: 18px; }
figure { margin: 0; break-inside: avoid; } .frames img { width: 100%; border-radius: 6px; display: block; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { text-align: right; padding: 4px 12px; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; vertical-align: -1px; margin: 0 3px; }
"""


def write_dataset_report(
    evaluations: Evaluations, pictures: Pictures, request: Request, folder: Path | None = None
) -> tuple[Path, Path]:
    """Write the report of a finished evaluation, over all its frames.

    Args:
        evaluations: where its result is.
        pictures: that draw its frames.
        request: which evaluation.
        folder: where to; by default in Gradio's cache, which lets go of it after an hour.

    Returns:
        The HTML file and the ZIP; those of an earlier call if they are still there.

    Raises:
        InputError: the evaluation is not finished, or the folder cannot be written to.
    """
    result, place = evaluations.result(request), evaluations.place(request)
    folder = folder or Path(get_upload_folder()) / "dataset-reports" / f"{place.folder.name}-{place.finished_at:.6f}"
    title = re.sub(r"[^A-Za-z0-9]+", "-", f"{request.source} {request.modality}").strip("-")
    page, archive = folder / f"deresunet-{title}.html", folder / f"deresunet-{title}.zip"
    if place.finished and page.is_file() and archive.is_file():
        for path in (page, archive):
            path.touch()  # the cache goes by age
        return page, archive
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
    except OSError as error:
        raise InputError(f"the report cannot be written ({error.strerror}). Make room on the server.") from error
    everything = result.choose()
    kinds = {
        "worst": result.ranked(everything)[:COUNT],
        "best": result.ranked(everything, worst=False)[:COUNT],
    }
    try:
        write_report(work, result.evaluation)
        (work / "frames").mkdir()
        drawn: dict[str, list[tuple[Listed, Image.Image]]] = {kind: [] for kind in kinds}
        for kind, listed in kinds.items():
            for rank, frame in enumerate(listed, 1):
                try:
                    sheet = pictures.quartet(request, frame.name, side=_SIDE_ZIP)
                except InputError:
                    continue  # it could be read before; a picture is not worth failing for
                safe = re.sub(r"[^A-Za-z0-9._-]+", "-", frame.name)[-100:]
                write_jpeg(work / "frames" / f"{kind}_{rank:02d}_{safe}.jpg", sheet)
                sheet.thumbnail((2 * _SIDE, 2 * _SIDE))
                drawn[kind].append((frame, sheet))
        write_text(page, _page(result, drawn))
        shutil.copyfile(page, work / "report.html")
        write_whole(archive, lambda beside: _zip(work, beside, archive.stem))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return page, archive


def _zip(work: Path, target: Path, top: str) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in work.rglob("*") if path.is_file()):
            archive.write(file, f"{top}/{file.relative_to(work).as_posix()}")


def _page(result: DatasetResult, drawn: dict[str, list[tuple[Listed, Image.Image]]]) -> str:
    evaluation = result.evaluation
    described = evaluation.as_dict()
    everything = result.choose()
    name = html.escape(result.source)
    sentences = "".join(f"<li>{html.escape(line)}</li>" for line in confused_pairs(evaluation.matrix, _PAIRS))
    sections = [
        f"<h1>{name}</h1><p class='soft'>Semantic segmentation by DeResUNet, given {MODALITY_NAMES[result.modality]}: "
        f"each pixel of {evaluation.frames:,} frames is put into one of 37 classes and compared with the ground truth."
        f"</p>{told.headline(result, everything, None)}{told.left_out(result)}",
        "<p class='soft'>IoU of a class: pixels where prediction and ground truth agree on it, over those where either "
        "says it. mIoU: its mean over the classes. Pixel accuracy: share of labelled pixels that are right. All are "
        "pooled over the frames; void pixels are not counted. n/a: nothing defines it.</p>",
        f"<h2>Classes</h2>{told.class_bars(result, everything)}",
        "<h2>What is confused with what</h2>"
        f"<p class='soft'>{_key(RIGHT)}right {_key(WRONG)}taken for another class. Rows: what is there; columns: what "
        "the network says. Numbers: % of the row's pixels.</p>"
        f"{_plot(heat_map(evaluation.matrix), 'Confusion matrix')}<ul>{sentences}</ul>",
        *(
            f"<h2>Do {TRAITS[trait]} matter?</h2><p>{result.trait_matters(everything, trait)}</p>"
            f"{_plot(scatter(result, everything, trait), f'Frames by share of {TRAITS[trait]} and by mIoU')}"
            for trait in dict.fromkeys((result.trait, "far"))
        ),
        *(
            f"<h2>{title}</h2>{_table(groups)}"
            for title, groups in (
                ("By camera", described["sensors"]),
                ("By type of room", described["scenes"]),
                ("By depth", described["regions"]["depth"]),
                ("By whether the sensor measured depth", described["regions"]["measured"]),
                ("By nearness to a boundary between classes (5 px)", described["regions"]["place"]),
            )
            if groups
        ),
        *(
            f"<h2>The {len(frames)} {kind} frames</h2><p class='soft'>Each: frame, ground truth, prediction, and "
            f"{told.fourth_key(None)}.</p><div class='frames'>{''.join(map(_frame, frames))}</div>"
            for kind, frames in drawn.items()
            if frames
        ),
        f"<h2>How it was measured</h2>{told.provenance(result)}",
    ]
    if evaluation.provenance["training"]:
        sections.append(f"<p class='soft'>Weights: {html.escape(evaluation.provenance['training'])}.</p>")
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' "
        f"content='width=device-width, initial-scale=1'><title>DeResUNet: {name}</title><style>{_CSS}</style></head>"
        f"<body>{''.join(sections)}</body></html>\n"
    )


def _frame(item: tuple[Listed, Image.Image]) -> str:
    frame, sheet = item
    name = html.escape(frame.name)
    return (
        f"<figure><img alt='{name}: frame, ground truth, prediction, errors' src='{_data(sheet, 'JPEG')}'>"
        f"<figcaption>{name} · {frame.said}</figcaption></figure>"
    )


def _plot(picture: Image.Image, alt_text: str) -> str:
    return f"<img class='plot' alt='{alt_text}' src='{_data(on_white(picture), 'PNG')}'>"


def _data(picture: Image.Image, kind: str) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": 85, "subsampling": 0} if kind == "JPEG" else {"optimize": True}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _table(groups: dict[str, Any]) -> str:
    counted = any("frames" in group for group in groups.values())
    head = ["", *(["frames"] if counted else []), "pixels", "mIoU %", "pixel acc. %", "mean acc. %"]
    rows = [
        [
            html.escape(name),
            *([f"{group['frames']:,}"] if counted else []),
            f"{group['pixels']:,}",
            *("n/a" if group[key] is None else f"{group[key]:.2f}" for key in ("miou", "pixel_acc", "mean_acc")),
        ]
        for name, group in groups.items()
    ]
    return (
        f"<div class='scroll'><table><tr>{''.join(f'<th>{title}</th>' for title in head)}</tr>"
        f"{''.join('<tr>' + ''.join(f'<td>{cell}</td>' for cell in row) + '</tr>' for row in rows)}</table></div>"
    )


def _key(colour: tuple[int, int, int]) -> str:
    return f"<i class='key' style='background:rgb{colour}'></i>"
