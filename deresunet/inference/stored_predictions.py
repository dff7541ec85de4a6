"""Predictions of any network, stored as label PNGs, as a predictor.

A folder of predictions holds `NAME.png` for each frame NAME (in subfolders where names have slashes): one channel of
class numbers. `confidence/NAME.png`, uint8 or uint16, may hold the probability of each label, over its type's range.
`predictions.json` says which classes the numbers count, where `prediction_writer` wrote the folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from deresunet.classes import BUILT_IN, SUNRGBD37, ClassSet
from deresunet.config import ModelConfig, Preprocessing
from deresunet.data.arrays import nearest
from deresunet.data.fingerprint import digest, stamps
from deresunet.data.frame import Frame
from deresunet.data.patterns import files_below
from deresunet.data.text_files import read_json
from deresunet.errors import InputError, first_line
from deresunet.inference.prediction import Prediction, Provenance
from deresunet.inference.preprocessing import Modality, usable_modality
from deresunet.inference.tta import Inference
from deresunet.model.checkpoint import Checkpoint

DESCRIPTION_FILE = "predictions.json"
CONFIDENCE_FOLDER = "confidence"
# Files, evenly taken from a folder, whose class numbers are looked at.
_FILES = 200


@dataclass(frozen=True)
class Numbering:
    """Meaning of class numbers.

    Attributes:
        class_set: the N classes that they count.
        first: number of the first class, 0 or 1. From 1, 0 is none of the classes.
    """

    class_set: ClassSet
    first: int

    def __str__(self) -> str:
        return f"{self.first}..{self.highest}, {self.class_set.name}"

    @property
    def option(self) -> str:
        """The form that `parse` takes."""
        return f"{self.class_set.name}@{self.first}"

    @property
    def highest(self) -> int:
        """The last class's number."""
        return len(self.class_set) - 1 + self.first

    @classmethod
    def parse(cls, said: str, usual: ClassSet = SUNRGBD37) -> tuple[ClassSet, int | None]:
        """Classes and first number of SET@0, SET@1, 0..36 or 1..37; of SET alone the number is left open.

        A set is a built-in one's name, that of `usual`, or a file of names.

        Raises:
            InputError: there is no such class set.
        """
        ranges = {f"{first}..{36 + first}": (SUNRGBD37, first) for first in (0, 1)}
        if said in ranges:
            return ranges[said]
        name, at, first = said.rpartition("@")
        named = at != "" and first in ("0", "1")
        wanted = name if named else said
        return usual if wanted == usual.name else ClassSet.of(wanted), int(first) if named else None


class MissingPredictionError(InputError):
    """A folder of predictions has no file for a frame."""


