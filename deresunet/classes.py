"""The 37 classes of SUN RGB-D: names, colours, and the label sets that are mapped to them.

On disk 0 is void and 1..37 are the classes; network index k is class k + 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

VOID = 0

# Name as the data set spells it, and a colour. Colours were chosen greedily, each the farthest in OKLab from those
# before it, the classes that fill most pixels first, so that neighbours in a room are told apart.
_NAMES_AND_COLOURS = (
    ("wall", "#8ea8c4"),
    ("floor", "#b08054"),
    ("cabinet", "#1f4ea0"),
    ("bed", "#ffb703"),
    ("chair", "#d6393e"),
    ("sofa", "#7d46cd"),
    ("table", "#2a9d57"),
    ("door", "#7bff86"),
    ("window", "#60c8ff"),
    ("bookshelf", "#184f2e"),
    ("picture", "#652e44"),
    ("counter", "#dee918"),
    ("blinds", "#65187b"),
    ("desk", "#c891ff"),
    ("shelves", "#704f18"),
    ("curtain", "#a71886"),
    ("dresser", "#2e7b86"),
    ("pillow", "#4f86ff"),
    ("mirror", "#916591"),
    ("floor_mat", "#ff7b2e"),
    ("clothes", "#ffb29c"),
    ("ceiling", "#e2d8ec"),
    ("books", "#a7c886"),
    ("refridgerator", "#ffb2f4"),
    ("television", "#4418a7"),
    ("paper", "#4f7018"),
    ("towel", "#d35ac8"),
    ("shower_curtain", "#18d386"),
    ("box", "#7bbd18"),
    ("whiteboard", "#657bbd"),
    ("person", "#ff78aa"),
    ("night_stand", "#919118"),
    ("toilet", "#39bdb2"),
    ("sink", "#911818"),
    ("lamp", "#18f4de"),
    ("bathtub", "#c891a7"),
    ("bag", "#444f65"),
)

CLASSES: tuple[str, ...] = tuple(name for name, _ in _NAMES_AND_COLOURS)
COLOURS: tuple[str, ...] = tuple(colour for _, colour in _NAMES_AND_COLOURS)
NUM_CLASSES = len(CLASSES)

# uint8 (38, 3): colour of each label as it lies on disk; void is black.
PALETTE = np.array([[0, 0, 0], *(list(bytes.fromhex(colour[1:])) for colour in COLOURS)], dtype=np.uint8)
PALETTE.setflags(write=False)


# Names of the 20 classes of ScanNet's benchmark, in their order; the last, other furniture, is none of the 37.
_SCANNET20 = (
    *("wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture", "counter"),
    *("desk", "curtain", "refridgerator", "shower_curtain", "toilet", "sink", "bathtub", ""),
)
# The 13 classes of Couprie et al. 2013 (https://arxiv.org/abs/1301.3572). Those that merge several of the 37 (floor
# with floor mat, furniture, objects, table with desk, wall with door, window with blinds) have no counterpart.
_NYU13 = ("bed", "books", "ceiling", "chair", "", "", "", "picture", "sofa", "", "television", "", "")


def _to_37(names: tuple[str, ...]) -> np.ndarray:
    """uint8 (N + 1,): labels 0..37 of void and of classes called `names`, void for a name that is none of the 37."""
    return np.array([VOID, *(CLASSES.index(name) + 1 if name in CLASSES else VOID for name in names)], np.uint8)


LabelSet = Literal["nyu40", "sunrgbd37", "scannet20", "nyu13"]
# Label 0..37 of each value of a label set, 0 = void first. NYU40's first 37 are SUN RGB-D's; its last three (other
# structure, other furniture, other prop) are void here.
LABEL_SETS: dict[LabelSet, np.ndarray] = {
    "nyu40": _to_37((*CLASSES, "", "", "")),
    "sunrgbd37": _to_37(CLASSES),
    "scannet20": _to_37(_SCANNET20),
    "nyu13": _to_37(_NYU13),
}


def display_name(label: int) -> str:
    """Name of a class for people; `label` is 0 (void) or 1..37."""
    if label == VOID:
        return "void"
    return CLASSES[label - 1].replace("_", " ").replace("refridgerator", "refrigerator")


DISPLAY_NAMES: tuple[str, ...] = tuple(display_name(label) for label in range(1, NUM_CLASSES + 1))
