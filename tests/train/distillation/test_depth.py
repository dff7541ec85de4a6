"""Depth for photographs: the head learns, its estimates train the depth encoder, and frames keep what was measured."""

import numpy as np
import pytest
import torch
from PIL import Image
from training_helpers import SMALL, random_teacher, small_data, small_module, trainer

from deresunet.errors import InputError
from train.data.augmentation import Augmentation
from train.data.depth_noise import DepthFaults
from train.data.photos import Photos
from train.data.teaching import Teaching
from train.distillation.depth import FARTHEST_M, NEAREST_M, DepthModule, load_depth_head
from train.distillation.features import FeatureModule
from train.module import Distillation, SegmentationModule
from train.optimisation import Optimisation


@pytest.fixture(scope="module")
def head(tmp_path_factory, teacher_37):
    """A head's checkpoint after an epoch, as its stage leaves it."""
    folder = tmp_path_factory.mktemp("depth")
    torch.manual_seed(0)
    module = DepthModule(str(teacher_37), Optimisation(rate=1e-3), ema_decay=0.9)
    run = trainer(folder, max_epochs=1)
    run.fit(module, datamodule=small_data())
    run.save_checkpoint(folder / "head.ckpt")
    assert float(run.callback_metrics["val/loss"]) > 0
    return folder / "head.ckpt"


def drawn(photos, share=0.5, **options):
    data = small_data(photos=str(photos), photos_share=share, batch_size=4, **options)
    data.setup("fit")
    return data, next(iter(data.train_dataloader()))


def fitted(module, step, steps, rate):
    """The terms of each step's loss."""
    optimiser = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], rate)
    seen = []
    for _ in range(steps):
        result = step()
        optimiser.zero_grad()
        result.loss.backward()
        optimiser.step()
        seen.append({"loss": float(result.loss.detach())} | {k: float(v.detach()) for k, v in result.terms.items()})
    return seen


def test_the_head_learns_depth_from_frames(teacher_37):
    torch.manual_seed(0)
    module = DepthModule(str(teacher_37))
    data = small_data(batch_size=2, augmentation=Augmentation(enabled=False))
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    seen = fitted(module, lambda: module.step(batch), 25, 3e-3)
    assert seen[-1]["loss"] < 0.5 * seen[0]["loss"]


def test_what_operating_systems_leave_is_no_photograph(tmp_path):
    for folder in ("kitchen", "__MACOSX/kitchen", ".thumbnails"):
        (tmp_path / folder).mkdir(parents=True)
        for name in ("a.jpg", "._a.jpg"):
            Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / folder / name)
    assert Photos(tmp_path, (32, 32)).paths == [tmp_path / "kitchen" / "a.jpg"]


def test_photographs_are_a_batch_of_their_own_without_label(photos):
    data, batch = drawn(photos, 0.25)
    assert (len(batch.rgb), batch.with_depth, len(batch.photos.rgb)) == (3, 3, 1)
    assert batch.label.flatten(1).any(1).all()
    assert not batch.photos.label.any()
    assert not batch.photos.depth.any()
    assert batch.has_depth.all()
    assert not batch.photos.has_depth.any()
    assert "6 photographs" in data.describe()


def test_photographs_are_gone_through_in_passes_that_go_on_across_epochs(photos):
    data, _ = drawn(photos, 0.5)
    sampler = data.train_dataloader().sampler
    seen = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        seen += [index - 8 for _, index in sampler if index >= 8]
    assert len(seen) == 3 * 4 * 2
    for start in range(0, len(seen), 6):
        assert sorted(seen[start : start + 6]) == list(range(6))


def taught(photos, teacher, folder, head=None, outputs="logits", **options):
    teaching = Teaching(str(teacher), outputs, str(folder), None if head is None else str(head))
    return drawn(photos, teaching=teaching, **options)


