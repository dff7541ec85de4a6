"""Training of the network itself, with labels, and with a teacher where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from deresunet.config import ModelConfig
from deresunet.errors import InputError
from deresunet.inference.smoothing import HeadMode, smooth_logits
from deresunet.model import registry
from deresunet.model.decoder import SubpixelHead
from deresunet.model.network import DeResUNet
from train import losses
from train.data.dataset import Batch
from train.data.module import RGBDDataModule
from train.distillation.depth import DepthEstimator
from train.distillation.teacher import FrozenTeacher, load_teacher
from train.initialisation import ImageNet, start_as_nearest, start_encoders, start_from
from train.optimisation import Optimisation
from train.stage_module import DEFAULT_OPTIMISATION, TRAIN_STRIDE, Inputs, StageModule
from train.step import StepResult

CompileMode = Literal["none", "default", "reduce-overhead", "max-autotune-no-cudagraphs"]


@dataclass(frozen=True)
class Distillation:
    """A teacher, and how its class probabilities enter the loss.

    Attributes:
        teacher: its weights: .safetensors, or the .ckpt of its own training.
        weight: weight of the distillation loss beside the labels' cross-entropy.
        temperature: temperature of both distributions.
        compiled: whether `torch.compile` takes the teacher.
        depth_head: the .ckpt of a depth head on the same teacher; photographs then train the depth encoder and the
            fusion, too, on depth that it estimates. None leaves photographs without depth.
    """

    teacher: str
    weight: float = 1.0
    temperature: float = 1.0
    compiled: bool = False
    depth_head: str | None = None


class SegmentationModule(StageModule):
    """Trains a DeResUNet.

    Args:
        architecture: a name of `deresunet.model_names()`.
        network: parts and widths of a layout of one's own, instead of `architecture`.
        imagenet: ImageNet encoders: "no", "try" (go on without where they cannot be had) or "require".
        encoder_weights: a torchvision ResNet's state dict for both encoders, ImageNet's or a self-supervised one
            (SwAV, DINO, MoCo), as .pth or .safetensors.
        weights: checkpoint to start all weights from, or "bundled" for those that come with the package.
        encoders: checkpoint to start the encoders from, such as the one that distillation of features leaves.
        optimisation: optimiser, learning rate and schedule.
        ema_decay: decay of the running average of the weights; None keeps none.
        auxiliary_weight: weight of each head on the bottleneck and two decoder stages; they exist in training only.
        weighted_classes: weigh classes by the inverse square root of their share of the training split.
        icnr: start the sub-pixel convolutions as nearest-neighbour.
        channels_last: memory layout of the network and its input.
        head: "smooth" trains and validates the averaged scores of a sub-pixel head, as inference uses them; "raw" takes
            them as they are.
        compile: `torch.compile`'s mode for forward and losses; "reduce-overhead" replays CUDA graphs of them.
        cuda_graph: see `StageModule`.
        distillation: a teacher, or None.
        recipe: the recipe's name, for the checkpoint.

    Raises:
        InputError: a checkpoint cannot be used, or `architecture` is not registered.
    """

    model: DeResUNet
    class_weights: Tensor

    def __init__(
        self,
        architecture: str = registry.DEFAULT_MODEL,
        network: ModelConfig | None = None,
        imagenet: ImageNet = "no",
        encoder_weights: str | None = None,
        weights: str | None = None,
        encoders: str | None = None,
        optimisation: Optimisation = DEFAULT_OPTIMISATION,
        ema_decay: float | None = None,
        auxiliary_weight: float = 0.0,
        weighted_classes: bool = False,
        icnr: bool = False,
        channels_last: bool = False,
        head: HeadMode = "smooth",
        compile: CompileMode = "none",
        cuda_graph: bool = False,
        distillation: Distillation | None = None,
        recipe: str = "",
    ) -> None:
        super().__init__(optimisation, ema_decay, channels_last, recipe, cuda_graph)
        config = layout(architecture, network)
        self.model = DeResUNet(config)
        if icnr:
            start_as_nearest(self.model)
        self.start = f"{registry.name_of(config)}, {start_encoders(self.model, imagenet, encoder_weights)}"
        if weights is not None:
            self.start += f", {start_from(self.model, weights, encoders_only=False)}"
        if encoders is not None:
            self.start += f", {start_from(self.model, encoders, encoders_only=True)}"
        if imagenet != "no" or encoder_weights or weights or encoders:
            self.pretrained = ("model.rgb_encoder.", "model.depth_encoder.")
        self.keep_average()

        self.smooth = head == "smooth" and isinstance(self.model.head, SubpixelHead)
        self.auxiliary_weight = auxiliary_weight
        widths = (config.bottleneck_channels, *config.decoder_channels[:2]) if auxiliary_weight else ()
        self.auxiliary = nn.ModuleList(nn.Conv2d(width, config.num_classes, 1) for width in widths)
        self.weighted_classes = weighted_classes
        # The weights follow from the training split, so they are not part of the checkpoint.
        self.register_buffer("class_weights", torch.ones(config.num_classes), persistent=False)
        self.distillation = distillation
        self.teacher: FrozenTeacher | None = None
        self.estimator: DepthEstimator | None = None
        if distillation is not None:
            self.teacher = FrozenTeacher(load_teacher(distillation.teacher), distillation.compiled)
            self.start += f", teacher {Path(distillation.teacher).name}"
            if distillation.depth_head is not None:
                self.estimator = DepthEstimator(distillation.depth_head, self.teacher)
                self.start += ", estimated depth for photographs"
        self.compile_mode = compile
        self.terms = self._terms

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """Set class weights of the training split, the frames that the teacher sees, and compilation."""
        super().prepare(data, training)
        if not training:
            return
        if self.weighted_classes and data.class_shares is not None:
            self.class_weights.copy_(losses.class_weights(data.class_shares))
        if data.photos_per_batch and self.teacher is None:
            raise InputError(
                "data.photos has no labels, and no teacher is there to learn from. Give "
                "model.init_args.distillation.teacher, or leave data.photos out."
            )
        data.clean = self.teacher is not None
        self.augmentation = data.augmentation
        self.set_compiled(self.compile_mode)

    def set_compiled(self, mode: CompileMode) -> None:
        """Compile forward and losses as one, or go back to eager."""
        self.terms = self._terms if mode == "none" else torch.compile(self._terms, mode=mode)

    def on_fit_start(self) -> None:
        """Bring the teacher to the device."""
        super().on_fit_start()
        self.bring_teacher(self.device)

    def bring_teacher(self, device: torch.device) -> None:
        """Move the teacher and the depth head, which are not this module's, to a device."""
        for helper in (self.teacher, self.estimator):
            if helper is not None:
                helper.to(device)

    def step(self, batch: Batch) -> StepResult:
        """Loss of a batch: labels, auxiliary heads, and the teacher's probabilities."""
        return self.learn(*self.taught(batch))

    def taught(self, batch: Batch) -> tuple[Batch, Inputs, Tensor | None]:
        """The batch with estimated depth, its inputs, and the teacher's logits; nothing of it is differentiated."""
        inputs = self.inputs(batch)
        if self.estimator is not None and batch.photographs and inputs.clean_rgb is not None:
            batch = self.estimator.fill(batch, self.augmentation, inputs.clean_rgb)
            inputs = self.inputs(batch)
        return batch, inputs, self.teach(inputs)

    def learn(self, batch: Batch, inputs: Inputs, teacher: Tensor | None) -> StepResult:
        """Forward pass of the network, and its losses."""
        terms, prediction = self.terms(inputs.rgb, inputs.depth, batch.label, teacher, batch.photographs)
        label = batch.label[:, ::TRAIN_STRIDE, ::TRAIN_STRIDE]
        return StepResult(self.total(terms, batch), terms, label, prediction)

    def as_used(self, logits: Tensor) -> Tensor:
        """Logits (B, 37, H, W) as inference uses them."""
        return smooth_logits(logits) if self.smooth else logits

    def evaluation_logits(self, inputs: Inputs) -> Tensor:
        """Logits (B, 37, h, w) of the network to use, as inference uses them."""
        return self.as_used(self.network(inputs.rgb, inputs.depth))

    def teach(self, inputs: Inputs) -> Tensor | None:
        """Logits of the teacher for the undegraded frames, or None without a teacher."""
        if self.teacher is None or inputs.clean_rgb is None or inputs.clean_depth is None:
            return None
        return self.teacher.logits(inputs.clean_rgb, inputs.clean_depth)

    def total(self, terms: dict[str, Tensor], batch: Batch) -> Tensor:
        """Loss that is minimised, of its terms; a photograph counts as much as a frame in the distillation."""
        loss = terms["labels"]
        if "auxiliary" in terms:
            loss = loss + self.auxiliary_weight * terms["auxiliary"]
        if self.distillation is not None:
            share = batch.photographs / len(batch.rgb)
            for name, part in (("distillation", 1.0 - share), ("photographs", share)):
                if name in terms:
                    loss = loss + self.distillation.weight * part * terms[name]
        return loss

    def _terms(
        self, rgb: Tensor, depth: Tensor, label: Tensor, teacher: Tensor | None, photographs: int
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Losses by name, and the prediction at every `TRAIN_STRIDE`-th pixel."""
        model = self.model
        maps = model.maps(rgb, depth)
        logits = self.as_used(model.head(model.dropout(maps.decoder[-1])))  # (B, 37, H, W)
        terms = {"labels": losses.cross_entropy(logits, label, self.class_weights)}
        if len(self.auxiliary):
            tapped = (maps.bottleneck, *maps.decoder[:2])  # strides 32, 16 and 8
            each = [losses.auxiliary(head(x), label, self.class_weights) for head, x in zip(self.auxiliary, tapped)]  # noqa: B905 - compiled
            terms["auxiliary"] = torch.stack(each).sum()
        if teacher is not None and self.distillation is not None:
            temperature, frames = self.distillation.temperature, len(rgb) - photographs
            terms["distillation"] = losses.distillation(logits[:frames], teacher[:frames], temperature)
            if photographs:
                terms["photographs"] = losses.distillation(logits[frames:], teacher[frames:], temperature)
        prediction = logits.detach()[..., ::TRAIN_STRIDE, ::TRAIN_STRIDE].argmax(1)  # (B, H/4, W/4)
        return terms, prediction


def layout(architecture: str, network: ModelConfig | None) -> ModelConfig:
    """The layout that is meant: `network`, or the registered one.

    Raises:
        InputError: `architecture` is not registered.
    """
    try:
        found = network or registry.entry(architecture).config
    except KeyError as error:
        raise InputError(str(error.args[0])) from error
    if not isinstance(found, ModelConfig):
        raise InputError(f"{architecture} is no DeResUNet. `python -m train distill` trains it, as the teacher.")
    return found
