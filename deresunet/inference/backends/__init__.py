"""Ways to run a network, and the choice among them. `deresunet.inference.predictor` is their only user.

`folding` does away with BatchNorm; `chains` finds what follows each convolution, for `onednn` on a CPU and `cudnn` on a
GPU to take into the same pass; `branches` lets a GPU run both encoders at once; `cudagraph` records a pass on a GPU;
`registry` names the backends and chooses one.
"""

from __future__ import annotations

from deresunet.inference.backends.registry import (
    BACKENDS,
    Backend,
    build_backend,
    check_backend,
    choose_backend,
    default_backends,
    first_run_is_slow,
    why_not,
)

__all__ = [
    "BACKENDS",
    "Backend",
    "build_backend",
    "check_backend",
    "choose_backend",
    "default_backends",
    "first_run_is_slow",
    "why_not",
]
