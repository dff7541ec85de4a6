"""Training of the network itself, with labels, and with a teacher where there is one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.nn.modules.batchnorm import _BatchNorm

from deresunet.config import ModelConfig
from deresunet.errors import InputError
from deresunet.inference.smoothing import HeadMode, smooth_logits
from deresunet.model import registry
from deresunet.model.decoder import SubpixelHead
from deresunet.model.network import DeResUNet
from train import losses
from train.data.dataset import Batch
from train.data.module import RGBDDataModule
from train.initialisation import ImageNet, read_start, start_as_nearest, start_encoders, start_from, with_new_head
from train.optimisation import Optimisation
from train.stage_module import DEFAULT_OPTIMISATION, TRAIN_STRIDE, Inputs, StageModule
from train.step import StepResult


@dataclass(frozen=True)
class Distillation:
    """How a teacher's class probabilities enter the loss; the data hands them over (`data.teaching`).

    Attributes:
        weight: weight of the distillation loss on frames, beside the labels' cross-entropy.
        photos_weight: weight of the distillation loss on photographs.
        temperature: temperature of both distributions.
    """

    weight: float = 1.0
    photos_weight: float = 0.5
    temperature: float = 1.0


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
        frozen: parts of the network, by the beginnings of their names, that stay as they start, statistics included.
        icnr: start the sub-pixel convolutions as nearest-neighbour.
        channels_last: memory layout of the network and its input.
        head: "smooth" trains and validates the averaged scores of a sub-pixel head, as inference uses them; "raw" takes
            them as they are.
        cuda_graph: see `StageModule`.
        distillation: how a teacher's probabilities are learned, or None.
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
        frozen: list[str] | None = None,
        icnr: bool = False,
        channels_last: bool = False,
        head: HeadMode = "smooth",
        cuda_graph: bool = False,
        distillation: Distillation | None = None,
        recipe: str = "",
    ) -> None:
        super().__init__(optimisation, ema_decay, channels_last, recipe, cuda_graph)
        config = layout(architecture, network)
        checkpoint = None if weights is None else read_start(weights)
        if checkpoint is not None and checkpoint.config is not None:
            config = replace(config, num_classes=checkpoint.config.num_classes)
        # The classes that the head is trained on already; None where it starts at random.
        self.head_classes = None if checkpoint is None else checkpoint.class_set
        self.model = DeResUNet(config)
        if icnr:
            start_as_nearest(self.model)
        self.start = f"{registry.name_of(config)}, {start_encoders(self.model, imagenet, encoder_weights)}"
        if checkpoint is not None:
            self.start += f", {start_from(self.model, checkpoint, encoders_only=False)}"
        if encoders is not None:
            self.start += f", {start_from(self.model, encoders, encoders_only=True)}"
        if imagenet != "no" or encoder_weights or weights or encoders:
            self.pretrained = ("model.rgb_encoder.", "model.depth_encoder.")
        self.keep_average()

        self.frozen = tuple(frozen or ())
        names = [name for name, _ in self.model.named_parameters()]
        for part in self.frozen:
            if not any(name.startswith(part) for name in names):
                raise InputError(f"model.init_args.frozen has {part!r}, which is no part of the network.")
        self.smooth = head == "smooth" and isinstance(self.model.head, SubpixelHead)
        self.auxiliary_weight = auxiliary_weight
        self.weighted_classes = weighted_classes
        self.distillation = distillation
        self._add_losses()

    def _add_losses(self) -> None:
        config = self.model.config
        widths = (config.bottleneck_channels, *config.decoder_channels[:2]) if self.auxiliary_weight else ()
        self.auxiliary = nn.ModuleList(nn.Conv2d(width, config.num_classes, 1) for width in widths)
        # The weights follow from the training split, so they are not part of the checkpoint.
        self.register_buffer("class_weights", torch.ones(config.num_classes), persistent=False)

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """Fit the head to the data's classes, weigh them, freeze parts, and see to a teacher where one is needed."""
        known = self.head_classes is None or self.head_classes.names == data.class_set.names
        if self.model.config.num_classes != len(data.class_set) or not known:
            self.model = with_new_head(self.model, len(data.class_set))
            self.head_classes = data.class_set
            self.start += f", a new head for {data.class_set.title}"
            self.keep_average()
            self._add_losses()
        super().prepare(data, training)
        for name, parameter in self.model.named_parameters():
            if name.startswith(self.frozen):
                parameter.requires_grad_(False)
        self.train(self.training)
        if not training:
            return
        if self.weighted_classes and data.class_shares is not None:
            self.class_weights.copy_(losses.class_weights(data.class_shares))
        has_teacher = data.outputs is not None and data.outputs.teaching.outputs == "logits"
        if data.photos is not None and not has_teacher:
            raise InputError(
                "data.photos has no labels, and no teacher is there to learn from. Give data.teaching.teacher, or "
                "leave data.photos out."
            )
        if has_teacher and data.class_set.name not in ("sunrgbd37", "nyu40"):
            raise InputError(
                f"The teacher knows NYU Depth v2's classes, and the data has those of {data.class_set.name}. Leave the "
                "teacher out (train/configs/finetune.yaml trains on one's own classes)."
            )
        if has_teacher != (self.distillation is not None):
            raise InputError(
                "A teacher is data.teaching.teacher (with outputs logits) and model.init_args.distillation, both or "
                "neither. Give the one that is missing, such as --model.init_args.distillation.weight 1."
            )

    def train(self, mode: bool = True) -> SegmentationModule:
        """Set the mode of all parts; frozen ones stay in eval mode."""
        super().train(mode)
        for name, part in self.model.named_modules():
            if self.frozen and name.startswith(self.frozen):
                part.eval()
        return self

    def step(self, batch: Batch) -> StepResult:
        """Loss of a batch: labels, auxiliary heads, the teacher's probabilities for frames and for photographs."""
        inputs = self.inputs(batch)
        maps = self.model.maps(inputs.rgb, inputs.depth)
        cells = self._cells(maps.decoder[-1])  # (B, classes, H/2, W/2) where they are averaged
        logits = interpolate(cells.float(), batch.label.shape[-2:], mode="bilinear", align_corners=False)
        terms = {"labels": losses.cross_entropy(logits, batch.label, self.class_weights)}
        loss = terms["labels"]
        if len(self.auxiliary):
            tapped = (maps.bottleneck, *maps.decoder[:2])  # strides 32, 16 and 8
            heads = zip(self.auxiliary, tapped, strict=True)
            each = [losses.auxiliary(head(x), batch.label, self.class_weights) for head, x in heads]
            terms["auxiliary"] = torch.stack(each).sum()
            loss = loss + self.auxiliary_weight * terms["auxiliary"]
        if self.distillation is not None and batch.taught is not None:
            temperature = self.distillation.temperature
            terms["distillation"] = losses.distillation(cells, batch.taught, temperature)
            loss = loss + self.distillation.weight * terms["distillation"]
            if batch.photos is not None and batch.photos.taught is not None:
                terms["photographs"] = losses.distillation(
                    self._photo_cells(batch.photos), batch.photos.taught, temperature
                )
                loss = loss + self.distillation.photos_weight * terms["photographs"]
        prediction = logits.detach()[..., ::TRAIN_STRIDE, ::TRAIN_STRIDE].argmax(1)  # (B, H/4, W/4)
        return StepResult(loss, terms, batch.label[:, ::TRAIN_STRIDE, ::TRAIN_STRIDE], prediction)

    def evaluation_logits(self, inputs: Inputs) -> Tensor:
        """Logits (B, classes, h, w) of the network to use, as inference uses them."""
        logits = self.network(inputs.rgb, inputs.depth)
        return smooth_logits(logits) if self.smooth else logits

    def _cells(self, x: Tensor) -> Tensor:
        """Logits of the decoder's last map, a sub-pixel head's averaged over cells of 2x2, as they are used."""
        logits = self.model.head(self.model.dropout(x))  # (B, classes, H, W)
        return avg_pool2d(logits, 2) if self.smooth else logits

    def _photo_cells(self, photos: Batch) -> Tensor:
        """Logits of photographs, normalised by BatchNorm's running statistics, which stay those of RGB-D frames."""
        inputs, model = self.inputs(photos), self.model
        with running_statistics(model):
            rgb_maps = model.rgb_encoder(inputs.rgb)
            if photos.with_depth:
                depth_maps = model.depth_encoder(inputs.depth)
            else:  # none has depth: missing depth is the same for all of them, and teaches its encoder nothing
                with torch.no_grad():
                    missing = model.depth_encoder(inputs.depth[:1])
                depth_maps = [x.expand(len(photos.rgb), -1, -1, -1) for x in missing]
            return self._cells(model.decode(rgb_maps, depth_maps).decoder[-1])


@contextlib.contextmanager
def running_statistics(network: nn.Module) -> Iterator[None]:
    """Have BatchNorm normalise by its running statistics, and leave these as they are."""
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.training]
    for layer in layers:
        layer.eval()
    try:
        yield
    finally:
        for layer in layers:
            layer.train()


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
