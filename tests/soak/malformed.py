"""Files of frames that are damaged, mislabelled or made to do harm: one for each seed."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

_SIZE = (48, 64)
_SUFFIXES = {
    "rgb": ("png", "jpg", "webp", "bmp", "gif", "tif"),
    "depth": ("png", "tif", "npy", "npz", "pgm"),
    "label": ("png",),
}
_FORMATS = {"jpg": "JPEG", "tif": "TIFF", "pgm": "PPM"}
_DESCRIPTIONS = ("|V0", "|S0", "|S1000000", "<U99999999", "|O", "<f8", "<c16", "<M8[s]", "<f4", ">i2", "|b1", "<f16")
_SHAPES = ("()", "(0,)", "(8000, 8000, 999999999)", "(99999999999999999999,)", "(-1, -1)", "(48, 64, 2)", "(1, 48, 64)")
_EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def malformed(seed: int) -> tuple[str, str, bytes]:
    """Role (rgb, depth or label), name and content of the file with this seed."""
    rng = random.Random(seed)
    role = rng.choice(["rgb", "depth", "depth", "label"])
    suffix = rng.choice(_SUFFIXES[role])
    kind = rng.choice([_damaged, _damaged, _damaged, _mislabelled, _noise, _header, _large])
    return role, f"room {seed}.{suffix}", kind(rng, role, suffix)


def good(role: str, suffix: str, seed: int = 0) -> bytes:
    """A file that is as it should be."""
    rng = np.random.default_rng(seed)
    if role == "rgb":
        array = rng.integers(0, 256, (*_SIZE, 3), dtype=np.uint8)
    elif role == "depth":
        array = rng.integers(600, 5000, _SIZE).astype(np.uint16)
    else:
        array = rng.integers(0, 38, _SIZE).astype(np.uint8)
    held = io.BytesIO()
    if suffix == "npy":
        np.save(held, array)
    elif suffix == "npz":
        np.savez(held, depth=array)
    else:
        Image.fromarray(array).save(held, format=_FORMATS.get(suffix, suffix.upper()))
    return held.getvalue()


def _damaged(rng: random.Random, role: str, suffix: str) -> bytes:
    content = bytearray(good(role, suffix, rng.randrange(4)))
    for _ in range(rng.randint(1, 5)):
        # Half of the damage is in the header, where it does most.
        at = rng.randrange(len(content) if rng.random() < 0.5 else min(len(content), 140)) if content else 0
        kind = rng.choice(["set", "cut", "insert", "repeat", "extreme"])
        if kind == "set" and content:
            content[at] = rng.randrange(256)
        elif kind == "cut" and rng.random() < 0.3:
            del content[at:]
        elif kind == "insert":
            content[at:at] = rng.randbytes(rng.randint(1, 12))
        elif kind == "repeat":
            content[at:at] = content[at : at + rng.randint(1, 400)]
        elif kind == "extreme":
            content[at : at + 4] = struct.pack(rng.choice("<>") + "I", rng.choice(_EXTREMES))
    return bytes(content)


def _mislabelled(rng: random.Random, role: str, suffix: str) -> bytes:
    other = rng.choice([one for one in _SUFFIXES if one != role])
    return good(other, rng.choice(_SUFFIXES[other]), rng.randrange(4))


def _noise(rng: random.Random, role: str, suffix: str) -> bytes:
    magic = good(role, suffix)[: rng.choice([0, 4, 8, 16])]
    return magic + rng.randbytes(rng.choice([0, 1, 100, 5000]))


def _header(rng: random.Random, role: str, suffix: str) -> bytes:
    """Headers that are whole, and say what cannot be."""
    if suffix in ("npy", "npz"):
        order = rng.choice(["True", "False", "2"])
        said = f"{{'descr': '{rng.choice(_DESCRIPTIONS)}', 'fortran_order': {order}, 'shape': {rng.choice(_SHAPES)}, }}"
        said = rng.choice(
            [said, "(" * 5000, said[:-3], said.replace("descr", "\x00"), "{'descr': " + "-" * 3000 + "1}"]
        )
        array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(said) % 65536) + said.encode()[:65535] + bytes(64)
        return array if suffix == "npy" else _zipped("depth.npy", array)
    width, height = rng.choice(_EXTREMES), rng.choice(_EXTREMES)
    if suffix == "pgm":
        return f"P5 {width} {height} {rng.choice(_EXTREMES)}\n".encode() + bytes(100)
    if suffix == "png":
        head = struct.pack(">IIBBBBB", width, height, rng.choice([1, 8, 16, 77]), rng.choice([0, 2, 3, 4, 6]), 0, 0, 0)
        more = _chunk(rng.choice([b"eXIf", b"tRNS", b"PLTE", b"iCCP", b"zTXt", b"acTL"]), rng.randbytes(30))
        return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + more + _chunk(b"IDAT", zlib.compress(bytes(5000)))
    content = bytearray(good(role, suffix))
    for _ in range(8):
        at = rng.randrange(min(len(content), 64))
        content[at : at + 2] = struct.pack("<H", rng.choice(_EXTREMES) & 0xFFFF)
    return bytes(content)


def _large(rng: random.Random, role: str, suffix: str) -> bytes:
    """Small files of many pixels, up to 10^10 of them."""
    if suffix == "npz":
        return _zipped("depth.npy", good("depth", "npy")[:128] + bytes(rng.choice([10**6, 10**8])))
    if suffix == "npy":
        array = np.zeros((1, rng.choice([10**5, 3 * 10**6])), np.uint8)
        held = io.BytesIO()
        np.save(held, array)
        return held.getvalue()
    side = rng.choice([1, 2000, 9000, 100_000])
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min((side + 1) * side, 20_000_000)))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _zipped(name: str, content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, content)
    return held.getvalue()
