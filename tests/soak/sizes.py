"""Counts of a test that has a short form, in `make test`, and a long one, in `make soak`."""

from __future__ import annotations

import pytest


def short_and_long(short: int, long: int) -> pytest.MarkDecorator:
    """Parametrise a test's `times` with both counts."""
    return pytest.mark.parametrize(
        "times",
        [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.soak)],
        indirect=True,
    )
