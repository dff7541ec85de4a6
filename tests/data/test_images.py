"""Files that people give: good ones, and every bad one with its message."""

import io
import pickle
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from deresunet import Frame, InputError, read_frame
from deresunet.data.files import read_depth
from deresunet.data.images import read_rgb
from deresunet.data.labels import read_label

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
MILLIMETRES = np.random.default_rng(1).integers(600, 7900, (48, 64)).astype(np.uint16)


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_survive(tmp_path, suffix):
    metres, reading = read_depth(saved(tmp_path / f"depth{suffix}", MILLIMETRES))
    assert reading.encoding.endswith("16")
    assert np.allclose(metres, MILLIMETRES / 1000)


def test_float_tiff_and_npy(tmp_path):
    metres = (MILLIMETRES / 1000).astype(np.float32)
    np.save(tmp_path / "depth.npy", metres)
    for path in (saved(tmp_path / "depth.tif", metres), tmp_path / "depth.npy"):
        read, reading = read_depth(path)
        assert reading.unit == "m"
        assert np.array_equal(read, metres)


def test_lossless_rgb_comes_back_and_exif_turns_it_upright(tmp_path):
    assert np.array_equal(read_rgb(saved(tmp_path / "rgb.png", RGB)), RGB)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    assert read_rgb(saved(tmp_path / "turned.jpg", RGB, exif=exif)).shape == (64, 48, 3)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "WEBP"])
def test_pictures_as_phones_take_them(tmp_path, kind):
    rgb = np.full((64, 96, 3), (200, 100, 50), np.uint8)
    rgb[:, 48:] = 20
    path = tmp_path / f"picture.{kind.lower()}"
    pillow_heif.register_heif_opener()
    Image.fromarray(rgb).save(path, format=kind, quality=95)
    read = read_rgb(path)
    assert read.shape == rgb.shape
    assert np.abs(read.astype(int) - rgb)[:, [10, 80]].max() < 12


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": 6}])
def test_a_large_photograph_is_reduced_while_it_is_decoded_and_that_is_said(tmp_path, options):
    """A gradient survives; intrinsics and depth go with the photograph."""
    across, down = np.meshgrid(np.linspace(0, 255, 1200), np.linspace(0, 255, 900))
    exif = Image.Exif()
    exif[0x0112] = options.pop("exif", 1)
    photograph = np.dstack([across, down, 0 * down]).astype(np.uint8)
    path = saved(tmp_path / "photo.jpg", photograph, quality=95, exif=exif, **options)
    np.save(tmp_path / "depth.npy", np.full((90, 120), 2.0, np.float32))
    given = {"intrinsics": (1000, 1000, 600, 450), "max_rgb_pixels": 100_000}
    frame = read_frame(path, tmp_path / "depth.npy", **given)
    height, width = (225, 300) if exif[0x0112] == 1 else (300, 225)
    assert frame.rgb.shape == (height, width, 3)
    assert frame.depth.shape == (height, width)
    assert frame.intrinsics[0, 0] == frame.intrinsics[1, 1] == 250
    # Principal points 600, 450 and (turned) 449, 600, with the first pixel's centre at 0.
    centre = (149.625, 112.125) if exif[0x0112] == 1 else (111.875, 149.625)
    assert frame.intrinsics[:2, 2] == pytest.approx(centre)
    ((kind, said),) = [(one.kind, one.message) for one in frame.problems]
    assert kind == "RGB reduced"
    assert "1200 x 900, was reduced to 300 x 225" in said
    upright = photograph if exif[0x0112] == 1 else np.rot90(photograph, -1)
    assert np.abs(frame.rgb.astype(int) - upright[::4, ::4]).mean() < 3
    assert not read_frame(path).problems


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".heic"])
def test_large_pictures_of_other_formats_are_reduced_once_they_are_decoded(tmp_path, suffix):
    pillow_heif.register_heif_opener()
    flat = np.full((90, 120, 3), (200, 100, 50), np.uint8)
    frame = read_frame(saved(tmp_path / f"photo{suffix}", flat), max_rgb_pixels=5000)
    assert frame.rgb.shape == (45, 60, 3)
    assert np.abs(frame.rgb.astype(int) - (200, 100, 50)).max() <= 4
    assert "120 x 90, was reduced to 60 x 45" in frame.warnings[0]


def test_a_photograph_of_100_megapixels_takes_bounded_memory(tmp_path):
    Image.new("RGB", (11584, 8632), (200, 100, 50)).save(tmp_path / "photo.jpg")
    code = (
        "import resource, sys; from deresunet.data.images import read_rgb_image as read\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); image = read(sys.argv[1], 1 << 24); print(image.pixels.shape, (peak() - before) >> 10)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "photo.jpg"], capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith("(2158, 2896, 3) ")
    assert int(told.stdout.split()[-1]) < 200, "MB; the whole picture has 300"


def test_more_than_a_phone_s_photograph_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "photo.png").write_bytes(png_header(12000, 9000))
    with pytest.raises(InputError, match="108,000,000 pixels; expected at most 67,108,864"):
        read_rgb(tmp_path / "photo.png")


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_rgb_of_few_bits_in_16_is_scaled_by_its_range_and_said(tmp_path, bits, suffix):
    values = np.random.default_rng(0).integers(0, 1 << bits, (48, 64, 3)).astype(np.uint16)
    values[0, 0] = (1 << bits) - 1
    cv2.imwrite(str(tmp_path / f"rgb{suffix}"), values[..., ::-1])
    frame = read_frame(tmp_path / f"rgb{suffix}")
    assert np.array_equal(frame.rgb, values >> (bits - 8))
    assert f"values to {(1 << bits) - 1:,}: it is taken to have {bits} bits" in frame.warnings[0]


