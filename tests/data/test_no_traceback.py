"""Whatever a user's file holds, reading it gives a frame or an `InputError`."""

import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from deresunet import InputError
from deresunet.data.folder import FolderReader

RNG = np.random.default_rng(0)
DEPTH = RNG.integers(600, 5000, (40, 48)).astype(np.uint16)
LABEL = RNG.integers(0, 38, (40, 48)).astype(np.uint8)


def encoded(array, format):
    held = io.BytesIO()
    if format == "npy":
        np.save(held, array)
    elif format == "npz":
        np.savez(held, depth=array)
    else:
        Image.fromarray(array).save(held, format=format)
    return held.getvalue()


FILES = {
    "rgb/a.png": encoded(RNG.integers(0, 256, (40, 48, 3), dtype=np.uint8), "PNG"),
    "rgb/a.jpg": encoded(RNG.integers(0, 256, (40, 48, 3), dtype=np.uint8), "JPEG"),
    "depth/a.png": encoded(DEPTH, "PNG"),
    "depth/a.tif": encoded(DEPTH, "TIFF"),
    "depth/a.npy": encoded(DEPTH, "npy"),
    "depth/a.npz": encoded(DEPTH, "npz"),
    "depth/a.pgm": b"P5 48 40 5000\n" + DEPTH.astype(">u2").tobytes(),
    "label/a.png": encoded(LABEL, "PNG"),
    "meta/a.json": json.dumps({"intrinsics": [525, 525, 24, 20], "objects": [], "depth_unit": "mm"}).encode(),
    "test.txt": b"a\n",
}


@st.composite
def damage(draw):
    name = draw(st.sampled_from(sorted(FILES)))
    content = bytearray(FILES[name])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        kind = draw(st.sampled_from(["set", "cut", "insert", "repeat"]))
        if kind == "set" and content:
            content[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del content[at:]
        elif kind == "insert":
            content[at:at] = draw(st.binary(max_size=12))
        else:
            content[at:at] = content[at : at + 40]
    return name, bytes(content)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(damaged=damage())
def test_a_damaged_file_is_read_or_refused_in_words(place, damaged):
    name, content = damaged
    kind = name.split("/")[0]
    for folder in ("rgb", "depth", "label", "meta"):
        (place / folder).mkdir(exist_ok=True)
        for file in (place / folder).iterdir():
            file.unlink()
    for other in ("rgb/a.png", "depth/a.png", "label/a.png", "meta/a.json", "test.txt"):
        if other.split("/")[0] != kind:
            (place / other).write_bytes(FILES[other])
    (place / name).write_bytes(content)
    try:
        reader = FolderReader(place, "test")
        reader.describe("a") if "a" in reader.names else None
        for frame in map(reader.read, reader.names):
            assert frame.depth is None or np.isfinite(frame.depth).all()
    except InputError:
        pass
