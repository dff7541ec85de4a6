"""Examples in docstrings run, and docstrings name their subject."""

import ast
import doctest
import importlib
import re

import pytest
from conftest import ROOT

# Modules whose docstrings hold examples.
EXAMPLES = [
    "deresunet.evaluation.evaluator",
    "deresunet.inference.devices",
    "deresunet.inference.predictor",
    "deresunet.model.registry",
]
# A sentence that starts so cannot be understood without the code.
VAGUE = re.compile(r"(What|The same|Something|Those)\b")
CHECKED = [
    "deresunet/atomic.py",
    "deresunet/benchmark",
    "deresunet/config.py",
    "deresunet/errors.py",
    "deresunet/export.py",
    "deresunet/inference/backends",
    "deresunet/inference/devices.py",
    "deresunet/inference/postprocessing.py",
    "deresunet/inference/prediction.py",
    "deresunet/inference/predictor.py",
    "deresunet/inference/preprocessing.py",
    "deresunet/inference/smoothing.py",
    "deresunet/inference/tta.py",
    "deresunet/model",
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"deresunet": importlib.import_module("deresunet")})
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("place", CHECKED)
def test_docstrings_name_their_subject(place):
    path = ROOT / place
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    assert files
    vague = [
        f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and not getattr(node, "name", "").startswith("_")
        and (text := ast.get_docstring(node))
        and VAGUE.match(text)
    ]
    assert not vague, "\n".join(vague)
