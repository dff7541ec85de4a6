"""One look at every frame of a list before a run: class shares, recordings, and what looks wrong."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn

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


def with_config_fields(text: str) -> str:
    """A message whose options of the command line are called as a config's fields are.

    >>> with_config_fields("Pass --label-offset 1.")
    'Pass --data.label_offset 1.'
    """
    options = r"--(label-set|label-offset|void|depth-unit|depth-key)\b"
    return re.sub(options, lambda found: f"--data.{found[1].replace('-', '_')}", text)
