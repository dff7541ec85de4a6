"""What walls, floors, ceilings and skirtings are finished with, by type of room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from deresunet.errors import InputError
from train.rooms import materials
from train.rooms.assets import MINIWORLD_PREFIX
from train.rooms.materials import BEIGES, BLUES, BROWNS, GREENS, GREYS, REDS, WHITES, pick
from train.rooms.scene import Material, Texture
from train.rooms.textures import pattern

SURFACES = ("wall", "floor", "ceiling", "skirting")

# Files of the PyPI package miniworld that tile, and the metres that one covers.
_FILES = {
    "floor": {
        "wood_planks_1.png": 2.4, "wood_1.png": 1.2, "floor_tiles_white.png": 1.2, "floor_tiles_bw_1.png": 1.2,
        "concrete_1.png": 2.0, "concrete_tiles_1.png": 1.6, "marble_1.png": 1.4,
    },
    "wall": {
        "brick_wall_1.png": 2.0, "cinder_blocks_1.png": 2.4, "drywall_1.png": 2.0,
        "concrete_3.png": 2.4,
    },
    "ceiling": {"ceiling_tiles_1.png": 2.4, "ceiling_tile_noborder_1.png": 1.2},
}  # fmt: skip

_WET = {"bathroom", "laundry_room"}
_KITCHENS = {"kitchen", "dining_area", "kitchenette"}
_WORK = {
    "office",
    "classroom",
    "conference_room",
    "lab",
    "library",
    "computer_room",
    "lecture_theatre",
    "study_space",
    "office_kitchen",
    "discussion_area",
    "printer_room",
    "corridor",
    "reception_room",
    "rest_space",
    "furniture_store",
    "mail_room",
    "storage_room",
}


@lru_cache(maxsize=32)
def _file(path: Path, metres: float) -> Texture:
    try:
        with Image.open(path) as image:  # not OpenCV, which warns of these files' colour profiles
            picture = np.asarray(image.convert("RGB"))
    except OSError as error:
        raise InputError(f"{path} is no picture that can be read. Give the folder of miniworld's textures.") from error
    picture = cv2.resize(picture, (512, 512), interpolation=cv2.INTER_AREA)
    return Texture(f"{MINIWORLD_PREFIX}{path.stem}", picture, (metres, metres))


def _paint(rng: np.random.Generator) -> Material:
    palettes = (
        WHITES,
        BEIGES,
        GREYS[:2],
        ((200, 208, 212), (188, 200, 210)),
        ((206, 210, 188), (190, 200, 176)),
        ((232, 216, 160), (236, 222, 184)),
        ((222, 190, 170), (206, 160, 140)),
        BLUES[1:3],
        REDS[3:],
        GREENS[3:4],
    )
    shares = [0.34, 0.2, 0.1, 0.09, 0.06, 0.08, 0.05, 0.04, 0.02, 0.02]
    return Material(
        "paint",
        pick(rng, palettes[int(rng.choice(10, p=shares))]),
        0.9,
        texture=pattern("plaster", int(rng.integers(3))),
        bump=0.0006,
    )


def _wallpaper(rng: np.random.Generator) -> Material:
    kind = str(rng.choice(["bands", "bands", "damask", "damask", "flowers", "weave"]))
    colour = pick(rng, WHITES, BEIGES, ((200, 208, 212), (206, 210, 188), (226, 206, 190)))
    return Material("wallpaper", colour, 0.9, texture=pattern(kind, int(rng.integers(3)), 1.3))


def _brick(rng: np.random.Generator) -> Material:
    colour = pick(rng, ((178, 108, 84), (160, 92, 74), (196, 176, 156), (232, 230, 226)))
    return Material("brick", colour, 0.9, texture=pattern("brick", int(rng.integers(3))), bump=0.004)


def _concrete(rng: np.random.Generator) -> Material:
    return Material(
        "concrete",
        pick(rng, ((178, 176, 172), (156, 154, 150))),
        0.85,
        texture=pattern("concrete", int(rng.integers(3))),
    )


def _panelling(rng: np.random.Generator) -> Material:
    return replace(materials.wood(rng, upright=True), name="panelling")


def _wall_tiles(rng: np.random.Generator) -> Material:
    kind = str(rng.choice(["tiles", "subway", "tiles", "marble"]))
    colour = pick(rng, WHITES, WHITES, BEIGES, GREYS[:2], ((160, 190, 200), (150, 180, 160), (210, 190, 176)))
    return Material(
        "wall tiles",
        colour,
        0.2,
        texture=pattern(kind, int(rng.integers(3)), float(rng.choice([0.5, 0.75, 1.0]))),
        bump=0.001,
    )


def _floorboards(rng: np.random.Generator) -> Material:
    kind = str(rng.choice(["planks", "planks", "planks", "parquet"]))
    return Material(
        "floorboards",
        pick(rng, materials.WOODS),
        float(rng.uniform(0.25, 0.5)),
        texture=pattern(kind, int(rng.integers(4)), upright=rng.random() < 0.5),
        bump=0.0005,
    )


def _floor_tiles(rng: np.random.Generator) -> Material:
    kind = str(rng.choice(["tiles", "tiles", "checker", "marble", "concrete"]))
    colour = pick(rng, WHITES, BEIGES, BEIGES, GREYS[:3], BROWNS[2:3], ((170, 120, 92), (150, 108, 86)))
    return Material(
        "floor tiles", colour, float(rng.uniform(0.15, 0.4)), texture=pattern(kind, int(rng.integers(3))), bump=0.0008
    )


def _floor_carpet(rng: np.random.Generator) -> Material:
    return Material(
        "carpet",
        pick(rng, BEIGES, GREYS, GREYS, BLUES, BROWNS, REDS[:2], GREENS),
        0.97,
        texture=pattern("carpet", int(rng.integers(3))),
        bump=0.003,
    )


def _linoleum(rng: np.random.Generator) -> Material:
    return Material(
        "linoleum",
        pick(rng, BEIGES, GREYS[:3], WHITES, BLUES[2:3], GREENS[3:4]),
        0.35,
        texture=pattern("speckle", int(rng.integers(3))),
    )


def _white_ceiling(rng: np.random.Generator) -> Material:
    return Material(
        "ceiling paint", pick(rng, WHITES, jitter=4), 0.95, texture=pattern("plaster", int(rng.integers(3)))
    )


def _panel_ceiling(rng: np.random.Generator) -> Material:
    return Material(
        "ceiling panels", pick(rng, WHITES, jitter=4), 0.95, texture=pattern("panels", int(rng.integers(3)))
    )


_Finish = Callable[[np.random.Generator], Material]


def _choices(surface: str, kind: str) -> list[tuple[_Finish, float]]:
    if surface == "wall":
        if kind in _WET:
            return [(_wall_tiles, 0.6), (_paint, 0.35), (_wallpaper, 0.05)]
        if kind in _KITCHENS:
            return [(_paint, 0.7), (_wall_tiles, 0.15), (_wallpaper, 0.1), (_brick, 0.05)]
        if kind in _WORK:
            return [(_paint, 0.82), (_concrete, 0.06), (_brick, 0.06), (_panelling, 0.06)]
        return [(_paint, 0.72), (_wallpaper, 0.18), (_brick, 0.05), (_panelling, 0.05)]
    if surface == "floor":
        if kind in _WET:
            return [(_floor_tiles, 0.85), (_linoleum, 0.15)]
        if kind in _KITCHENS:
            return [(_floor_tiles, 0.45), (_floorboards, 0.4), (_linoleum, 0.15)]
        if kind in _WORK:
            return [
                (_floor_carpet, 0.42),
                (_linoleum, 0.25),
                (_floor_tiles, 0.16),
                (_floorboards, 0.13),
                (_concrete, 0.04),
            ]
        return [(_floorboards, 0.55), (_floor_carpet, 0.34), (_floor_tiles, 0.11)]
    if surface == "ceiling":
        if kind in _WORK:
            return [(_panel_ceiling, 0.7), (_white_ceiling, 0.3)]
        return [(_white_ceiling, 0.95), (_panelling, 0.05)]
    return [(lambda rng: Material("skirting", pick(rng, WHITES, jitter=5), 0.5), 0.65), (materials.wood, 0.35)]


def finish(surface: str, kind: str, rng: np.random.Generator, files: Path | None = None) -> Material:
    """What a surface of a room is finished with.

    Args:
        surface: one of `SURFACES`.
        kind: SUN RGB-D's name of the type of room; one that is not known is furnished as a home.
        rng: draws.
        files: folder of miniworld's textures, or None to do without.

    Raises:
        InputError: no such surface, or a texture that cannot be read.
    """
    if surface not in SURFACES:
        raise InputError(f"No surface {surface!r}. There are: {', '.join(SURFACES)}.")
    if files is not None and surface in _FILES and rng.random() < 0.15 and kind not in _WET:
        names = list(_FILES[surface])
        name = names[int(rng.integers(len(names)))]
        if (files / name).is_file():
            tint = float(rng.uniform(0.75, 0.95))
            return Material(
                name.rsplit("_", 1)[0].replace("_", " "),
                (tint, tint, tint),
                0.6,
                texture=_file(files / name, _FILES[surface][name]),
            )
    options = _choices(surface, kind)
    shares = np.array([share for _, share in options])
    return options[int(rng.choice(len(options), p=shares / shares.sum()))][0](rng)
