"""Time of networks on their backends, from frames in memory to labels, all in turn in one run."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

import deresunet
from deresunet.data.folder import sample_rooms
from deresunet.data.frame import Frame
from deresunet.errors import first_line
from deresunet.inference.backends import BACKENDS, why_not
from deresunet.inference.devices import describe_device
from deresunet.inference.predictor import Predictor, load
from deresunet.model import registry
from deresunet.model.checkpoint import Checkpoint

# Frames take turns, so that nothing is in a cache only because the same frame came before.
_ROTATED = 3


@dataclass(frozen=True)
class Timing:
    """Time of one network for one batch, and the agreement of its labels.

    Attributes:
        name: the backend, or the name that was given with a file.
        backend: how it is run.
        precision: its arithmetic.
        batch: frames at once.
        size: height and width of the frames.
        gflop: arithmetic of one frame, two per multiply-add; None where the network is a program of another project.
        min_ms: shortest time of a batch.
        median_ms: median.
        p95_ms: 95th percentile.
        frames_per_s: by the median.
        speedup: the first network's median over this one's.
        agreement: share of pixels of the sample rooms with the first network's label; None of other networks.
    """

    name: str
    backend: str
    precision: str
    batch: int
    size: tuple[int, int]
    gflop: float | None
    min_ms: float
    median_ms: float
    p95_ms: float
    frames_per_s: float
    speedup: float
    agreement: float | None

    def row(self) -> str:
        """One line of the table under `HEAD`."""
        shown = [
            "-" if self.agreement is None else f"{self.agreement:.2%}",
            "-" if self.gflop is None else f"{self.gflop:.1f}",
        ]
        return (
            f"{self.name:22} {self.precision:9} {self.batch:5} {self.min_ms:9.1f} {self.median_ms:9.1f} "
            f"{self.p95_ms:9.1f} {self.frames_per_s:8.2f} {self.speedup:7.2f} {shown[0]:>8} {shown[1]:>7}"
        )


HEAD = (
    f"{'network':22} {'precision':9} {'batch':>5} {'min ms':>9} {'median ms':>9} {'p95 ms':>9} {'frames/s':>8} "
    f"{'x first':>7} {'labels':>8} {'GFLOP':>7}"
)


def machine(device: torch.device) -> dict[str, Any]:
    """Describe the machine that the numbers are measured on."""
    return {
        "device": describe_device(device),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_before": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "deresunet": deresunet.__version__,
    }


def backends_on(device: torch.device) -> tuple[str, ...]:
    """Names of the backends that run on a device, eager first, since the others are compared with it."""
    return tuple(name for name in sorted(BACKENDS, key=lambda name: name != "eager") if why_not(name, device) is None)


def open_all(
    checkpoint: str | None, device: str, backends: tuple[str, ...], files: Mapping[str, str]
) -> tuple[dict[str, Predictor], dict[str, str]]:
    """The network on each backend, and networks of files; of those that cannot run here (as without a compiler) why.

    Raises:
        InputError: the network or a file cannot be used.
    """
    predictors: dict[str, Predictor] = {}
    left_out: dict[str, str] = {}
    blank = Frame(rgb=np.zeros((64, 64, 3), np.uint8), depth=np.ones((64, 64), np.float32))
    for name in backends:
        try:
            predictors[name] = load(checkpoint, device, backend=name)
            predictors[name].labels([blank])
        except RuntimeError as error:  # whatever a compiler raises: the others are still timed
            predictors.pop(name, None)
            left_out[name] = first_line(error)
    return predictors | {name: load(file, device) for name, file in files.items()}, left_out


def time_networks(
    predictors: Mapping[str, Predictor],
    size: tuple[int, int],
    batch: int,
    rounds: int,
    agreements: Mapping[str, float],
) -> list[Timing]:
    """Time each network once a round, all in turn, so that a load from elsewhere meets all alike.

    Args:
        predictors: what to time, by name; the first is what the others are compared with.
        size: height and width of the frames, which are random.
        batch: frames at once.
        rounds: how often each is timed, after one run that is not.
        agreements: `Timing.agreement` by name.
    """
    generator = np.random.default_rng(0)
    frames = [
        Frame(generator.integers(0, 256, (*size, 3), np.uint8), generator.uniform(0.5, 6, size).astype(np.float32))
        for _ in range(_ROTATED * batch)
    ]
    timers = {}
    for name, predictor in predictors.items():
        predictor.warm_up(size, batch, labels=True)
        predictor.labels(frames[:batch])
        run = "predictor.labels(frames[turn % 3 * batch:][:batch])"
        given = {"predictor": predictor, "frames": frames, "batch": batch, "turn": 0}
        timers[name] = Timer(run, globals=given, num_threads=torch.get_num_threads()), given
    seconds: dict[str, list[float]] = {name: [] for name in predictors}
    for turn in range(rounds):
        for name, (timer, given) in timers.items():
            given["turn"] = turn
            seconds[name].append(timer.timeit(1).mean)
    first = float(np.median(next(iter(seconds.values()))))
    return [_timing(name, predictors[name], size, batch, taken, first, agreements) for name, taken in seconds.items()]


def _timing(
    name: str,
    predictor: Predictor,
    size: tuple[int, int],
    batch: int,
    taken: list[float],
    first: float,
    agreements: Mapping[str, float],
) -> Timing:
    median = float(np.median(taken))
    return Timing(
        name=name,
        backend=predictor.backend,
        precision=predictor.precision,
        batch=batch,
        size=size,
        gflop=count_gflop(predictor.checkpoint, predictor.network_size(*size)),
        min_ms=round(1e3 * min(taken), 3),
        median_ms=round(1e3 * median, 3),
        p95_ms=round(1e3 * float(np.percentile(taken, 95)), 3),
        frames_per_s=round(batch / median, 2),
        speedup=round(first / median, 2),
        agreement=agreements.get(name),
    )


def label_agreement(predictors: Mapping[str, Predictor], rooms: int) -> dict[str, float]:
    """Share of pixels of sample rooms with the first network's label, 0..1, of networks with its weights."""
    reader = sample_rooms()
    frames = [reader.read(name) for name in reader.names[:rooms]]
    first = next(iter(predictors.values()))
    wanted = [first.labels([frame])[0] for frame in frames]
    same = {
        name: predictor
        for name, predictor in predictors.items()
        if frames and predictor.checkpoint.sha256 == first.checkpoint.sha256
    }
    return {
        name: float(np.mean([(predictor.labels([frame])[0] == truth).mean() for frame, truth in zip(frames, wanted)]))  # noqa: B905 - made from frames
        for name, predictor in same.items()
    }


def count_gflop(checkpoint: Checkpoint, size: tuple[int, int]) -> float | None:
    """Arithmetic of one frame, two per multiply-add, of a network of this project; None of another's program."""
    config = checkpoint.config
    if config is None:
        return None
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.inference_mode():
        registry.build(config).eval()(torch.empty(1, 3, *size), torch.empty(1, 1, *size))
    return round(counter.get_total_flops() / 1e9, 1)


def operators(predictor: Predictor, size: tuple[int, int], rows: int) -> str:
    """PyTorch's table of the operators that one frame spends its time in."""
    frame = Frame(rgb=np.zeros((*size, 3), np.uint8), depth=np.ones(size, np.float32))
    on_cuda = predictor.device.type == "cuda"
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_cuda else [])]) as profiled:
        predictor.labels([frame])
    by = "self_cuda_time_total" if on_cuda else "self_cpu_time_total"
    return profiled.key_averages().table(sort_by=by, row_limit=rows)
