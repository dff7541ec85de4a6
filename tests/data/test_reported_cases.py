"""Kinds of input that people report as silently wrong: members made here, and the reported ones where they are."""

import io
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deresunet import Frame, InputError, read_frame
from deresunet.classes import SUNRGBD37
from deresunet.data.depth import decode_depth
from deresunet.data.files import read_depth
from deresunet.data.folder import SAMPLES_DIR
from deresunet.data.intrinsics import parse_intrinsics
from deresunet.data.label_checks import check_labels, check_shift
from deresunet.data.labels import LabelFormat, interpolation_warning, read_label
from deresunet.data.readers import open_reader
from deresunet.data.text_files import decode_text, left_behind, read_list
from deresunet.evaluation.metrics import confusion_matrix

ROOM = np.asarray(Image.open(SAMPLES_DIR / "depth" / "0001.png")).astype(np.int64)[::4, ::4]  # mm (120, 160)
RGB = np.asarray(Image.open(SAMPLES_DIR / "rgb" / "0001.jpg"))[::4, ::4]
LABEL = np.asarray(Image.open(SAMPLES_DIR / "label" / "0001.png"))[::4, ::4]
CASES = Path(__file__).parents[3] / "shared" / "cases"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="needs the reported inputs, in ../shared/cases")


def folder_of(root, depth=None, label=None, names=("a",), meta=None):
    for kind in ("rgb", "depth", "label", "meta"):
        (root / kind).mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(RGB).save(root / "rgb" / f"{name}.png")
        if depth is not None:
            Image.fromarray(depth.astype(np.uint16)).save(root / "depth" / f"{name}.png")
        if label is not None:
            Image.fromarray(label).save(root / "label" / f"{name}.png")
        if meta is not None:
            (root / "meta" / f"{name}.json").write_bytes(meta)
    (root / "test.txt").write_text("\n".join(names))
    return root


@pytest.mark.parametrize(
    ("unit", "per_metre"),
    [("tum", 5000), ("d405", 10000), ("kitti", 256), ("cm", 100), ("l515", 4000), ("replica", 6553.5)],
)
def test_another_unit_is_warned_of_and_the_right_one_is_proposed(unit, per_metre):
    stored = np.rint(ROOM * per_metre / 1000).astype(np.uint16)
    reading = decode_depth(stored)[1]
    proposed = [proposal.unit for proposal in reading.proposals]
    assert unit in proposed[:3]
    assert f"--depth-unit {proposed[0]}" in reading.warnings[0]
    for given in (unit, per_metre, str(per_metre), f"1/{per_metre}"):
        metres, reading = decode_depth(stored, given)
        assert not reading.warnings
        assert np.allclose(metres, ROOM / 1000, atol=0.6 / per_metre + 1e-6)


def test_a_unit_that_is_none_is_refused():
    for unit in ("inches", "0", "-5", "nan", "1e99"):
        with pytest.raises(InputError, match="number of units per metre"):
            decode_depth(ROOM.astype(np.uint16), unit)


@pytest.mark.parametrize("sentinel", [65535, 65534, 10000, 20000, 32767, 12345])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_a_spike_far_from_all_else_is_missing(sentinel, dtype):
    stored = ROOM.astype(dtype)
    stored[:12, :40] = sentinel
    metres, reading = decode_depth(stored)
    assert reading.sentinels == (sentinel,)
    assert not reading.warnings
    assert metres.max() == pytest.approx(ROOM.max() / 1000, abs=1e-3)
    assert (metres[:12, :40] == 0).all()


def test_65535_does_not_hide_the_rotation():
    stored = ((ROOM << 3) | (ROOM >> 13)).astype(np.uint16)
    stored[0, :3] = 65535
    metres, reading = decode_depth(stored)
    assert (reading.unit, reading.sentinels) == ("sunrgbd", (65535.0,))
    assert metres.max() <= ROOM.max() / 1000 + 1e-6


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, -1.0, 99.0])
def test_a_frame_from_python_is_cleaned_as_a_file_is(bad):
    depth = (ROOM / 1000).astype(np.float32)
    depth[:20, :30] = bad
    frame = Frame(rgb=None, depth=depth)
    assert (frame.depth[:20, :30] == 0).all()
    assert np.isfinite(frame.depth).all()
    assert not frame.warnings
    assert "is not a room's" in Frame(rgb=None, depth=ROOM.astype(np.float32)).warnings[0]


