"""The networks that the page can run: the one it started with, and others by name, loaded when first asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from deresunet.errors import InputError
from deresunet.inference.prediction import SegmentationPredictor
from deresunet.inference.predictor import load
from deresunet.model import registry

# A network takes about 0.25 GB; more than so many beside the first are dropped, the longest unused first.
LOADED = 2


class Checkpoints:
    """Predictors by the name that the page shows.

    Args:
        first: the predictor that the page uses unless told otherwise.
        others: paths of weights, or models' names, that may be compared with it.
        device: where the others run.
        backend: how they run; see `Predictor`.

    Attributes:
        first_name: what the page calls the first one.
    """

    def __init__(
        self, first: SegmentationPredictor, others: Iterable[str] = (), device: str = "auto", backend: str = "auto"
    ) -> None:
        self.first_name = _label(first)
        self._first = first
        self._device = device
        self._backend = backend
        self._paths = {Path(other).name: other for other in others}
        bundled = registry.entry(registry.DEFAULT_MODEL).checkpoint
        if bundled is not None and bundled.is_file() and bundled.name != first.checkpoint.name:
            self._paths.setdefault(bundled.name, os.fspath(bundled))
        self._loaded: dict[str, SegmentationPredictor] = {}
        self._lock = Lock()

    @property
    def names(self) -> list[str]:
        """What can be chosen, the first one first."""
        return [self.first_name, *(name for name in self._paths if name != self.first_name)]

    def add(self, path: str) -> str:
        """Offer a visitor's file of weights, once it has been read without harm; returns its name.

        Raises:
            InputError: it is no checkpoint of this project.
        """
        predictor = load(path, self._device, self._backend)
        name = f"{_label(predictor)} ({predictor.checkpoint.sha256[:6]})"
        with self._lock:
            self._paths[name] = path
            self._keep(name, predictor)
        return name

    def get(self, name: str | None = None) -> SegmentationPredictor:
        """The predictor called `name`; the first one for None.

        Raises:
            InputError: there is none, or its weights cannot be read.
        """
        if name is None or name == self.first_name:
            return self._first
        if name not in self._paths:
            raise InputError(f"no weights are called {name!r}; there are {', '.join(self.names)}.")
        with self._lock:
            if name not in self._loaded:
                self._keep(name, load(self._paths[name], self._device, self._backend))
            self._loaded[name] = self._loaded.pop(name)
            return self._loaded[name]

    def _keep(self, name: str, predictor: SegmentationPredictor) -> None:
        self._loaded[name] = predictor
        while len(self._loaded) > LOADED:
            del self._loaded[next(iter(self._loaded))]


def _label(predictor: SegmentationPredictor) -> str:
    return predictor.checkpoint.name
