"""Faster ways to run the same network, and the choice among them. `deresunet.predictor` is their only user.

`folding` does away with BatchNorm, `onednn` prepares the convolutions for a CPU, `cudagraph` records a forward pass on
a GPU, `paths` names the ways and chooses one.
"""

from __future__ import annotations

from deresunet.fast.paths import PATHS, FastPath, build_path, choose_path, default_paths, lent_gpu, why_not

__all__ = ["PATHS", "FastPath", "build_path", "choose_path", "default_paths", "lent_gpu", "why_not"]
