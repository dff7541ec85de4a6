"""Training of the network itself, with labels, and with a teacher where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from deresunet.config import ModelConfig
from deresunet.errors import InputError
from deresunet.model import registry
from deresunet.model.network import DeResUNet
from train import losses
from train.data.dataset import Batch
from train.data.module import RGBDDataModule
from train.distillation.teacher import FrozenTeacher, load_teacher
from train.initialisation import ImageNet, start_as_nearest, start_from, start_from_imagenet
from train.optimisation import Optimisation
from train.stage import DEFAULT_OPTIMISATION, TRAIN_STRIDE, Inputs, StageModule

CompileMode = Literal["none", "default", "reduce-overhead", "max-autotune-no-cudagraphs"]


@dataclass(frozen=True)
class Distillation:
    """How a teacher's class probabilities enter.

    Attributes:
        teacher: its weights: .safetensors, or the .ckpt of its own training.
        weight: of the distillation loss beside the labels' cross-entropy.
        temperature: of both distributions.
        compiled: whether `torch.compile` takes the teacher.
    """

    teacher: str
    weight: float = 1.0
    temperature: float = 1.0
    compiled: bool = False


class SegmentationModule(StageModule):
    """Trains a DeResUNet.

    Args:
        architecture: a name of `deresunet.model_names()`.
        network: parts and widths of a layout of one's own, instead of `architecture`.
        imagenet: ImageNet encoders: "no", "try" (go on without where they cannot be had) or "require".
        weights: checkpoint to start all weights from.
        encoders: checkpoint to start the encoders from, such as the one that distillation of features leaves.
        optimisation: how weights are changed.
        ema_decay: decay of the running average of the weights; None keeps none.
        auxiliary_weight: weight of each head on the bottleneck and two decoder stages; they exist in training only.
        weighted_classes: weigh classes by the inverse square root of their share of the training split.
        icnr: start the sub-pixel convolutions as nearest-neighbour.
        channels_last: memory layout of the network and its input.
        compile: `torch.compile`'s mode for forward, losses and backward; "reduce-overhead" replays CUDA graphs.
        distillation: a teacher, or None.
        recipe: the recipe's name, for the checkpoint.

    Raises:
        InputError: a checkpoint cannot be used, or `architecture` is not registered.
    """

    def __init__(
        self,
        architecture: str = registry.DEFAULT_MODEL,
        network: ModelConfig | None = None,
        imagenet: ImageNet = "no",
        weights: str | None = None,
        encoders: str | None = None,
        optimisation: Optimisation = DEFAULT_OPTIMISATION,
        ema_decay: float | None = None,
        auxiliary_weight: float = 0.0,
        weighted_classes: bool = False,
        icnr: bool = False,
        channels_last: bool = False,
        compile: CompileMode = "none",
        distillation: Distillation | None = None,
        recipe: str = "",
    ) -> None:
        super().__init__(optimisation, ema_decay, channels_last, recipe)
        try:
            config = network or registry.entry(architecture).config
        except KeyError as error:
            raise InputError(str(error.args[0])) from error
        self.model = DeResUNet(config)
        if icnr:
            start_as_nearest(self.model)
        self.start = f"{registry.name_of(config)}, {start_from_imagenet(self.model, imagenet)}"
        if weights is not None:
            self.start += f", {start_from(self.model, weights, encoders_only=False)}"
        if encoders is not None:
            self.start += f", {start_from(self.model, encoders, encoders_only=True)}"
        if imagenet != "no" or weights or encoders:
            self.pretrained = ("model.rgb_encoder.", "model.depth_encoder.")
        self.keep_average()

        self.auxiliary_weight = auxiliary_weight
        widths = (config.bottleneck_channels, *config.decoder_channels[:2]) if auxiliary_weight else ()
        self.auxiliary = nn.ModuleList(nn.Conv2d(width, config.num_classes, 1) for width in widths)
        self.weighted_classes = weighted_classes
        # The weights follow from the training split, so they are not part of the checkpoint.
        self.register_buffer("class_weights", torch.ones(config.num_classes), persistent=False)
        self.distillation = distillation
        self.teacher: FrozenTeacher | None = None
        if distillation is not None:
            self.teacher = FrozenTeacher(load_teacher(distillation.teacher), distillation.compiled)
            self.start += f", teacher {Path(distillation.teacher).name}"
        self.compile_mode = compile
        self.terms = self._terms

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """Class weights of the training split, the teacher's view, and compilation."""
        super().prepare(data, training)
        if not training:
            return
        if self.weighted_classes:
            self.class_weights.copy_(losses.class_weights(data.class_shares))
        data.clean = self.teacher is not None
        self.set_compiled(self.compile_mode)

    def set_compiled(self, mode: CompileMode) -> None:
        """Compile forward, losses and backward as one, or go back to eager."""
        self.terms = self._terms if mode == "none" else torch.compile(self._terms, mode=mode)

    def on_fit_start(self) -> None:
        """Bring the teacher to the device."""
        super().on_fit_start()
        if self.teacher is not None:
            self.teacher.to(self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch."""
        inputs = self.inputs(batch)
        terms, prediction = self.terms(inputs.rgb, inputs.depth, batch.label, self.teach(inputs))
        loss = self.total(terms)
        self.training_confusion.update(batch.label[:, ::TRAIN_STRIDE, ::TRAIN_STRIDE], prediction, loss)
        if len(terms) > 1:
            each = {f"train/loss_{name}": term.detach() for name, term in terms.items()}
            self.log_dict(each, on_epoch=True, on_step=False, batch_size=len(batch.rgb))
        return loss

    def teach(self, inputs: Inputs) -> Tensor | None:
        """The teacher's logits of the full frame, or None without a teacher."""
        if self.teacher is None:
            return None
        return self.teacher.logits(inputs.clean_rgb, inputs.clean_depth)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """The loss that is minimised, of its terms."""
        loss = terms["labels"]
        if "auxiliary" in terms:
            loss = loss + self.auxiliary_weight * terms["auxiliary"]
        if "distillation" in terms:
            loss = loss + self.distillation.weight * terms["distillation"]
        return loss

    def _terms(
        self, rgb: Tensor, depth: Tensor, label: Tensor, teacher: Tensor | None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The losses, and the prediction at every `TRAIN_STRIDE`-th pixel."""
        model = self.model
        maps = model.maps(rgb, depth)
        logits = model.head(model.dropout(maps.decoder[-1]))  # (B, 37, H, W)
        terms = {"labels": losses.cross_entropy(logits, label, self.class_weights)}
        if self.auxiliary:
            tapped = (maps.bottleneck, *maps.decoder[:2])  # strides 32, 16 and 8
            each = [losses.auxiliary(head(x), label, self.class_weights) for head, x in zip(self.auxiliary, tapped)]  # noqa: B905 - compiled
            terms["auxiliary"] = torch.stack(each).sum()
        if teacher is not None:
            terms["distillation"] = losses.distillation(logits, teacher, self.distillation.temperature)
        prediction = logits.detach()[..., ::TRAIN_STRIDE, ::TRAIN_STRIDE].argmax(1)  # (B, H/4, W/4)
        return terms, prediction
