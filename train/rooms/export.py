"""The `folder` layout: rgb/, depth/, label/ and meta/ beside a list of names a split."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from deresunet.atomic import write_text
from deresunet.classes import CLASSES
from train.rooms.assets import MINIWORLD, MINIWORLD_PREFIX
from train.rooms.capture import Capture

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")
CREDITS_FILE = "CREDITS.txt"
_SHARES = (0.8, 0.1, 0.1)
_FRAME_TEXT = (
    "boxes are in the world frame: metres, z up, origin in a floor corner; basis rows are the box axes; "
    "camera is OpenCV (x right, y down, z forward)"
)


class FolderLayout:
    """Frames as `deresunet.data.folder.FolderReader` reads them; label values are SUN RGB-D's 37, depth is in mm.

    A frame is there once its meta/NAME.json is: all of its files are written beside their place first, then put there,
    that one last.

    Args:
        root: the folder; made if it is not there.
        exact_depth: write the true depth too, as depth_gt/NAME.png.
    """

    def __init__(self, root: Path, exact_depth: bool = False) -> None:
        self.root = root
        self._exact_depth = exact_depth

    def open(self) -> frozenset[str]:
        """Make the folders, and take away what an interruption left of a frame; returns the frames that are there."""
        for folder in self._folders():
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        whole = {path.stem for path in self.root.glob("meta/[0-9]*.json")}
        for folder in self._folders():
            for path in (self.root / folder).iterdir():
                if path.stem not in whole:
                    path.unlink()
        return frozenset(whole)

    def write(self, capture: Capture) -> None:
        """Write one frame, whole or not at all.

        Raises:
            OSError: the disk is full, or the folder cannot be written to.
        """
        name = frame_name(capture.scene.seed, capture.view)
        files = {
            f"label/{name}.png": encode_png(capture.label),
            f"depth/{name}.png": encode_png(capture.depth),
            f"rgb/{name}.jpg": encode_jpeg(capture.rgb, capture.quality),
            f"meta/{name}.json": encode_json(describe(capture)),
        }
        if self._exact_depth:
            files = {f"depth_gt/{name}.png": encode_png(capture.exact), **files}
        written: list[Path] = []
        try:
            for inner, content in files.items():
                path = self.root / inner
                written.append(path.with_name(f".{path.name}.part"))
                written[-1].write_bytes(content)
            for inner, beside in zip(files, list(written), strict=True):
                written.append(self.root / inner)
                beside.replace(self.root / inner)
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise

    def finish(self) -> None:
        """Write the lists of the splits and the credits, over all frames that are there."""
        parts: dict[Part, list[str]] = {part: [] for part in PARTS}
        for name in sorted((path.stem for path in self.root.glob("meta/[0-9]*.json")), key=seed_and_view):
            parts[part_of(seed_and_view(name)[0])].append(name)
        for part, names in parts.items():
            write_text(self.root / f"{part}.txt", "".join(f"{name}\n" for name in names))
        write_text(self.root / CREDITS_FILE, credits(self.described()))

    def described(self) -> Iterator[dict[str, Any]]:
        """What meta/ says of each frame that is there, by seed."""
        for path in sorted(self.root.glob("meta/[0-9]*.json"), key=lambda path: seed_and_view(path.stem)):
            yield json.loads(path.read_text())

    def label_paths(self) -> list[Path]:
        """The label images of the frames that are there, by seed."""
        return sorted(self.root.glob("label/[0-9]*.png"), key=lambda path: seed_and_view(path.stem))

    def _folders(self) -> tuple[str, ...]:
        return ("rgb", "depth", "label", "meta", *(("depth_gt",) if self._exact_depth else ()))


def frame_name(seed: int, view: int = 0) -> str:
    """A frame's name: its room's seed, of four digits or more, and of a further view its number."""
    return f"{seed:04d}_{view}" if view else f"{seed:04d}"


def seed_and_view(name: str) -> tuple[int, int]:
    """What `frame_name` made the name of."""
    seed, _, view = name.partition("_")
    return int(seed), int(view or 0)


def part_of(seed: int) -> Part:
    """The part a seed falls into: eight tenths train, a tenth each val and test, by a hash that never changes."""
    drawn = int.from_bytes(hashlib.sha256(f"rooms {seed}".encode()).digest()[:8], "big") / 2**64
    for part, below in zip(PARTS, np.cumsum(_SHARES), strict=True):
        if drawn < below:
            return part
    return PARTS[-1]


def describe(capture: Capture) -> dict[str, Any]:
    """All that is known of a frame but its pixels, as plain JSON types; objects are those in view."""
    camera, scene = capture.camera, capture.scene
    visible = np.bincount(capture.instance.ravel(), minlength=len(scene.objects) + 1)
    objects = []
    for thing in scene.objects:
        if visible[thing.id]:
            centroid, basis, half = thing.box
            objects.append(
                {
                    "id": thing.id,
                    "cls": CLASSES[thing.label - 1] if thing.label else "void",
                    "name": thing.name,
                    "model": thing.credit.name,
                    "licence": thing.credit.licence,
                    "creator": thing.credit.creator or None,
                    "source": thing.credit.source or None,
                    "box": {"centroid": _rounded(centroid), "basis": _rounded(basis), "half": _rounded(half)},
                    "visible_pixels": int(visible[thing.id]),
                }
            )
    return {
        "seed": scene.seed,
        "view": capture.view,
        "room_type": scene.kind,
        "room_size": _rounded(np.asarray(scene.size)),
        "sensor": camera.sensor,
        "width": camera.width,
        "height": camera.height,
        "intrinsics": _rounded(camera.intrinsics),
        "camera_to_world": _rounded(camera.pose, 9),
        "frame": _FRAME_TEXT,
        "depth": "uint16 mm along the optical axis, 0 = missing",
        "missing_depth": round(float((capture.depth == 0).mean()), 4),
        "classes": ["void", *CLASSES],
        "objects": objects,
        "textures": _textures(capture, visible),
    }


def _textures(capture: Capture, visible: np.ndarray) -> list[str]:
    """Names of the textures of objects in view that were not drawn here, but taken from miniworld."""
    names = {
        part.material.texture.name
        for thing in capture.scene.objects
        if visible[thing.id]
        for part in thing.parts
        if part.material.texture is not None
    }
    return sorted(name for name in names if name.startswith(MINIWORLD_PREFIX))


def credits(described: Iterable[dict[str, Any]]) -> str:
    """Every model and foreign texture that is in view of a frame, with its licence and author: one line each.

    Args:
        described: what `describe` made of each frame.
    """
    frames: Counter[tuple[str, str, str, str]] = Counter()
    for frame in described:
        seen = frame["objects"]
        models = {(item["licence"], item["model"], item["creator"] or "", item["source"] or "") for item in seen}
        by = MINIWORLD.creator, MINIWORLD.source
        textures = {(MINIWORLD.licence, f"texture {name}", *by) for name in frame["textures"]}
        frames.update(models | textures)
    lines = ["Rendered by python -m train.rooms of DeResUNet. Models and textures in these frames, by licence:", ""]
    for (licence, model, creator, source), count in sorted(frames.items()):
        by = f", by {creator}" if creator else ""
        of = f", from {source}" if source else ""
        lines.append(f"{licence}: {model}{by}{of} ({count} frame{'s' if count > 1 else ''})")
    return "\n".join(lines) + "\n"


def encode_png(image: np.ndarray) -> bytes:
    """An array uint8 or uint16 (H, W) as PNG."""
    return _encoded(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def encode_jpeg(rgb: np.ndarray, quality: int) -> bytes:
    """An array uint8 (H, W, 3) as JPEG."""
    return _encoded(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_json(value: Any) -> bytes:
    """Plain types as JSON."""
    return (json.dumps(value, indent=1, allow_nan=False) + "\n").encode()


def _encoded(kind: str, image: np.ndarray, options: list[int]) -> bytes:
    done, content = cv2.imencode(kind, image, options)
    if not done:
        raise OSError(f"OpenCV could not encode an image of {image.dtype} {image.shape} as {kind}.")
    return content.tobytes()


def _rounded(values: np.ndarray, digits: int = 6) -> list[Any]:
    # Adding zero turns -0.0 into 0.0.
    return (np.round(np.asarray(values, np.float64), digits) + 0.0).tolist()
