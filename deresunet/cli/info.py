"""`python -m deresunet info`."""

from __future__ import annotations

import json

import typer

import deresunet
from deresunet.cli.app import reports_input_errors
from deresunet.cli.options import BackendOption, Checkpoint
from deresunet.inference.devices import available_devices
from deresunet.inference.predictor import load
from deresunet.model import registry

command = typer.Typer(add_completion=False)


@command.command()
@reports_input_errors
def info(checkpoint: Checkpoint = None, backend: BackendOption = "auto") -> None:
    """Print the weights' configuration, metrics and hash, the models, the devices, and the CPU's backend."""
    predictor = load(checkpoint, "cpu", backend)
    weights = predictor.checkpoint
    described = {
        "version": deresunet.__version__,
        "weights": {
            "name": weights.name,
            "sha256": weights.sha256,
            "stored": weights.stored,
            "architecture": predictor.network.architecture,
            "config": None if weights.config is None else vars(weights.config),
            "preprocessing": vars(weights.preprocessing),
            "classes": len(predictor.class_set),
            "training": weights.training,
            "metrics": weights.metrics,
        },
        "models": {name: registry.entry(name).summary for name in registry.model_names()},
        "devices": available_devices(),
        "cpu": {"backend": predictor.backend, "precision": predictor.precision},
    }
    typer.echo(json.dumps(described, indent=2))
