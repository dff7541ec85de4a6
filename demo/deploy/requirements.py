"""requirements-linux.txt -> requirements.txt of a Space.

The Space's builder mounts requirements.txt apart from all other files, so it cannot lead to another one.
"""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from demo.deploy.hardware import Hardware
from deresunet.errors import InputError

# In a Space these are the platform's: gradio and spaces at the version of the front matter, the hub's client with them.
PLATFORM = frozenset({"gradio", "spaces", "huggingface-hub"})
# What only train/ imports.
TRAINING = frozenset(
    {
        "pytorch-lightning",
        "lightning",
        "albumentations",
        "jsonargparse",
        "tensorboard",
        "timm",
        "kornia",
        "opencv-python-headless",
    }
)
HEADER = "# Made by `python -m demo.deploy` from requirements-linux.txt; change it there.\n"


def space_requirements(text: str, hardware: Hardware) -> str:
    """What a Space on `hardware` has to install.

    Args:
        text: the content of requirements-linux.txt.
        hardware: its pins replace the versions in `text`.

    Raises:
        InputError: a line cannot stand in a Space's requirements.txt, or a pinned package is not in `text`.
    """
    pins = dict(hardware.pins)
    kept = []
    for number, line in enumerate(text.splitlines(), 1):
        written = line.partition("#")[0].strip()
        if not written:
            continue
        try:
            requirement = Requirement(written)
        except InvalidRequirement as error:
            raise InputError(
                f"requirements-linux.txt, line {number}: {written!r} cannot go into a Space's requirements.txt, which "
                "has to stand alone. Expected a package with its versions, such as 'numpy>=1.26'."
            ) from error
        name = canonicalize_name(requirement.name)
        if name in PLATFORM | TRAINING:
            continue
        kept.append(f"{requirement.name}{pins.pop(name)}" if name in pins else str(requirement))
    if pins:
        raise InputError(
            f"requirements-linux.txt lacks {', '.join(pins)}, which {hardware.flavor} needs pinned. Add it."
        )
    return HEADER + "".join(f"{line}\n" for line in kept)
