"""What label tools write: exports made here as each tool lays them out, opened by looking alone."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from deresunet import InputError, read_frame
from deresunet.classes import BUILT_IN, SUNRGBD37, ClassSet
from deresunet.data.label_checks import check_labels
from deresunet.data.labels import LabelFormat, read_label
from deresunet.data.readers import open_reader

SIZE = (40, 48)
WALL, FLOOR, CHAIR = (SUNRGBD37.label_of(name) for name in ("wall", "floor", "chair"))
# Void at the top, then three classes in rows.
TRUTH = np.repeat(np.array([0, WALL, FLOOR, CHAIR], np.uint8), 10)[:, None].repeat(48, 1)
# Other numbers, other colours, and NYU's spelling of a name.
NAMES = {0: "background", 7: "Chair", 3: "wall", 5: "floor"}
NUMBERS = np.repeat(np.array([0, 3, 5, 7], np.uint8), 10)[:, None].repeat(48, 1)
COLOURS = {0: (0, 0, 0), 3: (128, 0, 0), 5: (0, 128, 0), 7: (1, 2, 250)}


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def coloured(numbers):
    rgb = np.zeros((*numbers.shape, 3), np.uint8)
    for number, colour in COLOURS.items():
        rgb[numbers == number] = colour
    return rgb


def rgb(path):
    return save(path, np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8))


def shape(name, rows, kind="polygon"):
    (x0, y0), (x1, y1) = (-1, rows[0]), (48, rows[1] - 1)
    points = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]] if kind == "polygon" else [[x0, y0], [x1, y1]]
    return {"label": name, "points": points, "shape_type": kind, "group_id": None, "flags": {}}


def labelme(path, shapes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": "5", "imageHeight": 40, "imageWidth": 48, "shapes": shapes}))


def cvat(root):
    rgb(root / "JPEGImages" / "a.jpg")
    save(root / "SegmentationClass" / "a.png", coloured(NUMBERS))
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation" / "default.txt").write_text("a\n")
    lines = [f"{NAMES[k]}:{','.join(map(str, COLOURS[k]))}::" for k in NAMES]
    (root / "labelmap.txt").write_text("\n".join(["# label:color_rgb:parts:actions", *lines]))


def cvat_in_palette(root):
    cvat(root)
    indexed = Image.fromarray(coloured(NUMBERS)).quantize(8)
    indexed.save(root / "SegmentationClass" / "a.png")


def cvat_in_lines(root):
    """One channel: the numbers of the lines."""
    cvat(root)
    lines = np.zeros_like(NUMBERS)
    for line, number in enumerate(NAMES):
        lines[number == NUMBERS] = line
    save(root / "SegmentationClass" / "a.png", lines)


def roboflow(root):
    rgb(root / "test" / "a.jpg")
    save(root / "test" / "a_mask.png", NUMBERS)
    lines = [f"{k}, {name}" for k, name in NAMES.items()]
    (root / "test" / "_classes.csv").write_text("\n".join(["Pixel Value, Class", *lines]))


def supervisely(root):
    rgb(root / "ds0" / "img" / "a.jpg")
    save(root / "ds0" / "masks_machine" / "a.png", NUMBERS[..., None].repeat(3, 2))
    named = {name: [k] * 3 for k, name in NAMES.items() if k}
    (root / "obj_class_to_machine_color.json").write_text(json.dumps(named))


def segments_ai(root):
    rgb(root / "a.jpg")
    save(root / "a_label_ground-truth_semantic.png", NUMBERS)
    categories = [{"id": k, "name": name, "color": COLOURS[k]} for k, name in NAMES.items() if k]
    release = {"name": "v1", "dataset": {"task_attributes": {"categories": categories}}}
    (root / "rooms-v1.json").write_text(json.dumps(release))


def labelme_polygons(root):
    rgb(root / "rgb" / "a.jpg")
    shapes = [shape("chair", (0, 40)), shape("wall", (10, 20), "rectangle"), shape("floor", (20, 30))]
    labelme(root / "label" / "a.json", [*shapes, shape("background", (0, 10))])


def labelme_mask(root):
    rgb(root / "rgb" / "a.jpg")
    packed = io.BytesIO()
    Image.fromarray(np.full((10, 48), 255, np.uint8)).convert("1").save(packed, "PNG")
    mask = {**shape("wall", (10, 20)), "shape_type": "mask", "mask": base64.b64encode(packed.getvalue()).decode()}
    mask["points"] = [[0, 10], [47, 19]]
    labelme(root / "label" / "a.json", [mask, shape("floor", (20, 30)), shape("chair", (30, 40))])


def labelme_numbers(root):
    """Each image counts its own labels, in the order of their names; its JSON lies beside."""
    rgb(root / "rgb" / "a.jpg")
    own = np.zeros_like(NUMBERS)
    for number, name in enumerate(sorted(("wall", "floor", "chair")), 1):
        own[SUNRGBD37.label_of(name) == TRUTH] = number
    save(root / "label" / "a.png", own)
    labelme(root / "label" / "a.json", [shape(name, (0, 40)) for name in ("wall", "floor", "chair")])


def labelme_voc(root):
    rgb(root / "JPEGImages" / "a.jpg")
    save(root / "SegmentationClass" / "a.png", NUMBERS)
    names = [NAMES.get(k, f"unused{k}") for k in range(8)]
    (root / "class_names.txt").write_text("\n".join(["__ignore__", "_background_", *names[1:]]))


EXPORTS = (
    *(cvat, cvat_in_palette, cvat_in_lines, roboflow, supervisely, segments_ai),
    *(labelme_polygons, labelme_mask, labelme_numbers, labelme_voc),
)


@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_opens_by_looking_and_is_read_by_names(tmp_path, export):
    export(tmp_path)
    reader = open_reader(root=tmp_path)
    reader.check()
    frame = reader.read(reader.names[0])
    assert len(reader.names) == 1
    expected = TRUTH
    if export is labelme_voc:  # its unused names are of no set that is known
        expected = np.vectorize({0: 0, WALL: 3, FLOOR: 5, CHAIR: 7}.get)(TRUTH)
        assert [frame.class_set.names[k - 1] for k in (3, 5, 7)] == ["wall", "floor", "Chair"]
    assert np.array_equal(frame.label, expected)
    assert any("read by the names that" in notice for notice in reader.notices)


@pytest.mark.parametrize("names", [("cup", "plate", "table"), ("wall", "floor", "cup")])
def test_names_of_one_s_own_are_a_class_set_of_their_own(tmp_path, names):
    cvat(tmp_path)
    lines = [f"{name}:{','.join(map(str, COLOURS[k]))}::" for name, k in zip(names, (3, 5, 7), strict=True)]
    (tmp_path / "labelmap.txt").write_text("\n".join(lines))
    frame = open_reader(root=tmp_path).read("a")
    assert frame.class_set.names == names
    assert np.array_equal(np.unique(frame.label), [0, 1, 2, 3])


def test_what_is_scored_over_may_be_said(tmp_path):
    cvat(tmp_path)
    (tmp_path / "classes.txt").write_text("seat\nfloor\n")
    (tmp_path / "aliases.yaml").write_text("chair: seat\n")
    reader = open_reader(root=tmp_path, label_map=tmp_path / "aliases.yaml")
    assert np.array_equal(np.unique(reader.read("a").label), [0, 1, 2])
    assert reader.labels.way.missing == ("wall",)
    nyu = open_reader(root=tmp_path, classes="nyu40").read("a")
    assert nyu.class_set == BUILT_IN["nyu40"]
    assert nyu.label.max() == BUILT_IN["nyu40"].label_of("chair")


def test_a_single_label_file_is_read_by_the_names_beside_it(tmp_path):
    cvat(tmp_path)
    frame = read_frame(tmp_path / "JPEGImages" / "a.jpg", label=tmp_path / "SegmentationClass" / "a.png")
    assert np.array_equal(frame.label, TRUTH)


def test_a_colour_without_a_name_is_refused_and_the_advice_works(tmp_path):
    cvat(tmp_path)
    lines = (tmp_path / "labelmap.txt").read_text()
    (tmp_path / "labelmap.txt").write_text(lines.replace("Chair:1,2,250::", ""))
    with pytest.raises(InputError, match=r"the colour 1,2,250 is in no line.*name:r,g,b::"):
        open_reader(root=tmp_path).read("a")
    (tmp_path / "labelmap.txt").write_text(lines.replace("Chair:1,2,250::", "chair:1,2,250::"))
    assert np.array_equal(open_reader(root=tmp_path).read("a").label, TRUTH)


def test_colours_without_names_are_refused_and_the_advice_works(tmp_path):
    rgb(tmp_path / "rgb" / "a.jpg")
    save(tmp_path / "label" / "a.png", coloured(NUMBERS))
    with pytest.raises(InputError, match=r"in colours.*labelmap\.txt beside it, with a line name:r,g,b::"):
        open_reader(root=tmp_path).read("a")
    lines = [f"{NAMES[k]}:{','.join(map(str, COLOURS[k]))}::" for k in NAMES]
    (tmp_path / "label" / "labelmap.txt").write_text("\n".join(lines))
    assert np.array_equal(open_reader(root=tmp_path).read("a").label, TRUTH)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labelmap.txt", "wall 1 2 3", "no line of a label map"),
        ("labelmap.txt", "wall:1,2,300::", "no line of a label map"),
        ("_classes.csv", "Pixel Value, Class\nwall, 3", "a pixel value and a class"),
        ("obj_class_to_machine_color.json", "[1]", "for each class"),
        ("obj_class_to_machine_color.json", '{"a": [1, 2, 3], "b": [2, 2, 2]}', "not numbers in grey"),
    ],
)
def test_a_damaged_list_of_names_is_said(tmp_path, name, content, message):
    rgb(tmp_path / "rgb" / "a.jpg")
    save(tmp_path / "label" / "a.png", NUMBERS)
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        open_reader(root=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"shapes": [{"label": "a", "points": [["x", 1]]}], "imageHeight": 40, "imageWidth": 48}, "labelme's JSON"),
        ({"shapes": [], "imageHeight": 10**6, "imageWidth": 10**6}, "pixels; expected at most"),
        ({"a": 1}, "no JSON of labelme"),
        ({"size": {"height": 1, "width": 1}, "objects": []}, r"Supervisely.*Export as masks"),
    ],
)
def test_other_json_is_refused_with_what_to_give(tmp_path, content, message):
    rgb(tmp_path / "rgb" / "a.jpg")
    (tmp_path / "label").mkdir()
    (tmp_path / "label" / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        open_reader(root=tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("task-1-annotation-2-by-1-tag-chair-0.png", r"brush mask of Label Studio.*\(this one: chair\)"),
        ("a_label_ground-truth_instance.png", 'export_format="semantic"'),
        ("masks_human/a.png", "Give masks_machine/"),
    ],
)
def test_exports_without_classes_are_refused_with_the_one_that_has_them(tmp_path, name, message):
    save(tmp_path / name, NUMBERS)
    with pytest.raises(InputError, match=message):
        read_label(tmp_path / name)


def test_brush_masks_of_a_folder_are_said(tmp_path):
    rgb(tmp_path / "rgb" / "a.jpg")
    save(tmp_path / "label" / "task-1-annotation-2-by-1-tag-chair-0.png", NUMBERS)
    assert any("a brush mask of Label Studio" in notice for notice in open_reader(root=tmp_path).notices)


def test_numbers_that_each_image_counts_by_itself_are_no_classes_and_the_advice_works(tmp_path):
    names = ["bed", "chair", "floor", "wall"]
    for k in range(1, 5):
        own = np.repeat(np.arange(1, k + 1, dtype=np.uint8), -(-40 // k))[:40, None].repeat(48, 1)
        rgb(tmp_path / "rgb" / f"{k}.jpg")
        save(tmp_path / "label" / f"{k}.png", own)
    with pytest.raises(InputError, match=r"a number of its own.*beside its label file under the same name"):
        open_reader(root=tmp_path).check()
    open_reader(root=tmp_path, label_offset=0).check()
    for k in range(1, 5):
        labelme(tmp_path / "label" / f"{k}.json", [shape(name, (0, 40)) for name in names[-k:]])
    reader = open_reader(root=tmp_path)
    reader.check()
    assert np.unique(reader.read("1").label).tolist() == [WALL]
    assert np.unique(reader.read("2").label).tolist() == [WALL, FLOOR]


def test_a_binary_mask_is_said_to_be_one_whatever_void_was_given(tmp_path):
    mask = np.where(NUMBERS == 7, 255, 0).astype(np.uint8)
    path = save(tmp_path / "a.png", mask)
    with pytest.raises(InputError, match="binary mask") as told:
        read_label(path)
    assert "--" not in str(told.value), "no option makes classes of it"
    for options in ({}, {"void": 255}, {"void": 255, "offset": 1}):
        with pytest.raises(InputError, match="binary mask"):
            check_labels([path], LabelFormat(**options))
    with pytest.raises(InputError, match="binary mask: its only values are 0 and 1"):
        read_label(save(tmp_path / "b.png", mask > 0))


def test_class_numbers_in_other_types_are_read(tmp_path):
    np.save(tmp_path / "floats.npy", TRUTH.astype(np.float32))
    np.savez(tmp_path / "one.npz", label=TRUTH)
    save(tmp_path / "floats.tif", TRUTH.astype(np.float32))
    Image.fromarray(np.dstack([TRUTH, np.full_like(TRUTH, 255)]), "LA").save(tmp_path / "alpha.png")
    for name in ("floats.npy", "one.npz", "floats.tif", "alpha.png"):
        assert np.array_equal(read_label(tmp_path / name), TRUTH), name


def test_what_is_no_class_number_is_said_as_it_is_and_not_as_colours(tmp_path):
    for name, array, message in (
        ("half.npy", TRUTH + 0.5, "holds 0.5, which is no class number"),
        ("nan.npy", np.full(SIZE, np.nan), "holds nan"),
        ("shape.npy", np.zeros((4, 5, 7), np.uint8), "shape"),
    ):
        np.save(tmp_path / name, array)
        with pytest.raises(InputError, match=message) as told:
            read_label(tmp_path / name)
        assert "colours" not in str(told.value)


def test_the_way_out_of_numbers_above_the_label_set_works(tmp_path):
    numbers = TRUTH.astype(np.uint16) * 40
    path = save(tmp_path / "a.png", numbers)
    with pytest.raises(InputError, match=r"pass --label-set FILE") as told:
        read_label(path)
    assert str(numbers.max()) in str(told.value)
    (tmp_path / "classes.txt").write_text("\n".join(f"class {k}" for k in range(1, 256)))
    assert read_label(path, LabelFormat.choose(ClassSet.of(tmp_path / "classes.txt"))).max() == numbers.max()
    with pytest.raises(InputError, match=r"Values above 255 are instances.*--label-set FILE"):
        read_label(save(tmp_path / "b.png", numbers * 10))
