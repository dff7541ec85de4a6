"""Encoders that start from a ResNet's state dict, as torchvision, SwAV, DINO and MoCo leave it."""

import pytest
import torch
from safetensors.torch import save_file
from torchvision import models
from training_helpers import SMALL

from deresunet.config import ModelConfig
from deresunet.errors import InputError
from deresunet.inference.network import read_weights
from deresunet.model.network import DeResUNet
from train.initialisation import BUNDLED, start_encoders, start_from


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(5)
    return models.resnet18().state_dict()


def prefixed(state, prefix):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


FORMS = {
    "torchvision": lambda state, other: state,
    "DINO, whole training": lambda state, other: {
        "student": prefixed(other, "module.backbone."),
        "teacher": prefixed(state, "backbone.") | {"head.mlp.0.weight": torch.ones(3)},
        "epoch": 3,
    },
    "SwAV": lambda state, other: (
        prefixed({name: tensor for name, tensor in state.items() if not name.startswith("fc.")}, "module.")
        | {"module.projection_head.0.weight": torch.ones(3), "module.prototypes.weight": torch.ones(3)}
    ),
    "MoCo v2": lambda state, other: {
        "state_dict": prefixed(other, "module.encoder_k.") | prefixed(state, "module.encoder_q."),
        "arch": "resnet18",
    },
    "MoCo v3": lambda state, other: {
        "state_dict": prefixed(other, "module.momentum_encoder.") | prefixed(state, "module.base_encoder.")
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_encoders_take_the_resnet_of_a_file(form, resnet, tmp_path):
    path = tmp_path / "weights.pth"
    other = {name: torch.zeros_like(tensor) for name, tensor in resnet.items()}
    torch.save(FORMS[form](resnet, other), path)
    network = DeResUNet(SMALL)
    assert start_encoders(network, "no", str(path)) == "encoders of weights.pth"
    for name, tensor in network.rgb_encoder.state_dict().items():
        assert torch.equal(tensor, resnet[name]), name
    stem = network.depth_encoder.state_dict()["conv1.weight"]
    torch.testing.assert_close(stem, resnet["conv1.weight"].mean(1, keepdim=True))
    assert torch.equal(network.depth_encoder.layer3[0].conv1.weight, resnet["layer3.0.conv1.weight"])


def test_safetensors_are_read_too(resnet, tmp_path):
    save_file({name: tensor.clone() for name, tensor in resnet.items()}, tmp_path / "weights.safetensors")
    network = DeResUNet(SMALL)
    start_encoders(network, "no", str(tmp_path / "weights.safetensors"))
    assert torch.equal(network.rgb_encoder.conv1.weight, resnet["conv1.weight"])


def test_files_of_something_else_are_refused(resnet, tmp_path):
    torch.save({"linear.weight": torch.ones(3)}, tmp_path / "other.pth")
    torch.save(resnet, tmp_path / "r18.pth")
    (tmp_path / "half.pth").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="no ResNet in it"):
        start_encoders(DeResUNet(SMALL), "no", str(tmp_path / "other.pth"))
    with pytest.raises(InputError, match="another ResNet than resnet34"):
        start_encoders(
            DeResUNet(ModelConfig(**{**vars(SMALL), "backbone": "resnet34"})), "no", str(tmp_path / "r18.pth")
        )
    for name in ("half.pth", "absent.pth"):
        with pytest.raises(InputError, match="not a whole file"):
            start_encoders(DeResUNet(SMALL), "no", str(tmp_path / name))


def test_a_run_can_go_on_from_the_bundled_weights():
    bundled = read_weights()
    network = DeResUNet(bundled.config)
    assert start_from(network, BUNDLED, encoders_only=False) == f"weights of {bundled.name}"
    assert torch.equal(network.head[0].weight, bundled.state["head.0.weight"])
