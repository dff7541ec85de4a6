"""A step of both stages against the formulas by which weights of this kind were trained, with the same pictures."""

import ast
import contextlib
import importlib.util
import sys

import pytest
import torch
from torch import nn
from training_helpers import SHARED

from deresunet.inference.network import read_weights
from train.data.dataset import Batch
from train.distillation.features import FeatureModule
from train.module import Distillation, SegmentationModule

PATH = SHARED / "reference/continue_on_cpu.py"
pytestmark = [
    pytest.mark.skipif(not PATH.is_file(), reason="the reference is not here"),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]
FRAMES, HEIGHT, WIDTH = 2, 96, 128


@pytest.fixture(scope="module")
def reference():
    """The reference's module, in float32."""
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location("continue_on_cpu", PATH)
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    for name in {"model", "teacher"} - before:
        sys.modules.pop(name, None)
    module.amp = contextlib.nullcontext
    return module


def steps_of(reference, **own):
    """The functions within the reference's `main`, with `own` for what they find there; pictures are made smaller."""
    (main,) = [node for node in ast.parse(PATH.read_text()).body if getattr(node, "name", "") == "main"]
    functions = [node for node in main.body if isinstance(node, ast.FunctionDef)]
    for node in ast.walk(ast.Module(functions, [])):
        if isinstance(node, ast.Assign) and ast.unparse(node) == "b, h, w = (4, 480, 640)":
            node.value = ast.parse(f"({FRAMES}, {HEIGHT}, {WIDTH})", mode="eval").body
        if isinstance(node, ast.Constant) and node.value in (224, 256):  # sides of crops and photographs
            node.value = HEIGHT
    namespace = vars(reference) | own
    exec(compile(ast.Module(functions, []), str(PATH), "exec"), namespace)
    return namespace


def recorded(namespace, *names):
    """Have the arguments and results of functions written down as they are called."""
    calls = {name: [] for name in names}

    def listening(name, function):
        def call(*arguments, **options):
            result = function(*arguments, **options)
            calls[name].append((arguments, result))
            return result

        return call

    for name in names:
        namespace[name] = listening(name, namespace[name])
    return calls


@pytest.fixture
def drawn(reference):
    """Frames, photographs and a teacher's outputs for them, drawn at random, and the reference's network."""
    torch.manual_seed(0)
    net = reference.DeResUNet(37)
    net.load_state_dict(read_weights().state)
    for module in net.modules():
        if isinstance(module, nn.Dropout2d):
            module.p = 0.0
    net = net.to(memory_format=torch.channels_last).train()
    depth = torch.nn.functional.interpolate(torch.rand(8, 1, 12, 16) * 4 + 0.6, (HEIGHT, WIDTH))
    depth[:, :, ::7] = 0
    channels = net.rgb_encoder.channels
    heads = {"r4": channels[3], "r5": channels[4], "d4": channels[3], "d5": channels[4]}
    return {
        "net": net,
        "heads": nn.ModuleDict({name: nn.Conv2d(width, 384, 1) for name, width in heads.items()}),
        "rgb": torch.randint(0, 256, (8, 3, HEIGHT, WIDTH), dtype=torch.uint8),
        "depth": depth.half(),
        "label": torch.randint(0, 41, (8, 1, HEIGHT, WIDTH), dtype=torch.uint8),
        "photos": torch.randint(0, 256, (16, 3, HEIGHT, HEIGHT), dtype=torch.uint8),
        "photo_features": torch.randn(16, 384, 23, 23).half(),
        "features": torch.randn(8, 384, 7, 9).half(),
        "logits": (3 * torch.randn(8, 40, 12, 16)).half(),
        "train_photos": torch.arange(16),
        "n": 8,
        "queues": {},
        "weight": torch.linspace(0.3, 3.0, 37),
        "teacher": None,
        "teach": lambda *_: ((3 * torch.randn(4, 40, 81, 81)), None),
    }


def frames_batch(rgb, depth, label, taught, photos=None):
    count = len(rgb)
    there = torch.ones(count, dtype=torch.bool)
    return Batch(255 * rgb, depth, label, there, there, count, taught, photos)


