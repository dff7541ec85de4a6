"""Distillation of a teacher's features into both encoders: the stage before the network's own training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from deresunet.config import ModelConfig
from deresunet.errors import InputError
from deresunet.model import registry
from deresunet.model.checkpoint import LIGHTNING_KEY
from deresunet.model.network import DeResUNet
from deresunet.model.vit import WIDTH
from train import losses
from train.data.dataset import Batch, EvaluationBatch
from train.data.module import RGBDDataModule
from train.initialisation import ImageNet, start_encoders, start_from
from train.module import layout
from train.optimisation import Optimisation
from train.stage_module import DEFAULT_OPTIMISATION, StageModule, data_of
from train.step import StepResult


class FeatureModule(StageModule):
    """Distils a teacher's patch features into both encoders.

    The RGB encoder learns on frames and photographs, the depth encoder on those of them that have depth. What follows
    the encoders stays as it was: the checkpoint is a start for the next stage. The data hands over the features
    (`data.teaching`).

    Args:
        architecture: a name of `deresunet.model_names()`.
        network: parts and widths of a layout of one's own, instead of `architecture`.
        imagenet: see `SegmentationModule`, as are `encoder_weights`, `weights` and `cuda_graph`.
        encoder_weights: a torchvision ResNet's state dict for both encoders.
        weights: checkpoint to start all weights from, or "bundled".
        optimisation: optimiser, learning rate and schedule.
        ema_decay: decay of the running average of the weights; None keeps none.
        channels_last: memory layout of the network and its input.
        cuda_graph: record the whole step as a CUDA graph.
        recipe: the recipe's name, for the checkpoint.

    Raises:
        InputError: a file cannot be used.
    """

    model: DeResUNet

    def __init__(
        self,
        architecture: str = registry.DEFAULT_MODEL,
        network: ModelConfig | None = None,
        imagenet: ImageNet = "no",
        encoder_weights: str | None = None,
        weights: str | None = None,
        optimisation: Optimisation = DEFAULT_OPTIMISATION,
        ema_decay: float | None = None,
        channels_last: bool = False,
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
        # Strides 16 and 32 are each asked for the teacher's features at stride 14, by a projection of their own.
        self.rgb_projections, self.depth_projections = (
            nn.ModuleList(nn.Conv2d(width, WIDTH, 1) for width in encoder.channels[-2:])
            for encoder in (self.model.rgb_encoder, self.model.depth_encoder)
        )

    def prepare(self, data: RGBDDataModule, training: bool) -> None:
        """See that there is a teacher."""
        super().prepare(data, training)
        if data.outputs is None or data.outputs.teaching.outputs != "features":
            raise InputError("There are no features to learn. Give data.teaching.teacher and data.teaching.outputs.")

    def step(self, batch: Batch) -> StepResult:
        """Loss of a batch, the sum over both encoders' two deepest maps."""
        terms = self._terms(batch, self.model)
        return StepResult(torch.stack(list(terms.values())).sum(), terms)

    def validation_step(self, batches: list[EvaluationBatch], batch_idx: int) -> None:
        """Log the loss on validation frames."""
        for batch in batches:
            loss = torch.stack(list(self._terms(batch.frames, self.network).values())).sum()
            self.log("val/loss", loss, batch_size=len(batch.labels), prog_bar=True, sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        """Log the loss of RGB on photographs that are held out; no classes are predicted."""
        photos = None if self.trainer.sanity_checking else data_of(self.trainer).held_out_photos()
        if photos is None:
            return
        total = torch.zeros(2, device=self.device)
        for batch in photos:
            given = self.transfer_batch_to_device(batch, self.device, 0)
            with self.trainer.precision_plugin.forward_context():
                total[0] += self._terms(given, self.network)["rgb"] * len(given.rgb)
            total[1] += len(given.rgb)
        total = self.trainer.strategy.reduce(total, reduce_op="sum")
        self.log("val/photos", total[0] / total[1], prog_bar=True)

    def on_train_epoch_end(self) -> None:
        """Log the learning rate; losses are logged by their steps."""
        self.log_learning_rate()

    def _terms(self, batch: Batch, network: nn.Module) -> dict[str, Tensor]:
        parts = [batch] if batch.photos is None else [batch, batch.photos]
        inputs = [self.inputs(part) for part in parts]
        wanted = [part.taught for part in parts if part.taught is not None]
        rgb = torch.cat([given.rgb for given in inputs])
        rgb_maps = network.rgb_encoder(rgb)[-2:]  # type: ignore[operator]
        # Those with depth come first. A batch without any teaches the depth encoder nothing, but its parameters must be
        # touched all the same, which is what processes that share gradients wait for.
        counts = [part.with_depth for part in parts]
        rows = counts if any(counts) else [1] + [0] * (len(parts) - 1)
        depth = torch.cat([given.depth[:count] for given, count in zip(inputs, rows, strict=True)])
        of_depth = torch.cat([taught[:count] for taught, count in zip(wanted, rows, strict=True)])
        depth_maps = network.depth_encoder(depth)[-2:]  # type: ignore[operator]
        return {
            "rgb": _feature_loss(self.rgb_projections, rgb_maps, torch.cat(wanted)),
            "depth": float(any(counts)) * _feature_loss(self.depth_projections, depth_maps, of_depth),
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
