"""The data of a run: any layout that `deresunet` reads, split, surveyed once, and handed to the loaders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from deresunet.classes import SUNRGBD37
from deresunet.config import Preprocessing
from deresunet.data.folder import FolderReader
from deresunet.data.frame import Frame
from deresunet.data.labels import class_set_of
from deresunet.data.layouts import kind_of_split
from deresunet.data.readers import Reader, open_source
from deresunet.data.source import Source
from deresunet.errors import InputError
from train.data.augmentation import Augmentation, Augmenter
from train.data.dataset import EvaluationFrames, TrainingFrames, collate_evaluation
from train.data.photos import Photos
from train.data.pictures import FrameList, Pictures
from train.data.sampling import EvaluationSampler, TrainingLoader, TrainingSampler
from train.data.split import carve
from train.data.survey import look_at, refuse_void, say_what_can_be_learned
from train.data.teaching import TeacherOutputs, Teaching

PREFETCH_BATCHES = 4


class RGBDDataModule(pl.LightningDataModule):
    """Training, validation and test frames.

    Validation comes from a list of its own or is carved out of the training list, never out of the test list.

    Args:
        dataset: layout, a name of `deresunet.data.readers.LAYOUTS`; None looks at what lies in the root, and takes
            the bundled rooms without one.
        root: where it lies; the bundled rooms need none.
        train_split: name of the list to train on; None takes "train", or all frames that no list has, as "train" does
            in a folder without such a list.
        validation_split: name of the list to validate on; None carves it out of the training list.
        test_split: name of the list that `test` takes.
        validation_share: share of the training list to carve out, 0..1; whole recordings are taken.
        validation_every: where frames have no recording, hold out every n-th of them instead.
        preprocessing: how frames are prepared: the network's size and units. It is stored with the weights.
        augmentation: how training frames are varied.
        batch_size: frames a process and step.
        evaluation_batch_size: frames at a time in validation and test.
        workers: processes that prepare frames; 0 prepares them between steps.
        cache: "ram" keeps decoded frames and photographs in memory, shared by the workers.
        crop: height and width of training samples, multiples of 32; None takes the network's size for frames of 4:3
            and all of a photograph.
        photos: folder of photographs, which join the training frames without label; a teacher is needed to learn
            anything from them.
        photos_share: share of each batch that is photographs, 0..1; at least one frame stays in each.
        photos_size: height and width that photographs are read at, multiples of 32; None takes the network's size.
        photos_scale: range of the zoom of photographs; None takes the augmentation's.
        photos_held_out: photographs that are never trained on, to see by whether features get better.
        teaching: a teacher whose outputs come with the frames, or None.
        limit: number of frames to take from the start of each list, to try something out.
        seed: of split, order and augmentation.
        source: fields of `deresunet.data.source.Source` but the split: patterns, class set, depth's unit, and so on.

    Attributes:
        class_set: what labels count; SUN RGB-D's 37 classes before `setup`.
        class_shares: float64 (classes,): each class's share of the labelled training pixels, where each frame counts as
            much as the share of its pixels that is labelled; None before `setup`.
    """

    def __init__(
        self,
        dataset: str | None = None,
        root: str | None = None,
        train_split: str | None = "train",
        validation_split: str | None = None,
        test_split: str = "test",
        validation_share: float = 0.1,
        validation_every: int | None = None,
        preprocessing: Preprocessing = Preprocessing(),  # noqa: B008 - frozen
        augmentation: Augmentation = Augmentation(),  # noqa: B008 - frozen
        batch_size: int = 8,
        evaluation_batch_size: int = 1,
        workers: int = 0,
        cache: Literal["none", "ram"] = "none",
        crop: tuple[int, int] | None = None,
        photos: str | None = None,
        photos_share: float = 0.25,
        photos_size: tuple[int, int] | None = None,
        photos_scale: tuple[float, float] | None = None,
        photos_held_out: int = 0,
        teaching: Teaching | None = None,
        limit: int | None = None,
        seed: int = 0,
        **source: Any,
    ) -> None:
        super().__init__()
        dataset = dataset or ("rooms" if root is None else "auto")
        self.source = Source(dataset=dataset, root=None if root is None else Path(root), split=None, **source)
        self.class_set = SUNRGBD37
        self.dataset, self.train_split, self.test_split = dataset, train_split, test_split
        self.validation_split, self.validation_share = validation_split, validation_share
        self.validation_every = validation_every
        self.preprocessing, self.augmentation = preprocessing, augmentation
        self.batch_size, self.evaluation_batch_size = batch_size, evaluation_batch_size
        self.workers, self.cache = workers, cache
        self.limit, self.seed = limit, seed
        if not 0.0 <= photos_share <= 1.0:
            raise InputError(f"data.photos_share is {photos_share}; expected a share of each batch, 0..1.")
        for name, size in (("crop", crop), ("photos_size", photos_size)):
            if size is not None and any(side < 32 or side % 32 for side in size):
                raise InputError(f"data.{name} is {list(size)}; expected height and width, multiples of 32.")
        self.crop, self.photos_scale = crop, photos_scale
        self.photos_per_batch = min(round(photos_share * batch_size), batch_size - 1) if photos else 0
        self.photos: Photos | None = None
        if photos is not None and self.photos_per_batch:
            # The largest frame size of a list is not known beforehand; it is taken to be of 4:3.
            photos_size = photos_size or preprocessing.network_size(480, 640)
            self.photos = Photos(photos, photos_size, photos_held_out, seed)
        self.outputs: TeacherOutputs | None = None
        if teaching is not None:
            self.outputs = TeacherOutputs(teaching, preprocessing, repr(self.source))
        self._lists: dict[str, FrameList] = {}
        self.class_shares: np.ndarray | None = None
        self._loader: TrainingLoader | None = None
        self._place_in_epoch: dict[str, int] | None = None

    def setup(self, stage: str) -> None:
        """Open the lists that `stage` (fit, validate, test) needs, and survey each.

        Raises:
            InputError: the data cannot be read, or no training frame has ground truth.
        """
        if stage in ("fit", "validate") and "training" not in self._lists:
            self._set_up_training()
        if stage == "fit":
            self._ask_the_teacher()
        if stage == "test" and "test" not in self._lists:
            self._lists["test"] = self._surveyed("test", self.test_split)

    def _surveyed(self, kind: str, split: str) -> FrameList:
        """Frames of a list that was looked at."""
        reader = open_source(replace(self.source, split=split))
        self._take_classes(reader, kind)
        names = tuple(reader.names[: self.limit])
        survey = look_at(reader, names, kind)
        refuse_void(survey.shares, kind, split)
        return FrameList(reader, names)

    def _set_up_training(self) -> None:
        reader, names = self._training_list()
        self._take_classes(reader, "training")
        names = names[: self.limit]
        survey = look_at(reader, names, keep=self.cache == "ram")
        if not survey.shares.sum():
            raise InputError(f"none of the {len(names)} training frames has ground truth; training needs label/.")
        say_what_can_be_learned(survey, self.class_set)
        frames = FrameList(reader, names, survey.frames)
        if self.validation_split is None:
            training, validation = carve(survey.sequences, self.validation_share, self.seed, self.validation_every)
            refuse_void(survey.shares[validation], "validation", "carved out of training")
            self._lists["validation"] = frames.subset(validation)
        else:
            training = list(range(len(names)))
            self._lists["validation"] = self._surveyed("validation", self.validation_split)
        self._lists["training"] = frames.subset(training)
        self.class_shares = survey.shares[training].sum(0) / max(survey.shares[training].sum(), 1e-12)

    def _training_list(self) -> tuple[Reader, tuple[str, ...]]:
        """The training list's reader, and its frames' names."""
        whole = open_source(replace(self.source, split="all")) if self.train_split in (None, "train") else None
        missing = isinstance(whole, FolderReader) and "train" not in map(kind_of_split, whole.splits)
        if self.train_split is not None and not missing:
            reader = open_source(replace(self.source, split=self.train_split))
            return reader, reader.names
        assert whole is not None
        lists: Mapping[str, Sequence[str]] = getattr(whole, "splits", {})
        if "train" in lists:
            reader = open_source(replace(self.source, split="train"))
            return reader, reader.names
        # A list of all frames, such as CVAT's default.txt, is no split.
        splits = [
            one for one, names in lists.items() if kind_of_split(one) in ("val", "test") or set(names) < {*whole.names}
        ]
        held_back = {name for one in splits for name in lists[one]}
        names = tuple(name for name in whole.names if name not in held_back)
        if not names:
            raise InputError(
                f"all frames are in lists that are not for training ({', '.join(lists)}). Give data.train_split."
            )
        return whole, names

    def _take_classes(self, reader: Reader, kind: str) -> None:
        found = class_set_of(reader)
        if self._lists and found.names != self.class_set.names:
            raise InputError(
                f"the {kind} list counts the classes of {found.name}, the others those of {self.class_set.name}. Give "
                "data.classes."
            )
        self.class_set = found

    def _ask_the_teacher(self) -> None:
        """Have the teacher's outputs of all pictures on disk before the first step, by one process."""
        if self.outputs is None:
            return
        device = torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device
        if self.trainer is None or self.trainer.is_global_zero:
            # Only features are judged by a loss on what is not trained on; classes are judged by labels.
            judged = self.outputs.teaching.outputs == "features"
            for frames in (self._lists["training"], *([self._lists["validation"]] if judged else [])):
                self.outputs.make(frames.read, frames.keys, device)
            if self.photos is not None:
                for photos in (self.photos, *([self.photos.held_out()] if judged else [])):
                    self.outputs.make(photos.read, photos.keys, device, photographs=True)
        if self.trainer is not None:
            self.trainer.strategy.barrier()

    def train_dataloader(self) -> TrainingLoader:
        """Varied frames in the epoch's own order, this process's share."""
        frames = self.training_frames()
        rank, world_size = self._place()
        photos = 0 if self.photos is None else len(self.photos)
        self._loader = TrainingLoader(
            frames,
            batch_size=self.batch_size,
            sampler=TrainingSampler(
                len(frames), self.batch_size, self.seed, rank, world_size, photos, self.photos_per_batch
            ),
            collate_fn=frames.collate,
            drop_last=True,
            **self._loading(),
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
        frames, preprocessing = self._lists["training"], self.preprocessing
        augmenter = Augmenter(self.augmentation, self.crop or preprocessing.network_size(480, 640))
        pictures = Pictures(frames, self.photos, self.outputs, self.cache == "ram")
        own = None
        if self.photos is not None:
            varied = replace(self.augmentation, scale=self.photos_scale or self.augmentation.scale)
            own = Augmenter(varied, self.crop or self.photos.size)
        return TrainingFrames(
            *(pictures.read, len(frames), preprocessing, augmenter, self.seed, own, self._taught(pictures))
        )

    def held_out_photos(self) -> DataLoader | None:
        """Photographs that are never trained on, unvaried, this process's share; None where none are held out."""
        if self.photos is None or not self.photos.held_out_paths:
            return None
        held_out = self.photos.held_out()
        pictures = Pictures(self._lists["training"].subset([]), held_out, self.outputs, keep=False)
        as_it_is = Augmenter(Augmentation(enabled=False), held_out.size)
        frames = TrainingFrames(
            *(pictures.read, 0, self.preprocessing, as_it_is, self.seed, as_it_is, self._taught(pictures))
        )
        sampler = EvaluationSampler(len(held_out), *self._place())
        return DataLoader(frames, batch_size=self.evaluation_batch_size, sampler=sampler, collate_fn=frames.collate)

    def _taught(self, pictures: Pictures) -> tuple[Callable[[int], Tensor], int] | None:
        return None if self.outputs is None else (pictures.taught, self.outputs.stride)

    def val_dataloader(self) -> DataLoader:
        """Validation frames, each once over all processes."""
        return self._evaluation_loader("validation")

    def test_dataloader(self) -> DataLoader:
        """Test frames, each once over all processes."""
        return self._evaluation_loader("test")

    def frame(self, kind: Literal["training", "validation", "test"], index: int) -> Frame:
        """A frame of a list as it was read."""
        return self._lists[kind].read(index)

    def count(self, kind: Literal["training", "validation", "test"]) -> int:
        """Frames in a list."""
        return len(self._lists[kind])

    def describe(self) -> str:
        """Describe the data that was trained on, for the checkpoint."""
        carved = self.validation_split or f"carved from {self.train_split or 'all'}"
        photos = "" if self.photos is None else f"{len(self.photos)} photographs, "
        teacher = "" if self.outputs is None else f", teacher {self.outputs.name}"
        split = self.train_split or "all"
        return (
            f"{self.count('training')} frames of {self.dataset} ({split}), {photos}"
            f"{self.count('validation')} for validation ({carved}){teacher}, seed {self.seed}"
        )

    def _evaluation_loader(self, kind: str) -> DataLoader:
        listed = self._lists[kind]
        taught = None
        if kind == "validation" and self.outputs is not None and self.outputs.teaching.outputs == "features":
            taught = self._taught(Pictures(listed, None, self.outputs, keep=False))
        return DataLoader(
            EvaluationFrames(listed.read, len(listed), self.preprocessing, taught),
            batch_size=self.evaluation_batch_size,
            sampler=EvaluationSampler(len(listed), *self._place()),
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

    def _place(self) -> tuple[int, int]:
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)


def _use_one_thread(_worker: int) -> None:
    """Workers share the cores between them already."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
