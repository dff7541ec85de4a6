"""Devices by name: CUDA, MPS, the CPU."""

from __future__ import annotations

import os

import torch

from deresunet.errors import InputError


def resolve_device(name: str = "auto") -> torch.device:
    """Find the device called `name`; "auto" takes CUDA when there, else MPS, else the CPU.

    Raises:
        InputError: there is no such device here.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"Device {name!r} is not here; expected auto or one of {', '.join(available_devices())}."
        ) from error
    return device


def available_devices() -> list[str]:
    """Names of the devices that `resolve_device` takes here, best first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def describe_device(device: torch.device) -> str:
    """Display name of a device: "cpu", "cuda (NVIDIA L4)"."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def lent_gpu() -> bool:
    """Tell whether this is a ZeroGPU Space: its GPU is there only while a request runs, in a process of its own.

    Nothing can be prepared on such a GPU, nor kept on it.
    """
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")  # as `spaces` itself reads it
