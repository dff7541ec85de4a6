"""A checkpoint is whole or not there, also where the process is killed while it writes."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
import torch
from training_helpers import ROOT, SMALL_OPTIONS, train_here

from deresunet.atomic import sweep
from deresunet.export import export
from deresunet.model.checkpoint import load_checkpoint
from train.checkpoints import WholeCheckpointIO
from train.cli import main

# Writes one checkpoint, then a second whose pickling never ends, and says so.
KILLED = """
import sys, time
import torch
from train.checkpoints import WholeCheckpointIO

class Endless:
    def __reduce__(self):
        print("writing", flush=True)
        time.sleep(600)
        return (int, ())

io = WholeCheckpointIO()
io.save_checkpoint({"weights": torch.ones(1000)}, sys.argv[1])
io.save_checkpoint({"weights": torch.zeros(1000), "endless": Endless()}, sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_kill_while_writing_leaves_the_previous_checkpoint(tmp_path):
    path = tmp_path / "version_0/checkpoints/last.ckpt"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert torch.load(path, weights_only=True)["weights"].eq(1).all()
    left = [other for other in path.parent.iterdir() if other != path]
    assert len(left) == 1
    # What dead processes left is swept at the next start; a living one's work is not.
    kept = path.parent / left[0].name.replace(f"-{process.pid}-", f"-{os.getpid()}-")
    kept.mkdir()
    sweep(tmp_path)
    assert not left[0].exists()
    assert kept.is_dir()


def test_checkpoints_are_read_without_running_what_is_in_them(tmp_path):
    class Trap:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"state_dict": {}, "trap": Trap()}, tmp_path / "trap.ckpt")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        WholeCheckpointIO().load_checkpoint(tmp_path / "trap.ckpt")


def test_a_failed_write_leaves_the_previous_checkpoint(tmp_path, monkeypatch):
    path, io = tmp_path / "last.ckpt", WholeCheckpointIO()
    io.save_checkpoint({"step": 1}, path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(ValueError, match="No space left"):
        io.save_checkpoint({"step": 2}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [other.name for other in tmp_path.iterdir()] == ["last.ckpt"]


# --- what a run leaves, and what it can go on from --------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three epochs where validation comes every ten, stopped by a number of steps within the third."""
    folder = tmp_path_factory.mktemp("runs")
    options = ("--trainer.check_val_every_n_epoch", 10, "--run.folder", folder, "--data.limit", 10)
    train_here("fit", *SMALL_OPTIONS, *options, "--trainer.max_epochs", 3, "--run.name", "epochs")
    train_here("fit", *SMALL_OPTIONS, *options, "--trainer.max_steps", 3, "--run.name", "steps")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["epochs", "steps"])
def test_a_run_always_leaves_weights(run, kind):
    last = run / kind / "version_0/checkpoints/last.ckpt"
    content = torch.load(last, weights_only=True)
    assert content["global_step"] == {"epochs": 6, "steps": 3}[kind]
    assert load_checkpoint(last).build()
    if kind == "epochs":  # and they are validated
        assert load_checkpoint(last).metrics["validation"]["epoch"] == 2
        assert json.loads((run / kind / "version_0/validation.json").read_text())["frames"] == 2


def cut(folder, run):
    path = folder / "cut.ckpt"
    path.write_bytes((run / "epochs/version_0/checkpoints/last.ckpt").read_bytes()[:200_000])
    return path


def of_another_network(folder, run):
    path = folder / "other.ckpt"
    content = torch.load(run / "epochs/version_0/checkpoints/last.ckpt", weights_only=True)
    name = next(iter(content["state_dict"]))
    content["state_dict"][name] = content["state_dict"][name][:1]
    torch.save(content, path)
    return path


def foreign(folder, run):
    torch.save({"model": {"conv1.weight": torch.zeros(3)}}, folder / "resnet.pth")
    return folder / "resnet.pth"


def foreign_and_old(folder, run):
    torch.save({"conv1.weight": torch.zeros(3)}, folder / "old.pth", _use_new_zipfile_serialization=False)
    return folder / "old.pth"


def pickled(folder, run):
    torch.save({"model": torch.nn.Linear(2, 2)}, folder / "whole.pth")
    return folder / "whole.pth"


def picture(folder, run):
    (folder / "room.ckpt").write_bytes(b"\x89PNG\r\n" * 40)
    return folder / "room.ckpt"


def weights_alone(folder, run):
    return ROOT / "deresunet/weights/deresunet_r50.safetensors"


def missing(folder, run):
    return folder / "none.ckpt"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["fit", "test"])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (weights_alone, r"--model\.init_args\.weights .*deresunet_r50\.safetensors instead of --ckpt_path"),
        (cut, "cut.ckpt is cut or damaged"),
        (picture, "room.ckpt is not|room.ckpt is cut or damaged"),
        (pickled, "whole.pth is not a checkpoint of `train`"),
        (foreign, "resnet.pth is not a checkpoint of `train`"),
        (foreign_and_old, "old.pth is not a checkpoint of `train`"),
        (of_another_network, "other.ckpt is of another network, of other classes or of another stage"),
        (missing, "no such file"),
    ],
)
def test_what_no_run_can_go_on_from_is_one_line(run, tmp_path, capsys, command, make, said):
    path = make(tmp_path, run)
    with pytest.raises(SystemExit) as ended:
        main([command, *SMALL_OPTIONS, "--run.folder", str(tmp_path), "--ckpt_path", str(path)])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    assert re.search(said, line), line
    assert "weights_only" not in line
    assert "Traceback" not in error


@pytest.mark.slow
def test_the_advice_for_weights_works(tmp_path, run):
    """Weights start a run; a run's own checkpoint goes on."""
    last = run / "epochs/version_0/checkpoints/last.ckpt"
    weights = export(last, tmp_path / "w.safetensors", "fp16")
    options = ("--run.folder", tmp_path, "--data.limit", 10, "--trainer.max_epochs")
    train_here("fit", *SMALL_OPTIONS, *options, 1, "--model.init_args.weights", weights)
    train_here("fit", *SMALL_OPTIONS, *options, 4, "--ckpt_path", last)
    assert torch.load(tmp_path / "smoke/version_1/checkpoints/last.ckpt", weights_only=True)["global_step"] == 8
