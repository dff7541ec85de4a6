"""The machines of a Space, and which Python and torch they take."""

from __future__ import annotations

from dataclasses import dataclass

# What every Space is built for, but those on ZeroGPU: the version that the tests run with.
PYTHON = "3.11"
# What ZeroGPU takes, the newest first, and the torchvision that goes with each torch.
ZEROGPU_PYTHON = ("3.12.12", "3.10.13")
ZEROGPU_TORCH = {"2.11.0": "0.26.0", "2.10.0": "0.25.0", "2.9.1": "0.24.1", "2.8.0": "0.23.0"}


@dataclass(frozen=True)
class Hardware:
    """A kind of machine.

    Attributes:
        flavor: its name on the hub.
        description: one line for people.
        python_version: of the Space.
        pins: package -> version specifier that replaces the one in the requirements.
    """

    flavor: str
    description: str
    python_version: str = PYTHON
    pins: tuple[tuple[str, str], ...] = ()


# Newer wheels are built for CUDA 13, whose drivers a rented GPU may not have; these run on any driver since CUDA 12's.
_CUDA_12 = (("torch", ">=2.8,<2.11"), ("torchvision", ">=0.23,<0.26"))
_TORCH, _TORCHVISION = next(iter(ZEROGPU_TORCH.items()))

_KINDS = (
    Hardware("cpu-basic", "two processors, free; seconds a frame"),
    Hardware(
        "zero-a10g",
        "ZeroGPU: a GPU while a frame is segmented, out of the visitor's quota; the owner needs PRO",
        ZEROGPU_PYTHON[0],
        (("torch", f"=={_TORCH}"), ("torchvision", f"=={_TORCHVISION}")),
    ),
    Hardware("t4-small", "one T4, paid by the hour", pins=_CUDA_12),
    Hardware("l4x1", "one L4, paid by the hour", pins=_CUDA_12),
    Hardware("a10g-small", "one A10G, paid by the hour", pins=_CUDA_12),
)
HARDWARE: dict[str, Hardware] = {kind.flavor: kind for kind in _KINDS}
DEFAULT = "cpu-basic"
