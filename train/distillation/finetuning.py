"""Fine-tuning of a teacher on RGB-D frames with labels: the first stage of distillation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from deresunet.classes import SUNRGBD37
from deresunet.config import ViTConfig
from deresunet.errors import InputError
from deresunet.model.vit import RGBDViT
from train import losses
from train.data.dataset import Batch
from train.data.module import RGBDDataModule
from train.distillation.teacher import load_dinov2, load_teacher
from train.optimisation import Optimisation
from train.stage_module import DEFAULT_OPTIMISATION, TRAIN_STRIDE, Inputs, StageModule
from train.step import StepResult

AUXILIARY_WEIGHT = 0.4


class TeacherModule(StageModule):
    """Fine-tunes DINOv2 on RGB-D frames with labels.

    Args:
        dinov2: DINOv2's weights, as Meta's .pth or timm's .safetensors; None starts from `weights` or at random.
        weights: a teacher's weights to go on from.
        optimisation: optimiser, learning rate and schedule; `pretrained_rate` is the transformer's.
        ema_decay: decay of the running average of the weights; None keeps none.
        weighted_classes: see `SegmentationModule`.
        cuda_graph: see `StageModule`.
        recipe: the recipe's name, for the checkpoint.

    Raises:
        InputError: a file cannot be used.
    """

    pretrained = ("model.vit.",)
    model: RGBDViT
    class_weights: Tensor

    def __init__(
        self,
        dinov2: str | None = None,
        weights: str | None = None,
        optimisation: Optimisation = DEFAULT_OPTIMISATION,
        ema_decay: float | None = None,
        weighted_classes: bool = False,
        cuda_graph: bool = False,
        recipe: str = "",
    ) -> None:
        super().__init__(optimisation, ema_decay, recipe=recipe, cuda_graph=cuda_graph)
        self.model = RGBDViT(ViTConfig(len(SUNRGBD37))) if weights is None else load_teacher(weights).train()
        self.start = "teacher" if weights is None else f"teacher {weights}"
        if dinov2 is not None:
            load_dinov2(self.model, dinov2)
            self.start += ", DINOv2 backbone"
        self.keep_average()
        self.weighted_classes = weighted_classes
        self.register_buffer("class_weights", torch.ones(self.model.config.num_classes), persistent=False)

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """Class weights of the training split."""
        super().prepare(data, training)
        if data.class_set.name != "sunrgbd37":
            raise InputError(
                f"A teacher is fine-tuned on SUN RGB-D's 37 classes, and the data has those of {data.class_set.name}. "
                "Leave data.classes out."
            )
        if training and self.weighted_classes and data.class_shares is not None:
            self.class_weights[: len(SUNRGBD37)] = losses.class_weights(data.class_shares)

    def step(self, batch: Batch) -> StepResult:
        """Loss of a batch: labels at full resolution, and at the patches'."""
        inputs = self.inputs(batch)
        small, patches = self.model.outputs(inputs.rgb, inputs.depth)
        logits = interpolate(small.float(), batch.label.shape[-2:], mode="bilinear", align_corners=False)
        loss = losses.cross_entropy(logits, batch.label, self.class_weights)
        loss = loss + AUXILIARY_WEIGHT * self._at_patches(patches, batch.label)
        prediction = logits.detach()[:, : len(SUNRGBD37), ::TRAIN_STRIDE, ::TRAIN_STRIDE].argmax(1)
        return StepResult(loss, {}, batch.label[:, ::TRAIN_STRIDE, ::TRAIN_STRIDE], prediction)

    def evaluation_logits(self, inputs: Inputs) -> Tensor:
        """Logits of the 37 classes (B, 37, H/4, W/4)."""
        return self.network(inputs.rgb, inputs.depth)[:, : len(SUNRGBD37)]

    def _at_patches(self, logits: Tensor, label: Tensor) -> Tensor:
        # Patches of 14 pixels do not divide the frame evenly, so the label goes to them by nearest neighbour.
        coarse = interpolate(label[:, None], logits.shape[-2:], mode="nearest-exact")[:, 0]
        return losses.cross_entropy(logits, coarse, self.class_weights)
