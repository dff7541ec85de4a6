"""The command: python -m demo.deploy --repo-id USER/SPACE."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from demo.deploy.hardware import DEFAULT, HARDWARE, Hardware
from demo.deploy.stage import listing, pin_for, stage_space, stage_weights
from demo.deploy.upload import Hub
from deresunet.errors import InputError
from deresunet.model.hub import check_repo_id

# In a listing that is made before the weights are uploaded, in place of the commit that this will give.
UNKNOWN_REVISION = "0" * 40


def main(arguments: list[str] | None = None) -> None:
    """Stage, list or upload a Space."""
    options = _parser().parse_args(arguments)
    try:
        _check(options)
        hardware = HARDWARE[options.hardware]
        with tempfile.TemporaryDirectory(prefix="deresunet-deploy-") as scratch:
            if options.dry_run:
                _list(options, hardware, Path(scratch))
            elif options.stage is not None:
                _stage(options.stage, options, hardware, options.weights_revision)
                print(
                    f"{listing(options.stage)}\nstaged for {hardware.flavor} in {options.stage}; nothing was uploaded"
                )
            else:
                _deploy(options, hardware, Path(scratch))
    except InputError as error:
        sys.exit(f"error: {error}")


def _check(options: argparse.Namespace) -> None:
    if options.repo_id is None and options.stage is None and not options.dry_run:
        raise InputError("There is no --repo-id. Give USER/SPACE, or --stage DIR or --dry-run, which upload nothing.")
    if options.weights_revision is not None and options.weights_repo is None:
        raise InputError("--weights-revision is a commit of --weights-repo. Give both.")
    if options.stage is not None and options.weights_repo is not None and options.weights_revision is None:
        raise InputError(
            "--stage uploads nothing, so it cannot know the commit of the weights in --weights-repo. Give it with "
            "--weights-revision."
        )
    for repo_id in filter(None, (options.repo_id, options.weights_repo)):
        try:
            check_repo_id(repo_id)
        except ValueError as error:
            raise InputError(f"{error}.") from error


def _stage(folder: Path, options: argparse.Namespace, hardware: Hardware, revision: str | None) -> None:
    pin = None if options.weights_repo is None else pin_for(options.weights_repo, revision or UNKNOWN_REVISION)
    stage_space(folder, hardware, pin, options.private)


def _list(options: argparse.Namespace, hardware: Hardware, scratch: Path) -> None:
    if options.weights_repo is not None and options.weights_revision is None:
        stage_weights(scratch / "weights")
        print(f"model repository {options.weights_repo}:\n{listing(scratch / 'weights')}\n")
    _stage(scratch / "space", options, hardware, options.weights_revision)
    print(f"Space {options.repo_id or '(no name given)'}, {hardware.flavor}: {hardware.description}:")
    print(f"{listing(scratch / 'space')}\na dry run: nothing was uploaded")


def _deploy(options: argparse.Namespace, hardware: Hardware, scratch: Path) -> None:
    hub = Hub()
    pin, private_weights = None, False
    if options.weights_repo is not None:
        revision = options.weights_revision
        if revision is None:
            stage_weights(scratch / "weights")
            revision = hub.upload(options.weights_repo, "model", scratch / "weights", options.private)
        pin = pin_for(options.weights_repo, revision)
        hub.check_pin(pin)
        private_weights = hub.is_private(options.weights_repo, "model")
    stage_space(scratch / "space", hardware, pin, private_weights)
    print(listing(scratch / "space"))
    commit = hub.upload(options.repo_id, "space", scratch / "space", options.private)
    requested = hub.request_hardware(options.repo_id, hardware.flavor)
    print(f"{hub.url(options.repo_id)} is at {commit[:12]}")
    print(f"{hardware.flavor} {'was requested' if requested else 'is its hardware already'}: {hardware.description}")
    if private_weights:
        print(
            f"{options.weights_repo} is private: give the Space a secret HF_TOKEN that may read it, in its "
            "settings, or it cannot load its weights"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo.deploy",
        description="Put the inspector on a Hugging Face Space. The token is HF_TOKEN's, or that of `hf auth login`.",
    )
    parser.add_argument("--repo-id", metavar="USER/SPACE", help="the Space; it is made if it is not there")
    kinds = "; ".join(f"{kind.flavor}: {kind.description}" for kind in HARDWARE.values())
    parser.add_argument("--hardware", choices=list(HARDWARE), default=DEFAULT, help=f"{kinds} (default: {DEFAULT})")
    parser.add_argument("--private", action="store_true", help="make the Space, and --weights-repo, private")
    parser.add_argument(
        "--weights-repo", metavar="USER/MODEL", help="put the weights there, and pin them (default: into the Space)"
    )
    parser.add_argument(
        "--weights-revision", metavar="COMMIT", help="of --weights-repo, where the weights are there already"
    )
    parser.add_argument("--stage", metavar="DIR", type=Path, help="only write what would be uploaded into a new folder")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be uploaded, with sizes")
    return parser


if __name__ == "__main__":
    main()
