"""The report on a data set's evaluation as one HTML page and as a ZIP; `deresunet.evaluation.report` writes both."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from pathlib import Path

from gradio.utils import get_upload_folder

from demo.dataset.evaluations import Evaluations
from demo.dataset.plots import scatter
from demo.dataset.progress import Run
from demo.dataset.result import PROPERTIES, DatasetResult
from demo.downloads import kept
from deresunet.atomic import write_whole
from deresunet.errors import InputError
from deresunet.evaluation.confusions import on_white
from deresunet.evaluation.html import image
from deresunet.evaluation.report import ExtremeFrames, write_report

# Worst frames and best frames in a report, of each.
COUNT = 12


def write_dataset_report(evaluations: Evaluations, run: Run, folder: Path | None = None) -> tuple[Path, Path]:
    """Write the report of a finished evaluation, over all its frames.

    Args:
        evaluations: holds the result.
        run: which evaluation.
        folder: where to write; by default in Gradio's cache, which lets go of it after an hour.

    Returns:
        The HTML file and the ZIP; those of an earlier call if they are still there.

    Raises:
        InputError: the evaluation is not finished, or the folder cannot be written to.
    """
    result, ours = evaluations.result(run), evaluations.run_folder(run)
    folder = folder or Path(get_upload_folder()) / "dataset-reports" / f"{ours.folder.name}-{ours.finished_at:.6f}"
    run_name = evaluations.name(run)
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{run_name} {run.source}").strip("-")
    page, archive = folder / f"report-{name}.html", folder / f"report-{name}.zip"
    if ours.finished and all([kept(page), kept(archive)]):
        return page, archive
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
    except OSError as error:
        raise InputError(f"The report cannot be written ({error.strerror}). Make room on the server.") from error
    frames = ExtremeFrames(evaluations.reader(run), evaluations.segmenter(run), run.modality, kept=ours.label)
    title = f"{run_name}: {run.source}"
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
            on_white(scatter(result, everything, name)), f"Frames by share of {PROPERTIES[name]} and by mIoU", "plot"
        )
        sections.append(
            f"<h2>mIoU by share of {PROPERTIES[name]}</h2><p>{result.correlation(everything, name)}</p>{shown}"
        )
    return sections
