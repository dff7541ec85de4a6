"""The content of a Space and of its weights' repository: the files that git tracks, and those made for the hub."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from demo.deploy.card import model_card, space_card
from demo.deploy.hardware import Hardware
from deresunet.errors import InputError
from deresunet.model.checkpoint import sha256_of
from deresunet.model.hub import HubPin, pin_path
from deresunet.model.registry import DEFAULT_MODEL, entry

ROOT = Path(__file__).resolve().parents[2]
# Paths in the checkout that a Space consists of, where git tracks them.
SPACE_FILES = ("app.py", "LICENSE", "demo", "deresunet")
# A Space does not deploy itself; of this package it needs ZeroGPU alone.
NEEDED_OF_DEPLOY = ("demo/deploy/__init__.py", "demo/deploy/zerogpu.py")
# In a Space these are the platform's: gradio and spaces at the version of the front matter, the hub's client with them.
PLATFORM = frozenset({"gradio", "spaces", "huggingface-hub"})
# Packages that train/ alone imports.
TRAINING = frozenset(
    {
        "pytorch-lightning",
        "lightning",
        "albumentations",
        "jsonargparse",
        "tensorboard",
        "timm",
        "opencv-python-headless",
        "kornia",
    }
)


def stage_space(
    folder: Path, hardware: Hardware, pin: HubPin | None = None, private_weights: bool = False, root: Path = ROOT
) -> None:
    """Write the files of a Space into a new folder, whole or not at all.

    Args:
        folder: not there yet, or empty.
        hardware: machine of the Space.
        pin: the weights' place on the hub, or None to put them into the Space.
        private_weights: see `space_card`.
        root: the checkout.

    Raises:
        InputError: `root` is no checkout of git or lacks a file, a tracked file is a link, or `folder` cannot be
            written.
    """
    weights = PurePosixPath(weights_file().relative_to(ROOT).as_posix())
    tracked = tracked_files(root)
    files = [path for path in tracked if _belongs(path, None if pin else str(weights))]
    absent = [path for path in ("app.py", "LICENSE", *([] if pin else [str(weights)])) if path not in files]
    if absent:
        raise InputError(f"{root} lacks {', '.join(absent)}, or git does not track it. Deploy from a whole checkout.")
    links = [path for path in files if (root / path).is_symlink()]
    if links:
        raise InputError(f"{links[0]} is a link, and its target is not to be uploaded. Replace it by a file.")
    with _new_folder(folder) as beside:
        for path in files:
            (beside / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, beside / path)
        if pin is not None:
            (beside / pin_path(Path(weights))).write_text(pin.as_json())
        wanted = space_requirements((root / "requirements-linux.txt").read_text(), hardware)
        (beside / "requirements.txt").write_text(wanted)
        (beside / "README.md").write_text(space_card(hardware, pin, private_weights), encoding="utf-8")


def stage_weights(folder: Path) -> None:
    """Write the files of the weights' own repository into a new folder: checkpoint, model card and licence.

    Raises:
        InputError: the checkout has no weights, or `folder` cannot be written.
    """
    weights = weights_file()
    if not weights.is_file():
        raise InputError(f"{weights} is not there. Deploy from a whole checkout, or give --weights-revision.")
    with _new_folder(folder) as beside:
        shutil.copyfile(weights, beside / weights.name)
        shutil.copyfile(ROOT / "LICENSE", beside / "LICENSE")
        card = model_card((weights.parent / "README.md").read_text(encoding="utf-8"))
        (beside / "README.md").write_text(card, encoding="utf-8")


def listing(folder: Path) -> str:
    """Every file of a staged folder with its size in bytes, and the total."""
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    lines = [f"{sizes[path]:>12,}  {path}" for path in sorted(sizes)]
    return "\n".join([*lines, f"{sum(sizes.values()):>12,}  bytes in {len(sizes)} files"])


def pin_for(repo_id: str, revision: str) -> HubPin:
    """Pin of the checkout's weights in a model repository.

    Raises:
        InputError: the checkout has no weights, or `revision` is no commit.
    """
    weights = weights_file()
    if not weights.is_file():
        raise InputError(f"{weights} is not there, so its hash cannot be pinned. Deploy from a whole checkout.")
    try:
        return HubPin(repo_id, revision, weights.name, sha256_of(weights))
    except ValueError as error:
        raise InputError(f"These weights cannot be pinned: {error}.") from error


def weights_file() -> Path:
    """Path of the default model's bundled weights."""
    bundled = entry(DEFAULT_MODEL).checkpoint
    assert bundled is not None, "the default model comes with weights"
    return bundled


def tracked_files(root: Path) -> list[str]:
    """Paths of the files of a Space that git tracks in the checkout, and that are there.

    Raises:
        InputError: `root` is no checkout of git, so that nobody knows what it tracks.
    """
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


def space_requirements(text: str, hardware: Hardware) -> str:
    """Content of a Space's requirements.txt, which has to stand alone: the builder mounts it apart from other files.

    Args:
        text: content of requirements-linux.txt.
        hardware: its pins replace the versions in `text`.

    Raises:
        InputError: a line cannot stand in a Space's requirements.txt, or a pinned package is not in `text`.
    """
    pins = dict(hardware.pins)
    kept = ["# Made by `python -m demo.deploy` from requirements-linux.txt; change it there."]
    for number, line in enumerate(text.splitlines(), 1):
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
        if name not in PLATFORM | TRAINING:
            kept.append(f"{requirement.name}{pins.pop(name)}" if name in pins else str(requirement))
    if pins:
        raise InputError(
            f"requirements-linux.txt lacks {', '.join(pins)}, which {hardware.flavor} needs pinned. Add it."
        )
    return "".join(f"{line}\n" for line in kept)


def _belongs(path: str, weights: str | None) -> bool:
    """Whether a tracked file goes into a Space; of checkpoints the one at `weights` alone."""
    if path.startswith("demo/deploy/"):
        return path in NEEDED_OF_DEPLOY
    return path == weights or PurePosixPath(path).suffix not in (".safetensors", ".ckpt")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder` that takes its place if all goes well, and is removed if not."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(f"{folder} is there already, and not empty. Remove it, or give a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
            (Path(beside) / "new").mkdir()
            yield Path(beside) / "new"
            (Path(beside) / "new").replace(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}). Give a folder that can.") from error
