"""All stages of distillation from one command, each from the checkpoint of the one before."""

import json

import pytest
import torch
from training_helpers import train_command

from deresunet.errors import InputError
from deresunet.model.checkpoint import load_checkpoint
from train.distillation import run as distill
from train.distillation import stages
from train.distillation.teacher import Teacher

ROOMS = (
    *("--data.dataset", "rooms", "--data.train_split", "test", "--data.label_set", "sunrgbd37", "--data.limit", "8"),
    *("--data.preprocessing.network_pixels", "4096", "--data.batch_size", "2", "--data.workers", "0"),
    *("--data.validation_share", "0.25", "--trainer.accelerator", "cpu", "--trainer.precision", "32-true"),
    *("--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false", "--run.best", "1"),
)
SMALL_NETWORK = (
    "--model.init_args.network.backbone resnet18 --model.init_args.network.skip_channels [8,8,16,16] "
    "--model.init_args.network.bottleneck_channels 32 --model.init_args.network.decoder_channels [32,16,16,16]"
)


@pytest.fixture
def teacher(tmp_path):
    torch.manual_seed(1)
    state = Teacher(37).state_dict()
    path = tmp_path / "teacher.ckpt"
    torch.save({"state_dict": {f"model.{name}": tensor for name, tensor in state.items()}}, path)
    return path


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_network_learns_from_the_encoders_that_the_features_left(tmp_path, teacher):
    out = tmp_path / "out"
    own = (
        *("--features-args", f"{SMALL_NETWORK} --model.init_args.imagenet no --model.init_args.compiled false"),
        *(
            "--network-args",
            f"{SMALL_NETWORK} --model.init_args.compile none --model.init_args.distillation.compiled false",
        ),
    )
    said = train_command("distill", "--out", out, "--teacher", teacher, *own, *ROOMS)
    features, network = stages.finished(out, "features"), stages.finished(out, "network")
    assert features is not None
    assert network is not None
    checkpoint = load_checkpoint(network)
    assert f"encoders of {features.name}" in checkpoint.training
    assert "teacher teacher.ckpt" in checkpoint.training
    assert json.loads((network.parents[1] / "validation.json").read_text())["frames"] == 2
    assert said.count("--ckpt_path") == 0
    # What is done is not done again.
    again = train_command("distill", "--out", out, "--teacher", teacher, *own, *ROOMS)
    assert again.count("done already") == 2


def options(*arguments):
    import argparse  # noqa: PLC0415

    return argparse.Namespace(
        **{"dinov2": "hub.pth", "teacher": None, "photos": None}
        | {f"{stage}_args": "" for stage in distill.STAGES}
        | dict(arguments)
    )


def leave(folder, name, done=False):
    path = folder / "version_0/checkpoints" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if done:
        (folder / "version_0" / stages.DONE).touch()
    return path


def test_stages_are_wired_to_those_before(tmp_path):
    teacher = leave(tmp_path / "teacher", "last.ckpt", done=True)
    given = options(("out", tmp_path), ("photos", "photos"))
    command = distill.stage_command("features", given, ["--data.root=nyu"])
    assert f"--model.init_args.teacher={teacher}" in command
    assert {"--data.photos=photos", "--data.root=nyu"} <= set(command)
    encoders = leave(tmp_path / "features", "last.ckpt", done=True)
    command = distill.stage_command("network", given, [])
    assert f"--model.init_args.distillation.teacher={teacher}" in command
    assert f"--model.init_args.encoders={encoders}" in command
    assert not [part for part in command if "photos" in part or "ckpt_path" in part]


def test_options_of_a_stage_keep_their_quotes(tmp_path):
    given = options(("out", tmp_path), ("teacher_args", "--data.root='My NYU' --run.monitor=val/loss"))
    command = distill.stage_command("teacher", given, ["--data.photos=My photos"])
    assert command[-3:] == ["--data.photos=My photos", "--data.root=My NYU", "--run.monitor=val/loss"]


def test_a_stage_that_was_stopped_goes_on_and_does_not_count_as_done(tmp_path):
    stopped = leave(tmp_path / "teacher", "interrupted.ckpt")
    given = options(("out", tmp_path))
    assert stages.finished(tmp_path, "teacher") is None
    assert f"--ckpt_path={stopped}" in distill.stage_command("teacher", given, [])
    with pytest.raises(InputError, match="Run the stage teacher first"):
        distill.stage_command("features", given, [])


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputError, match="--dinov2"):
        distill.main(["--out", str(tmp_path)])
    with pytest.raises(InputError, match="Run the stage features first"):
        distill.main(["--out", str(tmp_path), "--teacher", "t.ckpt", "--stages", "network"])
