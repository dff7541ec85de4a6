"""The weights on offer."""

import pytest

from demo.networks import Checkpoints
from deresunet import InputError
from deresunet.model import registry
from deresunet.model.checkpoint import load_checkpoint, save_checkpoint


def test_checkpoints_are_loaded_when_asked_for_and_bounded(predictor, tmp_path):
    paths = []
    network = load_checkpoint(registry.entry(registry.DEFAULT_MODEL).checkpoint).build()
    for index in range(3):
        paths.append(str(tmp_path / f"weights{index}.safetensors"))
        save_checkpoint(paths[-1], network, precision="fp16")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    offered = Checkpoints(predictor, [*paths, str(broken)], "cpu")
    vit = "dinov2_vits14_rgbd.safetensors"
    own = [*(f"weights{k}.safetensors" for k in range(3)), broken.name]
    assert offered.names == ["deresunet_r50.safetensors", *own, vit]
    assert offered.choices[-1] == (
        "dinov2_vits14_rgbd: the network that DeResUNet was taught by; a vision transformer",
        vit,
    )
    assert offered.best_name == vit
    assert offered.get() is offered.get("deresunet_r50.safetensors") is predictor
    first = offered.get("weights0.safetensors")
    assert offered.get("weights0.safetensors") is first
    offered.get("weights1.safetensors")
    offered.get("weights2.safetensors")
    assert len(offered._loaded) == 2
    with pytest.raises(InputError, match="truncated"):
        offered.get(broken.name)
    with pytest.raises(InputError, match="Choose one of: deresunet_r50"):
        offered.get("other")
    with pytest.raises(InputError, match="truncated"):
        offered.add(str(broken))


@pytest.mark.parametrize("name", ["theirs.onnx", "theirs.pt2", "theirs.ONNX", "theirs.pt", "theirs.pkl", "theirs"])
def test_no_program_or_pickle_is_taken_from_a_visitor(predictor, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(b"never opened")
    monkeypatch.setattr("demo.networks.load", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(InputError, match=r"taken as \.safetensors or \.ckpt .* with --network"):
        Checkpoints(predictor).add(str(tmp_path / name))


def test_a_network_of_another_project_is_on_offer_by_its_name(predictor, exact):
    offered = Checkpoints(predictor, named={"theirs": exact})
    assert offered.names == ["deresunet_r50.safetensors", "theirs", "dinov2_vits14_rgbd.safetensors"]
    assert offered.get("theirs") is exact


def test_where_a_gpu_is_lent_all_networks_are_there_at_the_launch(predictor, monkeypatch):
    lent = []
    monkeypatch.setattr("demo.networks.zerogpu.predictor_for", lambda one: lent.append(one) or one)
    offered = Checkpoints(predictor, device="cpu")
    offered.load_all()
    (vit,) = lent
    assert offered.get("dinov2_vits14_rgbd.safetensors") is vit
    assert vit.class_set.name == "nyu40"
