"""Half precision: which type a device computes faster in, if any."""

from __future__ import annotations

import torch

# Lightning's names of mixed precision in bfloat16.
BFLOAT16 = ("bf16-mixed", "bf16")


def half_type(device: torch.device) -> torch.dtype | None:
    """bfloat16 on processors that have it (AVX512-BF16, AMX) and on GPUs, else None: float32 is as fast.

    On a processor without, PyTorch computes bfloat16 by way of float32 and takes several times as long.
    """
    if device.type == "cpu":
        tests = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
        return torch.bfloat16 if any(test is not None and test() for test in tests) else None
    return torch.bfloat16 if device.type == "cuda" else None
