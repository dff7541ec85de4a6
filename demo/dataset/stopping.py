"""Ending an evaluation between two frames."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from deresunet.classes import ClassSet
from deresunet.data.frame import Frame
from deresunet.data.labels import LabelFormat, class_set_of
from deresunet.data.readers import Reader


class StoppedError(Exception):
    """The evaluation was asked to stop."""


@dataclass(frozen=True)
class StoppableReader:
    """A reader that ends the evaluation when asked to, also between frames that the network never gets.

    Attributes:
        reader: the data set.
        stop: set to end the evaluation; the next `read` raises `StoppedError`.
    """

    reader: Reader
    stop: threading.Event

    @property
    def names(self) -> tuple[str, ...]:
        """The frames, in order."""
        return self.reader.names

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices about the data set as a whole."""
        return self.reader.notices

    @property
    def class_set(self) -> ClassSet:
        """Classes of the ground truth."""
        return class_set_of(self.reader)

    @property
    def labels(self) -> LabelFormat | None:
        """Meaning of label files, where the data set has any."""
        return getattr(self.reader, "labels", None)

    def read(self, name: str) -> Frame:
        """Read the frame called `name`, as the reader does."""
        if self.stop.is_set():
            raise StoppedError
        return self.reader.read(name)
