"""From the two official archives of SUN RGB-D to an index and label images, in one pass that can be interrupted."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from deresunet.atomic import sweep_below, write_json, write_png, write_text, write_whole
from deresunet.classes import SUNRGBD37, VOID
from deresunet.data.frame import OrientedBox, Problem
from deresunet.data.images import image_size
from deresunet.data.passes import prefetch
from deresunet.data.sunrgbd.archive import Archive, open_archive, open_toolbox
from deresunet.data.sunrgbd.index import INDEX_FILE, VALIDATION_FILE, VERSION, IndexEntry, entry_to_json
from deresunet.data.sunrgbd.layout import describe, read_pixels, read_polygons
from deresunet.data.sunrgbd.polygons import fill_polygons
from deresunet.data.sunrgbd.splits import SEED, VALIDATION_SHARE, carve_validation, sequences
from deresunet.data.sunrgbd.toolbox import (
    BOXES_FILE,
    LABELS_FILE,
    META_FILE,
    SPLIT_FILE,
    SegLabels,
    read_boxes,
    read_order,
    read_split,
)
from deresunet.data.text_files import read_list
from deresunet.errors import InputError
from deresunet.evaluation.metrics import scores

FRAMES, TRAIN_FRAMES, TEST_FRAMES = 10_335, 5_285, 5_050
SUMMARY_FILE = "summary.json"
_PARTIAL_FILE = ".index.partial.jsonl"
_TOOLBOX_FOLDER = ".toolbox"


@dataclass(frozen=True)
class Summary:
    """Outcome of a preparation.

    Attributes:
        frames: in the index.
        train: of them, in the official training part.
        test: of them, in the official test part.
        validation: training frames kept for validation.
        seglabel: frames with a 37-class map.
        polygons: frames with polygons.
        boxes: frames with 3D boxes.
        failed: name and error of each frame that was skipped.
        absent: names of the official split that the archive does not hold.
        unreadable: frames with a side file that cannot be read, by kind.
        unknown_names: polygons by a name that is none of the 37 classes.
        agreement: where both ground truths are: `frames`, the share of `pixels` on which they agree, and the mIoU of
            polygons against seglabel, in percent.
        seconds: wall time of this run.
        prepared_now: frames of this run; the others an interrupted one had done.
    """

    frames: int
    train: int
    test: int
    validation: int
    seglabel: int
    polygons: int
    boxes: int
    failed: tuple[tuple[str, str], ...]
    absent: tuple[str, ...]
    unreadable: dict[str, int]
    unknown_names: dict[str, int]
    agreement: dict[str, Any]
    seconds: float
    prepared_now: int

    @property
    def complete(self) -> bool:
        """Whether it is the whole data set: 10,335 frames, 5,285 and 5,050 in its parts."""
        return (self.frames, self.train, self.test) == (FRAMES, TRAIN_FRAMES, TEST_FRAMES)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        failed = [{"name": name, "error": error} for name, error in self.failed]
        return {**vars(self), "complete": self.complete, "failed": failed, "absent": list(self.absent)}


def prepare_sunrgbd(
    archive: str | os.PathLike[str],
    toolbox: str | os.PathLike[str],
    out: str | os.PathLike[str],
    on_error: Literal["skip", "stop"] = "stop",
    workers: int = 2,
    on_frame: Callable[[int, int], None] | None = None,
) -> Summary:
    """Write the index, label images and validation split of SUN RGB-D into `out`.

    Each frame is read once, its images included, so that what is in the index can be read. When it was interrupted,
    the same call goes on after the last frame that it had done. `val.txt` is written once and then left as it is.

    Args:
        archive: SUNRGBD.zip, whose frames are unpacked into `out`, or its folder, which the index then refers to.
        toolbox: SUNRGBDtoolbox.zip, or its folder.
        out: the folder to write to; made if it is not there.
        on_error: whether a broken frame ends the preparation, or is left out and listed in the summary.
        workers: threads that read frames.
        on_frame: called with the number of frames done and of all.

    Raises:
        InputError: an archive cannot be used, or, with on_error "stop", a frame.
    """
    start = time.perf_counter()
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be made a folder ({error.strerror}). Give another --out.") from error
    if (out / _PARTIAL_FILE).is_file():
        sweep_below(out)  # files that an interrupted run had just unpacked are not unpacked again
    tools = open_toolbox(Path(toolbox), out / _TOOLBOX_FOLDER)
    frames = open_archive(Path(archive), out)
    official = read_split(tools / SPLIT_FILE)
    parts = {name: str(official.get(name, "")) for name in frames.names}
    sequence_of = sequences(parts)
    with SegLabels(tools / LABELS_FILE) as labels:
        order = {name: place for place, name in enumerate(read_order(tools / META_FILE))}
        if len(order) != len(labels):
            raise InputError(
                f"{tools}: {META_FILE} describes {len(order)} frames and {LABELS_FILE} {len(labels)}; expected as many."
            )
        boxes = read_boxes(tools / BOXES_FILE) if (tools / BOXES_FILE).is_file() else {}
        job = _Job(out, frames, parts, sequence_of, labels, order, boxes)
        failed, done_before = _run(job, on_error, workers, on_frame)
    tally = _finish(job)
    absent = tuple(sorted(set(official) - set(frames.names)))
    summary = Summary(
        **tally,
        failed=tuple(failed),
        absent=absent,
        seconds=round(time.perf_counter() - start, 2),
        prepared_now=tally["frames"] - done_before,
    )
    write_json(out / SUMMARY_FILE, summary.as_dict())
    (out / _PARTIAL_FILE).unlink()
    shutil.rmtree(out / _TOOLBOX_FOLDER, ignore_errors=True)
    return summary


@dataclass(frozen=True)
class _Job:
    """All that a frame's preparation needs."""

    out: Path
    frames: Archive
    parts: dict[str, str]
    sequence_of: dict[str, str]
    labels: SegLabels
    order: dict[str, int]
    boxes: dict[str, tuple[OrientedBox, ...]]

    def prepare(self, name: str) -> dict[str, Any]:
        """Prepare one frame: its line for the index. Raises `InputError` if it is broken."""
        self.frames.lay_out(name)
        root = self.frames.root
        record = describe(root, name, self.sequence_of[name], self.parts[name])
        if name in self.boxes:
            record = replace(record, boxes=self.boxes[name])
        seglabel = self.labels.read(self.order[name]) if name in self.order else None
        try:
            polygons = read_polygons(root, name)
        except InputError as error:
            polygons = None
            record = replace(record, problems=(*record.problems, Problem("polygons unreadable", str(error))))
        filled = None if polygons is None else fill_polygons(polygons, image_size(root / record.rgb))
        read_pixels(root, record, "depth_bfx", seglabel, "")  # all its images; refuses a label of another size
        entry = IndexEntry(
            record,
            seglabel=None if seglabel is None else self._write_label("seglabel", name, seglabel),
            polygons=None if filled is None else self._write_label("polygons", name, filled.label),
        )
        line: dict[str, Any] = {"entry": entry_to_json(entry), "unknown": {}, "agreement": None}
        if filled is not None:
            line["unknown"] = dict(filled.unknown)
            if seglabel is not None and seglabel.shape == filled.label.shape:
                both = (seglabel != VOID) & (filled.label != VOID)
                pairs = (seglabel[both].astype(np.int64) - 1) * len(SUNRGBD37) + filled.label[both] - 1
                line["agreement"] = [counted.tolist() for counted in np.unique(pairs, return_counts=True)]
        return line

    def _write_label(self, kind: str, name: str, label: np.ndarray) -> str:
        path = Path(kind) / f"{name}.png"
        (self.out / path).parent.mkdir(parents=True, exist_ok=True)
        write_png(self.out / path, label)
        return path.as_posix()


