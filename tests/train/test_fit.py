"""A run from config to use: recipes, what they log and leave, preprocessing, and whether the network can learn."""

import csv
import json

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from training_helpers import ROOT, SMALL_OPTIONS, SMALL_SIZE, small_data, small_module, train_here, trainer

from deresunet import load
from deresunet.classes import SUNRGBD37
from deresunet.cli import app
from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.data.readers import open_reader
from deresunet.errors import InputError
from deresunet.evaluation.boundary_iou import boundary_miou
from deresunet.evaluation.evaluator import evaluate
from deresunet.inference.preprocessing import to_tensors
from deresunet.model import registry
from deresunet.model.checkpoint import load_checkpoint
from train.cli import main
from train.data.augmentation import Augmentation
from train.data.dataset import EvaluationFrames, collate_evaluation
from train.data.split import carve
from train.data.survey import look_at
from train.module import SegmentationModule
from train.optimisation import Optimisation


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two epochs of the smoke recipe, smaller still."""
    folder = tmp_path_factory.mktemp("runs")
    options = ("--trainer.max_epochs", 2, "--run.folder", folder, "--run.name", "small", "--run.best", 1)
    train_here("fit", *SMALL_OPTIONS, *options)
    return folder / "small/version_0"


# --- what a run leaves ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_logs_losses_iou_of_each_class_and_learning_rate(run):
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert {row["epoch"] for row in rows} == {"0", "1"}
    for epoch in ("0", "1"):
        logged = {key: row[key] for row in rows if row["epoch"] == epoch for key in row if row[key] != ""}
        for stage in ("train", "val"):
            assert float(logged[f"{stage}/loss"]) > 0
            assert 0 <= float(logged[f"{stage}/miou"]) <= 1
            assert {f"{stage}/iou/{name}" for name in SUNRGBD37.names} <= set(logged)
        assert 0 <= float(logged["val/boundary_miou"]) <= 1
        assert float(logged["lr"]) > 0
    assert list(run.glob("events.out.tfevents.*"))


@pytest.mark.slow
def test_writes_pictures_metrics_and_its_configuration(run):
    for name in ("samples.png", "prediction.png"):
        assert np.asarray(Image.open(run / name)).std() > 20
    described = json.loads((run / "validation.json").read_text())
    assert described["frames"] == 5
    matrix = np.array(described["matrix"])
    assert described["pixel_acc"] == pytest.approx(100 * np.trace(matrix) / matrix.sum(), abs=1e-3)
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["model"]["init_args"]["network"]["backbone"] == "resnet18"
    assert config["data"]["preprocessing"]["network_pixels"] == 4096


@pytest.mark.slow
def test_checkpoint_is_used_by_predict_and_evaluate(run, tmp_path):
    from typer.testing import CliRunner  # noqa: PLC0415

    path = run / "checkpoints/last.ckpt"
    rooms = ROOT / "deresunet/samples"
    images = ("--rgb", str(rooms / "rgb/0000.jpg"), "--depth", str(rooms / "depth/0000.png"))
    done = CliRunner().invoke(app, ["predict", *images, "--checkpoint", str(path), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    label = np.asarray(Image.open(tmp_path / "label.png"))
    assert label.shape == (480, 640)
    assert label.min() >= 1
    described = json.loads((tmp_path / "prediction.json").read_text())
    assert described["provenance"]["weights"] == "last.ckpt"
    assert described["provenance"]["preprocessing"]["network_pixels"] == 4096
    arguments = ["evaluate", "--dataset", "rooms", "--limit", "2", "--checkpoint", str(path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "mIoU" in done.output


@pytest.mark.slow
def test_checkpoint_holds_the_average_and_says_where_it_comes_from(run):
    path = run / "checkpoints/last.ckpt"
    checkpoint = load_checkpoint(path)
    content = torch.load(path, weights_only=True)["state_dict"]
    assert torch.equal(checkpoint.state["head.0.weight"], content["ema.head.0.weight"])
    assert not torch.equal(checkpoint.state["head.0.weight"], content["model.head.0.weight"])
    assert not any("auxiliary" in name for name in checkpoint.state)  # heads of training only
    assert checkpoint.preprocessing == SMALL_SIZE
    assert "19 frames of rooms" in checkpoint.training
    assert "carved" in checkpoint.training
    logged = json.loads((run / "validation.json").read_text())
    assert checkpoint.metrics["validation"]["miou"] == logged["miou"]


@pytest.mark.slow
def test_validation_is_what_evaluate_measures(run):
    """The metrics of training and of `python -m deresunet evaluate` are one protocol."""
    data = small_data(limit=None)
    data.setup("validate")

    class Validation:
        names = tuple(str(index) for index in range(data.count("validation")))

        def read(self, name):
            return data.frame("validation", int(name))

    result = evaluate(load(run / "checkpoints/last.ckpt", "cpu", backend="eager"), Validation())
    logged = json.loads((run / "validation.json").read_text())
    matrix = np.array(logged["matrix"])
    assert result.matrix.shape == (37, 38)
    assert not result.matrix[:, 37].any(), "the network names none but its classes"
    measured = result.matrix[:, :37]
    assert matrix.sum() == measured.sum()
    assert logged["boundary_miou"] == pytest.approx(100 * boundary_miou(result.boundary), abs=0.5)
    # Batches of four round differently from single frames, and one pixel of 64x64 is a hundred of the frame.
    assert np.abs(matrix - measured).sum() <= 2e-3 * matrix.sum()


@pytest.mark.slow
def test_test_and_validate_are_commands_of_their_own(run, tmp_path):
    last = run / "checkpoints/last.ckpt"
    options = ("--run.folder", tmp_path, "--run.name", "run", "--data.limit", 4)
    train_here("test", *SMALL_OPTIONS, *options, "--ckpt_path", last)
    assert json.loads((tmp_path / "run/version_0/test.json").read_text())["frames"] == 4


# --- configs ----------------------------------------------------------------------------------------------------------


def test_classic_is_the_published_recipe():
    parsed = yaml.safe_load((ROOT / "train/configs/classic.yaml").read_text())
    model, data = parsed["model"]["init_args"], parsed["data"]
    assert model["architecture"] == "deresunet_r50_classic"
    assert (model["optimisation"]["name"], model["optimisation"]["rate"]) == ("adam", 1e-4)
    assert (data["batch_size"], parsed["trainer"]["accumulate_grad_batches"]) == (6, 2)
    assert Preprocessing(**data["preprocessing"]).network_size(480, 640) == (416, 576)
    assert parsed["trainer"]["callbacks"][0]["init_args"] == {"monitor": "val/loss", "patience": 4}


CONFIGS = sorted(path.stem for path in (ROOT / "train/configs").glob("*.yaml"))


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_parses_and_every_field_can_be_set(name, capsys):
    model = {
        "distill": ("--data.teaching.teacher", "teacher.ckpt"),
        "distill_depth": ("--model.init_args.teacher", "teacher.ckpt"),
    }.get(name, ())
    given = ("--data.augmentation.depth.holes", 0.125, "--model.init_args.optimisation.rate", 0.03125)
    path = ROOT / f"train/configs/{name}.yaml"
    with pytest.raises(SystemExit) as ended:
        main(["fit", "--config", str(path), *model, *map(str, given), "--print_config"])
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert "holes: 0.125" in printed
    assert "rate: 0.03125" in printed
    assert "missing_depth:" in printed  # fields that the file leaves out are shown, too


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data.dataset", "kitti"), "No layout is called 'kitti'"),
        (("--data.batch_size", "100"), "batch_size"),
        (("--model.init_args.network", "null", "--model.init_args.architecture", "resnet"), "no model is called"),
    ],
)
def test_what_the_user_got_wrong_is_one_line(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["fit", *SMALL_OPTIONS, "--run.folder", str(tmp_path), *arguments])
    assert ended.value.code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert said in line


def test_classic_recipe_trains_the_published_layout(tmp_path):
    """Plateau, accumulation and the concatenating layout together, with a small backbone."""
    config = registry.entry("deresunet_r50_classic").config
    network = config.__class__(
        **{**vars(config), "backbone": "resnet18", "bottleneck_channels": 32, "decoder_channels": (32, 16, 16, 16)}
    )
    optimisation = Optimisation("adam", 1e-4, schedule="plateau", plateau_patience=0, plateau_factor=0.5)
    module = SegmentationModule(network=network, optimisation=optimisation)
    run = trainer(tmp_path, max_epochs=1, accumulate_grad_batches=2)
    run.fit(module, datamodule=small_data(batch_size=2))
    assert run.global_step == 2  # 8 frames, 2 a batch, 2 batches a step
    assert run.lr_scheduler_configs[0].scheduler.last_epoch == 1  # the plateau saw one validation, once


# --- data -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(480, 640), (530, 730), (96, 96)])
@pytest.mark.parametrize("modality", ["rgbd", "rgb", "depth"])
def test_training_and_predictor_prepare_frames_by_the_same_function(size, modality):
    generator = np.random.default_rng(0)
    depth = np.where(generator.random(size) < 0.2, 0, generator.uniform(0.5, 9, size)).astype(np.float32)
    frame = Frame(
        rgb=None if modality == "depth" else generator.integers(0, 256, (*size, 3), np.uint8),
        depth=None if modality == "rgb" else depth,
        label=generator.integers(0, 38, size, np.uint8),
    )
    preprocessing = Preprocessing(rgb_mean=(0.1, 0.2, 0.3), depth_mean_m=1.5, network_pixels=96 * 128)
    module = small_module()
    module.preprocessing = preprocessing
    (batch,) = collate_evaluation([EvaluationFrames(lambda _: frame, 1, preprocessing)[0, 0]])
    wanted = to_tensors(frame, preprocessing)
    inputs = module.inputs(batch.frames)
    assert torch.equal(inputs.rgb, wanted[0])
    assert torch.equal(inputs.depth, wanted[1])


def test_training_frames_without_augmentation_are_the_predictors():
    data = small_data(augmentation=Augmentation(enabled=False), preprocessing=Preprocessing(), limit=5, batch_size=1)
    data.setup("fit")
    frames = data.training_frames()
    module = small_module()
    for index in range(2):
        inputs = module.inputs(frames.collate([frames[0, index]]))
        wanted = to_tensors(data.frame("training", index), Preprocessing())
        assert torch.equal(inputs.rgb, wanted[0])
        assert torch.equal(inputs.depth, wanted[1])


def test_frames_of_several_sizes_are_validated_together():
    frames = [
        Frame(rgb=np.zeros((*size, 3), np.uint8), label=np.full(size, 1, np.uint8))
        for size in ((480, 640), (480, 480), (530, 730))
    ]
    made = EvaluationFrames(frames.__getitem__, 3, SMALL_SIZE)
    batches = collate_evaluation([made[0, k] for k in range(3)])
    module = small_module().eval()
    with torch.no_grad():
        module.validation_step(batches, 0)
    matrix, _ = module.validation.result()
    assert matrix.sum() == sum(frame.label.size for frame in frames)


@pytest.mark.parametrize("frames", [10, 100, 795])
def test_validation_is_carved_in_runs_of_neighbours(frames):
    training, validation = carve([""] * frames, 0.1, 0)
    assert not set(training) & set(validation)
    assert sorted(training + validation) == list(range(frames))
    assert 0.05 <= len(validation) / frames <= 0.2
    assert carve([""] * frames, 0.1, 0) == (training, validation)
    if frames == 795:
        borders = sum(1 for k in validation if k + 1 not in validation)
        assert borders <= len(validation) / 15


def test_recordings_are_never_on_both_sides():
    sequences = [f"scene{k // 7}" for k in range(100)]
    training, validation = carve(sequences, 0.2, 1)
    assert not {sequences[k] for k in training} & {sequences[k] for k in validation}
    assert 20 <= len(validation) <= 40


@pytest.mark.parametrize("sequences", [[""], ["one"] * 10])
def test_what_cannot_be_split_is_refused(sequences):
    with pytest.raises(InputError, match="validation_split"):
        carve(sequences, 0.1, 0)


def test_cached_frames_are_the_frames():
    cached, read = small_data(cache="ram"), small_data()
    for data in (cached, read):
        data.setup("fit")
        data.setup("test")
    for index in range(3):
        one, other = cached.frame("training", index), read.frame("training", index)
        assert one.name == other.name
        assert np.array_equal(one.depth, other.depth)
    shares = np.zeros(38)
    for index in range(read.count("training")):
        label = read.frame("training", index).label
        shares += np.bincount(label.ravel(), minlength=38) / label.size  # each frame counts alike, whatever its size
    assert cached.class_shares == pytest.approx(shares[1:] / shares[1:].sum())
    assert read.count("test") == 10


def test_the_survey_warns_once_of_each_kind_of_depth_that_looks_wrong(tmp_path):
    """Ten frames of a depth in 1/5000 m, one of which has none: one line each, with the numbers of frames."""
    for kind in ("rgb", "depth", "label"):
        (tmp_path / kind).mkdir()
    far = np.linspace(14000, 16001, 48 * 64).astype(np.uint16).reshape(48, 64)
    for k in range(10):
        Image.fromarray(np.full((48, 64, 3), k, np.uint8)).save(tmp_path / "rgb" / f"{k}.png")
        Image.fromarray(np.full((48, 64), 1 + 3 * k, np.uint8)).save(tmp_path / "label" / f"{k}.png")
        if k:
            Image.fromarray(far).save(tmp_path / "depth" / f"{k}.png")
    reader = open_reader(root=tmp_path, split="all", label_set="sunrgbd37")
    with pytest.warns(UserWarning, match="of 10 frames") as warned:
        look_at(reader, reader.names)
    lines = [str(one.message) for one in warned]
    assert len(lines) == 2
    assert "1 of 10 frames have no depth, such as 0" in lines[0]
    assert lines[1].startswith("training list: depth: 9 of 10 frames, such as 1: Depth of 14 to 16 m")
    assert "--data.depth_unit tum" in lines[1]
    right = open_reader(root=tmp_path, split="all", label_set="sunrgbd37", depth_unit="tum")
    with pytest.warns(UserWarning, match="of 10 frames") as warned:
        look_at(right, right.names)
    assert [str(one.message) for one in warned] == lines[:1]


def set_up(data):
    data.setup("fit")
    data.setup("test")


@pytest.mark.parametrize("wrong", ["training", "validation", "test"])
def test_every_list_is_surveyed_and_labels_may_count_from_0(tmp_path, wrong):
    """Labels 0..36 with void 255, and depth in 1/5000 m in one of three lists."""
    for kind in ("rgb", "depth", "label"):
        (tmp_path / kind).mkdir()
    label = np.kron(np.arange(48, dtype=np.uint8).reshape(6, 8) % 37, np.ones((8, 8), np.uint8))
    label[-8:, -8:] = 255
    metres = np.linspace(2.8, 3.2, label.size).reshape(label.shape)
    for name in ("training", "validation", "test"):
        (tmp_path / f"{name}.txt").write_text(name)
        Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(tmp_path / "rgb" / f"{name}.png")
        Image.fromarray(label).save(tmp_path / "label" / f"{name}.png")
        stored = metres * (5000 if name == wrong else 1000)
        Image.fromarray(stored.astype(np.uint16)).save(tmp_path / "depth" / f"{name}.png")
    own = {"dataset": "folder", "root": tmp_path, "train_split": "training", "validation_split": "validation"}
    with pytest.raises(InputError, match="--void 255 --label-offset 1"):
        small_data(**own).setup("fit")
    data = small_data(**own, label_offset=1)
    with pytest.warns(UserWarning, match=f"^{wrong} list: depth: 1 of 1 frames") as warned:
        set_up(data)
    assert len(warned) == 1
    for kind in ("training", "validation", "test"):
        assert np.array_equal(np.unique(data.frame(kind, 0).label), np.arange(38))
    data = small_data(**own, label_offset=1, depth_unit=5000)
    set_up(data)
    assert data.frame(wrong, 0).depth.mean() == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("how", ["missing", "void"])
@pytest.mark.parametrize("kind", ["validation", "test"])
def test_a_list_that_measures_nothing_stops_before_the_first_step(tmp_path, how, kind):
    for folder in ("rgb", "label"):
        (tmp_path / folder).mkdir()
    for name in ("training", "validation", "test"):
        (tmp_path / f"{name}.txt").write_text(name)
        Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(tmp_path / "rgb" / f"{name}.png")
        if name == kind and how == "missing":
            continue
        label = np.full((48, 64), 0 if name == kind else 3, np.uint8)
        label[:, 32:] = 0 if name == kind else 5  # labels of one class alone are refused before
        Image.fromarray(label).save(tmp_path / f"label/{name}.png")
    own = {"dataset": "folder", "root": tmp_path, "train_split": "training", "validation_split": "validation"}
    with pytest.raises(InputError, match=f"none of the 1 {kind} frames"):
        set_up(small_data(**own))


# --- learning ---------------------------------------------------------------------------------------------------------


def test_every_parameter_gets_gradients_and_unasked_modalities_do_not_matter():
    module = small_module(auxiliary_weight=0.2)
    data = small_data(augmentation=Augmentation(enabled=False), batch_size=4)
    data.setup("fit")
    module.preprocessing = data.preprocessing
    batch = next(iter(data.train_dataloader()))
    inputs = module.inputs(batch)
    result = module.step(batch)
    result.loss.backward()
    without = [name for name, parameter in module.named_parameters() if parameter.grad is None]
    assert not without
    assert result.prediction.shape == (4, 16, 16)
    changed = batch._replace(rgb=255 - batch.rgb, has_rgb=torch.zeros(4, dtype=torch.bool))
    assert torch.equal(module.inputs(changed).rgb, torch.zeros_like(inputs.rgb))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_batch_can_be_overfitted(tmp_path):
    """Two rooms, learned by heart: more than 95 % of the labelled pixels at the network's own size."""
    data = small_data(
        augmentation=Augmentation(enabled=False),
        preprocessing=Preprocessing(network_pixels=64 * 96),
        limit=3,
        batch_size=2,
        cache="ram",
    )
    torch.manual_seed(0)
    config = small_module().model.config
    network = config.__class__(**{**vars(config), "decoder_channels": (64, 64, 64, 64), "dropout": 0.0})
    optimisation = Optimisation(rate=3e-3, schedule="cosine", warmup_steps=5)
    # The averaged scores have half the resolution, too coarse for 95 % at this size.
    module = SegmentationModule(network=network, optimisation=optimisation, head="raw")
    run = trainer(tmp_path, max_epochs=220, limit_val_batches=0)
    run.fit(module, datamodule=data)
    batch = next(iter(data.train_dataloader()))
    inputs = module.inputs(batch)
    with torch.no_grad():
        prediction = module.eval().network(inputs.rgb, inputs.depth).argmax(1) + 1
    known = batch.label > 0
    assert known.float().mean() > 0.8
    assert float((prediction == batch.label)[known].float().mean()) > 0.95


@pytest.mark.slow
def test_bench_times_the_step():
    printed = train_here("bench", *SMALL_OPTIONS, "--steps", 1, "--operators", 3, "--data.limit", 8)
    rows = {line[:16].strip(): line[16:].split() for line in printed.splitlines()}
    assert float(rows["eager step"][0]) > float(rows["data"][0]) > 0
    assert float(rows["eager step"][2]) > 0
    assert ("CUDA graph" in rows) == torch.cuda.is_available()
    assert "convolution" in printed
