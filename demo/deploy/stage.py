"""The content of a Space and of its weights' repository: the files that git tracks, and those made for the hub."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from demo.deploy.card import model_card, space_card
from demo.deploy.hardware import Hardware
from deresunet.errors import InputError
from deresunet.model import registry
from deresunet.model.checkpoint import sha256_of
from deresunet.model.hub import HubPin, pin_path

ROOT = Path(__file__).resolve().parents[2]
# Paths in the checkout that a Space consists of, where git tracks them.
SPACE_FILES = ("app.py", "LICENSE", "demo", "deresunet")
# A Space does not deploy itself; of this package it needs ZeroGPU alone.
NEEDED_OF_DEPLOY = ("demo/deploy/__init__.py", "demo/deploy/zerogpu.py")
# In a Space these are the platform's: gradio and spaces at the version of the front matter, the hub's client with them.
PLATFORM = frozenset({"gradio", "spaces", "huggingface-hub"})


def stage_space(
    folder: Path, hardware: Hardware, pins: tuple[HubPin, ...] = (), private_weights: bool = False, root: Path = ROOT
) -> None:
    """Write the files of a Space into a folder.

    Args:
        folder: it is there, and empty.
        hardware: machine of the Space.
        pins: the weights' places on the hub; without them the weights go into the Space.
        private_weights: see `space_card`.
        root: the checkout.

    Raises:
        InputError: `root` is no checkout of git or lacks a file, or a tracked file is a link.
    """
    weights = [path.relative_to(ROOT).as_posix() for path in bundled_weights()]
    tracked = _tracked_files(root)
    files = [path for path in tracked if _belongs(path, [] if pins else weights)]
    if absent := [path for path in ("app.py", "LICENSE", *([] if pins else weights)) if path not in files]:
        raise InputError(f"{root} lacks {', '.join(absent)}, or git does not track it. Deploy from a whole checkout.")
    if links := [path for path in files if (root / path).is_symlink()]:
        raise InputError(f"{links[0]} is a link, and its target is not to be uploaded. Replace it by a file.")
    for path in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, folder / path)
    for pin, path in zip(pins, weights, strict=bool(pins)):
        (folder / pin_path(Path(path))).write_text(pin.as_json())
    wanted = space_requirements((root / "requirements-linux.txt").read_text(), hardware)
    (folder / "requirements.txt").write_text(wanted)
    (folder / "README.md").write_text(space_card(hardware, pins, private_weights), encoding="utf-8")


def stage_weights(folder: Path) -> None:
    """Write the files of the weights' own repository into a folder: checkpoints, model card and licence."""
    for path in (*bundled_weights(), ROOT / "LICENSE"):
        shutil.copyfile(path, folder / path.name)
    card = (bundled_weights()[0].parent / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(model_card(card), encoding="utf-8")


def listing(folder: Path) -> str:
    """Every file of a staged folder with its size in bytes, and the total."""
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    lines = [f"{sizes[path]:>12,}  {path}" for path in sorted(sizes)]
    return "\n".join([*lines, f"{sum(sizes.values()):>12,}  bytes in {len(sizes)} files"])


def pins_for(repo_id: str, revision: str) -> tuple[HubPin, ...]:
    """Pins of the checkout's weights in a model repository at a commit."""
    return tuple(HubPin(repo_id, revision, path.name, sha256_of(path)) for path in bundled_weights())


def bundled_weights() -> list[Path]:
    """Paths of the checkpoints that come with the project, the default model's first.

    Raises:
        InputError: one is not there.
    """
    names = [registry.DEFAULT_MODEL, *(name for name in registry.model_names() if name != registry.DEFAULT_MODEL)]
    found = [path for path in (registry.entry(name).checkpoint for name in names) if path is not None]
    if absent := [str(path) for path in found if not path.is_file()]:
        raise InputError(f"{', '.join(absent)} is not there. Deploy from a whole checkout.")
    return found


def space_requirements(text: str, hardware: Hardware) -> str:
    """Content of a Space's requirements.txt, which has to stand alone: the builder mounts it apart from other files.

    Args:
        text: content of requirements-linux.txt; what stands below its line "# Training only" stays behind.
        hardware: its pins replace the versions in `text`.

    Raises:
        InputError: a line cannot stand in a Space's requirements.txt, or a pinned package is not in `text`.
    """
    pins = dict(hardware.pins)
    kept = ["# Made by `python -m demo.deploy` from requirements-linux.txt; change it there."]
    for number, line in enumerate(text.partition("# Training only")[0].splitlines(), 1):
        written = line.partition("#")[0].strip()
        if not written:
            continue
        try:
            requirement = Requirement(written)
        except InvalidRequirement as error:
            raise InputError(
                f"requirements-linux.txt, line {number}: {written!r} cannot go into a Space's requirements.txt. "
                "Expected a package with its versions, such as 'numpy>=1.26'."
            ) from error
        name = canonicalize_name(requirement.name)
        if name not in PLATFORM:
            kept.append(f"{requirement.name}{pins.pop(name)}" if name in pins else str(requirement))
    if pins:
        raise InputError(
            f"requirements-linux.txt lacks {', '.join(pins)}, which {hardware.flavor} needs pinned. Add it."
        )
    return "".join(f"{line}\n" for line in kept)


def _tracked_files(root: Path) -> list[str]:
    command = ["git", "-C", os.fspath(root), "ls-files", "-z", "--", *SPACE_FILES]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(
            f"{root} is no checkout of git, or git is not installed, so the tracked files cannot be listed. Clone the "
            "project with git and deploy from there."
        ) from error
    listed = sorted(filter(None, done.stdout.decode().split("\0")))
    return [path for path in listed if os.path.lexists(root / path)]


def _belongs(path: str, weights: list[str]) -> bool:
    """Whether a tracked file goes into a Space; of checkpoints those in `weights` alone."""
    if path.startswith("demo/deploy/"):
        return path in NEEDED_OF_DEPLOY
    return path in weights or PurePosixPath(path).suffix not in (".safetensors", ".ckpt")
