"""The 37 classes of SUN RGB-D: names, colours and their relation to NYU Depth v2's 40.

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


LabelSet = Literal["sunrgbd37", "nyu40"]
# Highest value that may occur on disk. NYU40's first 37 are SUN RGB-D's; its last three (other structure, other
# furniture, other prop) are void here.
LABEL_SETS: dict[LabelSet, int] = {"sunrgbd37": NUM_CLASSES, "nyu40": 40}


def display_name(label: int) -> str:
    """A class's name for people: `label` is 0 (void) or 1..37."""
    if label == VOID:
        return "void"
    return CLASSES[label - 1].replace("_", " ").replace("refridgerator", "refrigerator")


DISPLAY_NAMES: tuple[str, ...] = tuple(display_name(label) for label in range(1, NUM_CLASSES + 1))
