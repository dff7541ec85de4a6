"""The settings of the Inspect tab, in the order of its controls, and as a link."""

from __future__ import annotations

from typing import NamedTuple

from demo.components import Origin
from demo.inspect.panels import Look, Overlay
from demo.inspector import DatasetFrame
from demo.link import Link
from demo.markup import class_filter
from deresunet.inference.preprocessing import Modality

DEFAULT_OPACITY = 0.6


class Settings(NamedTuple):
    """Values of the controls.

    Attributes:
        weights: name of the checkpoint.
        modality: modality that the network is given.
        overlay: what is painted over the prediction's picture.
        opacity: opacity of colours over the picture, 0..1.
        classes: display names of the class filter; empty for all classes, `markup.NO_CLASS` for none.
        contours: whether classes are painted as contours.
        boxes: whether 3D boxes are drawn over RGB.
    """

    weights: str
    modality: Modality = "rgbd"
    overlay: Overlay = "classes"
    opacity: float = DEFAULT_OPACITY
    classes: tuple[str, ...] | list[str] = ()
    contours: bool = False
    boxes: bool = False

    def look(self, point: tuple[int, int] | None = None) -> Look:
        """The look that they ask for."""
        return Look(self.opacity, class_filter(self.classes), self.overlay, point, self.contours, self.boxes)

    def link(self, origin: Origin | None, point: tuple[int, int] | None) -> Link:
        """The link to a frame under these settings; an upload has no name in it."""
        named = origin if isinstance(origin, DatasetFrame) else None
        return Link(
            data=None if named is None else named.source,
            frame=None if named is None else named.name,
            weights=self.weights,
            modality=self.modality,
            overlay=self.overlay,
            classes=tuple(self.classes) or None,
            contours=self.contours,
            boxes=self.boxes,
            opacity=self.opacity,
            pixel=point,
            upload=origin is not None and named is None,
        )

    @classmethod
    def of(cls, link: Link, weights: str) -> Settings:
        """The settings of a link; `weights` are those by default."""
        return cls(
            link.weights or weights,
            link.modality or "rgbd",
            link.overlay or "classes",
            DEFAULT_OPACITY if link.opacity is None else link.opacity,
            list(link.classes or ()),
            link.contours,
            link.boxes,
        )
