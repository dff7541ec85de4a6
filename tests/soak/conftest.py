"""What the soak tests share: their counts, a small network, a server of it, and where figures are told."""

from __future__ import annotations

import numpy as np
import pytest
from networks import small_checkpoint, small_network
from PIL import Image
from soak.commands import Forks
from soak.visits import Server
from sunrgbd_archives import halves, picture

from deresunet.model.checkpoint import save_checkpoint


@pytest.fixture
def times(request) -> int:
    """How often a test does what it does: the count that it is parametrised with, of the long form `--soak-share`."""
    return max(int(request.param * (request.config.getoption("--soak-share") if request.param >= 100 else 1)), 1)


@pytest.fixture
def tell(capsys):
    """A function that prints a row's figures whatever pytest captures."""

    def tell(row: str, figures: str) -> None:
        with capsys.disabled():
            print(f"\n{row}: {figures}")

    return tell


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A file of a small network's weights, for frames that are brought to 96x128."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(path, small_network(), small_checkpoint().preprocessing)
    return path


@pytest.fixture(scope="module")
def server(weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with Server(folder, "--checkpoint", weights, "--backend", "eager") as server:
        yield server


@pytest.fixture(scope="session")
def forks():
    return Forks()


@pytest.fixture(scope="session")
def rooms_of(tmp_path_factory):
    """Six small frames in the folder layout."""
    folder = tmp_path_factory.mktemp("rooms")
    rng = np.random.default_rng(0)
    for kind in ("rgb", "depth", "label"):
        (folder / kind).mkdir()
    for number in range(6):
        label = halves(1 + number, 5)
        image = picture(1 + number, 5) + rng.integers(0, 20, (48, 64, 3), np.uint8)
        depth = rng.integers(600, 5000, label.shape).astype(np.uint16)
        for kind, array in (("rgb", image), ("depth", depth), ("label", label)):
            Image.fromarray(array).save(folder / kind / f"{number:04}.png")
    return folder
