"""Depth: encodings, their detection, missing values, alignment."""

import numpy as np
import pytest

from deresunet import Frame, InputError
from deresunet.data.depth import align_depth, decode_depth
from deresunet.data.depth_checks import name_colours
from deresunet.data.depth_unit_choice import choose_units
from deresunet.data.files import read_depth

RNG = np.random.default_rng(0)
MILLIMETRES = RNG.integers(600, 7900, (48, 64)).astype(np.uint16)


def rotate(millimetres):
    return ((millimetres << 3) | (millimetres >> 13)).astype(np.uint16)


@pytest.mark.parametrize(
    ("stored", "encoding"),
    [
        (MILLIMETRES, "mm"),
        (MILLIMETRES.astype(np.int32), "mm"),
        (rotate(MILLIMETRES), "sunrgbd"),
        (MILLIMETRES.astype(np.float32) / 1000, "m"),
        (MILLIMETRES.astype(np.float64) / 1000, "m"),
        (MILLIMETRES.astype(np.float32), "mm"),
    ],
)
def test_the_encoding_is_detected_and_gives_metres(stored, encoding):
    metres, reading = decode_depth(stored)
    assert reading.unit == encoding
    assert reading.detected
    assert metres.dtype == np.float32
    assert np.allclose(metres, MILLIMETRES / 1000, atol=1e-4)
    assert not reading.warnings


def test_far_pixels_do_not_hide_the_rotation():
    far = MILLIMETRES.copy()
    far[:20] = RNG.integers(8200, 9900, (20, 64))
    metres, reading = decode_depth(rotate(far))
    assert reading.unit == "sunrgbd"
    assert metres.max() == pytest.approx(8.0), "SUN RGB-D's own encoding is cut off at 8 m"


def test_what_is_told_overrules_what_is_seen():
    metres, reading = decode_depth(rotate(MILLIMETRES), "mm")
    assert (reading.unit, reading.detected) == ("mm", False)
    assert np.allclose(metres, rotate(MILLIMETRES) / 1000)


CLOSE_UP = RNG.integers(340, 490, (48, 64)).astype(np.uint16)


