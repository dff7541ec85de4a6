"""Examples in docstrings run and give what they say."""

import doctest
import importlib

import numpy as np
import pytest
from conftest import ROOT

WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("deresunet", "demo", "train")
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
# Public entry points that have to show an example.
ENTRY_POINTS = {
    "deresunet.inference.predictor",
    "deresunet.data.images",
    "deresunet.data.readers",
    "deresunet.evaluation.evaluator",
}


def test_entry_points_have_examples():
    assert set(WITH_EXAMPLES) >= ENTRY_POINTS


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"np": np}, verbose=False)
    assert result.attempted
    assert not result.failed
