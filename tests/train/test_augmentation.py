"""Geometry moves RGB, depth and label together; colour never touches depth; missing stays missing."""

import numpy as np
import pytest
from training_helpers import small_data

from deresunet.data.folder import sample_rooms
from train.data.augmentation import Augmentation, Augmenter, geometry
from train.data.depth_noise import DepthFaults, add_faults, blur_edges, punch_holes, quantise

SIZE = (96, 128)
ALWAYS = Augmentation(flip=0.5, rotate=1.0, warp=1.0, colour=1.0, blur=1.0, noise=1.0)
NO_FAULTS = DepthFaults(holes=0.0, quantisation=0.0, edges=0.0)
NO_GEOMETRY = {"flip": 0.0, "rotate": 0.0, "warp": 0.0, "scale": (1.0, 1.0)}


def random_frame(generator):
    """RGB, depth with about a third missing, and a label; every pixel of depth has a value of its own."""
    depth = generator.permutation(SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.float32) / 2000 + 0.5
    depth[generator.random(SIZE) < 0.3] = 0
    depth[20:40, 30:70] = 0
    return generator.integers(0, 256, (*SIZE, 3), np.uint8), depth, generator.integers(0, 38, SIZE, np.uint8)


@pytest.mark.parametrize("seed", range(40))
def test_geometry_mixes_no_depth_and_keeps_missing_missing(seed):
    generator = np.random.default_rng(seed)
    _, depth, _ = random_frame(generator)
    # The number of the pixel it came from rides along as the label's plane would, and as RGB's.
    source = np.arange(1, depth.size + 1, dtype=np.int32).reshape(SIZE)
    pipeline = geometry(ALWAYS, SIZE)
    pipeline.set_random_seed(seed)
    warped = pipeline(image=np.zeros((*SIZE, 3), np.uint8), depth=depth, label=source.astype(np.float32))
    came_from = warped["label"].astype(np.int64)
    inside = came_from > 0
    assert warped["depth"].shape == SIZE
    assert inside.any()
    # Each pixel has the depth of the one pixel it came from, missing included; outside the frame it is missing.
    assert np.array_equal(warped["depth"][inside], depth.ravel()[came_from[inside] - 1])
    assert not warped["depth"][~inside].any()


@pytest.mark.parametrize("seed", range(40))
def test_photometric_changes_leave_depth_and_label_bit_for_bit(seed):
    generator = np.random.default_rng(seed)
    rgb, depth, label = random_frame(generator)
    before = depth.copy(), label.copy()
    config = Augmentation(**NO_GEOMETRY, colour=1.0, blur=1.0, noise=1.0, depth=NO_FAULTS)
    sample = Augmenter(config, SIZE)(rgb, depth, label, generator)
    assert np.array_equal(sample.depth, before[0])
    assert np.array_equal(sample.label, before[1])
    assert sample.rgb.shape == rgb.shape
    assert not np.array_equal(sample.rgb, rgb)


@pytest.mark.parametrize("seed", range(40))
def test_no_augmentation_of_any_kind_invents_depth(seed):
    generator = np.random.default_rng(seed)
    rgb, depth, label = random_frame(generator)
    faults = DepthFaults(holes=1.0, quantisation=1.0, edges=1.0, scale=0.1)
    clean, sample = (
        Augmenter(Augmentation(rotate=1.0, warp=1.0, colour=1.0, depth=kind), SIZE)(
            rgb, depth, label, np.random.default_rng(seed)
        )
        for kind in (NO_FAULTS, faults)
    )
    assert not sample.depth[clean.depth == 0].any()
    assert np.isfinite(sample.depth).all()


def test_rgb_depth_and_label_stay_aligned():
    # A white square that is near and labelled 7: wherever it goes, it goes in all three.
    rgb, depth, label = np.zeros((*SIZE, 3), np.uint8), np.full(SIZE, 5, np.float32), np.full(SIZE, 1, np.uint8)
    rgb[30:70, 40:90], depth[30:70, 40:90], label[30:70, 40:90] = 255, 1, 7
    config = Augmentation(rotate=1.0, warp=1.0, colour=0.0, blur=0.0, noise=0.0, depth=NO_FAULTS)
    for seed in range(20):
        sample = Augmenter(config, SIZE)(rgb, depth, label, np.random.default_rng(seed))
        assert np.array_equal(sample.depth == 1, sample.label == 7)
        bright = sample.rgb.min(2) > 128
        # RGB is interpolated, so only its edges may differ, and what lies outside the frame is grey.
        assert (bright == (sample.label == 7)).mean() > 0.97


