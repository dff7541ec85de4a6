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
    assert offered.names == ["deresunet_r50.safetensors", *(f"weights{k}.safetensors" for k in range(3)), broken.name]
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
