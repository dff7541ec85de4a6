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
from train.distillation.depth import FARTHEST_M, NEAREST_M, DepthEstimator, DepthModule, load_depth_head
from train.distillation.features import FeatureModule
from train.distillation.teacher import FrozenTeacher, load_teacher
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
    data.clean = True
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
    data.clean = True
    batch = next(iter(data.train_dataloader()))
    seen = fitted(module, lambda: module.step(batch), 25, 3e-3)
    assert seen[-1]["loss"] < 0.5 * seen[0]["loss"]


def test_what_operating_systems_leave_is_no_photograph(tmp_path):
    for folder in ("kitchen", "__MACOSX/kitchen", ".thumbnails"):
        (tmp_path / folder).mkdir(parents=True)
        for name in ("a.jpg", "._a.jpg"):
            Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / folder / name)
    assert Photos(tmp_path, (32, 32)).paths == [tmp_path / "kitchen" / "a.jpg"]


def test_a_batch_has_its_share_of_photographs_last_and_they_are_unlabelled(photos):
    data, batch = drawn(photos, 0.25)
    assert (batch.photographs, batch.with_depth) == (1, 3)
    assert not batch.label[-1].any()
    assert batch.label[:-1].flatten(1).any(1).all()
    assert not batch.clean_depth[-1].any()
    assert batch.has_depth.tolist() == [True, True, True, False]
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


def test_estimates_go_to_photographs_alone_and_are_a_sensors(head, teacher_37, photos):
    data, batch = drawn(photos)
    module = small_module()
    module.preprocessing = data.preprocessing
    teacher = FrozenTeacher(load_teacher(teacher_37))
    estimator = DepthEstimator(head, teacher)
    exact = Augmentation(depth=DepthFaults(holes=0, quantisation=0, edges=0))
    clean = module.inputs(batch).clean_rgb
    filled = estimator.fill(batch, exact, clean)
    assert torch.equal(filled.depth[:2], batch.depth[:2])
    assert torch.equal(filled.clean_depth, batch.clean_depth)  # the teacher goes on seeing photographs as RGB alone
    assert filled.has_depth.all()
    estimate = filled.depth[2:]
    assert float(estimate.min()) >= NEAREST_M
    assert float(estimate.max()) <= FARTHEST_M
    torch.manual_seed(0)
    noisy = estimator.fill(batch, Augmentation(depth=DepthFaults(holes=1, quantisation=1, edges=1)), clean).depth[2:]
    assert (noisy == 0).any()
    assert not torch.equal(noisy[noisy > 0], estimate[noisy > 0])
    # Either modality may be withheld, never both.
    for config, has_rgb, has_depth in (
        (Augmentation(missing_depth=1.0), True, False),
        (Augmentation(missing_rgb=1.0), False, True),
    ):
        filled = estimator.fill(batch, config, clean)
        assert filled.has_rgb[2:].eq(has_rgb).all()
        assert filled.has_depth[2:].eq(has_depth).all()


@pytest.mark.parametrize("estimated", [False, True])
def test_losses_of_photographs_fall_and_reach_the_network(head, teacher_37, photos, estimated):
    torch.manual_seed(0)
    data, batch = drawn(photos, augmentation=Augmentation(enabled=False))
    distillation = Distillation(str(teacher_37), depth_head=str(head) if estimated else None)
    module = SegmentationModule(network=SMALL, distillation=distillation)
    module.prepare(data, training=True)
    module.train()
    # A random teacher is sure of nothing; one that is leaves something to learn.
    module.teacher.network.out.weight.data.mul_(30.0)
    batch = batch._replace(label=torch.zeros_like(batch.label))
    # The photographs' own part of the loss, through the whole network.
    result = module.step(batch)
    result.terms["photographs"].backward()
    reached = {name for name, p in module.model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any(name.startswith("depth_encoder.") for name in reached)
    assert any("fus" in name or "skip" in name for name in reached)
    taught = module.taught(batch)
    seen = fitted(module, lambda: module.learn(*taught), 30, 3e-3)
    assert seen[-1]["photographs"] < 0.7 * seen[0]["photographs"]
    assert seen[-1]["distillation"] < 0.7 * seen[0]["distillation"]


def test_estimated_depth_trains_the_depth_encoders_features(head, teacher_37, photos):
    _, batch = drawn(photos)
    # Photographs alone teach the depth encoder only where depth is estimated for them.
    batch = batch._replace(with_depth=0)
    for depth_head in (None, str(head)):
        module = FeatureModule(str(teacher_37), network=SMALL, depth_head=depth_head)
        module.augmentation = Augmentation()
        module.step(batch).terms["depth"].backward()
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
