"""Search and order of the frames in the strip."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from demo.dataset.evaluations import Evaluations
from demo.inspector import DatasetFrame, Inspector
from demo.markup import ALL_CLASSES, chosen_class
from deresunet.data.labels import class_set_of
from deresunet.data.readers import Reader
from deresunet.errors import InputError
from deresunet.inference.preprocessing import Modality

AS_LISTED, BY_NAME, WORST, BEST = "data set", "name", "lowest mIoU", "highest mIoU"
ORDERS = (AS_LISTED, BY_NAME, WORST, BEST)
# The ground truth of so many frames is read for a class that is searched for, which takes about 25 ms each at 640x480.
# A larger data set is searched by class once it has been evaluated.
READ_AT_MOST = 300
_KEPT_CLASSES = 4 * READ_AT_MOST


class FrameSearch:
    """Frames by name, sensor, room type and class, in the order of the data set, of names, or of mIoU.

    Args:
        inspector: data sets of the page.
        evaluations: their results, which know the frames' classes and scores.
    """

    def __init__(self, inspector: Inspector, evaluations: Evaluations) -> None:
        self.inspector = inspector
        self.evaluations = evaluations
        self._described = lru_cache(maxsize=8)(self._describe)
        self._classes = lru_cache(maxsize=_KEPT_CLASSES)(self._read_classes)

    def find(
        self,
        source: str,
        text: str = "",
        only: str = ALL_CLASSES,
        order: str = AS_LISTED,
        modality: Modality = "rgbd",
        weights: str | None = None,
    ) -> tuple[tuple[str, ...], str]:
        """Find frames of a data set.

        Args:
            source: name of the data set.
            text: words that all have to be in a frame's name, sensor or room type.
            only: display name of a class that has to be in the ground truth.
            order: one of `ORDERS`.
            modality: modality of the evaluation whose mIoU orders them.
            weights: name of its weights.

        Returns:
            Names of the frames, and a sentence about what could not be done; "" for nothing.

        Raises:
            InputError: there is no such data set, or a result cannot be read.
        """
        names = self.inspector.names(source)
        words, said = text.lower().split(), []
        label = chosen_class(only, class_set_of(self.inspector.readers[source]))
        if words:
            described = self._described(source)
            names = tuple(name for name in names if all(word in described[name] for word in words))
        if label is None and only not in (None, ALL_CLASSES):
            names, said = (), [f"{source} has no class called {only}."]
        if label is not None:
            having = self._with_class(source, label)
            if having is None:
                said.append(f"To search by class, evaluate {source} in the Data set tab.")
            else:
                names = tuple(name for name in names if name in having)
        if order == BY_NAME:
            names = tuple(sorted(names))
        elif order in (WORST, BEST):
            scores = self._scores(source, modality, weights)
            if scores is None:
                said.append(f"To sort by mIoU, evaluate {source} with these weights and modality in the Data set tab.")
            else:
                sign = 1 if order == WORST else -1
                # What has no score comes last.
                names = tuple(sorted(names, key=lambda name: sign * scores[name] if name in scores else np.inf))
        return names, " ".join(said)

    def _scores(self, source: str, modality: Modality, weights: str | None) -> dict[str, float] | None:
        """Own mIoU of each frame that has one, or None before the evaluation."""
        request = self.evaluations.run(source, modality, weights)
        if self.evaluations.progress(request).state != "done":
            return None
        result = self.evaluations.result(request)
        rows = zip(result.frames, result.miou, strict=True)
        return {frame.name: float(miou) for frame, miou in rows if not np.isnan(miou)}

    def _with_class(self, source: str, label: int) -> set[str] | None:
        """Names of the frames with a class 1..N in their ground truth, or None where that is not known."""
        for request in self.evaluations.finished(source)[:1]:
            return self.evaluations.result(request).names_with(label)
        names = self.inspector.names(source)
        if len(names) > READ_AT_MOST:
            return None
        contents = self.inspector.contents
        return {name for name in names if label in self._classes(source, name, contents(DatasetFrame(source, name)))}

    def _describe(self, source: str) -> dict[str, str]:
        """Name, sensor and room type of each frame in lower case, by name."""
        return {name: _words(self.inspector.readers[source], name) for name in self.inspector.names(source)}

    def _read_classes(self, source: str, name: str, contents: str) -> frozenset[int]:
        try:
            label = self.inspector.readers[source].read(name).label
        except InputError:
            return frozenset()
        return frozenset() if label is None else frozenset(np.unique(label).tolist())


def _words(reader: Reader, name: str) -> str:
    try:
        info = reader.describe(name)
    except InputError:
        return name.lower()
    return f"{name} {info.sensor} {info.scene}".lower()
