"""A staged Space in an environment as the platform makes it, run as the platform runs it. Slow: `make test-space`."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from gradio_client import Client, handle_file
from huggingface_hub import metadata_load
from PIL import Image

from demo.deploy.hardware import DEFAULT, HARDWARE, ZEROGPU_TORCH
from deresunet.data.folder import SAMPLES_DIR

# Minutes for packages from near by; an hour for all of torch over a slow line.
INSTALL_S = 3600
START_S = 300
USER = 1000
INSTALLED = "cpu-basic"
# One of each set of versions that the kinds of hardware ask for.
RESOLVED = {(kind.python_version, kind.pins): kind.flavor for kind in HARDWARE.values()}.values()

pytestmark = [pytest.mark.space, pytest.mark.slow, pytest.mark.timeout(2 * INSTALL_S)]


def packages(staged, flavor):
    """What one call of pip is asked for by the platform, which installs all at once."""
    gradio = metadata_load(staged / "README.md")["sdk_version"]
    limit = [f"torch<={next(iter(ZEROGPU_TORCH))}"] if flavor == DEFAULT else []
    return ["-r", str(staged / "requirements.txt"), f"gradio[oauth,mcp]=={gradio}", "spaces", *limit]


def stage(folder, flavor):
    subprocess.run([sys.executable, "-m", "demo.deploy", "--stage", folder, "--hardware", flavor], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def place():
    """A folder that any user of this machine may read."""
    folder = Path(tempfile.mkdtemp(prefix="deresunet-space-"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def staged(place):
    return stage(place / "staged", INSTALLED)


@pytest.fixture(scope="module")
def python(staged, place):
    """The interpreter of an environment that has what the platform installs, and nothing else."""
    # Not that of a version manager in a home, which no other user may read.
    base = next(path for path in ("/usr/bin/python3", sys.executable) if Path(path).exists())
    subprocess.run([base, "-m", "venv", place / "venv"], check=True)
    python = place / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir", *packages(staged, INSTALLED)]
    subprocess.run(install, cwd=place, check=True, timeout=INSTALL_S)
    return python


@pytest.fixture(scope="module")
def url(staged, python, place):
    """Address of the Space: as user 1000, in a tree that nobody may write, with a cache that this user may not."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home, scratch = place / "home", place / "scratch"
    (home / ".cache").mkdir(parents=True)
    scratch.mkdir()
    as_user = {"user": USER, "group": USER, "extra_groups": []} if os.getuid() == 0 else {}
    if as_user:
        os.chown(scratch, USER, USER)
        os.chown(home, USER, USER)
    subprocess.run(["chmod", "-R", "a-w", staged, home / ".cache"], check=True)
    subprocess.run(["chmod", "-R", "a+rX", staged, home], check=True)
    environment = {
        **{"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(scratch), "LANG": "C.UTF-8"},
        **{"SYSTEM": "spaces", "SPACE_ID": "ann/rooms", "SPACE_HOST": "ann-rooms.hf.space", "SPACE_AUTHOR_NAME": "ann"},
        **{"SPACE_REPO_NAME": "rooms", "SPACE_TITLE": "DeResUNet", "SPACE_CREATOR_USER_ID": "6" * 24},
        **{"ACCELERATOR": "none", "CPU_CORES": "2", "MEMORY": "16Gi", "HF_HUB_ENABLE_HF_TRANSFER": "1"},
        **{"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": str(port), "GRADIO_NUM_PORTS": "1"},
        **{"GRADIO_ALLOW_FLAGGING": "never", "GRADIO_THEME": "huggingface", "GRADIO_SSR_MODE": "true"},
        **{"GRADIO_MCP_SERVER": "true", "GRADIO_ANALYTICS_ENABLED": "False", "TQDM_POSITION": "-1"},
    }
    server = subprocess.Popen([python, "app.py"], cwd=staged, env=environment, **as_user)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(START_S):
            assert server.poll() is None, "the staged app ended before it served anything"
            try:
                urllib.request.urlopen(f"{address}/healthz", timeout=30).close()
                break
            except OSError:
                time.sleep(1)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.parametrize("flavor", RESOLVED)
def test_what_the_platform_installs_can_be_resolved(flavor, tmp_path):
    """In one call of pip, for the Python of the hardware; the versions are those that would be installed."""
    staged, report = stage(tmp_path / "staged", flavor), tmp_path / "report.json"
    kind = HARDWARE[flavor]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--report", report, "--ignore-installed"]
    version = ".".join(kind.python_version.split(".")[:2])
    other = ["--target", tmp_path / "none", "--python-version", version, "--only-binary", ":all:"]
    subprocess.run([*command, *other, *packages(staged, flavor)], check=True, timeout=INSTALL_S)
    found = {
        one["metadata"]["name"].lower(): one["metadata"]["version"] for one in json.loads(report.read_text())["install"]
    }
    assert {"gradio", "spaces", "mcp", "torch", "torchvision", "timm"} <= set(found)
    assert not {"pytorch-lightning", "albumentations", "pytest"} & set(found)
    if flavor == DEFAULT:
        assert (found["torch"], found["torchvision"]) == next(iter(ZEROGPU_TORCH.items()))


def test_a_staged_space_segments_a_sample(url, staged, python, bundled, room, tmp_path):
    files = [handle_file(staged / "deresunet" / "samples" / kind) for kind in ("rgb/0001.jpg", "depth/0001.png")]
    label_path, told = Client(url, verbose=False, download_files=tmp_path).predict(
        *files, handle_file(SAMPLES_DIR / "label" / "0001.png"), "auto", api_name="/segment"
    )
    expected = bundled(room)
    label = np.asarray(Image.open(label_path))
    assert (label == expected.label).mean() > 0.999
    assert told["provenance"]["sha256"] == expected.provenance.sha256
    assert told["miou"] > 10
    version = subprocess.run(
        [python, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert told["provenance"]["torch"] == version, "it ran in the new environment"


def test_it_serves_its_page_to_the_hub_and_its_function_to_assistants(url):
    with urllib.request.urlopen(url) as page:
        assert b"<html" in page.read()
        assert "frame-ancestors 'self' https://huggingface.co" in page.headers["Content-Security-Policy"]
    with urllib.request.urlopen(f"{url}/gradio_api/mcp/schema") as schema:
        assert "segment" in schema.read().decode(), "the platform's variable switches it on"


def test_its_environment_has_what_the_requirements_name_and_no_training(python):
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True
    ).stdout.lower()
    assert "torch==" in listed
    for absent in ("pytorch-lightning", "albumentations", "pytest"):
        assert f"{absent}==" not in listed
