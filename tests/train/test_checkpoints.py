"""A checkpoint is whole or not there, also where the process is killed while it writes."""

import os
import signal
import subprocess
import sys

import pytest
import torch
from training_helpers import ROOT

from deresunet.atomic import sweep_below
from train.checkpoints import WholeCheckpointIO

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
    sweep_below(tmp_path)
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
