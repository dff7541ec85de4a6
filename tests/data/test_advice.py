"""Every message about depth, labels and pictures that gives advice: the advice, followed, works."""

import re

import h5py
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


def write_npz(path, arrays):
    np.savez(path, **arrays)


def write_hdf5(path, arrays):
    with h5py.File(path, "w") as file:
        file.update(arrays)


@pytest.mark.parametrize(("suffix", "write"), [(".npz", write_npz), (".h5", write_hdf5)])
def test_advice_on_a_file_of_several_arrays(tmp_path, suffix, write):
    folder(tmp_path, frames=3)
    for k in range(3):
        arrays = {"metres": ROOM / 1000, "sure": np.ones(ROOM.shape)}
        write(tmp_path / "depth" / f"{k}{suffix}", arrays)
    (said,) = complaints(tmp_path)
    held, option = re.search(r"holds (.+); give .* with --(depth-key) NAME", said).groups()
    assert held == "metres, sure"
    assert complaints(tmp_path, **{option.replace("-", "_"): "metres"}) == []


@pytest.mark.parametrize("way", ["--label-set", "classes.txt"])
@pytest.mark.parametrize("layout", ["VOC", "values beyond any set"])
def test_advice_to_name_the_classes(tmp_path, way, layout):
    """In a file for the option, or where the message says so in classes.txt beside the labels."""
    beyond = layout != "VOC"
    folder(tmp_path, label=np.where(LABEL < 5, 200, 3).astype(np.uint8) if beyond else LABEL)
    if not beyond:
        for old, new in (("rgb", "JPEGImages"), ("label", "SegmentationClass")):
            (tmp_path / old).rename(tmp_path / new)
    said = complaints(tmp_path) if beyond else list(open_reader(root=tmp_path).notices)
    assert "--label-set" in said[0], said
    assert beyond or way in said[0]
    names = tmp_path / ("classes.txt" if way == "classes.txt" else "names.txt")
    names.write_text("".join(f"thing {k}\n" for k in range(200)))
    given = {} if way == "classes.txt" else {"label_set": str(names)}
    assert complaints(tmp_path, **given) == []
    reader = open_reader(root=tmp_path, **given)
    assert not reader.notices
    assert reader.read("0").label.max() == (200 if beyond else 37)


def test_advice_on_one_frame_in_another_unit(tmp_path):
    """Its own unit in its meta file; the message's other way out, one unit for all, is wrong for the others here."""
    folder(tmp_path, depth=lambda k: rotate(ROOM) if k == 3 else ROOM.astype(np.uint16))
    (said,) = complaints(tmp_path)
    assert "Give its unit in meta/" in said
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "3.json").write_text('{"depth_unit": "sunrgbd"}')
    assert complaints(tmp_path) == []


def test_advice_on_patterns_that_do_not_pair(tmp_path):
    folder(tmp_path, frames=3)
    (tmp_path / "range").mkdir()
    for k in range(3):
        Image.fromarray(ROOM.astype(np.uint16)).save(tmp_path / "range" / f"d_{k}.png")
    pattern = "range/*.png"
    (said,) = complaints(tmp_path, depth=pattern)
    assert "its stars stand for 'd_0', frames are called '0'. Give --rgb, too" in said
    assert complaints(tmp_path, rgb="rgb/*.png", depth="range/d_*.png") == []
    (said,) = complaints(tmp_path, rgb="rgb/*.png", depth=pattern)
    assert "the stars stand for '0' in one and 'd_0' in the other" in said


def test_advice_on_frame_lists(tmp_path):
    folder(tmp_path, frames=2)
    lines = ["rgb", "rgb/0.png", "./rgb/0.png"]
    (tmp_path / "frames.csv").write_text("\n".join(lines))
    (said,) = complaints(tmp_path)
    assert "comes twice. Give each frame one in `name`" in said
    (tmp_path / "frames.csv").write_text(
        "\n".join([f"{line},{name}" for line, name in zip(lines, ("name", "a", "b"), strict=True)])
    )
    assert open_reader(root=tmp_path).names == ("a", "b")
