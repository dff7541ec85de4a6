"""Weights on disk: every precision, and every file that is not one."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from deresunet import InputError, ModelConfig
from deresunet.config import Preprocessing
from deresunet.model.checkpoint import load_checkpoint, save_checkpoint
from deresunet.model.network import DeResUNet

SMALL = ModelConfig(
    backbone="resnet18", skip_channels=(8, 8, 8, 8), bottleneck_channels=32, decoder_channels=(32, 32, 16, 16)
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return DeResUNet(SMALL).eval()


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(1, 3, 64, 64, generator=generator), torch.randn(1, 1, 64, 64, generator=generator)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-6), ("fp16", 5e-3), ("int8", 0.08)])
def test_every_precision_comes_back(model, inputs, tmp_path, precision, tolerance):
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, model, precision=precision, training="noise", metrics={"nothing": {"miou": 1.5}})
    checkpoint = load_checkpoint(path)
    with torch.inference_mode():
        expected, got = model(*inputs), checkpoint.build()(*inputs)
    assert (got - expected).abs().max() <= tolerance * expected.abs().max()
    assert (checkpoint.config, checkpoint.preprocessing) == (SMALL, Preprocessing())
    assert checkpoint.training == "noise"
    assert checkpoint.metrics == {"nothing": {"miou": 1.5}}
    assert checkpoint.stored == precision
    assert len(checkpoint.sha256) == 64
    assert [entry.name for entry in tmp_path.iterdir()] == ["weights.safetensors"], "nothing else is left behind"


def test_int8_is_a_quarter_of_the_size(model, tmp_path):
    for precision in ("fp32", "int8"):
        save_checkpoint(tmp_path / f"{precision}.safetensors", model, precision=precision)
    size = {path.stem: path.stat().st_size for path in tmp_path.iterdir()}
    assert size["int8"] < 0.3 * size["fp32"]


def test_an_unknown_precision_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="fp32, fp16 or int8"):
        save_checkpoint(tmp_path / "weights.safetensors", model, precision="int4")


def test_missing(tmp_path):
    with pytest.raises(InputError, match=r"no such file.*\.safetensors"):
        load_checkpoint(tmp_path / "absent.safetensors")


def test_another_kind_of_file(tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"\0")
    with pytest.raises(InputError, match=r"expected weights as \.safetensors or \.ckpt"):
        load_checkpoint(tmp_path / "weights.bin")


@pytest.mark.parametrize("kept", [0, 5, 1000, -1])
def test_truncated(model, tmp_path, kept):
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, model)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="truncated"):
        load_checkpoint(path)


def test_foreign_safetensors(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(InputError, match="not of DeResUNet"):
        load_checkpoint(tmp_path / "foreign.safetensors")


def test_weights_of_another_network(tmp_path):
    metadata = {"config": json.dumps({"backbone": "resnet18"}), "preprocessing": "{}"}
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors", metadata)
    with pytest.raises(InputError, match="do not fit"):
        load_checkpoint(tmp_path / "other.safetensors").build()


def test_unknown_fields_in_the_description(tmp_path):
    metadata = {"config": json.dumps({"colour": "blue"}), "preprocessing": "{}"}
    save_file({"weight": torch.zeros(3)}, tmp_path / "newer.safetensors", metadata)
    with pytest.raises(InputError, match="has no colour; its fields are backbone"):
        load_checkpoint(tmp_path / "newer.safetensors")


def lightning(model, **changes):
    described = {"config": vars(SMALL), "preprocessing": vars(Preprocessing()), "training": "lightning"}
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    return {"state_dict": {**state, "loss.weight": torch.ones(37)}, "epoch": 3, "deresunet": described, **changes}


def test_lightning_checkpoint(model, inputs, tmp_path):
    torch.save(lightning(model), tmp_path / "last.ckpt")
    checkpoint = load_checkpoint(tmp_path / "last.ckpt")
    with torch.inference_mode():
        assert torch.allclose(checkpoint.build()(*inputs), model(*inputs), atol=1e-6)
    assert checkpoint.stored == "lightning"


def test_lightning_checkpoint_of_another_project(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    with pytest.raises(InputError, match="is not a checkpoint of `python -m train`"):
        load_checkpoint(tmp_path / "other.ckpt")


class Attack:
    """Unpickling this creates a file."""

    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return (open, (str(self.victim), "w"))


def test_pickled_code_never_runs(model, tmp_path):
    victim = tmp_path / "executed"
    torch.save(lightning(model, payload=Attack(victim)), tmp_path / "attack.ckpt")
    with pytest.raises(InputError, match="without running code"):
        load_checkpoint(tmp_path / "attack.ckpt")
    (tmp_path / "plain.ckpt").write_bytes(pickle.dumps(Attack(victim)))
    with pytest.raises(InputError, match="without running code"):
        load_checkpoint(tmp_path / "plain.ckpt")
    assert not victim.exists()
    pickle.loads(pickle.dumps(Attack(victim))).close()
    assert victim.exists(), "the attack itself works, so its absence above means something"
