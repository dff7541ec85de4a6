"""Rendered rooms beside real frames, and before them."""

import argparse
import json
import math

import numpy as np
import pytest
from training_helpers import ROOT, SMALL_SIZE, small_data, train_command

from deresunet.errors import InputError
from train import rooms_first
from train.sampling import TrainingSampler

SAMPLES = str(ROOT / "deresunet/samples")


def epoch(sampler, number):
    sampler.set_epoch(number)
    return [index for _, index in sampler]


def test_an_epoch_takes_all_real_frames_and_the_stated_number_of_rooms():
    sampler = TrainingSampler(10, 5, seed=0, further=40, drawn=20)
    first, second = epoch(sampler, 0), epoch(sampler, 1)
    assert len(sampler) == len(first) == 30
    for order in (first, second):
        assert sorted(index for index in order if index < 10) == list(range(10))
        rooms = [index for index in order if index >= 10]
        assert len(set(rooms)) == 20
        assert max(rooms) < 50
    assert set(first) != set(second), "other rooms in each epoch"
    assert epoch(sampler, 0) == first, "an epoch's order is a function of seed and epoch"
    assert max(index < 10 for index in first[:15]), "they are mixed"


def test_more_rooms_than_there_are_come_more_than_once():
    order = epoch(TrainingSampler(4, 2, seed=1, further=3, drawn=8), 0)
    counts = np.bincount([index - 4 for index in order if index >= 4])
    assert counts.sum() == 8
    assert counts.max() - counts.min() == 1


def test_without_rooms_the_order_is_what_it_was():
    plain = epoch(TrainingSampler(10, 5, seed=3), 2)
    assert plain == np.random.default_rng([3, 2]).permutation(10).tolist()


def test_processes_share_the_mixture():
    shares = [epoch(TrainingSampler(10, 5, 0, rank, 2, further=40, drawn=20), 0) for rank in range(2)]
    assert not set(shares[0]) & set(shares[1])
    assert len(shares[0]) == len(shares[1]) == 15


def test_the_data_module_mixes_by_ratio():
    data = small_data(rooms=SAMPLES, rooms_per_frame=1.5)
    data.setup("fit")
    real = data.count("training")
    loader = data.train_dataloader()
    assert len(loader.sampler) == (real + round(1.5 * real)) // 4 * 4
    batch = next(iter(loader))
    assert batch.rgb.shape[-2:] == SMALL_SIZE.network_size(480, 640)
    assert batch.label.max() <= 37
    # What lies after the training frames are the rooms, in the folder's order.
    assert data.training_frames().read(real).name == data.frame("rooms", 0).name
    assert "1.5 of 24 rendered rooms for each of them" in data.describe()


@pytest.mark.parametrize(("options", "said"), [({"rooms_per_frame": -1}, "0 or more"), ({"rooms": "/nowhere"}, "rgb/")])
def test_rooms_that_cannot_be_used(options, said):
    with pytest.raises(InputError, match=said):
        small_data(**({"rooms": SAMPLES} | options)).setup("fit")


@pytest.mark.parametrize(("steps", "share", "first"), [(100, 0.5, 50), (100, 0.2, 20), (2, 0.01, 1), (3, 0.99, 2)])
def test_both_arms_take_the_same_number_of_steps(tmp_path, steps, share, first):
    alone, then = (rooms_first.stages_of(arm, steps, share, tmp_path, tmp_path) for arm in rooms_first.ARMS)
    assert [stage.steps for stage in alone] == [steps]
    assert [stage.steps for stage in then] == [first, steps - first]
    assert alone[0].arguments == then[1].arguments, "the real frames are the same"
    assert "--data.label_set=sunrgbd37" in then[0].arguments


def test_the_second_stage_starts_from_the_first_ones_weights(tmp_path, monkeypatch):
    ran = []

    def run(command, out, stage):
        ran.append((stage, command))
        checkpoint = out / stage / "version_0/checkpoints/last.ckpt"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        (out / stage / "version_0/done").touch()
        return checkpoint

    monkeypatch.setattr(rooms_first, "run_to_the_end", run)
    options = argparse.Namespace(steps=10, share=0.5, real=tmp_path, rooms=tmp_path, out=tmp_path / "out")
    last = rooms_first.train_arm("rooms first", 7, options, ["--data.batch_size=2"])
    assert [stage for stage, _ in ran] == ["seed7_rooms", "seed7_then_real"]
    assert last == options.out / "seed7_then_real/version_0/checkpoints/last.ckpt"
    first, second = (command for _, command in ran)
    assert f"--model.init_args.weights={options.out / 'seed7_rooms/version_0/checkpoints/last.ckpt'}" in second
    assert not any("weights=" in argument for argument in first)
    for command in (first, second):
        assert {"--seed_everything=7", "--trainer.max_steps=5", "--data.batch_size=2"} <= set(command)
    rooms_first.train_arm("rooms first", 7, options, [])
    assert len(ran) == 2, "what is done is not repeated"


def test_the_spread_is_that_of_a_sample():
    told = rooms_first.summary([1.0, 2.0, 6.0])
    assert told == {"mean": 3.0, "deviation": round(math.sqrt(7.0), 4), "each": [1.0, 2.0, 6.0]}
    assert rooms_first.summary([4.0])["deviation"] == 0.0
    assert math.isnan(rooms_first.summary([4.0, None])["mean"])


@pytest.mark.parametrize("arguments", [["--share", "1"], ["--steps", "1"], ["--jobs", "0"]])
def test_an_experiment_that_makes_no_sense_is_refused(tmp_path, arguments):
    with pytest.raises(InputError, match="expected 0 < --share < 1"):
        rooms_first.main(["--real", SAMPLES, "--rooms", SAMPLES, "--out", str(tmp_path), *arguments])


@pytest.mark.slow
def test_the_experiment_runs_from_one_command(tmp_path):
    out = tmp_path / "experiment"
    small = [
        *("--data.train_split", "test", "--data.label_set", "sunrgbd37", "--data.limit", "8", "--data.batch_size", "2"),
        *("--data.validation_share", "0.2", "--data.workers", "0", "--data.preprocessing.network_pixels", "4096"),
        *("--model.init_args.network.backbone", "resnet18", "--trainer.enable_progress_bar", "false"),
        *("--trainer.accelerator", "cpu", "--model.init_args.optimisation.warmup_steps", "1"),
    ]
    command = ["rooms-first", "--real", SAMPLES, "--rooms", SAMPLES, "--out", str(out), "--seeds", "5"]
    said = train_command(*command, "--steps", "4", "--jobs", "2", "--device", "cpu", *small)
    told = json.loads((out / "result.json").read_text())
    assert (told["steps"], told["frames"]) == (4, 24)
    for arm, described in rooms_first.ARMS.items():
        assert told["arms"][arm]["seeds"] == [5]
        assert 0 <= told["arms"][arm]["miou"]["mean"] <= 100
        assert described in said
