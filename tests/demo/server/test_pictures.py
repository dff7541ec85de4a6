"""Pictures that several visitors get."""

from __future__ import annotations

import errno
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from demo.server.pictures import keep_pictures_whole


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.setattr("gradio.processing_utils.save_pil_to_cache", None)  # put back in the end
    keep_pictures_whole()
    component = gr.Image(format="png")
    component.GRADIO_CACHE = str(tmp_path)
    return component


def test_a_picture_is_not_written_anew_while_others_may_fetch_it(image, monkeypatch):
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    path = Path(image.postprocess(picture).path)
    monkeypatch.setattr(Path, "write_bytes", None)
    assert image.postprocess(picture).path == str(path)
    assert np.array_equal(np.asarray(Image.open(path)), picture)


def test_half_a_picture_is_not_left_on_a_full_disk(image, tmp_path, monkeypatch):
    write = Path.write_bytes

    def half(path, content):
        write(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        image.postprocess(np.zeros((4, 4, 3), np.uint8))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
