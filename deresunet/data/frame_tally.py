"""How depth was understood and what looks wrong, counted over many frames."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable

from deresunet.data.frame import Frame
from deresunet.errors import FrameWarning


def depth_encoding(frame: Frame) -> str:
    """Encoding and unit of a frame's depth, such as "uint16, mm", or "" where it has none."""
    reading = frame.depth_reading
    return "" if reading is None else f"{reading.encoding}, {reading.unit}"


def warnings_of(frame: Frame) -> tuple[tuple[str, str], ...]:
    """Kind and text of each thing that looks wrong about a frame."""
    reading = frame.depth_reading
    depth = () if reading is None else tuple(("depth", text) for text in reading.warnings)
    return (*depth, *((problem.kind, problem.message) for problem in frame.problems))


def warn_once(frame: Frame, warned: set[str]) -> None:
    """Emit a `FrameWarning` for each thing that looks wrong about a frame, once a kind, for the caller's caller.

    Args:
        frame: the frame.
        warned: kinds that were warned of before; those of this frame are added.
    """
    for text in frame.warnings:
        kind = re.sub(r"\d[\d.,]*", "#", text)  # warnings of one kind differ in their numbers
        if kind not in warned:
            warned.add(kind)
            warnings.warn(f"{frame.name}: {text}", FrameWarning, stacklevel=3)


class FrameTally:
    """Encodings of depth and kinds of warnings, counted over frames.

    Attributes:
        frames: number of frames counted.
        encodings: number of frames by encoding and unit of depth; "none" for those without depth.

    Example:
        >>> import numpy as np
        >>> tally = FrameTally()
        >>> tally.add(Frame(None, np.full((40, 40), 500.0), name="a"))
        >>> tally.depth, tally.lines()[0][:31]
        ('array, m (1 frames)', 'depth: 1 of 1 frames, such as a')
    """

    def __init__(self) -> None:
        self.frames = 0
        self.encodings: Counter[str] = Counter()
        self._warned: dict[str, list[tuple[str, str]]] = {}

    def add(self, frame: Frame) -> None:
        """Count a frame."""
        self.add_described(frame.name, depth_encoding(frame), warnings_of(frame))

    def add_described(self, name: str, depth: str, warnings: Iterable[tuple[str, str]]) -> None:
        """Count a frame by its name, `depth_encoding` and `warnings_of`."""
        self.frames += 1
        self.encodings[depth or "none"] += 1
        for kind, text in dict(warnings).items():
            self._warned.setdefault(kind, []).append((name, text))

    @property
    def warnings(self) -> dict[str, int]:
        """Number of frames by kind of warning."""
        return {kind: len(frames) for kind, frames in self._warned.items()}

    @property
    def depth(self) -> str:
        """Encodings of depth with their numbers of frames, on one line."""
        return "; ".join(f"{encoding} ({count:,} frames)" for encoding, count in self.encodings.items())

    def lines(self) -> list[str]:
        """Warnings: a line each kind, with the number of frames and the first of them."""
        return [
            f"{kind}: {len(frames):,} of {self.frames:,} frames, such as {frames[0][0]}: {frames[0][1]}"
            for kind, frames in sorted(self._warned.items())
        ]
