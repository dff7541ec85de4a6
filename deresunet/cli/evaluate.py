"""`python -m deresunet evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from deresunet.atomic import write_json, write_text
from deresunet.cli.app import (
    make_folder,
    progress_bar,
    reports_input_errors,
    show_network,
    show_notices,
    show_tally,
    shown,
)
from deresunet.cli.options import (
    ModalityOption,
    NetworkOptions,
    PassOptions,
    PredictionOptions,
    given,
    takes_groups,
)
from deresunet.data.fingerprint import contents_fingerprint
from deresunet.data.frame import Frame
from deresunet.data.labels import class_set_of
from deresunet.data.readers import Reader, open_source, without_depth
from deresunet.data.source import Source
from deresunet.data.sunrgbd.reader import SunRgbdReader
from deresunet.errors import InputError, refuse
from deresunet.evaluation.comparison import compare
from deresunet.evaluation.comparison_page import comparison_sections
from deresunet.evaluation.evaluation import Evaluation
from deresunet.evaluation.evaluator import describe_protocol, evaluate
from deresunet.evaluation.html import MODALITY_NAMES, html_page
from deresunet.evaluation.metrics import METRICS_VERSION, scores
from deresunet.evaluation.report import ExtremeFrames, write_report
from deresunet.evaluation.resume import ResumeFile
from deresunet.inference.predictor import SegmentationPredictor, load
from deresunet.inference.preprocessing import MODALITIES, Modality
from deresunet.inference.sideways import notice_if_sideways
from deresunet.inference.tta import SUNRGBD_SIZE, Inference, parse_tta

command = typer.Typer(add_completion=False)
ProtocolName = Literal["auto", "native", "sunrgbd"]


@dataclass(frozen=True)
class _Run:
    """Data and settings of an evaluation, whatever the predictor."""

    reader: Reader
    described: dict[str, Any]
    inference: Inference
    each: PassOptions


@command.command()
@takes_groups
@reports_input_errors
def evaluate_command(
    data: Source,
    each: PassOptions,
    network: NetworkOptions,
    stored: PredictionOptions,
    modality: ModalityOption = "rgbd",
    json_out: Annotated[Path | None, typer.Option("--json", help="File for the result.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for tables, confusion matrix and pictures.")] = None,
    protocol: Annotated[
        ProtocolName,
        typer.Option(
            help="Input of the network: sunrgbd is 480x640 as ESANet's, native follows the frame's aspect ratio; "
            "auto takes sunrgbd for sunrgbd."
        ),
    ] = "auto",
    tta: Annotated[
        str | None, typer.Option(help="Test-time augmentation: flip,scales=0.75,1,1.25 or one of the two.")
    ] = None,
    compare_with: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--compare",
            help="Two runs A B: both results, and B - A with 95 % intervals. A run is a checkpoint, a model's name "
            "or a NAME of --network or --predictions; @rgb or @depth behind it, or alone for the bundled weights, is "
            "its modality.",
        ),
    ] = None,
) -> None:
    """Segment a data set and print its mIoU, pooled over all its pixels.

    With --json or --report, an interrupted run resumes when the same command is given again.
    """
    if compare_with is not None and network.checkpoint is not None:
        raise InputError("--compare names both runs. Leave out --checkpoint.")
    reader = open_source(data)
    if modality == "rgb" and compare_with is None:
        reader = without_depth(reader)
    predictions = stored.open(class_set_of(reader))
    if compare_with is None and len(predictions) + len(network.named()) + (network.checkpoint is not None) > 1:
        raise InputError("Several runs are given. Say which two to --compare, or give one of them.")
    if compare_with is None and predictions:
        refuse([*given(network), *(["--protocol"] if protocol != "auto" else [])], "with --predictions")
    show_notices(reader.notices)
    sunrgbd = protocol == "sunrgbd" or (protocol == "auto" and isinstance(reader, SunRgbdReader))
    fixed = SUNRGBD_SIZE if sunrgbd else None
    reader.check()
    described = {
        "data": {key: str(value) for key, value in vars(data).items()},
        "contents": contents_fingerprint(reader, reader.names[: each.limit]),
        "metrics": METRICS_VERSION,
    }
    run = _Run(reader, described, parse_tta(tta, fixed), each)
    for folder in (report, None if json_out is None else json_out.parent):
        if folder is not None:
            make_folder(folder)  # before an hour of work, not after it

    if compare_with is None:
        predictor = next(iter(predictions.values())) if predictions else load(*network.arguments())
        show_network(predictor)
        result = _evaluate_one(run, predictor, modality, report, _resume_path(report, json_out, ""))
        if json_out is not None:
            write_json(json_out, result.as_dict())
        _print(result)
        return
    results = []
    for letter, written in zip("AB", compare_with, strict=True):
        folder = None if report is None else report / letter
        if folder is not None:
            make_folder(folder)
        weights, wanted = _parse_run(written, modality)
        one = predictions.get(weights) or load(*network.arguments(weights))
        show_network(one)
        results.append(_evaluate_one(run, one, wanted, folder, _resume_path(folder, json_out, letter)))
        typer.echo(f"{letter}: {written}")
        _print(results[-1], classes=False)
    comparison = compare(results[0], results[1], compare_with)
    described = comparison.as_dict()
    if json_out is not None:
        both = {letter: result.as_dict() for letter, result in zip("AB", results, strict=True)}
        write_json(json_out, {"comparison": described, **both})
    if report is not None:
        title = f"{compare_with[1]} against {compare_with[0]}"
        write_json(report / "comparison.json", described)
        write_text(
            report / "comparison.html",
            html_page(title, comparison_sections(comparison)),
        )
    _print_comparison(described)
    typer.echo(str(comparison))


def _parse_run(written: str, modality: Modality) -> tuple[str, Modality]:
    """Weights and modality of a run written as WEIGHTS, WEIGHTS@MODALITY or @MODALITY."""
    weights, at, wanted = written.rpartition("@")
    if not at:
        return written, modality
    if wanted not in MODALITIES:
        raise InputError(f"--compare {written}: the modality is {wanted!r}; expected one of {', '.join(MODALITIES)}.")
    return weights, wanted


def _evaluate_one(
    run: _Run, predictor: SegmentationPredictor, modality: Modality, report: Path | None, resume_path: Path | None
) -> Evaluation:
    """Evaluate one predictor, with a progress bar, and write its report."""
    segmenter = predictor.with_inference(run.inference)
    extreme = ExtremeFrames(run.reader, segmenter, modality)
    resume = None
    if resume_path is not None:
        origin = segmenter.provenance(modality)
        subject = {
            **run.described,
            "weights": origin.sha256,
            "protocol": describe_protocol(segmenter, class_set_of(run.reader)),
            "classes": class_set_of(run.reader).to_dict(),
            "modality": modality,
            "backend": origin.backend,
        }
        resume = ResumeFile(resume_path, subject)
        if resume.resumed:
            typer.echo(f"Resuming after {resume.resumed} frames in {resume_path}")
        if resume.notice:
            typer.echo(resume.notice, err=True)
    total = len(run.reader.names[: run.each.limit])
    sideways = notice_if_sideways(segmenter, run.reader, modality)
    show_notices(sideways)
    with progress_bar() as progress:
        task = progress.add_task("mIoU     -", total=total, completed=0 if resume is None else resume.resumed)

        def show(done: int, frame: Frame, label: np.ndarray, matrix: np.ndarray) -> None:
            progress.update(task, completed=done, description=f"mIoU {100 * scores(matrix).miou:5.2f}")
            if report is not None:
                extreme.add(frame, label)

        result = evaluate(
            segmenter,
            run.reader,
            modality,
            on_frame=show,
            resume=resume,
            **vars(run.each),
        )
        progress.update(task, completed=total)
    result = replace(result, notices=(*result.notices, *sideways))
    if report is not None:
        write_report(report, result, extreme.picture, title=f"{predictor.checkpoint.name}, {MODALITY_NAMES[modality]}")
    if resume is not None:
        resume.remove()
    return result


def _resume_path(report: Path | None, json_out: Path | None, letter: str) -> Path | None:
    if report is not None:
        return report / "resume.jsonl"
    return None if json_out is None else json_out.with_name(f".{json_out.name}{letter}.resume.jsonl")


def _print(result: Evaluation, classes: bool = True) -> None:
    described = result.as_dict()
    if classes:
        for name, iou in zip(described["classes"], described["iou"], strict=True):
            typer.echo(f"{name:16} IoU {shown(iou)}")
    if len(described["sensors"]) > 1:
        for name, group in described["sensors"].items():
            typer.echo(f"{name:16} mIoU {shown(group['miou'])}   over {group['frames']} frames")
    typer.echo(
        f"mIoU {shown(described['miou'])}   pixel accuracy {shown(described['pixel_acc'])}   "
        f"mean accuracy {shown(described['mean_acc'])}   over {result.frames} frames, "
        f"{result.seconds_per_frame:.2f} s each; {result.class_set.title}"
    )
    for remark in result.remarks:
        typer.echo(remark)
    show_tally(result.tally())
    if result.coverage:
        typer.echo(f"{result.coverage}. The scores are of the others.", err=True)
    if result.resized:
        typer.echo(f"{result.resized} predictions of another size were resized with nearest neighbour", err=True)
    if result.unlabelled:
        typer.echo(
            f"{len(result.unlabelled)} frames without ground truth were left out, such as {result.unlabelled[0]}"
        )
    if result.failed:
        for failure in result.failed:
            typer.echo(f"  {failure.error}", err=True)


def _print_comparison(described: dict[str, Any]) -> None:
    typer.echo(f"{'IoU %':16} {'A':>6} {'B':>6} {'B - A':>7}   95 % interval")
    for name, row in described["classes"].items():
        interval = "" if row["low"] is None else f"{row['low']:+7.2f} to {row['high']:+7.2f}"
        difference = "    n/a" if row["difference"] is None else f"{row['difference']:+7.2f}"
        a, b = (shown(value).rjust(6) for value in row["iou"])
        typer.echo(f"{name:16} {a} {b} {difference}   {interval}{' *' if row['certain'] else ''}")
