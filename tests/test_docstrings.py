"""Examples in docstrings run, and docstrings name their subject."""

import ast
import doctest
import importlib
import re

import numpy as np
import pytest
from conftest import ROOT

import deresunet

PACKAGES = ("deresunet", "demo", "train")
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
# Public entry points that have to show an example.
ENTRY_POINTS = {
    "deresunet.inference.predictor",
    "deresunet.data.images",
    "deresunet.data.readers",
    "deresunet.evaluation.evaluator",
    "deresunet.model.registry",
}
# A sentence that starts so cannot be understood without the code.
VAGUE = re.compile(r"(What|The same|Something|Those)\b")


def test_entry_points_have_examples():
    assert set(WITH_EXAMPLES) >= ENTRY_POINTS


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"np": np, "deresunet": deresunet})
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_name_their_subject(package):
    files = sorted((ROOT / package).rglob("*.py"))
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
