"""Predictions written as a folder of label PNGs, which `stored_predictions.StoredPredictor` reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from deresunet.atomic import sweep, write_json, write_png
from deresunet.classes import SUNRGBD37
from deresunet.data.fingerprint import frame_fingerprint
from deresunet.data.frame import Frame
from deresunet.data.frame_tally import FrameTally
from deresunet.data.passes import Pass
from deresunet.data.readers import StoredFrames
from deresunet.data.text_files import read_json
from deresunet.errors import InputError
from deresunet.inference.batching import batched_by_size
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality
from deresunet.inference.stored_predictions import CONFIDENCE_FOLDER, DESCRIPTION_FILE

# Raised when the same weights and files give other labels, so that a folder of older ones is not resumed.
PREDICTIONS_VERSION = 1


@dataclass(frozen=True)
class WrittenPredictions:
    """Outcome of `write_predictions`.

    Attributes:
        written: number of predictions written.
        kept: number of predictions that were there already.
        failed: name and error of each frame that was skipped.
        tally: how depth of the frames written now was understood, and what looks wrong about them.
    """

    written: int
    kept: int
    failed: tuple[tuple[str, str], ...]
    tally: FrameTally = field(default_factory=FrameTally)


def write_predictions(
    predictor: SegmentationPredictor,
    reader: StoredFrames,
    folder: Path,
    modality: Modality = "rgbd",
    *,
    limit: int | None = None,
    confidence: bool = False,
    on_error: Literal["skip", "stop"] = "stop",
    workers: int = 2,
    on_frame: Callable[[int], None] | None = None,
    reading: Mapping[str, str] | None = None,
) -> WrittenPredictions:
    """Segment the frames of a reader and write a label PNG for each; an interrupted run resumes.

    Predictions that are there stay, if the same weights and settings made them of the same files: a frame whose files
    have another name, size or time than before is segmented anew.

    Args:
        predictor: the network with its weights.
        reader: the frames; ground truth is not needed.
        folder: folder of predictions; made if it is not there.
        modality: "rgbd", "rgb" or "depth".
        limit: number of frames to take from the start; None takes all.
        confidence: whether to write the probability of each label, too.
        on_error: whether a frame that cannot be read ends the run, or is left out and listed.
        workers: threads that read frames ahead.
        on_frame: called after each frame with the number of frames done.
        reading: how the frames' files are read, such as the unit of depth; predictions of another one are not kept.

    Raises:
        InputError: there are no frames, a frame cannot be used, or the folder holds other predictions.
    """
    names = reader.names[:limit]
    if not names:
        raise InputError("There are no frames to segment. Choose another --split, or another folder.")
    _begin(folder, predictor, modality, reading or {})
    sweep(folder)  # frames that an interrupted run had just written are not written again
    contents = {name: frame_fingerprint(reader, name) for name in names}
    left = [name for name in names if not is_written(folder, name, confidence, contents[name])]
    kept = len(names) - len(left)
    tally = FrameTally()

    def read(name: str) -> Frame:
        frame = reader.read(name)
        predictor.modality_of(frame, modality)
        return frame

    frames = Pass(left, read, workers, on_error, done=kept)
    for group in batched_by_size(frames, 1 if confidence else predictor.usual_batch, predictor.network_size):
        found: list[tuple[np.ndarray, np.ndarray | None]]
        if confidence:
            found = [(one.label, one.confidence) for one in (predictor(frame, modality) for _, frame in group)]
        else:
            found = [(label, None) for label in predictor.labels([frame for _, frame in group], modality)]
        for (name, frame), (label, sure) in zip(group, found, strict=True):
            write_prediction(folder, name, label, sure, contents[name])
            tally.add(frame)
            frames.done += 1
            if on_frame is not None:
                on_frame(frames.done)
    failed = tuple((failure.name, failure.error) for failure in frames.failed)
    return WrittenPredictions(len(names) - kept - len(failed), kept, failed, tally)


def _begin(folder: Path, predictor: SegmentationPredictor, modality: Modality, reading: Mapping[str, str]) -> None:
    """Describe the folder's predictions; an `InputError` if other weights or settings made those in it."""
    classes = predictor.class_set
    described = {
        "version": PREDICTIONS_VERSION,
        "labels": f"1..{len(classes)}",
        **({} if classes == SUNRGBD37 else {"class_set": classes.to_dict()}),
        "protocol": predictor.protocol,
        "reading": reading,
        "provenance": predictor.provenance(modality).as_dict(),
    }
    described = json.loads(json.dumps(described))
    path = folder / DESCRIPTION_FILE
    if path.is_file():
        try:
            before = read_json(path)
        except InputError:
            before = None
        if before != described:
            raise InputError(
                f"{folder} holds predictions of other weights or settings (see {DESCRIPTION_FILE} in it). Choose "
                "another --out, or delete it."
            )
        return
    _make(folder)
    write_json(path, described)


def write_prediction(
    folder: Path, name: str, label: np.ndarray, confidence: np.ndarray | None = None, contents: str = ""
) -> None:
    """Write the prediction of a frame as `StoredPredictor` reads it, whole or not at all.

    Args:
        folder: folder of predictions.
        name: the frame's name; slashes become subfolders.
        label: uint8 (H, W), 1..N.
        confidence: float (H, W), 0..1, stored in 8 bits.
        contents: fingerprint of the frame's files, kept in the PNG.

    Raises:
        InputError: the folder cannot be written to.
    """
    if confidence is not None:
        stored = (confidence * 255 + 0.5).astype(np.uint8)
        _write(folder / CONFIDENCE_FOLDER / f"{name}.png", stored, contents)
    _write(folder / f"{name}.png", label, contents)


def is_written(folder: Path, name: str, confidence: bool, contents: str = "") -> bool:
    """Whether the prediction of a frame of these contents is in the folder, with its confidence if that is wanted."""
    parts = (folder, folder / CONFIDENCE_FOLDER) if confidence else (folder,)
    return all(_contents_of(part / f"{name}.png") == contents for part in parts)


def _contents_of(path: Path) -> str | None:
    """Fingerprint that a PNG keeps; None where there is none, or no PNG."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            return image.info.get("contents")
    except (OSError, SyntaxError, ValueError):
        return None


def _write(path: Path, picture: np.ndarray, contents: str) -> None:
    _make(path.parent)
    write_png(path, picture, contents=contents)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror}). Choose another --out.") from error
