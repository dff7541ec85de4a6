"""Files of a data set's frames, as they were found on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from deresunet.data.layouts import Layout


@dataclass(frozen=True)
class FrameFiles:
    """Files of a frame.

    Attributes:
        name: what to call the frame.
        rgb: RGB image, or None.
        depth: depth file, or None.
        label: label file, or None.
        split: split that its folder or its frame list says, or "".
        scene: recording that its folder or its frame list says, or "".
        intrinsics: file or text with its intrinsics, or None.
    """

    name: str
    rgb: Path | None = None
    depth: Path | None = None
    label: Path | None = None
    split: str = ""
    scene: str = ""
    intrinsics: Path | str | None = None


@dataclass
class Found:
    """Frames of a data set as found on disk.

    Attributes:
        root: folder that the frames lie in.
        layout: row of the table.
        frames: frames by name, in natural order.
        splits: names of the frames of each list and of each folder of a split.
        label_set: label set of the label files that were taken, as `Layout.label` says.
        notices: what was left out, and why.
        broken: what is wrong with a list, for those that ask for its split.
    """

    root: Path
    layout: Layout
    frames: dict[str, FrameFiles]
    splits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    label_set: str | None = None
    notices: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
