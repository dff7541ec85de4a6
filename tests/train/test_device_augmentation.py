"""Augmentation in batches on the device: aligned planes, honest missing depth, and the CPU way's distribution."""

import numpy as np
import pytest
import torch
from training_helpers import small_data, trainer

from train.data.augmentation import Augmentation, Augmenter
from train.data.depth_noise import DepthFaults
from train.data.device_augmentation import colour, depth_faults, geometry

SIZE = (48, 64)
NO_FAULTS = DepthFaults(holes=0.0, quantisation=0.0, edges=0.0)


def moved(config, count, seed=0):
    """Column and row (count, h, w) that each pixel came from, and whether it lies within the frame."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    rgb = torch.zeros(count, 3, *SIZE)
    label = torch.ones(count, *SIZE, dtype=torch.uint8)
    noise = torch.Generator().manual_seed(seed)
    out = []
    for plane in (columns + 1, rows + 1):
        depth = torch.from_numpy(plane).expand(count, 1, *SIZE)
        drawn = [np.random.default_rng([seed, k]) for k in range(count)]
        _, place, inside = geometry(rgb, depth, label, config, SIZE, drawn, noise.manual_seed(seed))
        out.append(place[:, 0] - 1)
    return (*out, inside > 0)


@pytest.mark.parametrize("seed", range(3))
def test_planes_stay_aligned_and_no_depth_is_mixed(seed):
    generator = np.random.default_rng(seed)
    values = torch.from_numpy(generator.permutation(SIZE[0] * SIZE[1]).reshape(1, 1, *SIZE).astype(np.float32) + 1)
    depth = torch.where(torch.from_numpy(generator.random((8, 1, *SIZE))) < 0.3, 0.0, values)
    label = (depth[:, 0] > 0).to(torch.uint8) * 7
    config = Augmentation(rotate=1.0, warp=1.0)
    drawn = [np.random.default_rng([seed, k]) for k in range(8)]
    rgb, warped, classes = geometry(
        depth.expand(-1, 3, -1, -1) % 255, depth, label, config, SIZE, drawn, torch.Generator().manual_seed(seed)
    )
    assert torch.equal(warped[:, 0] > 0, classes == 7)
    assert set(warped.unique().tolist()) <= {0.0, *values.unique().tolist()}
    assert rgb.shape == (8, 3, *SIZE)


def test_unvaried_frames_are_as_they_were():
    config = Augmentation(flip=0, rotate=0, warp=0, scale=(1.0, 1.0))
    columns, rows, inside = moved(config, 3)
    assert inside.all()
    assert torch.equal(columns[1], torch.arange(SIZE[1]).float().expand(SIZE))
    assert torch.equal(rows[2], torch.arange(SIZE[0]).float()[:, None].expand(SIZE))


def test_distribution_of_geometry_is_the_cpus():
    """Shares and means over a few hundred frames: flips, zoom, rotation, and how much of the result is frame."""
    config = Augmentation(rotate=0.5, warp=0.3, scale=(0.6, 1.8), depth=NO_FAULTS)
    count = 300
    columns, rows, inside = (x.numpy() for x in moved(config, count))
    augmenter = Augmenter(config, SIZE)
    reference = []
    for k in range(count):
        planes = []
        for plane in np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32) + 1:
            sample = augmenter(
                np.zeros((*SIZE, 3), np.uint8), plane, np.ones(SIZE, np.uint8), np.random.default_rng([7, k])
            )
            planes.append(sample.clean_depth - 1)
        reference.append((planes[1], planes[0], sample.label > 0))
    other = [np.stack(part) for part in zip(*reference, strict=True)]

    def described(columns, rows, inside):
        """Of each frame: mirrored, columns a pixel, rows a column, and share within the frame, about its middle."""
        found = []
        for column, row, known in zip(columns, rows, inside, strict=True):
            y, x = np.nonzero(known)
            design = np.stack([x, y, np.ones(len(x))], 1).astype(float)
            (a, *_), (c, *_) = (np.linalg.lstsq(design, plane[known], rcond=None)[0] for plane in (column, row))
            found.append((a < 0, abs(a), abs(c), known.mean()))
        return np.array(found, float)

    ours, theirs = described(columns, rows, inside), described(*other)
    for k, tolerance in enumerate((0.12, 0.08, 0.02, 0.05)):
        assert ours[:, k].mean() == pytest.approx(theirs[:, k].mean(), abs=tolerance), k
        assert ours[:, k].std() == pytest.approx(theirs[:, k].std(), abs=tolerance), k


def test_distribution_of_colour_is_the_cpus():
    config = Augmentation(flip=0, rotate=0, warp=0, scale=(1.0, 1.0), depth=NO_FAULTS)
    count = 160
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    picture = np.stack([x * 3 + 20, y * 4 + 30, 200 - x * 2], 2).astype(np.uint8)
    rgb = torch.from_numpy(picture).permute(2, 0, 1).float().expand(count, -1, -1, -1)
    drawn = [np.random.default_rng([3, k]) for k in range(count)]
    ours = colour(rgb, config, drawn, torch.Generator().manual_seed(0)).numpy()
    augmenter = Augmenter(config, SIZE)
    blank = np.zeros(SIZE, np.uint8)
    theirs = np.stack(
        [augmenter(picture, None, blank, np.random.default_rng([4, k])).rgb.transpose(2, 0, 1) for k in range(count)]
    ).astype(float)
    for statistic, tolerance in ((np.mean, 6.0), (np.std, 6.0)):
        one, other = statistic(ours, (2, 3)), statistic(theirs, (2, 3))  # (count, 3)
        assert np.abs(one.mean(0) - other.mean(0)).max() < tolerance
        assert np.abs(one.std(0) - other.std(0)).max() < tolerance
    assert ours.min() >= 0
    assert ours.max() <= 255


def test_faults_are_a_sensors_and_missing_stays_missing():
    generator = torch.Generator().manual_seed(0)
    metres = 1.0 + 4.0 * torch.rand(6, 1, *SIZE, generator=generator)
    metres[:, :, 10:20, 10:30] = 0
    every = DepthFaults(holes=1.0, quantisation=1.0, edges=1.0)
    result = depth_faults(metres, every, generator)
    assert not result[metres == 0].any()
    assert torch.isfinite(result).all()
    assert (result == 0).float().mean() > (metres == 0).float().mean()
    assert torch.equal(depth_faults(metres, NO_FAULTS, generator), metres)
    # Steps of the rounding grow with the square of the distance, as `quantise`'s do.
    ramp = torch.linspace(0.5, 8.0, 4000).view(1, 1, 1, -1)
    rounded = depth_faults(ramp, DepthFaults(holes=0, quantisation=1, edges=0, step_at_1m=0.02), generator)
    steps = [rounded[(ramp > z - 0.4) & (ramp < z + 0.4)].unique().diff().mean() for z in (2.0, 4.0)]
    assert float(steps[1] / steps[0]) == pytest.approx(4.0, rel=0.25)


@pytest.mark.parametrize("cache", ["device", "pinned"])
def test_batches_from_the_cache_have_the_workers_form(cache, photos):
    data = small_data(cache=cache, photos=str(photos), photos_share=0.25, batch_size=4)
    data.setup("fit")
    data.clean = True
    loader = data.train_dataloader()
    batch = next(iter(loader))
    assert (batch.photographs, batch.with_depth) == (1, 3)
    assert batch.rgb.shape == (4, 3, 64, 64)
    assert batch.depth.shape == (4, 1, 64, 64)
    assert batch.label.shape == (4, 64, 64)
    assert not batch.label[-1].any()
    assert batch.has_depth.tolist() == [True, True, True, False]
    # A batch is a function of seed, epoch and indices.
    loader.sampler.set_epoch(0)
    loader.sampler.start = 0
    assert torch.equal(next(iter(loader)).rgb, batch.rgb)


def test_training_runs_on_cached_frames(tmp_path):
    from training_helpers import small_module  # noqa: PLC0415

    run = trainer(tmp_path, max_epochs=1)
    run.fit(small_module(), datamodule=small_data(cache="device"))
    assert run.global_step == 2
    assert np.isfinite(float(run.callback_metrics["train/loss"]))


def test_unvaried_cached_frames_are_the_workers():
    plain = Augmentation(enabled=False)
    batches = []
    for cache in ("device", "none"):
        data = small_data(cache=cache, augmentation=plain)
        data.setup("fit")
        batches.append(next(iter(data.train_dataloader())))
    cached, read = batches
    assert torch.equal(cached.rgb, read.rgb.float())
    assert torch.equal(cached.label, read.label)
    assert (cached.depth - read.depth).abs().max() <= 0.0006
