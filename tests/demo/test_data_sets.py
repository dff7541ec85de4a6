"""Data sets of the page, opened by looking at their folders."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sunrgbd_archives import RedReader, frame_files, frame_names, halves, make_archives, picture

from demo.data_sets import open_sources, variants
from demo.inspector import Inspector
from deresunet import InputError
from deresunet.data.fingerprint import contents_fingerprint
from deresunet.data.source import Source


def folder_of(root, *names, splits=("test",)):
    (root / "rgb").mkdir(parents=True)
    for name in names:
        Image.fromarray(np.zeros((40, 48, 3), np.uint8)).save(root / "rgb" / f"{name}.png")
    for split in splits:
        (root / f"{split}.txt").write_text("\n".join(names))
    return str(root)


def test_several_data_sets_are_named_by_folder_and_split(tmp_path):
    one, two = folder_of(tmp_path / "a" / "rooms", "x"), folder_of(tmp_path / "b" / "rooms", "y")
    plain = folder_of(tmp_path / "plain", "z", splits=())
    found = open_sources([one, two, plain], Source())
    assert {name: reader.names for name, reader in found.items()} == {
        "a/rooms (test)": ("x",),
        "b/rooms (test)": ("y",),
        "plain (all)": ("z",),
    }
    assert open_sources([one], Source("folder", split="all")).keys() == {"rooms (all)"}


def test_an_unknown_folder_or_layout_is_told(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("")
    with pytest.raises(InputError, match=r"There: 1 \.txt\. Looked for: .*rgb/"):
        open_sources([str(tmp_path / "notes")], Source())
    with pytest.raises(InputError, match="No layout is called 'coco'"):
        open_sources([folder_of(tmp_path / "rooms", "x")], Source("coco"))
    with pytest.raises(InputError, match=r"rgb/ \(empty\)"):
        open_sources([folder_of(tmp_path / "empty", splits=("test",))], Source())


def test_options_that_no_data_set_takes_are_refused(tmp_path):
    """Of two data sets one takes the option; of none, and of bundled samples alone, it has no effect."""
    plain = folder_of(tmp_path / "plain", "z")
    frame = tmp_path / "sun" / "kv1" / "a" / "image" / "a.jpg"
    frame.parent.mkdir(parents=True)
    frame.touch()
    sun, tum = str(tmp_path / "sun"), Source(depth_unit="tum", label_offset=1, void=255, intrinsics="9,9,9,9")
    found = open_sources([plain, sun], tum)
    assert found["plain (test)"].depth_unit == "tum"
    assert found["plain (test)"].labels.offset == 1
    assert found["plain (test)"].intrinsics[0, 0] == 9
    for folders, where in (([sun], "SUN RGB-D"), ([], "the bundled samples")):
        with pytest.raises(InputError, match=f"--label-offset, --void, --depth-unit, .* have no effect on {where}"):
            open_sources(folders, tum)
    with pytest.raises(InputError, match="--dataset has no effect on the bundled samples"):
        open_sources([], Source("folder"))


def test_a_broken_frame_spoils_no_list_of_thumbnails(small, tmp_path):
    root = folder_of(tmp_path / "rooms", "a", "b", "c")
    (tmp_path / "rooms" / "rgb" / "b.png").write_bytes(b"no picture")
    inspector = Inspector(small, open_sources([root], Source()))
    (source,) = inspector.readers
    found = inspector.thumbnails(source, ["a", "b", "c"])
    assert [name for _, name in found] == ["a", "b", "c"]
    assert np.ptp(np.asarray(found[1][0])) > 0, "hatched"
    assert np.ptp(np.asarray(found[0][0])) == 0
    assert inspector.thumbnails(source, ["a"])[0][0] is found[0][0], "made once"


def test_ground_truth_and_depth_are_chosen_where_a_data_set_has_two_of_them(tmp_path):
    name = frame_names(1)[0]
    data = make_archives(
        tmp_path, {name: frame_files(name, picture(1, 5))}, [name], {name: halves(3, 4)}
    )  # polygons say wall and chair, seglabel cabinet and bed
    inspector = Inspector(RedReader(), open_sources([str(data)], Source()))
    titles = ["seglabel, in-painted depth", "polygons, in-painted depth", "seglabel, raw depth", "polygons, raw depth"]
    base = "SUNRGBD (test)"
    offered = {title: f"{base}, {title}" if k else base for k, title in enumerate(titles)}
    assert inspector.families == {base: offered}
    assert inspector.family(offered["polygons, raw depth"]) == base
    for title, source in offered.items():
        frame = inspector.readers[source].read(name)
        assert set(np.unique(frame.label)) == ({3, 4} if "seglabel" in title else {1, 5}), title
        assert (frame.depth == 0).any() == ("raw" in title), title
    assert len({contents_fingerprint(inspector.readers[source]) for source in offered.values()}) == 4
    polygons = open_sources([str(data)], Source(label_source="polygons"))
    assert list(variants(polygons)[base]) == ["in-painted depth", "raw depth"], "what was asked for stays"