def test_estimates_go_to_photographs_alone_and_are_a_sensors(head, teacher_37, photos, tmp_path):
    exact = Augmentation(depth=DepthFaults(holes=0, quantisation=0, edges=0), scale=(1.0, 1.0))
    _, without = taught(photos, teacher_37, tmp_path, augmentation=exact)
    _, batch = taught(photos, teacher_37, tmp_path, head, augmentation=exact)
    assert torch.equal(batch.depth, without.depth)
    assert (batch.photos.with_depth, without.photos.with_depth) == (2, 0)
    assert torch.equal(batch.photos.taught, without.photos.taught), "the teacher sees photographs as RGB alone"
    estimate = batch.photos.depth[batch.photos.depth > 0]
    assert float(estimate.min()) >= NEAREST_M - 1e-3
    assert float(estimate.max()) <= FARTHEST_M + 1e-2
    faulty = Augmentation(depth=DepthFaults(holes=1, quantisation=1, edges=1))
    _, noisy = taught(photos, teacher_37, tmp_path, head, augmentation=faulty)
    assert (noisy.photos.depth == 0).any()
    # Either modality may be withheld, never both.
    for config, has_rgb, has_depth in (
        (Augmentation(missing_depth=1.0), True, False),
        (Augmentation(missing_rgb=1.0), False, True),
    ):
        _, batch = taught(photos, teacher_37, tmp_path, head, augmentation=config)
        assert batch.photos.has_rgb.eq(has_rgb).all()
        assert batch.photos.has_depth.eq(has_depth).all()


@pytest.mark.parametrize("estimated", [False, True])
def test_losses_of_photographs_fall_and_reach_the_network(head, teacher_37, photos, tmp_path, estimated):
    torch.manual_seed(0)
    config = Augmentation(enabled=False)
    data, batch = taught(photos, teacher_37, tmp_path, head if estimated else None, augmentation=config)
    module = SegmentationModule(network=SMALL, distillation=Distillation())
    module.prepare(data, training=True)
    module.train()
    # A random teacher is sure of nothing; one that is leaves something to learn.
    batch = batch._replace(
        label=torch.zeros_like(batch.label),
        taught=30 * batch.taught,
        photos=batch.photos._replace(taught=30 * batch.photos.taught),
    )
    # The photographs' own part of the loss, through the whole network but for a depth encoder that sees no depth.
    module.step(batch).terms["photographs"].backward()
    reached = {name for name, p in module.model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any(name.startswith("depth_encoder.") for name in reached) == estimated
    assert any("fus" in name or "skip" in name for name in reached)
    seen = fitted(module, lambda: module.step(batch), 30, 3e-3)
    assert seen[-1]["photographs"] < 0.7 * seen[0]["photographs"]
    assert seen[-1]["distillation"] < 0.7 * seen[0]["distillation"]


def test_photographs_leave_batchnorms_statistics_to_frames(teacher_37, photos, tmp_path):
    data, batch = taught(photos, teacher_37, tmp_path)
    after = []
    for given in (batch, batch._replace(photos=None)):
        torch.manual_seed(0)
        module = small_module(distillation=Distillation())
        module.prepare(data, training=True)
        module.train().step(given)
        after.append({name: buffer.clone() for name, buffer in module.model.named_buffers()})
        assert all(layer.training for layer in module.model.modules())
    assert after[0].keys() == after[1].keys()
    assert all(torch.equal(buffer, after[1][name]) for name, buffer in after[0].items())


def test_estimated_depth_trains_the_depth_encoders_features(head, teacher_37, photos, tmp_path):
    # Photographs alone teach the depth encoder only where depth is estimated for them.
    for depth_head in (None, head):
        _, batch = taught(photos, teacher_37, tmp_path, depth_head, "features")
        module = FeatureModule(network=SMALL)
        module.step(batch._replace(with_depth=0)).terms["depth"].backward()
        gradients = [p.grad for p in module.model.depth_encoder.parameters() if p.grad is not None]
        assert any(gradient.any() for gradient in gradients) == (depth_head is not None)


def test_photographs_without_a_teacher_are_refused(photos):
    data, _ = drawn(photos)
    with pytest.raises(InputError, match="no teacher"):
        small_module().prepare(data, training=True)


def test_files_that_are_no_depth_head_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no depth head"):
        load_depth_head(random_teacher(tmp_path / "teacher.ckpt"))
    (tmp_path / "half.ckpt").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"half\.ckpt is not a whole checkpoint"):
        load_depth_head(tmp_path / "half.ckpt")
