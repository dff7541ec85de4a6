"""Pictures in Gradio's cache: whole or not there, however many visitors get the same one."""

from __future__ import annotations

from pathlib import Path

from gradio import processing_utils
from PIL import Image

from demo.downloads import write_once


def save_picture(picture: Image.Image, cache_dir: str, name: str = "image", format: str = "webp") -> str:
    """Write a picture into the cache, as `gradio.processing_utils.save_pil_to_cache`; returns its path.

    Pictures of one content have one path. Gradio's function writes them in place, so that a visitor's browser that just
    then fetches the picture of another one gets half of it.

    Raises:
        OSError: it cannot be written; nothing of it is left.
    """
    content = processing_utils.encode_pil_to_bytes(picture, format)  # type: ignore[no-untyped-call]
    path = (Path(cache_dir) / processing_utils.hash_bytes(content) / f"{name}.{format}").resolve()
    write_once(path, content)
    return str(path)


def keep_pictures_whole() -> None:
    """Have all of Gradio's components write their pictures by `save_picture`."""
    processing_utils.save_pil_to_cache = save_picture
