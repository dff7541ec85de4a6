"""The inspector: networks and data sets on offer; runs a frame once and keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image

from demo.ablation.summary import MODALITIES, Ablation, ModalityResult
from demo.data_sets import variants
from demo.downloads import KEEP_SECONDS
from demo.inspect import messages
from demo.inspect.first_frame import measured
from demo.inspection import Cache, Inspection, Kept, inspect
from demo.networks import Checkpoints
from demo.viewer.tickets import Tickets
from deresunet.classes import BUILT_IN, SUNRGBD37, ClassSet
from deresunet.data.depth_units import Unit
from deresunet.data.files import read_depth, read_frame
from deresunet.data.fingerprint import frame_fingerprint
from deresunet.data.folder import FolderReader, real_samples, sample_rooms
from deresunet.data.frame import Frame
from deresunet.data.images import image_size
from deresunet.data.labels import class_set_of
from deresunet.data.readers import Reader
from deresunet.errors import InputError
from deresunet.evaluation.evaluator import describe_frame
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality
from deresunet.visualization.overlays import hatched

THUMBNAIL = (192, 144)
REAL_SAMPLES, RENDERED_SAMPLES = "real samples", "rendered samples"
# Memory for inspections of all visitors together, about 9 MB each at 640x480, and for their ablations, 1 MB each. Who
# comes back to one that went has it run again.
INSPECTION_BYTES = 384 << 20
ABLATION_BYTES = 64 << 20
# About 80 kB each.
CACHED_THUMBNAILS = 600
_LONGEST_NAME = 80
# 4096x4096: an upload of so many pixels takes 1.2 GB while it is segmented, one of 64 megapixels 4.4 GB.
MAX_PIXELS = 1 << 24


def samples() -> dict[str, FolderReader]:
    """The bundled samples by the name that the page shows, the real ones first."""
    return {REAL_SAMPLES: real_samples(), RENDERED_SAMPLES: sample_rooms()}


@dataclass(frozen=True)
class DatasetFrame:
    """A frame of a data set that the page offers: the data set's name, and the frame's."""

    source: str
    name: str


def first_frame(readers: Mapping[str, Reader]) -> DatasetFrame:
    """The frame that is shown on arrival: the real sample on which depth helps most, or the first data set's first."""
    source, reader = next(iter(readers.items()))
    best = measured().first
    return DatasetFrame(source, best if source == REAL_SAMPLES and best in reader.names else reader.names[0])


@dataclass(frozen=True)
class Upload:
    """Uploaded files, as paths in Gradio's cache, with the unit of depth and intrinsics as written by the visitor."""

    rgb: str | None = None
    depth: str | None = None
    label: str | None = None
    depth_unit: Unit = "auto"
    intrinsics: str = ""

    def read(self, max_pixels: int = MAX_PIXELS, classes: ClassSet = SUNRGBD37) -> Frame:
        """Read the files as a frame.

        Args:
            max_pixels: the largest frame that is taken; a larger photograph is reduced to it while it is decoded.
            classes: the network's classes, which ground truth counts unless they are the 37 or NYU's 40.

        Raises:
            InputError: a file cannot be used or is gone, the files do not fit together, or the frame is too large.
        """
        if self.rgb is None and self.depth is None:
            raise InputError("There is nothing to segment yet. Give an RGB image, a depth file, or both.")
        for path in filter(None, (self.rgb, self.depth, self.label)):
            if not Path(path).is_file():
                raise InputError(f"{Path(path).name} is no longer here: uploads are kept for an hour. Upload it again.")
        for path in filter(None, (self.depth, self.label)):
            _check_file(path, max_pixels)
        frame = read_frame(
            *(self.rgb, self.depth, self.label, self.depth_unit or "auto"),
            classes=None if classes in (SUNRGBD37, BUILT_IN["nyu40"]) else classes,
            intrinsics=self.intrinsics.strip() or None,
            max_rgb_pixels=max_pixels,
        )
        _check_pixels(frame.name, frame.size, max_pixels)
        return replace(frame, name=frame.name[:_LONGEST_NAME], source="upload")


