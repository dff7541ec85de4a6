"""Small data sets in exactly the layout of SUN RGB-D, made to measure: right ones, and ones broken on purpose."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import scipy.io
import torch
from PIL import Image

from deresunet.classes import SUNRGBD37
from deresunet.config import ModelConfig, Preprocessing
from deresunet.inference.network import Network
from deresunet.inference.postprocessing import OutputSpec
from deresunet.inference.predictor import Predictor
from deresunet.inference.preprocessing import RawBatch
from deresunet.model.checkpoint import Checkpoint

PREFIX = "/n/fs/sun3d/data/SUNRGBD/"
INTRINSICS = np.array([[50.0, 0, 32.0], [0, 50.0, 24.0], [0, 0, 1]])
# Turned about the camera's x axis by about 11.5 degrees, as a camera that looks down.
TILT = np.array([[1.0, 0, 0], [0, 0.98, 0.199], [0, -0.199, 0.98]])
TILT /= np.linalg.norm(TILT, axis=1, keepdims=True)
# One step of red for each class: far enough apart to survive JPEG and resizing.
RED_STEP = 6


def frame_names(count: int) -> list[str]:
    """Names in the patterns of all of the data set's collections, sorted; as many of each as of any other."""
    return sorted(name for _, name in zip(range(count), _names(), strict=False))


def _names() -> Iterator[str]:
    number = 0
    while True:
        # The hour changes every 20 rounds, so that there are recordings to tell apart.
        hour, minute, second = 8 + number // 20 % 12, number % 20, number % 60
        day = 1 + number // 240 % 28
        yield f"kv1/NYUdata/NYU{number + 1 + number // 5:04d}"
        yield f"kv2/kinect2data/{number:06d}_2014-05-{day:02d}_{hour:02d}-{minute:02d}-{second:02d}_2605-resize"
        yield f"realsense/lg/2014_10_{day:02d}-{hour:02d}_{minute:02d}_{second:02d}-1311000073"
        yield f"xtion/sun3ddata/place_{number // 3}/scan_1/{number:07d}-000003653244"
        number += 1


