"""A run that is stopped and taken up again ends where an unbroken one does; seeds make runs equal."""

import pytest
import torch
from training_helpers import SMALL_OPTIONS, train_command, train_here

# 16 frames in batches of 2 are 8 batches, 4 optimiser steps an epoch. Workers prepare batches ahead of the step, so
# what they have prepared is not what was trained on.
OPTIONS = (
    *SMALL_OPTIONS,
    *("--data.batch_size", 2, "--data.workers", 2, "--data.augmentation.scale", "[0.8,1.5]"),
    *("--trainer.max_epochs", 3, "--trainer.accumulate_grad_batches", 2, "--trainer.num_sanity_val_steps", 0),
    *("--model.init_args.optimisation.schedule", "plateau", "--model.init_args.optimisation.plateau_patience", 0),
    *("--model.init_args.optimisation.plateau_factor", 0.5, "--run.name", "run", "--run.best", 1),
)


def everything(path):
    content = torch.load(path, weights_only=True)
    tensors = dict(content["state_dict"])
    for number, state in content["optimizer_states"][0]["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in state.items()}
    return tensors, content["optimizer_states"][0]["param_groups"], content["lr_schedulers"], content["global_step"]


def assert_equal(first, second):
    tensors, groups, schedules, steps = everything(first)
    other_tensors, other_groups, other_schedules, other_steps = everything(second)
    assert steps == other_steps
    assert groups == other_groups
    assert schedules == other_schedules
    assert tensors.keys() == other_tensors.keys()
    different = [name for name, tensor in tensors.items() if not torch.equal(tensor, other_tensors[name])]
    assert not different


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    train_here("fit", *OPTIONS, "--run.folder", folder)
    return folder / "run/version_0/checkpoints/last.ckpt"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_stopped_within_an_epoch_and_resumed(unbroken, tmp_path):
    # Batch 2 is the first half of an accumulation: its gradients are in no checkpoint, so the run must finish the step.
    kill = (
        "--trainer.callbacks+=training_helpers.KillAt",
        "--trainer.callbacks.epoch=1",
        "--trainer.callbacks.batch=2",
    )
    said = train_command("fit", *OPTIONS, *kill, "--run.folder", tmp_path, status=143)
    stopped = tmp_path / "run/version_0/checkpoints/interrupted.ckpt"
    assert str(stopped) in said
    content = torch.load(stopped, weights_only=True)
    assert content["global_step"] == 5 + 2, "the first epoch's five, and two"
    assert not torch.equal(content["state_dict"]["model.head.0.weight"], everything(unbroken)[0]["model.head.0.weight"])
    train_here("fit", *OPTIONS, "--run.folder", tmp_path, "--ckpt_path", stopped)
    assert_equal(unbroken, tmp_path / "run/version_1/checkpoints/last.ckpt")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_resumed_between_epochs(unbroken, tmp_path):
    # The same run, stopped by its own limit: what it leaves is an ordinary checkpoint at the end of an epoch.
    train_here("fit", *OPTIONS, "--run.folder", tmp_path, "--trainer.max_epochs", 2)
    train_here(
        *("fit", *OPTIONS, "--run.folder", tmp_path, "--ckpt_path", tmp_path / "run/version_0/checkpoints/last.ckpt")
    )
    assert_equal(unbroken, tmp_path / "run/version_1/checkpoints/last.ckpt")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_same_seed_same_weights_whatever_the_workers(unbroken, tmp_path):
    train_here("fit", *OPTIONS, "--run.folder", tmp_path, "--data.workers", 0)
    assert_equal(unbroken, tmp_path / "run/version_0/checkpoints/last.ckpt")