class Inspector:
    """Predictors, data sets on offer, and the inspections that visitors share.

    Args:
        predictor: the network with its weights.
        readers: data sets by the name that the page shows; the first one opens.
        checkpoints: the networks that can be chosen; None offers `predictor` and the bundled one.
        max_pixels: the largest upload that is taken; a larger photograph is reduced to it.

    Attributes:
        families: name of a data set -> titles and names of its variants, the same frames with either ground truth and
            either depth, itself first.
        readers: data sets by all of these names.
        tickets: names of inspections, for the viewers.
    """

    def __init__(
        self,
        predictor: SegmentationPredictor,
        readers: Mapping[str, Reader],
        checkpoints: Checkpoints | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.predictor = predictor
        families = variants(readers)
        self.families = {
            family: {title: name for title, (name, _) in members.items()} for family, members in families.items()
        }
        self.readers = {name: reader for members in families.values() for name, reader in members.values()}
        self.checkpoints = checkpoints or Checkpoints(predictor)
        self.max_pixels = max_pixels
        self.tickets = Tickets()
        self._inspections: Cache[Inspection] = Cache(INSPECTION_BYTES, lambda one: one.nbytes, KEEP_SECONDS)
        self._ablations: Cache[Ablation] = Cache(ABLATION_BYTES, _ablation_bytes, KEEP_SECONDS)
        self._thumbnail = lru_cache(CACHED_THUMBNAILS)(self._make_thumbnail)

    def first(self) -> DatasetFrame:
        """The frame that is shown on arrival; see `first_frame`."""
        return first_frame(self.readers)

    def first_of(self, source: str) -> DatasetFrame:
        """The first frame of a data set.

        Raises:
            InputError: there is no such data set.
        """
        return DatasetFrame(source, self.names(source)[0])

    def family(self, source: str) -> str:
        """Name in `families` of a data set.

        Raises:
            InputError: there is no such data set.
        """
        self._reader(source)
        return next(family for family, members in self.families.items() if source in members.values())

    def open(
        self, origin: DatasetFrame | Upload, modality: Modality = "rgbd", weights: str | None = None
    ) -> Inspection:
        """Segment the frame of `origin` with the checkpoint called `weights` (None: the first).

        Raises:
            InputError: there is no such frame or checkpoint, or a file cannot be used.
        """
        return self.kept(origin, modality, weights).get()

    def kept(
        self, origin: DatasetFrame | Upload, modality: Modality = "rgbd", weights: str | None = None
    ) -> Kept[Inspection]:
        """The inspection that `open` gives, for as long as there is memory for it.

        Raises:
            InputError: there is no such data set or checkpoint.
        """
        predictor = self.checkpoints.get(weights)

        def run() -> Inspection:
            return inspect(predictor, self.read(origin), modality)

        key = (predictor.checkpoint.sha256, origin, self.contents(origin), modality)
        return Kept(self._inspections, key, run)

    def kept_ablation(self, origin: DatasetFrame | Upload, weights: str | None = None) -> Kept[Ablation]:
        """A frame as RGB-D, as RGB and as depth, kept for as long as there is memory for it.

        Raises:
            InputError: there is no such checkpoint. Its `get` raises one if the frame has not both or cannot be read.
        """

        def run() -> Ablation:
            return {modality: ModalityResult.of(self.open(origin, modality, weights)) for modality in MODALITIES}

        key = (self.checkpoints.get(weights).checkpoint.sha256, origin, self.contents(origin))
        return Kept(self._ablations, key, run)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Display names of the classes of all data sets and of the first network."""
        sets = [self.predictor.class_set, *map(class_set_of, self.readers.values())]
        return tuple(dict.fromkeys(name for classes in sets for name in classes.display_names))

    def read(self, origin: DatasetFrame | Upload) -> Frame:
        """Read a frame without segmenting it.

        Raises:
            InputError: there is no such frame, or its files cannot be used.
        """
        if isinstance(origin, Upload):
            return origin.read(self.max_pixels, self.predictor.class_set)
        return self._reader(origin.source).read(origin.name)

    def names(self, source: str) -> tuple[str, ...]:
        """Names of a data set's frames, in order.

        Raises:
            InputError: there is no such data set.
        """
        return self._reader(source).names

    def thumbnails(self, source: str, names: Sequence[str]) -> list[tuple[Image.Image, str]]:
        """Small pictures of frames, with the frames' names; a frame that cannot be read gets a hatched one."""
        return [(self._thumbnail(source, name, self.contents(DatasetFrame(source, name))), name) for name in names]

    def depth_card(self, rgb: str | None, depth: str | None, unit: Unit = "auto") -> tuple[str, str]:
        """Describe an uploaded depth file as it is understood, before the network runs: HTML, and a proposed unit.

        Raises:
            InputError: it is no depth file.
        """
        if depth is None:
            return "", ""
        _check_file(depth, self.max_pixels)
        metres, reading = read_depth(depth, unit or "auto")
        proposed = reading.proposals[0].unit if reading.proposals else ""
        size = metres.shape[0], metres.shape[1]
        _check_pixels(Path(depth).name, size, self.max_pixels)
        return messages.depth_card(reading, size, None if rgb is None else image_size(rgb, upright=True)), proposed

    def segment(
        self, upload: Upload, modality: Modality = "rgbd", weights: str | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Segment a frame for a program: label uint8 (H, W) in 1..N of the
        network's classes, and the JSON of `python -m deresunet predict`.

        Raises:
            InputError: a file cannot be used, the files do not fit together, or there are no such weights.
        """
        if modality not in get_args(Modality):
            raise InputError(f"The modality is {modality!r}; expected one of {', '.join(get_args(Modality))}.")
        predictor = self.checkpoints.get(weights or None)
        frame = upload.read(self.max_pixels, predictor.class_set)
        prediction = predictor(frame, modality)
        return prediction.label, describe_frame(frame, prediction)

    def contents(self, origin: DatasetFrame | Upload) -> str:
        """Fingerprint of a data set's frame, so that files written anew are read anew.

        Uploads have a path of their own for each content, and a frame that is not there is an error where it is read.
        """
        if isinstance(origin, Upload) or origin.source not in self.readers:
            return ""
        try:
            return frame_fingerprint(self.readers[origin.source], origin.name)
        except InputError:
            return ""

    def _reader(self, source: str) -> Reader:
        if source not in self.readers:
            raise InputError(f"There is no data set {source!r}. Choose one of: {', '.join(self.readers)}.")
        return self.readers[source]

    def _make_thumbnail(self, source: str, name: str, contents: str) -> Image.Image:
        try:
            small = Image.fromarray(self._reader(source).read_rgb(name))
        except InputError:
            small = Image.fromarray(hatched(*THUMBNAIL[::-1]))
        small.thumbnail(THUMBNAIL)
        return small


def _ablation_bytes(ablation: Ablation) -> int:
    return sum(one.label.nbytes for one in ablation.values())


def _check_file(path: str, max_pixels: int) -> None:
    size = (0, 0)
    with suppress(InputError):  # that it is no image is said where it is read
        size = image_size(path)
    _check_pixels(Path(path).name, size, max_pixels)


def _check_pixels(name: str, size: tuple[int, int], max_pixels: int) -> None:
    height, width = size
    if height * width > max_pixels:
        raise InputError(
            f"{name} is {width}x{height}, {height * width:,} pixels; this page takes at most {max_pixels:,}. "
            "Scale it down."
        )
