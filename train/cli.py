"""The command line: python -m train fit | validate | test | distill | bench, each with typed configs."""

from __future__ import annotations

import math
import re
import shlex
import sys
import warnings
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from deresunet.atomic import sweep
from deresunet.errors import InputError, input_error
from deresunet.export import export
from train import bench
from train.callbacks import MetricsFile, Pictures, StopGracefully
from train.checkpoints import KEYWORDS, LastCheckpoint, WholeCheckpointIO, check_resumable
from train.data.module import RGBDDataModule
from train.data.survey import with_config_fields
from train.distillation import run as distill
from train.precision import BFLOAT16, half_type
from train.stage_module import StageModule
from train.timelimit import VALIDATION_INTERVAL, TimeLimit

USAGE = """usage: python -m train COMMAND ...

  fit          train:           python -m train fit --config train/configs/smoke.yaml
               on one's own:    python -m train fit --config train/configs/finetune.yaml --data.root MINE
  validate     validate:        python -m train validate --config RUN/config.yaml --ckpt_path X.ckpt
  test         test, once:      python -m train test --config RUN/config.yaml --ckpt_path X.ckpt
  distill      with a teacher:  python -m train distill --help
  bench        time a step:     python -m train bench --config train/configs/modern.yaml

Every field of a config can be set on the command line; `fit --help` and `fit --print_config` show them.
"""


# What Lightning warns of and this code means: the average is never in training mode, a resumed run goes on in a folder
# that is there, and pooled metrics are equal in all processes already.
INTENDED = (
    r"Found \d+ module\(s\) in eval mode",
    r"Experiment logs directory .* exists and is not empty",
    r"It is recommended to use `self.log\(.*sync_dist=True\)`",
    r"LightningCLI's args parameter",
    r"The number of training batches .* is smaller than the logging interval",
    r"The '.*_dataloader' does not have many workers",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)


class KeepConfig(SaveConfigCallback):
    """The run's whole configuration beside its logs, when it trains; a resumed run writes its own again."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Write `config.yaml`, whole or not at all."""
        if stage != "fit":
            return
        try:
            super().setup(trainer, pl_module, stage)
        except OSError:
            if trainer.log_dir is not None:
                (Path(trainer.log_dir) / self.config_filename).unlink(missing_ok=True)
            raise


