"""The report on a data set's evaluation as one HTML page and as a ZIP; `deresunet.evaluation.report` writes both."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

from gradio.utils import get_upload_folder
from PIL import Image

from demo.dataset.evaluations import Evaluations
from demo.dataset.plots import on_white, scatter
from demo.dataset.progress import Request
from demo.dataset.result import PROPERTIES, DatasetResult
from demo.downloads import kept
from deresunet.atomic import write_whole
from deresunet.errors import InputError
from deresunet.evaluation.report import ExtremeFrames, write_report
from deresunet.evaluation.report_page import image

# Worst frames and best frames in a report, of each.
COUNT = 12


def write_dataset_report(evaluations: Evaluations, request: Request, folder: Path | None = None) -> tuple[Path, Path]:
    """Write the report of a finished evaluation, over all its frames.

    Args:
        evaluations: holds the result.
        request: which evaluation.
        folder: where to write; by default in Gradio's cache, which lets go of it after an hour.

    Returns:
        The HTML file and the ZIP; those of an earlier call if they are still there.

    Raises:
        InputError: the evaluation is not finished, or the folder cannot be written to.
    """
    result, run = evaluations.result(request), evaluations.run_folder(request)
    folder = folder or Path(get_upload_folder()) / "dataset-reports" / f"{run.folder.name}-{run.finished_at:.6f}"
    run_name = evaluations.name(request)
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{run_name} {request.source}").strip("-")
    page, archive = folder / f"report-{name}.html", folder / f"report-{name}.zip"
    if run.finished and all([kept(page), kept(archive)]):
        return page, archive
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
    except OSError as error:
        raise InputError(f"The report cannot be written ({error.strerror}). Make room on the server.") from error
    frames = ExtremeFrames(
        evaluations.reader(request), evaluations.segmenter(request), request.modality, kept=run.label
    )
    title = f"{run_name}: {request.source}"
    try:
        written = write_report(
            work, result.evaluation, frames.picture, title=title, count=COUNT, sections=_properties(result)
        )
        shutil.copyfile(written, page)
        write_whole(archive, lambda beside: _zip(work, beside, archive.stem))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return page, archive


def _zip(work: Path, target: Path, top: str) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in work.rglob("*") if path.is_file()):
            archive.write(file, f"{top}/{file.relative_to(work).as_posix()}")


def _properties(result: DatasetResult) -> list[str]:
    """Sections on mIoU by frame property, as HTML."""
    everything = result.choose()
    sections = []
    for name in dict.fromkeys((result.first_property, "far")):
        shown = image(
            _png(scatter(result, everything, name)), f"Frames by share of {PROPERTIES[name]} and by mIoU", "plot"
        )
        sections.append(
            f"<h2>mIoU by share of {PROPERTIES[name]}</h2><p>{result.correlation(everything, name)}</p>{shown}"
        )
    return sections


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    on_white(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
