"""Base of all stages of training: seeds, validation, logs, learning rate, average, and the checkpoint's metadata."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.optim.lr_scheduler import ReduceLROnPlateau

from deresunet.classes import SUNRGBD37, ClassSet
from deresunet.config import Preprocessing
from deresunet.errors import InputError
from deresunet.evaluation.metrics import Scores, percent, scores
from deresunet.inference.postprocessing import frame_labels
from deresunet.inference.preprocessing import network_input
from deresunet.model import registry
from deresunet.model.checkpoint import LIGHTNING_KEY, class_set_of
from train import losses
from train.checkpoints import check_fits
from train.data.dataset import Batch, EvaluationBatch
from train.data.module import RGBDDataModule
from train.ema import Average, averaged_copy
from train.metrics import PooledBoundary, PooledConfusion
from train.optimisation import Optimisation, Plan, build_optimiser, build_schedule, step_seed
from train.step import StepResult, WholeStep

# Training IoU is measured on every n-th pixel a side: it is a trend, and full resolution would cost a tenth of a step.
TRAIN_STRIDE = 4
DEFAULT_OPTIMISATION = Optimisation()


class Inputs(NamedTuple):
    """A batch as the network takes it: RGB (B, 3, h, w) and depth (B, 1, h, w), normalised."""

    rgb: Tensor
    depth: Tensor


def data_of(trainer: pl.Trainer) -> RGBDDataModule:
    """The data module that a trainer runs on."""
    return trainer.datamodule  # type: ignore[attr-defined]


class StageModule(pl.LightningModule):
    """Base of the stages. A stage sets `self.model`, calls `keep_average`, and writes `step`.

    Args:
        optimisation: how weights are changed.
        ema_decay: decay of the running average of the weights; None keeps none.
        channels_last: memory layout of the network and its input, which tensor cores like.
        recipe: the recipe's name, for the checkpoint.
        cuda_graph: record the whole step as a CUDA graph (one GPU, bf16 or float32, no accumulation); on other devices
            the same step runs eagerly.

    Attributes:
        model: the network that is trained.
        ema: the running average of its weights, or None; it is the network that is validated and used.
        preprocessing: how frames are prepared, as the data module says.
        class_set: classes of the ground truth, as the data module says.
        plan: optimiser steps of the run: the trainer's, or those that a time limit sets.
    """

    model: nn.Module
    pretrained: tuple[str, ...] = ()

    def __init__(
        self,
        optimisation: Optimisation = DEFAULT_OPTIMISATION,
        ema_decay: float | None = None,
        channels_last: bool = False,
        recipe: str = "",
        cuda_graph: bool = False,
    ) -> None:
        super().__init__()
        # A recorded step holds the optimiser, too, so it cannot be left to Lightning.
        self.automatic_optimization = not cuda_graph
        if ema_decay is not None and not 0.0 < ema_decay < 1.0:
            raise ValueError(f"ema_decay is {ema_decay}; expected above 0 and below 1, or null")
        self.optimisation, self.ema_decay, self.recipe = optimisation, ema_decay, recipe
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.preprocessing = Preprocessing()
        self.ema: nn.Module | None = None
        self._measure(SUNRGBD37)
        self.last_scores: Scores | None = None
        self.start = ""
        self.plan = Plan()
        self._average: Average | None = None
        self._whole_step: WholeStep | None = None
        self._measured: dict[str, Any] = {}

    @property
    def network(self) -> nn.Module:
        """The weights to use: the average where there is one."""
        return self.model if self.ema is None else self.ema

    def keep_average(self) -> None:
        """Start the running average from the network as it stands; called once by a stage, when it is built."""
        if self.ema_decay is not None:
            self.ema = averaged_copy(self.model)

    def _measure(self, class_set: ClassSet) -> None:
        self.class_set = class_set
        self.validation = PooledConfusion(len(class_set))
        self.boundary = PooledBoundary(len(class_set))
        self.training_confusion = PooledConfusion(len(class_set))

    # --- data ---------------------------------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Take over what the data module knows, once it has been set up itself."""
        self.prepare(data_of(self.trainer), stage == "fit")

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """Take over classes and how frames are prepared; a stage adds what it needs in training."""
        self.preprocessing = data.preprocessing
        if data.class_set != self.class_set:
            self._measure(data.class_set)
        for network in (self.model, self.ema):
            if network is not None:
                network.to(memory_format=self.memory_format)

    def inputs(self, batch: Batch) -> Inputs:
        """The batch as the network takes it; everything happens on the device."""
        planes = network_input(batch.rgb, batch.depth, batch.has_rgb, batch.has_depth, self.preprocessing)
        return Inputs(*(plane.contiguous(memory_format=self.memory_format) for plane in planes))

    # --- training -----------------------------------------------------------------------------------------------------

    def step(self, batch: Batch) -> StepResult:
        """Loss of a batch, to be minimised; written by each stage."""
        raise NotImplementedError

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch; with `cuda_graph` the whole step, weights included."""
        if self.automatic_optimization:
            result = self.step(batch)
        else:
            if self._whole_step is None:
                self._whole_step = self._make_whole_step()
            result = self._whole_step(batch, self.trainer.global_step)
            # Lightning counts the steps that its own wrapper of the optimiser makes; this one was within the graph.
            progress = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
            progress.increment_ready()
            progress.increment_completed()
            for config in self.trainer.lr_scheduler_configs:
                if config.interval == "step":
                    config.scheduler.step()  # type: ignore[call-arg]
        self._log_step(result, len(batch.rgb))
        return result.loss

    def _log_step(self, result: StepResult, frames: int) -> None:
        if result.label is not None and result.prediction is not None:
            self.training_confusion.update(result.label, result.prediction, result.loss)
        else:
            self.log("train/loss", result.loss.detach(), on_step=False, on_epoch=True, batch_size=frames)
        if len(result.terms) > 1:
            each = {f"train/loss_{name}": term.detach() for name, term in result.terms.items()}
            self.log_dict(each, on_epoch=True, on_step=False, batch_size=frames)

    def _make_whole_step(self) -> WholeStep:
        if self.trainer.world_size > 1 or self.trainer.precision == "16-mixed":
            raise InputError(
                f"model.init_args.cuda_graph records a step of one process in bf16-mixed or 32-true, got "
                f"{self.trainer.world_size} processes in {self.trainer.precision}. Leave it out."
            )
        (optimiser,) = self.trainer.optimizers
        return WholeStep(self.step, optimiser, self._average, self.optimisation.clip_norm)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed the random generators from (seed, epoch, step, process), whatever was drawn before."""
        torch.manual_seed(step_seed(data_of(self.trainer).seed, self.current_epoch, batch_idx, self.global_rank))

    def on_fit_start(self) -> None:
        """Tie the average to the network, now that both are on their device."""
        if self.ema is not None:
            self._average = Average(self.model, self.ema, self.ema_decay or 0.0)
        wrapped = self.trainer.strategy.model
        if isinstance(wrapped, nn.parallel.DistributedDataParallel):
            # Processes validate different numbers of frames, so no forward may wait for the others; see
            # `on_validation_epoch_start` for what keeps the BatchNorm statistics equal.
            wrapped.broadcast_buffers = False

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Change the weights, then their average."""
        super().optimizer_step(*args, **kwargs)
        if self._average is not None:
            self._average.begin(self.trainer.global_step)  # counted up after this
            self._average.update()

    def configure_gradient_clipping(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        """Clip to `optimisation.clip_norm`, else as the trainer says."""
        if self.optimisation.clip_norm is None:
            super().configure_gradient_clipping(optimizer, *args, **kwargs)
        else:
            self.clip_gradients(optimizer, self.optimisation.clip_norm, "norm")

    def on_train_epoch_end(self) -> None:
        """Log the training metrics of the epoch (after a resumption: of what was left of it)."""
        matrix, loss = self.training_confusion.result()
        self.training_confusion.reset()
        self.log("train/loss", loss)
        self._log_scores("train", scores(matrix))
        self.log_learning_rate()

    def log_learning_rate(self) -> None:
        """Log the rate of the first group of parameters."""
        self.log("lr", float(self.trainer.optimizers[0].param_groups[0]["lr"]))

    def configure_optimizers(self) -> Any:
        """Optimiser, and the schedule with it."""
        optimiser = build_optimiser(self.optimisation, self, self.pretrained)
        schedule = build_schedule(self.optimisation, optimiser, self._planned)
        if schedule is None:
            return optimiser
        if isinstance(schedule, ReduceLROnPlateau):
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "monitor": "val/loss"}}
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _planned(self) -> Plan:
        if self.plan.steps is None:
            # Without a limit of epochs or steps, a time limit plans them once steps have been timed.
            estimated = self.trainer.estimated_stepping_batches
            self.plan.steps = None if math.isinf(estimated) else int(estimated)
        return self.plan

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step the schedule; a plateau is stepped in `on_validation_epoch_end`.

        Lightning would do that after it has written the epoch's checkpoint, and a resumed run would miss the step.
        """
        if not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    # --- validation ---------------------------------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        """Give all processes the first one's BatchNorm statistics, which is what is saved."""
        if self.trainer.world_size > 1:
            for buffer in self.network.buffers():
                torch.distributed.broadcast(buffer, 0)

    def evaluation_logits(self, inputs: Inputs) -> Tensor:
        """Logits (B, classes, h, w) of the network to use."""
        return self.network(inputs.rgb, inputs.depth)

    def validation_step(self, batches: list[EvaluationBatch], batch_idx: int) -> None:
        """Add frames to the pooled confusion matrix, at ground-truth resolution."""
        for batch in batches:
            logits = self.evaluation_logits(self.inputs(batch.frames)).float()
            for row, label in zip(logits[:, None], batch.labels, strict=True):  # (1, classes, h, w) and (H, W)
                labels = frame_labels(row, (label.shape[0], label.shape[1]))[0]
                at_network_size = interpolate(label[None, None], row.shape[-2:], mode="nearest-exact")[0]
                loss = losses.cross_entropy(row, at_network_size)
                self.validation.update(label, labels.long() - 1, loss)
                self.boundary.update(label, labels)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the pass, the same in every process."""
        matrix, loss = self.validation.result()
        boundary = float(self.boundary.compute())
        self.validation.reset()
        self.boundary.reset()
        if self.trainer.sanity_checking:
            return
        self.last_scores = result = scores(matrix)
        stage = "test" if self.trainer.testing else "val"
        self.last_matrix = matrix
        self.log(f"{stage}/loss", loss, prog_bar=True)
        self.log(f"{stage}/boundary_miou", 0.0 if math.isnan(boundary) else boundary)
        self.last_boundary_miou = boundary
        self._log_scores(stage, result)
        if not self.trainer.testing:
            self._measured = {
                "validation": {
                    "miou": percent(result.miou),
                    "pixel_acc": percent(result.pixel_acc),
                    "mean_acc": percent(result.mean_acc),
                    "boundary_miou": percent(boundary),
                    "loss": round(loss, 6),
                    "epoch": self.current_epoch,
                }
            }
        if self.trainer.state.fn == "fit":
            for config in self.trainer.lr_scheduler_configs:
                if isinstance(config.scheduler, ReduceLROnPlateau):
                    config.scheduler.step(loss)

    def test_step(self, batches: list[EvaluationBatch], batch_idx: int) -> None:
        """As in validation."""
        self.validation_step(batches, batch_idx)

    def on_test_epoch_start(self) -> None:
        """As in validation."""
        self.on_validation_epoch_start()

    def on_test_epoch_end(self) -> None:
        """As in validation."""
        self.on_validation_epoch_end()

    def _log_scores(self, stage: str, result: Scores) -> None:
        # A class that is not there has no IoU: NaN, which loggers leave open.
        self.log(f"{stage}/miou", 0.0 if math.isnan(result.miou) else result.miou, prog_bar=stage == "val")
        self.log(f"{stage}/pixel_acc", 0.0 if math.isnan(result.pixel_acc) else result.pixel_acc)
        self.log_dict(
            {f"{stage}/iou/{name}": float(iou) for name, iou in zip(self.class_set.names, result.iou, strict=True)}
        )

    # --- checkpoint ---------------------------------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write what is needed to use the weights, as plain types: reading it back runs no code."""
        data = data_of(self.trainer)
        config: Any = getattr(self.model, "config", None)
        described: dict[str, Any] = {}
        if config is not None:
            own = self.class_set if config.num_classes == len(self.class_set) else class_set_of(config.num_classes)
            described = {"architecture": registry.architecture_of(config)}
            described |= {} if own is None else {"classes": own.to_dict()}
        checkpoint[LIGHTNING_KEY] = described | {
            "config": {} if config is None else dataclasses.asdict(config),
            "preprocessing": dataclasses.asdict(self.preprocessing),
            "training": f"{self.recipe or type(self).__name__}: {self.start}; "
            f"{self.trainer.global_step} steps, {self.current_epoch} whole epochs; "
            f"{data.describe()}",
            "metrics": self._measured,
            "plan": dataclasses.asdict(self.plan),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over what was measured, for the checkpoints to come.

        Raises:
            InputError: the checkpoint is of another network or stage, or of other classes.
        """
        check_fits(checkpoint, self, self.trainer.ckpt_path)
        self._measured = dict(checkpoint.get(LIGHTNING_KEY, {}).get("metrics", {}))
        if self.trainer.max_epochs == -1 and self.trainer.max_steps == -1:  # else the trainer's own limit holds
            self.plan = Plan(**checkpoint.get(LIGHTNING_KEY, {}).get("plan", {}))
        rank_zero_info(f"Goes on from: {checkpoint.get(LIGHTNING_KEY, {}).get('training', '')}")
