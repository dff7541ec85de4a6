"""A teacher's outputs: asked for once a picture, and moved as the picture is."""

import numpy as np
import pytest
import torch
from training_helpers import random_teacher, small_data

from deresunet.config import Preprocessing
from deresunet.errors import InputError
from deresunet.inference.preprocessing import to_tensors
from train.data import teaching
from train.data.augmentation import Augmentation, Augmenter, places_in
from train.data.dataset import warped
from train.data.teaching import Teaching
from train.distillation.teacher import load_teacher

SIZE = (96, 128)
HARD = Augmentation(rotate=1.0, warp=1.0, scale=(0.5, 2.0), colour=0.0, blur=0.0, noise=0.0)


def outputs_of_places(rows, columns):
    """Outputs that say where they are: x and y of their cells' centres, in widths and heights of the frame."""
    return torch.from_numpy(places_in(rows, columns).copy()).permute(2, 0, 1)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("stride", [4, 14])
def test_outputs_go_where_the_pictures_pixels_go(seed, stride):
    """Colours of the picture say where its pixels are, and the outputs where theirs are: they must go on agreeing."""
    x, y = places_in(*SIZE)[..., 0], places_in(*SIZE)[..., 1]
    rgb = np.stack([255 * x, 255 * y, np.full(SIZE, 200)], -1).round().astype(np.uint8)
    depth, label = np.ones(SIZE, np.float32), np.ones(SIZE, np.uint8)
    sample = Augmenter(HARD, SIZE)(rgb, depth, label, np.random.default_rng(seed), with_places=True)
    taught = warped(outputs_of_places(24, 32), sample.places, stride)
    rows, columns = SIZE[0] // stride, SIZE[1] // stride
    assert taught.shape == (2, rows, columns)
    shown = torch.from_numpy(sample.rgb[..., :2].astype(np.float32) / 255).permute(2, 0, 1)[None]
    inside = torch.from_numpy((sample.label == 1).astype(np.float32))[None, None]
    share = torch.nn.functional.adaptive_avg_pool2d(inside, (rows, columns))[0, 0]
    shown = torch.nn.functional.adaptive_avg_pool2d(shown, (rows, columns))[0]
    # At the frame's border colours are mixed with what lies outside, so cells within three pixels of it are left out.
    near = torch.nn.functional.max_pool2d(torch.nn.functional.pad(1 - inside, (3, 3, 3, 3)), 7, stride=1)
    whole = torch.nn.functional.adaptive_max_pool2d(near, (rows, columns))[0].expand_as(taught) == 0
    # Half a cell of the outputs, which they are continued over at the border; elastic noise; rounding of colours.
    apart = (taught - shown)[whole].abs()
    assert apart.mean() < 0.01
    assert apart.max() < 0.12
    assert not taught[:, share == 0].any()


def test_outputs_of_a_frame_as_it_is_are_resampled_alone():
    outputs = torch.randn(3, 30, 40)
    same = warped(outputs, places_in(480, 640), 4)
    wanted = torch.nn.functional.interpolate(outputs[None], (120, 160), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(same, wanted, rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return random_teacher(tmp_path_factory.mktemp("teacher") / "t.ckpt", 40)


def batch_of(data):
    data.setup("fit")
    return next(iter(data.train_dataloader()))


@pytest.mark.parametrize("kind", ["logits", "features"])
def test_outputs_are_the_teachers_and_asked_for_once(teacher, tmp_path, photos, monkeypatch, kind):
    asked = []
    monkeypatch.setattr(teaching, "load_teacher", lambda path: asked.append(path) or load_teacher(path))
    monkeypatch.setattr(teaching, "half_type", lambda _: None)  # float32 here, so that numbers can be compared
    options = {
        "teaching": Teaching(str(teacher), kind, str(tmp_path)),
        "augmentation": Augmentation(enabled=False),
        "preprocessing": Preprocessing(network_pixels=96 * 128),
        "photos": str(photos),
        "photos_share": 0.5,
        "photos_size": (64, 64),
        "photos_held_out": 2,
    }
    data = small_data(**options)
    batch = batch_of(data)
    # Frames and photographs; for features those of validation, too, by which it is seen whether they get better.
    lists = {"features": 4, "logits": 2}[kind]
    assert len(asked) == lists
    network = load_teacher(teacher)
    frames = data.training_frames()
    drawn = frames[0, 0]
    inputs = to_tensors(data.frame("training", 0), data.preprocessing)
    with torch.no_grad():
        wanted = network.taps(*inputs, (11,))[0] if kind == "features" else network(*inputs)
    if kind == "logits":  # kept at half their size
        wanted = torch.nn.functional.avg_pool2d(wanted, 2)
    size = (96 // 14, 128 // 14) if kind == "features" else (24, 32)
    wanted = torch.nn.functional.interpolate(wanted, size, mode="bilinear", align_corners=False)[0]
    assert drawn.taught.shape == wanted.shape
    assert float((drawn.taught - wanted).abs().mean()) < (0.02 if kind == "features" else 0.002) * float(wanted.std())
    photo_size = (4, 4) if kind == "features" else (16, 16)
    assert batch.photos.taught.shape[2:] == photo_size
    # A second run reads them, and those held out are none of those trained on.
    batch_of(small_data(**options))
    assert len(asked) == lists
    assert len(data.photos) == 4
    if kind == "logits":
        return
    held_out = next(iter(data.held_out_photos()))
    assert held_out.taught.shape[2:] == photo_size
    trained = {frames[0, len(frames) + k].sample.rgb.tobytes() for k in range(4)}
    seen = [batch.rgb[0] for batch in data.held_out_photos()]
    assert len(seen) == 2
    assert not {rgb.permute(1, 2, 0).contiguous().numpy().tobytes() for rgb in seen} & trained


def test_another_teacher_and_changed_pictures_are_asked_about_anew(teacher, tmp_path):
    other = random_teacher(tmp_path / "other.ckpt", 37)
    data = small_data(teaching=Teaching(str(teacher), "logits", str(tmp_path)))
    again = small_data(teaching=Teaching(str(other), "logits", str(tmp_path)))
    unit = small_data(teaching=Teaching(str(teacher), "logits", str(tmp_path)), depth_unit="mm")
    assert len({one.outputs.folder for one in (data, again, unit)}) == 3


def test_a_teacher_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        small_data(teaching=Teaching(str(tmp_path / "none.ckpt")))
