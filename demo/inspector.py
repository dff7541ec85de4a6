"""What the page does, as plain functions over a predictor and its data sets."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr
import numpy as np
from PIL import Image

from demo.ablation.summary import MODALITIES, Trial, Verdict
from demo.inspect import messages as views
from demo.inspection import Cache, Inspection, inspect
from demo.networks import Checkpoints
from deresunet.data.depth import DepthEncoding, DepthReading
from deresunet.data.folder import FolderReader
from deresunet.data.frame import Frame
from deresunet.data.images import read_depth, read_label, read_rgb
from deresunet.errors import InputError
from deresunet.evaluation.evaluator import describe_frame
from deresunet.inference.prediction import SegmentationPredictor
from deresunet.inference.preprocessing import Modality

log = logging.getLogger(__name__)
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

THUMBNAIL = (192, 144)
GALLERY_SIZE = 120
# Frames of data sets that are kept with their predictions, about 8 MB each at 640x480, and trials, about 1 MB each.
# Uploads are never kept here.
CACHED_INSPECTIONS = 24
CACHED_TRIALS = 32


def told_to_programs(callback: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Turn an `InputError` into the error that Gradio hands to its clients, escaped, since it may be shown as HTML."""

    @wraps(callback)
    def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return callback(*args, **kwargs)
        except InputError as error:
            raise gr.Error(html.escape(str(error)), print_exception=False) from error

    return wrapped


def told_on_the_page(
    outputs: int, cleared: bool = True
) -> Callable[[Callable[_Parameters, list[Any]]], Callable[_Parameters, list[Any]]]:
    """Turn an `InputError` into a notice on the page that stays until something succeeds; the rest stays as it is.

    What is decorated returns `outputs` values; what comes out returns the notice before them. What succeeds takes the
    notice away, unless `cleared` is False.
    """

    def decorate(callback: Callable[_Parameters, list[Any]]) -> Callable[_Parameters, list[Any]]:
        @wraps(callback)
        def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> list[Any]:
            try:
                return ["" if cleared else gr.skip(), *callback(*args, **kwargs)]
            except InputError as error:
                log.info("refused: %s", error)
                return [views.notice(str(error)), *[gr.skip()] * outputs]

        return wrapped

    return decorate


@dataclass(frozen=True)
class DatasetFrame:
    """A frame of a data set that the page offers: the data set's name, and the frame's."""

    source: str
    name: str


@dataclass(frozen=True)
class Upload:
    """A visitor's own files, as paths in Gradio's cache, and how depth is encoded."""

    rgb: str | None = None
    depth: str | None = None
    label: str | None = None
    encoding: DepthEncoding = "auto"

    def read(self) -> tuple[Frame, DepthReading | None]:
        """The frame, and how its depth was decoded.

        Raises:
            InputError: a file cannot be used, or the files do not fit together.
        """
        if self.rgb is None and self.depth is None:
            raise InputError("Nothing to segment yet: give an RGB image, a depth file, or both.")
        reading = None if self.depth is None else read_depth(self.depth, self.encoding)
        frame = Frame(
            rgb=None if self.rgb is None else read_rgb(self.rgb),
            depth=None if reading is None else reading.metres,
            label=None if self.label is None else read_label(self.label),
            name="your frame",
            source="upload",
        )
        return frame, reading


class Inspector:
    """The predictor, the data sets on offer, and the inspections that visitors share.

    Args:
        predictor: the network with its weights.
        readers: data sets by the name that the page shows; the first one opens.
        checkpoints: the networks that can be chosen; None offers `predictor` and the bundled one.
    """

    def __init__(
        self,
        predictor: SegmentationPredictor,
        readers: Mapping[str, FolderReader],
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.predictor = predictor
        self.readers = dict(readers)
        self.checkpoints = checkpoints or Checkpoints(predictor)
        self._inspections: Cache[Inspection] = Cache(CACHED_INSPECTIONS)
        self._trials: Cache[Trial] = Cache(CACHED_TRIALS)

    def first(self) -> DatasetFrame:
        """The first frame of the first data set: what a visitor sees on arrival."""
        source, reader = next(iter(self.readers.items()))
        return DatasetFrame(source, reader.names[0])

    def first_of(self, source: str) -> DatasetFrame:
        """The first frame of a data set.

        Raises:
            InputError: there is no such data set.
        """
        return DatasetFrame(source, self._reader(source).names[0])

    def open(
        self, origin: DatasetFrame | Upload, modality: Modality = "rgbd", weights: str | None = None
    ) -> Inspection:
        """The frame that `origin` names, segmented by the checkpoint called `weights` (None: the first).

        Frames of data sets are kept for all visitors; of uploads nothing is kept beyond the visit.

        Raises:
            InputError: there is no such frame or checkpoint, or a file cannot be used.
        """
        predictor = self.checkpoints.get(weights)
        if isinstance(origin, Upload):
            frame, reading = origin.read()
            return inspect(predictor, frame, modality, reading)
        reader = self._reader(origin.source)
        return self._inspections.get(
            (predictor.checkpoint.sha256, origin, modality),
            lambda: inspect(predictor, reader.read(origin.name), modality),
        )

    def trial(self, origin: DatasetFrame | Upload, weights: str | None = None) -> Trial:
        """The frame with depth, without it, and without RGB.

        Raises:
            InputError: it has not both, or a file cannot be used.
        """

        def run() -> Trial:
            return {modality: Verdict.of(self.open(origin, modality, weights)) for modality in MODALITIES}

        if isinstance(origin, Upload):
            return run()
        return self._trials.get((self.checkpoints.get(weights).checkpoint.sha256, origin), run)

    def search(self, source: str, text: str) -> tuple[list[tuple[Image.Image, str]], str]:
        """Thumbnails (picture, name) of the frames whose names contain `text`, and a line that counts them."""
        reader = self._reader(source)
        found = [name for name in reader.names if text.strip().lower() in name.lower()]
        if not found:
            return [], f"No frame of {len(reader.names)} has {html.escape(text.strip())!r} in its name."
        shown = found[:GALLERY_SIZE]
        thumbnails = [(self._thumbnail(reader, name), name) for name in shown]
        more = "" if len(shown) == len(found) else f", the first {len(shown)} shown: search by name for others"
        return thumbnails, f"{len(found)} of {len(reader.names)} frames{more}"

    def depth_card(self, rgb: str | None, depth: str | None, encoding: DepthEncoding = "auto") -> str:
        """What is understood of an uploaded depth file, before the network runs.

        Raises:
            InputError: it is no depth file.
        """
        if depth is None:
            return ""
        reading = read_depth(depth, encoding)
        return views.depth_card(reading, None if rgb is None else read_rgb(rgb).shape[:2])

    def segment(self, upload: Upload) -> tuple[np.ndarray, dict[str, Any]]:
        """For programs: label uint8 (H, W) in 1..37, and what `python -m deresunet predict` writes as JSON.

        Raises:
            InputError: a file cannot be used, or the files do not fit together.
        """
        frame, _ = upload.read()
        prediction = self.predictor(frame)
        return prediction.label, describe_frame(frame, prediction)

    def _reader(self, source: str) -> FolderReader:
        if source not in self.readers:
            raise InputError(f"there is no data set {source!r}; there are {', '.join(self.readers)}.")
        return self.readers[source]

    @staticmethod
    def _thumbnail(reader: FolderReader, name: str) -> Image.Image:
        with Image.open(reader.rgb_path(name)) as image:
            image.draft("RGB", THUMBNAIL)  # lets JPEG decode at a fraction of the size
            small = image.convert("RGB")
        small.thumbnail(THUMBNAIL)
        return small
