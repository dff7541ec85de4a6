"""All stages of distillation from one command, each from the checkpoints of those before."""

from __future__ import annotations

import argparse
import shlex
import time
from pathlib import Path

from deresunet.errors import InputError
from deresunet.export import export
from deresunet.model.checkpoint import Precision
from train.distillation.stages import CONFIGS, finished, fit_command, passing_on_signals, run_to_the_end
from train.distillation.teacher import load_teacher, save_teacher
from train.initialisation import BUNDLED

STAGES = ("teacher", "depth", "features", "network")
_CONFIG = {
    "teacher": "distill_teacher.yaml",
    "depth": "distill_depth.yaml",
    "features": "distill_features.yaml",
    "network": "distill.yaml",
}
# On a CPU: small crops, no plan of steps; a stage goes on whenever it is called, until --finish ends it.
_CPU_CONFIG = {"features": "cpu_features.yaml", "network": "cpu_network.yaml"}
# Shares of the time that a limit leaves, where all stages run; those that run take theirs in proportion.
_SHARES = {"teacher": 8.0, "depth": 2.0, "features": 7.0, "network": 15.0}
# Photographs in a batch of features: there they are most of what can be learned from, later labels are.
_PHOTOS_SHARE_OF_FEATURES = 0.5
# Time for a process to start and to end [s], until a stage has shown how long it takes.
_STARTING_S = 30.0


def main(arguments: list[str]) -> None:
    """Run the stages that are not done yet, each as a `fit` of its own.

    Raises:
        InputError: a file that a stage needs was not given.
        SystemExit: a stage failed or was stopped; its status is passed on.
    """
    options, common = _parser().parse_known_args(arguments)
    stages = _stages(options)
    if options.recipe == "cpu":
        _go_on(stages[0], options, common)
        return
    started = time.monotonic()
    overhead = _STARTING_S
    for number, stage in enumerate(stages):
        if finished(options.out, stage) is not None:
            print(f"{stage}: done already, {finished(options.out, stage)}", flush=True)
            continue
        limit = []
        minutes = 0.0
        if options.minutes is not None:
            left = 60.0 * options.minutes - (time.monotonic() - started)
            open_stages = [later for later in stages[number:] if finished(options.out, later) is None]
            share = _SHARES[stage] / sum(_SHARES[later] for later in open_stages)
            minutes = max((left - len(open_stages) * overhead) * share, 1.0) / 60.0
            limit = [f"--run.minutes={minutes:.3f}"]
        begun = time.monotonic()
        with passing_on_signals():
            last = run_to_the_end(stage_command(stage, options, [*limit, *common]), options.out, stage)
        for path in write_weights(stage, last, options.out):
            print(f"{stage}: {path}", flush=True)
        if limit:
            overhead = max(time.monotonic() - begun - 60.0 * minutes, 1.0)


def _go_on(stage: str, options: argparse.Namespace, common: list[str]) -> None:
    """Go on with a stage of the recipe cpu, for a time or until it is stopped; with --finish, end it."""
    if finished(options.out, stage) is not None:
        raise InputError(f"{stage} was finished already: {finished(options.out, stage)}. Give another --out.")
    limit = [f"--run.{name}={value}" for name in ("minutes", "finish") if (value := getattr(options, name)) is not None]
    with passing_on_signals():
        last = run_to_the_end(
            stage_command(stage, options, [*limit, *common]), options.out, stage, options.finish is not None
        )
    for path in write_weights(stage, last, options.out):
        print(f"{stage}: {path}", flush=True)
    if options.finish is None:
        print(f"{stage}: goes on with the same command, and ends with --finish MINUTES.", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m train distill",
        description="Fine-tune a teacher, train its depth head for photographs, distil its features into the encoders, "
        "train the network with its probabilities. Stages that left a checkpoint in --out are not repeated; a stage "
        "that was stopped goes on.",
        epilog="Every other option is handed to all stages' `fit`, such as --data.dataset nyuv2 --data.root DIR.",
    )
    parser.add_argument("--out", type=Path, default=Path("runs/distill"), help="folder of the stages' runs")
    parser.add_argument("--dinov2", help="DINOv2 ViT-S/14 to fine-tune: Meta's .pth, or timm's .safetensors")
    parser.add_argument("--teacher", help="a teacher's finished weights; the first stage is left out")
    parser.add_argument("--photos", help="folder of photographs, unlabelled, for the features and the network")
    parser.add_argument(
        "--photos-share", type=float, default=0.25, help="share of each batch of the stage network; 0 leaves them out"
    )
    parser.add_argument(
        "--estimated-depth",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="give photographs a depth that a head on the teacher estimates",
    )
    parser.add_argument(
        "--recipe",
        choices=("gpu", "cpu"),
        default="gpu",
        help="cpu: one stage at a time (features, network) at a constant learning rate, for as long as there is time",
    )
    parser.add_argument("--minutes", type=float, help="time for all stages together; steps are planned to fit it")
    parser.add_argument(
        "--finish", type=float, metavar="MINUTES", help="with --recipe cpu: bring the rate to 0 in this time, and end"
    )
    parser.add_argument(
        "--start",
        metavar="bundled|FILE",
        help="weights that the network goes on from; the stage features is left out unless --stages names it",
    )
    parser.add_argument("--encoder-weights", help="a torchvision ResNet's state dict that the encoders start from")
    parser.add_argument("--cuda-graph", action="store_true", help="record each step as a CUDA graph (one GPU)")
    parser.add_argument("--stages", nargs="+", choices=STAGES, help="stages to run; all that are needed if left out")
    for stage in STAGES:
        parser.add_argument(
            f"--{stage}-args",
            default="",
            metavar="'ARG ...'",
            help=f"options of the stage {stage} alone, in one string, quoted as in a shell",
        )
    return parser