def test_flips_and_rotations_are_drawn_apart():
    """One seed for all transforms would rotate exactly those frames that it flips."""
    config = Augmentation(
        flip=0.5, rotate=0.5, rotate_deg=8, warp=0.0, scale=(1.0, 1.0), colour=0.0, blur=0.0, noise=0.0, depth=NO_FAULTS
    )
    ramp = np.tile(np.linspace(0.5, 5, SIZE[1], dtype=np.float32), (SIZE[0], 1))
    augmenter = Augmenter(config, SIZE)
    seen = set()
    for seed in range(60):
        depth = augmenter(
            np.zeros((*SIZE, 3), np.uint8), ramp, np.ones(SIZE, np.uint8), np.random.default_rng(seed)
        ).depth
        middle = depth[SIZE[0] // 2]
        flipped = middle[SIZE[1] // 4] > middle[3 * SIZE[1] // 4]
        rotated = not np.array_equal(depth[10], depth[-10])
        seen.add((bool(flipped), bool(rotated)))
    assert len(seen) == 4


def test_a_sample_depends_on_seed_epoch_and_index_alone():
    first, second = small_data(seed=3), small_data(seed=3)
    for data in (first, second):
        data.setup("fit")
    frames, others = first.training_frames(), second.training_frames()
    others[4, 1]  # other samples before it do not matter
    for one, other in zip(frames[2, 5][0][:5], others[2, 5][0][:5], strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(frames[2, 5][0].rgb, frames[3, 5][0].rgb)


@pytest.mark.parametrize(("missing_depth", "missing_rgb"), [(0.3, 0.2), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_modality_dropout_never_takes_both(missing_depth, missing_rgb):
    rgb, depth, label = random_frame(np.random.default_rng(0))
    config = Augmentation(**NO_GEOMETRY, missing_depth=missing_depth, missing_rgb=missing_rgb)
    augmenter = Augmenter(config, SIZE)
    drawn = [augmenter(rgb, depth, label, np.random.default_rng(seed)) for seed in range(200)]
    assert all(sample.has_rgb or sample.has_depth for sample in drawn)
    assert np.mean([not sample.has_depth for sample in drawn]) == pytest.approx(missing_depth, abs=0.1)
    assert np.mean([not sample.has_rgb for sample in drawn]) == pytest.approx(missing_rgb, abs=0.1)


def test_a_frame_with_one_modality_keeps_it():
    rgb, depth, label = random_frame(np.random.default_rng(0))
    config = Augmentation(missing_depth=0.5, missing_rgb=0.5)
    for seed in range(20):
        generator = np.random.default_rng(seed)
        assert Augmenter(config, SIZE)(rgb, None, label, generator).has_rgb
        assert Augmenter(config, SIZE)(None, depth, label, generator).has_depth


def test_quantisation_grows_with_the_square_of_the_distance():
    metres = np.linspace(0.5, 8.0, 20000, dtype=np.float32)[None]
    coarse = quantise(metres, 0.005)
    steps = {z: np.diff(np.unique(coarse[(metres > z - 0.3) & (metres < z + 0.3)])).mean() for z in (1.0, 2.0, 4.0)}
    assert steps[2.0] / steps[1.0] == pytest.approx(4.0, rel=0.15)
    assert steps[4.0] / steps[2.0] == pytest.approx(4.0, rel=0.15)
    assert np.abs(coarse - metres).max() <= 0.005 * 8.0**2


def test_edge_faults_touch_edges_alone():
    metres = np.full((60, 60), 2.0, np.float32)
    metres[:, 30:] = 4.0
    result = blur_edges(metres, 0.15, np.random.default_rng(0))
    changed = np.nonzero((result != metres).any(0))[0]
    assert len(changed)
    assert changed.min() >= 26
    assert changed.max() <= 33
    assert set(np.unique(result)) <= {0.0, 2.0, 4.0}


def test_holes_are_missing_and_the_rest_is_as_it_was():
    metres = np.full((96, 128), 2.0, np.float32)
    result = punch_holes(metres, 5, np.random.default_rng(0))
    assert 0 < (result == 0).mean() < 0.5
    assert set(np.unique(result)) == {0.0, 2.0}


def test_faults_do_not_change_what_they_are_given():
    depth = sample_rooms().read("0000").depth.copy()
    before = depth.copy()
    add_faults(depth, DepthFaults(holes=1.0, quantisation=1.0, edges=1.0), np.random.default_rng(0))
    assert np.array_equal(depth, before)


@pytest.mark.parametrize(
    "wrong", [{"flip": 1.5}, {"missing_depth": 0.7, "missing_rgb": 0.7}, {"scale": (2.0, 0.5)}, {"noise": -0.1}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="augmentation"):
        Augmentation(**wrong)
