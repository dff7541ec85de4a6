"""Files that are whole or not there."""

from __future__ import annotations

import csv
import errno
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from safetensors.torch import save_file

from deresunet import InputError
from deresunet.atomic import staging_folder, write_bytes, write_csv, write_whole

CONTENT = bytes(range(256)) + b"\r\n"


def test_bytes_replace_what_was_there_and_others_may_read_them(tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"an older and longer one" * 100)
    write_bytes(path, CONTENT)
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"older")
    real = Path.write_bytes

    def half(self, content):
        real(self, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(InputError, match="No space left on device"):
        write_bytes(path, CONTENT)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_bytes(tmp_path / "nowhere" / "picture.jpg", CONTENT)


def test_an_error_of_a_library_on_a_full_disk_is_told_as_such(tmp_path, monkeypatch):
    """As torch and safetensors do, which raise errors of their own."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"older")

    def full(folder):
        return OSError(errno.ENOSPC, "No space left on device")

    def write(beside):
        beside.write_bytes(CONTENT)
        raise RuntimeError("unexpected pos 64 vs 0")

    with pytest.raises(RuntimeError, match="unexpected pos"):
        write_whole(path, write)
    monkeypatch.setattr("deresunet.atomic._why_unwritable", full)
    with pytest.raises(InputError, match=r"weights\.safetensors cannot be written \(No space left on device\)"):
        write_whole(path, write)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_in_earnest(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", tmp_path], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (tmp_path / "a.bin").write_bytes(b"older")
        large = torch.zeros(10**7)
        writers = [
            partial(Path.write_bytes, data=bytes(10**7)),
            partial(torch.save, large),
            partial(save_file, {"a": large}),
        ]
        for write in writers:
            with pytest.raises(InputError, match=r"a\.bin cannot be written \(No space left on device\)"):
                write_whole(tmp_path / "a.bin", write)
        assert (tmp_path / "a.bin").read_bytes() == b"older"
        assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_leftovers_of_a_killed_process_are_swept_and_those_of_a_running_one_are_not(tmp_path):
    path = tmp_path / "result.json"
    code = (
        "import os, signal, sys\n"
        "from deresunet.atomic import write_whole\n"
        "write_whole(sys.argv[1], lambda beside: (beside.write_text('half'), os.kill(os.getpid(), signal.SIGKILL)))"
    )
    subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, check=False)
    (left,) = tmp_path.iterdir()
    assert (left / "result.json").read_text() == "half"
    other = tmp_path / ".result.json.backup.tmp"
    other.touch()  # not ours
    with staging_folder(path) as mine:
        assert not left.exists()
        write_bytes(path, b"whole")
        assert mine.is_dir()
    assert sorted(tmp_path.iterdir()) == [other, path]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_names_that_a_spreadsheet_would_compute_stay_text(tmp_path, name):
    path = tmp_path / "table.csv"
    write_csv(path, ("name", "iou"), [(name, -0.5), ("room", None)])
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["name", "iou"], [f"'{name}", "-0.5"], ["room", ""]]
