"""All stages of distillation from one command, each from the checkpoint of the one before."""

import json

import pytest
import torch
from training_helpers import hub_state, train_here

from deresunet.errors import InputError
from deresunet.model.checkpoint import load_checkpoint
from train.cli import main
from train.distillation import run as distill
from train.distillation import stages
from train.distillation.teacher import load_teacher

ROOMS = (
    *("--data.dataset", "rooms", "--data.train_split", "test", "--data.limit", "8"),
    *("--data.preprocessing.network_pixels", "4096", "--data.batch_size", "2", "--data.workers", "0"),
    *("--data.validation_share", "0.25", "--trainer.accelerator", "cpu", "--trainer.precision", "32-true"),
    *("--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false", "--run.best", "0"),
)
SMALL_NETWORK = (
    "--model.init_args.network.backbone resnet18 --model.init_args.network.skip_channels [8,8,16,16] "
    "--model.init_args.network.bottleneck_channels 32 --model.init_args.network.decoder_channels [32,16,16,16]"
)


@pytest.fixture
def within_this_process(monkeypatch):
    """Stages run within the test's process: the command line of each is its own, the seconds of its start are saved."""
    monkeypatch.setattr(stages, "_run", lambda command: main(command[3:]))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_all_stages_run_from_one_command(tmp_path, photos, within_this_process, monkeypatch):
    torch.save(hub_state(), tmp_path / "hub.pth")
    out = tmp_path / "My runs"
    command = (
        *("distill", "--out", out, "--dinov2", tmp_path / "hub.pth", "--photos", photos, "--photos-share", 0.5),
        # Without the average and its copy of 25 M weights in each checkpoint.
        *("--teacher-args", "--model.init_args.ema_decay null"),
        *("--features-args", f"{SMALL_NETWORK} --model.init_args.imagenet no"),
        *("--network-args", SMALL_NETWORK),
        *ROOMS,
    )
    said = train_here(*command)
    assert said.count("--ckpt_path") == 0
    done = {stage: distill.finished(out, stage) for stage in distill.STAGES}
    assert all(done.values())
    checkpoint = load_checkpoint(done["network"])
    for wanted in (f"encoders of {done['features'].name}", "teacher last.ckpt", "6 photographs"):
        assert wanted in checkpoint.training
    assert json.loads((done["network"].parents[1] / "validation.json").read_text())["frames"] == 2
    header = (done["network"].parents[1] / "metrics.csv").read_text().splitlines()[0]
    assert {"train/loss_photographs", "train/loss_distillation"} <= set(header.split(","))
    # Every stage leaves weights to hand on, and they are those of its checkpoint.
    stored = load_checkpoint(out / "network.int8.safetensors")
    assert (stored.stored, load_checkpoint(out / "network.fp16.safetensors").stored) == ("int8", "fp16")
    kernel = "rgb_encoder.layer4.0.conv1.weight"
    assert torch.allclose(stored.state[kernel], checkpoint.state[kernel], atol=2e-3)
    teacher = load_teacher(done["teacher"]).state_dict()["vit.blocks.3.mlp.fc1.weight"]
    for precision in ("int8", "fp16"):
        written = load_teacher(out / f"teacher.{precision}.safetensors").state_dict()["vit.blocks.3.mlp.fc1.weight"]
        assert torch.allclose(written, teacher, atol=2e-3)
    # Finished stages are not repeated; one that is not, is.
    assert train_here(*command).count("done already") == 4
    (done["network"].parents[1] / stages.DONE).unlink()
    assert f"--ckpt_path={done['network']}" in train_here(*command)


def test_minutes_are_shared_by_the_stages_that_are_left(tmp_path, monkeypatch):
    commands = []

    def run(command, out, stage):
        commands.append(command)
        return leave(out / stage, "last.ckpt", done=True)

    monkeypatch.setattr(distill, "run_to_the_end", run)
    monkeypatch.setattr(distill, "write_weights", lambda *_: [])
    distill.main(["--out", str(tmp_path), "--teacher", "t.ckpt", "--photos", "p", "--minutes", "20"])
    given = [float(next(part for part in command if "--run.minutes" in part).split("=")[1]) for command in commands]
    assert len(given) == 3
    assert given[0] == pytest.approx((20 - 3 * 0.5) * 2 / 24, abs=0.01)
    # Nothing was used up here, so the later stages have what is left.
    assert given[2] == pytest.approx(20, abs=0.1)
    with pytest.raises(InputError, match="above 0"):
        distill.main(["--out", str(tmp_path), "--teacher", "t.ckpt", "--minutes", "0"])


