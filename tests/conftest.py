"""What several test files share."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from pathlib import Path

import numpy as np
import pytest
from networks import small_checkpoint

import deresunet
from deresunet.data.folder import FolderReader, sample_rooms
from deresunet.data.frame import Frame
from deresunet.inference.network import network_of

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data and reference outputs; a clone without them skips what needs them."""
    path = ROOT.parent / "shared"
    if not (path / "reference" / "expected.npz").is_file():
        pytest.skip("needs real frames beside the checkout, in ../shared")
    return path


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        default="auto",
        help="how the network of the `bundled` fixture runs: auto, eager, or the name of another backend",
    )
    parser.addoption("--soak-share", type=float, default=1.0, help="share of the soak tests' counts that is run")


def pytest_collection_finish():
    gc.freeze()  # what the imports made stays for good, and need not be looked at again


@pytest.fixture(scope="module", autouse=True)
def _memory_given_back():
    """Networks in graphs of torch.fx refer to themselves: without this, those of many modules stay at once."""
    yield
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture(scope="session")
def bundled(request) -> deresunet.Predictor:
    """The bundled weights on the default backend."""
    return deresunet.load(device="cpu", backend=request.config.getoption("--backend"))


@pytest.fixture(scope="session")
def exact() -> deresunet.Predictor:
    """The same weights in float32 and PyTorch's eager mode, for what is compared with stored numbers."""
    return deresunet.load(device="cpu", backend="eager")


@pytest.fixture(scope="session")
def raw() -> deresunet.Predictor:
    """As `exact`, with the head's scores as they are: the logits that the reference stores."""
    return deresunet.load(device="cpu", backend="eager", head="raw")


@pytest.fixture(scope="session")
def small() -> deresunet.Predictor:
    """A small random network in eager mode, for what does not depend on weights; frames are brought to 96x128."""
    return deresunet.Predictor(network_of(small_checkpoint(), "cpu", "eager"))


@pytest.fixture(scope="session")
def rooms() -> FolderReader:
    return sample_rooms()


@pytest.fixture(scope="session")
def room(rooms: FolderReader) -> Frame:
    return rooms.read("0001")


@pytest.fixture(scope="module")
def browser():
    from chromium import EXECUTABLE, started  # noqa: PLC0415 - rooms are tested where there is no playwright

    if EXECUTABLE is None:
        pytest.skip("needs Chromium: apt-get install -y chromium")
    with started() as browser:
        yield browser


@pytest.fixture
def noise_frame():
    """A function that makes a frame of any size, with seeded content."""

    def make(height: int, width: int, **absent: None) -> Frame:
        rng = np.random.default_rng(0)
        arrays = {
            "rgb": rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
            "depth": rng.uniform(0.5, 6.0, (height, width)).astype(np.float32),
        }
        return Frame(**{**arrays, **absent}, name=f"noise {width}x{height}")

    return make
