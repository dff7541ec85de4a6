"""Time of one network on each of its backends, in one interleaved run, and of a frame from picture to label."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from deresunet.benchmark.candidates import Candidate
from deresunet.benchmark.machine import peak_memory, synchronise
from deresunet.data.folder import sample_rooms
from deresunet.data.frame import Frame
from deresunet.inference.postprocessing import OutputSpec
from deresunet.inference.prediction import TOP_K
from deresunet.inference.predictor import Predictor, load
from deresunet.inference.preprocessing import raw_batch, to_tensors
from deresunet.inference.smoothing import HeadMode
from deresunet.model.checkpoint import Checkpoint

# Inputs take turns, so that nothing is in a cache only because the same frame came before.
_ROTATED = 3


@dataclass(frozen=True)
class Timing:
    """Time of one candidate for one batch, and the agreement of its labels.

    Attributes:
        name: the candidate.
        precision: its arithmetic.
        batch: frames at once.
        size: height and width of the input.
        parameters: of the network.
        gflop: of one frame, two per multiply-add.
        prepare_s: time to make it ready, first run included [s].
        min_ms: shortest time of a batch.
        median_ms: median.
        p95_ms: 95th percentile.
        frames_per_s: by the median.
        speedup: eager's median over this one's; None where eager did not run.
        share_of_matrix_rate: arithmetic done per second over the device's measured rate at this precision.
        agreement: share of pixels of the bundled rooms with eager's label; None of another network.
        peak_mb: most memory that tensors took on a GPU, with this candidate's weights and all others'; None on a CPU.
    """

    name: str
    precision: str
    batch: int
    size: tuple[int, int]
    parameters: int
    gflop: float
    prepare_s: float
    min_ms: float
    median_ms: float
    p95_ms: float
    frames_per_s: float
    speedup: float | None
    share_of_matrix_rate: float | None
    agreement: float | None
    peak_mb: float | None


def time_candidates(
    candidates: Sequence[Candidate],
    device: torch.device,
    batch: int,
    size: tuple[int, int],
    rounds: int,
    agreements: dict[str, float],
    matrix_rates: dict[str, float],
) -> list[Timing]:
    """Time each candidate once a round, all in turn, so that a load from elsewhere meets all alike.

    Args:
        candidates: what to time; the first one is what the others are compared with.
        device: where they run.
        batch: frames at once.
        size: height and width of the input, multiples of 32.
        rounds: how often each is timed, after one run that is not.
        agreements: `Timing.agreement` by name.
        matrix_rates: result of `matrix_rate` by precision [GFLOP/s].
    """
    generator = torch.Generator().manual_seed(0)
    inputs = [
        tuple(
            torch.randn(batch, channels, *size, generator=generator).to(device, memory_format=torch.channels_last)
            for channels in (3, 1)
        )
        for _ in range(_ROTATED)
    ]
    prepared: dict[str, float] = {}
    peaks: dict[str, float | None] = {}
    for candidate in candidates:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        start = time.perf_counter()
        if candidate.prepare is not None:
            with torch.inference_mode():
                candidate.prepare(*inputs[0])
        taken = time.perf_counter() - start
        prepared[candidate.name] = candidate.prepare_s + taken + _seconds(candidate, inputs[0], device)
        peaks[candidate.name] = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None
    seconds: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
    for turn in range(rounds):
        for candidate in candidates:
            seconds[candidate.name].append(_seconds(candidate, inputs[turn % _ROTATED], device))
    base = float(np.median(seconds[candidates[0].name]))
    timings = []
    for candidate in candidates:
        measured = np.array(seconds[candidate.name])
        median = float(np.median(measured))
        rate = matrix_rates.get(candidate.precision)
        timings.append(
            Timing(
                name=candidate.name,
                precision=candidate.precision,
                batch=batch,
                size=size,
                parameters=candidate.parameters,
                gflop=round(candidate.gflop(size), 1),
                prepare_s=round(prepared[candidate.name], 2),
                min_ms=round(1000 * float(measured.min()), 2),
                median_ms=round(1000 * median, 2),
                p95_ms=round(1000 * float(np.percentile(measured, 95)), 2),
                frames_per_s=round(batch / median, 2),
                speedup=round(base / median, 2) if candidate.ours else None,
                share_of_matrix_rate=None if rate is None else round(candidate.gflop(size) * batch / median / rate, 3),
                agreement=agreements.get(candidate.name),
                peak_mb=peaks[candidate.name],
            )
        )
    return timings


def label_agreement(
    candidates: Sequence[Candidate], checkpoint: Checkpoint, device: torch.device, rooms: int
) -> dict[str, float]:
    """Share of pixels of the first `rooms` bundled rooms that get the first candidate's label, by name."""
    ours = [candidate for candidate in candidates if candidate.ours]
    reader = sample_rooms()
    same = {candidate.name: 0.0 for candidate in ours}
    names = reader.names[:rooms]
    for name in names:
        inputs = to_tensors(reader.read(name), checkpoint.preprocessing)
        rgb, depth = (x.to(device, memory_format=torch.channels_last) for x in inputs)
        with torch.inference_mode():
            labels = [candidate.run(rgb, depth).float().argmax(1).cpu() for candidate in ours]
        for candidate, label in zip(ours, labels, strict=True):
            same[candidate.name] += float((label == labels[0]).float().mean()) / len(names)
    return {name: round(share, 5) for name, share in same.items()}


