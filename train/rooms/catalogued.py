"""Which models of the libraries play which role, what classes their parts are, and how they are varied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from train.rooms import materials, models
from train.rooms.furniture.assembly import FREE, LABEL, Size, seated
from train.rooms.models import Entry, Piece
from train.rooms.scene import Material, Model, Mounting, Part, Support

_STRETCH = (0.82, 1.22)  # how far a model may be stretched along an axis to the size asked for


@dataclass(frozen=True)
class Use:
    """A model in a role.

    Attributes:
        key: in its library's catalogue.
        label: class of all its parts but those that `split` names.
        split: (regular expression of material names, class), first match counts.
        recolour: regular expression of the materials that are covered anew each time, or "".
        most: number of triangles that it is thinned to.
        level: height range [m] in which its surface for small things is sought, or None.
        mounting: where not on the floor.
        clearance: [m].
    """

    key: str
    label: str
    split: tuple[tuple[str, str], ...] = ()
    recolour: str = ""
    most: int = 8000
    level: tuple[float, float] | None = None
    mounting: Mounting = "floor"
    clearance: float = 0.3


def _uses(role: str, keys: str, label: str, **options: Any) -> tuple[str, tuple[Use, ...]]:
    """Uses in a role that have all but their keys in common."""
    return role, tuple(Use(key, label, **options) for key in keys.split())


_PILLOWS = (("(?i)pillow", "pillow"),)
_COUNTER = (("(?i)counter", "counter"),)
_SEAT = (0.38, 0.55)
_ROWS = (
    _uses(
        "bed",
        "bed1 bed2 bed3 bedWithTexture juniorBed lettoCloud",
        "bed",
        split=_PILLOWS,
        recolour="(?i)couch|sheet|matt?ress|blanq|coverlet|pillow",
        most=15000,
        level=(0.35, 0.75),
        clearance=0.5,
    ),
    _uses("bunk_bed", "bunkBed", "bed", split=_PILLOWS, recolour="(?i)couch|sheet|pillow", most=18000),
    _uses("crib", "babyRockingBed", "bed", most=10000),
    _uses("sofa", "couch", "sofa", split=_PILLOWS, recolour="(?i)couch|pillow", most=15000, level=_SEAT, clearance=0.5),
    _uses(
        "sofa",
        "couch2 sofa2 L_shaped_sofa couch3 sofa3",
        "sofa",
        recolour="(?i)fabric|leather|cushion|^sofa|podush",
        most=12000,
        level=_SEAT,
        clearance=0.5,
    ),
    _uses(
        "sofa",
        "winchesterSofa",
        "sofa",
        recolour="(?i)back|sit|surround|button",
        most=15000,
        level=_SEAT,
        clearance=0.5,
    ),
    _uses("armchair", "armchair2", "sofa", recolour=".", level=_SEAT),
    _uses(
        "armchair",
        "winchesterArmchair fotel armchair1",
        "sofa",
        recolour="(?i)back|sit|surround|button|^material",
        level=_SEAT,
    ),
    _uses(
        "armchair",
        "modernArmchair designChair armChair2 leaf_chair",
        "chair",
        recolour="(?i)cuir|textile|cushion|fabric|cloth",
        level=_SEAT,
    ),
    _uses("office_chair", "armchair", "chair", recolour="(?i)seat|arm", level=_SEAT),
    _uses(
        "chair",
        "chair chair2 chairWithCushion sillaBlanca plasticChair osakaChair oakChair antiqueChair thonet "
        "plaidChair chair3 kitchenChair ella_chair_f cafe_set_tonon_chair",
        "chair",
        recolour="(?i)schienale|verde|^Material$|cloth|seat$",
        most=6000,
        level=_SEAT,
    ),
    _uses(
        "stool", "stool2 silla2 stool green_stool pianoBench", "chair", recolour="(?i)naranja|plast|leather", most=4000
    ),
    _uses("desk", "lbDesk biurko3 simpleDesk officeTable", "desk", level=(0.66, 0.8), clearance=0.7),
    _uses("desk", "desk", "desk", level=(0.66, 0.8), clearance=0.7),
    _uses("dining_table", "oakTable table tableWithTablecloth", "table", level=(0.65, 0.8)),
    _uses("coffee_table", "coffeeTable", "table", level=(0.35, 0.5)),
    _uses("night_stand", "bedsideTable2 bedsideTable", "night_stand", level=(0.38, 0.6)),
    _uses("dresser", "dresserWithDrawers chest", "dresser", level=(0.7, 1.0), clearance=0.5),
    _uses(
        "wardrobe",
        "wardrobeWithSlidingDoors wardrobe wardrobe2",
        "cabinet",
        split=(("(?i)reflect|mirror", "mirror"),),
        clearance=0.5,
    ),
    _uses("cabinet", "bookcase cupboard", "cabinet", clearance=0.5),
    _uses("shelves", "shelves verticalShelves", "shelves"),
    _uses("tv_stand", "tvStand", "cabinet", level=(0.4, 0.6), clearance=0.5),
    _uses("base_unit", "lowerCabinet drawersCabinet", "cabinet", split=_COUNTER, level=(0.8, 0.95), clearance=0.6),
    _uses(
        "sink_unit", "sinkCabinet", "cabinet", split=(("counter", "counter"), ("metal|blue|red", "sink")), clearance=0.6
    ),
    _uses("upper_unit", "upperCabinet glassDoorCabinet", "cabinet", mounting="wall", clearance=0.0),
    _uses("range_hood", "rangeHood hood", "void", mounting="wall", clearance=0.0),
    _uses("refridgerator", "refrigerator largeFridge", "refridgerator", most=6000, clearance=0.6),
    _uses("toilet", "toiletsUnit modernToilet toilets_unit_jay_hardy", "toilet", most=8000, clearance=0.5),
    _uses("washbasin", "washbasin washbasin_jay_hardy", "sink", most=8000, clearance=0.5),
    _uses("washbasin", "modernVanity", "sink", split=(("Closet", "cabinet"),), clearance=0.5),
    _uses("bathtub", "bath_jay_hardy", "bathtub", clearance=0.5),
    _uses("piano", "pianoAQueue piano", "void", clearance=0.6),
    _uses("plant", "plant decorativePlant yuccaPlant spatifilum", "void", most=14000, clearance=0.0),
    _uses("small_plant", "littlePlant cactus orchids augalas", "void", most=7000, mounting="surface", clearance=0.0),
    _uses("vase", "tulips", "void", most=9000, mounting="surface", clearance=0.0),
    _uses("bin", "dustbin", "void", clearance=0.0),
    _uses("bag", "briefcase", "bag", recolour="Case", most=5000, clearance=0.0),
    _uses("backpack", "backpack", "bag", recolour=".", most=6000, clearance=0.0),
    _uses("handbag", "handbag", "bag", recolour="Color", most=4000, mounting="surface", clearance=0.0),
    _uses("carton", "crate", "box", clearance=0.0),
    _uses("television", "led_tv", "television", most=4000, mounting="surface", clearance=0.0),
    _uses("table_lamp", "desklamp", "lamp", most=3000, mounting="surface", clearance=0.0),
    _uses("table_lamp", "lamp", "lamp", most=4000, mounting="surface", clearance=0.0),
    _uses("pendant", "lamp2", "lamp", most=8000, mounting="ceiling", clearance=0.0),
    _uses("radiator", "radiator3 modernRadiator", "void", most=6000, mounting="wall", clearance=0.0),
    _uses(
        "towel_rail", "towel3", "towel", split=(("handle", "void"),), recolour="towel", mounting="wall", clearance=0.0
    ),
    _uses(
        "toilet_roll",
        "toiletPaperDispenser",
        "paper",
        split=(("chrome", "void"), ("cardboard", "paper")),
        most=4000,
        mounting="wall",
        clearance=0.0,
    ),
    _uses("whiteboard_stand", "whiteBoard", "whiteboard", clearance=0.5),
    _uses("clock", "cuckooClock", "void", most=5000, mounting="wall", clearance=0.0),
    _uses(
        "kitchen_appliance",
        "kitchenaid coffeeBrewer espressokettle coffeePress",
        "void",
        most=5000,
        mounting="surface",
        clearance=0.0,
    ),
    _uses("cup", "caffe_final beerGlass coffee_cup", "void", most=1500, mounting="surface", clearance=0.0),
    _uses("bottle", "yogurtBottle tetrapak beer_bottle", "void", most=1500, mounting="surface", clearance=0.0),
    _uses("microwave", "microwave", "void", most=4000, mounting="surface", clearance=0.0),
    _uses("laptop", "laptop", "void", most=4000, mounting="surface", clearance=0.0),
    _uses("toys", "teddyBear toyTrain", "void", most=5000, mounting="surface", clearance=0.0),
)

USES: dict[str, tuple[Use, ...]] = {
    role: tuple(use for other, uses in _ROWS if other == role for use in uses)
    for role in dict.fromkeys(role for role, _ in _ROWS)
}


class Catalogued:
    """The models of a folder of libraries that a set of licences lets us use.

    Args:
        folder: of `.sh3f` files.
        licences: SPDX identifiers.
    """

    def __init__(self, folder: Path, licences: Iterable[str]):
        allowed = frozenset(licences)
        self._entries: dict[str, Entry] = {}
        for name in ("BlendSwap-CC-0", "BlendSwap-CC-BY"):
            file = folder / f"{name}.sh3f"
            if file.is_file():
                for key, entry in models.catalogue(file).items():
                    if entry.credit.licence in allowed:
                        self._entries.setdefault(key, entry)

    def candidates(self, role: str, size: Size = FREE) -> list[tuple[Use, Entry]]:
        """The models that can play a role and be stretched to a size."""
        found = [(use, self._entries[use.key]) for use in USES.get(role, ()) if use.key in self._entries]
        return [(use, entry) for use, entry in found if _fits(entry, size)]

    def build(self, use: Use, entry: Entry, rng: np.random.Generator, size: Size = FREE) -> Model:
        """The model, covered anew where its `Use` says so, in its catalogue size or stretched to `size` [m]."""
        base = _base(use, entry)
        if use.recolour:
            base = replace(base, parts=tuple(_recoloured(base.parts, use, models.pieces(entry, use.most), rng)))
        return base if size == FREE else seated(base, size)


def _fits(entry: Entry, size: Size) -> bool:
    return all(
        want is None or _STRETCH[0] <= want / have <= _STRETCH[1] for want, have in zip(size, entry.size, strict=True)
    )


_BASES: dict[tuple[Use, Entry], Model] = {}


def _base(use: Use, entry: Entry) -> Model:
    """The model as it stands in its library; the same object each time, so that renderers keep its meshes."""
    if (use, entry) not in _BASES:
        parts = []
        for piece in models.pieces(entry, use.most):
            label = next((name for pattern, name in use.split if re.search(pattern, piece.source)), use.label)
            # What is a mirror by its class has to look like one; the files only name a white.
            material = materials.mirror() if label == "mirror" else piece.material
            parts.append(Part(piece.mesh, material, LABEL[label]))
        model = Model(
            entry.credit.name.lower(),
            LABEL[use.label],
            tuple(parts),
            entry.credit,
            use.mounting,
            use.clearance,
            _level(parts, use) if use.level else (),
        )
        _BASES[use, entry] = seated(model)
    return _BASES[use, entry]


def _recoloured(parts: tuple[Part, ...], use: Use, pieces: tuple[Piece, ...], rng: np.random.Generator) -> list[Part]:
    bed, shared = use.label == "bed", materials.fabric(rng)
    result = []
    for part, piece in zip(parts, pieces, strict=True):
        material: Material = part.material
        if re.search(use.recolour, piece.source) and not (use.label == "chair" and material.texture is not None):
            if bed or part.label == LABEL["pillow"]:
                material = materials.linen(rng)
            elif use.label == "towel":
                material = materials.terry(rng)
            elif use.label == "chair" and part.material.roughness < 0.5:
                material = materials.plastic(rng)
            else:
                material = shared
        result.append(replace(part, material=material))
    return result


def _level(parts: Iterable[Part], use: Use) -> tuple[Support, ...]:
    """The largest level surface within the range of heights of a use, as a rectangle; of beds without their head."""
    assert use.level is not None
    centres, areas, corners = [], [], []
    for part in parts:
        triangle = part.mesh.vertices[part.mesh.faces].astype(float)
        cross = np.cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0]) / 2
        size = np.linalg.norm(cross, axis=1)
        flat = np.abs(cross[:, 2]) > 0.9 * np.maximum(size, 1e-12)
        centres.append(triangle[flat].mean(1)[:, 2])
        areas.append(size[flat])
        corners.append(triangle[flat])
    z, area, corner = np.concatenate(centres), np.concatenate(areas), np.concatenate(corners)
    near = (z >= use.level[0]) & (z <= use.level[1])
    if not near.any():
        return ()
    z, area, corner = z[near], area[near], corner[near]
    step = 0.03
    bins = np.floor(z / step).astype(int)
    weight = np.bincount(bins, area)
    best = int(np.argmax(weight))
    chosen = np.abs(bins - best) <= 1
    top = float(np.average(z[chosen], weights=area[chosen] + 1e-12))
    points = corner[chosen].reshape(-1, 3)
    low, high = np.percentile(points[:, :2], 4, axis=0), np.percentile(points[:, :2], 96, axis=0)
    if use.label == "bed":
        high[1] -= 0.6
    if (high - low).min() < 0.08:
        return ()
    return (Support((float(low[0]), float(low[1])), (float(high[0]), float(high[1])), top),)
