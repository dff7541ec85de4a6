"""A small data set with cameras and types of rooms, and a predictor whose mistakes are known."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from deresunet.classes import SUNRGBD37, ClassSet
from deresunet.config import ModelConfig, Preprocessing
from deresunet.data.frame import Frame, FrameInfo
from deresunet.errors import InputError
from deresunet.inference.network import Network
from deresunet.inference.postprocessing import PixelScores
from deresunet.inference.prediction import Prediction
from deresunet.inference.predictor import Predictor
from deresunet.model.checkpoint import Checkpoint

WALL, FLOOR, BED, CHAIR = 1, 2, 4, 5
SIZE = (48, 64)
COUNT = 14
ODD_NAME = 'kv1/a <b>bold</b> & "odd" name'


class SyntheticReader:
    """Wall, floor, a bed in some frames and a chair in all; frame k lacks depth in its k leftmost columns."""

    root = "/srv/private/place"
    notices: tuple[str, ...] = ()

    def __init__(
        self, broken: str = "", count: int = COUNT, labelled: bool = True, class_set: ClassSet = SUNRGBD37
    ) -> None:
        self.names = tuple(ODD_NAME if k == 3 else f"kv{1 + k % 2}/{k:04d}" for k in range(count))
        self._broken, self._labelled, self.class_set = broken, labelled, class_set
        self._reads = 0  # private: no option of the data set, which its fingerprint takes

    def describe(self, name: str) -> FrameInfo:
        k = self.names.index(name)
        scene = "bedroom" if k % 3 == 0 else "office"
        return FrameInfo(name, f"kv{1 + k % 2}", scene, has_depth=True, has_label=self._labelled)

    def read_rgb(self, name: str) -> np.ndarray:
        return self.read(name).rgb

    def files(self, name: str) -> tuple[Path, ...]:
        return ()

    def check(self) -> None:
        pass

    @property
    def reads(self) -> int:
        """Frames that were read."""
        return self._reads

    def read(self, name: str) -> Frame:
        self._reads += 1
        if name == self._broken:
            raise InputError(f"{self.root}/{name}.png is cut short.")
        k = self.names.index(name)
        label = np.full(SIZE, WALL, np.uint8)
        label[30:] = FLOOR
        label[20:40, 30:60] = BED if k % 3 == 0 else WALL
        label[24:44, 4:24] = CHAIR
        label[0] = 0
        if len(self.class_set) < CHAIR:
            label = np.where(label > 0, 1 + label % len(self.class_set), 0).astype(np.uint8)
        if len(self.class_set) > len(SUNRGBD37):  # and some of all further classes, few pixels each
            label[44:46] = 38 + np.arange(2 * SIZE[1]).reshape(2, -1) % (len(self.class_set) - 37)
        rng = np.random.default_rng(k)
        depth = rng.uniform(1.0, 4.0, SIZE).astype(np.float32)
        depth[:, :k] = 0.0
        return Frame(
            rgb=rng.integers(60, 200, (*SIZE, 3), dtype=np.uint8),
            depth=depth,
            label=label if self._labelled else None,
            name=name,
            source="synthetic",
            sensor=f"kv{1 + k % 2}",
            scene="bedroom" if k % 3 == 0 else "office",
            class_set=self.class_set,
        )


class KnownPredictor(Predictor):
    """Takes the k leftmost columns of frame k's chair for a bed, and all else as it is.

    Args:
        reader: numbers the frames.
        seconds: that each takes.
        sha256: of the weights that it pretends to have.
        confidence: of every pixel.
    """

    def __init__(self, reader: SyntheticReader, seconds: float = 0.0, sha256: str = "ab" * 32, confidence: float = 0.2):
        checkpoint = Checkpoint(
            *({}, ModelConfig(), Preprocessing(), reader.class_set),
            name="<i>known</i>.safetensors",
            sha256=sha256,
            training="made <up>",
        )
        network = Network(checkpoint, torch.device("cpu"), "eager", "float32", self._run, architecture="deresunet_r50")
        super().__init__(network)
        self.seconds, self.confidence, self.ran = seconds, confidence, []
        self.held_after: int | None = None  # frames after which the next one waits until this is None
        self._reader, self._lock = reader, threading.Lock()

    def predictions(self, frames, modality="rgbd", top_k=5) -> list[Prediction]:
        return [self(frame, modality) for frame in frames]

    def __call__(self, frame: Frame, modality="rgbd") -> Prediction:
        with self._lock:
            time.sleep(self.seconds)
            while self.held_after is not None and len(self.ran) >= self.held_after:
                time.sleep(0.01)
        self.ran.append(frame.name)
        k = self._reader.names.index(frame.name)
        label = np.where(frame.label == 0, WALL, frame.label).astype(np.uint8)
        label[24:44, 4 : 4 + k] = BED if len(self.class_set) >= BED else WALL
        sure = np.full((5, *SIZE), (1 - self.confidence) / 4, np.float32)
        sure[0] = self.confidence
        scores = PixelScores(np.repeat(label[None], 5, 0), sure, sure[0])
        return Prediction.of(scores, 1.0, self.provenance(modality), self.class_set)

    def with_inference(self, inference):
        """Itself, at whatever size; at smaller scales, where frames' turns are compared, sure of the upright ones."""
        if inference.scales == (1.0,):
            return self
        return lambda frame, _: SimpleNamespace(confidence=np.array(float(frame.turns == 0)))

    def _run(self, *_):
        raise AssertionError("it knows the labels without a network")
