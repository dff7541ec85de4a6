"""Two processes give one process's metrics exactly: each frame is counted once, whatever their number."""

import json

import numpy as np
import pytest
from training_helpers import SMALL_OPTIONS, small_data, train_command, train_here

from deresunet.errors import InputError
from train.data.sampling import EvaluationSampler, TrainingSampler

# 24 rooms, 7 of them for validation: an odd number, which a padding sampler would make 8.
OPTIONS = (
    *SMALL_OPTIONS,
    *("--data.validation_share", 0.29, "--data.batch_size", 2, "--data.evaluation_batch_size", 1),
    *("--trainer.max_epochs", 1, "--run.name", "run", "--run.best", 1, "--trainer.num_sanity_val_steps", 0),
)
TWO = (
    *("--trainer.devices", 2, "--trainer.strategy.class_path", "pytorch_lightning.strategies.DDPStrategy"),
    *("--trainer.strategy.process_group_backend", "gloo"),
)


def matrix(path):
    described = json.loads(path.read_text())
    return described, np.array(described["matrix"])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_give_the_single_process_s_confusion_matrix(tmp_path):
    # Trained by two processes, with a validation of 4 and 3 frames; then validated by one.
    train_command("fit", *OPTIONS, *TWO, "--run.folder", tmp_path)
    described, by_two = matrix(tmp_path / "run/version_0/validation.json")
    last = tmp_path / "run/version_0/checkpoints/last.ckpt"
    train_here("validate", *OPTIONS, "--run.folder", tmp_path / "one", "--ckpt_path", last)
    single, by_one = matrix(tmp_path / "one/run/version_0/validation.json")
    assert described["frames"] == single["frames"] == 7
    assert np.array_equal(by_two, by_one)
    # And it is the frames' own number of labelled pixels, none twice.
    data = small_data(validation_share=0.29, limit=None)
    data.setup("validate")
    labelled = sum(int((data.frame("validation", k).label > 0).sum()) for k in range(7))
    assert by_two.sum() == labelled


@pytest.mark.parametrize("world_size", [1, 2, 3, 5])
@pytest.mark.parametrize("frames", [5, 6, 13])
def test_every_frame_is_evaluated_once(frames, world_size):
    seen = [index for rank in range(world_size) for _, index in EvaluationSampler(frames, rank, world_size)]
    assert sorted(seen) == list(range(frames))


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_processes_train_on_different_frames_and_as_many_steps(world_size):
    samplers = [TrainingSampler(23, 2, 7, rank, world_size) for rank in range(world_size)]
    drawn = [[index for _, index in sampler] for sampler in samplers]
    assert {len(share) for share in drawn} == {len(samplers[0])} == {23 // (2 * world_size) * 2}
    together = [index for share in drawn for index in share]
    assert len(set(together)) == len(together)


def test_epochs_have_orders_of_their_own_and_can_be_taken_up_half_way():
    sampler = TrainingSampler(23, 2, 7)
    sampler.set_epoch(3)
    whole = list(sampler)
    sampler.set_epoch(4)
    assert list(sampler) != whole
    other = TrainingSampler(23, 2, 7)
    other.epoch, other.start = 3, 4
    other.set_epoch(3)
    assert list(other) == whole[8:]
    assert len(other) == len(whole)  # the epoch keeps its length
    other.set_epoch(4)
    assert len(list(other)) == len(whole)  # and the next one is not skipped into


def test_too_few_frames_for_a_step_are_refused():
    with pytest.raises(InputError, match=r"7 frames.*8.*batch_size"):
        TrainingSampler(7, 4, 0, 0, 2)
