"""An evaluation that is asked for, and how far it is."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

import gradio as gr

from deresunet.evaluation.html import MODALITY_NAMES
from deresunet.inference.preprocessing import Modality


@dataclass(frozen=True)
class Request:
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
    def run_name(self) -> str:
        """Name of the run among those over one data set."""
        return ", ".join(filter(None, (self.weights, MODALITY_NAMES[self.modality])))

    def __str__(self) -> str:
        return f"{self.source}, {self.run_name}"


@dataclass(frozen=True)
class Progress:
    """How far an evaluation is.

    Attributes:
        state: "new", "partial" (interrupted), "running" or "done".
        done: number of frames done.
        total: number of frames of the split.
        miou: mean IoU of the frames done, 0..1; NaN before the first of this run.
        seconds_left: time left [s] of a running evaluation; None before it can be estimated.
        following: whether the visitor who asks is among those it runs for.
        stopping: whether it is about to stop.
        elsewhere: another evaluation that is running now, in words; or "".
        failure: why the last run ended early; or "".
    """

    state: Literal["new", "partial", "running", "done"]
    done: int
    total: int
    miou: float = float("nan")
    seconds_left: float | None = None
    following: bool = False
    stopping: bool = False
    elsewhere: str = ""
    failure: str = ""


@dataclass
class Run:
    """An evaluation that is running.

    Attributes:
        request: its settings.
        total: number of frames of the split.
        done: number of frames done.
        watchers: visitor -> when last heard of, by the monotonic clock [s].
        seen: when a visitor who follows it was last heard of.
        asked: the latest request of a visitor who follows it, whose quota pays for a GPU of ZeroGPU.
        miou: mean IoU of the frames done, 0..1.
        seconds_left: time left [s], or None.
        stop: set when it is to end after the current frame.
        thread: where it runs.
    """

    request: Request
    total: int
    done: int
    watchers: dict[str, float]
    seen: float
    asked: gr.Request | None = None
    miou: float = float("nan")
    seconds_left: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def __str__(self) -> str:
        return f"{self.request}: {self.done} of {self.total} frames"


def time_left(seconds: float | None) -> str:
    """The time left [s] as the end of a sentence; empty for None."""
    return "" if seconds is None else f", about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """A time [s] for people, such as "40 s" or "1 h 05 min"."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