@pytest.mark.parametrize("rounded", [4, 16, 40])
def test_rounded_millimetres_stay_millimetres(rounded):
    assert decode_depth(MILLIMETRES // rounded * rounded)[1].unit == "mm"


@pytest.mark.parametrize(
    ("low_bits", "rows", "unit"),
    [(0, 48, "sunrgbd"), (1, 18, "sunrgbd"), (1, 26, "mm"), (2, 1, "mm"), (7, 1, "mm")],
)
def test_the_rotation_leaves_its_low_bits_and_no_others(low_bits, rows, unit):
    """001 is depth beyond 8.192 m, which fills less than half of a room; 010 to 111 is depth of no room."""
    stored = rotate(MILLIMETRES)
    stored[:rows] |= low_bits
    assert decode_depth(stored)[1].unit == unit


@pytest.mark.parametrize("far", [0, 12])
def test_a_close_up_alone_is_read_by_its_bits_and_said_to_be_in_doubt(far):
    depth = CLOSE_UP.copy()
    depth[0, :far] = 8800
    metres, reading = decode_depth(rotate(depth))
    assert reading.unit == "sunrgbd"
    assert np.allclose(metres, np.minimum(depth, 8000) / 1000)
    (warning,) = reading.warnings
    assert "0.34 to 0.49 m" in warning
    assert "2.7 to 3.9 m" in warning
    for unit in ("sunrgbd", "mm"):  # the advice, followed
        assert not decode_depth(rotate(CLOSE_UP), unit)[1].warnings


def test_a_close_up_in_a_data_set_takes_the_data_set_s_unit():
    frames = [rotate(RNG.integers(600, 7900, 3000).astype(np.uint16)) for _ in range(11)]
    for looked_at in (frames, [*frames, rotate(CLOSE_UP).ravel()]):
        choices = choose_units(looked_at)
        assert list(choices) == ["integers"], "one decision"
        metres, reading = decode_depth(rotate(CLOSE_UP), choices=choices)
        assert (reading.unit, reading.warnings) == ("sunrgbd", ())
        assert np.allclose(metres, CLOSE_UP / 1000)


def test_one_frame_with_empty_low_bits_does_not_turn_a_data_set_of_millimetres():
    rounded = MILLIMETRES // 8 * 8
    choices = choose_units([MILLIMETRES.ravel(), rounded.ravel(), (MILLIMETRES + 1).ravel()])
    assert choices["integers"].unit == "mm"
    for stored in (rounded // 2 // 8 * 8, MILLIMETRES):
        metres, reading = decode_depth(stored, choices=choices)
        assert (reading.unit, reading.warnings) == ("mm", ())
        assert np.allclose(metres, stored / 1000)


@pytest.mark.parametrize(
    ("others", "stored", "unit"),
    [(rotate(MILLIMETRES), MILLIMETRES, "mm"), (MILLIMETRES, rotate(MILLIMETRES), "sunrgbd")],
)
def test_a_frame_that_cannot_be_in_its_data_set_s_unit_is_read_by_itself_and_said(others, stored, unit):
    metres, reading = decode_depth(stored, choices=choose_units([others.ravel()] * 3))
    assert reading.unit == unit
    assert np.allclose(metres, MILLIMETRES / 1000)
    assert "makes no sense" in reading.warnings[0]


def test_a_frame_that_no_sensor_measures_is_warned_of_in_a_data_set_too():
    choices = choose_units([(MILLIMETRES / 1000).ravel()] * 3)
    (warning,) = decode_depth(MILLIMETRES.astype(np.float64), choices=choices)[1].warnings
    assert "is not a room's" in warning
    assert "--depth-unit mm" in warning


def test_missing_stays_missing():
    stored = np.array([[np.nan, np.inf, -1.0, 0.0, 2.0] * 8] * 40, np.float32)
    metres, reading = decode_depth(stored)
    assert np.array_equal(np.unique(metres), [0.0, 2.0])
    assert reading.missing == pytest.approx(0.8)
    assert reading.range_m == (2.0, 2.0)


def test_nothing_measured_is_said():
    _, reading = decode_depth(np.zeros((40, 40), np.uint16))
    assert reading.range_m is None
    assert reading.missing == 1.0
    assert reading.warnings == ("No pixel has depth.",)


def test_an_implausible_result_is_warned_of():
    (warning,) = decode_depth(MILLIMETRES, "m")[1].warnings
    assert "is not a room's" in warning
    assert "--depth-unit mm" in warning


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.zeros((40, 40, 3), np.uint8), "lost its metres"),
        (np.zeros((40, 40), np.uint8), "8 bits"),
        (np.zeros((40, 40), np.complex64), "complex64"),
        (np.zeros(40, np.uint16), "shape"),
    ],
)
def test_what_is_no_depth_is_refused(stored, message):
    with pytest.raises(InputError, match=message):
        decode_depth(stored)


def test_an_encoding_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="unsigned 16 bits"):
        decode_depth(np.ones((40, 40), np.float32), "sunrgbd")
    with pytest.raises(InputError, match="expected auto, a name"):
        decode_depth(MILLIMETRES, "inches")


def test_alignment_takes_nearest_pixels_and_mixes_nothing():
    depth = np.array([[0.0, 1.0], [2.0, 3.0]], np.float32)
    assert np.array_equal(align_depth(depth, (4, 4)), np.kron(depth, np.ones((2, 2))))
    assert np.array_equal(align_depth(np.kron(depth, np.ones((3, 3), np.float32)), (2, 2)), depth)


def test_another_view_is_refused():
    with pytest.raises(InputError, match="differ by more than 2 %"):
        align_depth(np.ones((480, 640), np.float32), (480, 480))
    assert align_depth(np.ones((424, 570), np.float32), (480, 640)).shape == (480, 640), "under 2 % is allowed"


