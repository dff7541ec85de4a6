"""Users' files as a property test needs them: whole ones that were damaged, and generated ones of any content."""

from __future__ import annotations

import io
import json
import warnings

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

SIZE = (40, 48)
RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
DEPTH = RNG.integers(600, 5000, SIZE).astype(np.uint16)
LABEL = RNG.integers(0, 38, SIZE).astype(np.uint8)


def encoded(array, format, key="depth"):
    held = io.BytesIO()
    if format == "npy":
        np.save(held, array)
    elif format == "npz":
        np.savez(held, **{key: array})
    else:
        Image.fromarray(array).save(held, format=format)
    return held.getvalue()


FILES = {
    "rgb/a.png": encoded(RGB, "PNG"),
    "rgb/a.jpg": encoded(RGB, "JPEG"),
    "depth/a.png": encoded(DEPTH, "PNG"),
    "depth/a.tif": encoded(DEPTH, "TIFF"),
    "depth/a.npy": encoded(DEPTH, "npy"),
    "depth/a.npz": encoded(DEPTH, "npz"),
    "depth/a.pgm": b"P5 48 40 5000\n" + DEPTH.astype(">u2").tobytes(),
    "label/a.png": encoded(LABEL, "PNG"),
    "label/a.npy": encoded(LABEL, "npy"),
    "meta/a.json": json.dumps({"intrinsics": [525, 525, 24, 20], "objects": [], "depth_unit": "mm"}).encode(),
    "test.txt": b"a\nb\n",
}
# Of each folder, the file that a frame has where another one is not damaged or generated.
USUAL = ("rgb/a.png", "depth/a.png", "label/a.png", "meta/a.json", "test.txt")


@st.composite
def damaged(draw, files=None):
    """A file of `files` with bytes set, cut off, inserted or repeated: its name and content."""
    files = FILES if files is None else files
    name = draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name])
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


NUMBERS = st.one_of(
    st.integers(-3, 70000), st.floats(width=64), st.just(10**400), st.sampled_from([525, 24.0, 1e300, -1e300, 65535])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=6), st.just("\ud800")),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)


def json_of(keys):
    """The bytes of a JSON object with some of `keys`, or of anything else."""
    known = st.dictionaries(st.sampled_from(keys), VALUES, max_size=5)
    return st.one_of(known, known, VALUES).map(lambda value: json.dumps(value).encode())


BOX = {"centroid": [0, 0, 2], "basis": np.eye(3).tolist(), "half": [1, 1, 1]}
META = json_of(
    [
        *("intrinsics", "depth_unit", "depth_key", "sensor", "scene", "room_type", "sequence", "objects"),
        *("camera_to_world", "fx", "fy", "cx", "cy", "ppx", "ppy", "K"),
    ]
) | st.builds(
    lambda box, pose: json.dumps({"objects": [{"cls": "bed", "box": BOX | box}], "camera_to_world": pose}).encode(),
    st.dictionaries(st.sampled_from(sorted(BOX)), VALUES, max_size=2),
    VALUES | st.just(np.eye(4).tolist()),
)
SHAPES = st.sampled_from(
    [SIZE, SIZE, SIZE, (1, *SIZE), (*SIZE, 1), (*SIZE, 3), (48, 40), (80, 96), (3,), (0, 4), (1, 1)]
)
DTYPES = st.sampled_from(["u1", "u2", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">u2", ">f4", "?", "c8", "S3"])


@st.composite
def array_file(draw, folder):
    """An array of any type and shape with a few values of its own among a usual file's, as NPY, NPZ, PNG or TIFF."""
    dtype = np.dtype(draw(DTYPES))
    usual = LABEL if folder == "label" else DEPTH
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        array = np.resize(usual, draw(SHAPES)).astype(dtype)
    if array.size and draw(st.booleans()):
        value = draw(arrays.from_dtype(dtype))
        array[draw(st.sampled_from([slice(0, 1), slice(0, 9), slice(None)]))] = value
    format = draw(st.sampled_from(["npy", "npz", "PNG", "TIFF"] if folder == "depth" else ["npy", "PNG", "TIFF"]))
    try:
        content = encoded(array, format, draw(st.sampled_from(["depth", "x"])))
    except (TypeError, ValueError, OSError, KeyError, SystemError, ZeroDivisionError):  # Pillow knows fewer types
        format, content = "npy", encoded(array, "npy")
    return f"{folder}/a.{'tif' if format == 'TIFF' else format.lower()}", content


@st.composite
def picture_file(draw):
    """An RGB image of any mode, format and EXIF orientation."""
    mode = draw(st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"]))
    format, suffix = draw(st.sampled_from([("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tif"), ("WEBP", "webp")]))
    exif = Image.Exif()
    exif[0x0112] = draw(st.integers(0, 9))
    image = Image.fromarray(DEPTH) if mode == "I;16" else Image.fromarray(RGB).convert(mode)
    held = io.BytesIO()
    try:
        image.resize(draw(st.sampled_from([(48, 40), (40, 48), (1, 1), (64, 64)]))).save(held, format, exif=exif)
    except (OSError, ValueError):  # this format has not this mode
        return "rgb/a.png", FILES["rgb/a.png"]
    return f"rgb/a.{suffix}", held.getvalue()


LISTS = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda names, encoding: "\n".join(names).encode(encoding, "replace"),
        st.lists(st.sampled_from(["a", "b", "a.png", "rgb/b.png", "../a", "\\a", "ü", "", "\x00"]), max_size=4),
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]),
    ),
).map(lambda content: ("test.txt", content))

generated = st.one_of(
    META.map(lambda content: ("meta/a.json", content)),
    LISTS,
    picture_file(),
    array_file("depth"),
    array_file("label"),
)


def write_folder(place, name, content):
    """Write a folder of the frames "a" and "b" in which one file is `content`; "b" is whole, and so are a's others."""
    for folder in ("rgb", "depth", "label", "meta"):
        (place / folder).mkdir(exist_ok=True)
        for file in (place / folder).iterdir():
            file.unlink()
    for usual in USUAL:
        if usual != "test.txt":
            (place / usual.replace("/a.", "/b.")).write_bytes(FILES[usual])
        if usual.split("/")[0] != name.split("/")[0]:
            (place / usual).write_bytes(FILES[usual])
    (place / name).write_bytes(content)
