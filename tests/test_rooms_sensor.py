"""What the four sensors make of exact depth, against what was published of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rooms_scenes import INTRINSICS, furnished, painted, placed, seen, standing_camera

from train.rooms.capture import take
from train.rooms.infrared import infrared
from train.rooms.inpainting import fill_depth
from train.rooms.picture import CAMERAS, ColourCamera, take_picture
from train.rooms.scene import Material, Texture
from train.rooms.sensor import KINECT_STEP, SENSORS, measure_depth, shadow

SIZE = (240, 320)
HALF_INTRINSICS = np.array([[260.0, 0, 159.5], [0, 260.0, 119.5], [0, 0, 1]])
ALL = sorted(SENSORS)


def measured(
    sensor: str,
    depth: np.ndarray,
    angle: float = 0.0,
    albedo: float = 0.6,
    specular: float = 0.0,
    seed: int = 0,
    **changed: float,
) -> np.ndarray:
    """float64 (H, W) [m]: a surface that is turned away by `angle` [degrees] everywhere, as the sensor has it."""
    height, width = depth.shape
    v, u = np.mgrid[:height, :width]
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(HALF_INTRINSICS).T
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    aside = np.cross(rays, [0.0, 1.0, 0.0])
    aside /= np.linalg.norm(aside, axis=-1, keepdims=True)
    turn = np.radians(angle)
    normal = (-np.cos(turn) * rays + np.sin(turn) * aside).astype(np.float32)
    millimetres = measure_depth(
        depth.astype(np.float32),
        normal,
        np.full(depth.shape, albedo, np.float32),
        np.full(depth.shape, specular, np.float32),
        HALF_INTRINSICS,
        replace(SENSORS[sensor], **changed),  # type: ignore[index]
        np.random.default_rng(seed),
    )
    assert millimetres.dtype == np.uint16
    return millimetres / 1000.0


def plane(z: float) -> np.ndarray:
    return np.full(SIZE, z, np.float32)


@pytest.mark.parametrize("z", [1.0, 2.0, 3.0, 4.0])
def test_kinect_noise_grows_with_the_square_of_the_distance(z: float) -> None:
    found = measured("kv1", plane(z))
    errors = found[found > 0] - z
    assert len(errors) > 0.9 * found.size
    assert np.std(errors) == pytest.approx(1.425e-3 * z**2, rel=0.1)
    assert abs(errors.mean()) < 0.3e-3 * z**2 + 0.5e-3  # depth is stored in whole millimetres


@pytest.mark.parametrize("z", [1.0, 2.5, 4.0])
def test_time_of_flight_noise(z: float) -> None:
    found = measured("kv2", plane(z))
    expected = (1.5 - 0.5 * z + 0.3 * z**2) / 1000
    assert np.std(found[found > 0] - z) == pytest.approx(np.hypot(expected, 1e-3 / 12**0.5), rel=0.1)


def test_realsense_is_the_noisiest() -> None:
    spread = {name: np.std(found[found > 0]) for name in ALL for found in [measured(name, plane(2.5))]}
    assert max(spread, key=lambda name: spread[name]) == "realsense"
    assert min(spread, key=lambda name: spread[name]) == "kv2"


@pytest.mark.parametrize("z", [1.5, 3.0])
def test_structured_light_measures_in_steps_of_disparity(z: float) -> None:
    """Steps are 2.85e-3 z^2 apart, whatever the noise: 2.6 cm at 3 m."""
    levels = np.unique(measured("kv1", plane(z)))
    levels = levels[levels > 0]
    assert 3 <= len(levels) <= 9
    assert np.diff(levels) == pytest.approx(KINECT_STEP * levels[:-1] * levels[1:], abs=1.1e-3)
    # Between 1 and 4 m there are as many steps as there are whole disparities, and no value between them.
    ramp = np.tile(np.linspace(1.0, 4.0, SIZE[1], dtype=np.float32), (SIZE[0], 1))
    found = np.unique(measured("kv1", ramp))
    assert len(found[found > 0]) <= (1 / 1.0 - 1 / 4.0) / KINECT_STEP + 12


@pytest.mark.parametrize("name", ALL)
def test_range(name: str) -> None:
    sensor = SENSORS[name]  # type: ignore[index]
    rows = np.linspace(0.1, 12.0, SIZE[0], dtype=np.float32)[:, None].repeat(SIZE[1], 1)
    found = measured(name, rows, threshold=1e-9, grazing=89.0)
    reach = 3 * float(rows[1, 0] - rows[0, 0])  # a pixel may measure what is three pixels beside it
    assert not found[rows < sensor.near - reach - 0.02].any()
    assert not found[rows > sensor.far * 1.1 + reach].any()
    inside = (rows > sensor.near * 1.1) & (rows < sensor.far * 0.9)
    assert (found[inside] > 0).mean() > 0.9
    assert found[found > 0].min() >= sensor.near - 1e-3
    assert found.max() <= sensor.far + 1e-3


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_measured_where_there_is_nothing(name: str) -> None:
    depth = plane(2.0)
    depth[:, :100] = 0
    found = measured(name, depth)
    assert not found[:, :95].any()
    assert found[:, 110:200].all(axis=0).mean() > 0.9 or (found[:, 110:200] > 0).mean() > 0.95


@pytest.mark.parametrize(("name", "left"), [("kv1", True), ("xtion", True), ("realsense", True), ("kv2", False)])
def test_shadow_lies_on_its_side_and_is_as_wide_as_geometry_has_it(name: str, left: bool) -> None:
    """A board 1 m away before a wall at 3 m: the wall beside it is hidden over f b (1/1 - 1/3) pixels."""
    depth = plane(3.0)
    depth[60:180, 120:200] = 1.0
    baseline = SENSORS[name].baseline  # type: ignore[index]
    assert (baseline > 0) == left
    hidden = shadow(depth, 260.0 * baseline)
    wide = 260.0 * abs(baseline) * (1 / 1.0 - 1 / 3.0)
    row = np.flatnonzero(hidden[120])
    assert len(row) == pytest.approx(wide, abs=1.6)
    assert (row.max() <= 119) if left else (row.min() >= 200)
    assert not hidden[:55].any()
    assert not hidden[190:].any()
    missing = measured(name, depth)[100:140] == 0
    beside = slice(int(120 - wide) + 2, 118) if left else slice(202, int(200 + wide) - 2)
    other = slice(203, 220) if left else slice(100, 117)
    assert missing[:, beside].mean() > 0.9
    assert missing[:, other].mean() < 0.1


def test_a_thin_pole_casts_a_thin_shadow() -> None:
    """The wall between a pole and its shadow is seen from both sides."""
    depth = plane(3.0)
    depth[:, 200:204] = 0.8
    row = np.flatnonzero(shadow(depth, 260.0 * 0.075)[100])
    shift = 260.0 * 0.075 * (1 / 0.8 - 1 / 3.0)
    assert row.mean() == pytest.approx(201.5 - shift, abs=1.0)
    assert 3 <= len(row) <= 7


def test_a_slanted_plane_casts_no_shadow_on_itself() -> None:
    ramp = np.tile(np.linspace(1.0, 6.0, SIZE[1], dtype=np.float32), (SIZE[0], 1))
    assert not shadow(ramp, 260.0 * 0.075).any()
    assert not shadow(ramp[:, ::-1].copy(), 260.0 * 0.075).any()


@pytest.mark.parametrize("name", ALL)
def test_surfaces_seen_from_the_side_are_lost(name: str) -> None:
    shares = [(measured(name, plane(1.5), angle=angle)[:, :300] == 0).mean() for angle in (0, 60, 80, 89)]
    assert shares[0] < 0.02
    assert shares[1] < 0.1
    assert shares[1] <= shares[2] < shares[3]
    assert shares[3] > 0.95


@pytest.mark.parametrize("name", ALL)
def test_dark_and_far_surfaces_are_lost(name: str) -> None:
    bright, dark, far = (
        (measured(name, plane(z), albedo=albedo)[:, :300] == 0).mean()
        for z, albedo in ((2.0, 0.7), (2.5, 0.015), (5.5, 0.05))
    )
    assert bright < 0.02
    assert dark > 0.3
    assert far > 0.5


def test_mirrors_and_glass_are_lost_in_patches() -> None:
    found = measured("kv1", plane(2.0), specular=0.8) == 0
    assert 0.6 < found[:, :300].mean() < 0.97
    # Patches, not salt: neighbours share their fate.
    assert (found[:, 1:] == found[:, :-1]).mean() > 0.93


def test_flying_pixels_lie_between_front_and_back() -> None:
    depth = plane(3.0)
    depth[60:180, 120:200] = 1.5
    found = measured("kv2", depth)
    between = (found > 1.6) & (found < 2.9)
    assert between.sum() > 20
    assert not between[100:140, 130:190].any()
    solid = measured("kv1", depth)
    assert not ((solid > 1.6) & (solid < 2.9)).any()


@pytest.mark.parametrize("name", ALL)
def test_a_seed_gives_the_same_and_another_gives_another(name: str) -> None:
    scene, camera = furnished(), standing_camera(name)  # type: ignore[arg-type]
    view = seen(scene, camera)
    image = painted(scene, view)
    first, again, other = (take(scene, camera, view, image, np.random.default_rng(seed)) for seed in (3, 3, 4))
    for key in ("rgb", "depth", "depth_bfx", "exact", "label"):
        assert (getattr(first, key) == getattr(again, key)).all()
    assert (first.depth != other.depth).mean() > 0.2
    assert (first.rgb != other.rgb).mean() > 0.2
    assert (first.label == other.label).all()
    assert 0.005 < (first.depth == 0).mean() < 0.4


def test_infrared_goes_by_material() -> None:
    black = placed(2, "shelf", 15, (1, 1, 1), (0, 0, 0), material=Material("black", (0.01, 0.01, 0.01)))
    grey = np.full((8, 8, 3), 188, np.uint8)  # 0.5 in linear light
    printed = Material("print", (1.0, 1.0, 1.0), texture=Texture("grey", grey))
    white = placed(1, "box", 29, (1, 1, 1), (0, 0, 0), material=printed)
    glass = placed(3, "vitrine", 3, (1, 1, 1), (0, 0, 0), material=Material("glass", opacity=0.2))
    window = placed(4, "window", 9, (1, 1, 1), (0, 0, 0))
    scene = replace(furnished(), objects=(white, black, glass, window))
    answers = [infrared(scene, np.ones(5, bool), np.random.default_rng(seed)) for seed in range(20)]
    albedo, specular = np.mean([a.albedo for a in answers], 0), answers[0].specular
    assert 0.5 < albedo[1] < 0.75
    assert albedo[2] < 0.3
    assert albedo[0] == 0
    assert specular[3] == pytest.approx(1.0)
    assert specular[4] >= 0.8
    assert specular[[1, 2]].tolist() == [0, 0]
    hidden = infrared(scene, np.arange(5) != 1, np.random.default_rng(0))
    assert hidden.albedo[1] == 0
    assert hidden.albedo[2:].tolist() == answers[0].albedo[2:].tolist()


def test_inpainting_fills_all_and_keeps_to_outlines() -> None:
    scene, camera = furnished(), standing_camera("kv1")
    view = seen(scene, camera)
    taken = take(scene, camera, view, painted(scene, view), np.random.default_rng(0))
    assert (taken.depth_bfx > 0).all()
    holes = (taken.depth == 0) & (taken.exact > 0)
    error = np.abs(taken.depth_bfx.astype(float) - taken.exact)[holes]
    assert np.median(error) < 60
    assert np.percentile(error, 80) < 500
    kept = np.abs(taken.depth_bfx.astype(float) - taken.depth)[taken.depth > 0]
    assert np.percentile(kept, 90) < 60


def test_inpainting_of_nothing_and_of_everything() -> None:
    grey = np.full((*SIZE, 3), 128, np.uint8)
    assert not fill_depth(np.zeros(SIZE, np.uint16), grey).any()
    whole = np.full(SIZE, 2000, np.uint16)
    assert (fill_depth(whole, grey) == 2000).all()
    one = np.zeros(SIZE, np.uint16)
    one[7, 9] = 1234
    assert (fill_depth(one, grey) == 1234).mean() > 0.99


def test_filled_depth_follows_colour() -> None:
    """A hole over a colour's edge takes each side's depth from that side."""
    rgb = np.full((*SIZE, 3), (200, 60, 60), np.uint8)
    rgb[:, 160:] = (60, 60, 200)
    depth = np.full(SIZE, 1500, np.uint16)
    depth[:, 160:] = 3000
    holed = depth.copy()
    holed[100:140, 130:180] = 0
    right = np.abs(fill_depth(holed, rgb).astype(int) - depth) < 200
    assert right[100:140, 130:180].mean() > 0.9


def test_picture_noise_grows_with_light() -> None:
    still = ColourCamera(exposure=0, white_balance=0, vignetting=(0, 0), motion=0, blur=(0.3, 0.3), sharpening=(0, 0))
    levels = {}
    for level in (40, 200):
        noisy, _ = take_picture(np.full((*SIZE, 3), level, np.uint8), still, np.random.default_rng(0))
        assert noisy.dtype == np.uint8
        assert noisy.mean() == pytest.approx(level, abs=1.5)
        linear = (noisy / 255.0) ** 2.2
        levels[level] = linear.std()
    assert levels[200] > 1.5 * levels[40]


def test_vignetting_darkens_corners() -> None:
    dark = replace(CAMERAS["kv1"], vignetting=(0.4, 0.4), exposure=0, white_balance=0)
    image, quality = take_picture(np.full((*SIZE, 3), 180, np.uint8), dark, np.random.default_rng(0))
    middle = image[110:130, 150:170].mean()
    corners = np.mean([image[y, x].mean() for y in (slice(0, 12), slice(-12, None)) for x in (slice(0, 12),)])
    assert corners < middle * 0.87
    assert dark.quality[0] <= quality <= dark.quality[1]


def test_full_frame_intrinsics_are_those_of_the_scene_module() -> None:
    camera = standing_camera("kv2", 1.0)
    assert (camera.intrinsics == INTRINSICS).all()
