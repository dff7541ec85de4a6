"""The two stages before the network's own training: fine-tuning a teacher, and distilling its features."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from deresunet.classes import NUM_CLASSES
from deresunet.config import ModelConfig
from deresunet.model import registry
from deresunet.model.checkpoint import LIGHTNING_KEY
from deresunet.model.network import DeResUNet
from train import losses
from train.data.dataset import Batch, EvaluationBatch
from train.data.module import RGBDDataModule
from train.distillation.teacher import WIDTH, FrozenTeacher, Teacher, load_dinov2, load_teacher
from train.initialisation import ImageNet, start_from_imagenet
from train.optimisation import Optimisation
from train.stage import DEFAULT_OPTIMISATION, TRAIN_STRIDE, Inputs, StageModule

AUXILIARY_WEIGHT = 0.4


class TeacherModule(StageModule):
    """Fine-tunes DINOv2 on RGB-D frames with labels: stage (a).

    Args:
        dinov2: DINOv2's weights, as Meta's .pth or timm's .safetensors; None starts from `weights` or at random.
        weights: a teacher's weights to go on from.
        optimisation: how weights are changed; `pretrained_rate` is the transformer's.
        ema_decay: decay of the running average of the weights; None keeps none.
        weighted_classes: see `SegmentationModule`.
        recipe: the recipe's name, for the checkpoint.

    Raises:
        InputError: a file cannot be used.
    """

    pretrained = ("model.vit.",)

    def __init__(
        self,
        dinov2: str | None = None,
        weights: str | None = None,
        optimisation: Optimisation = DEFAULT_OPTIMISATION,
        ema_decay: float | None = None,
        weighted_classes: bool = False,
        recipe: str = "",
    ) -> None:
        super().__init__(optimisation, ema_decay, recipe=recipe)
        self.model = Teacher(NUM_CLASSES) if weights is None else load_teacher(weights).train()
        self.start = "teacher" if weights is None else f"teacher {weights}"
        if dinov2 is not None:
            load_dinov2(self.model, dinov2)
            self.start += ", DINOv2 backbone"
        self.keep_average()
        self.weighted_classes = weighted_classes
        self.register_buffer("class_weights", torch.ones(self.model.num_classes), persistent=False)

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """Class weights of the training split."""
        super().prepare(data, training)
        if training and self.weighted_classes:
            self.class_weights[:NUM_CLASSES] = losses.class_weights(data.class_shares)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch: labels at full resolution, and at the patches'."""
        inputs = self.inputs(batch)
        small, patches = self.model.outputs(inputs.rgb, inputs.depth)
        logits = interpolate(small.float(), batch.label.shape[-2:], mode="bilinear", align_corners=False)
        loss = losses.cross_entropy(logits, batch.label, self.class_weights)
        loss = loss + AUXILIARY_WEIGHT * self._at_patches(patches, batch.label)
        prediction = logits.detach()[:, :NUM_CLASSES, ::TRAIN_STRIDE, ::TRAIN_STRIDE].argmax(1)
        self.training_confusion.update(batch.label[:, ::TRAIN_STRIDE, ::TRAIN_STRIDE], prediction, loss)
        return loss

    def evaluation_logits(self, inputs: Inputs) -> Tensor:
        """The teacher's logits of the 37 classes (B, 37, H/4, W/4)."""
        return self.network(inputs.rgb, inputs.depth)[:, :NUM_CLASSES]

    def _at_patches(self, logits: Tensor, label: Tensor) -> Tensor:
        # Patches of 14 pixels do not divide the frame evenly, so the label goes to them by nearest neighbour.
        coarse = interpolate(label[:, None], logits.shape[-2:], mode="nearest-exact")[:, 0]
        return losses.cross_entropy(logits, coarse, self.class_weights)


