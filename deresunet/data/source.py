"""One description of a data set, from which every command line, the page and training are made."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from deresunet.data.depth_units import parse_unit
from deresunet.errors import InputError

LabelSource = Literal["auto", "seglabel", "polygons"]
DepthSource = Literal["depth_bfx", "depth"]
Rotation = Literal["auto", "0", "90", "180", "270"]
LABEL_SOURCES: tuple[LabelSource, ...] = get_args(LabelSource)
DEPTH_SOURCES: tuple[DepthSource, ...] = get_args(DepthSource)
ROTATIONS: tuple[Rotation, ...] = get_args(Rotation)


def _said(help: str, *flags: str, metavar: str | None = None) -> dict[str, Any]:
    """What command lines say about a field of `Source`: help, its flags where they differ, the form of its value."""
    return {"help": help, "flags": flags, "metavar": metavar}


@dataclass(frozen=True)
class Source:
    """Where a data set's split lies and how its files are to be read.

    Attributes:
        dataset: layout, a name of `deresunet.data.readers.LAYOUTS`, or "auto" to recognise it.
        root: folder or file of the data set; bundled samples need none.
        split: name of the split; None takes the test split if there is one, and otherwise all frames.
        rgb: pattern of RGB images below the root, such as "color/*.jpg"; in place of a layout's.
        depth: pattern of depth files, paired with RGB by what its stars stand for.
        label: pattern of label files, likewise.
        label_set: names the classes that the values of label files count; None takes what the layout says.
        classes: what is scored over: a class set's name, or its file; None takes the label set, the 37 for NYU's 40.
        label_map: file of other names of its classes, see `deresunet.class_files.read_label_map`.
        label_offset: 1 for labels that count from 0.
        void: value of unlabelled pixels in label files.
        depth_unit: unit of depth files.
        depth_key: name of depth's array in NPZ and HDF5 files, or of its channel in EXR files.
        label_source: SUN RGB-D's ground truth: "seglabel", "polygons", or "auto".
        depth_source: "depth_bfx" (in-painted) or "depth" (as measured), where a data set has both.
        toolbox: SUN RGB-D's toolbox as unpacked, if it does not lie beside the frames.
        intrinsics: of frames that have none of their own, in any form that `parse_intrinsics` takes.
        rotate: degrees clockwise that bring frames upright for the network; "auto" turns nothing.

    Raises:
        InputError: a value is none of those expected.
    """

    dataset: str = field(
        default="auto",
        metadata=_said(
            "Layout; auto looks at what lies in --data; rooms and real are the bundled samples.", metavar="NAME"
        ),
    )
    root: Path | None = field(
        default=None,
        metadata=_said("Where the data set lies; rooms and real need none.", "--data", "--root", metavar="DIR"),
    )
    split: str | None = field(
        default=None,
        metadata=_said(
            "Name of the list or folder of frames, or all; of sunrgbd: train, val, trainval, test or all. The test "
            "split where there is one, and otherwise all, if left out."
        ),
    )
    rgb: str | None = field(
        default=None,
        metadata=_said("Pattern of RGB images below --data, such as 'color/*.jpg', not a layout's.", metavar="PATTERN"),
    )
    depth: str | None = field(
        default=None,
        metadata=_said(
            "Pattern of depth files, such as 'depth/*.png'; the stars pair them with RGB.", metavar="PATTERN"
        ),
    )
    label: str | None = field(
        default=None,
        metadata=_said("Pattern of label files, such as 'masks/*_label.png', likewise.", metavar="PATTERN"),
    )
    label_set: str | None = field(
        default=None,
        metadata=_said(
            "Classes that label files count: nyu40, sunrgbd37, scannet20, nyu13, ade20k150 or a file of names; what a "
            "classes.txt there or the layout says, or else nyu40, if left out.",
            metavar="NAME|FILE",
        ),
    )
    classes: str | None = field(
        default=None,
        metadata=_said(
            "Classes to score over: a set's name, or a file of names; the label set's if left out, the 37 for nyu40.",
            metavar="NAME|FILE",
        ),
    )
    label_map: Path | None = field(
        default=None, metadata=_said("YAML of other names of its classes, such as couch: sofa.", metavar="FILE")
    )
    label_offset: int | None = field(
        default=None, metadata=_said("Added to the values of label files: 1 for labels that count from 0, or 0.")
    )
    void: int | None = field(
        default=None, metadata=_said("Value of unlabelled pixels, 0 or 255; 0, or 255 with --label-offset 1.")
    )
    depth_unit: str = field(
        default="auto",
        metadata=_said(
            "Unit of depth files: a name (see docs/data.md) or the number of units per metre; auto recognises it.",
            metavar="auto|mm|m|cm|sunrgbd|tum|...|NUMBER",
        ),
    )
    depth_key: str | None = field(
        default=None, metadata=_said("Name of depth's array in NPZ and HDF5 files, or of its channel in EXR files.")
    )
    label_source: LabelSource = field(
        default="auto", metadata=_said("sunrgbd's ground truth; auto takes polygons where there is no seglabel.")
    )
    depth_source: DepthSource = field(
        default="depth_bfx", metadata=_said("In-painted depth or the sensor's own, where a data set has both.")
    )
    toolbox: Path | None = field(
        default=None, metadata=_said("SUNRGBDtoolbox as unpacked, if it is not beside the frames.")
    )
    intrinsics: Any = field(
        default=None,
        metadata=_said("Intrinsics in pixels, where frames have none of their own.", metavar="FX,FY,CX,CY"),
    )

    rotate: Rotation = field(
        default="auto",
        metadata=_said(
            "Degrees clockwise that bring frames upright, such as a phone's that are stored sideways; auto turns "
            "nothing, and says so where another turn looks right."
        ),
    )

    def __post_init__(self) -> None:
        for name in ("root", "toolbox", "label_map"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else Path(os.fspath(value)))
        object.__setattr__(self, "rotate", str(self.rotate))  # YAML reads a number
        known_values = (("label_source", LABEL_SOURCES), ("depth_source", DEPTH_SOURCES), ("rotate", ROTATIONS))
        for name, known in known_values:
            if getattr(self, name) not in known:
                raise InputError(f"{name} is {getattr(self, name)!r}; expected one of {', '.join(known)}.")
        parse_unit(self.depth_unit)

    def folder(self, need: str) -> Path:
        """The data set's folder or file.

        Raises:
            InputError: there is none; the message says that `need` has to be given.
        """
        if self.root is None:
            raise InputError(f"This layout needs --data: {need}.")
        return self.root

    @property
    def turns(self) -> int:
        """Quarter turns clockwise that bring frames upright, 0..3."""
        return 0 if self.rotate == "auto" else int(self.rotate) // 90

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the fields that have another value than their default."""
        return tuple(one.name for one in fields(self) if not _same(getattr(self, one.name), one.default))


def _same(value: Any, default: Any) -> bool:
    """Whether a field has its default; intrinsics may be an array."""
    return bool(np.array_equal(value, default))
