"""The pictures that training reads by index: frames of a list, photographs after them, and the teacher's outputs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
from torch import Tensor

from deresunet.data.fingerprint import frame_fingerprint
from deresunet.data.frame import Frame
from deresunet.data.readers import Reader
from train.data.photos import Photos
from train.data.teaching import TeacherOutputs


@dataclass(frozen=True)
class FrameList:
    """Frames of a data set by index; it can be pickled, so that workers may be started by any method.

    Attributes:
        reader: reads them.
        names: their names in it.
        kept: the frames themselves, where memory holds them; else empty.
    """

    reader: Reader
    names: tuple[str, ...]
    kept: tuple[Frame, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @functools.cached_property
    def keys(self) -> list[str]:
        """Of each frame, a name that changes with its contents."""
        return [frame_fingerprint(self.reader, name) for name in self.names]

    def read(self, index: int) -> Frame:
        """The frame of an index, upright."""
        frame = self.kept[index] if self.kept else self.reader.read(self.names[index])
        return frame.upright()

    def subset(self, indices: Sequence[int]) -> FrameList:
        """Some of the frames, in the order of `indices`."""
        names = tuple(self.names[index] for index in indices)
        return FrameList(self.reader, names, tuple(self.kept[index] for index in indices) if self.kept else ())


class Pictures:
    """Frames of a list, and photographs with the indices after them.

    Args:
        frames: the list.
        photos: the photographs, or None.
        outputs: a teacher's outputs for all of them, or None; they may give photographs a depth.
        keep: keep photographs in memory.
    """

    def __init__(self, frames: FrameList, photos: Photos | None, outputs: TeacherOutputs | None, keep: bool) -> None:
        self.frames, self.photos, self.outputs = frames, photos, outputs
        self.kept: dict[int, Frame] | None = {} if keep else None
        self.keys = [] if outputs is None else [*frames.keys, *([] if photos is None else photos.keys)]

    def read(self, index: int) -> Frame:
        """The picture of an index; photographs have an estimated depth where there is a head for it."""
        if index < len(self.frames) or self.photos is None:
            return self.frames.read(index)
        if self.kept is not None and index in self.kept:
            return self.kept[index]
        photo = self.photos.read(index - len(self.frames))
        if self.outputs is not None and self.outputs.depth_folder is not None:
            height, width = photo.size
            depth = cv2.resize(self.outputs.depth(self.keys[index]), (width, height), interpolation=cv2.INTER_LINEAR)
            photo = Frame(rgb=photo.rgb, depth=depth, name=photo.name, source=photo.source)
        if self.kept is not None:
            self.kept[index] = photo
        return photo

    def taught(self, index: int) -> Tensor:
        """The teacher's outputs for the picture of an index, float16 (channels, rows, columns)."""
        assert self.outputs is not None
        return self.outputs.read(self.keys[index])