class FeatureModule(StageModule):
    """Distils a teacher's patch features into both encoders: stage (b).

    The RGB encoder learns on frames and photographs, the depth encoder on frames that have depth. What follows the
    encoders stays as it was, so the checkpoint is for starting the next stage from, not for use.

    Args:
        teacher: its weights, .safetensors or .ckpt.
        architecture: a name of `deresunet.model_names()`.
        network: parts and widths of a layout of one's own, instead of `architecture`.
        imagenet: see `SegmentationModule`.
        optimisation: how weights are changed.
        ema_decay: decay of the running average of the weights; None keeps none.
        channels_last: memory layout of the network and its input.
        compiled: whether `torch.compile` takes the teacher.
        recipe: the recipe's name, for the checkpoint.
    """

    def __init__(
        self,
        teacher: str,
        architecture: str = registry.DEFAULT_MODEL,
        network: ModelConfig | None = None,
        imagenet: ImageNet = "no",
        optimisation: Optimisation = DEFAULT_OPTIMISATION,
        ema_decay: float | None = None,
        channels_last: bool = False,
        compiled: bool = False,
        recipe: str = "",
    ) -> None:
        super().__init__(optimisation, ema_decay, channels_last, recipe)
        config = network or registry.entry(architecture).config
        self.model = DeResUNet(config)
        self.start = f"{registry.name_of(config)}, {start_from_imagenet(self.model, imagenet)}, encoders alone"
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name.startswith(("rgb_encoder.", "depth_encoder.")))
        self.keep_average()
        self.teacher = FrozenTeacher(load_teacher(teacher), compiled)
        # Strides 16 and 32 are each asked for the teacher's features at stride 14, by a projection of their own.
        self.projections = nn.ModuleDict(
            {
                modality: nn.ModuleList(nn.Conv2d(width, WIDTH, 1) for width in encoder.channels[-2:])
                for modality, encoder in (("rgb", self.model.rgb_encoder), ("depth", self.model.depth_encoder))
            }
        )

    def on_fit_start(self) -> None:
        """Bring the teacher to the device."""
        super().on_fit_start()
        self.teacher.to(self.device)

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """Have the data hand over what the teacher sees."""
        super().prepare(data, training)
        data.clean = True

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch."""
        loss = self._loss(batch, self.model)
        # No classes are predicted here: every pixel counts for the mean loss, none for a matrix.
        self.log("train/loss", loss.detach(), on_step=False, on_epoch=True, batch_size=len(batch.rgb))
        return loss

    def validation_step(self, batches: list[EvaluationBatch], batch_idx: int) -> None:
        """The same loss on validation frames."""
        self.teacher.to(self.device)
        for batch in batches:
            loss = self._loss(batch.frames, self.network)
            self.log("val/loss", loss, batch_size=len(batch.labels), prog_bar=True, sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Nothing to pool."""

    def on_train_epoch_end(self) -> None:
        """The learning rate; the losses are logged by their steps."""
        self.log("lr", self.trainer.optimizers[0].param_groups[0]["lr"])

    def _loss(self, batch: Batch, network: nn.Module) -> Tensor:
        inputs = self.inputs(batch)
        wanted = self.teacher.features(inputs.clean_rgb, inputs.clean_depth)  # (B, 384, about H/14, about W/14)
        terms = [
            losses.features(project(x), wanted)
            for project, x in zip(self.projections["rgb"], network.rgb_encoder(inputs.rgb)[-2:], strict=True)
        ]
        measured = batch.with_depth
        # A batch of photographs alone teaches the depth encoder nothing; a process must still touch its parameters.
        taken = max(measured, 1)
        maps = network.depth_encoder(inputs.depth[:taken])[-2:]
        share = float(measured > 0)
        terms += [
            share * losses.features(project(x), wanted[:taken])
            for project, x in zip(self.projections["depth"], maps, strict=True)
        ]
        return torch.stack(terms).sum()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say that only the encoders are trained."""
        super().on_save_checkpoint(checkpoint)
        described = checkpoint[LIGHTNING_KEY]
        described["training"] += (
            "; ENCODERS ONLY: the decoder is not trained, start `encoders` of the next stage from it"
        )
        described["config"] = dataclasses.asdict(self.model.config)
