"""Callbacks of every run: pictures, metrics as JSON, and a checkpoint on SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]
from pytorch_lightning.utilities.exceptions import SIGTERMException

from deresunet.atomic import write_json, write_png
from deresunet.classes import ClassSet
from deresunet.evaluation.metrics import percent, scores
from deresunet.inference.postprocessing import to_frame_size
from deresunet.inference.preprocessing import to_tensors
from deresunet.visualization.panels import below, frame_row, grid, shrink
from train.data.augmentation import GREY, Sample
from train.stage_module import Inputs, data_of

INTERRUPTED = "interrupted.ckpt"
SIGTERM_STATUS = 128 + signal.SIGTERM


def run_folder(trainer: pl.Trainer) -> Path | None:
    """Where the run's files go, or None without logs. All processes must ask: they agree on it."""
    return None if trainer.log_dir is None else Path(trainer.log_dir)


def contact_sheet(samples: Sequence[Sample], classes: ClassSet, columns: int = 4, height: int = 120) -> np.ndarray:
    """Augmented samples, each as RGB, depth and label; a modality that the network is not given is grey.

    Args:
        samples: the samples, of one size.
        classes: what labels count.
        columns: samples beside each other.
        height: of each picture [px].

    Returns:
        uint8 (rows, columns, 3).
    """
    cells = []
    for sample in samples:
        rgb = sample.rgb if sample.has_rgb else np.full_like(sample.rgb, GREY)
        depth = sample.depth if sample.has_depth else np.zeros_like(sample.depth)
        cells.append(shrink(frame_row(rgb, depth, sample.label, None, classes), height))
    return grid(cells, columns)


class StopGracefully(Callback):
    """SIGTERM (and SLURM's signal before a requeue) ends the run at a point from which it can be taken up exactly.

    Lightning stops after the next batch, which may be in the middle of an accumulation, whose gradients no checkpoint
    holds; its SLURM handler saves wherever the signal finds the process. Here the signal is noted, and answered after
    the next whole optimiser step that is not the epoch's last (that one is followed by validation): the checkpoint
    `interrupted.ckpt` is written and the process ends with status 143.
    """

    def __init__(self) -> None:
        self._received = False
        self._requeue: Any = None
        self._requeue_signal: int | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take over the signals; Lightning puts the old handlers back when the run ends."""
        signal.signal(signal.SIGTERM, self._note)
        environment = trainer._accelerator_connector.cluster_environment
        if isinstance(environment, SLURMEnvironment) and environment.auto_requeue and environment.requeue_signal:
            self._requeue = signal.getsignal(environment.requeue_signal)
            self._requeue_signal = int(environment.requeue_signal)
            signal.signal(environment.requeue_signal, self._note)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop here if a signal came, and this is such a point."""
        last = batch_idx + 1 >= trainer.num_training_batches
        if last or (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        # All processes come here at the same step, and all must stop at it.
        stop = self._received
        if trainer.world_size > 1:
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        if not stop:
            return
        if callable(self._requeue):
            self._requeue(self._requeue_signal, None)  # Lightning's own: saves, and asks SLURM to start again
        else:
            self._save(trainer)
        raise SIGTERMException(SIGTERM_STATUS)

    def _note(self, _number: int, _frame: Any) -> None:
        self._received = True

    def _save(self, trainer: pl.Trainer) -> None:
        path = (run_folder(trainer) or Path(trainer.default_root_dir)) / "checkpoints" / INTERRUPTED
        trainer.save_checkpoint(path)
        if trainer.is_global_zero:
            print(f"Stopped by a signal. Go on with: --ckpt_path {path}", flush=True)


class Pictures(Callback):
    """Augmented samples at the start, and a figure of RGB, depth, ground truth and prediction after each validation.

    Args:
        samples: how many augmented samples.
        frames: how many validation frames.
    """

    def __init__(self, samples: int = 16, frames: int = 3) -> None:
        self.samples, self.frames = samples, frames

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write `samples.png`."""
        folder = run_folder(trainer)
        if not trainer.is_global_zero:
            return
        varied = data_of(trainer).training_frames()
        count = min(self.samples, 4 * len(varied))
        # The same frames again where there are few: as later epochs would show them.
        drawn = [varied[k // len(varied), k % len(varied)][0] for k in range(count)]
        self._write(trainer, folder, "samples", contact_sheet(drawn, data_of(trainer).class_set))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Write `prediction.png`."""
        folder = run_folder(trainer)
        if not trainer.is_global_zero or trainer.sanity_checking or pl_module.last_scores is None:
            return
        data = data_of(trainer)
        rows = []
        for index in range(min(self.frames, data.count("validation"))):
            frame = data.frame("validation", index)
            if frame.rgb is None or frame.label is None:
                continue
            rgb, depth = to_tensors(frame, pl_module.preprocessing)
            with torch.no_grad():
                inputs = Inputs(rgb.to(pl_module.device), depth.to(pl_module.device))
                logits = pl_module.evaluation_logits(inputs)
            prediction = to_frame_size(logits, frame.size, 1).labels[0]
            metres = np.zeros(frame.size, np.float32) if frame.depth is None else frame.depth
            rows.append(shrink(frame_row(frame.rgb, metres, frame.aligned_label, prediction, data.class_set), 240))
        if rows:
            self._write(trainer, folder, "prediction", below(rows))

    def _write(self, trainer: pl.Trainer, folder: Path | None, name: str, picture: np.ndarray) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            write_png(folder / f"{name}.png", picture)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(name, picture, trainer.global_step, dataformats="HWC")


class MetricsFile(Callback):
    """The last validation's or test's confusion matrix and metrics as JSON in the run's folder."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write `validation.json`."""
        self._write(trainer, pl_module, "validation")

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write `test.json`."""
        self._write(trainer, pl_module, "test")

    def _write(self, trainer: pl.Trainer, pl_module: Any, kind: Literal["validation", "test"]) -> None:
        folder = run_folder(trainer)
        matrix = getattr(pl_module, "last_matrix", None)
        if not trainer.is_global_zero or trainer.sanity_checking or matrix is None or folder is None:
            return
        result = scores(matrix)
        folder.mkdir(parents=True, exist_ok=True)
        described = {
            "epoch": trainer.current_epoch,
            "frames": data_of(trainer).count(kind),
            "miou": percent(result.miou),
            "pixel_acc": percent(result.pixel_acc),
            "mean_acc": percent(result.mean_acc),
            "boundary_miou": percent(pl_module.last_boundary_miou),
            "iou": {name: percent(iou) for name, iou in zip(pl_module.class_set.names, result.iou, strict=True)},
            "matrix": matrix.tolist(),
        }
        write_json(folder / f"{kind}.json", described)
