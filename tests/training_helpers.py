"""Small networks, data and trainers for the tests of training."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from deresunet.config import ModelConfig, Preprocessing, ViTConfig
from deresunet.model.vit import WIDTH, RGBDViT
from train.cli import main
from train.data.augmentation import Augmentation
from train.data.module import RGBDDataModule
from train.module import SegmentationModule
from train.optimisation import Optimisation

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
# The smallest network there is, at the smallest size that keeps four cells in its deepest map.
SMALL = ModelConfig(
    backbone="resnet18",
    skip_channels=(8, 8, 16, 16),
    bottleneck_channels=32,
    decoder_channels=(32, 16, 16, 16),
    dropout=0.1,
)
DEPTH, GRID = 12, 37  # blocks of a ViT-S, and patches along a side of 518 px
SMALL_SIZE = Preprocessing(network_pixels=64 * 64)
SMALL_OPTIONS = (
    *("--config", str(ROOT / "train/configs/smoke.yaml"), "--trainer.enable_progress_bar", "false"),
    *("--trainer.enable_model_summary", "false", "--trainer.check_val_every_n_epoch", "1"),
    *("--model.init_args.network.skip_channels", "[8,8,16,16]", "--model.init_args.network.bottleneck_channels", "32"),
    *("--model.init_args.network.decoder_channels", "[32,16,16,16]", "--model.init_args.network.dropout", "0.1"),
    *("--data.preprocessing.network_pixels", "4096"),
)


def small_module(**options: Any) -> SegmentationModule:
    """The smallest network, ready to be trained."""
    torch.manual_seed(0)
    return SegmentationModule(network=SMALL, **({"optimisation": Optimisation(rate=2e-3)} | options))


def small_data(**options: Any) -> RGBDDataModule:
    """The sample rooms at the smallest size; training and validation carved from their one list."""
    given = {
        "train_split": "test",
        "validation_share": 0.2,
        "preprocessing": SMALL_SIZE,
        "augmentation": Augmentation(scale=(1.0, 1.5)),
        "batch_size": 4,
        "limit": 10,
    }
    return RGBDDataModule(**(given | options))


def trainer(folder: Path, **options: Any) -> pl.Trainer:
    """A trainer that says nothing."""
    given: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": folder,
    }
    return pl.Trainer(**(given | options))


def hub_state():
    """DINOv2 ViT-S/14 under torch hub's names, with random numbers."""
    generator = torch.Generator().manual_seed(3)

    def drawn(*shape):
        return 0.02 * torch.randn(*shape, generator=generator)

    state = {
        "cls_token": drawn(1, 1, WIDTH),
        "pos_embed": drawn(1, 1 + GRID * GRID, WIDTH),
        "mask_token": drawn(1, WIDTH),
        "patch_embed.proj.weight": drawn(WIDTH, 3, 14, 14),
        "patch_embed.proj.bias": drawn(WIDTH),
        "norm.weight": drawn(WIDTH),
        "norm.bias": drawn(WIDTH),
    }
    shapes = {"attn.qkv": (3 * WIDTH, WIDTH), "attn.proj": (WIDTH, WIDTH)}
    shapes |= {"mlp.fc1": (4 * WIDTH, WIDTH), "mlp.fc2": (WIDTH, 4 * WIDTH), "norm1": (WIDTH,), "norm2": (WIDTH,)}
    for block in range(DEPTH):
        for name, shape in shapes.items():
            state[f"blocks.{block}.{name}.weight"] = drawn(*shape)
            state[f"blocks.{block}.{name}.bias"] = drawn(shape[0])
        for name in ("ls1", "ls2"):
            state[f"blocks.{block}.{name}.gamma"] = drawn(WIDTH)
    return state


def random_teacher(path: Path, classes: int = 37) -> Path:
    """A teacher's checkpoint with random weights, as its own training would leave it."""
    torch.manual_seed(1)
    state = RGBDViT(ViTConfig(classes)).state_dict()
    torch.save({"state_dict": {f"model.{name}": tensor for name, tensor in state.items()}}, path)
    return path


def train_here(*arguments: object) -> str:
    """Run `python -m train` within this process, which saves the seconds of a start; return its standard output."""
    said = io.StringIO()
    threads = torch.get_num_threads()
    # As many as `train_command`'s processes have: how work is divided decides how sums are rounded.
    torch.set_num_threads(1)
    try:
        with contextlib.redirect_stdout(said), warnings.catch_warnings():
            main([str(argument) for argument in arguments])
    finally:
        torch.set_num_threads(threads)
    return said.getvalue()


def train_command(*arguments: object, status: int = 0) -> str:
    """Run `python -m train` in a process of its own; what it printed.

    Raises:
        AssertionError: it ended with another status.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests"), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "train", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


class KillAt(pl.Callback):
    """Sends SIGTERM to its own process when a batch begins, as a scheduler would from outside."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.epoch, self.batch = epoch, batch

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.current_epoch == self.epoch and trainer.fit_loop.epoch_loop.batch_idx == self.batch:
            os.kill(os.getpid(), signal.SIGTERM)
