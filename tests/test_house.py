"""Imports run one way, modules stay short, and importing does nothing."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest
from conftest import ROOT

PACKAGES = ("deresunet", "demo", "train")

LONGEST = 350  # lines of a module; past it, look for the second concept

# What no module of a package may import.
FORBIDDEN = {
    "deresunet": {"app", "demo", "train", "gradio", "pytorch_lightning", "lightning", "albumentations"},
    "demo": {"app", "train", "pytorch_lightning", "lightning", "albumentations"},
    "train": {"app", "demo", "gradio"},
}

# Inside deresunet: the parts that each part may import, besides itself. Lower parts know nothing of higher ones, and
# `model` and `data` nothing of each other.
BASE = {"config", "classes", "class_files", "class_tables", "errors", "atomic"}
RUN = BASE | {"model", "data", "inference"}
ALLOWED = {
    "errors": set(),
    "class_tables": set(),
    "class_files": {"class_tables", "errors"},
    "classes": {"class_files", "class_tables", "errors"},
    "config": {"errors", "classes"},
    "atomic": {"errors"},
    "data": BASE,
    "model": BASE,
    "visualization": BASE | {"data"},
    "inference": BASE | {"model", "data"},
    "evaluation": RUN | {"visualization", ""},  # whose version reports state
    "export": RUN,
    "benchmark": RUN | {"export", ""},  # which times other runtimes, too
    "cli": RUN | {"visualization", "evaluation", "export", "benchmark", ""},
    "__main__": {"cli"},
    "": BASE | {"model", "data", "inference"},  # deresunet itself, which names the public classes
}


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(path):
    """Full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by dots; expected the full name"
            if node.module in PACKAGES:  # from demo import theme
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


def name_of(path):
    return ".".join(part for part in path.relative_to(ROOT).with_suffix("").parts if part != "__init__")


def part_of(module):
    """Name of the part of deresunet that a module belongs to; empty for deresunet itself."""
    part = module.split(".")[1] if "." in module else ""
    folder = ROOT / "deresunet" / part
    return part if folder.is_dir() or folder.with_suffix(".py").is_file() else ""


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_one_way(package):
    wrong = [
        (name_of(path), module)
        for path in modules(package)
        for module in imported(path)
        if module.split(".")[0] in FORBIDDEN[package]
    ]
    assert not wrong


def test_parts_of_deresunet_import_one_way():
    pairs = {
        (name_of(path), module)
        for path in modules("deresunet")
        for module in imported(path)
        if module.split(".")[0] == "deresunet"
    }
    assert {part_of(user) for user, _ in pairs} <= set(ALLOWED), "a new part of deresunet: say what it may import"
    wrong = {
        (user, module) for user, module in pairs if part_of(module) not in ALLOWED[part_of(user)] | {part_of(user)}
    }
    assert not wrong


def test_the_command_line_alone_imports_what_it_is_written_with():
    of_library = [path for path in modules("deresunet") if path.parent.name != "cli"]
    wrong = [
        name_of(path) for path in of_library if {"typer", "rich"} & {name.split(".")[0] for name in imported(path)}
    ]
    assert not wrong


def test_no_module_is_long():
    files = [ROOT / "app.py", *(path for package in PACKAGES for path in modules(package))]
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in files}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}


def test_importing_prints_nothing_and_loads_no_weights():
    """And nothing that is not needed: commands on data do without torch, and the page without `spaces`."""
    code = (
        "import sys, deresunet, deresunet.cli, deresunet.cli.stats\n"
        "assert not {'torch', 'torchvision', 'torchmetrics'} & set(sys.modules)\n"
        "assert 'load' in dir(deresunet) and deresunet.Frame.__name__ == 'Frame'\n"
        "assert not hasattr(deresunet, 'nothing')\n"
        "import safetensors, torch, deresunet.cli.predict\n"
        "def refuse(*a, **k): raise AssertionError('weights were read')\n"
        "safetensors.safe_open = refuse; torch.load = refuse; torch.cuda.init = refuse\n"
        "assert 'gradio' not in sys.modules and 'pytorch_lightning' not in sys.modules\n"
        "sys.modules['spaces'] = None\n"
        "import app; from demo import components; from demo.deploy import zerogpu\n"
        "assert not zerogpu.HERE and zerogpu.CONCURRENCY == 1 and components.NETWORK['concurrency_limit'] == 1\n"
        "marker = object(); assert zerogpu.predictor_for(marker) is marker\n"
    )
    told = {key: value for key, value in os.environ.items() if not key.startswith("SPACES_")}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
