"""One look at every frame of a list before a run: class shares, recordings, and what looks wrong."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn

from deresunet.classes import SUNRGBD37, ClassSet
from deresunet.data.frame import Frame
from deresunet.data.frame_tally import FrameTally, depth_encoding, warnings_of
from deresunet.data.labels import class_set_of
from deresunet.data.readers import Reader
from deresunet.errors import InputError

READING_THREADS = 8


@dataclass(frozen=True)
class Survey:
    """Statistics of a list of frames, from reading each once.

    Attributes:
        shares: float64 (frames, classes): each class's share of a frame's pixels, void pixels included.
        with_depth: how many frames have depth.
        sequences: of each frame, the recording it belongs to, or "".
        frames: the frames themselves, where they are to be kept; else empty.
    """

    shares: np.ndarray
    sequences: tuple[str, ...]
    frames: tuple[Frame, ...]
    with_depth: int


def look_at(reader: Reader, names: tuple[str, ...], kind: str = "training", keep: bool = False) -> Survey:
    """Read every frame once: class shares, recordings, and the frames themselves if they are to be kept.

    How depth was understood is logged, and what looks wrong about the data set and its frames is warned of, a line each
    kind, by the first process alone.

    Args:
        reader: the data set's split.
        names: the frames to take.
        kind: name of the list, for messages.
        keep: whether to keep the frames.

    Raises:
        InputError: a frame cannot be read, or the labels of the list make no sense.
    """
    if not names:
        raise InputError(f"the {kind} list is empty.")
    reader.check()

    classes = len(class_set_of(reader))

    def look(name: str) -> tuple[np.ndarray, str, Frame | None, str, tuple[tuple[str, str], ...], bool]:
        frame = reader.read(name)
        label = np.zeros(1, np.uint8) if frame.label is None else frame.label
        shares = np.bincount(label.ravel(), minlength=classes + 1)[1:] / label.size
        kept = frame if keep else None
        return shares, frame.sequence, kept, depth_encoding(frame), warnings_of(frame), frame.depth is not None

    # Decoding releases the interpreter's lock, so threads do.
    with ThreadPoolExecutor(READING_THREADS) as pool:
        looked = list(pool.map(look, names))
    shares, sequences, frames, encodings, warned, depths = zip(*looked, strict=True)
    tally = FrameTally()
    for name, encoding, warnings in zip(names, encodings, warned, strict=True):
        tally.add_described(name, encoding, warnings)
    rank_zero_info(f"Depth of the {kind} list: {tally.depth}")
    for line in (*reader.notices, *tally.lines()):
        rank_zero_warn(f"{kind} list: {with_config_fields(line)}")
    kept = tuple(frame for frame in frames if frame is not None)
    return Survey(np.stack(shares), sequences, kept, sum(depths))


def refuse_void(shares: np.ndarray, kind: str, split: str) -> None:
    """Refuse a list that nothing can be measured on.

    Raises:
        InputError: no pixel of the list has a class.
    """
    if not shares.sum():
        raise InputError(
            f"none of the {len(shares)} {kind} frames ({split}) has ground truth: label/ lacks their labels, or all of "
            f"them are void. Give labels, or another list (data.{kind}_split; null carves validation out of training)."
        )


def say_what_can_be_learned(survey: Survey, class_set: ClassSet) -> None:
    """Say which classes never occur, and where no frame has depth.

    Raises:
        InputError: labels are of one class alone.
    """
    shares, names = survey.shares.sum(0), class_set.display_names
    present = [name for name, share in zip(names, shares, strict=True) if share > 0]
    if len(present) == 1:
        raise InputError(
            f"the labels hold one class alone, {present[0]}: nothing to tell it from. Label a second class, "
            "such as background: 0 is void and teaches nothing."
        )
    absent = [name for name, share in zip(names, shares, strict=True) if not share]
    if absent and class_set != SUNRGBD37:
        rank_zero_warn(f"training list: no pixel is {', '.join(absent)}; a network cannot learn what never occurs.")
    if not survey.with_depth:
        rank_zero_info("No frame of the training list has depth: the network learns RGB alone.")


def with_config_fields(text: str) -> str:
    """A message whose options of the command line are called as a config's fields are.

    >>> with_config_fields("Pass --label-offset 1.")
    'Pass --data.label_offset 1.'
    """
    options = r"--(label-set|label-offset|void|depth-unit|depth-key)\b"
    return re.sub(options, lambda found: f"--data.{found[1].replace('-', '_')}", text)
