"""Twenty visitors at once: everybody gets an answer, and it is their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from PIL import Image

import deresunet
from demo.inspector import Inspector
from demo.page import build
from demo.server.health import Health
from demo.serving import Serving
from deresunet import read_frame
from deresunet.config import ModelConfig, Preprocessing
from deresunet.data.folder import SAMPLES_DIR
from deresunet.inference.network import network_of
from deresunet.model.checkpoint import Checkpoint
from deresunet.model.network import DeResUNet

VISITORS = 20


@pytest.fixture(scope="module")
def small():
    """A small random network: what is tested is whose answer goes where, not what it says."""
    torch.manual_seed(0)
    config = ModelConfig(
        backbone="resnet18", skip_channels=(8, 8, 8, 8), bottleneck_channels=32, decoder_channels=(32, 32, 16, 16)
    )
    preprocessing = Preprocessing(network_pixels=96 * 128)
    return deresunet.Predictor(
        network_of(Checkpoint(DeResUNet(config).state_dict(), config, preprocessing, name="small"), "cpu", head="raw")
    )


@pytest.fixture(scope="module")
def url(small, rooms, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        page = build(Inspector(small, {"sample rooms": rooms}))
        Serving().serve(page, Health(lambda: None), quiet=True, ssr_mode=False)
        yield page.local_url
        page.close()


def test_no_answer_goes_astray(url, small, tmp_path):
    names = [f"{k:04}" for k in range(VISITORS)]

    def visit(name):
        own = Client(url, verbose=False, download_files=tmp_path / name)
        files = handle_file(SAMPLES_DIR / "rgb" / f"{name}.jpg"), handle_file(SAMPLES_DIR / "depth" / f"{name}.png")
        label_path, told = own.predict(*files, None, "auto", api_name="/segment")
        return np.asarray(Image.open(label_path)), told

    with ThreadPoolExecutor(VISITORS) as pool:
        answers = list(pool.map(visit, names))
    expected = [
        small(read_frame(SAMPLES_DIR / "rgb" / f"{name}.jpg", SAMPLES_DIR / "depth" / f"{name}.png")).label
        for name in names
    ]
    assert len({label.tobytes() for label in expected}) == VISITORS, "each room has an answer of its own"
    for name, (label, told), right in zip(names, answers, expected, strict=True):
        assert np.array_equal(label, right), f"{name} got another visitor's answer"
        assert told["classes"]
