"""From a seed to a frame on disk: every part of the package, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np

from train.rooms.assets import Assets
from train.rooms.capture import Capture, take
from train.rooms.export import FolderLayout
from train.rooms.scene import Camera, Scene, Sensor
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
        views: frames of each room, each from another place.
    """

    quality: Quality = "photo"
    layout: LayoutName = "folder"
    sensor: Sensor | Literal["any"] = "any"
    licences: tuple[str, ...] = ("CC0-1.0",)
    samples: int = 48
    exact_depth: bool = False
    built_here: bool = False
    lift: bool = True
    views: int = 1


@dataclass(frozen=True)
class Made:
    """What came of a seed.

    Attributes:
        seconds: time of each stage, over all of its views.
    """

    seconds: dict[str, float]


class Layout(Protocol):
    """Where frames are written to."""

    root: Path

    def open(self) -> frozenset[str]:
        """Make ready; returns the names of the frames that are there."""
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
    """What makes the frames of a seed and writes them; one a process, since it holds the renderer.

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
    from train.rooms.raster import Rasteriser  # noqa: PLC0415

    cv2.setNumThreads(1)
    rooms = Rooms(options, assets)
    rasteriser = Rasteriser()
    layout = open_layout(root, options)

    def make(seed: int) -> Made:
        watch = _Stopwatch()
        scene = rooms.furnished(seed)
        watch.lap("furnish")
        for number in range(options.views):
            make_view(scene, number, watch)
        return Made(watch.seconds)

    def make_view(scene: Scene, number: int, watch: _Stopwatch) -> None:
        camera = rooms.camera(scene, number)
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
        developed = develop(radiance, _stream(scene.seed, "develop", number), camera.sensor)
        watch.lap("develop")
        capture = take(scene, camera, view, developed, _stream(scene.seed, "sensor errors", number), number)
        watch.lap("sensor")
        layout.write(capture)
        watch.lap("write")

    return make


class Rooms:
    """Rooms and cameras of seeds, as options say; nothing is rendered.

    Args:
        options: how they are made.
        assets: where furniture and textures lie.

    Raises:
        InputError: the furniture is not there.
    """

    def __init__(self, options: Options, assets: Assets) -> None:
        from train.rooms.library import Library  # noqa: PLC0415 - reading this module needs no furniture

        self._options = options
        self._library = Library(assets.furniture, assets.textures, options.licences)

    def furnished(self, seed: int) -> Scene:
        """The room of a seed."""
        from train.rooms.layout import furnish  # noqa: PLC0415

        return furnish(seed, self._library, wanted=self._wanted(seed))

    def _wanted(self, seed: int) -> Sequence[int]:
        from train.rooms.statistics import wanted_classes  # noqa: PLC0415

        return wanted_classes(seed) if self._options.lift else ()

    def kind(self, seed: int) -> str:
        """The room's type, without furnishing it."""
        from train.rooms.wishes import draw_kind  # noqa: PLC0415

        return draw_kind(np.random.default_rng(seed), tuple(self._wanted(seed)))

    def sensor(self, seed: int) -> Sensor:
        """The sensor of its first view."""
        from train.rooms.viewpoint import draw_sensor  # noqa: PLC0415

        return draw_sensor(_stream(seed, "viewpoint", 0)) if self._options.sensor == "any" else self._options.sensor

    def camera(self, scene: Scene, view: int = 0) -> Camera:
        """The camera of one of its views, from 0."""
        from train.rooms.viewpoint import choose_view  # noqa: PLC0415

        sensor = None if self._options.sensor == "any" else self._options.sensor
        return choose_view(scene, _stream(scene.seed, "viewpoint", view), sensor)


def _stream(seed: int, purpose: str, view: int) -> np.random.Generator:
    """A generator of its own for each purpose, so that a change in one does not shift the others' chance."""
    return np.random.default_rng([seed, *purpose.encode(), *([view] if view else [])])


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
