"""One tester that every registered layout runs through."""

import pytest
import torch
from torchvision import models

from deresunet import ModelConfig, create_model, load, model_names
from deresunet.classes import BUILT_IN, SUNRGBD37
from deresunet.config import Preprocessing
from deresunet.errors import InputError
from deresunet.inference.preprocessing import to_tensors
from deresunet.model import registry
from deresunet.model.checkpoint import load_checkpoint, save_checkpoint
from deresunet.model.encoder import Encoder

LAYOUTS = model_names()
# Pixels of the input that a logit stands for along each side, and the class set of the registered weights.
STRIDES = {"dinov2_vits14_rgbd": 4}
CLASS_SETS = {"dinov2_vits14_rgbd": BUILT_IN["nyu40"]}


@pytest.fixture(scope="module", params=LAYOUTS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    torch.manual_seed(0)
    return create_model(name)


@pytest.fixture(scope="module")
def stride(name):
    return STRIDES.get(name, 1)


@pytest.fixture(scope="module")
def class_set(name):
    return CLASS_SETS.get(name, SUNRGBD37)


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 64, 96, generator=generator), torch.randn(2, 1, 64, 96, generator=generator)


def test_logits_have_the_size_of_the_input(model, inputs, stride, class_set):
    with torch.inference_mode():
        assert model.eval()(*inputs).shape == (2, len(class_set), 64 // stride, 96 // stride)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (45, 400), (481, 641)])
def test_any_frame_fits_after_preprocessing(model, noise_frame, size, stride):
    small = Preprocessing(network_pixels=64 * 64)
    rgb, depth = to_tensors(noise_frame(*size), small)
    assert rgb.shape[-2] % 32 == 0
    assert rgb.shape[-1] % 32 == 0
    with torch.inference_mode():
        assert model.eval()(rgb, depth).shape[-2:] == tuple(side // stride for side in rgb.shape[-2:])


def test_gradients_reach_every_parameter(model, inputs):
    model.train()
    model.zero_grad()
    model(*inputs).square().mean().backward()
    unreached = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    model.zero_grad(set_to_none=True)
    # An auxiliary head has a loss of its own in training, and no part in the logits.
    assert not [name for name in unreached if not name.startswith("aux.")]


def test_eval_is_deterministic(model, inputs):
    model.eval()
    with torch.inference_mode():
        assert torch.equal(model(*inputs), model(*inputs))


def test_saved_and_loaded_it_gives_the_same_logits(model, inputs, class_set, tmp_path):
    model.eval()
    save_checkpoint(tmp_path / "weights.safetensors", model, class_set=class_set)
    loaded = load_checkpoint(tmp_path / "weights.safetensors").build()
    with torch.inference_mode():
        assert torch.allclose(loaded(*inputs), model(*inputs), atol=1e-6)
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("name", "num_classes", "parameters"),
    [("deresunet_r50", 37, 56_969_652), ("deresunet_r50_classic", 38, 203_780_462)],
)
def test_parameter_counts_are_the_published_ones(name, num_classes, parameters):
    with torch.device("meta"):
        model = create_model(name, num_classes=num_classes)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_parameter_names_are_those_of_the_trained_weights():
    state = load_checkpoint(registry.entry(registry.DEFAULT_MODEL).checkpoint).state
    with torch.device("meta"):
        expected = create_model("deresunet_r50").state_dict()
    # BatchNorm's step counters are no weights; torch fills them in when they are absent.
    shapes = {name: tensor.shape for name, tensor in expected.items() if not name.endswith("num_batches_tracked")}
    assert {name: tensor.shape for name, tensor in state.items()} == shapes


def test_a_misspelt_name_answers_with_the_names_that_exist():
    with pytest.raises(KeyError, match="deresunet_r50_classic") as raised:
        create_model("deresunet_50")
    assert "Did you mean 'deresunet_r50'?" in str(raised.value)
    with pytest.raises(InputError, match="deresunet_r50_classic"):
        load("deresunet_r51", device="cpu")


def test_a_layout_without_weights_says_so():
    with pytest.raises(InputError, match="without trained weights"):
        load("deresunet_r50_classic", device="cpu")


def test_imagenet_weights_load_by_name_and_the_depth_stem_is_the_rgb_mean():
    torch.manual_seed(0)
    state = models.resnet18(weights=None).state_dict()  # a stand-in for the download
    rgb, depth = Encoder(3, "resnet18"), Encoder(1, "resnet18")
    rgb.load_imagenet_state(state)
    depth.load_imagenet_state(state)
    assert torch.equal(rgb.conv1.weight, state["conv1.weight"])
    assert torch.allclose(depth.conv1.weight[:, 0], state["conv1.weight"].mean(1))
    assert torch.equal(depth.layer4[1].conv2.weight, state["layer4.1.conv2.weight"])


def test_without_a_network_imagenet_says_where_to_put_the_file(monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(RuntimeError, match=r"no route to host.*checkpoints"):
        create_model("deresunet_r50", imagenet=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backbone": "resnet51"}, "resnet50"),
        ({"fusion": "sum"}, "gated, concat"),
        ({"decoder_channels": (64, 64)}, "expected 4"),
        ({"skip_channels": (1, 2, 3)}, "expected 4, or none"),
        ({"bottleneck_channels": 510}, "multiple of 4"),
        ({"num_classes": 0}, "num_classes is 0; expected int from 1 to 255"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_a_wrong_configuration_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**fields)
