"""Files that are whole or not there."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from deresunet import InputError
from deresunet.atomic import write_bytes

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
