"""SUN RGB-D's own layout: SUNRGBD/SENSOR/rooms/NAME/ with images, annotations and camera, and SUNRGBDtoolbox/."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deresunet.atomic import write_text
from deresunet.classes import CLASSES
from deresunet.data.polygons import class_of
from deresunet.data.sunrgbd_layout import SENSORS
from train.rooms.capture import Capture
from train.rooms.export import (
    CREDITS_FILE,
    credits,
    describe,
    encode_jpeg,
    encode_json,
    encode_png,
    frame_name,
    part_of,
    seed_and_view,
)
from train.rooms.outlines import trace
from train.rooms.toolbox import FrameEntry, encode_names, write_toolbox
from train.rooms.upright import gravity_alignment, to_upright, upright_box

FRAMES_FOLDER = "SUNRGBD"
COLLECTION = "rooms"
DESCRIPTION_FILE = "room.json"
LABEL_FILE = "label.png"
NAMES_FILE = "seg.mat"
# A name that ends in a number would make one recording of all frames with consecutive seeds.
_SUFFIX = "_room"
_EXTRINSICS_FILE = "20150101000000.txt"
_PARTIAL = ".partial"
# Walls, floor and ceiling are the room's layout; nobody drew boxes around them.
_LAYOUT_CLASSES = frozenset(("wall", "floor", "ceiling"))
_MIN_BOX_PIXELS = 50


class SunRgbdLayout:
    """Frames as the archives SUNRGBD.zip and SUNRGBDtoolbox.zip have them once unpacked.

    A frame's folder is written elsewhere and then moved to its place, so it is whole or not there. Beside what SUN
    RGB-D has, it holds room.json (as meta/ of the `folder` layout) and label.png (0..37). The official split has no
    validation part: test is the same as in the `folder` layout, all else is for training.

    Args:
        root: the folder that gets SUNRGBD/ and SUNRGBDtoolbox/; made if it is not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self) -> frozenset[str]:
        """Make the folders, and take away what an interruption left; returns the frames that are there."""
        shutil.rmtree(self.root / _PARTIAL, ignore_errors=True)
        for folder in (self.root / _PARTIAL, self.root / FRAMES_FOLDER):
            folder.mkdir(parents=True, exist_ok=True)
        return frozenset(name for name, _ in self._frames())

    def write(self, capture: Capture) -> None:
        """Write one frame, whole or not at all.

        Raises:
            OSError: the disk is full, or the folder cannot be written to.
        """
        stem = frame_name(capture.scene.seed, capture.view)
        partial = self.root / _PARTIAL / stem
        place = self.root / FRAMES_FOLDER / capture.camera.sensor / COLLECTION / (stem + _SUFFIX)
        try:
            for inner, content in frame_files(capture).items():
                path = partial / inner
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            place.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(place)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def finish(self) -> None:
        """Write the toolbox's files and the credits, over all frames that are there."""
        shutil.rmtree(self.root / _PARTIAL, ignore_errors=True)
        entries = [
            FrameEntry(
                name=folder.relative_to(self.root / FRAMES_FOLDER).as_posix(),
                label=folder / LABEL_FILE,
                names=folder / NAMES_FILE,
                test=part_of(seed_and_view(name)[0]) == "test",
                described=json.loads((folder / DESCRIPTION_FILE).read_text()),
            )
            for name, folder in self._frames()
        ]
        for entry in entries:
            entry.described["objects"] = boxed_objects(entry.described)
        write_toolbox(self.root / "SUNRGBDtoolbox", sorted(entries, key=lambda entry: entry.name))
        write_text(self.root / CREDITS_FILE, credits(self.described()))

    def described(self) -> Iterator[dict[str, Any]]:
        """What is known of each frame that is there, by seed."""
        for _, folder in self._frames():
            yield json.loads((folder / DESCRIPTION_FILE).read_text())

    def label_paths(self) -> list[Path]:
        """The label images of the frames that are there, by seed."""
        return [folder / LABEL_FILE for _, folder in self._frames()]

    def _frames(self) -> list[tuple[str, Path]]:
        folders = (self.root / FRAMES_FOLDER).glob(f"*/{COLLECTION}/[0-9]*{_SUFFIX}")
        named = ((path.name.removesuffix(_SUFFIX), path) for path in folders)
        return sorted(named, key=lambda item: seed_and_view(item[0]))


