"""Predictions of any network, stored as label PNGs, as a predictor.

A folder of predictions holds `NAME.png` for each frame NAME (in subfolders where names have slashes): one channel of
class numbers. `confidence/NAME.png`, uint8 or uint16, may hold the probability of each label, over its type's range.
`predictions.json` says how the class numbers count, where `prediction_writer` wrote the folder.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from deresunet.classes import LABEL_SETS, NUM_CLASSES, SUNRGBD37, VOID
from deresunet.config import ModelConfig, Preprocessing
from deresunet.data.frame import Frame
from deresunet.data.text_files import read_json
from deresunet.errors import InputError, first_line
from deresunet.inference.prediction import Prediction, Provenance
from deresunet.inference.preprocessing import Modality
from deresunet.inference.tta import Inference
from deresunet.model.checkpoint import Checkpoint

LabelRange = Literal["auto", "1..37", "0..36", "nyu40"]
DESCRIPTION_FILE = "predictions.json"
CONFIDENCE_FOLDER = "confidence"
# Lowest and highest class number of each way to count.
_RANGES = {"1..37": (1, NUM_CLASSES), "0..36": (0, NUM_CLASSES - 1), "nyu40": (1, len(LABEL_SETS["nyu40"]) - 1)}


class MissingPredictionError(InputError):
    """A folder of predictions has no file for a frame."""


class StoredPredictor:
    """Stored predictions, used as a `Predictor` is: a source of labels, without the probabilities of all classes.

    Pixels of NYU40's classes 38..40 are 0, which is none of the 37; with ground truth there is nothing to score them
    as, so the frame is refused with the way out. A prediction of another size than the frame's is brought to it with
    nearest neighbour. Top five classes, entropy and other modalities need a network: `Prediction.classes` and
    `probabilities` hold one class, and confidence and entropy are NaN where no confidence is stored.

    Args:
        name: name of the network, for people.
        folder: folder of predictions.
        label_range: how class numbers count: "1..37", "0..36", "nyu40", or "auto" to recognise it.

    Attributes:
        name: name of the network.
        folder: folder of predictions.
        label_range: "1..37", "0..36" or "nyu40".
        has_confidence: whether the folder holds confidences.
        resized: names of the frames so far whose prediction had another size.

    Raises:
        InputError: the folder has no PNG, or its files do not show how class numbers count.
    """

    def __init__(self, name: str, folder: str | Path, label_range: LabelRange = "auto") -> None:
        self.name, self.folder = name, Path(folder)
        self._files = dict(_png_files(self.folder))
        if not self._files:
            raise InputError(
                f"{self.folder} holds no predictions. Expected a folder with NAME.png for each frame NAME, class "
                "numbers in one channel."
            )
        self.has_confidence = (self.folder / CONFIDENCE_FOLDER).is_dir()
        self.label_range = self._recognised() if label_range == "auto" else label_range
        self.resized: set[str] = set()
        self._checkpoint = Checkpoint(
            {},
            ModelConfig(),
            Preprocessing(),
            name=name,
            sha256=_fingerprint(self._files, self.label_range),
            training=f"stored predictions, class numbers {self.label_range}",
        )

    ready = True
    class_set = SUNRGBD37

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __call__(self, frame: Frame, modality: Modality = "rgbd") -> Prediction:
        """Read the prediction of a frame.

        Raises:
            MissingPredictionError: there is none.
            InputError: its file cannot be used, or another modality than "rgbd" is asked for.
        """
        start = time.perf_counter()
        label = self._label(frame, modality)
        confidence = self._confidence(frame)
        return Prediction(
            label=label,
            confidence=confidence,
            classes=label[None],
            probabilities=confidence[None],
            entropy=np.full(label.shape, np.nan, np.float32),
            latency_ms=1000.0 * (time.perf_counter() - start),
            provenance=self.provenance(modality),
        )

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> list[np.ndarray]:
        """Labels of frames, uint8 (H, W), 1..37 each; raises as a call does."""
        return [self._label(frame, modality) for frame in frames]

    @property
    def checkpoint(self) -> Checkpoint:
        """Name and hash of the predictions; there are no weights."""
        return self._checkpoint

    @property
    def usual_batch(self) -> int:
        """One frame at once: there is no network to keep busy."""
        return 1

    @property
    def protocol(self) -> str:
        """How labels come about, for people."""
        return f"stored predictions of {self.name}, brought to the ground truth's own resolution with nearest neighbour"

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """The frame's own size."""
        return height, width

    def provenance(self, modality: Modality = "rgbd") -> Provenance:
        """Origin of the predictions; `sha256` tells these files from others by name, size and time."""
        return Provenance(
            weights=self.name,
            sha256=self._checkpoint.sha256,
            architecture="stored predictions",
            preprocessing=self._checkpoint.preprocessing,
            training=self._checkpoint.training,
            device="none",
            precision=str(self.label_range),
            modality=modality,
            torch=torch.__version__,
            backend="stored",
        )

    def with_inference(self, inference: Inference) -> StoredPredictor:
        """Return itself: no network runs, whatever the input size; an `InputError` for flips and scales."""
        if inference.augmented:
            raise InputError(f"{self.name} holds stored predictions: --tta needs a network. Leave --tta out.")
        return self

    def _label(self, frame: Frame, modality: Modality) -> np.ndarray:
        if modality != "rgbd":
            raise InputError(
                f"{self.name} holds stored predictions, which cannot be recomputed for "
                f"{'RGB' if modality == 'rgb' else modality}. Choose RGB-D, or give a folder of predictions for it."
            )
        path = self._files.get(frame.name)
        if path is None:
            raise MissingPredictionError(
                f"{self.name} has no prediction for {frame.name}. Expected {self.folder.name}/{frame.name}.png."
            )
        numbers = _read_numbers(path)
        lowest, highest = _RANGES[self.label_range]
        if numbers.min() < lowest or numbers.max() > highest:
            raise InputError(
                f"{path} has class numbers {numbers.min()}..{numbers.max()}; expected {lowest}..{highest} for "
                f"--prediction-labels {self.label_range}. Every pixel needs a class; give another --prediction-labels "
                "if they count otherwise."
            )
        label = (numbers + (1 - lowest)).astype(np.uint8)
        if label.shape != frame.size:
            self.resized.add(frame.name)
            label = _nearest(label, frame.size)
        label[label > NUM_CLASSES] = VOID
        unscored = 0 if frame.label is None else np.count_nonzero((label == VOID) & (frame.label != VOID))
        if unscored:
            raise InputError(
                f"{path} has {unscored:,} pixels of NYU40's classes 38..40 where the ground truth is one of the 37. "
                "Write the most probable of the first 37 classes instead: logits[:, :37].argmax(1) + 1."
            )
        return label

    def _confidence(self, frame: Frame) -> np.ndarray:
        path = self.folder / CONFIDENCE_FOLDER / self._files[frame.name].relative_to(self.folder)
        if not path.is_file():
            return np.full(frame.size, np.nan, np.float32)
        with _opened(path) as image:
            stored = np.asarray(image)
        if stored.ndim != 2 or stored.dtype == np.bool_:
            raise InputError(f"{path} is {stored.dtype} {stored.shape}; expected one channel of 8 or 16 bits.")
        top = 255 if stored.dtype == np.uint8 else 65535
        confidence = stored.astype(np.float32) / top
        return confidence if confidence.shape == frame.size else _nearest(confidence, frame.size)

    def _recognised(self) -> LabelRange:
        """How class numbers count, from the description or from the first files that show it."""
        described = self.folder / DESCRIPTION_FILE
        if described.is_file():
            with suppress(InputError, KeyError, TypeError):
                labels = read_json(described)["labels"]
                if labels in _RANGES:
                    return labels
        seen = np.zeros(256, bool)
        for path in self._files.values():
            seen[np.clip(np.unique(_read_numbers(path)), 0, 255)] = True
            if seen[0] or seen[NUM_CLASSES:].any():
                break
        lowest, highest = int(np.flatnonzero(seen)[0]), int(np.flatnonzero(seen)[-1])
        if lowest == 0 and highest < NUM_CLASSES:
            return "0..36"
        if lowest > 0 and NUM_CLASSES <= highest <= _RANGES["nyu40"][1]:
            return "1..37" if highest == NUM_CLASSES else "nyu40"
        raise InputError(
            f"{self.folder}: the class numbers seen are {lowest}..{highest}, which does not tell how they count. Give "
            "--prediction-labels 1..37, 0..36 or nyu40."
        )