def _run(
    job: _Job, on_error: Literal["skip", "stop"], workers: int, on_frame: Callable[[int, int], None] | None
) -> tuple[list[tuple[str, str]], int]:
    """Prepare the frames that are left, noting each; returns the failures, and how many were done before."""
    partial = job.out / _PARTIAL_FILE
    head = json.dumps({"root": str(job.frames.root.resolve()), "labels": job.labels.path.name}) + "\n"
    if not _starts_with(partial, head.encode()):
        partial.write_text(head, encoding="utf-8")  # of other frames, or of none
    done = {line["entry"]["name"] for line in _lines(partial, repair=True)}
    left = [name for name in job.frames.names if name not in done]
    failed: list[tuple[str, str]] = []
    total = len(job.frames.names)
    with partial.open("a", encoding="utf-8") as noted:
        for count, (name, line) in enumerate(prefetch(left, job.prepare, workers), len(done) + 1):
            if isinstance(line, InputError):
                if on_error == "stop":
                    raise InputError(f"{line} Or skip such frames with --on-error skip.") from line
                failed.append((name, str(line)))
            else:
                noted.write(json.dumps(line) + "\n")
                noted.flush()
            if on_frame is not None:
                on_frame(count, total)
    return failed, len(done)


def _finish(job: _Job) -> dict[str, Any]:
    """Write the index and the validation split; returns the summary's counts."""
    root = os.path.relpath(job.frames.root, job.out)
    head = {"version": VERSION, "root": root if not root.startswith("..") else str(job.frames.root)}
    counts: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    unreadable: Counter[str] = Counter()
    agreement = np.zeros(len(SUNRGBD37) ** 2, np.int64)
    training: dict[str, str] = {}

    def write(beside: Path) -> None:
        with beside.open("w", encoding="utf-8") as index:
            index.write(json.dumps(head) + "\n")
            for line in _lines(job.out / _PARTIAL_FILE):
                entry = line["entry"]
                index.write(json.dumps(entry) + "\n")
                counts.update(["frames", entry["part"] or "of no part"])
                counts.update(key for key in ("seglabel", "polygons", "boxes") if entry[key] is not None)
                unknown.update(line["unknown"])
                unreadable.update(problem["kind"] for problem in entry["problems"])
                if entry["part"] == "train":
                    training[entry["name"]] = entry["sequence"]
                if line["agreement"] is not None:
                    counts["compared"] += 1
                    cells, pixels = line["agreement"]
                    agreement[cells] += np.array(pixels, np.int64)

    write_whole(job.out / INDEX_FILE, write)
    validation = job.out / VALIDATION_FILE
    if not validation.is_file():
        # Drawn from all that the archive holds, so that a broken frame does not move the others.
        known = {name: job.sequence_of[name] for name, part in job.parts.items() if part == "train"}
        write_text(validation, "".join(f"{name}\n" for name in sorted(carve_validation(known, VALIDATION_SHARE, SEED))))
    kept = set(read_list(validation))
    both = scores(agreement.reshape(len(SUNRGBD37), len(SUNRGBD37)))
    return {
        "frames": counts["frames"],
        "train": counts["train"],
        "test": counts["test"],
        "validation": len(kept & set(training)),
        "seglabel": counts["seglabel"],
        "polygons": counts["polygons"],
        "boxes": counts["boxes"],
        "unreadable": dict(unreadable.most_common()),
        "unknown_names": dict(unknown.most_common()),
        "agreement": {
            "frames": counts["compared"],
            "pixels": None if not counts["compared"] else _percent(both.pixel_acc),
            "miou": None if not counts["compared"] else _percent(both.miou),
        },
    }


def _lines(path: Path, repair: bool = False) -> Iterator[dict[str, Any]]:
    """The frames noted in a file, after its head; with `repair`, a line that an interruption cut short is cut off."""
    with path.open("rb") as lines:
        good = len(next(lines))
        for line in lines:
            if not line.endswith(b"\n"):
                break
            good += len(line)
            yield json.loads(line)
    if repair:
        os.truncate(path, good)


def _starts_with(path: Path, head: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(head)) == head


def _percent(ratio: float) -> float | None:
    return None if np.isnan(ratio) else round(100.0 * ratio, 4)
