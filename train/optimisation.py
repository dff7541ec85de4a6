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
        schedule: "constant", "plateau" (divided when validation loss stalls), "cosine" (warm-up, then down) or "stable"
            (warm-up, then constant until the run is told to end, then down to 0 along a line; see `run.finish`).
        warmup_steps: optimiser steps from 0 to `rate`, before "cosine" and "stable".
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
    schedule: Literal["constant", "plateau", "cosine", "stable"] = "constant"
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


@dataclass
class Plan:
    """How many optimiser steps a run makes, as it is known so far; part of the checkpoint.

    Attributes:
        steps: of the whole run; None where nothing limits it, or a time limit has not measured yet.
        decay_from: step from which a "stable" rate goes down; None until the run is told to end.
    """

    steps: int | None = None
    decay_from: int | None = None


def build_schedule(
    config: Optimisation, optimiser: Optimizer, plan: Callable[[], Plan]
) -> LRScheduler | ReduceLROnPlateau | None:
    """The schedule of the learning rate, or None where it is constant.

    Args:
        config: which schedule.
        optimiser: whose rate it sets.
        plan: steps of the run, asked for at every step: a run with a time limit plans it anew.
    """
    if config.schedule == "plateau":
        return ReduceLROnPlateau(optimiser, factor=config.plateau_factor, patience=config.plateau_patience)
    if config.schedule == "cosine":
        return LambdaLR(optimiser, lambda step: cosine_rate(step, config.warmup_steps, plan().steps))
    if config.schedule == "stable":
        return LambdaLR(optimiser, lambda step: stable_rate(step, config.warmup_steps, plan()))
    return None


def cosine_rate(step: int, warmup: int, steps: int | None) -> float:
    """Learning rate at a step, relative to its peak: up along a line, down along half a cosine to `FINAL_RATE`.

    It stays at the peak while the number of steps is not known.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if steps is None:
        return 1.0
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return FINAL_RATE + (1.0 - FINAL_RATE) * 0.5 * (1.0 + math.cos(math.pi * done))


def stable_rate(step: int, warmup: int, plan: Plan) -> float:
    """Learning rate at a step, relative to its peak: up along a line, constant, and at the end down to 0 along a line.

    Hu et al. 2024 (https://arxiv.org/abs/2404.06395): what the rate does at first need not know when the run will end.
    """
    rate = min(1.0, (step + 1) / (warmup + 1))
    if plan.decay_from is None or plan.steps is None or step < plan.decay_from:
        return rate
    return rate * max(0.0, (plan.steps - step) / max(1, plan.steps - plan.decay_from))


def step_seed(seed: int, epoch: int, batch: int, rank: int) -> int:
    """Seed of one step's random generator (dropout) in one process, so that a resumed run draws as an unbroken one."""
    return int(np.random.SeedSequence([seed, epoch, batch, rank]).generate_state(1, np.uint64)[0] >> 2)
