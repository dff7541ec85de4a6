"""Does it help to train on rendered rooms first? Real frames alone against rooms and then real frames, equally long."""

from __future__ import annotations

import argparse
import concurrent.futures
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deresunet.atomic import write_json
from deresunet.data.folder import FolderReader
from deresunet.errors import InputError
from deresunet.evaluation import evaluate
from deresunet.predictor import load
from train.stages import CONFIGS, finished, fit_command, passing_on_signals, run_to_the_end

ARMS = {"real": "real frames alone", "rooms first": "rooms, then real frames"}
CONFIG = CONFIGS / "rooms_first.yaml"


@dataclass(frozen=True)
class Stage:
    """One `fit` of an arm.

    Attributes:
        name: of its folder.
        steps: optimiser steps.
        arguments: what it trains on.
    """

    name: str
    steps: int
    arguments: tuple[str, ...]


def main(arguments: list[str]) -> None:
    """Train both arms with each seed, evaluate them on the same test frames, and say how they compare.

    Raises:
        InputError: the data cannot be used.
        SystemExit: a training failed or was stopped; what is done is not repeated when the command is given again.
    """
    parser = argparse.ArgumentParser(
        prog="python -m train rooms-first",
        description="Train on real frames alone, and on rendered rooms first and then real frames, with the same "
        "number of steps; evaluate both on the real test frames. What is done in --out is not repeated.",
        epilog="Every other option is handed to all `fit`s, such as --data.batch_size 16 --trainer.precision 32.",
    )
    parser.add_argument("--real", type=Path, required=True, help="real frames: folder layout with train.txt, test.txt")
    parser.add_argument("--rooms", type=Path, required=True, help="rendered rooms: folder layout, as of make rooms")
    parser.add_argument("--out", type=Path, default=Path("runs/rooms_first"), help="folder of all runs and the result")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="one run of each arm for each")
    parser.add_argument("--steps", type=int, default=3000, help="optimiser steps of each run, both stages together")
    parser.add_argument("--share", type=float, default=0.5, help="share of the steps that the rooms get, 0..1")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once, on one device")
    parser.add_argument("--device", default="auto", help="where they are evaluated (default: auto)")
    options, common = parser.parse_known_args(arguments)
    if not 0.0 < options.share < 1.0 or options.steps < 2 or options.jobs < 1 or not options.seeds:
        raise InputError("expected 0 < --share < 1, --steps of 2 or more, --jobs of 1 or more, and a seed.")
    test = FolderReader(options.real, "test")  # before hours of training
    runs = [(arm, seed) for seed in options.seeds for arm in ARMS]
    with passing_on_signals(), concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        trained = dict(zip(runs, pool.map(lambda run: train_arm(*run, options, common), runs), strict=True))
    results: dict[str, Any] = {}
    for arm, described in ARMS.items():
        scores = [evaluate(load(trained[arm, seed], options.device), test).as_dict() for seed in options.seeds]
        results[arm] = {
            "seeds": options.seeds,
            **{metric: summary([one[metric] for one in scores]) for metric in ("miou", "pixel_acc", "mean_acc")},
        }
        for metric in ("miou", "pixel_acc", "mean_acc"):
            told = results[arm][metric]
            each = ", ".join(f"{value:.2f}" for value in told["each"])
            print(f"{described:24} {metric:9} {told['mean']:6.2f} +- {told['deviation']:.2f}   ({each})", flush=True)
    write_json(
        options.out / "result.json",
        {"steps": options.steps, "share": options.share, "options": common, "frames": len(test), "arms": results},
    )
    print(f"written to {options.out / 'result.json'}")


def stages_of(arm: str, steps: int, share: float, real: Path, rooms: Path) -> list[Stage]:
    """The trainings of an arm; their steps add up to `steps`."""
    of_real = (f"--data.root={real}", "--data.train_split=train", "--data.label_set=nyu40")
    if arm == "real":
        return [Stage("real", steps, of_real)]
    first = min(steps - 1, max(1, round(share * steps)))
    of_rooms = (f"--data.root={rooms}", "--data.train_split=all", "--data.label_set=sunrgbd37")
    return [Stage("rooms", first, of_rooms), Stage("then_real", steps - first, of_real)]


def train_arm(arm: str, seed: int, options: argparse.Namespace, common: list[str]) -> Path:
    """Train an arm with a seed, or take what is there already.

    Returns:
        The checkpoint of its last stage.
    """
    weights: Path | None = None
    for stage in stages_of(arm, options.steps, options.share, options.real, options.rooms):
        name = f"seed{seed}_{stage.name}"
        done = finished(options.out, name)
        if done is None:
            own = [*stage.arguments, f"--trainer.max_steps={stage.steps}", f"--seed_everything={seed}"]
            start = [] if weights is None else [f"--model.init_args.weights={weights}"]
            done = run_to_the_end(fit_command(CONFIG, options.out, name, [*own, *start, *common]), options.out, name)
        weights = done
    assert weights is not None
    return weights


def summary(values: list[float | None]) -> dict[str, Any]:
    """Mean and standard deviation (of a sample) over seeds; NaN where a value is missing, 0 deviation of one value."""
    each = [math.nan if value is None else value for value in values]
    deviation = float(np.std(each, ddof=1)) if len(each) > 1 else 0.0
    return {"mean": round(float(np.mean(each)), 4), "deviation": round(deviation, 4), "each": each}
