"""From a seed to a frame on disk: every part of the package, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np

from train.rooms.assets import Assets
from train.rooms.capture import Capture, take
from train.rooms.export import FolderLayout
from train.rooms.scene import Sensor
from train.rooms.sunrgbd import SunRgbdLayout

Quality = Literal["photo", "fast"]
LayoutName = Literal["folder", "sunrgbd"]


@dataclass(frozen=True)
class Options:
    """What decides how a seed's frame looks; all frames of a folder share them.

    Attributes:
        quality: "photo" (Cycles) or "fast" (a rasteriser).
        layout: "folder" or "sunrgbd".
        sensor: one of SUN RGB-D's four, or "any", drawn as often as SUN RGB-D has each.
        licences: of the models that may be used, SPDX identifiers.
        samples: a pixel, for "photo".
        exact_depth: whether to write the true depth too ("folder").
        built_here: whether to do without furniture libraries and textures.
        lift: whether rare classes are asked for more often than rooms have them by themselves.
    """

    quality: Quality = "photo"
    layout: LayoutName = "folder"
    sensor: Sensor | Literal["any"] = "any"
    licences: tuple[str, ...] = ("CC0-1.0",)
    samples: int = 48
    exact_depth: bool = False
    built_here: bool = False
    lift: bool = True


@dataclass(frozen=True)
class Made:
    """What came of a seed.

    Attributes:
        seconds: time of each stage.
    """

    seconds: dict[str, float]


class Layout(Protocol):
    """Where frames are written to."""

    root: Path

    def open(self) -> frozenset[int]:
        """Make ready; returns the seeds that are there."""
        ...

    def write(self, capture: Capture) -> None:
        """Write one frame, whole or not at all."""
        ...

    def finish(self) -> None:
        """Write what is over all frames."""
        ...

    def label_paths(self) -> list[Path]:
        """The label images of the frames that are there."""
        ...

    def described(self) -> Iterator[dict[str, Any]]:
        """What is known of each frame that is there."""
        ...


def open_layout(root: Path, options: Options) -> Layout:
    """The layout that the options name, at `root`."""
    layouts: dict[LayoutName, Callable[[], Layout]] = {
        "folder": lambda: FolderLayout(root, options.exact_depth),
        "sunrgbd": lambda: SunRgbdLayout(root),
    }
    return layouts[options.layout]()


def maker(root: Path, options: Options, assets: Assets, threads: int) -> Callable[[int], Made]:
    """What makes the frame of a seed and writes it; one a process, since it holds the renderer.

    Args:
        root: the folder that frames are written to.
        options: how they are made.
        assets: where furniture and textures lie.
        threads: that Cycles may use.

    Raises:
        InputError: the furniture or the renderer is not there; the message says how to get it.
    """
    # Imported here: the parent process, and reading this module, need neither GL nor Blender.
    from train.rooms.develop import develop  # noqa: PLC0415
    from train.rooms.layout import furnish  # noqa: PLC0415
    from train.rooms.library import Library  # noqa: PLC0415
    from train.rooms.raster import Rasteriser  # noqa: PLC0415
    from train.rooms.statistics import wanted_classes  # noqa: PLC0415
    from train.rooms.viewpoint import choose_view  # noqa: PLC0415

    cv2.setNumThreads(1)
    library = Library(assets.furniture, assets.textures, options.licences)
    rasteriser = Rasteriser()
    layout = open_layout(root, options)

    sensor = None if options.sensor == "any" else options.sensor

    def make(seed: int) -> Made:
        watch = _Stopwatch()
        scene = furnish(seed, library, wanted=wanted_classes(seed) if options.lift else ())
        watch.lap("furnish")
        camera = choose_view(scene, _stream(seed, "viewpoint"), sensor)
        watch.lap("viewpoint")
        view = rasteriser.view(scene, camera, colour=options.quality == "fast")
        watch.lap("raster")
        if options.quality == "photo":
            from train.rooms.cycles import photograph  # noqa: PLC0415 (Blender takes seconds to import)

            radiance = photograph(scene, camera, options.samples, threads)
            watch.lap("cycles")
        else:
            assert view.colour is not None
            radiance = view.colour
        developed = develop(radiance, _stream(seed, "develop"), camera.sensor)
        watch.lap("develop")
        capture = take(scene, camera, view, developed, _stream(seed, "sensor errors"))
        watch.lap("sensor")
        layout.write(capture)
        watch.lap("write")
        return Made(watch.seconds)

    return make


def _stream(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for each purpose, so that a change in one does not shift the others' chance."""
    return np.random.default_rng([seed, *purpose.encode()])


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = now - self._since
        self._since = now
