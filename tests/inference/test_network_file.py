"""Networks of other projects as files: made here with random weights, and read back to the same logits."""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch import nn
from torchvision.models import resnet18
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.segmentation.fcn import FCN, FCNHead
from typer.testing import CliRunner

import deresunet
from deresunet.cli import app
from deresunet.config import Preprocessing
from deresunet.data.frame import Frame
from deresunet.errors import InputError
from deresunet.export import export
from deresunet.inference.postprocessing import OutputSpec
from deresunet.inference.preprocessing import normalise_depth, raw_batch, to_tensors
from deresunet.inference.signature import PRESETS, Port, Settings, recognise_inputs
from deresunet.inference.tta import Inference
from deresunet.model.registry import entry

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
SIZE = (64, 96)
CLOSE = 1e-3  # logits of a runtime and of PyTorch


@pytest.fixture(scope="module")
def frame() -> Frame:
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 6.0, SIZE).astype(np.float32)
    depth[:8] = 0.0
    return Frame(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8), depth, name="noise")


class FourChannels(nn.Module):
    """A small U-Net on RGB and depth in four channels, as segmentation_models.pytorch makes them."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(4, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 8, 2, 2)
        self.head = nn.Conv2d(12, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.up(self.down(x)), x], 1))


class TwoStreams(nn.Module):
    """RGB and depth apart, logits at a quarter of the size."""

    def __init__(self, classes: int = 40, depth_channels: int = 1) -> None:
        super().__init__()
        self.rgb = nn.Conv2d(3, 8, 4, 4)
        self.depth = nn.Conv2d(depth_channels, 8, 4, 4)
        self.head = nn.Conv2d(8, classes, 1)

    def forward(self, rgb: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.rgb(rgb)) + torch.relu(self.depth(depth)))


class ChannelsLast(nn.Module):
    """RGB alone, channels last, probabilities; or labels."""

    def __init__(self, labels: bool = False) -> None:
        super().__init__()
        self.labels, self.head = labels, nn.Conv2d(3, 13, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        scores = self.head(image.permute(0, 3, 1, 2)).softmax(1)
        return scores.argmax(1) if self.labels else scores.permute(0, 2, 3, 1)


def written(path: Path, network: nn.Module, shapes: list[tuple[int, ...]], names: list[str], **settings) -> nn.Module:
    """Write a network as ONNX of one size, and `settings` as network.yaml beside it; return it."""
    network, content = exported(repr(network), network, tuple(shapes), tuple(names))
    path.write_bytes(content)
    if settings:
        path.with_name("network.yaml").write_text(yaml.safe_dump(settings))
    return network


_EXPORTED: dict[tuple, tuple[nn.Module, bytes]] = {}


def exported(
    layers: str, network: nn.Module, shapes: tuple[tuple[int, ...], ...], names: tuple[str, ...]
) -> tuple[nn.Module, bytes]:
    """Export a network, once for the tests that take the same layers: it, and its ONNX file."""
    key = (layers, getattr(network, "labels", None), shapes, names)
    if key not in _EXPORTED:
        inputs = tuple(torch.zeros(shape) for shape in shapes)
        options = {"input_names": list(names), "output_names": ["output"], "dynamo": True, "verbose": False}
        program = torch.onnx.export(network.eval(), inputs, **options)
        _EXPORTED[key] = network, program.model_proto.SerializeToString()
    return _EXPORTED[key]


def logits_of(predictor: deresunet.Predictor, frame: Frame) -> torch.Tensor:
    batch = raw_batch([frame], predictor.checkpoint.preprocessing, size=predictor.network_size(*frame.size))
    return predictor.tensors(batch, OutputSpec())[0]


def assert_all_of_the_page(predictor: deresunet.Predictor, frame: Frame) -> None:
    """What the page draws from: five classes, probabilities and entropy at the frame's size."""
    prediction = predictor(frame)
    assert prediction.classes.shape == prediction.probabilities.shape == (5, *SIZE)
    assert np.isfinite(prediction.probabilities).all()
    assert np.isfinite(prediction.entropy).all()
    assert np.array_equal(predictor.labels([frame])[0], prediction.label)
    assert prediction.label.max() <= len(prediction.class_set) == len(predictor.class_set)