def picture(left: int, right: int, size: tuple[int, int] = (48, 64), right_bottom: int | None = None) -> np.ndarray:
    """uint8 (H, W, 3): what `RedReader` takes for `left` and `right` in the halves of a frame.

    The lowest third of the right half is `right_bottom`, if that is given.
    """
    height, width = size
    classes = np.full(size, left)
    classes[:, width // 2 :] = right
    if right_bottom is not None:
        classes[height * 2 // 3 :, width // 2 :] = right_bottom
    image = np.full((height, width, 3), 90, np.uint8)
    image[..., 0] = classes * RED_STEP
    return image


def halves(left: int, right: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """uint8 (H, W): a label of two halves."""
    label = np.full(size, left, np.uint8)
    label[:, size[1] // 2 :] = right
    return label


def rotated(millimetres: np.ndarray) -> np.ndarray:
    """SUN RGB-D's encoding of depth: 16 bits turned left by three."""
    stored = millimetres.astype(np.uint16)
    return (stored << 3) | (stored >> 13)


def polygons_json(size: tuple[int, int], left: str, right: str, extra: list[dict] | None = None) -> dict:
    """annotation2Dfinal/index.json of two halves, whose outlines leave the image on all sides."""
    height, width = size
    outlines = [
        {"x": [-40, width / 2, width / 2, -40], "y": [-30, -30, height + 30, height + 30], "object": 0},
        {"x": [width / 2, width + 50, width + 50, width / 2], "y": [-30, -30, height + 9, height + 9], "object": 1},
    ]
    names = [left, right]
    for item in extra or []:
        outlines.append({"x": item["x"], "y": item["y"], "object": len(names), "annotator": "127.0.0.1"})
        names.append(item["name"])
    return {
        "date": "Sun,15Feb201511:00:00GMT",
        "name": "annotation/index.json",
        "frames": [{"polygon": outlines}],
        "objects": [{"name": name} for name in names],
        "extrinsics": "20140915210114.txt",
        "conflictList": [None],
        "fileList": ["image.jpg"],
    }


def boxes_json(name: str = "chair") -> dict:
    """annotation3Dfinal/index.json of one box 1 m wide, 0.8 m high, 0.5 m deep, 2 m in front of the camera."""
    outline = {"Ymin": -0.4, "Ymax": 0.4, "rectangle": True, "X": [-0.5, 0.5, 0.5, -0.5], "Z": [1.75, 1.75, 2.25, 2.25]}
    return {
        "date": "Wed, 04 Mar 2015 02:38:57 GMT",
        "frames": [{}],
        "objects": [None, {"name": name, "polygon": [outline]}, None],
        "extrinsics": "20140915210114.txt",
    }


def frame_files(
    name: str,
    image: np.ndarray,
    left: str = "wall",
    right: str = "chair",
    extra: list[dict] | None = None,
    broken: str = "",
) -> dict[str, bytes]:
    """All files of a frame by their path in its folder; `broken` says what is wrong with it."""
    height, width = image.shape[:2]
    depth = np.full((height, width), 2000)
    depth[: height // 2] = 5000
    filled, raw = depth.copy(), depth.copy()
    raw[:, : width // 4] = 0
    stem = name.rsplit("/", 1)[-1]
    extrinsics = "\n".join(" ".join(f"{value:.6f}" for value in (*row, 0.0)) for row in TILT)
    annotation = json.dumps(polygons_json((height, width), left, right, extra))
    files = {
        f"image/{stem}.jpg": encoded(image, "JPEG"),
        f"depth/{stem}.png": encoded(rotated(raw), "PNG"),
        f"depth_bfx/{stem}.png": encoded(rotated(filled), "PNG"),
        "annotation2Dfinal/index.json": annotation.encode(),
        "annotation3Dfinal/index.json": json.dumps(boxes_json()).encode(),
        "intrinsics.txt": " ".join(f"{value:.6f}" for value in INTRINSICS.ravel()).encode(),
        "extrinsics/20140915210114.txt": extrinsics.encode(),
        "extrinsics/20150101000000.txt": b"1 0 0 0 0 1 0 0 0 0 1 0",
        "scene.txt": {"kv1": b"office", "kv2": b"bedroom\n"}.get(name.split("/", maxsplit=1)[0], b"kitchen"),
        # In the archive, but of no use here.
        f"fullres/{stem}.jpg": b"not read",
        "fullres/intrinsics.txt": b"not read",
        "annotation/index.json": b"not read,",
        "annotation3Dlayout/index.json": b"not read",
    }
    if broken == "trailing comma":
        files["annotation2Dfinal/index.json"] = (annotation[:-1] + ",}").encode()
    elif broken == "corrupt png":
        files[f"depth_bfx/{stem}.png"] = files[f"depth_bfx/{stem}.png"][:60]
    elif broken == "no image":
        del files[f"image/{stem}.jpg"]
    elif broken == "no depth":
        del files[f"depth/{stem}.png"], files[f"depth_bfx/{stem}.png"]
    elif broken == "no intrinsics":
        del files["intrinsics.txt"]
    elif broken == "no extrinsics":
        del files["extrinsics/20140915210114.txt"], files["extrinsics/20150101000000.txt"]
    elif broken == "no annotation":
        del files["annotation2Dfinal/index.json"], files["annotation3Dfinal/index.json"]
    elif broken:
        raise ValueError(broken)
    return files


def encoded(image: np.ndarray, kind: str) -> bytes:
    """An image's file."""
    buffer = io.BytesIO()
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"compress_level": 1}
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def write_layout(root: Path, frames: dict[str, dict[str, bytes]]) -> Path:
    """Frames as unpacked, below `root`/SUNRGBD."""
    for name, files in frames.items():
        for inner, content in files.items():
            path = root / "SUNRGBD" / name / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return root / "SUNRGBD"


def write_toolbox(root: Path, names: list[str], test: list[str], labels: dict[str, np.ndarray]) -> Path:
    """SUNRGBDtoolbox/ below `root`; the order of its frames is `names`', `test` of them are for testing."""
    toolbox = root / "SUNRGBDtoolbox"
    (toolbox / "Metadata").mkdir(parents=True)
    (toolbox / "traintestSUNRGBD").mkdir()
    held = set(test)
    # Some paths end in a slash, as in the published file.
    train_paths = [f"{PREFIX}{name}{'/' if name.startswith('realsense') else ''}" for name in names if name not in held]
    scipy.io.savemat(
        toolbox / "traintestSUNRGBD" / "allsplit.mat",
        {"alltrain": _cells(train_paths), "alltest": _cells([f"{PREFIX}{name}" for name in test])},
    )
    meta = np.empty((1, len(names)), [("rgbpath", object), ("sensorType", object)])
    for index, name in enumerate(names):
        path = f"{PREFIX}{name}/image/{name.rsplit('/', 1)[-1]}.jpg"
        meta[0, index] = (path, name.split("/", maxsplit=1)[0])
    scipy.io.savemat(toolbox / "Metadata" / "SUNRGBDMeta.mat", {"SUNRGBDMeta": meta}, do_compression=True)
    write_seglabels(toolbox / "Metadata" / "SUNRGBD2Dseg.mat", [labels[name] for name in names])
    return toolbox


def write_seglabels(path: Path, labels: list[np.ndarray]) -> None:
    """SUNRGBD2Dseg.mat as MATLAB writes -v7.3: a header of 512 bytes, and columns of references in the struct."""
    with h5py.File(path, "w", userblock_size=512) as file:
        kept = file.create_group("#refs#")
        struct = file.create_group("SUNRGBD2Dseg")
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        references: dict[str, list[h5py.Reference]] = {"seglabel": [], "seglabelall": []}
        for index, label in enumerate(labels):
            for key, stored in (("seglabelall", label.astype(np.uint16) * 3), ("seglabel", label)):
                data = kept.create_dataset(f"{key}{index}", data=stored.T, compression="gzip", compression_opts=1)
                data.attrs["MATLAB_class"] = np.bytes_(str(stored.dtype))
                references[key].append(data.ref)
        for key, column in references.items():
            dataset = struct.create_dataset(key, (len(labels), 1), dtype=h5py.ref_dtype)
            for index, reference in enumerate(column):
                dataset[index, 0] = reference
        names = file.create_dataset("seg37list", (len(SUNRGBD37.names), 1), dtype=h5py.ref_dtype)
        for index, name in enumerate(SUNRGBD37.names):
            codes = np.array([[ord(letter)] for letter in name], np.uint16)
            names[index, 0] = kept.create_dataset(f"name{index}", data=codes).ref
    with path.open("r+b") as file:
        text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Aug  3 15:00:00 2015 HDF5 schema 1.00 ."
        file.write(text.ljust(116) + bytes(8) + b"\x00\x02IM")


def make_archives(
    root: Path, frames: dict[str, dict[str, bytes]], test: list[str], labels: dict[str, np.ndarray]
) -> Path:
    """Write the given frames and their toolbox as unpacked; returns SUNRGBD/."""
    write_toolbox(root, sorted(labels), test, labels)
    return write_layout(root, frames)


def _cells(texts: list[str]) -> np.ndarray:
    cells = np.empty((1, len(texts)), object)
    cells[0] = texts
    return cells


class RedReader(Predictor):
    """Stands for a network: takes a pixel's class from its red channel, with real pre- and postprocessing."""

    @property
    def protocol(self) -> str:
        return "read off the red channel" if self.inference.plain else super().protocol

    def __init__(self, sha256: str = "0" * 64, offset: int = 0) -> None:
        preprocessing = Preprocessing(multiple_of=16, network_pixels=48 * 64)
        checkpoint = Checkpoint({}, ModelConfig(), preprocessing, name="red", sha256=sha256, training="none")
        self._ran: list[tuple[int, ...]] = []
        self.offset = offset
        super().__init__(Network(checkpoint, torch.device("cpu"), "eager", "float32", self._run))

    @property
    def calls(self) -> int:
        return len(self._ran)

    def _run(self, batch: RawBatch, units: Preprocessing | None, outputs: OutputSpec) -> tuple[torch.Tensor, ...]:
        self._ran.append(tuple(batch.rgb.shape))
        classes = (batch.rgb[:, 0].float() / RED_STEP).round().long().clamp(1, 37) - 1
        classes = (classes + self.offset) % 37
        return outputs.postprocess(torch.nn.functional.one_hot(classes, 37).permute(0, 3, 1, 2).float() * 20)
