"""Ground truth from the polygons of SUN RGB-D: names mapped to the 37 classes, outlines filled in order."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from deresunet.classes import SUNRGBD37, VOID
from deresunet.errors import InputError

# Annotators wrote what they liked. Each class takes its own name and these; everything else is void and counted.
# A name is listed only if it is the class's thing under another word: "stool", "garbage bin" and "monitor" have no
# class among the 37 and stay void, as in NYU40, where they are other furniture and other prop.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "wall": ("walls", "side wall", "back wall", "brick wall", "wall panel"),
    "floor": ("ground", "flooring", "wood floor", "tile floor", "tiled floor"),
    "cabinet": (
        *("cabinets", "cupboard", "kitchen cabinet", "file cabinet", "filing cabinet", "storage cabinet"),
        *("wall cabinet", "wardrobe", "closet", "bathroom cabinet", "medicine cabinet"),
    ),
    "bed": ("bunk bed", "double bed", "single bed", "mattress"),
    "chair": (
        *("armchair", "arm chair", "office chair", "desk chair", "swivel chair", "folding chair", "dining chair"),
        *("rocking chair", "lounge chair", "computer chair", "stack of chairs", "stacked chairs"),
    ),
    "sofa": ("couch", "sofa chair", "sofa bed", "loveseat", "love seat", "futon", "sectional sofa"),
    "table": (
        *("coffee table", "dining table", "side table", "end table", "endtable", "round table", "kitchen table"),
        *("conference table", "meeting table", "small table", "tea table", "table top", "tabletop"),
    ),
    "door": ("doors", "doorway", "sliding door", "glass door", "closet door", "door frame"),
    "window": ("windows", "glass window", "window pane", "window frame"),
    "bookshelf": ("book shelf", "bookcase", "book case", "bookshelves", "book shelves", "bookrack"),
    "picture": (
        *("painting", "poster", "photo", "photograph", "picture frame", "photo frame", "pictures", "framed picture"),
        *("wall picture", "art", "artwork", "wall art"),
    ),
    "counter": ("counter top", "countertop", "kitchen counter", "bathroom counter", "worktop", "reception counter"),
    "blinds": ("blind", "window blind", "window blinds", "venetian blinds", "window shade", "shutter", "shutters"),
    "desk": ("computer desk", "office desk", "writing desk", "study desk", "work desk", "student desk"),
    "shelves": ("shelf", "shelving", "rack shelf", "wall shelf", "storage shelf", "storage shelves", "shelving unit"),
    "curtain": ("curtains", "window curtain", "drape", "drapes", "drapery"),
    "dresser": ("chest of drawers", "dressing table", "bureau", "commode", "drawer dresser"),
    "pillow": ("pillows", "cushion", "cushions", "throw pillow"),
    "mirror": ("mirrors", "wall mirror", "bathroom mirror"),
    "floor_mat": ("mat", "rug", "carpet", "bath mat", "bathmat", "door mat", "doormat", "area rug"),
    "clothes": ("cloth", "clothing", "shirt", "shirts", "jacket", "coat", "pants", "trousers", "dress", "sweater"),
    "ceiling": ("roof", "ceiling panel", "ceiling tile"),
    "books": ("book", "stack of books", "pile of books", "textbook", "row of books"),
    "refridgerator": ("refrigerator", "fridge", "mini fridge", "freezer"),
    "television": ("tv", "tv screen", "flat screen tv", "television set", "tv set"),
    "paper": ("papers", "sheet of paper", "stack of paper", "stack of papers", "sheets of paper"),
    "towel": ("towels", "hand towel", "bath towel"),
    "shower_curtain": ("shower curtains", "bath curtain"),
    "box": ("boxes", "cardboard box", "carton", "paper box", "storage box", "plastic box", "tissue box"),
    "whiteboard": ("white board", "dry erase board", "whiteboards"),
    "person": ("people", "man", "woman", "boy", "girl", "child", "human"),
    "night_stand": ("nightstand", "nightstands", "bedside table", "bed side table", "bedside cabinet"),
    "toilet": ("toilet seat", "toilet bowl", "urinal"),
    "sink": ("sinks", "wash basin", "washbasin", "basin", "kitchen sink"),
    "lamp": ("lamps", "table lamp", "floor lamp", "desk lamp", "standing lamp", "lampshade", "lamp shade"),
    "bathtub": ("bath tub", "tub", "bath"),
    "bag": (
        *("bags", "backpack", "back pack", "handbag", "purse", "plastic bag", "paper bag", "shopping bag"),
        *("school bag", "luggage", "suitcase"),
    ),
}
_BY_NAME: dict[str, int] = {
    written.replace("_", " "): label
    for label, name in enumerate(SUNRGBD37.names, 1)
    for written in (name, *SYNONYMS.get(name, ()))
}
UNNAMED = "(no name)"


@dataclass(frozen=True)
class Polygon:
    """One outlined object.

    Attributes:
        name: what the annotator called it.
        points: float64 (N, 2): x and y [px] of the vertices; pixel (column c, row r) covers c..c+1 and r..r+1.
    """

    name: str
    points: np.ndarray


@dataclass(frozen=True)
class PolygonLabel:
    """Ground truth filled from polygons.

    Attributes:
        label: uint8 (H, W), 0 = void, 1..37.
        unknown: how many polygons bear each name that is none of the 37 classes.
    """

    label: np.ndarray
    unknown: Counter[str]


def normalise_name(written: str) -> str:
    """A name in lower case, with single spaces, without a number or a colon's remark: "Chair_2" is "chair"."""
    name = re.sub(r"[\s_\-]+", " ", written.split(":", maxsplit=1)[0].strip().lower())
    return re.sub(r"\s*\d+$", "", name).strip()


