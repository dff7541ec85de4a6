"""The index of a prepared SUN RGB-D: one JSON line a frame, after one that says where the frames lie."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deresunet.data.frame import OrientedBox, Problem
from deresunet.data.sunrgbd.layout import FrameRecord
from deresunet.data.text_files import read_list
from deresunet.errors import InputError

INDEX_FILE = "index.jsonl"
VALIDATION_FILE = "val.txt"
VERSION = 1


@dataclass(frozen=True)
class IndexEntry:
    """A frame of the index.

    Attributes:
        record: what is known of it.
        seglabel: path of its 37-class map below the prepared folder, or None.
        polygons: path of the map filled from its polygons, or None.
    """

    record: FrameRecord
    seglabel: str | None
    polygons: str | None


@dataclass(frozen=True)
class Index:
    """A prepared data set.

    Attributes:
        root: the folder SUNRGBD/ that the images lie in.
        entries: its frames by name, in order.
        validation: names of the training frames that are kept for validation.
    """

    root: Path
    entries: dict[str, IndexEntry]
    validation: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> Index:
        """Read the index in `folder`.

        Raises:
            InputError: it is not there, or is of another version or damaged.
        """
        path = folder / INDEX_FILE
        try:
            with path.open(encoding="utf-8") as lines:
                head = json.loads(next(lines))
                if head.get("version") != VERSION:
                    raise InputError(
                        f"{path} is of version {head.get('version')}; this project reads {VERSION}. Prepare it again."
                    )
                entries = [entry_from_json(json.loads(line)) for line in lines]
            validation = read_list(folder / VALIDATION_FILE)
            # A path of its own is kept relative, so that a prepared folder can be moved with the frames in it.
            root = folder / head["root"]
        except (
            *(OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration),
            *(OverflowError, RecursionError),
        ) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path} cannot be read ({error}). Prepare the data set again.") from error
        if not root.is_dir():
            raise InputError(f"{root}: the frames of {path} were there when it was prepared. Prepare it again.")
        return cls(root, {entry.record.name: entry for entry in entries}, frozenset(validation))


def entry_to_json(entry: IndexEntry) -> dict[str, Any]:
    """Describe an entry in plain JSON types."""
    record = entry.record
    boxes = None
    if record.boxes is not None:
        boxes = [
            {
                "label": box.label,
                "name": box.name,
                "centroid": _rounded(box.centroid),
                "basis": _rounded(box.basis),
                "half": _rounded(box.half),
            }
            for box in record.boxes
        ]
    return {
        **{key: value for key, value in vars(record).items() if key not in ("intrinsics", "boxes", "problems")},
        "intrinsics": None if record.intrinsics is None else record.intrinsics.tolist(),
        "problems": [vars(problem) for problem in record.problems],
        "boxes": boxes,
        "seglabel": entry.seglabel,
        "polygons": entry.polygons,
    }


def entry_from_json(stored: dict[str, Any]) -> IndexEntry:
    """Rebuild the entry that `entry_to_json` described."""
    boxes = stored.pop("boxes")
    return IndexEntry(
        seglabel=stored.pop("seglabel"),
        polygons=stored.pop("polygons"),
        record=FrameRecord(
            **{
                **stored,
                "intrinsics": None if stored["intrinsics"] is None else np.array(stored["intrinsics"], np.float64),
                "problems": tuple(Problem(**problem) for problem in stored.get("problems", ())),
                "boxes": None if boxes is None else tuple(_box(box) for box in boxes),
            }
        ),
    )


def _box(stored: dict[str, Any]) -> OrientedBox:
    arrays = {key: np.array(stored[key], np.float64) for key in ("centroid", "basis", "half")}
    return OrientedBox(label=int(stored["label"]), name=str(stored["name"]), **arrays)


def _rounded(values: np.ndarray) -> list[Any]:
    return np.round(values, 6).tolist()