def test_torchvisions_dictionary_of_outputs(tmp_path: Path, frame: Frame) -> None:
    torch.manual_seed(0)
    maps = IntermediateLayerGetter(resnet18(), {"layer2": "out", "layer1": "aux"})
    fcn = FCN(maps, FCNHead(128, 21), FCNHead(64, 21))
    names = ["background", *(f"thing {k}" for k in range(20))]
    written(tmp_path / "fcn.onnx", fcn, [(1, 3, *SIZE)], ["input"], classes=names)
    program = deresunet.load(tmp_path / "fcn.onnx", device="cpu")
    rgb, _ = to_tensors(frame, program.checkpoint.preprocessing)
    with torch.inference_mode():
        expected = fcn(rgb)["out"]
    assert (logits_of(program, frame) - expected).abs().max() <= CLOSE
    assert program.class_set.names == tuple(names)
    assert program.provenance().modality == "rgb"
    with pytest.raises(InputError, match="takes rgb alone, and depth was asked for"):
        program(frame, "depth")
    assert_all_of_the_page(program, frame)


def test_four_channels(tmp_path: Path, frame: Frame) -> None:
    (tmp_path / "classes.txt").write_text("floor\nwall\nrobot\nshelf\nbox\n")
    network = written(
        tmp_path / "unet.onnx", FourChannels(), [(1, 4, *SIZE)], ["x"], preset="smp", classes="classes.txt"
    )
    program = deresunet.load(tmp_path / "unet.onnx", device="cpu")
    with torch.inference_mode():
        expected = network(torch.cat(to_tensors(frame, program.checkpoint.preprocessing), 1))
    assert (logits_of(program, frame) - expected).abs().max() <= CLOSE
    assert program.class_set.names == ("floor", "wall", "robot", "shelf", "box")
    assert_all_of_the_page(program, frame)


@pytest.mark.parametrize(("preset", "per_metre"), [("esanet-nyuv2", 1000.0), ("esanet-sunrgbd", 8000.0)])
def test_two_inputs_with_esanets_preprocessing(tmp_path: Path, frame: Frame, preset: str, per_metre: float) -> None:
    classes = {"esanet-nyuv2": 40, "esanet-sunrgbd": 37}[preset]
    path = tmp_path / "esanet.onnx"
    network = written(
        path, TwoStreams(classes), [(1, 3, *SIZE), (1, 1, *SIZE)], ["rgb", "depth"], preset=preset, size=list(SIZE)
    )
    program = deresunet.load(path, device="cpu")
    # ESANet's own preprocessing, written down independently: 0 where depth is missing.
    numbers = PRESETS[preset]
    depth = frame.depth * per_metre
    depth = np.where(depth == 0, 0.0, (depth - numbers["depth_mean"]) / numbers["depth_std"])
    rgb = (frame.rgb / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    inputs = torch.tensor(rgb).permute(2, 0, 1)[None].float(), torch.tensor(depth)[None, None].float()
    with torch.inference_mode():
        expected = network(*inputs)
    assert (logits_of(program, frame) - expected).abs().max() <= CLOSE
    assert program.network_size(480, 640) == SIZE
    assert "the only one that the network takes" in program.protocol
    with pytest.raises(InputError, match="takes one size alone"):
        program.with_inference(Inference(scales=(0.5, 1.0)))
    assert_all_of_the_page(program, frame)


def test_depth_in_three_channels_by_name(tmp_path: Path, frame: Frame) -> None:
    path = tmp_path / "dformer.onnx"
    shapes = [(1, 3, *SIZE), (1, 3, *SIZE)]
    network = written(
        path, TwoStreams(depth_channels=3), shapes, ["image", "modal_x"], preset="dformer", size=list(SIZE)
    )
    program = deresunet.load(path, device="cpu")
    rgb, depth = to_tensors(frame, program.checkpoint.preprocessing)
    assert depth[frame.depth[None, None] == 0].unique().tolist() == pytest.approx([-0.48 / 0.28])
    assert depth[0, 0, -1, -1].item() == pytest.approx((frame.depth[-1, -1] / 10 - 0.48) / 0.28, abs=1e-5)
    with torch.inference_mode():
        expected = network(rgb, depth.expand(-1, 3, -1, -1))
    assert (logits_of(program, frame) - expected).abs().max() <= CLOSE
    assert "DFormer's configuration does not say" in program.checkpoint.training


def test_channels_last_and_probabilities(tmp_path: Path, frame: Frame) -> None:
    network = written(tmp_path / "last.onnx", ChannelsLast(), [(1, *SIZE, 3)], ["image"])
    program = deresunet.load(tmp_path / "last.onnx", device="cpu")
    rgb, _ = to_tensors(frame, program.checkpoint.preprocessing)
    with torch.inference_mode():
        expected = network(rgb.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    assert (logits_of(program, frame).softmax(1) - expected).abs().max() <= CLOSE
    assert program.class_set.name == "nyu13"
    assert "no network.yaml: all by default" in program.checkpoint.training


def test_labels_without_scores(tmp_path: Path, frame: Frame) -> None:
    path = tmp_path / "labels.onnx"
    network = written(path, ChannelsLast(labels=True), [(1, *SIZE, 3)], ["image"], classes="nyu13")
    program = deresunet.load(path, device="cpu")
    rgb, _ = to_tensors(frame, program.checkpoint.preprocessing)
    with torch.inference_mode():
        expected = network(rgb.permute(0, 2, 3, 1))[0].numpy() + 1
    prediction = program(frame)
    assert np.array_equal(prediction.label, expected)
    assert np.array_equal(program.labels([frame])[0], expected)
    assert np.isnan(prediction.confidence).all()
    with pytest.raises(InputError, match="labels without scores"):
        program.with_inference(Inference(flip=True))
    path.with_name("network.yaml").write_text("classes: [a, b, c]\n")
    with pytest.raises(InputError, match=r"gave labels 0\.\.\d+; expected 0\.\.2"):
        deresunet.load(path, device="cpu")(frame)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, r"gives 5 classes, and their names are not known. Write network\.yaml"),
        ({"classes": "nyu40"}, "gives 5 classes, but nyu40 has 40"),
        ({"classes": ["a", "b"]}, "gives 5 classes, but .* has 2"),
        ({"classes": list("abcde"), "size": [32, 32]}, r"size is \(32, 32\), but the network takes \(64, 96\) alone"),
        ({"preset": "esanet"}, "no preset 'esanet'; there are esanet-nyuv2"),
        ({"depth_men": 1}, "has depth_men; its keys are preset, rgb_mean"),
        ({"classes": list("abcde"), "rgb_mean": [124.0, 116.0, 104.0]}, "rgb_mean is 124"),
        ({"classes": list("abcde"), "depth_unit": "inch"}, "inch"),
        ({"classes": list("abcde"), "output": "mask"}, "no output 'mask'; its outputs are output"),
        ({"inputs": {"x": "rgb"}}, "has 4 channels for rgb; expected 3"),
    ],
)
def test_what_is_not_understood_is_asked_for_by_name(tmp_path: Path, settings: dict, said: str) -> None:
    written(tmp_path / "unet.onnx", FourChannels(), [(1, 4, *SIZE)], ["x"], **settings)
    with pytest.raises(InputError, match=said):
        deresunet.load(tmp_path / "unet.onnx", device="cpu")


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        ([("x", (1, 3, 64, 96)), ("y", (1, 3, 64, 96))], "may be RGB or depth in three channels"),
        ([("rgb", (1, 3, 64, 96)), ("depth", (1, 1, 64, 96)), ("thermal", (1, 1, 64, 96))], "has 3 inputs"),
        ([("rgb", (1, 3, 64, 96)), ("scale", (1,))], "1 dimensions; expected an image"),
        ([("x", (1, 5, 64, 96))], "has 5 channels"),
        ([("x", (1, None, None, None))], "any number of channels"),
    ],
)
def test_inputs_of_no_known_kind(ports: list, said: str) -> None:
    with pytest.raises(InputError, match=said):
        recognise_inputs([Port(*port) for port in ports], Settings({}))


