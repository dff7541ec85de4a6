"""The command line: python -m deresunet predict | evaluate | audit | stats | export | bench | info."""

from __future__ import annotations

from deresunet.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line."""
    app()
