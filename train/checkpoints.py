"""Checkpoints of a run on disk: whole or not there, and nothing of them is run when they are read."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from deresunet.atomic import write_whole
from deresunet.errors import InputError, first_line
from deresunet.model.checkpoint import LIGHTNING_KEY

# What Lightning takes for `ckpt_path` besides files.
KEYWORDS = ("best", "last", "hpc")


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its target, then renames it: the previous one stays until the new one is on disk.

    What a killed process left beside the target is removed by the next write.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write `checkpoint` to `path`, whole or not at all."""

        def write(beside: Path) -> None:
            with beside.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())  # or a power cut could leave the new name with nothing behind it

        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, write)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read a checkpoint as plain types and tensors, whatever the trainer's default."""
        return dict(super().load_checkpoint(path, map_location or (lambda storage, _: storage), weights_only=True))


class LastCheckpoint(ModelCheckpoint):
    """Keeps `last.ckpt` of each validation and of the run's end, whatever the interval of validation."""

    def __init__(self) -> None:
        super().__init__(filename="last", save_top_k=1, enable_version_counter=False)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Have the last epoch validated, so that the run ends with metrics, too."""
        if trainer.current_epoch + 1 == trainer.max_epochs and trainer.check_val_every_n_epoch is not None:
            trainer.check_val_every_n_epoch = 1

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save what was trained since the last validation."""
        super().on_train_end(trainer, pl_module)
        if self.dirpath is not None and self._last_global_step_saved != trainer.global_step:
            trainer.save_checkpoint(Path(self.dirpath) / "last.ckpt")


def check_resumable(path: str) -> None:
    """See that a file is a checkpoint of a run, before anything is built for it.

    Raises:
        InputError: it is not there, holds weights alone, is cut, or is not of this project; what to give instead.
    """
    name = Path(path).name
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file. Give --ckpt_path a .ckpt of a run, such as RUN/checkpoints/last.ckpt.")
    if Path(path).suffix == ".safetensors":
        raise InputError(
            f"{name} holds weights and no state of training, so no run can go on from it. To start from its weights "
            f"give --model.init_args.weights {path} instead of --ckpt_path; to measure them, python -m deresunet "
            "evaluate --checkpoint."
        )
    try:
        content = _without_data(path)
    except pickle.UnpicklingError as error:
        raise InputError(f"{name} is not a checkpoint of `train`: it holds more than tensors. {_INSTEAD}") from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{name} is cut or damaged ({first_line(error)}). {_INSTEAD}") from error
    if not isinstance(content, dict) or not {"state_dict", "loops", LIGHTNING_KEY} <= content.keys():
        raise InputError(f"{name} is not a checkpoint of `train`, but perhaps of another project. {_INSTEAD}")


def check_fits(checkpoint: dict[str, Any], module: torch.nn.Module, path: str | Path | None = None) -> None:
    """See that a checkpoint's tensors are those of the module that is to go on from it; `path` is where it was read.

    Raises:
        InputError: they are not.
    """
    own = {name: tensor.shape for name, tensor in module.state_dict().items()}
    other = {name: tensor.shape for name, tensor in checkpoint["state_dict"].items()}
    differing = sorted(name for name in own.keys() | other.keys() if own.get(name) != other.get(name))
    if differing:
        name = Path(path).name if path else "The checkpoint"
        raise InputError(
            f"{name} is of another network, of other classes or of another stage than this configuration's: "
            f"{len(differing)} tensors differ, such as {differing[0]}. Give the --config that its run left beside it "
            "(config.yaml)."
        )


def _without_data(path: str) -> Any:
    try:
        return torch.load(path, map_location="meta", weights_only=True, mmap=True)
    except RuntimeError:  # files of PyTorch before 1.6 cannot be mapped
        return torch.load(path, map_location="meta", weights_only=True)


_INSTEAD = "Give --ckpt_path a .ckpt of a run, such as RUN/checkpoints/last.ckpt."
