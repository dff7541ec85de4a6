"""A staged Space in an environment made as the platform makes it. Slow: `make test-space`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from conftest import ROOT
from gradio_client import Client, handle_file
from huggingface_hub import metadata_load
from PIL import Image

from deresunet.data.folder import SAMPLES_DIR

# Three minutes for packages from near by; an hour for all of torch over a slow line.
INSTALL_S = 3600
START_S = 180

pytestmark = [pytest.mark.space, pytest.mark.slow]


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space") / "staged"
    subprocess.run([sys.executable, "-m", "demo.deploy", "--stage", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def python(staged, tmp_path_factory):
    """The interpreter of an environment that has seen nothing but the staged requirements.txt, lying alone."""
    folder = tmp_path_factory.mktemp("environment")
    (folder / "requirements.txt").write_text((staged / "requirements.txt").read_text())
    gradio = metadata_load(staged / "README.md")["sdk_version"]
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "-r", "requirements.txt"]
    subprocess.run([*install, f"gradio=={gradio}", "spaces"], cwd=folder, check=True, timeout=INSTALL_S)
    return python


@pytest.fixture(scope="module")
def url(staged, python, tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(tmp_path_factory.mktemp("gradio"))}
    server = subprocess.Popen([python, "app.py"], cwd=staged, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(START_S):
            assert server.poll() is None, "the staged app ended before it served anything"
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                time.sleep(1)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def test_a_staged_space_segments_a_sample(url, staged, python, predictor, room, tmp_path):
    files = [handle_file(staged / "deresunet" / "samples" / kind) for kind in ("rgb/0001.jpg", "depth/0001.png")]
    label_path, told = Client(url, verbose=False, download_files=tmp_path).predict(
        *files, handle_file(SAMPLES_DIR / "label" / "0001.png"), "auto", api_name="/segment"
    )
    expected = predictor(room)
    label = np.asarray(Image.open(label_path))
    assert (label == expected.label).mean() > 0.999
    assert told["provenance"]["sha256"] == expected.provenance.sha256
    assert told["miou"] > 10
    version = subprocess.run(
        [python, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert told["provenance"]["torch"] == version, "it ran in the new environment"


def test_its_environment_has_what_the_requirements_name_and_no_training(python):
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True
    ).stdout.lower()
    assert "torch==" in listed
    for absent in ("pytorch-lightning", "albumentations", "pytest"):
        assert f"{absent}==" not in listed
