"""The command: python -m demo.deploy --repo-id USER/SPACE."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from demo.deploy import upload
from demo.deploy.hardware import DEFAULT, HARDWARE, SLEEP_S
from demo.deploy.stage import listing, pins_for, stage_space, stage_weights
from deresunet.errors import InputError
from deresunet.model.hub import HubPin


def main(arguments: list[str] | None = None) -> None:
    """Stage, list or upload a Space."""
    options = _parser().parse_args(arguments)
    try:
        if options.repo_id is None and options.stage is None and not options.dry_run:
            raise InputError("There is no --repo-id. Give USER/SPACE; --stage DIR and --dry-run upload nothing.")
        for repo_id in filter(None, (options.repo_id, options.weights_repo)):
            if repo_id.count("/") != 1:
                raise InputError(f"The repository is {repo_id!r}; expected USER/NAME.")
        if options.stage is not None:
            return _stage(options)
        with tempfile.TemporaryDirectory(prefix="deresunet-deploy-") as scratch:
            _deploy(options, Path(scratch))
    except InputError as error:
        sys.exit(f"error: {error}")


def _stage(options: argparse.Namespace) -> None:
    """Write the Space into a new folder, whole or not at all."""
    folder: Path = options.stage
    if options.weights_repo is not None:
        raise InputError("--stage uploads nothing, so the weights go into the Space. Leave out --weights-repo.")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(f"{folder} is there already, and not empty. Remove it, or give a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
            beside = Path(scratch, "new")
            beside.mkdir()
            stage_space(beside, HARDWARE[options.hardware])
            beside.replace(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}). Give a folder that can.") from error
    print(f"{listing(folder)}\nstaged for {options.hardware} in {folder}; nothing was uploaded")


def _deploy(options: argparse.Namespace, scratch: Path) -> None:
    """Upload the weights, if they get a repository of their own, and the Space; with --dry-run only list both."""
    hardware, private_weights = HARDWARE[options.hardware], False
    pins: tuple[HubPin, ...] = ()
    hub = None if options.dry_run else upload.api()
    space, weights = scratch / "space", scratch / "weights"
    space.mkdir()
    if options.weights_repo is not None:
        weights.mkdir()
        stage_weights(weights)
        print(f"model repository {options.weights_repo}:\n{listing(weights)}\n")
        revision = "0" * 40  # in place of the commit that the upload will give
        if hub is not None:
            revision, private_weights = upload.upload_weights(hub, options.weights_repo, weights, options.private)
        pins = pins_for(options.weights_repo, revision)
    stage_space(space, hardware, pins, private_weights)
    print(f"Space {options.repo_id or '(no name given)'}:\n{listing(space)}\n{hardware.cost(options.sleep_time)}")
    if hub is None:
        return print("a dry run: nothing was uploaded")
    commit = upload.upload_space(hub, options.repo_id, space, hardware, options.sleep_time, options.private)
    url = f"{hub.endpoint}/spaces/{options.repo_id}"
    print(f"{url} is at {commit[:12]}, and is built now; Ctrl+C stops looking on, not the build", flush=True)
    if private_weights:
        print(
            f"{options.weights_repo} is private: give the Space a secret HF_TOKEN that may read it, in its "
            "settings, or it cannot load its weights"
        )
    upload.follow(hub, options.repo_id, commit)
    print(f"{url} runs")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo.deploy",
        description="Put the inspector on a Hugging Face Space. The token is HF_TOKEN's, or that of `hf auth login`.",
    )
    parser.add_argument("--repo-id", metavar="USER/SPACE", help="the Space; it is made if it is not there")
    kinds = "; ".join(f"{kind.flavor}: {kind.description}" for kind in HARDWARE.values())
    parser.add_argument("--hardware", choices=list(HARDWARE), default=DEFAULT, help=f"{kinds} (default: {DEFAULT})")
    parser.add_argument(
        "--sleep-time",
        metavar="SECONDS",
        type=int,
        default=SLEEP_S,
        help=f"without a visitor until a paid machine sleeps, which stops its bill; -1: never (default: {SLEEP_S})",
    )
    parser.add_argument("--private", action="store_true", help="make the Space, and --weights-repo, private")
    parser.add_argument(
        "--weights-repo", metavar="USER/MODEL", help="put the weights there, and pin them (default: into the Space)"
    )
    parser.add_argument("--stage", metavar="DIR", type=Path, help="only write what would be uploaded into a new folder")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be uploaded, with sizes and cost")
    return parser


if __name__ == "__main__":
    main()
