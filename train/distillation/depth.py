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
from train.data.dataset import Batch, EvaluationBatch
from train.distillation.teacher import lightning_state, load_teacher
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

    Frames are to come without changes of colour and without a sensor's faults, as the stage's config has it.

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
        # Kept from `nn.Module`, which would train and save it.
        self._frozen = (load_teacher(teacher).requires_grad_(False),)

    def step(self, batch: Batch) -> StepResult:
        """Loss of the estimate where depth was measured."""
        return StepResult(self._loss(batch, self.model), {})

    def validation_step(self, batches: list[EvaluationBatch], batch_idx: int) -> None:
        """Log the loss on validation frames."""
        for batch in batches:
            loss = self._loss(batch.frames, self.network)
            self.log("val/loss", loss, batch_size=len(batch.labels), prog_bar=True, sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Pool nothing: there is no confusion matrix."""

    def on_train_epoch_end(self) -> None:
        """Log the learning rate; losses are logged by their steps."""
        self.log_learning_rate()

    def _loss(self, batch: Batch, head: nn.Module) -> Tensor:
        rgb = self.inputs(batch).rgb
        teacher = self._frozen[0].to(rgb.device)
        with torch.no_grad():
            patches = torch.cat(teacher.taps(rgb, torch.zeros_like(rgb[:, :1]), TAPPED), 1)
        return losses.log_depth(head(patches.float(), rgb.shape[-2:]), batch.depth)


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
