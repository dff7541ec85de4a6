"""Settings of the network on the Inspect tab, in the order of its controls, and as a link."""

from __future__ import annotations

from typing import NamedTuple

from demo.components import Origin
from demo.inspector import DatasetFrame
from demo.link import Link
from deresunet.inference.preprocessing import Modality


class Settings(NamedTuple):
    """Values of the controls; what is drawn of the result is the browser's alone.

    Attributes:
        weights: name of the checkpoint.
        modality: modality that the network is given.
    """

    weights: str
    modality: Modality = "rgbd"

    def link(self, origin: Origin | None) -> Link:
        """The link to a frame under these settings; an upload has no name in it."""
        named = origin if isinstance(origin, DatasetFrame) else None
        return Link(
            data=None if named is None else named.source,
            frame=None if named is None else named.name,
            weights=self.weights,
            modality=self.modality,
            upload=origin is not None and named is None,
        )

    @classmethod
    def of(cls, link: Link, weights: str) -> Settings:
        """The settings of a link; `weights` are those by default."""
        return cls(link.weights or weights, link.modality or "rgbd")