def time_frames(checkpoint: str | None, device: str, rounds: int) -> dict[str, Any]:
    """A bundled room from picture to label, by the eager and the automatic backend in turn: where the time goes.

    Returns:
        For "eager" and "auto": backend, precision, the seconds until it was loaded and warm, the first and the second
        call [ms], minimum and median of all [ms], medians of the way to the device, of network, normalisation and
        scores there, and of the way back [ms], and the peak of memory of a process that does only this [MB].
    """
    frame = sample_rooms().read(sample_rooms().names[0])
    measured: dict[str, Any] = {}
    predictors: dict[str, Predictor] = {}
    for backend in ("eager", "auto"):
        start = time.perf_counter()
        predictors[backend] = load(checkpoint, device, backend)
        loaded = time.perf_counter()
        predictors[backend].warm_up()
        warm = time.perf_counter()
        measured[backend] = {
            "backend": predictors[backend].backend,
            "precision": predictors[backend].precision,
            "load_s": round(loaded - start, 2),
            "warm_up_s": round(warm - loaded, 2),
        }
    whole: dict[str, list[float]] = {"eager": [], "auto": []}
    stages: dict[str, list[tuple[float, float, float]]] = {"eager": [], "auto": []}
    for _ in range(max(2, rounds)):
        for backend, predictor in predictors.items():
            whole[backend].append(predictor(frame).latency_ms)
    for _ in range(rounds):
        for backend, predictor in predictors.items():
            marks = [time.perf_counter()]
            preprocessing = predictor.checkpoint.preprocessing
            batch = raw_batch([frame], preprocessing, device=predictor.device)
            synchronise(predictor.device)
            marks.append(time.perf_counter())
            scores = predictor.tensors(batch, OutputSpec(frame.size, TOP_K))
            synchronise(predictor.device)
            marks.append(time.perf_counter())
            for kept in scores:
                kept.cpu().numpy()
            marks.append(time.perf_counter())
            stages[backend].append(tuple(1000 * np.diff(marks)))  # type: ignore[arg-type]
    for backend in measured:
        before, network, after = np.median(np.array(stages[backend]), axis=0)
        measured[backend] |= {
            "first_ms": round(whole[backend][0], 2),
            "second_ms": round(whole[backend][1], 2),
            "min_ms": round(min(whole[backend]), 2),
            "median_ms": round(float(np.median(whole[backend])), 2),
            "to_device_ms": round(float(before), 2),
            "network_ms": round(float(network), 2),
            "from_device_ms": round(float(after), 2),
            **peak_memory(checkpoint, device, backend),
        }
    return measured


