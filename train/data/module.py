"""The data of a run: any layout that `deresunet` reads, split, surveyed once, and handed to the loaders."""

from __future__ import annotations

import functools
import os
from typing import Any, Literal

import cv2
import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.data.readers import Reader, open_reader
from deresunet.errors import InputError
from train.data.augmentation import Augmentation, Augmenter
from train.data.dataset import EvaluationFrames, TrainingFrames, collate_evaluation
from train.data.device_cache import DeviceFrames
from train.data.photos import Photos
from train.data.sampling import EvaluationSampler, TrainingLoader, TrainingSampler
from train.data.split import carve
from train.data.survey import look_at

PREFETCH_BATCHES = 4


class RGBDDataModule(pl.LightningDataModule):
    """Training, validation and test frames.

    Validation comes from a list of its own or is carved out of the training list, never out of the test list.

    Args:
        dataset: layout, a name of `deresunet.data.readers.LAYOUTS`.
        root: where it lies; the bundled rooms need none.
        train_split: name of the list to train on.
        validation_split: name of the list to validate on; None carves it out of the training list.
        test_split: name of the list that `test` takes.
        validation_share: share of the training list to carve out, 0..1; whole recordings are taken.
        label_set: names the classes that the values of label files count; None takes what the layout says.
        label_offset: 1 for labels that count from 0.
        void: value of unlabelled pixels in label files.
        depth_unit: unit of depth files, see `deresunet.data.depth_units.UNITS`.
        depth_key: name of depth's array in NPZ files, or of its channel in EXR files.
        preprocessing: how frames are prepared: the network's size and units. It is stored with the weights.
        augmentation: how training frames are varied.
        batch_size: frames a process and step.
        evaluation_batch_size: frames at a time in validation and test.
        workers: processes that prepare frames; 0 prepares them between steps.
        cache: "ram" keeps decoded frames in memory, shared by the workers. "device" keeps them on the GPU and varies
            them there, a batch at a time, without workers (about 1.8 MB a frame and 0.9 MB a photograph at 480x640);
            "pinned" does so from page-locked memory.
        photos: folder of photographs, which join the training frames without depth and label; a teacher is needed to
            learn anything from them.
        photos_share: share of each batch that is photographs, 0..1; at least one frame stays in each.
        limit: take only the first so many frames of each list, to try something out.
        seed: of split, order and augmentation.

    Attributes:
        clean: whether training batches also hold the frames before colour and sensor faults. A module with a teacher,
            which sees those, sets it.
        device: where batches are made with cache "device" or "pinned", outside of a trainer.
        class_shares: float64 (37,): each class's share of the labelled training pixels; None before `setup`.
    """

    def __init__(
        self,
        dataset: str = "rooms",
        root: str | None = None,
        train_split: str = "train",
        validation_split: str | None = None,
        test_split: str = "test",
        validation_share: float = 0.1,
        label_set: str | None = None,
        label_offset: int | None = None,
        void: int | None = None,
        depth_unit: str | float = "auto",
        depth_key: str | None = None,
        preprocessing: Preprocessing = Preprocessing(),  # noqa: B008 - frozen
        augmentation: Augmentation = Augmentation(),  # noqa: B008 - frozen
        batch_size: int = 8,
        evaluation_batch_size: int = 1,
        workers: int = 0,
        cache: Literal["none", "ram", "device", "pinned"] = "none",
        photos: str | None = None,
        photos_share: float = 0.25,
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._open = functools.partial(
            open_reader,
            dataset,
            os.fspath(root) if root else None,
            label_set=label_set,
            label_offset=label_offset,
            void=void,
            depth_unit=depth_unit,
            depth_key=depth_key,
        )
        self.dataset, self.train_split, self.test_split = dataset, train_split, test_split
        self.validation_split, self.validation_share = validation_split, validation_share
        self.preprocessing, self.augmentation = preprocessing, augmentation
        self.batch_size, self.evaluation_batch_size = batch_size, evaluation_batch_size
        self.workers, self.cache, self.photos, self.clean = workers, cache, photos, False
        self.limit, self.seed = limit, seed
        if not 0.0 <= photos_share <= 1.0:
            raise InputError(f"data.photos_share is {photos_share}; expected a share of each batch, 0..1.")
        self.photos_per_batch = min(round(photos_share * batch_size), batch_size - 1) if photos else 0
        self._lists: dict[str, tuple[Any, int]] = {}
        self.class_shares: np.ndarray | None = None
        self._photo_count = 0
        self.device = torch.device("cpu")
        self._loader: TrainingLoader | None = None
        self._place_in_epoch: dict[str, int] | None = None

    def setup(self, stage: str) -> None:
        """Open the lists that `stage` (fit, validate, test) needs, and survey each.

        Raises:
            InputError: the data cannot be read, or no training frame has ground truth.
        """
        if stage in ("fit", "validate") and "training" not in self._lists:
            self._set_up_training()
        if stage == "test" and "test" not in self._lists:
            self._lists["test"] = self._surveyed("test", self.test_split)

    def _surveyed(self, kind: str, split: str) -> tuple[Any, int]:
        """Frames by index of a list that was looked at, and their number."""
        reader = self._open(split=split)
        names = self._names(reader)
        look_at(reader, names, kind)
        return _by_index(reader, names), len(names)

    def _set_up_training(self) -> None:
        reader = self._open(split=self.train_split)
        names = self._names(reader)
        survey = look_at(reader, names, keep=self.cache == "ram")
        if not survey.shares.sum():
            raise InputError(f"none of the {len(names)} training frames has ground truth; training needs label/.")
        read = _from_memory(survey.frames) if survey.frames else _by_index(reader, names)
        if self.validation_split is None:
            training, validation = carve(survey.sequences, self.validation_share, self.seed)
            self._lists["validation"] = _subset(read, validation), len(validation)
        else:
            training = list(range(len(names)))
            self._lists["validation"] = self._surveyed("validation", self.validation_split)
        self._lists["training"] = _subset(read, training), len(training)
        self.class_shares = survey.shares[training].sum(0) / max(survey.shares[training].sum(), 1e-12)

    def train_dataloader(self) -> TrainingLoader:
        """Varied frames in the epoch's own order, this process's share."""
        frames = self._device_frames() if self.cache in ("device", "pinned") else self.training_frames()
        rank, world_size = self._place()
        self._loader = TrainingLoader(
            frames,
            batch_size=self.batch_size,
            sampler=TrainingSampler(
                len(frames), self.batch_size, self.seed, rank, world_size, self._photo_count, self.photos_per_batch
            ),
            collate_fn=frames.collate,
            drop_last=True,
            **({} if isinstance(frames, DeviceFrames) else self._loading()),
        )
        if self._place_in_epoch is not None:
            self._loader.load_state_dict(self._place_in_epoch)
            self._place_in_epoch = None
        return self._loader

    def state_dict(self) -> dict[str, int]:
        """The place in the epoch, for the checkpoint."""
        return {} if self._loader is None else self._loader.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take up the epoch where `state_dict` was taken.

        Lightning has a loader's own `load_state_dict` for this, but forgets it when the loader was already needed to
        count the steps of a schedule; this one comes before.
        """
        self._place_in_epoch = state or None

    def training_frames(self) -> TrainingFrames:
        """The varied frames; photographs have the indices after those of the training list."""
        read, count = self._training_and_photos()
        # The largest frame size of a list is not known beforehand; frames are cropped to the network's size at 4:3.
        size = self.preprocessing.network_size(480, 640)
        augmenter = Augmenter(self.augmentation, size)
        return TrainingFrames(read, count, self.preprocessing, augmenter, self.seed, self.clean)

    def _device_frames(self) -> DeviceFrames:
        read, count = self._training_and_photos()
        device = self.device if self.trainer is None else self.trainer.strategy.root_device
        return DeviceFrames(
            *(read, count, self._photo_count, self.preprocessing, self.augmentation, self.seed, device),
            keep="device" if self.cache == "device" else "pinned",
            clean=self.clean,
        )

    def _training_and_photos(self) -> tuple[Any, int]:
        """Frames by index, with those of photographs after them, and the number of frames without photographs."""
        read, count = self._lists["training"]
        if self.photos_per_batch and self.photos is not None:
            photos = Photos(self.photos, self.preprocessing.network_size(480, 640))
            self._photo_count = len(photos)
            read = _joined(read, count, photos.read)
        return read, count

    def val_dataloader(self) -> DataLoader:
        """Validation frames, each once over all processes."""
        return self._evaluation_loader("validation")

    def test_dataloader(self) -> DataLoader:
        """Test frames, each once over all processes."""
        return self._evaluation_loader("test")

    def frame(self, kind: Literal["training", "validation", "test"], index: int) -> Frame:
        """A frame of a list as it was read."""
        return self._lists[kind][0](index)

    def count(self, kind: Literal["training", "validation", "test"]) -> int:
        """Frames in a list."""
        return self._lists[kind][1]

    def describe(self) -> str:
        """Describe the data that was trained on, for the checkpoint."""
        carved = self.validation_split or f"carved from {self.train_split}"
        photos = f"{self._photo_count} photographs, " if self._photo_count else ""
        return (
            f"{self.count('training')} frames of {self.dataset} ({self.train_split}), {photos}"
            f"{self.count('validation')} for validation ({carved}), seed {self.seed}"
        )

    def _evaluation_loader(self, kind: str) -> DataLoader:
        read, count = self._lists[kind]
        rank, world_size = self._place()
        return DataLoader(
            EvaluationFrames(read, count, self.preprocessing),
            batch_size=self.evaluation_batch_size,
            sampler=EvaluationSampler(count, rank, world_size),
            collate_fn=collate_evaluation,
            **self._loading(),
        )

    def _loading(self) -> dict[str, Any]:
        common: dict[str, Any] = {"num_workers": self.workers, "pin_memory": torch.cuda.is_available()}
        if self.workers:
            common |= {
                "persistent_workers": True,
                "prefetch_factor": PREFETCH_BATCHES,
                "worker_init_fn": _use_one_thread,
            }
        return common

    def _names(self, reader: Reader) -> tuple[str, ...]:
        return tuple(reader.names[: self.limit])

    def _place(self) -> tuple[int, int]:
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)


# Functions of an index that can be pickled, so that workers may be started by any method.
def _read_named(reader: Reader, names: tuple[str, ...], index: int) -> Frame:
    return reader.read(names[index])


def _read_kept(frames: tuple[Frame, ...], index: int) -> Frame:
    return frames[index]


def _read_subset(read: Any, indices: list[int], index: int) -> Frame:
    return read(indices[index])


def _read_joined(read: Any, count: int, read_further: Any, index: int) -> Frame:
    return read(index) if index < count else read_further(index - count)


def _by_index(reader: Reader, names: tuple[str, ...]) -> Any:
    return functools.partial(_read_named, reader, names)


def _from_memory(frames: tuple[Frame, ...]) -> Any:
    return functools.partial(_read_kept, frames)


def _subset(read: Any, indices: list[int]) -> Any:
    return functools.partial(_read_subset, read, indices)


def _joined(read: Any, count: int, read_further: Any) -> Any:
    return functools.partial(_read_joined, read, count, read_further)


def _use_one_thread(_worker: int) -> None:
    """Workers share the cores between them already."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
