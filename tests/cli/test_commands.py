"""The commands as a group: each is imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deresunet.cli import app
from deresunet.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


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


def test_commands_on_data_do_without_torch() -> None:
    """Preparation keeps its memory small, and a mistyped option is told at once."""
    code = (
        "import sys, deresunet, deresunet.cli, deresunet.cli.stats\n"
        "assert not {'torch', 'torchvision', 'torchmetrics'} & set(sys.modules)\n"
        "assert 'load' in dir(deresunet) and deresunet.Frame.__name__ == 'Frame'\n"
        "try: deresunet.nothing\n"
        "except AttributeError as error: assert 'nothing' in str(error)\n"
        "else: raise AssertionError\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
