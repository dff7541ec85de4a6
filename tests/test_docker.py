"""The Dockerfile, as far as it can be read; nothing here builds an image."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import gradio as gr
import pytest
from conftest import ROOT

import app
from demo.server.guard import GuardedBlocks
from demo.server.health import LIMIT_S, Health
from demo.serving import Serving

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
LINES = [line.split(None, 1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]


def of(instruction):
    return [rest for name, rest in LINES if name == instruction]


def health_check():
    return json.loads(re.search(r"CMD (\[.*\])", of("HEALTHCHECK")[0])[1])


def test_it_starts_the_inspector_as_no_root_where_it_says():
    names = [name for name, _ in LINES]
    assert of("USER") == ["1000"]
    assert any("useradd" in line and "--uid 1000" in line for line in of("RUN"))
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in ("RUN", "COPY"))
    python, script, *options = json.loads(of("ENTRYPOINT")[0])
    assert (python, script) == ("python", "app.py")
    told = app._parser().parse_args(options)
    assert (told.host, told.port) == ("0.0.0.0", int(of("EXPOSE")[0]))


def test_the_build_takes_its_torch_by_argument_and_before_the_rest():
    assert of("ARG") == ["TORCH=cpu"]
    (install,) = [line for line in of("RUN") if "pip" in line]
    torch, rest = install.split("&&")
    assert "whl/${TORCH}" in torch
    assert "requirements-linux.txt" in rest
    local = (ROOT / "requirements-linux.txt").read_text()
    for pinned in re.findall(r'"(torch\w*>=[\d.]+)"', torch):
        assert f"{pinned}\n" in local, "the same floor as everywhere"


def test_it_copies_what_is_there_and_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored, "nothing goes in that is not named"
    for line in of("COPY"):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert f"!{source}" in ignored


@pytest.mark.parametrize("accounts", [(), (("ann", "secret"),)])
def test_the_health_check_tells_a_server_that_segments_from_one_that_does_not(accounts):
    failing = []

    def segment():
        if failing:
            raise RuntimeError

    with GuardedBlocks() as page:
        gr.HTML("well")
    Serving(accounts=accounts).serve(page, Health(segment, keep_s=0), quiet=True, ssr_mode=False)
    python, *arguments = health_check()
    assert python == "python"
    command = [sys.executable, *(argument.replace("http://127.0.0.1:7860/", page.local_url) for argument in arguments)]
    assert page.local_url in command[-1]
    assert subprocess.run(command, check=False).returncode == 0
    failing.append(True)
    assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode != 0
    page.close()
    assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_docker_waits_longer_than_a_health_check_may_take():
    options = of("HEALTHCHECK")[0]
    assert int(re.search(r"--timeout=(\d+)s", options)[1]) > LIMIT_S
    assert float(re.search(r"timeout=(\d+)\)", options)[1]) > LIMIT_S
