"""What a Space consists of: which files of the checkout, and which are made for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from demo.deploy.card import check_space_card, model_card, space_card
from demo.deploy.hardware import Hardware
from demo.deploy.requirements import space_requirements
from deresunet.data.folder import SAMPLES_DIR, real_samples, sample_rooms
from deresunet.errors import InputError
from deresunet.model.checkpoint import sha256_of
from deresunet.model.hub import HubPin, pin_path
from deresunet.model.registry import DEFAULT_MODEL, entry

ROOT = Path(__file__).resolve().parents[2]
# Files of other kinds stay behind: pictures of the documentation, notes, archives, whatever lies about.
CODE_SUFFIXES = (".py", ".css", ".js", ".html", ".json", ".svg")
# All of these stay behind, since a Space does not deploy itself.
NOT_STAGED = "demo/deploy/"
MAX_BYTES = 10_000_000


@dataclass(frozen=True)
class Plan:
    """The files of a repository on the hub.

    Attributes:
        files: path in the repository -> a file of the checkout, or the text of one made for it.
    """

    files: Mapping[str, Path | str]

    def size(self, path: str) -> int:
        """Bytes of one of the files."""
        content = self.files[path]
        return len(content.encode()) if isinstance(content, str) else content.stat().st_size

    def listing(self) -> str:
        """Every file with its size, and the total."""
        lines = [f"{self.size(path):>12,}  {path}" for path in sorted(self.files)]
        total = sum(map(self.size, self.files))
        return "\n".join([*lines, f"{total:>12,}  bytes in {len(self.files)} files"])

    def write(self, folder: Path) -> None:
        """Write all files into a new folder, whole or not at all.

        Raises:
            InputError: the folder is there and not empty, or cannot be written.
        """
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise InputError(f"{folder} is there already, and not empty. Remove it, or give a new folder.")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        except OSError as error:
            raise InputError(f"{folder} cannot be written ({error.strerror}). Give a place that can.") from error
        try:
            for path, content in self.files.items():
                target = beside / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, str):
                    target.write_text(content, encoding="utf-8")
                else:
                    shutil.copyfile(content, target)
            beside.chmod(0o755)
            beside.replace(folder)
        except OSError as error:
            raise InputError(f"{folder} cannot be written ({error.strerror}). Give a place that can.") from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def plan_space(hardware: Hardware, pin: HubPin | None = None, private_weights: bool = False, root: Path = ROOT) -> Plan:
    """The files of a Space.

    Args:
        hardware: the machine it is made for.
        pin: the weights' place on the hub, or None to put them into the Space.
        private_weights: see `space_card`.
        root: the checkout.

    Raises:
        InputError: `root` is no checkout of git, a file is missing or too large, or the front matter breaks a rule.
    """
    weights = PurePosixPath(weights_file().relative_to(ROOT).as_posix())
    files: dict[str, Path | str] = {
        path: root / path for path in project_files(root) if is_staged(path, weights if pin is None else None)
    }
    for path in files:
        _check_file(root / path, large=path == str(weights))
    needed = ["app.py", "LICENSE", *([str(weights)] if pin is None else [])]
    absent = [path for path in needed if path not in files]
    if absent:
        raise InputError(f"{root} lacks {', '.join(absent)}. Deploy from a whole checkout.")
    if pin is not None:
        files[pin_path(Path(weights)).as_posix()] = pin.as_json()
    files["requirements.txt"] = space_requirements((root / "requirements-linux.txt").read_text(), hardware)
    files["README.md"] = space_card(hardware, pin, private_weights)
    check_space_card(str(files["README.md"]), set(files))
    return Plan(files)


def plan_weights() -> Plan:
    """The files of the weights' own repository: the checkpoint, its model card and the licence.

    Raises:
        InputError: the checkout has no weights.
    """
    weights = weights_file()
    if not weights.is_file():
        raise InputError(f"{weights} is not there. Deploy from a whole checkout, or give --weights-revision.")
    card = model_card((weights.parent / "README.md").read_text())
    return Plan({weights.name: weights, "README.md": card, "LICENSE": ROOT / "LICENSE"})


def pin_for(repo_id: str, revision: str) -> HubPin:
    """The pin of the checkout's weights in a model repository.

    Raises:
        InputError: the checkout has no weights, or `revision` is no commit.
    """
    weights = weights_file()
    if not weights.is_file():
        raise InputError(f"{weights} is not there, so its hash cannot be pinned. Deploy from a whole checkout.")
    try:
        return HubPin(repo_id, revision, weights.name, sha256_of(weights))
    except ValueError as error:
        raise InputError(f"these weights cannot be pinned: {error}.") from error


def weights_file() -> Path:
    """Where the bundled weights of the default model lie."""
    bundled = entry(DEFAULT_MODEL).checkpoint
    assert bundled is not None, "the default model comes with weights"
    return bundled


def project_files(root: Path) -> list[str]:
    """Files of the checkout that git does not ignore, those not yet committed included.

    Raises:
        InputError: `root` is no checkout of git, so that nobody knows what is to be ignored.
    """
    command = ["git", "-C", os.fspath(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(
            f"{root} is no checkout of git, or git is not installed; what .gitignore keeps back cannot be told. "
            "Clone the project with git and deploy from there."
        ) from error
    listed = sorted(set(filter(None, done.stdout.decode().split("\0"))))
    return [path for path in listed if (root / path).is_file()]


def is_staged(path: str, weights: PurePosixPath | None) -> bool:
    """Whether a file of the checkout goes into a Space; of weights only those at `weights`."""
    parts = PurePosixPath(path).parts
    samples = SAMPLES_DIR.relative_to(ROOT).parts
    if path in ("app.py", "LICENSE") or PurePosixPath(path) == weights:
        return True
    if parts[0] not in ("demo", "deresunet") or path.startswith(NOT_STAGED):
        return False
    if parts[: len(samples)] == samples:
        return _is_sample(parts[len(samples) :])
    if parts[:2] == ("demo", "predictions"):
        return parts[-1].split(".")[0] in {*sample_rooms().names, "index"}
    if parts[:2] == ("deresunet", "weights"):
        return parts[2:] == ("README.md",)
    return PurePosixPath(path).suffix in CODE_SUFFIXES


def _is_sample(parts: Iterable[str]) -> bool:
    *folder, name = parts
    reader = real_samples() if folder[:1] == ["real"] else sample_rooms()
    match folder:
        case [] | ["real"]:
            return name in ("test.txt", "CREDITS.txt", "CREDITS.md", "LICENSE-Apache-2.0.txt")
        case ["rgb" | "depth" | "label" | "meta"] | ["real", "rgb" | "depth" | "label" | "meta" | "annotation"]:
            return PurePosixPath(name).stem in reader.names
    return False


def _check_file(path: Path, large: bool) -> None:
    if path.is_symlink():
        raise InputError(f"{path} is a link; what it leads to is not to be uploaded. Replace it by a file.")
    if path.stat().st_size > MAX_BYTES and not large:
        raise InputError(
            f"{path} has {path.stat().st_size:,} bytes; only the weights may have more than {MAX_BYTES:,}. "
            "Add it to .gitignore, or make it smaller."
        )