class TrainingCLI(LightningCLI):
    """LightningCLI over `StageModule` and `RGBDDataModule`; loggers and callbacks that every run has are set here."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The run's place, and one seed for everything."""
        parser.usage = "python -m train COMMAND --config FILE [--FIELD VALUE ...]; --help lists every field."
        parser.add_argument("--run.folder", type=str, default="runs", help="Folder that holds all runs.")
        parser.add_argument("--run.name", type=str, default="run", help="Folder of this run's versions in it.")
        parser.add_argument("--run.best", type=int, default=3, help="How many of the best checkpoints are kept.")
        parser.add_argument("--run.monitor", type=str, default="val/miou", help="Metric that says which are best.")
        parser.add_argument(
            "--run.minutes",
            type=float | None,
            default=None,
            help="Time that the run may take, instead of epochs: steps are planned so that a cosine ends with it; the "
            "schedule stable stays where it is, and the run can be taken up again.",
        )
        parser.add_argument(
            "--run.finish",
            type=float | None,
            default=None,
            help="Minutes in which the rate of the schedule stable is brought down to 0, to end the run.",
        )
        parser.add_argument(
            "--run.export",
            type=Literal["no", "int8", "fp16", "fp32"],
            default="no",
            help="At the end of fit, write the best weights as safetensors of this precision into the run's folder.",
        )
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and look at the checkpoint to go on from before Lightning reads it."""
        super().parse_arguments(parser, args)
        if (path := self._checkpoint()) is not None:
            check_resumable(path)

    def after_fit(self) -> None:
        """Export the best weights, and say what to do with them."""
        run = self._get(self.config_init, "run")
        kept = [one for one in self.trainer.callbacks if isinstance(one, ModelCheckpoint) and one.dirpath]  # type: ignore[attr-defined]
        if run.export == "no" or not kept or not self.trainer.is_global_zero or self.trainer.log_dir is None:
            return
        last = Path(kept[-1].dirpath or "") / "last.ckpt"
        best = kept[0].best_model_path or last
        out = Path(self.trainer.log_dir) / f"weights.{run.export}.safetensors"
        export(best, out, run.export)
        root = self.datamodule.source.root
        given = f"--checkpoint {shlex.quote(str(out))} --data {shlex.quote(str(root))}"
        print(f"Best weights ({Path(best).name}): {out}", flush=True)
        print(f"Next: python -m deresunet evaluate {given}", flush=True)
        print("      (without a test split over all frames, those that were trained on, too)", flush=True)
        print(f"      python app.py {given}", flush=True)

    def _checkpoint(self) -> str | None:
        subcommand = self.config.get("subcommand")
        path = None if subcommand is None else self.config[subcommand].get("ckpt_path")
        return None if path is None or path in KEYWORDS else str(path)

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """The trainer, with TensorBoard and CSV logs in one folder unless the config names loggers of its own."""
        run = self._get(self.config_init, "run")
        folder = Path(run.folder) / run.name
        trainer_config = self._get(self.config_init, "trainer")
        if trainer_config.get("logger") in (None, True):
            board = TensorBoardLogger(run.folder, name=run.name)
            kwargs["logger"] = [board, CSVLogger(run.folder, name=run.name, version=board.version)]
        if trainer_config.get("default_root_dir") is None:
            kwargs["default_root_dir"] = str(folder)
        for name in ("minutes", "finish"):
            if run[name] is not None and not 0.0 < run[name] < math.inf:
                raise InputError(f"run.{name} is {run[name]}; expected a time above 0.")
        if run.minutes is not None or run.finish is not None:
            interval = trainer_config.get("val_check_interval") or VALIDATION_INTERVAL
            kwargs |= {"max_epochs": -1, "check_val_every_n_epoch": None, "val_check_interval": interval}
        kwargs |= self._precision(trainer_config)
        kwargs["plugins"] = [*_as_list(trainer_config.get("plugins")), WholeCheckpointIO()]
        sweep(folder)
        given = list(trainer_config.get("callbacks") or [])
        kwargs["callbacks"] = [*given, *self._own_callbacks(run, trainer_config)]
        return super().instantiate_trainer(**kwargs)

    @staticmethod
    def _precision(trainer_config: Any) -> dict[str, Any]:
        """float32 where bfloat16 was asked for and the processor that is to train would only emulate it."""
        if trainer_config.get("precision") not in BFLOAT16:
            return {}
        on_cpu = trainer_config.get("accelerator") == "cpu" or not (
            torch.cuda.is_available() or torch.backends.mps.is_available()
        )
        if not on_cpu or half_type(torch.device("cpu")) is not None:
            return {}
        print("This processor has no bfloat16: the run computes in float32.", file=sys.stderr)
        return {"precision": "32-true"}

    def _own_callbacks(self, run: Any, trainer_config: Any) -> list[Callback]:
        callbacks: list[Callback] = [StopGracefully(), MetricsFile()]
        if run.finish is not None:
            callbacks.append(TimeLimit(run.finish, finish=True))
        elif run.minutes is not None:
            callbacks.append(TimeLimit(run.minutes))
        if trainer_config.get("fast_dev_run"):
            return callbacks
        if trainer_config.get("logger") is not False:
            callbacks.append(Pictures())
        if trainer_config.get("enable_checkpointing") is not False:
            mode = "min" if run.monitor.endswith("loss") else "max"
            # One for the best and one for the last: `save_last` alone saves nothing when validation gets worse.
            best = ModelCheckpoint(
                monitor=run.monitor,
                mode=mode,
                save_top_k=run.best,
                filename="epoch{epoch:03d}-{" + run.monitor + ":.4f}",
                auto_insert_metric_name=False,
            )
            last = LastCheckpoint()
            callbacks += [best, last] if run.best else [last]
        return callbacks


def _as_list(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [] if given is None else [given]


def build(arguments: list[str] | None, run: bool) -> TrainingCLI:
    """Parse a command line and build module, data and trainer; `run` also carries out the subcommand."""
    return TrainingCLI(
        StageModule,
        RGBDDataModule,
        subclass_mode_model=True,
        seed_everything_default=0,
        save_config_callback=KeepConfig,
        save_config_kwargs={"overwrite": True},
        parser_kwargs={"parser_mode": "yaml"} | ({} if run else {"description": bench.__doc__}),
        args=arguments,
        run=run,
    )


def _with_size(arguments: list[str]) -> tuple[list[str], bool]:
    """Arguments whose `--size HxW` is the config's number of pixels, and whether there was one.

    Raises:
        SystemExit: it is no size; one line says so.
    """
    found = [k for k, argument in enumerate(arguments) if argument == "--size" or argument.startswith("--size=")]
    given = list(arguments)
    for k in reversed(found):
        joined = given[k].partition("=")[2]
        size = joined or (given[k + 1] if k + 1 < len(given) else "")
        sides = re.fullmatch(r"(\d{2,5})x(\d{2,5})", size)
        if sides is None:
            print(f"error: --size is {size!r}; expected height x width, such as 240x320.", file=sys.stderr)
            raise SystemExit(2)
        pixels = int(sides[1]) * int(sides[2])
        given[k : k + (1 if joined else 2)] = [f"--data.preprocessing.network_pixels={pixels}"]
    return given, bool(found)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what the user got wrong is one line on standard error and exit status 2."""
    given = sys.argv[1:] if arguments is None else arguments
    if not given or given[0] in ("-h", "--help"):
        print(USAGE, end="")
        return
    given, sized = _with_size(given)
    for message in INTENDED:
        warnings.filterwarnings("ignore", message=f".*{message}")
    try:
        if given[0] == "distill":
            distill.main(given[1:])
        elif given[0] == "bench":
            bench.main(given[1:], build)
        else:
            # Lightning starts further processes by repeating the command line; None keeps it the process's own.
            build(None if arguments is None and not sized else given, run=True)
    except (ValueError, OSError) as error:
        cause = input_error(error)
        if cause is None:
            raise
        print(f"error: {with_config_fields(str(cause))}", file=sys.stderr)
        raise SystemExit(2) from error