def test_settings_that_a_message_shows_are_taken() -> None:
    inputs = [Port("a", (1, 3, 64, 96)), Port("b", (1, 3, 64, 96))]
    given: dict[str, str] = {}
    for role in ("rgb", "depth"):  # it asks for one input after the other
        with pytest.raises(InputError) as told:
            recognise_inputs(inputs, Settings.of({"inputs": given}, Path("network.yaml")))
        (shown,) = re.findall(r"inputs: (\{.+?\})", str(told.value))
        given |= yaml.safe_load(shown.replace("rgb", role))
    found = recognise_inputs(inputs, Settings.of({"inputs": given}, Path("network.yaml")))
    assert [(one.name, one.role) for one in found] == [("a", "rgb"), ("b", "depth")]


def test_damaged_files(tmp_path: Path) -> None:
    written(tmp_path / "whole.onnx", TwoStreams(), [(1, 3, *SIZE), (1, 1, *SIZE)], ["rgb", "depth"])
    (tmp_path / "cut.onnx").write_bytes((tmp_path / "whole.onnx").read_bytes()[:2000])
    (tmp_path / "cut.pt2").write_bytes(b"PK\x03\x04 cut short")
    for name, said in (
        ("cut.onnx", "no whole ONNX file"),
        ("cut.pt2", "no whole program"),
        ("no.onnx", "no such file"),
    ):
        with pytest.raises(InputError, match=rf"{name}.* {said}|{said}"):
            deresunet.load(tmp_path / name, device="cpu")


class Attack:
    def __reduce__(self):
        return (Path.touch, (Path(__file__).with_name("ran"),))


