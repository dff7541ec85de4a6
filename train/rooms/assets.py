"""Where furniture and textures lie on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deresunet.errors import InputError
from train.rooms.scene import Credit

MINIWORLD = Credit("textures of miniworld", "Apache-2.0", "Maxime Chevalier-Boisvert and others", "PyPI: miniworld")
# What the names of its textures start with.
MINIWORLD_PREFIX = "miniworld-"
DEBIAN_FURNITURE = Path("/usr/share/sweethome3d/furniture")


@dataclass(frozen=True)
class Assets:
    """Folders that models and textures are taken from.

    Attributes:
        furniture: of Sweet Home 3D's libraries (`.sh3f`), or None for what is built here alone.
        textures: of miniworld's pictures, or None to do without.
    """

    furniture: Path | None = None
    textures: Path | None = None


def find_assets(furniture: Path | None = None) -> Assets:
    """What is installed.

    Args:
        furniture: folder of the libraries; where Debian puts them, if not given.

    Raises:
        InputError: furniture or textures are not there: the same seed would give other rooms without them.
    """
    folder = furniture or DEBIAN_FURNITURE
    if not any(folder.glob("*.sh3f")):
        raise InputError(
            f"{folder} holds no furniture (.sh3f). Install it (apt-get install sweethome3d-furniture), give its folder "
            "with --furniture, or do without it and the textures: --built-here."
        )
    spec = find_spec("miniworld")
    folders = [Path(place) / "textures" for place in (spec.submodule_search_locations or [])] if spec else []
    textures = next((place for place in folders if place.is_dir()), None)
    if textures is None:
        raise InputError(
            "The textures of miniworld are not installed. Install them (pip install --no-deps miniworld==2.1.0), or do "
            "without them and the furniture: --built-here."
        )
    return Assets(folder, textures)
