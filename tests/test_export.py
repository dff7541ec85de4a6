"""Out of training into use: weights with their whole description, in three precisions."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from training_helpers import SMALL_SIZE, small_data, small_module, trainer
from typer.testing import CliRunner

from deresunet import load
from deresunet.classes import SUNRGBD37, ClassSet
from deresunet.cli import app
from deresunet.data.folder import sample_rooms
from deresunet.errors import InputError
from deresunet.export import export
from deresunet.model.checkpoint import load_checkpoint

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkpoint of a short run with an average."""
    folder = tmp_path_factory.mktemp("trained")
    run = trainer(folder, max_epochs=2)
    run.fit(small_module(ema_decay=0.9), datamodule=small_data())
    run.save_checkpoint(folder / "run.ckpt")
    return folder / "run.ckpt"


@pytest.mark.parametrize(("precision", "bytes_each"), [("fp32", 4), ("fp16", 2), ("int8", 1)])
def test_export_keeps_weights_and_description(trained, tmp_path, precision, bytes_each):
    out = tmp_path / "weights.safetensors"
    arguments = ["export", "--checkpoint", str(trained), "--out", str(out), "--precision", precision]
    done = RUNNER.invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert str(out) in done.output.replace("\n", "")
    before, after = load_checkpoint(trained), load_checkpoint(out)
    assert after.stored == precision
    assert (after.config, after.preprocessing) == (before.config, before.preprocessing)
    assert after.class_set == before.class_set == SUNRGBD37
    assert after.preprocessing == SMALL_SIZE
    assert after.training == before.training
    assert after.metrics["validation"]["miou"] == before.metrics["validation"]["miou"] is not None
    measured_on = f"float32 weights before export to {precision} ({trained.name}, sha256 {before.sha256[:12]})"
    assert after.metrics["validation"].get("measured_on") == (None if precision == "fp32" else measured_on)
    elements = sum(tensor.numel() for tensor in before.state.values())
    assert out.stat().st_size == pytest.approx(bytes_each * elements, rel=0.05)
    tolerance = {"fp32": 0.0, "fp16": 1e-3, "int8": 1 / 127}[precision]
    for name, tensor in before.state.items():
        if tensor.is_floating_point() and tensor.ndim > 1:
            scale = tensor.abs().amax(tuple(range(1, tensor.ndim)), keepdim=True)
            assert ((after.state[name] - tensor).abs() <= tolerance * scale + 1e-6).all(), name


def test_a_second_export_keeps_the_note_of_the_first(trained, tmp_path):
    first = export(trained, tmp_path / "first.safetensors", "fp16")
    second = export(first, tmp_path / "second.safetensors", "int8")
    noted = [load_checkpoint(file).metrics["validation"]["measured_on"] for file in (first, second)]
    assert noted[0] == noted[1]
    assert "export to fp16" in noted[0]


def test_exported_weights_see_what_the_checkpoint_sees(trained, tmp_path):
    frame = sample_rooms().read("0003")
    expected = load(trained, "cpu", "eager")(frame)
    for precision, agreement in (("fp32", 1.0), ("fp16", 0.99), ("int8", 0.9)):
        export(trained, tmp_path / "weights.safetensors", precision)
        given = load(tmp_path / "weights.safetensors", "cpu", "eager")(frame)
        assert (given.label == expected.label).mean() >= agreement
        assert given.provenance.preprocessing == expected.provenance.preprocessing


def test_metadata_is_json_for_other_programs(trained, tmp_path):
    export(trained, tmp_path / "weights.safetensors")
    with safe_open(tmp_path / "weights.safetensors", framework="np") as file:
        metadata = file.metadata()
        assert any(file.get_tensor(name).dtype == np.int8 for name in file.keys())  # noqa: SIM118 - not a mapping
    assert json.loads(metadata["config"])["backbone"] == "resnet18"
    assert ClassSet.from_dict(json.loads(metadata["classes"])) == SUNRGBD37
    assert json.loads(metadata["preprocessing"])["network_pixels"] == SMALL_SIZE.network_pixels
    assert "frames of rooms" in metadata["training"]


@pytest.mark.parametrize(
    ("checkpoint", "out", "said"),
    [
        ("missing.ckpt", "weights.safetensors", "no such file"),
        ("trained", "weights.bin", "end in .safetensors"),
        ("trained", "nowhere/weights.safetensors", "cannot be written"),
        ("empty.ckpt", "weights.safetensors", "cannot be read without running code"),
    ],
)
def test_what_cannot_be_exported_says_why(trained, tmp_path, checkpoint, out, said):
    (tmp_path / "empty.ckpt").write_bytes(b"")
    given = trained if checkpoint == "trained" else tmp_path / checkpoint
    with pytest.raises(InputError, match=said):
        export(given, tmp_path / out)
    done = RUNNER.invoke(app, ["export", "--checkpoint", str(given), "--out", str(tmp_path / out)])
    assert done.exit_code == 2
    assert not (tmp_path / "weights.safetensors").exists()


def test_checkpoint_with_code_in_it_is_refused(tmp_path):
    class Code:
        def __reduce__(self):
            return (print, ("ran",))

    torch.save({"state_dict": {}, "deresunet": Code()}, tmp_path / "evil.ckpt")
    with pytest.raises(InputError, match="without running code"):
        export(tmp_path / "evil.ckpt", tmp_path / "weights.safetensors")
