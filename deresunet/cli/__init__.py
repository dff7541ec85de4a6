"""The command line: python -m deresunet predict | evaluate | prepare | stats | info."""

from __future__ import annotations

from deresunet.cli import evaluate, info, predict, prepare, stats
from deresunet.cli.app import app

__all__ = ["app", "evaluate", "info", "main", "predict", "prepare", "stats"]


def main() -> None:
    """Run the command line."""
    app()
