"""Training on a folder of one's own with classes of one's own, and what people trip over there."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from training_helpers import ROOT, SMALL, small_data, small_module, train_here, trainer

import deresunet
from deresunet.classes import ClassSet
from deresunet.data.folder import sample_rooms
from deresunet.errors import InputError
from deresunet.inference.network import read_weights
from deresunet.model.checkpoint import load_checkpoint
from train.cli import main
from train.data.split import carve
from train.initialisation import with_new_head
from train.module import SegmentationModule

NAMES = ("wall", "floor", "rest")
FINETUNE = ("fit", "--config", ROOT / "train/configs/finetune.yaml")


def folder_of(path, frames=6, names=NAMES, depth=True, change=lambda label: label):
    """Sample rooms at 96x72 with walls, floors and the rest as their three classes."""
    rooms = sample_rooms()
    for kind in ("rgb", "label", *(["depth"] if depth else [])):
        (path / kind).mkdir(parents=True)
    (path / "classes.txt").write_text("\n".join(names) + "\n")
    table = np.array([0, 1, 2, *[3] * 35], np.uint8)
    for k, name in enumerate(rooms.names[:frames]):
        frame = rooms.read(name)
        size, nearest = (96, 72), Image.Resampling.NEAREST
        Image.fromarray(frame.rgb).resize(size).save(path / f"rgb/{k}.png")
        label = Image.fromarray(table[frame.label]).resize(size, nearest)
        Image.fromarray(change(np.asarray(label))).save(path / f"label/{k}.png")
        if depth:
            millimetres = Image.fromarray((frame.depth * 1000).round().astype(np.uint16))
            millimetres.resize(size, nearest).save(path / f"depth/{k}.png")
    return path


def own_data(path, **options):
    given = {"dataset": "auto", "root": path, "train_split": None, "validation_every": 3, "limit": None}
    return small_data(**(given | {"batch_size": 2} | options))


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("mine") / "My kitchen")


def test_a_list_of_all_frames_holds_none_of_them_back(tmp_path):
    path = folder_of(tmp_path / "mine")
    (path / "default.txt").write_text("".join(f"{k}\n" for k in range(6)))
    data = own_data(path)
    data.setup("fit")
    assert data.count("training") + data.count("validation") == 6
    (path / "easy.txt").write_text("0\n1\n")
    data = own_data(path)
    data.setup("fit")
    assert data.count("training") + data.count("validation") == 4
    (path / "test.txt").write_text("".join(f"{k}\n" for k in range(6)))
    with pytest.raises(InputError, match="all frames are in lists that are not for training"):
        own_data(path).setup("fit")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_own_classes_are_trained_and_used_in_three_commands(mine, tmp_path, capsys):
    """The bundled weights, a size of 64x96, two epochs: it must run through, not be good."""
    options = ("--run.folder", tmp_path, "--trainer.max_epochs", 2, "--trainer.accelerator", "cpu")
    quiet = ("--trainer.enable_progress_bar", "false", "--trainer.precision", "32-true", "--data.batch_size", 2)
    said = train_here(*FINETUNE, "--data.root", mine, "--size", "64x96", *options, *quiet)
    out = tmp_path / "finetune/version_0/weights.int8.safetensors"
    assert f"python app.py --checkpoint {out} --data '{mine}'" in said
    checkpoint = load_checkpoint(out)
    assert checkpoint.class_set.names == NAMES
    assert checkpoint.stored == "int8"
    assert "a new head for" in checkpoint.training
    measured = json.loads((tmp_path / "finetune/version_0/validation.json").read_text())
    assert set(measured["iou"]) == set(NAMES)
    # All but the head is the bundled network's start: the encoders are still those, statistics included.
    bundled = read_weights().state
    trained = load_checkpoint(tmp_path / "finetune/version_0/checkpoints/last.ckpt").state
    for name, tensor in trained.items():
        if name in bundled and name.startswith(("rgb_encoder.", "depth_encoder.")):  # counters of batches are not
            torch.testing.assert_close(tensor, bundled[name].to(tensor.dtype), msg=name)
    assert not torch.equal(trained["bottleneck.out.0.weight"], bundled["bottleneck.out.0.weight"])
    # The predictor takes it, with its classes.
    predictor = deresunet.load(out, "cpu", backend="eager")
    prediction = predictor(sample_rooms().read("0000"))
    assert prediction.class_set.names == NAMES
    assert set(np.unique(prediction.label)) <= {1, 2, 3}
    # And training goes on from it, with the head that it has.
    again = SegmentationModule(weights=str(out))
    data = own_data(mine)
    data.setup("fit")
    head = again.model.head[0].weight.clone()
    again.prepare(data, training=True)
    assert torch.equal(again.model.head[0].weight, head)


def test_a_new_head_keeps_the_rest():
    module = small_module()
    fresh = with_new_head(module.model, 5).eval()
    assert fresh(torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)).shape[1] == 5
    before = module.model.state_dict()
    for name, tensor in fresh.state_dict().items():
        assert name.startswith("head.") or torch.equal(tensor, before[name]), name


def test_frozen_parts_stay_as_they_are(mine, tmp_path):
    torch.manual_seed(0)
    module = SegmentationModule(network=SMALL, frozen=["rgb_encoder", "depth_encoder"], weighted_classes=True)
    before = {name: tensor.clone() for name, tensor in module.model.state_dict().items()}
    run = trainer(tmp_path, max_epochs=1)
    run.fit(module, datamodule=own_data(mine))
    after = module.model.state_dict()
    assert after["head.0.weight"].shape[0] == 4 * len(NAMES)
    for name, tensor in before.items():
        if "encoder." in name:
            assert torch.equal(after[name], tensor), name
        elif name == "bottleneck.out.0.weight":
            assert not torch.equal(after[name], tensor)
    with pytest.raises(InputError, match="no part of the network"):
        SegmentationModule(network=SMALL, frozen=["encoder"])


def test_checkpoints_of_other_classes_are_refused_in_words(mine, tmp_path):
    module = small_module()
    run = trainer(tmp_path, max_epochs=1)
    run.fit(module, datamodule=small_data())
    run.save_checkpoint(tmp_path / "rooms.ckpt")
    with pytest.raises(InputError, match="of other classes"):
        trainer(tmp_path, max_epochs=2).fit(
            small_module(), datamodule=own_data(mine), ckpt_path=tmp_path / "rooms.ckpt"
        )


def test_validation_is_every_tenth_frame_or_whole_recordings():
    training, validation = carve([""] * 40, 0.1, 0, every=10)
    assert validation == [9, 19, 29, 39]
    assert sorted(training + validation) == list(range(40))
    assert carve([""] * 4, 0.1, 0, every=10) == ([0, 1, 2], [3])
    scenes = [f"scene{k // 10}" for k in range(40)]
    training, validation = carve(scenes, 0.25, 0, every=10)
    assert len({scenes[k] for k in validation}) == 1
    assert not {scenes[k] for k in training} & {scenes[k] for k in validation}


def test_rgb_alone_is_trained_where_there_is_no_depth(tmp_path, caplog):
    data = own_data(folder_of(tmp_path / "rgb", depth=False))
    with caplog.at_level("INFO"):
        data.setup("fit")
    assert "the network learns RGB alone" in caplog.text
    batch = next(iter(data.train_dataloader()))
    assert batch.has_rgb.all()
    assert not batch.has_depth.any()


def test_frames_of_other_lists_are_not_trained_on(tmp_path):
    path = folder_of(tmp_path / "listed")
    (path / "test.txt").write_text("0\n1\n")
    data = own_data(path)
    data.setup("fit")
    seen = {data.frame(kind, k).name for kind in ("training", "validation") for k in range(data.count(kind))}
    assert len(seen) == 4
    assert not seen & {"0", "1"}


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda label: np.full_like(label, 2), {}, "one class alone, floor"),
        (lambda label: np.where(label == 3, 9, label).astype(np.uint8), {}, "9"),
        (lambda label: np.where(label == 3, 255, label).astype(np.uint8), {}, "255"),
        (lambda label: label[:, :60], {}, "60x72|label"),
        (np.zeros_like, {}, "none of the 6 training frames has ground truth"),
        (lambda label: label, {"batch_size": 50}, "data.batch_size"),
    ],
)
def test_what_people_trip_over_is_said(tmp_path, change, options, said):
    data = own_data(folder_of(tmp_path / "wrong", change=change), **options)

    def begin():
        data.setup("fit")
        data.train_dataloader()

    with pytest.raises(InputError, match=said):
        begin()


def test_a_class_that_never_occurs_is_named(tmp_path):
    data = own_data(folder_of(tmp_path / "more", names=(*NAMES, "unicorn")))
    with pytest.warns(UserWarning, match="no pixel is unicorn"):
        data.setup("fit")
    assert data.class_set == ClassSet.of(tmp_path / "more")


@pytest.mark.parametrize("size", ["big", "240", "240x"])
def test_a_size_that_is_none_is_one_line(size, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, FINETUNE), "--size", size])
    assert ended.value.code == 2
    assert "expected height x width" in capsys.readouterr().err
