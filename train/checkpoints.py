"""Checkpoints of a run on disk: whole or not there, and nothing of them is run when they are read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from deresunet.atomic import write_whole


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