def test_rgb_of_16_bits_and_dark_rgb_of_8_stay_as_they_are(tmp_path):
    values = np.random.default_rng(0).integers(0, 1 << 16, (48, 64, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), values[..., ::-1])
    dark = saved(tmp_path / "dark.png", RGB // 16)
    for path, expected in ((tmp_path / "deep.png", values >> 8), (dark, RGB // 16)):
        frame = read_frame(path)
        assert np.array_equal(frame.rgb, expected)
        assert not frame.warnings


def test_grey_and_transparent_images_become_rgb(tmp_path):
    grey = read_rgb(saved(tmp_path / "grey.png", RGB[..., 0]))
    assert np.array_equal(grey, np.repeat(RGB[..., :1], 3, axis=2))
    assert read_rgb(saved(tmp_path / "alpha.png", np.dstack([RGB, RGB[..., 0]]))).shape == (48, 64, 3)


def test_labels_of_both_sets(tmp_path):
    label = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64) % 41
    path = saved(tmp_path / "label.png", label)
    got = read_label(path, "nyu40")
    assert np.array_equal(got, np.where(label > 37, 0, label))
    with pytest.raises(InputError, match=r"value 40; expected 0 for void and 1\.\.37"):
        read_label(path, "sunrgbd37")
    palette = Image.fromarray(label, mode="P")
    palette.putpalette([k % 256 for k in range(768)])
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(read_label(tmp_path / "palette.png"), got), "of a palette image the indices count"


def bad_files(tmp_path):
    """(what, path, reader, a piece of the message)."""
    text = tmp_path / "text.png"
    text.write_text("this is no image")
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_header(30_000, 30_000))
    large = tmp_path / "large.png"
    large.write_bytes(png_header(9_000, 9_000))
    cut = saved(tmp_path / "cut.png", RGB)
    cut.write_bytes(cut.read_bytes()[:2000])
    pickled = tmp_path / "pickled.npy"
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    raw_pickle = tmp_path / "raw.npy"
    raw_pickle.write_bytes(pickle.dumps([1]))
    flat = tmp_path / "flat.npy"
    np.save(flat, np.ones(9, np.float32))
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)})
    huge = tmp_path / "huge.npy"
    huge.write_bytes(buffer.getvalue())
    high = saved(tmp_path / "high.png", np.full((48, 64), 41, np.uint8))
    return [
        ("missing", tmp_path / "absent.png", read_rgb, "no such file"),
        ("not an image", text, read_rgb, "not an image"),
        ("empty", empty, read_rgb, "is empty"),
        ("bomb", bomb, read_rgb, "too large|expected at most"),
        ("large", large, read_rgb, "expected at most"),
        ("truncated", cut, read_rgb, "damaged or truncated"),
        ("depth as RGB", saved(tmp_path / "d16.png", MILLIMETRES), read_rgb, "looks like depth"),
        ("colour depth", saved(tmp_path / "colour.png", RGB), read_depth, "which has lost its metres"),
        ("8-bit depth", saved(tmp_path / "grey8.png", RGB[..., 0]), read_depth, "8 bits"),
        ("JPEG depth", saved(tmp_path / "depth.jpg", RGB[..., 0]), read_depth, "8 bits"),
        ("pickled NPY", pickled, read_depth, "not an NPY file of numbers"),
        ("pickle as NPY", raw_pickle, read_depth, "an NPY file of numbers"),
        ("flat NPY", flat, read_depth, "shape"),
        ("huge NPY", huge, read_depth, "not an NPY file|expected at most"),
        ("label above 40", high, read_label, "value 41"),
        ("colour label", saved(tmp_path / "clabel.png", RGB), read_label, "colours"),
        (
            "float label",
            saved(tmp_path / "flabel.tif", np.full((48, 64), 0.5, np.float32)),
            read_label,
            "no class number",
        ),
    ]


def test_every_bad_file_gets_a_message_that_says_what_to_give(tmp_path):
    for what, path, reader, message in bad_files(tmp_path):
        with pytest.raises(InputError, match=message) as raised:
            reader(path)
        assert path.name in str(raised.value), f"{what}: the message names the file"


def test_sizes_that_do_not_fit(tmp_path):
    rgb = saved(tmp_path / "rgb.png", RGB)
    other_label = saved(tmp_path / "label.png", np.ones((24, 40), np.uint8))
    with pytest.raises(InputError, match="ground truth is 40x24, the frame 64x48"):
        read_frame(rgb, label=other_label)
    square = saved(tmp_path / "square.png", MILLIMETRES[:48, :48])
    with pytest.raises(InputError, match="aspect ratios"):
        read_frame(rgb, square)
    tiny = saved(tmp_path / "tiny.png", RGB[:31, :40])
    with pytest.raises(InputError, match="at least 32x32"):
        read_frame(tiny)
    with pytest.raises(InputError, match="neither RGB nor depth"):
        read_frame()


def test_depth_of_another_size_is_brought_to_rgb(tmp_path):
    frame = read_frame(saved(tmp_path / "rgb.png", RGB), saved(tmp_path / "half.png", MILLIMETRES[::2, ::2]))
    assert frame.depth.shape == (48, 64)
    assert set(np.unique(frame.depth)) <= set(np.unique(MILLIMETRES[::2, ::2] * np.float32(0.001)))


def test_a_frame_checks_its_arrays():
    with pytest.raises(InputError, match="expected uint8"):
        Frame(rgb=RGB.astype(np.float32))
    with pytest.raises(InputError, match="in metres"):
        Frame(rgb=RGB, depth=MILLIMETRES)
    with pytest.raises(InputError, match="value 38"):
        Frame(rgb=RGB, label=np.full((48, 64), 38, np.uint8))