def test_pickles_in_a_program_never_run(tmp_path: Path) -> None:
    network = TwoStreams().eval()
    inputs = torch.zeros(1, 3, *SIZE), torch.zeros(1, 1, *SIZE)
    torch.export.save(torch.export.export(network, inputs), tmp_path / "whole.pt2")
    assert deresunet.load(tmp_path / "whole.pt2", device="cpu").class_set.name == "nyu40"
    torch.save(Attack(), tmp_path / "attack.pt")
    attacks = {"data/sample_inputs/model.pt": (tmp_path / "attack.pt").read_bytes()}
    attacks["data/constants/opaque_obj_0"] = pickle.dumps(Attack())
    for member, attack in attacks.items():
        with zipfile.ZipFile(tmp_path / "whole.pt2") as whole, zipfile.ZipFile(tmp_path / "bad.pt2", "w") as bad:
            replaced = f"{whole.namelist()[0].split('/')[0]}/{member}"
            for name in whole.namelist():
                if name != replaced:
                    bad.writestr(name, whole.read(name))
            bad.writestr(replaced, attack)
        with pytest.raises(InputError, match=r"bad\.pt2"):
            deresunet.load(tmp_path / "bad.pt2", device="cpu")
        assert not Path(__file__).with_name("ran").exists()


def test_on_the_command_line(tmp_path: Path, frame: Frame) -> None:
    data = tmp_path / "data"
    for folder in ("rgb", "depth", "label"):
        (data / folder).mkdir(parents=True)
    Image.fromarray(frame.rgb).save(data / "rgb" / "a.png")
    Image.fromarray((frame.depth * 1000).astype(np.uint16)).save(data / "depth" / "a.png")
    Image.fromarray(np.tile(np.arange(1, 4, dtype=np.uint8).repeat(32), (64, 1))).save(data / "label" / "a.png")
    shapes, names = [(1, 3, *SIZE), (1, 1, *SIZE)], ["rgb", "depth"]
    written(tmp_path / "theirs.onnx", TwoStreams(), shapes, names, preset="esanet-nyuv2", size=list(SIZE))
    named = ("--network", f"theirs={tmp_path / 'theirs.onnx'}", "--device", "cpu")
    run = CliRunner().invoke
    done = run(app, ["evaluate", "--data", str(data), *named, "--json", str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    assert "theirs: Not stated. As understood: rgb as rgb in 3 channels, depth as depth" in done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["provenance"]["weights"] == "theirs"
    assert result["provenance"]["backend"] == "onnxruntime"
    compared = run(app, ["evaluate", "--data", str(data), *named, "--compare", "theirs", "theirs@rgb"])
    assert compared.exit_code == 0, compared.output
    assert run(app, ["audit", "--data", str(data), *named, "--out", str(tmp_path / "audit")]).exit_code == 0
    one = ["predict", "--rgb", str(data / "rgb" / "a.png"), "--depth", str(data / "depth" / "a.png")]
    assert run(app, [*one, *named, "--out", str(tmp_path / "one")]).exit_code == 0
    twice = run(app, [*one, *named, "--checkpoint", "deresunet_r50", "--out", str(tmp_path / "two")])
    assert "Several networks are given" in twice.output
    wrong = run(app, [*one, "--network", "theirs.onnx", "--out", str(tmp_path / "two")])
    assert "expected NAME=FILE, such as ESANet=esanet.onnx" in wrong.output


def test_depth_normalised_in_any_unit() -> None:
    """Mean and deviation in millimetres give what they give in metres."""
    settings = Settings.of({"depth_mean": 2000, "depth_std": 500, "depth_unit": "mm"}, Path("network.yaml"))
    numbers = settings.preprocessing(Preprocessing(), None)
    assert normalise_depth(torch.tensor([[[[2.5, 0.0]]]]), numbers).flatten().tolist() == [1.0, 0.0]


@pytest.mark.slow
def test_the_vision_transformer_goes_out_and_comes_back(tmp_path: Path, rooms) -> None:
    """As weights with its classes, and as a program of one size."""
    room = rooms.read("0001")
    bundled = deresunet.load("dinov2_vits14_rgbd", device="cpu", backend="eager")
    source = entry("dinov2_vits14_rgbd").checkpoint
    again = deresunet.load(export(source, tmp_path / "vit.safetensors", "fp16"), device="cpu", backend="eager")
    assert again.class_set == bundled.class_set
    assert (again(room).label == bundled(room).label).mean() > 0.995
    program = deresunet.load(export(source, tmp_path / "vit.onnx", format="onnx"), device="cpu")
    assert program.network_size(100, 100) == (480, 640)
    assert program.class_set.name == "nyu40"
    assert (logits_of(program, room) - logits_of(bundled, room)).abs().max() <= CLOSE
