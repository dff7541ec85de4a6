"""A network of another project on the page: all that the tabs draw from, made here with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

import deresunet
from demo.ablation.summary import MODALITIES
from demo.compare.comparison import class_table, on_one_class_set
from demo.inspector import DatasetFrame, Inspector
from demo.networks import Checkpoints
from deresunet.data.folder import sample_rooms
from deresunet.errors import InputError

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
SIZE = (96, 128)
ROOM = DatasetFrame("rooms", "0001")


class TwoStreams(nn.Module):
    """RGB and depth apart, 40 classes; or labels of RGB alone."""

    def __init__(self, labels: bool = False) -> None:
        super().__init__()
        self.labels = labels
        self.rgb, self.depth = nn.Conv2d(3, 40, 4, 4), nn.Conv2d(1, 40, 4, 4)

    def forward(self, rgb: torch.Tensor, depth: torch.Tensor | None = None) -> torch.Tensor:
        return self.rgb(rgb).argmax(1) if depth is None else self.rgb(rgb) + self.depth(depth)


@pytest.fixture
def inspector(tmp_path: Path, exact: deresunet.Predictor) -> Inspector:
    torch.manual_seed(0)
    rgb, depth = torch.zeros(1, 3, *SIZE), torch.zeros(1, 1, *SIZE)
    for name, inputs in (("theirs", (rgb, depth)), ("labels", (rgb,))):
        (tmp_path / name).mkdir()
        names = ["rgb", "depth"][: len(inputs)]
        torch.onnx.export(
            TwoStreams().eval(), inputs, tmp_path / name / "net.onnx", input_names=names, dynamo=True, verbose=False
        )
        (tmp_path / name / "network.yaml").write_text(yaml.safe_dump({"classes": "nyu40"}))
    named = {
        name: deresunet.load(tmp_path / name / "net.onnx", device="cpu", name=name) for name in ("theirs", "labels")
    }
    return Inspector(exact, {"rooms": sample_rooms()}, Checkpoints(exact, named=named))


def test_it_does_what_ours_does(inspector: Inspector) -> None:
    seen = inspector.open(ROOM, weights="theirs")
    assert seen.has_confidence
    assert seen.has_entropy
    assert seen.scores is not None
    assert seen.reliability is not None
    assert len(seen.class_set) == 40, "the room's 37 and three that only the network has"
    assert seen.described["provenance"]["weights"] == "theirs"
    assert "rgb as rgb in 3 channels, depth as depth" in seen.described["provenance"]["training"]
    ablation = inspector.kept_ablation(ROOM, "theirs").get()
    assert set(ablation) == set(MODALITIES)
    ours, theirs = on_one_class_set(inspector.open(ROOM), seen)
    assert not class_table(ours, theirs).empty


def test_labels_alone_are_shown_without_confidence(inspector: Inspector) -> None:
    seen = inspector.open(ROOM, weights="labels")
    assert not seen.has_confidence
    assert not seen.has_entropy
    assert seen.reliability is None
    assert seen.scores is not None
    assert np.array_equal(np.unique(seen.probabilities[np.isfinite(seen.probabilities)]), [])
    with pytest.raises(InputError, match="takes rgb alone"):
        inspector.open(ROOM, "depth", "labels")
