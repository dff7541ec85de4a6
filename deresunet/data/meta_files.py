"""`meta/NAME.json`: what is known of a frame beside its pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deresunet.data.frame import OrientedBox
from deresunet.data.labels import LabelFormat
from deresunet.data.text_files import read_json
from deresunet.errors import InputError

_META_FORM = (
    'Expected an object such as {"sensor": "kinect", "scene": "office", "intrinsics": [fx, fy, cx, cy]}; see '
    "docs/data.md"
)


def read_meta(path: Path | None) -> dict[str, Any]:
    """Content of a frame's meta file, nothing if it has none.

    Raises:
        InputError: it cannot be read, or holds no object.
    """
    if path is None:
        return {}
    described = read_json(path)
    if not isinstance(described, dict):
        raise InputError(f"{path} holds a {type(described).__name__}. {_META_FORM}.")
    return described


def turns_of(meta: dict[str, Any], where: str, usual: int) -> int:
    """Quarter turns clockwise, 0..3, that a meta file's `rotate` says [degrees]; else `usual`.

    Raises:
        InputError: it is none of 0, 90, 180 and 270.
    """
    given = meta.get("rotate")
    if given is None:
        return usual
    if given not in (0, 90, 180, 270):
        raise InputError(f"{where}: rotate is {given!r}; expected 0, 90, 180 or 270, degrees clockwise.")
    return int(given) // 90


def boxes_of(meta: dict[str, Any], where: str, labels: LabelFormat) -> tuple[OrientedBox, ...]:
    """3D boxes of a meta file, brought from the world into the camera's frame, and to the class set of `labels`."""
    try:
        camera_to_world = np.array(meta.get("camera_to_world", np.eye(4)), np.float64)
        rotation, position = camera_to_world[:3, :3], camera_to_world[:3, 3]
        boxes = []
        for item in meta["objects"]:
            box, class_name = item["box"], str(item.get("cls", item.get("name", "")))
            centroid = np.array(box["centroid"], np.float64).reshape(3)
            boxes.append(
                OrientedBox(
                    label=int(labels.way.table[labels.values.label_of(class_name) or 0]),
                    name=str(item.get("name", class_name)),
                    centroid=(centroid - position) @ rotation,
                    basis=np.array(box["basis"], np.float64).reshape(3, 3) @ rotation,
                    half=np.array(box["half"], np.float64).reshape(3),
                )
            )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{where}: its objects are no 3D boxes ({type(error).__name__}: {error}). Expected objects with cls, name "
            "and box (centroid, basis, half), and camera_to_world; see docs/data.md."
        ) from error
    return tuple(boxes)
