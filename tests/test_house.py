"""Imports run one way, and importing does nothing."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

FORBIDDEN = {
    "deresunet": {"app", "demo", "train", "gradio", "pytorch_lightning", "lightning", "albumentations"},
    "demo": {"app", "train", "pytorch_lightning", "lightning", "albumentations"},
    "train": {"app", "demo", "gradio"},
}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_run_one_way(package):
    files = sorted((ROOT / package).rglob("*.py"))
    wrong = [
        (str(path.relative_to(ROOT)), name) for path in files for name in imported(path) if name in FORBIDDEN[package]
    ]
    assert not wrong


def test_the_command_line_alone_imports_what_it_is_written_with():
    of_library = [path for path in (ROOT / "deresunet").rglob("*.py") if path.parent.name != "cli"]
    assert not [path.name for path in of_library if {"typer", "rich"} & set(imported(path))]


def test_importing_prints_nothing_and_loads_no_weights():
    code = (
        "import builtins, sys, safetensors, torch\n"
        "def refuse(*a, **k): raise AssertionError('weights were read')\n"
        "safetensors.safe_open = refuse; torch.load = refuse; torch.cuda.init = refuse\n"
        "import deresunet, deresunet.cli\n"
        "assert 'gradio' not in sys.modules and 'pytorch_lightning' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
