"""The machines of a Space: what they cost, and which Python and torch they take."""

from __future__ import annotations

from dataclasses import dataclass

# Python of every Space but those on ZeroGPU: the version that the tests run with.
PYTHON = "3.11"
# What ZeroGPU takes, the newest first, and the torchvision that goes with each torch: "Supported versions" of
# https://huggingface.co/docs/hub/spaces-zerogpu, with the versions added there in September 2026. Of the Pythons there,
# 3.10 is older than the project takes.
ZEROGPU_PYTHON = "3.12.12"
ZEROGPU_TORCH = {
    "2.13.0": "0.28.0",
    "2.12.1": "0.27.1",
    "2.11.0": "0.26.0",
    "2.10.0": "0.25.0",
    "2.9.1": "0.24.1",
    "2.8.0": "0.23.0",
}
# Dollars an hour of the paid machines, copied from https://huggingface.co/docs/hub/spaces-gpus; nothing keeps them up
# to date.
PRICES_COPIED = "2026-11-30"
# Seconds without a visitor after which a paid machine is put to sleep, and no longer billed.
SLEEP_S = 3600


@dataclass(frozen=True)
class Hardware:
    """A kind of machine.

    Attributes:
        flavor: its name on the hub.
        description: one line.
        dollars_per_hour: its price while it runs; 0 for a machine that is not billed by the hour.
        python_version: Python of the Space.
        pins: package -> version specifier that replaces the one in the requirements.
    """

    flavor: str
    description: str
    dollars_per_hour: float = 0.0
    python_version: str = PYTHON
    pins: tuple[tuple[str, str], ...] = ()

    def cost(self, sleep_s: int) -> str:
        """Say what it costs, and when a paid machine goes to sleep, which it does after `sleep_s` [s]; -1 is never."""
        if not self.dollars_per_hour:
            return f"{self.flavor}: {self.description}"
        asleep = "never sleeps, so it is billed around the clock" if sleep_s < 0 else f"sleeps after {sleep_s} s alone"
        return (
            f"{self.flavor}: {self.description}, ${self.dollars_per_hour:.2f} an hour while it runs (list price copied "
            f"on {PRICES_COPIED}; https://huggingface.co/pricing has today's); it {asleep}"
        )


# Newer wheels are built for CUDA 13, whose drivers a rented GPU may not have; these run on any driver since CUDA 12's.
_CUDA_12 = (("torch", ">=2.8,<2.11"), ("torchvision", ">=0.23,<0.26"))
_TORCH, _TORCHVISION = next(iter(ZEROGPU_TORCH.items()))

_KINDS = (
    Hardware(
        "zero-a10g",
        "ZeroGPU, a GPU while frames are segmented, out of the visitor's daily quota; free for two Spaces of any "
        "account in good standing, and for more with PRO",
        0.0,
        ZEROGPU_PYTHON,
        (("torch", f"=={_TORCH}"), ("torchvision", f"=={_TORCHVISION}")),
    ),
    Hardware("cpu-basic", "two processors, seconds a frame; not billed, but a new Space on it needs a PRO account"),
    Hardware("t4-small", "one T4; needs a payment method", 0.40, pins=_CUDA_12),
    Hardware("l4x1", "one L4; needs a payment method", 0.80, pins=_CUDA_12),
    Hardware("a10g-small", "one A10G; needs a payment method", 1.00, pins=_CUDA_12),
)
HARDWARE: dict[str, Hardware] = {kind.flavor: kind for kind in _KINDS}
DEFAULT = "zero-a10g"
