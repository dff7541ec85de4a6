"""Optimiser and learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

# Relative to the start; the cosine ends here instead of at nothing.
FINAL_RATE = 0.01


@dataclass(frozen=True)
class Optimisation:
    """Optimiser, learning rate and schedule.

    Attributes:
        name: "adam" or "adamw".
        rate: learning rate.
        pretrained_rate: learning rate of parts that were trained before (an encoder, a backbone); None takes `rate`.
        weight_decay: of convolution and matrix weights; biases and normalisations are never decayed.
        schedule: "constant", "plateau" (divided when validation loss stalls) or "cosine" (warm-up, then down).
        warmup_steps: optimiser steps from 0 to `rate`, before the cosine.
        clip_norm: largest norm of all gradients together; None leaves them as they are.
        plateau_factor: what the rate is multiplied by when validation loss stalls.
        plateau_patience: epochs without a better validation loss before that.

    Raises:
        ValueError: a field is out of range.
    """

    name: Literal["adam", "adamw"] = "adamw"
    rate: float = 1e-3
    pretrained_rate: float | None = None
    weight_decay: float = 0.0
    schedule: Literal["constant", "plateau", "cosine"] = "constant"
    warmup_steps: int = 0
    clip_norm: float | None = None
    plateau_factor: float = 0.1
    plateau_patience: int = 2

    def __post_init__(self) -> None:
        if self.rate <= 0 or (self.pretrained_rate is not None and self.pretrained_rate <= 0):
            raise ValueError(f"learning rates must be above 0, got {self.rate} and {self.pretrained_rate}")
        if not 0.0 < self.plateau_factor < 1.0:
            raise ValueError(f"plateau_factor is {self.plateau_factor}; expected above 0 and below 1")


def build_optimiser(config: Optimisation, module: nn.Module, pretrained: tuple[str, ...] = ()) -> Optimizer:
    """Optimiser of `module`'s trainable parameters.

    Args:
        config: kind of optimiser and its rates.
        module: the module that is trained.
        pretrained: prefixes of the parameters that take `pretrained_rate`.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            key = name.startswith(pretrained) if pretrained else False, parameter.ndim > 1
            groups.setdefault(key, []).append(parameter)
    described = [
        {
            "params": parameters,
            "lr": (config.pretrained_rate or config.rate) if was_trained else config.rate,
            "weight_decay": config.weight_decay if decayed else 0.0,
        }
        for (was_trained, decayed), parameters in groups.items()
    ]
    # Few kernels for all parameters. Not one (fused): Lightning cannot clip gradients of such an optimiser in mixed
    # precision, since it takes back the scaling of losses itself.
    kind = AdamW if config.name == "adamw" else Adam
    return kind(described, lr=config.rate, foreach=True)


def build_schedule(
    config: Optimisation, optimiser: Optimizer, steps: Callable[[], int]
) -> LRScheduler | ReduceLROnPlateau | None:
    """The schedule of the learning rate, or None where it is constant.

    Args:
        config: which schedule.
        optimiser: whose rate it sets.
        steps: number of optimiser steps of the run, asked for at every step: a run with a time limit plans it anew.
    """
    if config.schedule == "plateau":
        return ReduceLROnPlateau(optimiser, factor=config.plateau_factor, patience=config.plateau_patience)
    if config.schedule == "cosine":
        return LambdaLR(optimiser, lambda step: cosine_rate(step, config.warmup_steps, steps()))
    return None


def cosine_rate(step: int, warmup: int, steps: int) -> float:
    """Learning rate at a step, relative to its peak: up along a line, down along half a cosine to `FINAL_RATE`."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return FINAL_RATE + (1.0 - FINAL_RATE) * 0.5 * (1.0 + math.cos(math.pi * done))


def step_seed(seed: int, epoch: int, batch: int, rank: int) -> int:
    """Seed of one step's random generator (dropout) in one process, so that a resumed run draws as an unbroken one."""
    return int(np.random.SeedSequence([seed, epoch, batch, rank]).generate_state(1, np.uint64)[0] >> 2)
