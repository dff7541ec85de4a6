"""Label files brought to class sets of any size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deresunet.classes import BUILT_IN, SUNRGBD37, ClassSet
from deresunet.data.files import read_frame
from deresunet.data.frame import Frame, OrientedBox
from deresunet.data.label_checks import check_labels
from deresunet.data.labels import LabelFormat, read_label
from deresunet.errors import InputError

KITCHEN = ClassSet("kitchen", ("cup", "plate", "sofa", "floor"), void=255)


def write(path: Path, label: np.ndarray) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(label.astype(np.uint8)).save(path)
    return path


def columns(*values: int) -> np.ndarray:
    """A label 48x64 of vertical stripes."""
    return np.array(values, np.uint8).repeat(-(-64 // len(values)))[:64][None].repeat(48, 0)


@pytest.mark.parametrize(
    ("said", "label_set", "scored"),
    [
        ({}, "nyu40", "sunrgbd37"),
        ({"label_set": "nyu40"}, "nyu40", "sunrgbd37"),
        ({"label_set": "scannet20"}, "scannet20", "sunrgbd37"),
        ({"label_set": "nyu13"}, "nyu13", "nyu13"),
        ({"classes": "nyu40"}, "nyu40", "nyu40"),
        ({"classes": "nyu13"}, "nyu40", "nyu13"),
        ({"classes": "ade20k150"}, "ade20k150", "ade20k150"),
        ({"usual": "nyu13"}, "nyu13", "nyu13"),
        ({"usual": "nyu13", "classes": "sunrgbd37"}, "nyu13", "sunrgbd37"),
        ({"classes": KITCHEN}, "kitchen", "kitchen"),
        ({"classes": KITCHEN, "label_set": "nyu40"}, "nyu40", "kitchen"),
    ],
)
def test_what_files_count_and_what_is_scored(said: dict, label_set: str, scored: str) -> None:
    chosen = LabelFormat.choose(**said)
    assert (chosen.values.name, chosen.class_set.name) == (label_set, scored)


def test_a_folder_names_its_classes(tmp_path: Path) -> None:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    (folder / "classes.txt").write_text("cup\ncouch\nplate\n")
    aliases = tmp_path / "map.yaml"
    aliases.write_text("couch: sofa\ncup: void\n")
    own = LabelFormat.choose(folder=folder, usual="nyu13")
    assert (own.values.names, own.class_set.name) == (("cup", "couch", "plate"), "kitchen")
    assert LabelFormat.choose("nyu40", folder=folder).class_set is SUNRGBD37
    mapped = LabelFormat.choose(classes="sunrgbd37", aliases=aliases, folder=folder)
    assert mapped.decode(np.array([[0, 1, 2, 3]]), "x").tolist() == [[0, 0, 6, 0]]
    assert mapped.way.missing == ("cup", "plate")


def test_files_become_frames_of_the_class_set(tmp_path: Path) -> None:
    rgb = tmp_path / "a.jpg"
    Image.new("RGB", (64, 48), (120, 90, 60)).save(rgb)
    stored = write(tmp_path / "a.png", columns(0, 8, 13, 20, 40))
    frame = read_frame(rgb, label=stored, classes="nyu13")
    assert frame.class_set is BUILT_IN["nyu13"]
    assert frame.label is not None
    assert np.unique(frame.label).tolist() == [0, 5, 7, 12, 13]
    assert read_frame(rgb, label=stored, classes="nyu40").label.max() == 40
    default = read_frame(rgb, label=stored)
    assert default.class_set is SUNRGBD37
    assert np.unique(default.label).tolist() == [0, 8, 13, 20]
    own = read_frame(rgb, label=write(tmp_path / "b.png", columns(0, 1, 4, 255)), classes=KITCHEN)
    assert np.unique(own.label).tolist() == [0, 1, 4]


@pytest.mark.parametrize("count", [2, 13, 40, 150, 255])
def test_any_number_of_classes_is_read(tmp_path: Path, count: int) -> None:
    classes = ClassSet("own", tuple(f"thing {k}" for k in range(count)))
    label = np.arange(48 * 64).reshape(48, 64) % (count + 1)
    path = write(tmp_path / "a.png", label)
    read = read_label(path, LabelFormat(classes, class_set=classes))
    assert np.array_equal(read, label)
    Frame(np.zeros((48, 64, 3), np.uint8), label=read, class_set=classes)
    if count < 255:
        with pytest.raises(InputError, match=rf"expected 0 for void and 1\.\.{count} \(own\)\. Name the further"):
            read_label(write(path, label + 1), LabelFormat(classes, class_set=classes))
        with pytest.raises(InputError, match=rf"expected 0 \(void\) and 1\.\.{count} \(own\)"):
            Frame(np.zeros((48, 64, 3), np.uint8), label=(read + 1), class_set=classes)


def test_the_advice_on_values_beyond_the_label_set_can_be_followed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", columns(1, 39))
    with pytest.raises(InputError, match="The values fit --label-set nyu40"):
        read_label(path, "sunrgbd37")
    assert read_label(path, "nyu40").max() == 1
    path = write(tmp_path / "a.png", columns(1, 120))
    with pytest.raises(InputError, match=r"The values fit --label-set ade20k150\.$"):
        read_label(path, "nyu40")
    assert read_label(path, "ade20k150").max() == 1
    with pytest.raises(InputError, match="Name the classes in the order of their values in a file"):
        read_label(write(tmp_path / "a.png", columns(1, 200)), "nyu40")


def test_own_labels_that_count_from_0_are_told(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{k}.png", columns(0, 1, 2, 3)) for k in range(10)]
    with pytest.raises(InputError, match=r"the 4 classes of kitchen counted from 0, where 0 is cup.*--label-offset 1"):
        check_labels(files, LabelFormat(KITCHEN, class_set=KITCHEN))
    check_labels(files, LabelFormat(KITCHEN, 1, class_set=KITCHEN))
    check_labels(files, LabelFormat(KITCHEN, 0, class_set=KITCHEN))
    rare = [write(tmp_path / f"{k}.png", columns(0, 1, 3)) for k in range(10)]
    check_labels(rare, LabelFormat(KITCHEN, class_set=KITCHEN))


def test_a_palette_of_the_own_colours_at_other_indices_is_refused(tmp_path: Path) -> None:
    label = columns(0, 1, 2, 3)
    image = Image.fromarray(label, "P")
    image.putpalette(KITCHEN.palette.ravel().tolist())
    image.save(tmp_path / "right.png")
    assert read_label(tmp_path / "right.png", KITCHEN).shape == (48, 64)
    image.putpalette(KITCHEN.palette[[0, 3, 1, 2]].ravel().tolist())
    image.save(tmp_path / "wrong.png")
    with pytest.raises(InputError, match=r"index 1 has sofa's colour"):
        read_label(tmp_path / "wrong.png", KITCHEN)


def test_a_frame_is_brought_to_another_set() -> None:
    box = OrientedBox(8, "front door", np.zeros(3), np.eye(3), np.ones(3))
    label = columns(0, 8, 39, 22)
    frame = Frame(np.zeros((48, 64, 3), np.uint8), label=label, boxes=(box,), class_set=BUILT_IN["nyu40"])
    brought = frame.brought_to(BUILT_IN["nyu13"])
    assert brought.label[0, ::16].tolist() == [0, 12, 6, 3]
    assert brought.boxes[0].label == 12
    assert brought.class_set is BUILT_IN["nyu13"]
    assert frame.brought_to(BUILT_IN["nyu40"]) is frame
