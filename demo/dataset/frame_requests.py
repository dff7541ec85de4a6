"""Frames that were clicked in the Data set tab, to be opened in another tab."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from demo.dataset.progress import Request
from demo.inspector import DatasetFrame

_CLICKS = count()


@dataclass(frozen=True)
class OpenRequest:
    """A frame to be opened in the Inspect tab.

    Attributes:
        frame: the frame.
        request: evaluation that it was clicked in; its modality and weights are taken over.
        weights: name of the weights or predictions on the page.
        classes: display names for the class filter: the pair of a confusion, or the class that is chosen.
        listed: names of the frames in the list that it was clicked in, in order.
        order: that order in words; or "".
        click: number of the click, so that the same frame can be opened again.
    """

    frame: DatasetFrame
    request: Request
    weights: str
    classes: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    order: str = ""
    click: int = field(default_factory=lambda: next(_CLICKS))


@dataclass(frozen=True)
class CompareRequest:
    """A frame to be opened in the Compare tab, with two runs' weights and modalities.

    Attributes:
        frame: the frame.
        a: run A.
        b: run B.
        weights: names of the weights or predictions of A and B on the page.
        listed: names of the frames in the list that it was clicked in, in order.
        order: that order in words; or "".
        click: number of the click, so that the same frame can be opened again.
    """

    frame: DatasetFrame
    a: Request
    b: Request
    weights: tuple[str, str]
    listed: tuple[str, ...] = ()
    order: str = ""
    click: int = field(default_factory=lambda: next(_CLICKS))
