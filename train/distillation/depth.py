"""Depth estimated for photographs: a light head on the frozen teacher, trained on RGB-D frames.

An estimate is good enough to train the depth encoder and the fusion by, with a sensor's faults added to it; it is no
measurement, and frames that have a measured depth never get one.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deresunet.errors import InputError
from deresunet.model.blocks import conv_bn_relu
from deresunet.model.vit import TAPPED, WIDTH
from train import losses
from train.data.augmentation import Augmentation
from train.data.dataset import Batch, EvaluationBatch
from train.data.device_augmentation import depth_faults
from train.data.module import RGBDDataModule
from train.distillation.teacher import FrozenTeacher, lightning_state, load_teacher
from train.optimisation import Optimisation
from train.stage_module import DEFAULT_OPTIMISATION, StageModule
from train.step import StepResult

# Range of the estimates [m]: what indoor sensors measure.
NEAREST_M, FARTHEST_M = 0.3, 10.0
# Start of the estimates [m]: about the mean depth of indoor frames, so that training begins near it.
TYPICAL_M = 2.8


class DepthHead(nn.Module):
    """Convolutions on a teacher's patch features of RGB; predicts the logarithm of depth."""

    def __init__(self) -> None:
        super().__init__()
        self.project = conv_bn_relu(WIDTH * len(TAPPED), 128, 1)
        self.mix = conv_bn_relu(128, 128)
        self.refine = conv_bn_relu(32, 32)
        self.out = nn.Conv2d(32, 1, 1)
        nn.init.constant_(self.out.bias, torch.tensor(TYPICAL_M).log().item())  # type: ignore[arg-type]

    def forward(self, patches: Tensor, size: tuple[int, int]) -> Tensor:
        """Depth (B, 1, *size) [m] from patch features (B, 4 x 384, h, w)."""
        x = self.mix(self.project(patches))  # (B, 128, h, w)
        x = self.out(self.refine(F.pixel_shuffle(x, 2)))  # (B, 1, 2 h, 2 w)
        x = F.interpolate(x, size, mode="bilinear", align_corners=False)
        return x.float().exp().clamp(NEAREST_M, FARTHEST_M)


class DepthModule(StageModule):
    """Trains a depth head on RGB-D frames; the teacher stays as it is. Labels are not looked at.

    Args:
        teacher: its weights, .safetensors or .ckpt.
        optimisation: how weights are changed.
        ema_decay: decay of the running average of the weights; None keeps none.
        cuda_graph: see `StageModule`.
        recipe: the recipe's name, for the checkpoint.
    """

    model: DepthHead

    def __init__(
        self,
        teacher: str,
        optimisation: Optimisation = DEFAULT_OPTIMISATION,
        ema_decay: float | None = None,
        cuda_graph: bool = False,
        recipe: str = "",
    ) -> None:
        super().__init__(optimisation, ema_decay, recipe=recipe, cuda_graph=cuda_graph)
        self.model = DepthHead()
        self.start = f"depth head on teacher {Path(teacher).name}"
        self.keep_average()
        self.teacher = FrozenTeacher(load_teacher(teacher))

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """Have the data hand over frames before colour and sensor faults."""
        super().prepare(data, training)
        data.clean = True

    def step(self, batch: Batch) -> StepResult:
        """Loss of the estimate where depth was measured."""
        return StepResult(self._loss(batch, self.model), {})

    def validation_step(self, batches: list[EvaluationBatch], batch_idx: int) -> None:
        """Log the loss on validation frames."""
        self.teacher.to(self.device)
        for batch in batches:
            loss = self._loss(batch.frames, self.network)
            self.log("val/loss", loss, batch_size=len(batch.labels), prog_bar=True, sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Pool nothing: there is no confusion matrix."""

    def on_train_epoch_end(self) -> None:
        """Log the learning rate; losses are logged by their steps."""
        self.log_learning_rate()

    def _loss(self, batch: Batch, head: nn.Module) -> Tensor:
        inputs = self.inputs(batch)
        assert inputs.clean_rgb is not None and batch.clean_depth is not None  # noqa: PT018 - for the type checker
        estimate = head(self.teacher.features_of_rgb(inputs.clean_rgb), inputs.clean_rgb.shape[-2:])
        return losses.log_depth(estimate, batch.clean_depth)


class DepthEstimator:
    """A trained depth head at work: gives photographs in a batch their estimated depth.

    Args:
        path: the head's weights, the .ckpt of its training.
        teacher: the teacher that it was trained on.

    Raises:
        InputError: the file cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str], teacher: FrozenTeacher) -> None:
        self.teacher = teacher
        self.head = load_depth_head(path).requires_grad_(False)

    def to(self, device: torch.device) -> None:
        """Work on `device`."""
        self.head.to(device)

    @torch.no_grad()
    def fill(self, batch: Batch, config: Augmentation, clean_rgb: Tensor) -> Batch:
        """The batch, its photographs with estimated depth and a sensor's faults; the teacher still sees RGB alone.

        As for frames, now and then one of the two modalities is withheld.

        Args:
            batch: photographs come last in it.
            config: faults of the sensor, and shares of withheld modalities.
            clean_rgb: the batch's RGB (B, 3, h, w) as the teacher sees it, normalised.
        """
        count = batch.photographs
        if not count:
            return batch
        with torch.autocast(clean_rgb.device.type, enabled=False):
            metres = self.head(self.teacher.features_of_rgb(clean_rgb[-count:]), clean_rgb.shape[-2:])
        if config.enabled:
            metres = depth_faults(metres, config.depth)
        draws = torch.rand(count, device=metres.device) if config.enabled else torch.ones(count, device=metres.device)
        dropped = (draws >= config.missing_depth) & (draws < config.missing_depth + config.missing_rgb)
        return batch._replace(
            depth=torch.cat([batch.depth[:-count], metres]),
            has_depth=torch.cat([batch.has_depth[:-count], draws >= config.missing_depth]),
            has_rgb=torch.cat([batch.has_rgb[:-count], batch.has_rgb[-count:] & ~dropped]),
        )


def load_depth_head(path: str | os.PathLike[str]) -> DepthHead:
    """A depth head from the .ckpt of its training, in eval mode.

    Raises:
        InputError: the file is missing, or is not a depth head's.
    """
    head = DepthHead()
    try:
        head.load_state_dict(lightning_state(path))
    except RuntimeError as error:
        raise InputError(f"{Path(path).name} holds no depth head. Give a checkpoint of the stage depth.") from error
    return head.eval()
