"""The `folder` layout: rgb/, depth/ and label/ beside lists of names, one list a split."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from deresunet.classes import CLASSES, LabelSet
from deresunet.data.depth import DepthEncoding
from deresunet.data.frame import Frame, OrientedBox
from deresunet.data.images import read_depth, read_label, read_rgb
from deresunet.errors import InputError

SAMPLES_DIR = Path(__file__).parents[1] / "samples"
REAL_SAMPLES_DIR = SAMPLES_DIR / "real"
RGB_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
DEPTH_SUFFIXES = (".png", ".tif", ".tiff", ".npy")
LABEL_SUFFIXES = (".png", ".tif", ".tiff")


class FolderReader:
    """Frames of a folder by name.

    `rgb/NAME.jpg` is required; `depth/NAME.png` (or TIFF, NPY), `label/NAME.png` and `meta/NAME.json` (intrinsics,
    pose, 3D boxes) are read where they are. `SPLIT.txt` lists a split's names, one a line; the split "all" takes
    every file in rgb/.

    Args:
        root: the folder.
        split: name of a list, or "all".
        label_set: what the values in label/ mean.
        depth_encoding: how depth/ is stored.

    Attributes:
        names: the split's frames, in order.

    Raises:
        InputError: the folder, the list or a frame in it is not there.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "test",
        label_set: LabelSet = "nyu40",
        depth_encoding: DepthEncoding = "auto",
    ) -> None:
        self.root = Path(root)
        self.split = split
        self.label_set: LabelSet = label_set
        self.depth_encoding: DepthEncoding = depth_encoding
        rgb_dir = self.root / "rgb"
        if not rgb_dir.is_dir():
            raise InputError(
                f"{self.root}: no folder rgb/ in it. Expected rgb/, and beside it depth/, label/, test.txt."
            )
        # Looked up once; names come from this list alone, so none leads out of the folder.
        self._rgb = {path.stem: path for path in sorted(rgb_dir.iterdir()) if path.suffix.lower() in RGB_SUFFIXES}
        self.names = tuple(self._rgb) if split == "all" else self._listed(split)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, name: str) -> Frame:
        """The frame called `name`.

        Raises:
            InputError: there is none, or one of its files cannot be used.
        """
        rgb = self.rgb_path(name)
        depth = self._beside("depth", name, DEPTH_SUFFIXES)
        label = self._beside("label", name, LABEL_SUFFIXES)
        meta = self.root / "meta" / f"{name}.json"
        described = json.loads(meta.read_text()) if meta.is_file() else {}
        return Frame(
            rgb=read_rgb(rgb),
            depth=None if depth is None else read_depth(depth, self.depth_encoding).metres,
            label=None if label is None else read_label(label, self.label_set),
            intrinsics=np.array(described["intrinsics"], np.float64) if "intrinsics" in described else None,
            boxes=_boxes(described) if "objects" in described else None,
            name=name,
            source=self.root.name,
        )

    def rgb_path(self, name: str) -> Path:
        """Where the frame's RGB image lies.

        Raises:
            InputError: there is no such frame.
        """
        if name not in self._rgb:
            raise InputError(
                f"{self.root.name} has no frame {name!r}; "
                f"it has {len(self._rgb)}, such as {next(iter(self._rgb), None)!r}."
            )
        return self._rgb[name]

    def _listed(self, split: str) -> tuple[str, ...]:
        path = self.root / f"{split}.txt"
        lists = sorted(file.stem for file in self.root.glob("*.txt"))
        if split not in lists:
            raise InputError(f"{path}: no such list. Splits here: {', '.join(['all', *lists])}.")
        names = tuple(line.strip() for line in path.read_text().splitlines() if line.strip())
        absent = [name for name in names if name not in self._rgb]
        if absent:
            raise InputError(f"{path.name} lists {len(absent)} frames that are not in rgb/, such as {absent[0]!r}.")
        return names

    def _beside(self, folder: str, name: str, suffixes: tuple[str, ...]) -> Path | None:
        candidates = (self.root / folder / f"{name}{suffix}" for suffix in suffixes)
        return next((path for path in candidates if path.is_file()), None)


def real_samples() -> FolderReader:
    """The seven real frames that come with the package, annotated by hand (see `samples/real/CREDITS.md`).

    A page or a list that shows samples begins with these. Seven frames measure nothing.
    """
    return FolderReader(REAL_SAMPLES_DIR, "test", "sunrgbd37", "mm")


def sample_rooms() -> FolderReader:
    """The rendered rooms that come with the package (see `samples/CREDITS.txt`)."""
    return FolderReader(SAMPLES_DIR, "test", "sunrgbd37", "mm")


def _boxes(described: dict[str, object]) -> tuple[OrientedBox, ...]:
    """3D boxes of a room's description, brought from the world into the camera's frame."""
    camera_to_world = np.array(described["camera_to_world"], np.float64)
    rotation, position = camera_to_world[:3, :3], camera_to_world[:3, 3]
    boxes = []
    for item in described["objects"]:  # type: ignore[attr-defined]
        box = item["box"]
        boxes.append(
            OrientedBox(
                label=CLASSES.index(item["cls"]) + 1 if item["cls"] in CLASSES else 0,
                name=item["name"],
                centroid=(np.array(box["centroid"], np.float64) - position) @ rotation,
                basis=np.array(box["basis"], np.float64) @ rotation,
                half=np.array(box["half"], np.float64),
            )
        )
    return tuple(boxes)