def time_labels(
    checkpoint: str | None, device: str, batch: int, size: tuple[int, int], rounds: int
) -> list[dict[str, Any]]:
    """The default backend from frames on the device to labels on it, normalisation and argmax included, by head.

    Args:
        checkpoint: weights, see `load`.
        device: see `load`.
        batch: frames at once.
        size: their height and width, multiples of 32.
        rounds: how often each is timed, in turn, after it was warmed up.

    Returns:
        For the smooth head, and the raw one if the network has a sub-pixel head: head, backend, precision, batch, and
        minimum, median and 95th percentile [ms a frame].
    """
    loaded = [load(checkpoint, device, head=head) for head in get_args(HeadMode)]
    predictors = {predictor.head: predictor for predictor in loaded}
    for predictor in predictors.values():
        predictor.warm_up(size, batch, labels=True)
    preprocessing = predictor.checkpoint.preprocessing
    generator = np.random.default_rng(0)
    batches = [
        raw_batch(
            [
                Frame(generator.integers(0, 256, (*size, 3), np.uint8), generator.uniform(0.5, 6, size).astype("f4"))
                for _ in range(batch)
            ],
            preprocessing,
            device=predictor.device,
        )
        for _ in range(_ROTATED)
    ]
    taken: dict[str, list[float]] = {head: [] for head in predictors}
    for turn in range(rounds + 1):
        for head, predictor in predictors.items():
            synchronise(predictor.device)
            start = time.perf_counter()
            predictor.tensors(batches[turn % _ROTATED], OutputSpec(size))
            synchronise(predictor.device)
            taken[head].append(1000 * (time.perf_counter() - start) / batch)
    return [
        {
            "head": head,
            "backend": predictor.backend,
            "precision": predictor.precision,
            "batch": batch,
            "min_ms": round(min(taken[head][1:]), 3),
            "median_ms": round(float(np.median(taken[head][1:])), 3),
            "p95_ms": round(float(np.percentile(taken[head][1:], 95)), 3),
        }
        for head, predictor in predictors.items()
    ]


def count_gflop(network: torch.nn.Module, size: tuple[int, int], inputs: int = 2) -> float:
    """Arithmetic of one frame, two per multiply-add, counted on a network without memory (device meta)."""
    shapes = [(1, channels, *size) for channels in (3, 1)[:inputs]]
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(*(torch.empty(shape, device="meta") for shape in shapes))
    return counter.get_total_flops() / 1e9


def rows(timings: Sequence[Timing]) -> Iterator[str]:
    """The table that the command prints, line by line."""
    yield (
        f"{'backend':22} {'precision':9} {'batch':>5} {'min ms':>9} {'median ms':>9} {'p95 ms':>9} {'frames/s':>8} "
        f"{'x eager':>7} {'labels':>8} {'GFLOP':>6} {'of rate':>7}"
    )
    for timing in timings:
        yield (
            f"{timing.name:22} {timing.precision:9} {timing.batch:5} {timing.min_ms:9.1f} {timing.median_ms:9.1f} "
            f"{timing.p95_ms:9.1f} {timing.frames_per_s:8.2f} {_shown(timing.speedup, '.2f'):>7} "
            f"{_shown(timing.agreement, '.2%'):>8} {timing.gflop:6.1f} {_shown(timing.share_of_matrix_rate, '.0%'):>7}"
        )


def as_dict(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    """Plain JSON types."""
    return [asdict(timing) for timing in timings]


def _seconds(candidate: Candidate, inputs: tuple[Tensor, ...], device: torch.device) -> float:
    synchronise(device)
    start = time.perf_counter()
    with torch.inference_mode():
        candidate.run(*inputs)
    synchronise(device)
    return time.perf_counter() - start


def _shown(value: float | None, spec: str) -> str:
    return "-" if value is None else format(value, spec)