class StoredPredictor:
    """Stored predictions, used as a `Predictor` is: a source of labels, without the probabilities of all classes.

    A prediction of another size than the frame's is brought to it with nearest neighbour. Top five classes, entropy and
    other modalities need a network: `Prediction.classes` and `probabilities` hold one class, and confidence and entropy
    are NaN where no confidence is stored.

    Args:
        name: display name of the network.
        folder: folder of predictions.
        labels: what class numbers count, as `Numbering.parse` takes it; "auto" recognises it.
        usual: classes of the ground truth, which "auto" thinks of first.

    Attributes:
        name: name of the network.
        folder: folder of predictions.
        numbering: what class numbers count.
        has_confidence: whether the folder holds confidences.
        resized: names of the frames so far whose prediction had another size.

    Raises:
        InputError: the folder has no PNG, or its files do not show how class numbers count.
    """

    def __init__(self, name: str, folder: str | Path, labels: str = "auto", usual: ClassSet = SUNRGBD37) -> None:
        self.name, self.folder = name, Path(folder)
        # Names come from this list alone, so none leads out of the folder.
        found = files_below(self.folder, (".png",)) if self.folder.is_dir() else {}
        self._files = {name: path for name, path in found.items() if name.split("/")[0] != CONFIDENCE_FOLDER}
        if not self._files:
            raise InputError(
                f"{self.folder} holds no predictions. Expected a folder with NAME.png for each frame NAME, class "
                "numbers in one channel."
            )
        self.has_confidence = (self.folder / CONFIDENCE_FOLDER).is_dir()
        self.numbering = self._numbering(labels, usual)
        self.resized: set[str] = set()
        self._checkpoint = Checkpoint(
            {},
            ModelConfig(),
            Preprocessing(),
            name=name,
            # By names, sizes and times: other files are another network.
            sha256=digest([self.numbering.option, list(self._files), stamps(self._files.values())]),
            training=f"stored predictions, class numbers {self.numbering}",
        )

    ready = True

    @property
    def class_set(self) -> ClassSet:
        """Classes that labels count."""
        return self.numbering.class_set

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
            class_set=self.class_set,
        )

    def predictions(self, frames: Sequence[Frame], modality: Modality = "rgbd", top_k: int = 1) -> list[Prediction]:
        """Predictions of frames, with the one class that is stored whatever `top_k`; raises as a call does."""
        return [self(frame, modality) for frame in frames]

    def labels(self, frames: Sequence[Frame], modality: Modality = "rgbd") -> list[np.ndarray]:
        """Labels of frames, uint8 (H, W) in `class_set`, 0 = none, each; raises as a call does."""
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
        """Description of how labels come about."""
        return f"stored predictions of {self.name}, brought to the ground truth's own resolution with nearest neighbour"

    def modality_of(self, frame: Frame, wanted: Modality = "rgbd") -> Modality:
        """Modality that is stated of a frame's prediction, whatever it was made of. Raises as `usable_modality`."""
        return usable_modality(frame, wanted)

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
            precision=str(self.numbering),
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
        numbers, numbering = _read_numbers(path), self.numbering
        if numbers.min() < 0 or numbers.max() > numbering.highest:
            raise InputError(
                f"{path} has class numbers {numbers.min()}..{numbers.max()}; expected {numbering}. "
                f"{_advice(int(numbers.min()), int(numbers.max()), numbering.class_set)}"
            )
        label = (numbers + (1 - numbering.first)).astype(np.uint8)
        if label.shape != frame.size:
            self.resized.add(frame.name)
            label = nearest(label, frame.size)
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
        return confidence if confidence.shape == frame.size else nearest(confidence, frame.size)

    def _numbering(self, labels: str, usual: ClassSet) -> Numbering:
        """What class numbers count, as was said, by the folder's description, or by what its files show."""
        given, first = (None, None) if labels == "auto" else Numbering.parse(labels, usual)
        if given is not None and first is not None:
            return Numbering(given, first)
        described = self.folder / DESCRIPTION_FILE
        if described.is_file() and given is None:
            with suppress(InputError, KeyError, TypeError):
                written = read_json(described)
                if "class_set" in written:
                    return Numbering(ClassSet.from_dict(written["class_set"]), 1)
                if written["labels"] in ("1..37", "0..36"):
                    return Numbering(*Numbering.parse(written["labels"]))  # type: ignore[arg-type]
        files = list(self._files.values())
        seen = np.unique(
            np.concatenate([np.unique(_read_numbers(path)) for path in files[:: -(-len(files) // _FILES)]])
        )
        lowest, highest = int(seen[0]), int(seen[-1])
        nyu = (SUNRGBD37, BUILT_IN["nyu40"])
        candidates = [given] if given is not None else [*([] if usual in nyu else [usual]), *nyu]
        for classes in candidates:
            # The highest number tells a set, and 0 that it counts from 0; a few void pixels among 1..N do not.
            if highest == len(classes):
                if lowest >= 1 or highest != len(SUNRGBD37) or given is not None:
                    return Numbering(classes, 1)
            elif lowest == 0 and highest < len(classes):
                # Of 0..37 and 0..38, 0 may also be no class.
                if classes != nyu[1] or highest == len(classes) - 1 or given is not None:
                    return Numbering(classes, 0)
            elif classes == nyu[1] and lowest >= 1 and len(SUNRGBD37) < highest < len(classes):
                return Numbering(classes, 1)
        raise InputError(
            f"{self.folder}: the class numbers seen are {lowest}..{highest}, which does not tell how they count. "
            f"{_advice(lowest, highest, given or usual)}"
        )


def _advice(lowest: int, highest: int, usual: ClassSet) -> str:
    """Sentence on the options that take class numbers of a range."""
    known = dict.fromkeys((usual, *(BUILT_IN[name] for name in ("sunrgbd37", "nyu40", "nyu13", "scannet20"))))
    if lowest >= 0 and highest > max(map(len, known)):
        known |= {BUILT_IN["ade20k150"]: None}
    fitting = [Numbering(classes, first) for classes in known for first in (0, 1)]
    fitting = [one for one in fitting if lowest >= 0 and highest <= one.highest]
    if not fitting:
        return (
            "Every pixel needs the number of a class. Name the classes in a file, one a line, and pass "
            "--prediction-labels FILE@0 or FILE@1."
        )
    said = [f"{one.option} ({one.first} is {one.class_set.display_name(1)})" for one in fitting[:4]]
    return f"Give --prediction-labels {' or '.join(said)}."


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