def test_a_warm_start_goes_on_from_the_bundled_weights_without_new_features(tmp_path):
    given = options(("out", tmp_path), ("teacher", "t.ckpt"), ("start", "bundled"), ("stages", None))
    assert distill._stages(given) == ["network"]
    command = distill.stage_command("network", given, [])
    assert "--model.init_args.weights=bundled" in command
    assert not [part for part in command if "init_args.encoders" in part]


def options(*arguments):
    import argparse  # noqa: PLC0415

    return argparse.Namespace(
        **{"dinov2": "hub.pth", "teacher": None, "photos": None, "photos_share": 0.25, "estimated_depth": True}
        | {
            "minutes": None,
            "finish": None,
            "recipe": "gpu",
            "start": None,
            "encoder_weights": None,
            "cuda_graph": False,
            "stages": None,
        }
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
    with pytest.raises(InputError, match="no depth head"):
        distill.stage_command("features", given, [])
    head = leave(tmp_path / "depth", "last.ckpt", done=True)
    command = distill.stage_command("features", given, ["--data.root=nyu"])
    assert f"--data.teaching.depth_head={head}" in command
    assert f"--data.teaching.teacher={teacher}" in command
    assert {"--data.photos=photos", "--data.root=nyu"} <= set(command)
    encoders = leave(tmp_path / "features", "last.ckpt", done=True)
    command = distill.stage_command("network", given, [])
    assert f"--data.teaching.teacher={teacher}" in command
    assert f"--model.init_args.encoders={encoders}" in command
    assert {"--data.photos=photos", "--data.photos_share=0.25"} <= set(command)
    assert f"--data.teaching.depth_head={head}" in command
    assert not [part for part in command if "ckpt_path" in part]
    without = options(("out", tmp_path), ("photos", "photos"), ("photos_share", 0.0), ("estimated_depth", False))
    assert not [part for part in distill.stage_command("network", without, []) if "photos" in part or "head" in part]


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


def test_on_a_cpu_a_stage_goes_on_until_it_is_told_to_end(tmp_path, monkeypatch):
    commands, ended = [], []

    def run(command, out, stage, done):
        commands.append(command)
        ended.append(done)
        return leave(out / stage, "last.ckpt", done=done)

    monkeypatch.setattr(distill, "run_to_the_end", run)
    monkeypatch.setattr(distill, "write_weights", lambda *_: [])
    given = ["--out", str(tmp_path), "--teacher", "t.safetensors", "--photos", "p", "--recipe", "cpu"]
    distill.main([*given, "--stages", "features", "--minutes", "170", "--data.root=nyu"])
    assert str(stages.CONFIGS / "cpu_features.yaml") in commands[0]
    assert {"--run.minutes=170.0", "--data.teaching.outputs=features", "--data.photos=p", "--data.root=nyu"} <= set(
        commands[0]
    )
    assert not [part for part in commands[0] if "photos_share" in part or "depth_head" in part]
    distill.main([*given, "--stages", "features", "--finish", "40"])
    assert "--run.finish=40.0" in commands[1]
    assert f"--ckpt_path={tmp_path / 'features/version_0/checkpoints/last.ckpt'}" in commands[1]
    assert ended == [False, True]
    with pytest.raises(InputError, match="was finished already"):
        distill.main([*given, "--stages", "features", "--minutes", "5"])
    distill.main([*given, "--stages", "network", "--start", "bundled"])
    assert str(stages.CONFIGS / "cpu_network.yaml") in commands[2]
    assert "--data.teaching.outputs=logits" in commands[2]
    assert f"--model.init_args.encoders={tmp_path / 'features/version_0/checkpoints/last.ckpt'}" in commands[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--recipe", "cpu", "--stages", "features"), "takes a finished --teacher"),
        (("--recipe", "cpu", "--teacher", "t"), "one of --stages"),
        (("--recipe", "cpu", "--teacher", "t", "--stages", "depth"), "not depth"),
        (
            ("--recipe", "cpu", "--teacher", "t", "--stages", "features", "--minutes", "1", "--finish", "1"),
            "one of them",
        ),
        (("--teacher", "t", "--finish", "5"), "--recipe cpu"),
        (("--teacher", "t", "--recipe", "cpu", "--stages", "features", "--finish", "nan"), "above 0"),
    ],
)
def test_what_the_cpu_recipe_cannot_do_is_said(tmp_path, arguments, said):
    with pytest.raises(InputError, match=said):
        distill.main(["--out", str(tmp_path), *arguments])


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputError, match="--dinov2"):
        distill.main(["--out", str(tmp_path)])
    with pytest.raises(InputError, match="Run the stage features first"):
        distill.main(["--out", str(tmp_path), "--teacher", "t.ckpt", "--stages", "network"])