@pytest.mark.parametrize(
    ("path", "encoding", "nearest", "farthest"),
    [
        ("sunrgbd/SUNRGBD/kv1/b3dodata/img_0063/depth/img_0063_abs.png", "sunrgbd", 1.430, 2.525),
        ("sunrgbd/kv2_unlabelled/depth_raw/000003.png", "sunrgbd", 1.802, 8.0),
        ("nyuv2/depth/0001.png", "mm", 1.798, 3.615),
    ],
)
def test_real_files(shared, path, encoding, nearest, farthest):
    metres, reading = read_depth(shared / "data" / path)
    assert reading.unit == encoding
    assert not reading.warnings
    assert (metres[metres > 0].min(), metres.max()) == pytest.approx((nearest, farthest), abs=1e-3)


def test_every_real_frame_of_nyu_is_millimetres(shared):
    files = sorted((shared / "data" / "nyuv2" / "depth").glob("*.png"))[::12]
    assert len(files) > 50
    assert {(reading.unit, reading.warnings) for _, reading in map(read_depth, files)} == {("mm", ())}


def test_the_reading_of_an_array_from_python():
    """A frame of metres, with a spike for missing; and one whose unit is not metres."""
    metres = (MILLIMETRES / 1000).astype(np.float32)
    metres[:2] = 99.0
    reading = Frame(None, metres).depth_reading
    assert (reading.encoding, reading.unit, reading.detected) == ("array", "m", False)
    assert (reading.reason, reading.sentinels, reading.warnings) == ("arrays are in metres", (99.0,), ())
    assert reading.missing == pytest.approx(2 / 48)
    reading = Frame(None, metres * 1000).depth_reading
    assert reading.proposals[0].unit == "mm"
    assert "m" not in [proposal.unit for proposal in reading.proposals], "which was tried"
    close_up = Frame(None, (CLOSE_UP / 1000).astype(np.float32)).depth_reading
    assert "is not a room's" in close_up.warnings[0], "an array may be in any unit, a close-up in metres included"


@pytest.mark.parametrize(("nearest", "unit"), [(1590, "mm"), (1610, "sunrgbd"), (7190, "sunrgbd"), (7600, "sunrgbd")])
def test_a_close_up_has_a_median_between_what_a_sensor_measures_and_a_room(nearest, unit):
    """Stored values of eight times the millimetres: medians of 0.2 m at least are a close-up, of 0.9 m a room."""
    stored = (np.arange(48 * 64).reshape(48, 64) % 17 - 8 + nearest // 8).astype(np.uint16) * np.uint16(8)
    reading = decode_depth(stored)[1]
    assert reading.unit == unit
    assert bool(reading.warnings) == (unit == "sunrgbd" and np.median(stored) / 8 < 900)
    if unit == "sunrgbd":
        assert reading.reason == "the low three bits are empty, as SUN RGB-D's rotation leaves them"


SMOOTH = np.linspace(0, 1, 48 * 64)
COLOURS = RNG.integers(0, 256, (48, 64, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (np.dstack([MILLIMETRES % 256] * 3).astype(np.uint8), "a grey picture of depth in three channels"),
        (np.dstack([MILLIMETRES % 256] * 3 + [np.arange(64)[None].repeat(48, 0)]).astype(np.uint8), "a grey picture"),
        (COLOURS, "an HHA encoding of depth"),
        (np.dstack([SMOOTH, SMOOTH**2, 1 - SMOOTH]).reshape(48, 64, 3) * 255, "depth drawn with a colour map"),
        (COLOURS // 32 * 32, "depth drawn with a colour map"),
        (np.zeros((48, 64, 2), np.uint8), "a colour picture of depth"),
        (np.zeros((2, 2, 2, 2), np.uint8), "a colour picture of depth"),
    ],
)
def test_pictures_of_depth_are_named(stored, kind):
    assert name_colours(stored).startswith(kind)
