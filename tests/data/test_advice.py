"""Every message about depth, labels and pictures that gives advice: the advice, followed, works."""

import re

import numpy as np
import pytest
from PIL import Image

from deresunet import InputError
from deresunet.data.depth_units import UNITS
from deresunet.data.readers import open_reader

RNG = np.random.default_rng(0)
ROOM = RNG.integers(1200, 5200, (48, 64))  # mm
CLOSE_UP = RNG.integers(340, 490, (48, 64))
LABEL = np.kron(np.arange(48).reshape(6, 8) % 37 + 1, np.ones((8, 8))).astype(np.uint8)
OPTION = re.compile(r"--([a-z-]+) (\S+?)[,.;)]?(?=\s|$)")


def rotate(millimetres):
    return (millimetres << 3 | millimetres >> 13).astype(np.uint16)


def folder(root, depth=None, label=None, frames=12, exif=None):
    """A folder of equal frames in the folder layout; `depth` and `label` are arrays, or arrays by number."""
    for k in range(frames):
        for kind, made in (("rgb", None), ("depth", depth), ("label", label)):
            array = made(k) if callable(made) else made
            (root / kind).mkdir(exist_ok=True)
            if kind == "rgb":
                Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(root / "rgb" / f"{k}.png", exif=exif)
            elif array is not None and array.dtype.kind == "f":
                np.save(root / kind / f"{k}.npy", array)
            elif array is not None:
                Image.fromarray(array).save(root / kind / f"{k}.png")
    return root


def complaints(root, **options):
    """What the command line would say: the error, or the warnings of all frames."""
    try:
        reader = open_reader(root=root, **options)
        reader.check()
        return [warning for name in reader.names for warning in reader.read(name).warnings]
    except InputError as error:
        return [str(error)]


def advised(message, number=""):
    """The options that a message names, one way out each; `number` is the user's own units per metre."""
    named = OPTION.findall(message.replace("NUMBER", number) if number else message)
    ways = [{name.replace("-", "_"): value} for name, value in named]
    if "--void 255 --label-offset 1" in message:
        ways = [{"void": 255, "label_offset": 1}, {"void": 255}]
    # "--depth-unit tum, or mm" and "--label-set a or b" name several.
    for name, first, others in re.findall(r"--(depth-unit|label-set) (\w+)((?:,? or \w+)+)", message):
        ways += [{name.replace("-", "_"): value} for value in (first, *re.findall(r"or (\w+)", others))]
    return [
        {key: int(value) if key in ("void", "label_offset") else value for key, value in way.items()} for way in ways
    ]


DEPTHS = {
    **{
        unit: (np.rint(ROOM * UNITS[unit][0] / 1000).astype(np.uint16), "is not a room's")
        for unit in ("tum", "d405", "kitti", "cm", "l515", "replica")
    },
    "close-up in SUN RGB-D's encoding": (rotate(CLOSE_UP), "Say which it is"),
    "float millimetres beyond a room": (ROOM * 5.0, "is not a room's"),
    "8 bits": ((ROOM // 40).astype(np.uint8), "8 bits a pixel", "25"),
    "8 bits stretched": ((ROOM // 40 * 255).astype(np.uint16), "multiples of 255", "6375"),
}


@pytest.mark.parametrize("kind", DEPTHS)
def test_advice_on_depth(tmp_path, kind):
    stored, words, *number = DEPTHS[kind]
    folder(tmp_path, depth=stored)
    said = complaints(tmp_path)
    assert words in said[0]
    ways = advised(said[0], *number)
    assert ways, said[0]
    assert [] in [complaints(tmp_path, **way) for way in ways], "one of the units is right"
    for way in ways:
        assert not any("expected auto, a name" in told for told in complaints(tmp_path, **way)), "and all are there"


LABELS = {
    "NYU40 from 0": (lambda k: ((LABEL + k) % 40).astype(np.uint8), "NYU40 counted from 0"),
    "255 as void": (lambda k: np.where(LABEL < 5, 255, LABEL).astype(np.uint8), "If 255 is void"),
    "all of NYU13": (lambda k: (LABEL % 14).astype(np.uint8), "all of nyu13"),
    "above NYU40": (lambda k: (LABEL + 100).astype(np.uint8), "fit --label-set ade20k150"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_advice_on_labels(tmp_path, kind):
    label, words = LABELS[kind]
    folder(tmp_path, label=label)
    (said,) = complaints(tmp_path)
    assert words in said
    ways = advised(said)
    assert ways, said
    for way in ways:
        assert complaints(tmp_path, **way) == [], (said, way)


def test_advice_on_a_picture_that_its_exif_turns(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    folder(tmp_path, label=LABEL, exif=exif)
    (said,) = complaints(tmp_path)
    assert "Save RGB with its pixels turned and without the tag" in said
    for path in (tmp_path / "rgb").iterdir():
        Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(path)
    assert complaints(tmp_path) == []


def test_a_binary_mask_names_no_option(tmp_path):
    folder(tmp_path, label=np.where(LABEL == 5, 255, 0).astype(np.uint8))
    (said,) = complaints(tmp_path)
    assert advised(said) == []
    for way in ({"void": 255}, {"void": 255, "label_offset": 1}, {"label_offset": 1}):
        assert complaints(tmp_path, **way) == [said], "and none of them makes classes of it"
