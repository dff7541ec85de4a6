"""A run over a data set that is asked for, how far it is, and frames of it that are clicked."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

import gradio as gr
from gradio.context import LocalContext

from demo.inspector import DatasetFrame
from deresunet.evaluation.html import MODALITY_NAMES
from deresunet.inference.preprocessing import Modality

_CLICKS = count()


@dataclass(frozen=True)
class Run:
    """Settings of an evaluation: a data set of the page, a modality, and weights or predictions.

    Attributes:
        source: name of the data set.
        modality: modality that the network is given.
        weights: name of the weights or predictions; "" for the page's first.
    """

    source: str
    modality: Modality = "rgbd"
    weights: str = ""

    @property
    def name(self) -> str:
        """Name of the run among those over one data set."""
        return ", ".join(filter(None, (self.weights, MODALITY_NAMES[self.modality])))

    def __str__(self) -> str:
        return f"{self.source}, {self.name}"


@dataclass(frozen=True)
class OpenRequest:
    """A frame that was clicked in the Data set tab: of one run it opens in Inspect, of runs A and B in Compare.

    Attributes:
        frame: the frame.
        runs: evaluations that it was clicked in; their modality and weights are taken over.
        weights: name of each run's weights or predictions on the page.
        classes: display names for the class filter: the pair of a confusion, or the class that is chosen.
        listed: names of the frames in the list that it was clicked in, in order.
        order: that order in words; or "".
        click: number of the click, so that the same frame can be opened again.
    """

    frame: DatasetFrame
    runs: tuple[Run, ...]
    weights: tuple[str, ...]
    classes: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    order: str = ""
    click: int = field(default_factory=lambda: next(_CLICKS))


@dataclass(frozen=True)
class Progress:
    """How far an evaluation is.

    Attributes:
        state: "new", "partial" (interrupted), "waiting" for another one, "running" or "done".
        done: number of frames done.
        total: number of frames of the split.
        miou: mean IoU of the frames done, 0..1; NaN before the first of this run.
        seconds_left: time left [s] of a running evaluation; None before it can be estimated.
        following: whether the visitor who asks is among those it runs for.
        stopping: whether it is about to stop.
        elsewhere: another evaluation that is running now, in words; or "".
        failure: why the last run ended early; or "".
    """

    state: Literal["new", "partial", "waiting", "running", "done"]
    done: int
    total: int
    miou: float = float("nan")
    seconds_left: float | None = None
    following: bool = False
    stopping: bool = False
    elsewhere: str = ""
    failure: str = ""


@dataclass
class Job:
    """A run that is being evaluated, or waits for its turn.

    Attributes:
        run: its settings.
        total: number of frames of the split.
        done: number of frames done.
        running: whether its turn has come.
        watchers: visitors who follow it.
        seen: when one of them was last heard of, by the monotonic clock [s].
        asked: the latest request of one of them, whose quota pays for a GPU of ZeroGPU.
        miou: mean IoU of the frames done, 0..1.
        seconds_left: time left [s], or None.
        stop: set when it is to end after the current frame.
    """

    run: Run
    total: int
    done: int
    running: bool = False
    watchers: set[str] = field(default_factory=set)
    seen: float = 0.0
    asked: gr.Request | None = None
    miou: float = float("nan")
    seconds_left: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self, visitor: str) -> None:
        """Note that a visitor follows it."""
        self.watchers.add(visitor)
        self.seen, self.asked = time.monotonic(), LocalContext.request.get(None)

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", about {duration(self.seconds_left)} left"
        return f"{self.run}: {self.done} of {self.total} frames{left}"


def duration(seconds: float) -> str:
    """A time [s] for people, such as "40 s" or "1 h 05 min"."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