def _png_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names of frames and their files, in order; names come from this list alone, so none leads out of the folder."""
    for path in sorted(folder.rglob("*.png")):
        inner = path.relative_to(folder)
        if inner.parts[0] != CONFIDENCE_FOLDER and not path.name.startswith("."):
            yield inner.with_suffix("").as_posix(), path


def _fingerprint(files: dict[str, Path], label_range: str) -> str:
    """Hash of names, sizes and times of files, in hex: other files are another network."""
    stats = [(name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in files.items()]
    return hashlib.sha256(json.dumps([label_range, stats]).encode()).hexdigest()


def _read_numbers(path: Path) -> np.ndarray:
    """Class numbers of a file, int64 (H, W); of a palette image its indices."""
    with _opened(path) as image:
        numbers = np.asarray(image)
    if numbers.ndim != 2 or numbers.dtype == np.bool_:
        raise InputError(
            f"{path} is an image of mode {image.mode}; expected class numbers in one channel of 8 or 16 bits."
        )
    return numbers.astype(np.int64)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            image.load()
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a PNG ({first_line(error)}). Write it again.") from error


def _nearest(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (h, w) at another height and width, by nearest neighbour."""
    rows, columns = ((np.arange(new) + 0.5) * old / new for new, old in zip(size, array.shape, strict=True))
    return array[np.ix_(rows.astype(np.int64), columns.astype(np.int64))]
