"""The machine that a benchmark runs on: its description, what it can do at most, and memory of a process."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import deresunet
from deresunet.data.folder import sample_rooms
from deresunet.inference.devices import describe_device
from deresunet.inference.predictor import load


def machine(device: torch.device) -> dict[str, Any]:
    """Describe the machine that the numbers were measured on."""
    return {
        "device": describe_device(device),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_before": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "deresunet": deresunet.__version__,
    }


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Arithmetic [GFLOP/s] of a product of two large matrices: what a network could reach at most.

    On a CPU, products of matrices and convolutions come from different libraries; the faster one counts.
    """
    side = 8192 if device.type == "cuda" else 2048
    a = torch.randn(side, side, device=device).to(dtype)
    best = _best(lambda: a @ a, device)
    if device.type == "cpu":
        image = a.t().reshape(1, side, 32, side // 32).contiguous(memory_format=torch.channels_last)
        kernel = a.reshape(side, side, 1, 1)
        best = min(best, _best(lambda: torch.nn.functional.conv2d(image, kernel), device))
    return 2e-9 * side**3 / best


def copy_bandwidth(device: torch.device) -> float:
    """Bytes read and written per second [GB/s] by a copy of 256 MB."""
    source = torch.zeros(64 * 2**20, device=device)
    target = torch.empty_like(source)
    return 2e-9 * source.nbytes / _best(lambda: target.copy_(source), device)


def peak_memory(checkpoint: str | None, device: str, backend: str) -> dict[str, float | None]:
    """The most memory that a process of its own holds while it loads a predictor and segments one room.

    Returns:
        "peak_process_mb" of its own [MB], "peak_gpu_mb" that PyTorch took on a GPU [MB] or None without one.
    """
    fresh = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(_segment_one, checkpoint, device, backend).result()


def _segment_one(checkpoint: str | None, device: str, backend: str) -> dict[str, float | None]:
    predictor = load(checkpoint, device, backend)
    predictor.warm_up()
    predictor(sample_rooms().read(sample_rooms().names[0]))
    cuda = predictor.device.type == "cuda"
    on_gpu = torch.cuda.max_memory_reserved(predictor.device) / 1e6 if cuda else None
    return {"peak_process_mb": round(_peak_rss_mb(), 1), "peak_gpu_mb": on_gpu}


def _peak_rss_mb() -> float:
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: it starts from the parent's peak.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done what was asked of it; nothing on other devices."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _best(work: Callable[[], Any], device: torch.device) -> float:
    taken = []
    with torch.inference_mode():
        for _ in range(4):
            synchronise(device)
            start = time.perf_counter()
            work()
            synchronise(device)
            taken.append(time.perf_counter() - start)
    return min(taken)


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
