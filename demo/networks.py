"""Networks on offer on the page by name: the one it started with, and others, loaded when first asked for."""

from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock

from demo.deploy import zerogpu
from deresunet.errors import InputError
from deresunet.inference.predictor import SegmentationPredictor, load
from deresunet.inference.stored_predictions import StoredPredictor
from deresunet.model import registry

# A network takes about 0.25 GB; of more than so many beside the first, those unused longest are dropped.
LOADED = 2
# Uploaded weights that are known; of more, those unused longest are forgotten.
UPLOADS = 32
# What a visitor may upload: weights of known networks, read without running anything. Memory and time of a program in a
# file, such as ONNX, have no bound that could be checked beforehand.
UPLOADED = (".safetensors", ".ckpt")


class Checkpoints:
    """Predictors by the name that the page shows.

    Args:
        first: the predictor that the page uses unless another one is chosen.
        others: paths of weights, or models' names, that may be compared with it.
        device: where the others run.
        backend: how they run; see `Predictor`.
        first_path: path of the first one's weights, if they come from a file that the user named.
        named: networks of other projects and stored predictions, by name; they are used like weights, and stay loaded.

    Attributes:
        first_name: name of the first one on the page.
    """

    def __init__(
        self,
        first: SegmentationPredictor,
        others: Iterable[str] = (),
        device: str = "auto",
        backend: str = "auto",
        first_path: str | None = None,
        named: Mapping[str, SegmentationPredictor] | None = None,
    ) -> None:
        self._first = first
        self._device = device
        self._backend = backend
        self.named = dict(named or {})
        listed = list(others)
        summaries: dict[str, str] = {}
        for model in (registry.DEFAULT_MODEL, registry.BEST_MODEL):
            bundled = registry.entry(model).checkpoint
            if bundled is not None and bundled.is_file():
                is_first = first.checkpoint.name == bundled.name
                summaries[bundled.name if is_first else os.fspath(bundled)] = registry.entry(model).short
                if not is_first and model not in listed:
                    listed.append(os.fspath(bundled))
        start = first_path or first.checkpoint.name
        names = distinct_names([start, *listed], taken=self.named)
        self._summaries = {name: summaries.get(path, "") for path, name in names.items()}
        self.first_name = names.pop(start)
        self._paths = {name: path for path, name in names.items()}
        self._uploads: OrderedDict[str, str] = OrderedDict()
        self._loaded: dict[str, SegmentationPredictor] = {}
        self._lock = Lock()

    @property
    def names(self) -> list[str]:
        """Names that anybody can choose, the first one first; those that were named follow, then the bundled ones."""
        bundled = [name for name in self._paths if self._summaries[name]]
        others = [name for name in self._paths if name not in bundled]
        return list(dict.fromkeys([self.first_name, *others, *self.named, *bundled]))

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Title of each network on the page, with a few words on what it is, and its name."""
        summaries = {name: self._summaries.get(name, "") for name in self.names}
        shown = summaries.items()
        return [(f"{name.removesuffix('.safetensors')}: {said}" if said else name, name) for name, said in shown]

    @property
    def best_name(self) -> str:
        """Name of the most accurate of the bundled networks, where it is on offer; else the first one's."""
        bundled = registry.entry(registry.BEST_MODEL).checkpoint
        return bundled.name if bundled is not None and bundled.name in self.names else self.first_name

    def add(self, path: str) -> tuple[str, str]:
        """Take a visitor's file of weights, once it has been read without harm.

        Returns:
            What the page shows of it, and the name to ask for it by, which nobody but this visitor knows.

        Raises:
            InputError: it is no checkpoint of this project.
        """
        if Path(path).suffix.lower() not in UPLOADED:
            raise InputError(
                f"{Path(path).name}: visitors' weights are taken as {' or '.join(UPLOADED)} of this project alone. A "
                "program (.onnx, .pt2) can be opened by whoever starts the page, with --network."
            )
        predictor = load(path, self._device, self._backend)
        name = f"upload {secrets.token_urlsafe(16)}"
        with self._lock:
            self._uploads[name] = path
            while len(self._uploads) > UPLOADS:
                self._loaded.pop(self._uploads.popitem(last=False)[0], None)
            self._keep(name, predictor)
        return f"{predictor.checkpoint.name} ({predictor.checkpoint.sha256[:6]})", name

    def get(self, name: str | None = None) -> SegmentationPredictor:
        """The predictor called `name`; the first one for None.

        Raises:
            InputError: there is none, or its weights cannot be read.
        """
        if name is None or name == self.first_name:
            return self._first
        if name in self.named:
            return self.named[name]
        with self._lock:
            path = self._paths.get(name) or self._uploads.get(name)
            if path is None:
                raise InputError(f"No weights are called {name!r}. Choose one of: {', '.join(self.names)}.")
            if name in self._uploads:
                self._uploads.move_to_end(name)
            if name not in self._loaded:
                if name in self._uploads and not Path(path).is_file():
                    raise InputError("These uploaded weights are gone: they are kept for an hour. Upload them again.")
                self._keep(name, zerogpu.predictor_for(load(path, self._device, self._backend)))
            self._loaded[name] = self._loaded.pop(name)
            return self._loaded[name]

    def is_stored(self, name: str) -> bool:
        """Whether a name stands for stored predictions, of which there is one modality and no network to ask.

        Raises:
            InputError: as of `get`.
        """
        return isinstance(self.get(name), StoredPredictor)

    def load_all(self) -> None:
        """Load all networks on offer now, and keep them: on ZeroGPU, workers have what was there at the launch."""
        for name in self._paths:
            self.named[name] = self.get(name)

    def _keep(self, name: str, predictor: SegmentationPredictor) -> None:
        self._loaded[name] = predictor
        while len(self._loaded) > LOADED:
            del self._loaded[next(iter(self._loaded))]


def distinct_names(paths: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Shortest ends of paths that tell them apart, such as "run1/last.ckpt" and "run2/last.ckpt".

    Args:
        paths: paths of files, or names; one that is given twice counts once.
        taken: names that are in use.

    Returns:
        Path -> name, in the order given.
    """
    parts = {path: Path(path).parts for path in paths}
    used = set(taken)

    def name(path: str, depth: int) -> str:
        return "/".join(parts[path][-depth:])

    names = {}
    for path, own in parts.items():
        depth = 1
        while depth < len(own) and (
            name(path, depth) in used
            or any(name(other, depth) == name(path, depth) for other in parts if other != path)
        ):
            depth += 1
        names[path] = name(path, depth)
        while names[path] in used:
            names[path] += "'"
        used.add(names[path])
    return names
