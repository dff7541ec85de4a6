"""The folder layout and the bundled rooms."""

import json

import numpy as np
import pytest
from PIL import Image

from deresunet import InputError
from deresunet.classes import SUNRGBD37
from deresunet.data.folder import REAL_SAMPLES_DIR, SAMPLES_DIR, real_samples
from deresunet.data.readers import open_reader
from deresunet.data.sunrgbd.polygons import fill_polygons, parse_polygons


@pytest.fixture
def folder(tmp_path):
    for name in ("rgb", "depth", "label"):
        (tmp_path / name).mkdir()
    for index, stem in enumerate(("a", "b", "c")):
        Image.fromarray(np.full((40, 48, 3), index, np.uint8)).save(tmp_path / "rgb" / f"{stem}.png")
    Image.fromarray(np.full((40, 48), 1500, np.uint16)).save(tmp_path / "depth" / "a.png")
    Image.fromarray(np.full((40, 48), 39, np.uint8)).save(tmp_path / "label" / "a.png")
    (tmp_path / "test.txt").write_text("c\na\n\n")
    return tmp_path


def test_splits_and_frames(folder):
    reader = open_reader(root=folder, split="test")
    assert reader.names == ("c", "a")
    assert open_reader(root=folder, split="all").names == ("a", "b", "c")
    frame = reader.read("a")
    assert frame.size == (40, 48)
    assert np.allclose(frame.depth, 1.5)
    assert (frame.label == 0).all(), "39 is void among the 37"
    bare = reader.read("c")
    assert bare.depth is None
    assert bare.label is None


def test_the_label_set_is_kept(folder):
    with pytest.raises(InputError, match="value 39"):
        open_reader(root=folder, split="test", label_set="sunrgbd37").read("a")


def test_errors_say_what_is_there(folder, tmp_path):
    with pytest.raises(InputError, match="part of the data set in the folder above"):
        open_reader(root=tmp_path / "rgb")
    with pytest.raises(InputError, match="Splits here: all, test"):
        open_reader(root=folder, split="train")
    with pytest.raises(InputError, match=r"no frame '\.\./a'"):
        open_reader(root=folder).read("../a")
    (folder / "more.txt").write_text("a\nz\n")
    with pytest.raises(InputError, match="'z'"):
        open_reader(root=folder, split="more")
    with pytest.raises(InputError, match="auto, sunrgbd, nyuv2, frames"):
        open_reader("kitti")
    with pytest.raises(InputError, match="needs --data"):
        open_reader("folder")


def test_bundled_rooms_are_complete(rooms):
    assert len(rooms.names) == 24
    seen, sizes = set(), set()
    for name in rooms.names:
        frame = rooms.read(name)
        sizes.add(frame.size)
        assert frame.intrinsics.shape == (3, 3)
        assert frame.boxes
        assert 0.2 < np.median(frame.depth[frame.depth > 0]) < 10
        seen |= set(np.unique(frame.label))
    assert {SUNRGBD37.names[k - 1] for k in range(1, 38) if k not in seen} == {"shower_curtain"}
    assert sizes == {(480, 640), (530, 730), (531, 681)}
    credits = (SAMPLES_DIR / "CREDITS.txt").read_text()
    assert "CC0-1.0" in credits
    assert "Apache-2.0" in credits


def test_boxes_lie_around_their_objects_depth(rooms):
    """Boxes, brought into the camera's frame and projected, hold most of their class's measured points."""
    checked = 0
    for name in ("0001", "0003", "0007"):
        frame = rooms.read(name)
        rows, columns = np.nonzero((frame.depth > 0) & (frame.label == SUNRGBD37.names.index("chair") + 1))
        boxes = [box for box in frame.boxes if box.label == SUNRGBD37.names.index("chair") + 1]
        if not len(rows) or not boxes:
            continue
        z = frame.depth[rows, columns]
        rays = np.linalg.inv(frame.intrinsics) @ np.stack([columns, rows, np.ones_like(rows)])
        points = (rays * z).T
        inside = np.zeros(len(points), bool)
        for box in boxes:
            inside |= (np.abs((points - box.centroid) @ box.basis.T) <= box.half + 0.05).all(1)
        assert inside.mean() > 0.9
        checked += 1
    assert checked


# Names that annotators gave to what is none of the 37 classes, or to what they were not certain of.
VOID_NAMES = {
    "air conditioner",
    "ashtray",
    "bar stools",
    "bar stools and table",
    "bin",
    "bottle",
    "can",
    "clock",
    "container",
    "cup",
    "die",
    "fire alarm",
    "fire extinguisher box",
    "folders",
    "globe",
    "hanger",
    "heater",
    "keyboard",
    "light",
    "magazine",
    "monitor",
    "mouse",
    "notice board",
    "outlet",
    "package",
    "packaging",
    "pallet",
    "panel",
    "partition",
    "pet things",
    "pipes",
    "plant",
    "plate",
    "pole",
    "pot",
    "rattan vase",
    "room beyond",
    "scissors",
    "shoe",
    "sign",
    "stand",
    "striped panel",
    "tablecloth",
    "tape",
    "teddy bear",
    "telephone",
    "threshold",
    "toy",
    "toy plane",
    "tripod",
    "unclear",
    "under the desk",
    "under the sofa",
    "waste bin",
}


def test_real_samples_are_complete():
    reader = real_samples()
    assert set(reader.names) == set(open_reader(root=REAL_SAMPLES_DIR, split="all").names)
    assert len(reader.names) == 7
    credits = (REAL_SAMPLES_DIR / "CREDITS.md").read_text()
    licences = ("CC BY 4.0", "Apache-2.0", "MIT")
    for name in reader.names:
        frame = reader.read(name)
        assert frame.depth is not None
        assert frame.label is not None
        assert 0.2 < np.median(frame.depth[frame.depth > 0]) < 10, "metres"
        assert (frame.label > 0).mean() > 0.5
        (row,) = (line for line in credits.splitlines() if line.startswith(f"| {name} |"))
        cells = [cell.strip() for cell in row.split("|")]
        assert cells[4] in licences
        if frame.intrinsics is not None:
            stated = [float(word) for word in cells[6].split() if word[0].isdigit()]
            assert stated == list(frame.intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]])


@pytest.mark.parametrize("name", real_samples().names)
def test_labels_of_real_samples_are_their_polygons(name):
    path = REAL_SAMPLES_DIR / "annotation" / f"{name}.json"
    polygons = parse_polygons(json.loads(path.read_text()), str(path))
    assert polygons
    label = np.asarray(Image.open(REAL_SAMPLES_DIR / "label" / f"{name}.png"))
    with Image.open(REAL_SAMPLES_DIR / "rgb" / f"{name}.jpg") as rgb:
        assert label.shape == (rgb.height, rgb.width)
    filled = fill_polygons(polygons, label.shape)
    assert np.array_equal(label, filled.label), f"label/{name}.png is not what annotation/{name}.json fills"
    assert set(filled.unknown) <= VOID_NAMES, "a name that is no class is void on purpose, or misspelt"
