"""All three stages of distillation from one command, each from the checkpoint of the one before."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from deresunet.errors import InputError
from train.distillation.stages import CONFIGS, finished, fit_command, passing_on_signals, run_to_the_end

STAGES = ("teacher", "features", "network")
_CONFIG = {"teacher": "distill_teacher.yaml", "features": "distill_features.yaml", "network": "distill.yaml"}


def main(arguments: list[str]) -> None:
    """Run the stages that are not done yet, each as a `fit` of its own.

    Raises:
        InputError: what a stage needs was not given.
        SystemExit: a stage failed or was stopped; its status is passed on.
    """
    parser = argparse.ArgumentParser(
        prog="python -m train distill",
        description="Fine-tune a teacher, distil its features into the encoders, train the network with its "
        "probabilities. Stages that left a checkpoint in --out are not repeated; a stage that was stopped goes on.",
        epilog="Every other option is handed to all stages' `fit`, such as --data.dataset nyuv2 --data.root DIR.",
    )
    parser.add_argument("--out", type=Path, default=Path("runs/distill"), help="folder of the three stages' runs")
    parser.add_argument("--dinov2", help="DINOv2 ViT-S/14 to fine-tune: Meta's .pth, or timm's .safetensors")
    parser.add_argument("--teacher", help="a teacher's finished weights; the first stage is left out")
    parser.add_argument("--photos", help="folder of photographs for the RGB encoder's features")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES), help="which to run")
    for stage in STAGES:
        parser.add_argument(
            f"--{stage}-args",
            default="",
            metavar="'ARG ...'",
            help=f"options of the stage {stage} alone, in one string",
        )
    options, common = parser.parse_known_args(arguments)
    if options.teacher is None and "teacher" in options.stages and options.dinov2 is None:
        raise InputError(
            "The teacher needs DINOv2's weights (--dinov2 FILE: Meta's dinov2_vits14_pretrain.pth, or timm's "
            "vit_small_patch14_dinov2.lvd142m), or weights of its own (--teacher FILE)."
        )
    for stage in STAGES:
        if stage not in options.stages or (stage == "teacher" and options.teacher is not None):
            continue
        if finished(options.out, stage) is not None:
            print(f"{stage}: done already, {finished(options.out, stage)}", flush=True)
            continue
        with passing_on_signals():
            run_to_the_end(stage_command(stage, options, common), options.out, stage)


def stage_command(stage: str, options: argparse.Namespace, common: list[str]) -> list[str]:
    """The `fit` of a stage, wired to the checkpoints of those before it.

    Raises:
        InputError: a stage before it has left none.
    """
    own = {
        "teacher": [f"--model.init_args.dinov2={options.dinov2}"],
        "features": [f"--data.photos={options.photos}"] if options.photos else [],
        "network": [],
    }[stage]
    if stage != "teacher":
        teacher = options.teacher or finished(options.out, "teacher")
        if teacher is None:
            raise InputError(f"{stage}: no teacher in {options.out}. Run the stage teacher first, or give --teacher.")
        key = "teacher" if stage == "features" else "distillation.teacher"
        own = [*own, f"--model.init_args.{key}={teacher}"]
    if stage == "network":
        encoders = finished(options.out, "features")
        if encoders is None:
            raise InputError(f"network: no encoders in {options.out}. Run the stage features first.")
        own = [*own, f"--model.init_args.encoders={encoders}"]
    return fit_command(
        CONFIGS / _CONFIG[stage], options.out, stage, [*own, *common, *shlex.split(getattr(options, f"{stage}_args"))]
    )
