"""Distillation of a teacher's features into both encoders: the stage before the network's own training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from deresunet.config import ModelConfig
from deresunet.model import registry
from deresunet.model.checkpoint import LIGHTNING_KEY
from deresunet.model.network import DeResUNet
from deresunet.model.vit import WIDTH
from train import losses
from train.data.dataset import Batch, EvaluationBatch
from train.data.module import RGBDDataModule
from train.distillation.depth import DepthEstimator
from train.distillation.teacher import FrozenTeacher, load_teacher
from train.initialisation import ImageNet, start_encoders, start_from
from train.module import layout
from train.optimisation import Optimisation
from train.stage_module import DEFAULT_OPTIMISATION, StageModule
from train.step import StepResult


class FeatureModule(StageModule):
    """Distils a teacher's patch features into both encoders.

    The RGB encoder learns on frames and photographs, the depth encoder on frames that have depth, and with a depth head
    on photographs, too. What follows the encoders stays as it was: the checkpoint is a start for the next stage.

    Args:
        teacher: its weights, .safetensors or .ckpt.
        architecture: a name of `deresunet.model_names()`.
        network: parts and widths of a layout of one's own, instead of `architecture`.
        imagenet: see `SegmentationModule`, as are `encoder_weights`, `weights` and `cuda_graph`.
        encoder_weights: a torchvision ResNet's state dict for both encoders.
        weights: checkpoint to start all weights from, or "bundled".
        depth_head: the .ckpt of a depth head on the same teacher, for photographs; None gives them no depth.
        optimisation: optimiser, learning rate and schedule.
        ema_decay: decay of the running average of the weights; None keeps none.
        channels_last: memory layout of the network and its input.
        compiled: whether `torch.compile` takes the teacher.
        cuda_graph: record the whole step as a CUDA graph.
        recipe: the recipe's name, for the checkpoint.

    Raises:
        InputError: a file cannot be used.
    """

    model: DeResUNet

    def __init__(
        self,
        teacher: str,
        architecture: str = registry.DEFAULT_MODEL,
        network: ModelConfig | None = None,
        imagenet: ImageNet = "no",
        encoder_weights: str | None = None,
        weights: str | None = None,
        depth_head: str | None = None,
        optimisation: Optimisation = DEFAULT_OPTIMISATION,
        ema_decay: float | None = None,
        channels_last: bool = False,
        compiled: bool = False,
        cuda_graph: bool = False,
        recipe: str = "",
    ) -> None:
        super().__init__(optimisation, ema_decay, channels_last, recipe, cuda_graph)
        config = layout(architecture, network)
        self.model = DeResUNet(config)
        begun = start_encoders(self.model, imagenet, encoder_weights)
        if weights is not None:
            begun = start_from(self.model, weights, encoders_only=False)
        self.start = f"{registry.name_of(config)}, {begun}, encoders alone"
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name.startswith(("rgb_encoder.", "depth_encoder.")))
        self.keep_average()
        self.teacher = FrozenTeacher(load_teacher(teacher), compiled)
        self.estimator = None if depth_head is None else DepthEstimator(depth_head, self.teacher)
        # Strides 16 and 32 are each asked for the teacher's features at stride 14, by a projection of their own.
        self.rgb_projections, self.depth_projections = (
            nn.ModuleList(nn.Conv2d(width, WIDTH, 1) for width in encoder.channels[-2:])
            for encoder in (self.model.rgb_encoder, self.model.depth_encoder)
        )

    def on_fit_start(self) -> None:
        """Bring the teacher to the device."""
        super().on_fit_start()
        self._bring_teacher()

    def _bring_teacher(self) -> None:
        self.teacher.to(self.device)
        if self.estimator is not None:
            self.estimator.to(self.device)

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """Have the data hand over frames before colour and sensor faults."""
        super().prepare(data, training)
        data.clean = True
        self.augmentation = data.augmentation

    def step(self, batch: Batch) -> StepResult:
        """Loss of a batch, the sum over both encoders' two deepest maps."""
        terms = self._terms(batch, self.model)
        return StepResult(torch.stack(list(terms.values())).sum(), terms)

    def validation_step(self, batches: list[EvaluationBatch], batch_idx: int) -> None:
        """Log the loss on validation frames."""
        self._bring_teacher()
        for batch in batches:
            loss = torch.stack(list(self._terms(batch.frames, self.network).values())).sum()
            self.log("val/loss", loss, batch_size=len(batch.labels), prog_bar=True, sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Pool nothing: no classes are predicted."""

    def on_train_epoch_end(self) -> None:
        """Log the learning rate; losses are logged by their steps."""
        self.log_learning_rate()

    def _terms(self, batch: Batch, network: nn.Module) -> dict[str, Tensor]:
        inputs = self.inputs(batch)
        if inputs.clean_rgb is None or inputs.clean_depth is None:
            raise ValueError("expected a batch with the frames before augmentation; see RGBDDataModule.clean")
        estimated = 0
        if self.estimator is not None and batch.photographs:
            estimated = batch.photographs
            inputs = self.inputs(self.estimator.fill(batch, self.augmentation, inputs.clean_rgb))
        assert inputs.clean_rgb is not None and inputs.clean_depth is not None  # noqa: PT018 - for the type checker
        wanted = self.teacher.features(inputs.clean_rgb, inputs.clean_depth)  # (B, 384, about H/14, about W/14)
        rgb_maps = network.rgb_encoder(inputs.rgb)[-2:]  # type: ignore[operator]
        # Frames with depth come first, photographs last. A batch without any depth teaches the depth encoder nothing,
        # but its parameters must be touched all the same, which is what processes that share gradients wait for.
        measured = max(batch.with_depth, 0 if estimated else 1)
        rows = [slice(0, measured), slice(len(batch.rgb) - estimated, len(batch.rgb))]
        depth = torch.cat([inputs.depth[part] for part in rows])
        wanted_of_depth = torch.cat([wanted[part] for part in rows])
        depth_maps = network.depth_encoder(depth)[-2:]  # type: ignore[operator]
        share = float(batch.with_depth + estimated > 0)
        return {
            "rgb": _feature_loss(self.rgb_projections, rgb_maps, wanted),
            "depth": share * _feature_loss(self.depth_projections, depth_maps, wanted_of_depth),
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say that only the encoders are trained."""
        super().on_save_checkpoint(checkpoint)
        described = checkpoint[LIGHTNING_KEY]
        described["training"] += (
            "; ENCODERS ONLY: the decoder is not trained, start `encoders` of the next stage from it"
        )


def _feature_loss(projections: nn.ModuleList, maps: Sequence[Tensor], wanted: Tensor) -> Tensor:
    each = [losses.features(project(x), wanted) for project, x in zip(projections, maps, strict=True)]
    return torch.stack(each).sum()
