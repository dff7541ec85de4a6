"""`python -m deresunet export`."""

from __future__ import annotations

import typer

from deresunet.cli.app import speaks_plainly
from deresunet.export import export_command

command = typer.Typer(add_completion=False)
command.command()(speaks_plainly(export_command))