def frame_files(capture: Capture) -> dict[str, bytes]:
    """All files of a frame by their path in its folder."""
    assert capture.camera.sensor in SENSORS
    stem = frame_name(capture.scene.seed, capture.view)
    described = describe(capture)
    pose = capture.camera.pose
    extrinsics = np.concatenate([gravity_alignment(pose), np.zeros((3, 1))], 1)
    return {
        f"image/{stem}.jpg": encode_jpeg(capture.rgb, capture.quality),
        f"depth/{stem}.png": encode_png(rotated(capture.depth)),
        f"depth_bfx/{stem}.png": encode_png(rotated(capture.depth_bfx)),
        "annotation2Dfinal/index.json": encode_json(_polygons(capture, stem)),
        "annotation3Dfinal/index.json": encode_json(_boxes(described, stem)),
        "annotation3Dlayout/index.json": encode_json(_room(described, stem)),
        "intrinsics.txt": _matrix(capture.camera.intrinsics),
        f"extrinsics/{_EXTRINSICS_FILE}": _matrix(extrinsics),
        "scene.txt": capture.scene.kind.encode(),
        NAMES_FILE: encode_names(*named_label(capture)),
        LABEL_FILE: encode_png(capture.label),
        DESCRIPTION_FILE: encode_json(described),
    }


def rotated(millimetres: np.ndarray) -> np.ndarray:
    """SUN RGB-D's encoding of depth: 16 bits turned left by three; uint16 (H, W)."""
    return (millimetres << 3) | (millimetres >> 13)


def annotated_name(name: str, label: int) -> str:
    """What to call an object so that its name means its class: its own name, where that does."""
    if class_of(name) == label:
        return name
    return CLASSES[label - 1].replace("_", " ") if label else f"other {name}"


def named_label(capture: Capture) -> tuple[np.ndarray, list[str]]:
    """What each pixel shows, by name, void things too: uint16 (H, W), 0 = nothing, k the k-th of the names."""
    things = {thing.id: annotated_name(thing.name, thing.label) for thing in capture.scene.objects}
    shown = [int(identity) for identity in np.unique(capture.instance) if identity in things]
    names = list(dict.fromkeys(things[identity] for identity in shown))
    table = np.zeros(int(capture.instance.max()) + 1, np.uint16)
    table[shown] = [names.index(things[identity]) + 1 for identity in shown]
    return table[capture.instance], names


def boxed_objects(described: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of a description that get a 3D box: those that are seen, and are not the room itself."""
    return [
        item
        for item in described["objects"]
        if item["cls"] not in _LAYOUT_CLASSES and item["visible_pixels"] >= _MIN_BOX_PIXELS
    ]


def _polygons(capture: Capture, stem: str) -> dict[str, Any]:
    """annotation2Dfinal: a polygon a piece, with the number of its object."""
    outlines = trace(capture.instance)
    numbers = {identity: place for place, identity in enumerate(dict.fromkeys(item.id for item in outlines))}
    things = {thing.id: annotated_name(thing.name, thing.label) for thing in capture.scene.objects}
    drawn = [
        {"x": item.points[:, 0].tolist(), "y": item.points[:, 1].tolist(), "object": numbers[item.id]}
        for item in outlines
    ]
    objects = [{"name": things.get(identity, "outside")} for identity in numbers]
    return {**_head(stem), "frames": [{"polygon": drawn}], "objects": objects}


def _boxes(described: Mapping[str, Any], stem: str) -> dict[str, Any]:
    """annotation3Dfinal: ground outlines with their upper and lower end."""
    pose = np.array(described["camera_to_world"])
    objects: list[dict[str, Any]] = []
    for item in boxed_objects(described):
        box = upright_box(*(np.array(item["box"][key]) for key in ("centroid", "basis", "half")), pose)
        if box is not None:
            label = 0 if item["cls"] == "void" else CLASSES.index(item["cls"]) + 1
            outline = _outline(box.ground, box.low, box.high, rectangle=True)
            objects.append({"name": annotated_name(item["name"], label), "polygon": [outline]})
    return {**_head(stem), "frames": [{}], "objects": objects}


def _room(described: Mapping[str, Any], stem: str) -> dict[str, Any]:
    """annotation3Dlayout: the room's own outline."""
    x, y, z = described["room_size"]
    corners = np.array([[0, 0, 0], [x, 0, 0], [x, y, 0], [0, y, 0], [0, 0, z]], np.float64)
    upright = to_upright(corners, np.array(described["camera_to_world"]))
    outline = _outline(upright[:4, [0, 2]], upright[4, 1], upright[0, 1], rectangle=False)
    return {**_head(stem), "frames": [{}], "objects": [{"name": "room", "polygon": [outline]}]}


def _outline(ground: np.ndarray, low: float, high: float, rectangle: bool) -> dict[str, Any]:
    return {
        "Ymin": float(low),
        "Ymax": float(high),
        "rectangle": rectangle,
        "X": ground[:, 0].tolist(),
        "Z": ground[:, 1].tolist(),
    }


def _head(stem: str) -> dict[str, Any]:
    return {
        "name": f"{COLLECTION}/{stem}{_SUFFIX}",
        "extrinsics": _EXTRINSICS_FILE,
        "conflictList": [None],
        "fileList": [f"{stem}.jpg"],
    }


def _matrix(values: np.ndarray) -> bytes:
    # Nine digits: at six, the turn of a box at 8 m would be 8 micrometres off, which comparisons would see.
    return "".join(" ".join(f"{value:.9f}" for value in row) + "\n" for row in values).encode()
