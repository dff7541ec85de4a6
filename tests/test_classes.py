import json
from pathlib import Path

import numpy as np
import pytest

from deresunet.class_files import read_label_map
from deresunet.classes import BUILT_IN, SUNRGBD37, ClassSet, joined, label_map
from deresunet.errors import InputError


def oklab_of_linear(rgb: np.ndarray) -> np.ndarray:
    """OKLab by way of CIE XYZ, as its author defines it."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                             [0.0193339, 0.1191920, 0.9503041]]).T  # fmt: skip
    lms = np.cbrt(xyz @ np.array([[0.8189330101, 0.3618667424, -0.1288597137],
                                  [0.0329845436, 0.9293118715, 0.0361456387],
                                  [0.0482003018, 0.2643662691, 0.6338517070]]).T)  # fmt: skip
    return lms @ np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                           [0.0259040371, 0.7827717662, -0.8086757660]]).T  # fmt: skip


def own(count: int) -> ClassSet:
    return ClassSet("own", tuple(f"thing {k}" for k in range(count)))


def nearest_pair(classes: ClassSet) -> float:
    lab = oklab_of_linear(classes.palette / 255)
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    return float(distance[~np.eye(len(lab), dtype=bool)].min())


def test_built_in_sets_have_their_sizes_and_the_37_keep_names_and_colours() -> None:
    assert {name: len(classes) for name, classes in BUILT_IN.items()} == {
        "sunrgbd37": 37,
        "nyu40": 40,
        "nyu13": 13,
        "scannet20": 20,
        "ade20k150": 150,
    }
    assert SUNRGBD37.names[:3] == ("wall", "floor", "cabinet")
    assert SUNRGBD37.names[-1] == "bag"
    assert SUNRGBD37.colours[:2] == ("#8ea8c4", "#b08054")
    assert SUNRGBD37.display_name(24) == "refrigerator"
    assert SUNRGBD37.display_name(0) == "void"
    assert BUILT_IN["nyu40"].names[:37] == SUNRGBD37.names
    assert BUILT_IN["ade20k150"].names[0] == "wall"
    assert BUILT_IN["ade20k150"].names[149] == "flag"
    assert BUILT_IN["ade20k150"].names[89] == "television receiver"


@pytest.mark.parametrize("count", [2, 13, 40, 150, 255])
def test_colours_are_told_apart_and_chosen_the_same_way_each_time(count: int) -> None:
    classes = own(count)
    assert classes.palette.shape == (count + 1, 3)
    assert classes.palette.dtype == np.uint8
    assert not classes.palette[0].any()
    assert classes.colours == own(count).colours
    assert nearest_pair(classes) > (0.05 if count > 40 else 0.11)


def test_a_name_keeps_the_colour_that_it_has_among_the_37() -> None:
    for classes in BUILT_IN.values():
        for name in classes.names:
            label = SUNRGBD37.label_of(name)
            if label is not None:
                assert classes.colours[classes.names.index(name)] == SUNRGBD37.colours[label - 1], name
        assert len(set(classes.colours)) == len(classes)
    mixed = ClassSet("mixed", ("Night-Stand", "cup", "TV"), colours=("", "#123456", ""))
    assert mixed.colours[0] == SUNRGBD37.colours[SUNRGBD37.names.index("night_stand")]
    assert mixed.colours[1] == "#123456"
    assert mixed.colours[2] == SUNRGBD37.colours[SUNRGBD37.names.index("television")]


@pytest.mark.parametrize(
    ("names", "fields", "said"),
    [
        (("cup",), {}, "one class, 'cup'"),
        ((), {}, "0 classes; expected 2 to 255"),
        (tuple(map(str, range(256))), {}, "256 classes"),
        (("cup", "Cup"), {}, "both 'cup' and 'Cup'"),
        (("cup", ""), {}, "no class's name"),
        (("cup", "x" * 101), {}, "no class's name"),
        (("cup", "a\nb"), {}, "no class's name"),
        (("cup", 3), {}, "no class's name"),
        (("cup", "plate"), {"colours": ("#fff", "")}, "'#fff' is not one like"),
        (("cup", "plate"), {"colours": ("#ffffff",)}, "2 names and 1 colours"),
        (("cup", "plate"), {"display_names": ("a", "a")}, "unique"),
        (("cup", "plate"), {"void": 2}, "void is 2, which is 'plate'"),
        (("cup", "plate"), {"void": -1}, "expected a value 0..65535"),
        (("cup", "plate"), {"void": True}, "expected a value"),
    ],
)
def test_what_is_no_class_set_is_refused_in_words(names: tuple, fields: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ClassSet("own", names, **fields)


def test_json_and_back() -> None:
    classes = ClassSet("own", ("cup", "Plate_A"), ("Cup", ""), ("#010203", ""), void=255)
    assert ClassSet.from_dict(json.loads(json.dumps(classes.to_dict()))) == classes
    assert ClassSet.from_dict({"names": ["a", "b"]}).title == "2 classes, 2 classes"


@pytest.mark.parametrize(
    "described",
    [None, [], {"names": "ab"}, {"names": [["a"], "b"]}, {"names": ["a", "b"], "x": 1}, {"names": ["a"] * 300},
     {"names": ["a", "b"], "colours": [1, 2]}, {"name": 3, "names": ["a", "b"]}],
)  # fmt: skip
def test_a_foreign_description_is_refused(described: object) -> None:
    with pytest.raises(InputError):
        ClassSet.from_dict(described)


def test_text_file(tmp_path: Path) -> None:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    (folder / "classes.txt").write_text(
        "# made by hand\nunlabelled\ncup\ncoffee machine  #0A0b0c\n plate \n\n", "utf-8"
    )
    classes = ClassSet.of(folder / "classes.txt")
    assert classes == ClassSet.find(folder) == ClassSet.of(folder)
    assert (classes.name, classes.names) == ("kitchen", ("cup", "coffee machine", "plate"))
    assert classes.colours[1] == "#0a0b0c"
    assert classes.title == "kitchen, 3 classes"
    (folder / "classes.yaml").write_text("classes: [a, b]")
    with pytest.raises(InputError, match=r"classes\.yaml and classes\.txt"):
        ClassSet.find(folder)
    with pytest.raises(InputError, match=r"has none of classes\.yaml"):
        ClassSet.of(tmp_path)
    assert ClassSet.find(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "name: lab\nvoid: 255\nclasses:\n  - cup\n  - {name: plate, colour: '#ff0000', display_name: Big plate}\n",
        "name: lab\nvoid: 255\nnames: {0: void, 1: cup, 2: {name: plate, color: '#ff0000', display_name: Big plate}}\n",
    ],
)
def test_yaml_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "classes.yaml").write_text(text)
    classes = ClassSet.of(str(tmp_path / "classes.yaml"))
    assert (classes.name, classes.names, classes.void) == ("lab", ("cup", "plate"), 255)
    assert classes.display_names == ("cup", "Big plate")
    assert classes.colours[1] == "#ff0000"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("classes.txt", b"cup\n\nplate\n", "line 2 is empty"),
        ("classes.txt", b"cup\n", "one class"),
        ("classes.txt", b"", "0 classes"),
        ("classes.txt", b"\xff\xfe\x00", "no text in UTF-8"),
        ("classes.txt", b"x" * (1 << 21), "more than 1,048,576 bytes"),
        ("classes.yaml", b"classes: [a, [b", "no YAML"),
        ("classes.yaml", b"classes: !!python/object/apply:os.system [ls]", "no YAML"),
        ("classes.yaml", b"palette: [a, b]", "it has palette; expected `classes`"),
        ("classes.yaml", b"void: 3", "it has no classes"),
        ("classes.yaml", b"classes: [no, yes]", "in quotes"),
        ("classes.yaml", b"classes: 3", "expected a list of names"),
        ("classes.yaml", b"classes: {1: a, 3: b}", r"numbered \[1, 3\]"),
        ("classes.yaml", b"classes: {0: cup, 1: plate}", "count from 0, which is void here"),
        ("classes.yaml", b"classes: [a, b]\nvoid: 1", "void is 1, which is 'a'"),
        ("classes.yaml", b"classes: [a, b]\nname: [x]", "is called"),
    ],
)
def test_files_that_name_no_classes(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        ClassSet.of(tmp_path / name)


def test_a_file_cannot_pass_for_a_built_in_set(tmp_path: Path) -> None:
    (tmp_path / "classes.yaml").write_text("name: nyu40\nclasses: [a, b]")
    classes = ClassSet.of(tmp_path)
    assert classes.name == "nyu40 (classes.yaml)"
    assert classes.title == "nyu40 (classes.yaml), 2 classes"
    assert BUILT_IN["nyu40"].title == "NYU Depth v2, 40 classes"


def test_unknown_names_are_answered_with_those_that_exist() -> None:
    assert ClassSet.of("nyu13") is BUILT_IN["nyu13"]
    with pytest.raises(InputError, match=r"did you mean nyu40\? Expected one of sunrgbd37, nyu40"):
        ClassSet.of("nyu-40")


def test_nyu40_merges_into_the_13_by_the_official_table() -> None:
    to_13 = label_map(BUILT_IN["nyu40"], BUILT_IN["nyu13"])
    by_name = {
        name: BUILT_IN["nyu13"].display_name(to) for name, to in zip(to_13.source.names, to_13.table[1:], strict=True)
    }
    assert (to_13.missing, to_13.unreachable) == ((), ())
    for name, wanted in {
        "door": "wall", "blinds": "window", "curtain": "window", "floor_mat": "floor", "desk": "table",
        "bookshelf": "furniture", "counter": "furniture", "otherfurniture": "furniture", "otherstructure": "objects",
        "pillow": "objects", "person": "objects", "night_stand": "furniture", "television": "tv", "books": "books",
    }.items():  # fmt: skip
        assert by_name[name] == wanted, name
    counts = np.bincount(to_13.table[1:], minlength=14)[1:]
    assert counts.tolist() == [1, 1, 1, 1, 2, 8, 16, 1, 1, 2, 1, 2, 3]
    assert (label_map(SUNRGBD37, BUILT_IN["nyu13"]).table == to_13.table[:38]).all()
    back = label_map(BUILT_IN["nyu13"], SUNRGBD37)
    assert back.missing == ("floor", "furniture", "objects", "table", "wall", "window")


def test_maps_between_the_built_in_sets() -> None:
    nyu = label_map(BUILT_IN["nyu40"], SUNRGBD37)
    assert nyu.table.tolist() == [*range(38), 0, 0, 0]
    assert nyu.missing == ("otherstructure", "otherfurniture", "otherprop")
    up = label_map(SUNRGBD37, BUILT_IN["nyu40"])
    assert up.table.tolist() == list(range(38))
    assert up.unreachable == ("otherstructure", "otherfurniture", "otherprop")
    assert not up.identity
    assert label_map(SUNRGBD37, SUNRGBD37).identity
    assert label_map(BUILT_IN["scannet20"], BUILT_IN["nyu40"]).missing == ()
    ade = label_map(BUILT_IN["ade20k150"], SUNRGBD37)
    wanted = {"windowpane": "window", "swivel chair": "chair", "refrigerator": "refridgerator", "bookcase": "bookshelf"}
    for name, to in wanted.items():
        assert SUNRGBD37.names[ade.table[1 + ade.source.names.index(name)] - 1] == to
    assert {"paper", "whiteboard", "shower_curtain"} <= set(ade.unreachable)
    back = label_map(SUNRGBD37, BUILT_IN["ade20k150"])
    for name, to in {"window": "windowpane", "picture": "painting", "chair": "chair", "pillow": "pillow"}.items():
        assert back.target.names[back.table[1 + SUNRGBD37.names.index(name)] - 1] == to
    assert set(back.missing) <= set(ade.unreachable)


def test_a_mapping_of_ones_own(tmp_path: Path) -> None:
    source = ClassSet("mine", ("Couch", "stool", "lamp", "dog"))
    path = tmp_path / "map.yaml"
    path.write_text("couch: sofa\nstool: chair\nlamp: void\ntable: null\n")
    target = SUNRGBD37.with_aliases(read_label_map(path))
    found = label_map(source, target)
    assert found.table.tolist() == [0, 6, 5, 0, 0]
    assert found.missing == ("lamp", "dog")
    assert ClassSet.from_dict(json.loads(json.dumps(target.to_dict()))) == target
    assert target.title == "SUN RGB-D, 37 classes"
    with pytest.raises(InputError, match="to 'chairr', which is no class of sunrgbd37; did you mean 'chair'"):
        SUNRGBD37.with_aliases({"stool": "chairr"})
    for content in ("[a, b]", "couch: [a]", "3: chair", ""):
        path.write_text(content)
        with pytest.raises(InputError):
            read_label_map(path)


def test_aliases_come_before_the_built_in_tables() -> None:
    target = BUILT_IN["nyu13"].with_aliases({"door": "objects", "otherprop": None})
    found = label_map(BUILT_IN["nyu40"], target)
    assert found.table[8] == 7
    assert found.missing == ("otherprop",)


def test_a_network_keeps_the_classes_that_the_ground_truth_lacks() -> None:
    both = joined(BUILT_IN["nyu40"], SUNRGBD37)
    assert both.target.names == BUILT_IN["nyu40"].names
    assert both.target.colours == BUILT_IN["nyu40"].colours
    assert both.table.tolist() == list(range(41))
    assert joined(SUNRGBD37, SUNRGBD37).target is SUNRGBD37
    assert joined(SUNRGBD37, BUILT_IN["nyu40"]).target is BUILT_IN["nyu40"]
    # Merged classes are not those of the same name, and the void of an alias is none of the others.
    merged = joined(BUILT_IN["nyu13"], SUNRGBD37)
    assert merged.target.names[37:] == (
        *("floor (nyu13)", "furniture", "objects", "table (nyu13)", "wall (nyu13)", "window (nyu13)"),
    )
    assert merged.table.tolist() == [0, 4, 23, 22, 5, 38, 39, 40, 11, 6, 41, 25, 42, 43]
    assert joined(SUNRGBD37, SUNRGBD37.with_aliases({"wall": "void"})).target.names[37:] == ("wall (sunrgbd37)",)
    large = joined(BUILT_IN["nyu40"], own(250))
    assert len(large.target) == len(set(large.target.colours)) == 255
    assert large.table.tolist() == [0, 251, 252, 253, 254, 255, *[0] * 35]
