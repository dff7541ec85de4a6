"""A teacher's outputs: made once a picture, kept on disk, and read where the picture is trained on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor, nn

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.inference.preprocessing import network_input, resize_frame
from deresunet.model.vit import PATCH, TAPPED
from train.distillation.teacher import load_teacher
from train.precision import half_type

# Pictures that are read at a time; those of one size are shown to the teacher together.
TOGETHER = 8
# Photographs are small (256 px show a room that a frame shows at 480), so the teacher sees them enlarged.
ENLARGED = 1.25
# A teacher's outputs of both kinds: what is kept of a frame, and pixels of a sample to one row of what is learned.
STRIDES = {"features": PATCH, "logits": 4}


@dataclass(frozen=True)
class Teaching:
    """A teacher, and what of it is learned.

    Attributes:
        teacher: its weights: .safetensors, or the .ckpt of its own training.
        outputs: "features" of the last block's patches (for encoders), or "logits" of classes.
        folder: where outputs are kept, a file a picture (about 1.2 MB a frame of 480x640 and 0.4 MB a photograph for
            features, a third of that for logits of 40 classes); they are made before the first step, once.
        depth_head: the .ckpt of a depth head on the same teacher, which gives photographs a depth; None gives none.
    """

    teacher: str
    outputs: Literal["features", "logits"] = "logits"
    folder: str = "runs/teacher"
    depth_head: str | None = None


class TeacherOutputs:
    """Outputs of a teacher for pictures.

    Args:
        teaching: which teacher, which outputs, where they are kept.
        preprocessing: how pictures are shown to it.
        subject: what else outputs depend on, such as depth's unit.

    Raises:
        InputError: the teacher's file, or the depth head's, cannot be used.
    """

    def __init__(self, teaching: Teaching, preprocessing: Preprocessing, subject: str = "") -> None:
        self.teaching, self.preprocessing = teaching, preprocessing
        self.stride = STRIDES[teaching.outputs]
        self.name = Path(teaching.teacher).name
        described = [_digest(teaching.teacher), teaching.outputs, repr(preprocessing), subject]
        self.folder = Path(teaching.folder) / hashlib.sha256(repr(described).encode()).hexdigest()[:16]
        self.depth_folder = None
        if teaching.depth_head is not None:
            self.depth_folder = self.folder.with_name(f"{self.folder.name}-{_digest(teaching.depth_head)[:16]}")

    def make(
        self,
        read: Callable[[int], Frame],
        keys: Sequence[str],
        device: torch.device,
        photographs: bool = False,
    ) -> None:
        """Ask the teacher about every picture that it has not been asked about.

        Args:
            read: the picture of an index.
            keys: of each picture, a name that changes with its contents.
            device: where the teacher works.
            photographs: pictures are photographs: seen enlarged, and given a depth if there is a head for it.
        """
        missing = [k for k, key in enumerate(keys) if not self._is_there(key, photographs)]
        if not missing:
            return
        rank_zero_info(f"Asks the teacher {self.name} about {len(missing)} of {len(keys)} pictures, once.")
        teacher = load_teacher(self.teaching.teacher).to(device)
        head = None
        if photographs and self.teaching.depth_head is not None:
            from train.distillation.depth import load_depth_head  # noqa: PLC0415 - a stage, which imports this module

            head = load_depth_head(self.teaching.depth_head).to(device)
        half = half_type(device)
        for folder in (self.folder, self.depth_folder):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        with (
            ThreadPoolExecutor(2) as pool,
            torch.no_grad(),
            torch.autocast(device.type, half or torch.bfloat16, enabled=half is not None),
        ):
            for start in range(0, len(missing), TOGETHER):
                if start and start % (100 * TOGETHER) == 0:
                    rank_zero_info(f"  {start} of {len(missing)} pictures")
                chunk = missing[start : start + TOGETHER]
                frames = list(zip(chunk, pool.map(read, chunk), strict=True))
                for size in dict.fromkeys(frame.size for _, frame in frames):
                    some = [(k, frame) for k, frame in frames if frame.size == size]
                    rgb, depth = self._inputs([frame for _, frame in some], device, photographs)
                    for (k, _), output in zip(some, self._outputs(teacher, rgb, depth), strict=True):
                        _write(self.folder / keys[k], output)
                    if head is not None and self.depth_folder is not None:
                        for (k, _), metres in zip(some, _estimated(teacher, head, rgb), strict=True):
                            _write(self.depth_folder / keys[k], metres)

    def read(self, key: str) -> Tensor:
        """Outputs for the picture of a key, float16: features (384, h, w) or logits (classes, h, w)."""
        return torch.from_numpy(np.load(_file(self.folder / key), allow_pickle=False))

    def depth(self, key: str) -> np.ndarray:
        """Estimated depth of a photograph, float32 (h, w) [m], coarser than the photograph."""
        assert self.depth_folder is not None
        return np.load(_file(self.depth_folder / key), allow_pickle=False)[0].astype(np.float32)

    def _is_there(self, key: str, photographs: bool) -> bool:
        folders = [self.folder, *([self.depth_folder] if photographs and self.depth_folder else [])]
        return all(_file(folder / key).is_file() for folder in folders)

    def _inputs(self, frames: list[Frame], device: torch.device, photographs: bool) -> tuple[Tensor, Tensor]:
        size = frames[0].size if photographs else self.preprocessing.network_size(*frames[0].size)
        rows = [resize_frame(frame, self.preprocessing, size=size) for frame in frames]
        rgb = _stacked([row[0] for row in rows], (3, *size)).to(device)
        depth = _stacked([row[1] for row in rows], (1, *size)).to(device)
        has_rgb, has_depth = (torch.tensor([row[k] is not None for row in rows], device=device) for k in (0, 1))
        rgb, depth = network_input(rgb, depth, has_rgb, has_depth, self.preprocessing)
        if photographs:
            seen = [round(side * ENLARGED / PATCH) * PATCH for side in size]
            rgb = F.interpolate(rgb, seen, mode="bilinear", align_corners=False)
            depth = torch.zeros_like(rgb[:, :1])
        return rgb, depth

    def _outputs(self, teacher: nn.Module, rgb: Tensor, depth: Tensor) -> Tensor:
        if self.teaching.outputs == "features":
            return teacher.taps(rgb, depth, TAPPED[-1:])[0]  # type: ignore[operator]
        return F.avg_pool2d(teacher(rgb, depth), 2)  # (B, classes, H/8, W/8)


def _stacked(planes: list[Tensor | None], shape: tuple[int, ...]) -> Tensor:
    return torch.stack([torch.zeros(shape) if plane is None else plane.float() for plane in planes])


def _estimated(teacher: nn.Module, head: nn.Module, rgb: Tensor) -> Tensor:
    """Depth (B, 1, h, w) [m] at the head's own resolution."""
    patches = torch.cat(teacher.taps(rgb, torch.zeros_like(rgb[:, :1]), TAPPED), 1)  # type: ignore[operator]
    return head(patches, (2 * patches.shape[-2], 2 * patches.shape[-1]))


def _file(path: Path) -> Path:
    return path.with_name(f"{path.name}.npy")


def _write(path: Path, output: Tensor) -> None:
    beside = path.with_name(f"{path.name}.part.npy")
    np.save(beside, output.to(torch.float16).cpu().numpy(), allow_pickle=False)
    beside.replace(_file(path))


def _digest(path: str | os.PathLike[str]) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: no such file. Expected a teacher's weights, .safetensors or .ckpt of `train distill`."
        ) from error