def photos_batch(rgb, taught):
    count, size = len(rgb), rgb.shape[-2:]
    there, missing = torch.ones(count, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
    void = torch.zeros(count, *size, dtype=torch.uint8)
    return Batch(255 * rgb, torch.zeros(count, 1, *size), void, there, missing, 0, taught)


def assert_same_step(terms, wanted, network, net):
    for name, value in wanted.items():
        assert float(terms[name].detach()) == pytest.approx(float(value.detach()), abs=1e-4), name
    gradients = {name: parameter.grad for name, parameter in net.named_parameters()}
    difference, size = 0.0, 0.0
    for name, parameter in network.named_parameters():
        expected = gradients[name]
        if expected is None:
            assert parameter.grad is None or not parameter.grad.any(), name
            continue
        # One activation whose rounding decides on which side of 0 it lies moves a layer's gradient by 0.6 %: so much as
        # the same code with two threads in place of one.
        apart = float((parameter.grad - expected).norm())
        assert apart <= 2e-2 * float(expected.norm()) + 1e-6, name
        difference, size = difference + apart**2, size + float(expected.norm()) ** 2
    assert difference <= 3e-3**2 * size, "all gradients together"
    for name, buffer in net.named_buffers():
        torch.testing.assert_close(dict(network.named_buffers())[name], buffer, rtol=1e-4, atol=1e-4, msg=name)


def test_features(reference, drawn):
    module = FeatureModule(weights="bundled", channels_last=True).train()
    for projections, names in ((module.rgb_projections, ("r4", "r5")), (module.depth_projections, ("d4", "d5"))):
        for projection, name in zip(projections, names, strict=True):
            projection.load_state_dict(drawn["heads"][name].state_dict())
    module.model.to(memory_format=torch.channels_last)
    namespace = steps_of(reference, **drawn)
    calls = recorded(namespace, "rgb_input", "depth_input", "feature_loss")
    wanted, count = namespace["encoders_step"]()
    assert count == 24
    ((pictures,), _), ((metres,), _) = calls["rgb_input"][0], calls["depth_input"][0]
    both, of_frames = calls["feature_loss"][0][0][2], calls["feature_loss"][2][0][2]
    photos = photos_batch(pictures[:16], both[:16])
    label = torch.zeros(8, *pictures.shape[-2:], dtype=torch.uint8)
    result = module.step(frames_batch(pictures[16:], metres, label, of_frames, photos))
    result.loss.backward()
    assert float(result.loss.detach()) == pytest.approx(float(sum(wanted.values()).detach()), abs=1e-4)
    assert_same_step(result.terms, wanted, module.model, drawn["net"])


def test_network(reference, drawn):
    distillation = Distillation(weight=2 / 1.5**2, photos_weight=1 / 1.5**2, temperature=1.5)
    module = SegmentationModule(weights="bundled", channels_last=True, distillation=distillation).train()
    module.model.to(memory_format=torch.channels_last)
    module.model.dropout.p = 0.0
    module.class_weights.copy_(drawn["weight"])
    namespace = steps_of(reference, **drawn)
    calls = recorded(namespace, "rgb_input", "depth_input", "sample", "distil")
    torch.manual_seed(1)
    wanted, _ = namespace["network_step"]()
    ((x,), normalised), ((metres,), _) = calls["rgb_input"][0], calls["depth_input"][0]
    assert normalised.flatten(1).any(1).all(), "no frame without RGB among these; its switch is the data's"
    label = calls["sample"][2][1].to(torch.uint8)[:, 0]
    label[label > 37] = 0
    (_, frames_taught), (_, photos_taught) = calls["distil"][0][0], calls["distil"][1][0]
    photos = photos_batch(calls["rgb_input"][2][0][0], photos_taught)
    result = module.step(frames_batch(x, metres, label, frames_taught, photos))
    result.loss.backward()
    total = wanted["labels"] + wanted["frames"] + 0.5 * wanted["photographs"]
    assert float(result.loss.detach()) == pytest.approx(float(total.detach()), abs=1e-4)
    factor = 2 / 1.5**2  # the reference's 2 in front of the divergence is no square of its temperature
    terms = {
        "labels": result.terms["labels"],
        "frames": factor * result.terms["distillation"],
        "photographs": factor * result.terms["photographs"],
    }
    assert_same_step(terms, wanted, module.model, drawn["net"])