def _stages(options: argparse.Namespace) -> list[str]:
    """Stages to run, in their order.

    Raises:
        InputError: options contradict each other, or DINOv2's weights were not given.
    """
    if not 0.0 <= options.photos_share <= 1.0:
        raise InputError(f"--photos-share is {options.photos_share}; expected a share of each batch, 0..1.")
    for name in ("minutes", "finish"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise InputError(f"--{name} is {value}; expected a time above 0.")
    if options.recipe == "cpu":
        if options.teacher is None or options.stages is None or len(options.stages) != 1:
            raise InputError("--recipe cpu takes a finished --teacher FILE, and one of --stages features|network.")
        if options.stages[0] not in _CPU_CONFIG:
            raise InputError(f"--recipe cpu has the stages features and network, not {options.stages[0]}.")
        if options.minutes is not None and options.finish is not None:
            raise InputError("--minutes goes on, --finish ends: give one of them.")
        options.estimated_depth = False
        return list(options.stages)
    if options.finish is not None:
        raise InputError("--finish ends a stage of --recipe cpu. Give --minutes instead.")
    stages = list(STAGES) if options.stages is None else [stage for stage in STAGES if stage in options.stages]
    if options.teacher is not None and "teacher" in stages:
        stages.remove("teacher")
    if "depth" in stages and not (options.photos and options.estimated_depth):
        stages.remove("depth")
    if options.stages is None and options.start is not None:
        stages.remove("features")
    if "teacher" in stages and options.dinov2 is None:
        raise InputError(
            "The teacher needs DINOv2's weights (--dinov2 FILE: Meta's dinov2_vits14_pretrain.pth, or timm's "
            "vit_small_patch14_dinov2.lvd142m), or weights of its own (--teacher FILE)."
        )
    return stages


def stage_command(stage: str, options: argparse.Namespace, common: list[str]) -> list[str]:
    """The `fit` of a stage, wired to the checkpoints of those before it.

    Raises:
        InputError: a stage before it has left none.
    """
    own = {
        "teacher": lambda: [f"--model.init_args.dinov2={options.dinov2}"],
        "depth": lambda: [f"--model.init_args.teacher={_teacher(stage, options)}"],
        "features": lambda: _features_arguments(options),
        "network": lambda: _network_arguments(options),
    }[stage]()
    if options.cuda_graph:
        own.append("--model.init_args.cuda_graph=true")
    extra = shlex.split(getattr(options, f"{stage}_args"))
    config = _CPU_CONFIG[stage] if options.recipe == "cpu" else _CONFIG[stage]
    return fit_command(CONFIGS / config, options.out, stage, [*own, *common, *extra])


def _features_arguments(options: argparse.Namespace) -> list[str]:
    own = _teaching("features", options)
    if options.photos and options.recipe == "gpu":
        own.append(f"--data.photos_share={_PHOTOS_SHARE_OF_FEATURES}")
    if options.start:
        own.append(f"--model.init_args.weights={options.start}")
    elif options.encoder_weights:
        own.append(f"--model.init_args.encoder_weights={options.encoder_weights}")
    return own


def _network_arguments(options: argparse.Namespace) -> list[str]:
    if not options.photos_share:
        options = argparse.Namespace(**{**vars(options), "photos": None})
    own = _teaching("network", options)
    if options.photos and options.recipe == "gpu":
        own.append(f"--data.photos_share={options.photos_share}")
    encoders = finished(options.out, "features")
    if options.start:
        own.append(f"--model.init_args.weights={options.start}")
    elif encoders is None:
        raise InputError(
            f"network: no encoders in {options.out}. Run the stage features first, or give --start {BUNDLED}."
        )
    if encoders is not None:
        own.append(f"--model.init_args.encoders={encoders}")
    return own


def _teaching(stage: str, options: argparse.Namespace) -> list[str]:
    """What of the teacher a stage learns, and the photographs."""
    outputs = "features" if stage == "features" else "logits"
    own = [
        f"--data.teaching.teacher={_teacher(stage, options)}",
        f"--data.teaching.outputs={outputs}",
        f"--data.teaching.folder={options.out / 'teacher_outputs'}",
    ]
    if options.photos:
        own.append(f"--data.photos={options.photos}")
        head = _depth_head(stage, options)
        own += [f"--data.teaching.depth_head={head}"] if head else []
    return own


def _teacher(stage: str, options: argparse.Namespace) -> str | Path:
    teacher: str | Path | None = options.teacher or finished(options.out, "teacher")
    if teacher is None:
        raise InputError(f"{stage}: no teacher in {options.out}. Run the stage teacher first, or give --teacher.")
    return teacher


def _depth_head(stage: str, options: argparse.Namespace) -> Path | None:
    if not options.estimated_depth:
        return None
    head = finished(options.out, "depth")
    if head is None:
        raise InputError(
            f"{stage}: no depth head in {options.out}. Run the stage depth first, or give --no-estimated-depth."
        )
    return head


def write_weights(stage: str, checkpoint: Path, out: Path) -> list[Path]:
    """Write a finished stage's weights as int8 and as float16; the depth head stays a checkpoint.

    Returns:
        The files: `out`/STAGE.int8.safetensors and `out`/STAGE.fp16.safetensors.
    """
    if stage == "depth":
        return []
    written = []
    precisions: tuple[Precision, ...] = ("int8", "fp16")
    for precision in precisions:
        path = out / f"{stage}.{precision}.safetensors"
        if stage == "teacher":
            save_teacher(path, load_teacher(checkpoint), precision, f"distill, teacher, from {checkpoint.name}")
        else:
            export(checkpoint, path, precision)
        written.append(path)
    return written
