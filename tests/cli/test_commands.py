"""The commands as a group: each is imported when it is asked for."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from deresunet.cli import app
from deresunet.cli.app import COMMANDS


def test_help_lists_all() -> None:
    done = CliRunner().invoke(app, ["--help"])
    assert done.exit_code == 0
    assert all(name in done.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_has_help(name: str) -> None:
    assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


def test_misspelt_command() -> None:
    done = CliRunner().invoke(app, ["evalaute"])
    assert done.exit_code == 2
    assert "evaluate" in done.output