def class_of(written: str) -> int:
    """The label 1..37 that an annotator's name means, or 0 for one that is none of them."""
    return _BY_NAME.get(normalise_name(written), VOID)


def parse_polygons(described: Any, where: str) -> list[Polygon] | None:
    """The polygons of an `annotation2Dfinal/index.json`, in their order; None if nobody drew any.

    Args:
        described: the parsed JSON.
        where: the file, for the error's text.

    Raises:
        InputError: the file is not of that layout.
    """
    try:
        frames = described["frames"]
        drawn = frames[0].get("polygon") if frames else None
        if drawn is None:
            return None
        objects = _listed(described["objects"])
        return [_polygon(item, objects, where) for item in _listed(drawn) if item]
    except (AttributeError, KeyError, TypeError, IndexError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{where} is not SUN RGB-D's annotation ({type(error).__name__}: {error}). "
            "Expected frames[0].polygon with x, y and object, and objects with their names."
        ) from error


def fill_polygons(polygons: list[Polygon], size: tuple[int, int]) -> PolygonLabel:
    """Fill polygons in their order, a later one over an earlier one, clipped to an image of `size` (H, W).

    Polygons whose name is none of the 37 classes are filled with void: what they cover is not the object beneath.
    """
    label = np.zeros(size, np.uint8)
    unknown: Counter[str] = Counter()
    for polygon in polygons:
        value = class_of(polygon.name)
        if value == VOID:
            unknown[normalise_name(polygon.name) or UNNAMED] += 1
        label[inside(polygon.points, size)] = value
    return PolygonLabel(label, unknown)


def inside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre lies in a polygon, by the even-odd rule: bool of `size` (H, W).

    Args:
        points: float (N, 2), x and y [px]; vertices may lie outside the image, fewer than three enclose nothing.
        size: height and width of the image.
    """
    height, width = size
    if len(points) < 3:
        return np.zeros(size, bool)
    start, end = points, np.roll(points, -1, axis=0)
    centres = np.arange(height)[:, None] + 0.5  # (H, 1)
    crosses = (start[:, 1] <= centres) != (end[:, 1] <= centres)  # (H, N)
    rows, edges = np.nonzero(crosses)
    along = (rows + 0.5 - start[edges, 1]) / (end[edges, 1] - start[edges, 1])
    x = start[edges, 0] + along * (end[edges, 0] - start[edges, 0])
    # The first pixel whose centre lies right of the crossing; from there on, inside and outside change places.
    columns = np.clip(np.ceil(x - 0.5), 0, width).astype(np.intp)
    toggles = np.zeros((height, width + 1), np.int32)
    np.add.at(toggles, (rows, columns), 1)
    return (toggles.cumsum(1)[:, :width] & 1).astype(bool)


def _polygon(item: dict[str, Any], objects: list[Any], where: str) -> Polygon:
    x, y = (np.array(_listed(item[axis]), np.float64) for axis in ("x", "y"))
    if x.shape != y.shape or x.ndim != 1 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError(f"{where}: a polygon has {x.size} x and {y.size} y. Expected as many numbers of each.")
    index = int(item["object"])
    described = objects[index] if 0 <= index < len(objects) else None
    name = str(described.get("name") or "") if described else ""
    return Polygon(name, np.stack([x, y], -1))


def _listed(value: Any) -> list[Any]:
    """MATLAB's JSON writer gives a list of one as the item itself."""
    return value if isinstance(value, list) else [value]