def inverse(stored):
    near = np.where(stored > 0, 1.0 / np.maximum(stored, 1), 0.0)
    return near / near.max()


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ((ROOM // 32 * 255).astype(np.uint16), "8 bits, stretched"),
        ((ROOM // 32 * 257).astype(np.uint16), "8 bits, stretched"),
        ((ROOM // 32 * 256).astype(np.uint16), "8 bits, stretched"),
        (np.where(ROOM > 0, 1084 - 348_000 // np.maximum(ROOM, 500), 2047).astype(np.uint16), "raw disparities"),
        (
            np.where(ROOM > 0, 1084 - 348_000 // np.maximum(ROOM, 500), 2047).astype(np.uint16).byteswap(),
            "bytes swapped",
        ),
        ((inverse(ROOM) * 65535).astype(np.uint16), "relative"),
        (np.clip((5000 - ROOM) / 4500.0, 0, 1).astype(np.float32), "relative"),
        (np.dstack([ROOM % 251, ROOM // 3 % 241, ROOM // 7 % 239]).astype(np.uint8), "lost its metres"),
        (SUNRGBD37.palette[np.minimum(ROOM // 150, 37)], "colour map"),
    ],
)
def test_what_is_no_depth_is_refused_by_name(stored, name):
    if "relative" in name and stored.dtype == np.float32:
        stored[0, 0], stored[0, 1] = 0.0, 1.0
        stored[stored == 0.0] = 0.01
        stored[0, 0] = 0.0
    with pytest.raises(InputError, match=name):
        decode_depth(stored)


def written(path, stored):
    suffix = path.suffix.lower()
    if suffix == ".npy":
        np.save(path.open("wb"), stored)
    elif suffix == ".npz":
        np.savez(path, depth=stored, other=np.arange(3))
    elif suffix == ".pgm":
        path.write_bytes(b"P5\n# made by hand\n%d %d\n4500\n" % stored.shape[::-1] + stored.astype(">u2").tobytes())
    elif suffix == ".exr":
        openexr = pytest.importorskip("OpenEXR")
        metres = (stored / 1000).astype(np.float32)
        openexr.File({"type": openexr.scanlineimage}, {"Z": metres}).write(str(path))
    else:
        Image.fromarray(stored).save(path, format="TIFF" if "tif" in suffix else "PNG")


@pytest.mark.parametrize("suffix", [".PNG", ".TIFF", ".Npy", ".npz", ".pgm", ".exr", ".png"])
def test_depth_is_found_and_read_in_every_format(tmp_path, suffix):
    root = folder_of(tmp_path, label=LABEL)
    written(root / "depth" / f"a{suffix}", ROOM.astype(np.uint16))
    frame = open_reader(root=root).read("a")
    assert np.allclose(frame.depth, ROOM / 1000, atol=1e-5)
    assert not frame.warnings


@pytest.mark.parametrize("shape", [(1, 120, 160), (120, 160, 1), (1, 120, 160, 1)])
def test_axes_of_one_are_dropped(tmp_path, shape):
    np.save(tmp_path / "depth.npy", (ROOM / 1000).astype(np.float32).reshape(shape))
    assert read_depth(tmp_path / "depth.npy")[0].shape == (120, 160)


def test_files_and_frames_that_are_left_out_are_said(tmp_path):
    root = folder_of(tmp_path, ROOM, LABEL, ("a", "b"))
    (root / "depth" / "b.png").rename(root / "depth" / "b_depth.raw")
    for name in ("._a.png", "Thumbs.db", "desktop.ini", ".DS_Store"):
        (root / "rgb" / name).write_bytes(b"x")
        (root / "depth" / name).write_bytes(b"x")
    reader = open_reader(root=root, split="all")
    assert reader.names == ("a", "b")
    text = " ".join(reader.notices)
    assert "1 files in depth/ are not taken, such as b_depth.raw" in text
    assert "1 of 2 frames have no depth, such as b" in text


def test_the_unit_is_that_of_the_folder(tmp_path):
    """A close-up among rooms is no warning, and a room among frames of another unit is."""
    root = folder_of(tmp_path, ROOM, LABEL, tuple("abcdef"))
    Image.fromarray((ROOM // 5).astype(np.uint16)).save(root / "depth" / "a.png")
    assert read_depth(root / "depth" / "a.png")[1].warnings
    reader = open_reader(root=root)
    assert not reader.read("a").warnings
    assert "over 6 frames" in reader.read("a").depth_reading.reason


@pytest.mark.parametrize(
    "given",
    [
        "525,526,320,240",
        [525, 526, 320, 240],
        {"fx": 525, "fy": 526, "ppx": 320, "ppy": 240},
        {"fx": "525", "fy": "526", "cx": 320, "cy": 240, "width": 640},
        [[525, 0, 320], [0, 526, 240], [0, 0, 1]],
        [525, 0, 320, 0, 526, 240, 0, 0, 1],
        {"camera_matrix": [525, 0, 0, 0, 526, 0, 320, 240, 1]},
        {"K": [[525, 0, 320, 0], [0, -526, 240, 0], [0, 0, 1, 0], [0, 0, 0, 1]]},
    ],
)
def test_intrinsics_in_the_forms_that_people_have(given):
    assert np.array_equal(parse_intrinsics(given), [[525, 0, 320], [0, 526, 240], [0, 0, 1]])


@pytest.mark.parametrize(
    "meta", [b"{", b"[1]", b'{"intrinsics": {"fx": 1}}', b'{"intrinsics": "many"}', b'{"objects": 3}']
)
def test_a_damaged_meta_file_is_refused_with_path_and_form(tmp_path, meta):
    with pytest.raises(InputError, match=r"meta.a\.json") as refused:
        open_reader(root=folder_of(tmp_path, ROOM, LABEL, meta=meta)).read("a")
    assert "xpected" in str(refused.value) or "Correct it" in str(refused.value)


def test_a_meta_file_gives_sensor_scene_intrinsics_and_unit(tmp_path):
    meta = {"sensor": "zed", "scene": "office", "depth_unit": "tum", "fx": 525, "fy": 525, "ppx": 80, "ppy": 60}
    reader = open_reader(root=folder_of(tmp_path, ROOM * 5, LABEL, meta=json.dumps(meta).encode("utf-16")))
    info = reader.describe("a")
    assert (info.sensor, info.scene, info.has_depth, info.has_label) == ("zed", "office", True, True)
    frame = reader.read("a")
    assert (frame.sensor, frame.scene, frame.depth_reading.unit) == ("zed", "office", "tum")
    assert frame.intrinsics[0, 2] == 80


def test_conventions_of_labels(tmp_path):
    path = tmp_path / "label.png"
    from_zero = np.where(LABEL == 0, 255, LABEL.astype(int) - 1).astype(np.uint8)
    Image.fromarray(from_zero).save(path)
    with pytest.raises(InputError, match=r"--void 255 --label-offset 1"):
        read_label(path)
    assert np.array_equal(read_label(path, LabelFormat(offset=1)), LABEL)
    assert np.array_equal(read_label(path, LabelFormat("sunrgbd37", 1, 255)), LABEL)
    Image.fromarray(np.where(LABEL == 0, 255, LABEL).astype(np.uint8)).save(path)
    assert np.array_equal(read_label(path, LabelFormat(void=255)), LABEL)
    Image.fromarray(np.full((40, 40), 13, np.uint8)).save(path)
    assert (read_label(path, "nyu13") == 0).all(), "windows with blinds are no class of the 37"


def test_labels_of_a_folder_are_checked_for_sense(tmp_path):
    paths = []
    for k in range(12):
        values = np.random.default_rng(k).integers(0, 40, (32, 32))
        values[0, :2] = 0, 39
        paths.append(tmp_path / f"{k}.png")
        Image.fromarray(values.astype(np.uint8)).save(paths[-1])
    with pytest.raises(InputError, match="--label-offset 1"):
        check_labels(paths, LabelFormat())
    check_labels(paths, LabelFormat(offset=0))
    for path in paths:
        Image.fromarray((np.asarray(Image.open(path)) % 14).astype(np.uint8)).save(path)
    with pytest.raises(InputError, match="--label-set nyu13"):
        check_labels(paths, LabelFormat())
    for path in paths:
        Image.fromarray(np.where(np.asarray(Image.open(path)) == 0, 255, 3).astype(np.uint8)).save(path)
    with pytest.raises(InputError, match="12 of the 12 label files"):
        check_labels(paths, LabelFormat())


@pytest.mark.parametrize("offset", [1, -1])
def test_labels_that_fit_when_moved_by_one_are_refused(offset):
    prediction = np.clip(LABEL, 2, 36).astype(np.uint8)
    check_shift(confusion_matrix(prediction, prediction, 37), 1)
    moved = (prediction.astype(int) - offset).astype(np.uint8)
    with pytest.raises(InputError, match=f"--label-offset {offset}"):
        check_shift(confusion_matrix(moved, prediction, 37), 1)


@pytest.mark.parametrize("colours", ["class", "voc"])
def test_indices_that_contradict_their_palette_are_refused(tmp_path, colours):
    voc = Image.fromarray(LABEL)
    if colours == "class":
        picture = Image.fromarray(SUNRGBD37.palette[LABEL])
    else:
        table = [sum(((k >> (3 * b + c)) & 1) << (7 - b) for b in range(8)) for k in range(256) for c in range(3)]
        voc.putpalette(table)
        voc.save(tmp_path / "right.png")
        assert np.array_equal(read_label(tmp_path / "right.png"), LABEL), (
            "a palette in order is a picture of the indices"
        )
        picture = voc.convert("RGB")
    picture.quantize(64).save(tmp_path / "label.png")
    with pytest.raises(InputError, match="contradict its colours"):
        read_label(tmp_path / "label.png")


def test_interpolated_labels_are_warned_of(tmp_path):
    large = np.asarray(Image.open(SAMPLES_DIR / "label" / "0001.png"))
    assert interpolation_warning(large) == ""
    small = np.asarray(Image.fromarray(large).resize((320, 240), Image.Resampling.BILINEAR))
    assert "nearest neighbour" in interpolation_warning(small)


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_exif_turns_all_alike_or_is_refused_by_name(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(tmp_path / "room.jpg", exif=exif, quality=100, subsampling=0)
    Image.fromarray(ROOM.astype(np.uint16)).save(tmp_path / "depth.png")
    Image.fromarray(LABEL).save(tmp_path / "label.png")
    files = (tmp_path / "room.jpg", tmp_path / "depth.png", tmp_path / "label.png")
    if orientation < 5:
        with pytest.raises(InputError, match=f"EXIF orientation {orientation}"):
            read_frame(*files)
        return
    frame = read_frame(*files, intrinsics="500,400,100,60")
    assert frame.size == (160, 120)
    upright = read_frame(tmp_path / "room.jpg").rgb
    assert frame.depth.shape == upright.shape[:2] == (160, 120)
    assert np.array_equal(np.sort(frame.label.ravel()), np.sort(LABEL.ravel()))
    # What lies under one pixel before lies under one pixel afterwards.
    marked = RGB.copy()
    marked[:8, :8] = (255, 0, 0)
    Image.fromarray(marked).save(tmp_path / "room.jpg", exif=exif, quality=100, subsampling=0)
    far = ROOM.copy()
    far[:8, :8] = 4999
    Image.fromarray(far.astype(np.uint16)).save(tmp_path / "depth.png")
    frame = read_frame(*files)
    red = (frame.rgb[..., 0] > 200) & (frame.rgb[..., 1] < 60) & (frame.rgb[..., 2] < 60)
    assert red.any()
    assert np.mean(np.isclose(frame.depth[red], 4.999)) > 0.9


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_lists_are_read_in_whatever_editors_write(tmp_path, encoding):
    text = "kitchen_0001\r\nbüro_0002\r\n\r\n"
    (tmp_path / "test.txt").write_bytes(text.encode(encoding))
    assert read_list(tmp_path / "test.txt") == ("kitchen_0001", "büro_0002")
    assert decode_text(b"") == ""


def test_what_systems_leave_behind_is_known():
    assert all(map(left_behind, ("._a.png", "__MACOSX", "Thumbs.db", "desktop.ini", ".DS_Store")))
    assert not left_behind("0001.png")


HEADERS = [
    "{'descr': '|V0', 'fortran_order': False, 'shape': (8000, 8000, 999999999), }",
    "{'descr': '|S0', 'fortran_order': False, 'shape': (8000, 8000, 1000), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 99999999999999999999), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (40, -1), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 40), }",
    "{'descr': '<c8', 'fortran_order': False, 'shape': (4, 4), }",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4, 4), }",
    "{'descr': '<f4', 'fortran_order': 2, 'shape': (4, 4), }",
    "(" * 3000 + ")" * 3000,
    "{'descr': '<f4', 'fortran",
    "{'descr': " + "-" * 3000 + "1}",
    "\x00" * 50,
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_hostile_headers_are_refused_before_anything_is_read(tmp_path, header, suffix):
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode("latin-1")
    if suffix == ".npz":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("depth.npy", content)
        content = packed.getvalue()
    path = tmp_path / f"depth{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"depth\{suffix}"):
        read_depth(path)


def test_a_broken_exif_chunk_costs_nothing_but_the_orientation(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "room.png")
    whole = (tmp_path / "room.png").read_bytes()
    chunk = b"eXIf" + b"II*\x00broken"
    broken = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "room.png").write_bytes(whole[:33] + broken + whole[33:])
    assert np.array_equal(read_frame(tmp_path / "room.png").rgb, RGB)


@needs_cases
@pytest.mark.parametrize(
    ("case", "unit"), [("02_tum_5000", "tum"), ("05_d405_0.1mm", "d405"), ("06_metric_x256", "kitti")]
)
def test_reported_units(case, unit):
    files = [CASES / case / name for name in ("room.jpg", "depth.png", "label.png")]
    frame = read_frame(*files)
    assert frame.depth_reading.proposals[0].unit == unit
    assert f"--depth-unit {unit}" in frame.warnings[0]
    reference = read_frame(*[CASES / "00_reference_mm" / name for name in ("room.jpg", "depth.png")])
    assert not reference.warnings
    assert np.allclose(read_frame(*files, depth_unit=unit).depth, reference.depth, atol=4e-3)


@needs_cases
@pytest.mark.parametrize(
    ("case", "file", "message"),
    [
        ("08_inverse_depth_midas", "depth.png", "relative"),
        ("10_8bit_x255", "depth.png", "8 bits"),
        ("14_label_quantised_palette", "", "contradict its colours"),
        ("15_exif_orientation/3", "", "EXIF"),
        ("21_meta_json/cut", "", r"meta.0001\.json"),
        ("23_label_void_255", "", "--void 255"),
    ],
)
def test_reported_files_that_are_refused(case, file, message):
    read = (lambda: read_depth(CASES / case / file)) if file else (lambda: open_reader(root=CASES / case).read("0001"))
    with pytest.raises(InputError, match=message):
        read()


@needs_cases
@pytest.mark.parametrize(
    "case",
    [
        *("00_reference_folder", "11_depth_suffix/npz", "11_depth_suffix/pgm", "11_depth_suffix/upper"),
        *("15_exif_orientation/6", "17_appledouble/folder", "21_meta_json/fxfy"),
    ],
)
def test_reported_folders_that_are_read(case):
    reader = open_reader(root=CASES / case, split="all")
    for name in reader.names:
        frame = reader.read(name)
        assert frame.depth is not None
        assert not frame.warnings
        assert frame.depth.shape == frame.rgb.shape[:2]


@needs_cases
def test_reported_sentinels_and_shapes():
    folder = CASES / "07_missing_is_65535"
    reference = read_depth(CASES / "00_reference_mm" / "depth.png")[0]
    for name in ("depth.png", "sunrgbd_depth.png"):
        metres, reading = read_depth(folder / name)
        assert reading.sentinels == (65535.0,)
        assert metres.max() < reference.max() + 0.01
    assert read_depth(CASES / "24_npy_1xHxW" / "depth.npy")[0].shape == reference.shape
    with np.load(CASES / "18_inf_in_library" / "zed_like.npz") as arrays:
        floats = next(arrays[key] for key in arrays.files if arrays[key].dtype.kind == "f")
    frame = Frame(rgb=None, depth=floats.astype(np.float32))
    assert np.isfinite(frame.depth).all()
    assert not frame.warnings
